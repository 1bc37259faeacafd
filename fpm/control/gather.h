/* gather.h: asks the master how the pools are. */
#ifndef ANYFPM_FPM_CONTROL_GATHER_H
#define ANYFPM_FPM_CONTROL_GATHER_H

#include <stddef.h>

#include "fpm/control/command.h"
#include "fpm/control/show.h"

/* An answer to COMMAND_STATUS, of which one that was not had is empty; to be freed. Returns as
 * asking_do(). */
int gather_status(const char *pid_path, const struct command_request *request,
    struct show_status *status, char *why, size_t size);
void gather_free(struct show_status *status);

#endif
