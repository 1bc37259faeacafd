/* rotation.h: access logs and slow logs whose files were rotated. */
#ifndef ANYFPM_FPM_SEAT_ROTATION_H
#define ANYFPM_FPM_SEAT_ROTATION_H

#include "fpm/seat/seat.h"

/* Open the pool's logs again and pass them on, also those of a successor and of generations that
 * finish, by their own settings; an old one stays in use where that fails. */
void rotation_reopen(struct seat *seat);

#endif
