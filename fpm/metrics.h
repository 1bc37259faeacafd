/* metrics.h: the metrics process as the master sees it; no pool depends on it. */
#ifndef ANYFPM_FPM_METRICS_H
#define ANYFPM_FPM_METRICS_H

#include <stdbool.h>

#include "fpm/process/process.h"
#include "fpm/sockets/sockets.h"

struct child;
struct master;

struct metrics {
	struct master *master;
	struct listen_socket listener;
	struct process process; /* its timer: start it, or kill it when it is ending */
	bool was_ready;         /* this process reported that it serves */
	bool ending;            /* there will be no process after this one */
};

/* What the socket of metrics_listen has to be like. */
struct listen_settings metrics_listen_settings(const struct conf *conf);

/* Open the socket of metrics_listen; there is no process yet. Returns 0, or the code to exit with
 * after having logged why; *metrics is to be freed either way unless it is NULL. */
int metrics_new(struct metrics **metrics, struct master *master);

/* There must be no process any more. */
void metrics_free(struct metrics *metrics);

/* Start a process now; on failure it is tried again later. */
void metrics_start(struct metrics *metrics);

/* End it for good. */
void metrics_stop(struct metrics *metrics);

/* Whether it has ended for good. */
bool metrics_is_gone(const struct metrics *metrics);

/* The child's state or process has changed. */
void metrics_child_moved(struct metrics *metrics, const struct child *child);

/* Give it the re-opened error log. */
void metrics_send_log(struct metrics *metrics);

/* The kernel says that its process has ended. */
void metrics_exited(struct metrics *metrics, const siginfo_t *info);

#endif
