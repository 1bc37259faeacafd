/*
 * page.h: the workers of a pool in the words of its process, for a client of the control socket.
 * The master passes them on and looks at nothing in them, except that they are one line.
 */
#ifndef ANYFPM_FPM_PAGE_H
#define ANYFPM_FPM_PAGE_H

#include "fpm/control/session.h"
#include "fpm/seat/seat.h"

/* Ask the pool's process to write its page for the session. false: there is nobody to ask. */
bool page_ask(struct session *session, const struct seat *seat);

/* Give the session the page, or say that none came, and end it; if neither is due, do nothing. */
void page_look(struct session *session);

#endif
