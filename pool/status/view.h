/*
 * view.h: what a status page shows: a snapshot of the pool's numbers and of its workers.
 *
 * It is gathered once for each page. The formats write its items and the values of its processes in
 * their order, and know none of them; so a new number is one row of a table in view.c.
 */
#ifndef ANYFPM_POOL_STATUS_VIEW_H
#define ANYFPM_POOL_STATUS_VIEW_H

#include "pool/status/viewdata.h"

/*
 * Gather it now; it is good until the event loop goes on, and status_view_free() takes it in any
 * case. full: the workers too. false: out of memory.
 */
bool status_view_gather(struct status_view *view, const struct pool *pool, bool full);
void status_view_free(struct status_view *view);

/* The item with that key, or NULL. */
const struct status_item *status_view_find(const struct status_view *view, const char *key);

#endif
