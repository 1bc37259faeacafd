/*
 * conf.h: the configuration, as the rest of the program reads it. load.h makes one.
 *
 * A configuration is built whole, checked whole, and never changed after that. Which directive
 * fills which field, with what type, range and default, stands in directives.c alone.
 */
#ifndef ANYFPM_CONF_CONF_H
#define ANYFPM_CONF_CONF_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "base/log.h"
#include "conf/errors.h"

struct address_network;

enum pm_mode {
	PM_STATIC,   /* pm.max_children workers, always */
	PM_DYNAMIC,  /* as many as are needed, with some to spare */
	PM_ONDEMAND, /* none until a request comes */
	PM_AUTO	     /* as many as are of use, by what is measured */
};

enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

enum client_abort {
	CLIENT_ABORT_FINISH,   /* a request whose client is gone runs on, its output is dropped */
	CLIENT_ABORT_TERMINATE /* its worker is killed */
};

enum scheduling {
	SCHEDULING_BATCH, /* a worker does not preempt who wakes it */
	SCHEDULING_OTHER
};

struct conf_global {
	char *pid;       /* pid file, or NULL */
	char *error_log; /* file (absolute once read), stderr, syslog or journal */
	enum log_level log_level;
	enum log_format log_format;
	unsigned int log_limit; /* bytes of a line of worker output */
	bool log_buffering;     /* php-fpm's: nothing depends on it */
	int syslog_facility;    /* of syslog(3) */
	char *syslog_ident;
	bool daemonize;
	int64_t process_control_timeout_ms;
	int64_t process_hang_timeout_ms; /* 0: none is thought to hang */
	unsigned int process_max;                 /* workers of all pools together, 0: no limit */
	char *cgroup; /* "own" or an absolute path, NULL: workers have no control groups */
	unsigned int emergency_restart_threshold; /* 0: off */
	int64_t emergency_restart_interval_ms;
	int64_t systemd_interval_ms; /* 0: systemd is told no figures */
	char *metrics_listen; /* as written, NULL: no metrics */
	char *metrics_user;   /* as written, NULL: see lookup_metrics_user() */

	/* For the pools that set none; a pool's own fields hold what is in effect. */
	uint64_t rlimit_files;
	uint64_t rlimit_core;
	int process_priority;
};

#define POOL_MAX_CHILDREN 10000
/* A value that no setting has: it was not given, and nothing is changed. */
#define PRIORITY_UNSET 100
#define MEMORY_BUDGET_USUAL 70 /* percent */
#define RLIMIT_UNSET UINT64_MAX
#define RLIMIT_UNLIMITED (UINT64_MAX - 1)

struct conf_pool {
	TAILQ_ENTRY(conf_pool) next;
	char *name;
	char *where; /* "file:line" of the section, for messages */

	char **command; /* argv of the worker, NULL at its end; command[0] as written */
	char *listen;   /* as written: path, ip:port, [v6]:port, port */
	int listen_backlog;
	char *listen_owner; /* names or numbers as written, NULL: unset */
	char *listen_group;
	mode_t listen_mode;
	char **listen_acl_users; /* names or numbers, NULL at the end of them; NULL: unset */
	char **listen_acl_groups;
	struct address_network *allowed_clients;
	size_t allowed_clients_count;                    /* 0: anybody */
	unsigned int listen_max_connections;             /* 0: the descriptor budget */
	unsigned int listen_max_connections_per_address; /* 0: no limit */

	char *prefix; /* where relative paths of the pool start, absolute once read; NULL: unset */
	char *user; /* as written, NULL: unset */
	char *group;
	char *chroot; /* the root directory of workers, absolute once read; NULL: ours */
	char *chdir; /* within chroot; NULL: where anyfpm was started, or / of chroot */
	bool clear_env;
	char **env; /* "NAME=value" of each env[NAME], NULL at its end */

	enum pm_mode pm;
	unsigned int max_children;
	unsigned int start_servers; /* PM_DYNAMIC; once checked never 0 there */
	unsigned int min_spare_servers;
	unsigned int max_spare_servers;
	unsigned int max_spawn_rate;
	int64_t process_idle_timeout_ms;
	unsigned int max_concurrency; /* requests that one worker has at once */
	unsigned int max_surge; /* workers above max_children while others leave */
	int64_t start_timeout_ms;
	int64_t stop_timeout_ms;
	char *warmup; /* path, NULL: none */
	bool preload;
	char *preload_warmup; /* path, NULL: none */

	/* When a worker is recycled after a request; 0: never. */
	unsigned int max_requests;
	unsigned int max_requests_jitter;
	int64_t max_lifetime_ms;
	uint64_t max_memory; /* bytes */
	uint64_t memory_budget; /* bytes; 1 to 100: percent of what is available */

	/* When a request is terminated; 0: never. */
	int64_t request_terminate_timeout_ms;
	uint64_t request_terminate_memory;
	int64_t request_terminate_cpu_ms;
	int64_t request_terminate_grace_ms; /* from SIGTERM to SIGKILL */

	/* What is written down about a slow request. */
	char *slowlog; /* file, absolute once read; NULL: none */
	int64_t request_slowlog_timeout_ms; /* 0: never */
	unsigned int request_slowlog_trace_depth; /* frames of each thread */
	char **slowlog_command; /* argv, NULL: none; the worker's pid is still to be put in */

	/* What the kernel holds a worker to. */
	uint64_t rlimit_as; /* bytes, or RLIMIT_UNSET */
	uint64_t rlimit_files;
	uint64_t rlimit_core;       /* bytes, RLIMIT_UNLIMITED, or RLIMIT_UNSET */
	int process_priority;       /* -19 to 20, or PRIORITY_UNSET */
	bool process_dumpable; /* workers may leave core dumps where rlimit_core says nothing */
	enum scheduling process_scheduling;
	unsigned int oom_score_adj; /* 0 to 1000 */
	uint64_t cgroup_memory_max;   /* bytes, 0: no limit */
	unsigned int cgroup_pids_max; /* 0: no limit */
	bool no_new_privs;
	mode_t umask;

	bool request_retry;
	enum client_abort request_client_abort;
	unsigned int request_queue_limit;
	int64_t request_queue_timeout_ms; /* the *_timeout_ms: 0 is no limit */
	int64_t request_header_timeout_ms;
	int64_t request_body_timeout_ms;
	int64_t response_send_timeout_ms;
	uint64_t request_params_limit; /* bytes, as the sizes below */
	uint64_t request_buffer_size;
	uint64_t request_spool_size;
	uint64_t response_header_limit;
	uint64_t response_buffer_size;
	uint64_t buffer_limit;

	char *status_path;   /* NULL: no status page */
	char *status_listen; /* as listen; NULL: no socket of its own */
	char *ping_path;   /* NULL: no ping */
	char *ping_response;

	bool catch_workers_output;
	bool decorate_workers_output;
	uint64_t workers_output_rate; /* bytes of the log per second, 0: no limit */

	char *access_log;    /* file, /dev/stdout or /dev/stderr; absolute once read; NULL: none */
	char *access_format; /* what format_parse() takes */
	enum log_format access_log_format;
	char **access_suppress_path; /* paths, NULL at the end of them */
};

struct conf {
	struct conf_global global;
	TAILQ_HEAD(, conf_pool) pools;
	unsigned int pool_count;
	unsigned int holders; /* who call load_free() one day */
	struct errors warnings; /* what a server may start with all the same */
	struct errors notes;    /* what is right, but may not be what was meant */
};

#endif
