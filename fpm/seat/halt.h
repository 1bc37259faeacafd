/* halt.h: the ends of a pool in the master: by order, until it is reloaded, or for good. */
#ifndef ANYFPM_FPM_SEAT_HALT_H
#define ANYFPM_FPM_SEAT_HALT_H

#include <stdbool.h>

#include "fpm/seat/seat.h"

/* By order, until there is a successor: nobody can connect any more, unless systemd has opened its
 * socket; let it finish what it accepted, or end it now. There must be no succession. */
void halt_by_order(struct seat *seat, bool at_once);

/* For good: let it finish what it accepted, while nobody can connect any more; or end it now. */
void halt_drain(struct seat *seat);
void halt_stop(struct seat *seat);

#endif
