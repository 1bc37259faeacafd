/* metrics.h: the metrics process as the master sees it; no pool depends on it. */
#ifndef ANYFPM_FPM_METRICS_H
#define ANYFPM_FPM_METRICS_H

#include <stdbool.h>

#include "fpm/process/process.h"
#include "fpm/process/respawn.h"
#include "fpm/saved/saved.h"
#include "fpm/seat/seat.h"
#include "fpm/sockets/sockets.h"
#include "fpm/start/service.h"

struct metrics {
	const struct service *service;
	const struct seat_list *seats;
	struct conf *conf; /* that its socket was opened for; held */
	struct conf *told; /* whose pools the process tells about; held, NULL: there was none yet */
	struct listen_socket listener; /* closed: there is to be no process for the time being */
	struct process process; /* its timer: kill it */
	struct respawn respawn; /* while there is none, and it is not ending */
	bool was_ready;         /* this process reported that it serves */
	bool ending;            /* there will be no process after this one */
	bool is_leaving;        /* the process makes room for the next one */
};

/* What the socket of metrics_listen has to be like. */
struct listen_settings metrics_listen_settings(const struct conf *conf);

/* Open the socket of metrics_listen; there is no process yet. Returns 0, or the code to exit with
 * after having logged why; *metrics is to be freed either way unless it is NULL. */
int metrics_new(
    struct metrics **metrics, const struct service *service, const struct seat_list *seats,
    struct activation *activation);

/* Note it in saved, whose descriptors stay its own. false: out of memory. */
bool metrics_save(const struct metrics *metrics, struct saved *saved);

/* What was saved, of a configuration with the metrics_listen that its socket was opened for. What
 * cannot be had of it is logged, and a process started where there is none. NULL: out of memory. */
struct metrics *metrics_adopt(const struct service *service, struct conf *conf,
    const struct seat_list *seats, const struct saved_metrics *saved);

/* There must be no process any more. */
void metrics_free(struct metrics *metrics);

/* Start a process now; on failure it is tried again later. */
void metrics_start(struct metrics *metrics);

/* The service has another configuration than before: begin, end, or let a process that knows it
 * take the place of this one; whole: in any case. *metrics is NULL where there is none. false: it
 * cannot listen where it is to; logged. */
bool metrics_follow(struct metrics **metrics, const struct service *service,
    const struct seat_list *seats, const struct conf *before, bool whole);

/* End it for good. */
void metrics_stop(struct metrics *metrics);

/* Whether it has ended for good. */
bool metrics_is_gone(const struct metrics *metrics);

/* The seat's state or process has changed. */
void metrics_seat_moved(struct metrics *metrics, const struct seat *seat);

/* Give it the re-opened error log. */
void metrics_send_log(struct metrics *metrics);

/* The kernel says that a process has ended or was stopped: whether it was this one. */
bool metrics_exited(struct metrics *metrics, const siginfo_t *info);
bool metrics_stopped(struct metrics *metrics, const siginfo_t *info);

#endif
