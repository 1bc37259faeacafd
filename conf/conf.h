/*
 * conf.h: the configuration, as the rest of the program reads it.
 *
 * A configuration is built whole, checked whole, and never changed after that. Which directive
 * fills which field, with what type, range and default, stands in directives.c alone.
 */
#ifndef ANYFPM_CONF_CONF_H
#define ANYFPM_CONF_CONF_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "base/log.h"

enum pm_mode {
	PM_STATIC,  /* pm.max_children workers, always */
	PM_DYNAMIC, /* as many as are needed, with some to spare */
	PM_ONDEMAND /* none until a request comes */
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

/* An address or network of listen.allowed_clients; IPv4 is kept mapped into IPv6. */
struct conf_network {
	uint8_t addr[16];
	unsigned int bits; /* 0 to 128 */
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
	unsigned int process_max;                 /* workers of all pools together, 0: no limit */
	char *cgroup; /* "own" or an absolute path, NULL: workers have no control groups */
	unsigned int emergency_restart_threshold; /* 0: off */
	int64_t emergency_restart_interval_ms;
	char *metrics_listen; /* as written, NULL: no metrics */
	char *metrics_user;   /* as written, NULL: see conf_metrics_user() */

	/* For the pools that set none; a pool's own fields hold what is in effect. */
	uint64_t rlimit_files;
	uint64_t rlimit_core;
	int process_priority;
};

#define POOL_MAX_CHILDREN 10000
/* A value that no setting has: it was not given, and nothing is changed. */
#define PRIORITY_UNSET 100
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
	struct conf_network *allowed_clients;
	size_t allowed_clients_count;                    /* 0: anybody */
	unsigned int listen_max_connections;             /* 0: the descriptor budget */
	unsigned int listen_max_connections_per_address; /* 0: no limit */

	char *user; /* as written, NULL: unset */
	char *group;
	char *chdir; /* NULL: where anyfpm was started */
	bool clear_env;
	char **env; /* "NAME=value" of each env[NAME], NULL at its end */

	enum pm_mode pm;
	unsigned int max_children;
	unsigned int start_servers; /* PM_DYNAMIC; once checked never 0 there */
	unsigned int min_spare_servers;
	unsigned int max_spare_servers;
	unsigned int max_spawn_rate;
	int64_t process_idle_timeout_ms;
	unsigned int max_surge; /* workers above max_children while others leave */
	int64_t start_timeout_ms;
	int64_t stop_timeout_ms;
	char *warmup; /* path, NULL: none */

	/* When a worker is recycled after a request; 0: never. */
	unsigned int max_requests;
	unsigned int max_requests_jitter;
	int64_t max_lifetime_ms;
	uint64_t max_memory; /* bytes */

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

/*
 * What went wrong while reading: one line each, "file:line: [section] directive: what was
 * expected". The reader adds, the caller prints; an empty list means success.
 */
struct conf_errors {
	char **lines;
	size_t count;
};
void conf_errors_add(struct conf_errors *errors, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void conf_errors_free(struct conf_errors *errors);

struct conf {
	struct conf_global global;
	TAILQ_HEAD(, conf_pool) pools;
	unsigned int pool_count;
	struct conf_errors warnings; /* what a server may start with all the same */
	struct conf_errors notes;    /* what is right, but may not be what was meant */
};

/*
 * Read and check the file at path. prefix (-p), or NULL, is what relative paths in it are
 * relative to (default: the installation's prefix, as php-fpm); allow_root (-R), that pools may
 * run as root. Returns a configuration that conf_free() takes, or NULL with at least one line in
 * errors.
 */
struct conf *conf_read_file(
    const char *path, const char *prefix, bool allow_root, struct conf_errors *errors);

/* The same for text in memory; name stands for the file in messages. Includes are refused. Used
 * by the pool process for the master's settings, by the fuzzer and by tests. */
struct conf *conf_read_text(
    const char *text, size_t len, const char *name, struct conf_errors *errors);

/*
 * The quick form: one static pool "default" that listens on address and runs argv with the
 * caller's environment, in the foreground; what they print is logged. workers 0: as many as there
 * are CPUs.
 */
struct conf *conf_quick(const char *address, unsigned int workers, char *const argv[],
    bool allow_root, struct conf_errors *errors);

/*
 * Write every effective value in a form that conf_read_text() reads back to the same values:
 * [global], then only the named pool, or all of them when pool is NULL.
 */
void conf_dump(const struct conf *conf, const char *pool, FILE *out);

void conf_free(struct conf *conf);

/*
 * What user, group, listen.owner and listen.group say: a name or a number. False: no such name.
 * *gid is the user's primary group when *has_group; a number may be in no password file.
 */
bool conf_find_user(const char *name, uid_t *uid, gid_t *gid, bool *has_group);
bool conf_find_group(const char *name, gid_t *gid);

/* Who the metrics process is: metrics_user, or nobody, if we are root; else NULL: who we are. */
const char *conf_metrics_user(const struct conf *conf);

/* The PATH of a pool's workers: env[PATH], or the caller's (clear_env = no), or the default. */
#define CONF_DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
const char *conf_worker_path(const struct conf_pool *pool);

/*
 * The file that a program of the pool's (command, slowlog_command) is: as it stands when it has a
 * slash (then relative to chdir), else the first in *searched, the workers' PATH. False with errno,
 * and what was looked for in path.
 */
bool conf_find_program(const struct conf_pool *pool, const char *program, char *path, size_t size,
    const char **searched);

/* Where a listen address leads. */
enum listen_kind { LISTEN_UNIX, LISTEN_TCP };
struct listen_address {
	enum listen_kind kind;
	char path[108]; /* LISTEN_UNIX */
	char host[64];  /* LISTEN_TCP: numeric IPv4 or IPv6 address, "" for every address */
	uint16_t port;
};
/* Parse `text`; returns NULL, or what is wrong with it. */
const char *conf_parse_listen(const char *text, struct listen_address *address);

/* Whether addr (16 bytes, IPv4 mapped) is one of the pool's allowed clients. */
bool conf_client_allowed(const struct conf_pool *pool, const uint8_t addr[16]);

#define CONF_ADDRESS_TEXT_MAX 46 /* INET6_ADDRSTRLEN */
/* The same address as people write it, in text, which is returned: 10.0.0.1, or ::1. */
const char *conf_address_text(const uint8_t addr[16], char text[CONF_ADDRESS_TEXT_MAX]);

#endif
