/*
 * exchange.h: pools of which one is to get an address that another has are replaced together, when
 * all of their successors are ready, or not at all.
 */
#ifndef ANYFPM_FPM_RELOAD_EXCHANGE_H
#define ANYFPM_FPM_RELOAD_EXCHANGE_H

#include <stdbool.h>

#include "fpm/seat/seat.h"

/* All is planned: whether everybody leaves what others are to get; who is not in conf does at the
 * end (conf NULL: nobody does). false after having logged who does not. */
bool exchange_check(const struct seat_list *seats, const struct conf *conf);

/* Of those that are SUCCESSION_READY let accept whoever need not wait for another, and let fail who
 * waits in vain. Returns whether there was one. */
bool exchange_go_on(struct seat_list *seats, const struct conf *conf);

#endif
