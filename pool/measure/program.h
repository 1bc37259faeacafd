/* program.h: what each worker is started with, and what is known of the program. */
#ifndef ANYFPM_POOL_MEASURE_PROGRAM_H
#define ANYFPM_POOL_MEASURE_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>

#include "pool/core/states.h"
#include "pool/measure/leaf.h"

struct program {
	char **env;
	int socket_dir_fd;
	uint64_t socket_serial;		 /* names in it */
	uint64_t nofile_cur, nofile_max; /* the limit we were started with */
	int oom_fd;    /* our own oom_score_adj, -1: it cannot be set */
	bool is_batch; /* we have changed our scheduling policy from SCHED_OTHER to SCHED_BATCH */
	struct jail *jail; /* worker/jail.h; NULL: workers have the root that we have */
	struct leaves leaves;
	enum worker_keeps keeps; /* as far as a worker has shown */
	uint64_t reused; /* requests that were answered on connections that had one before */
};

#endif
