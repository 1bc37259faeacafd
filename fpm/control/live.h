/* live.h: anyfpm -s status -f: the pools as they are now, until somebody has seen enough. */
#ifndef ANYFPM_FPM_CONTROL_LIVE_H
#define ANYFPM_FPM_CONTROL_LIVE_H

#include <stdbool.h>

/* pool: of which the workers are shown, NULL: all pools. Without a terminal, a table each second.
 * Returns the code to exit with. */
int live_run(const char *pid_path, const char *pool, bool has_color);

#endif
