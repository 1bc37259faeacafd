/* directives.c: the one table of directives, and how a name is found in it. */
#include "config.h"

#include "conf/directives.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "conf/conf.h"
#include "conf/lex.h"
#include "conf/text.h"

#define KIB INT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define DAY_MS INT64_C(86400000)
#define REQUESTS_MAX 1000000000
#define FILES_MIN 8          /* fewer, and no program starts */
#define FILES_MAX 1073741816 /* the most that the kernel can be told to allow */

static const struct value_word log_levels[] = {
    {"debug", LEVEL_DEBUG},
    {"notice", LEVEL_NOTICE},
    {"warning", LEVEL_WARNING},
    {"error", LEVEL_ERROR},
    {"alert", LEVEL_ALERT},
    {NULL, 0},
};

static const struct value_word log_formats[] = {
    {"text", LOG_FORMAT_TEXT},
    {"json", LOG_FORMAT_JSON},
    {NULL, 0},
};

static const struct value_word facilities[] = {
    {"auth", LOG_AUTH},
    {"authpriv", LOG_AUTHPRIV},
    {"cron", LOG_CRON},
    {"daemon", LOG_DAEMON},
    {"ftp", LOG_FTP},
    {"kern", LOG_KERN},
    {"lpr", LOG_LPR},
    {"mail", LOG_MAIL},
    {"news", LOG_NEWS},
    {"syslog", LOG_SYSLOG},
    {"user", LOG_USER},
    {"uucp", LOG_UUCP},
    {"local0", LOG_LOCAL0},
    {"local1", LOG_LOCAL1},
    {"local2", LOG_LOCAL2},
    {"local3", LOG_LOCAL3},
    {"local4", LOG_LOCAL4},
    {"local5", LOG_LOCAL5},
    {"local6", LOG_LOCAL6},
    {"local7", LOG_LOCAL7},
    {NULL, 0},
};

static const struct value_word pm_modes[] = {
    {"static", PM_STATIC},
    {"dynamic", PM_DYNAMIC},
    {"ondemand", PM_ONDEMAND},
    {NULL, 0},
};

static const struct value_word schedulings[] = {
    {"batch", SCHEDULING_BATCH},
    {"other", SCHEDULING_OTHER},
    {NULL, 0},
};

static const struct value_word client_aborts[] = {
    {"finish", CLIENT_ABORT_FINISH},
    {"terminate", CLIENT_ABORT_TERMINATE},
    {NULL, 0},
};

/* clang-format off */
#define G(field) .scope = SCOPE_GLOBAL, .offset = offsetof(struct conf_global, field)
#define P(field) .scope = SCOPE_POOL, .offset = offsetof(struct conf_pool, field)

const struct directive directives[] = {
	{ "include", .scope = SCOPE_GLOBAL, .type = TYPE_INCLUDE, .reload = RELOAD_MASTER,
	    .help = "files to read at this place, as a pattern" },
	{ "pid", G(pid), .type = TYPE_STATE_PATH, .reload = RELOAD_RESTART,
	    .help = "file that holds the process id of the master" },
	{ "error_log", G(error_log), .type = TYPE_LOG, .fallback = "log/anyfpm.log",
	    .reload = RELOAD_MASTER, .help = "file for messages, or stderr, syslog or journal" },
	{ "log_level", G(log_level), .type = TYPE_WORD, .words = log_levels, .fallback = "notice",
	    .reload = RELOAD_MASTER, .help = "least level of the messages that are written" },
	{ "log_format", G(log_format), .type = TYPE_WORD, .words = log_formats,
	    .fallback = "text", .reload = RELOAD_MASTER,
	    .help = "messages as text, or each as a JSON object" },
	{ "log_limit", G(log_limit), .type = TYPE_NUMBER, .fallback = "1024", .min = 512,
	    .max = 1048576, .reload = RELOAD_MASTER,
	    .help = "bytes of a line of what workers print; longer ones become several" },
	{ "log_buffering", G(log_buffering), .type = TYPE_BOOL, .fallback = "yes",
	    .reload = RELOAD_MASTER,
	    .help = "accepted for files of php-fpm; lines of workers are always kept whole" },
	{ "syslog.facility", G(syslog_facility), .type = TYPE_WORD, .words = facilities,
	    .fallback = "daemon", .reload = RELOAD_MASTER,
	    .help = "facility of messages to syslog" },
	{ "syslog.ident", G(syslog_ident), .type = TYPE_STRING, .fallback = "anyfpm",
	    .reload = RELOAD_MASTER, .help = "name before messages to syslog and journal" },
	{ "daemonize", G(daemonize), .type = TYPE_BOOL, .fallback = "yes",
	    .reload = RELOAD_RESTART, .help = "run in the background" },
	{ "process_control_timeout", G(process_control_timeout_ms), .type = TYPE_TIME,
	    .fallback = "30s", .max = DAY_MS, .reload = RELOAD_MASTER,
	    .help = "time for a pool to finish its requests; 0: no limit" },
	{ "process.max", G(process_max), .type = TYPE_NUMBER, .fallback = "0", .max = 1000000,
	    .reload = RELOAD_MASTER, .help = "workers of all pools together; 0: no limit" },
	{ "cgroup", G(cgroup), .type = TYPE_CGROUP, .reload = RELOAD_RESTART,
	    .help = "control group (own, or a path) in which each worker gets one of its own" },
	{ "emergency_restart_threshold", G(emergency_restart_threshold), .type = TYPE_NUMBER,
	    .fallback = "0", .max = 1000000, .reload = RELOAD_MASTER,
	    .help = "crashes of workers after which their pool is started anew; 0: off" },
	{ "emergency_restart_interval", G(emergency_restart_interval_ms), .type = TYPE_TIME,
	    .fallback = "0", .max = DAY_MS, .reload = RELOAD_MASTER,
	    .help = "time within which emergency_restart_threshold counts; 0: off" },
	{ "metrics_listen", G(metrics_listen), .type = TYPE_LISTEN, .reload = RELOAD_SOCKET,
	    .help = "address at which metrics and health are served over HTTP" },
	{ "metrics_user", G(metrics_user), .type = TYPE_STRING, .reload = RELOAD_MASTER,
	    .help = "user of the process that serves them" },
	{ "rlimit_files", G(rlimit_files), .type = TYPE_LIMIT, .fallback = "", .min = FILES_MIN,
	    .max = FILES_MAX, .reload = RELOAD_POOL,
	    .help = "rlimit_files of the pools that set none" },
	{ "rlimit_core", G(rlimit_core), .type = TYPE_LIMIT_SIZE, .unlimited = true,
	    .fallback = "", .max = 1024 * GIB, .reload = RELOAD_POOL,
	    .help = "rlimit_core of the pools that set none" },
	{ "process.priority", G(process_priority), .type = TYPE_PRIORITY, .fallback = "",
	    .min = -19, .max = 20, .reload = RELOAD_POOL,
	    .help = "process.priority of the pools that set none" },

	{ "command", P(command), .type = TYPE_COMMAND, .required = true, .reload = RELOAD_POOL,
	    .help = "the worker program and its arguments" },
	{ "listen", P(listen), .type = TYPE_LISTEN, .required = true, .reload = RELOAD_SOCKET,
	    .help = "address that the web server connects to" },
	{ "listen.backlog", P(listen_backlog), .type = TYPE_NUMBER, .fallback = "511", .min = -1,
	    .max = INT32_MAX, .reload = RELOAD_SOCKET,
	    .help = "connections that the kernel keeps until they are accepted" },
	{ "listen.owner", P(listen_owner), .type = TYPE_STRING, .reload = RELOAD_SOCKET,
	    .help = "owner of the unix socket" },
	{ "listen.group", P(listen_group), .type = TYPE_STRING, .reload = RELOAD_SOCKET,
	    .help = "group of the unix socket" },
	{ "listen.mode", P(listen_mode), .type = TYPE_MODE, .fallback = "0660", .max = 0777,
	    .reload = RELOAD_SOCKET, .help = "permissions of the unix socket" },
	{ "listen.allowed_clients", P(allowed_clients), .type = TYPE_NETWORKS, .fallback = "any",
	    .reload = RELOAD_POOL, .help = "addresses and networks that may connect by TCP" },
	{ "listen.max_connections", P(listen_max_connections), .type = TYPE_NUMBER,
	    .fallback = "0", .max = 1000000, .reload = RELOAD_POOL,
	    .help = "client connections in all; 0: as many as descriptors allow" },
	{ "listen.max_connections_per_address", P(listen_max_connections_per_address),
	    .type = TYPE_NUMBER, .fallback = "0", .max = 1000000, .reload = RELOAD_POOL,
	    .help = "client connections of one address; 0: no limit" },
	{ "user", P(user), .type = TYPE_STRING, .reload = RELOAD_POOL,
	    .help = "user of the pool and its workers" },
	{ "group", P(group), .type = TYPE_STRING, .reload = RELOAD_POOL,
	    .help = "group of the pool and its workers" },
	{ "chdir", P(chdir), .type = TYPE_PATH, .reload = RELOAD_POOL,
	    .help = "directory in which workers start" },
	{ "clear_env", P(clear_env), .type = TYPE_BOOL, .fallback = "yes", .reload = RELOAD_POOL,
	    .help = "keep the environment of anyfpm from workers" },
	{ "env", P(env), .type = TYPE_ENV, .reload = RELOAD_POOL,
	    .help = "a variable of the environment of workers" },
	{ "pm", P(pm), .type = TYPE_WORD, .words = pm_modes, .fallback = "static",
	    .reload = RELOAD_POOL, .help = "how the number of workers is controlled" },
	{ "pm.max_children", P(max_children), .type = TYPE_NUMBER, .required = true, .min = 1,
	    .max = POOL_MAX_CHILDREN, .reload = RELOAD_POOL,
	    .help = "number of workers (static), or its upper limit (dynamic, ondemand)" },
	{ "pm.start_servers", P(start_servers), .type = TYPE_NUMBER, .fallback = "0",
	    .max = POOL_MAX_CHILDREN, .reload = RELOAD_POOL,
	    .help = "workers to start with; 0: between the spare limits (dynamic)" },
	{ "pm.min_spare_servers", P(min_spare_servers), .type = TYPE_NUMBER, .fallback = "0",
	    .max = POOL_MAX_CHILDREN, .reload = RELOAD_POOL,
	    .help = "least number of idle workers (dynamic)" },
	{ "pm.max_spare_servers", P(max_spare_servers), .type = TYPE_NUMBER, .fallback = "0",
	    .max = POOL_MAX_CHILDREN, .reload = RELOAD_POOL,
	    .help = "number of idle workers above which one is stopped (dynamic)" },
	{ "pm.max_spawn_rate", P(max_spawn_rate), .type = TYPE_NUMBER, .fallback = "32",
	    .min = 1, .max = POOL_MAX_CHILDREN, .reload = RELOAD_POOL,
	    .help = "workers that may be starting at the same time" },
	{ "pm.process_idle_timeout", P(process_idle_timeout_ms), .type = TYPE_TIME,
	    .fallback = "10s", .min = 1, .max = DAY_MS, .reload = RELOAD_POOL,
	    .help = "idle time after which a worker too many is stopped (dynamic, ondemand)" },
	{ "pm.max_surge", P(max_surge), .type = TYPE_NUMBER, .fallback = "1", .max = 1000,
	    .reload = RELOAD_POOL,
	    .help = "workers above pm.max_children while others are replaced" },
	{ "pm.start_timeout", P(start_timeout_ms), .type = TYPE_TIME, .fallback = "30s", .min = 1,
	    .max = DAY_MS, .reload = RELOAD_POOL,
	    .help = "time that a worker has to accept its first connection and to warm up" },
	{ "pm.stop_timeout", P(stop_timeout_ms), .type = TYPE_TIME, .fallback = "10s", .min = 1,
	    .max = DAY_MS, .reload = RELOAD_POOL,
	    .help = "time from the request to stop to SIGKILL" },
	{ "pm.warmup", P(warmup), .type = TYPE_URI, .reload = RELOAD_POOL,
	    .help = "path requested of each new worker before it counts as ready" },
	{ "pm.max_requests", P(max_requests), .type = TYPE_NUMBER, .fallback = "0",
	    .max = REQUESTS_MAX, .reload = RELOAD_POOL,
	    .help = "requests after which a worker is replaced; 0: never" },
	{ "pm.max_requests_jitter", P(max_requests_jitter), .type = TYPE_NUMBER, .fallback = "0",
	    .max = REQUESTS_MAX, .reload = RELOAD_POOL,
	    .help = "random part added to pm.max_requests" },
	{ "pm.max_lifetime", P(max_lifetime_ms), .type = TYPE_TIME, .fallback = "0",
	    .max = 365 * DAY_MS, .reload = RELOAD_POOL,
	    .help = "age at which a worker is replaced; 0: never" },
	{ "pm.max_memory", P(max_memory), .type = TYPE_SIZE, .fallback = "0", .max = 1024 * GIB,
	    .reload = RELOAD_POOL,
	    .help = "memory of its own above which a worker is replaced; 0: never" },
	{ "request_terminate_timeout", P(request_terminate_timeout_ms), .type = TYPE_TIME,
	    .fallback = "0", .max = DAY_MS, .reload = RELOAD_POOL,
	    .help = "time after which a request is terminated; 0: never" },
	{ "request_terminate_memory", P(request_terminate_memory), .type = TYPE_SIZE,
	    .fallback = "0", .max = 1024 * GIB, .reload = RELOAD_POOL,
	    .help = "memory of its worker above which a request is terminated; 0: never" },
	{ "request_terminate_cpu", P(request_terminate_cpu_ms), .type = TYPE_TIME,
	    .fallback = "0", .max = DAY_MS, .reload = RELOAD_POOL,
	    .help = "CPU time after which a request is terminated; 0: never" },
	{ "request_terminate_grace", P(request_terminate_grace_ms), .type = TYPE_TIME,
	    .fallback = "0", .max = DAY_MS, .reload = RELOAD_POOL,
	    .help = "time from SIGTERM to SIGKILL when a request is terminated; 0: no SIGTERM" },
	{ "request_slowlog_timeout", P(request_slowlog_timeout_ms), .type = TYPE_TIME,
	    .fallback = "0", .max = DAY_MS, .reload = RELOAD_POOL,
	    .help = "time after which a request is written to the slow log; 0: never" },
	{ "request_slowlog_trace_depth", P(request_slowlog_trace_depth), .type = TYPE_NUMBER,
	    .fallback = "20", .max = 1000, .reload = RELOAD_POOL,
	    .help = "frames of each thread in the slow log" },
	{ "slowlog", P(slowlog), .type = TYPE_STATE_PATH, .reload = RELOAD_POOL,
	    .help = "file for slow requests, with the stacks of their workers" },
	{ "slowlog_command", P(slowlog_command), .type = TYPE_COMMAND, .reload = RELOAD_POOL,
	    .help = "program whose output takes the place of the stacks" },
	{ "rlimit_as", P(rlimit_as), .type = TYPE_LIMIT_SIZE, .fallback = "", .min = MIB,
	    .max = 1024 * GIB, .reload = RELOAD_POOL,
	    .help = "address space of a worker, beyond which its allocations fail" },
	{ "rlimit_files", P(rlimit_files), .type = TYPE_LIMIT, .fallback = "", .min = FILES_MIN,
	    .max = FILES_MAX, .reload = RELOAD_POOL, .help = "descriptors of a worker" },
	{ "rlimit_core", P(rlimit_core), .type = TYPE_LIMIT_SIZE, .unlimited = true,
	    .fallback = "", .max = 1024 * GIB, .reload = RELOAD_POOL,
	    .help = "size of a worker's core dump" },
	{ "process.priority", P(process_priority), .type = TYPE_PRIORITY, .fallback = "",
	    .min = -19, .max = 20, .reload = RELOAD_POOL, .help = "nice value of workers" },
	{ "process.scheduling", P(process_scheduling), .type = TYPE_WORD, .words = schedulings,
	    .fallback = "batch", .reload = RELOAD_POOL,
	    .help = "batch: workers do not preempt who wakes them; other: as any process" },
	{ "oom_score_adj", P(oom_score_adj), .type = TYPE_NUMBER, .fallback = "300",
	    .max = 1000, .reload = RELOAD_POOL,
	    .help = "how much sooner the kernel takes workers when memory runs out" },
	{ "cgroup.memory.max", P(cgroup_memory_max), .type = TYPE_SIZE, .fallback = "0",
	    .max = 1024 * GIB, .reload = RELOAD_POOL,
	    .help = "memory of a worker and all that it has started; 0: no limit" },
	{ "cgroup.pids.max", P(cgroup_pids_max), .type = TYPE_NUMBER, .fallback = "0",
	    .max = INT32_MAX, .reload = RELOAD_POOL,
	    .help = "processes and threads of a worker and all that it has started; 0: no limit" },
	{ "no_new_privs", P(no_new_privs), .type = TYPE_BOOL, .fallback = "no",
	    .reload = RELOAD_POOL, .help = "workers gain no privileges by set-user-ID programs" },
	{ "umask", P(umask), .type = TYPE_MODE, .fallback = "022", .max = 0777,
	    .reload = RELOAD_POOL, .help = "permissions that files of workers do not get" },
	{ "request_retry", P(request_retry), .type = TYPE_BOOL, .fallback = "yes",
	    .reload = RELOAD_POOL,
	    .help = "give a request that provably never ran to another worker" },
	{ "request_client_abort", P(request_client_abort), .type = TYPE_WORD,
	    .words = client_aborts, .fallback = "finish", .reload = RELOAD_POOL,
	    .help = "finish or terminate a request whose client is gone" },
	{ "request_queue_limit", P(request_queue_limit), .type = TYPE_NUMBER, .fallback = "1024",
	    .max = 1000000, .reload = RELOAD_POOL, .help = "requests that may wait for a worker" },
	{ "request_queue_timeout", P(request_queue_timeout_ms), .type = TYPE_TIME,
	    .fallback = "30s", .max = DAY_MS, .reload = RELOAD_POOL,
	    .help = "time that a request may wait for a worker" },
	{ "request_header_timeout", P(request_header_timeout_ms), .type = TYPE_TIME,
	    .fallback = "30s", .max = DAY_MS, .reload = RELOAD_POOL,
	    .help = "time that a client has to send the parameters" },
	{ "request_body_timeout", P(request_body_timeout_ms), .type = TYPE_TIME,
	    .fallback = "30s", .max = DAY_MS, .reload = RELOAD_POOL,
	    .help = "time without a byte of the body" },
	{ "response_send_timeout", P(response_send_timeout_ms), .type = TYPE_TIME,
	    .fallback = "60s", .max = DAY_MS, .reload = RELOAD_POOL,
	    .help = "time without the client taking a byte of its answer" },
	{ "request_params_limit", P(request_params_limit), .type = TYPE_SIZE, .fallback = "1M",
	    .min = 8 * KIB, .max = 64 * MIB, .reload = RELOAD_POOL,
	    .help = "bytes of parameters of one request" },
	{ "request_buffer_size", P(request_buffer_size), .type = TYPE_SIZE, .fallback = "64K",
	    .max = 64 * MIB, .reload = RELOAD_POOL,
	    .help = "bytes of the body taken before a worker is chosen" },
	{ "request_spool_size", P(request_spool_size), .type = TYPE_SIZE, .fallback = "64M",
	    .max = 1024 * GIB, .reload = RELOAD_POOL,
	    .help = "temporary file for a body on a multiplexed connection" },
	{ "response_header_limit", P(response_header_limit), .type = TYPE_SIZE,
	    .fallback = "256K", .min = 4 * KIB, .max = 16 * MIB, .reload = RELOAD_POOL,
	    .help = "bytes of the header block of a response" },
	{ "response_buffer_size", P(response_buffer_size), .type = TYPE_SIZE, .fallback = "1M",
	    .min = 64 * KIB, .max = GIB, .reload = RELOAD_POOL,
	    .help = "bytes of a response held for a slow client" },
	{ "buffer_limit", P(buffer_limit), .type = TYPE_SIZE, .fallback = "64M", .min = MIB,
	    .max = 1024 * GIB, .reload = RELOAD_POOL, .help = "bytes of all buffers of the pool" },
	{ "pm.status_path", P(status_path), .type = TYPE_URI, .reload = RELOAD_POOL,
	    .help = "SCRIPT_NAME of requests for the status page" },
	{ "pm.status_listen", P(status_listen), .type = TYPE_LISTEN, .reload = RELOAD_SOCKET,
	    .help = "address at which only status and ping are answered" },
	{ "ping.path", P(ping_path), .type = TYPE_URI, .reload = RELOAD_POOL,
	    .help = "SCRIPT_NAME of requests that are answered with ping.response" },
	{ "ping.response", P(ping_response), .type = TYPE_STRING, .fallback = "pong",
	    .reload = RELOAD_POOL, .help = "the answer to a request for ping.path" },
	{ "catch_workers_output", P(catch_workers_output), .type = TYPE_BOOL, .fallback = "no",
	    .reload = RELOAD_POOL, .help = "write what workers print into the error log" },
	{ "decorate_workers_output", P(decorate_workers_output), .type = TYPE_BOOL,
	    .fallback = "yes", .reload = RELOAD_POOL,
	    .help = "with time, level and worker before what workers print" },
	{ "workers_output_rate", P(workers_output_rate), .type = TYPE_SIZE, .fallback = "1M",
	    .max = GIB, .reload = RELOAD_POOL,
	    .help = "bytes per second of what workers print that are logged; 0: all" },
	{ "access.log", P(access_log), .type = TYPE_STATE_PATH, .reload = RELOAD_POOL,
	    .help = "file for a line about each request" },
	{ "access.format", P(access_format), .type = TYPE_STRING,
	    .fallback = "\"%R - %u %t \\\"%m %r\\\" %s\"", .reload = RELOAD_POOL,
	    .help = "what the lines of access.log hold" },
	{ "access.log.format", P(access_log_format), .type = TYPE_WORD, .words = log_formats,
	    .fallback = "text", .reload = RELOAD_POOL,
	    .help = "lines by access.format (text), or a JSON object in each line" },
	{ "access.suppress_path", P(access_suppress_path), .type = TYPE_URIS,
	    .reload = RELOAD_POOL, .help = "path whose ordinary requests have no access line" },
	{ .name = NULL },
};
/* clang-format on */

const struct directive *
directive_find(enum directive_scope scope, const char *name, size_t len)
{
	for (const struct directive *d = directives; d->name != NULL; d++) {
		if (d->scope == scope && strlen(d->name) == len && memcmp(d->name, name, len) == 0)
			return d;
	}
	return NULL;
}

static size_t
smallest(size_t a, size_t b, size_t c)
{
	size_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* Letters to insert, remove or replace to make b of a (Levenshtein); far when either is long. */
static size_t
distance(const char *a, size_t a_len, const char *b)
{
	size_t row[64], b_len = strlen(b);

	if (a_len >= 64 || b_len >= 64)
		return SIZE_MAX;
	for (size_t j = 0; j <= b_len; j++)
		row[j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
			diagonal = row[j];
			row[j] = smallest(row[j] + 1, row[j - 1] + 1, replaced);
		}
	}
	return row[b_len];
}

static const struct directive *
nearest(enum directive_scope scope, const char *name, size_t len)
{
	const struct directive *best = NULL;
	size_t n, least = len / 4 + 1;

	for (const struct directive *d = directives; d->name != NULL; d++) {
		if (d->scope == scope && (n = distance(name, len, d->name)) <= least) {
			best = d;
			least = n - (n > 0);
		}
	}
	return best;
}

/*
 * Directives of php-fpm that are not ours. What only tunes php-fpm is ignored with a warning; what
 * says who may do what, or where things are, cannot be: what to do instead. Empty, it is not set.
 */
static const struct {
	const char *name;
	bool harmless;
	const char *message;
} elsewhere[] = {
	{ "security.limit_extensions", false,
	    "is PHP's own; let the web server pass on only the scripts that may run (nginx: "
	    "location ~ [.]php$)" },
	{ "prefix", false, "pools have none here; write whole paths, or start anyfpm with -p" },
	{ "listen.acl_users", false,
	    "not supported; use listen.owner, listen.group and listen.mode" },
	{ "listen.acl_groups", false,
	    "not supported; use listen.owner, listen.group and listen.mode" },
	{ "listen.setfib", false, "not supported; remove it" },
	{ "apparmor_hat", false, "not supported; give the worker program a profile of its own" },
	{ "chroot", false,
	    "not supported; remove it, or run all of anyfpm in that directory (RootDirectory= of a "
	    "systemd unit, or a container)" },
	{ "process.dumpable", true, "ignored: the worker program decides that itself" },
	{ "request_terminate_timeout_track_finished", true,
	    "ignored: a request ends with its response here" },
	{ "events.mechanism", true, "ignored: the system's best one is used" },
	{ "systemd_interval", true,
	    "ignored: systemd is sent no figures; pm.status_path and metrics_listen show them" },
};

/* The word of command = that gives php-cgi a setting, as it is to be written; to be freed. */
static char *
php_argument(const char *setting, int setting_len, const char *value)
{
	char *plain = text_printf("%.*s=%s", setting_len > 0 ? setting_len : 4,
		 setting_len > 0 ? setting : "NAME", value),
	     *word = NULL;
	size_t size;
	FILE *out = open_memstream(&word, &size);

	if (out == NULL)
		return plain;
	lex_write_word(plain, out);
	if (fclose(out) != 0) {
		free(word);
		return plain;
	}
	free(plain);
	return word;
}

/* What to write in place of a setting of PHP's, or NULL. */
static char *
php_setting(const char *name, size_t len, const char *value)
{
	static const char *const settings[] = {
	    "php_value", "php_flag", "php_admin_value", "php_admin_flag"};
	const char *setting = name + len;
	char *argument, *message;

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		if (strlen(settings[i]) != len || memcmp(settings[i], name, len) != 0)
			continue;
		setting += *setting == '[';
		argument = php_argument(setting, (int)strcspn(setting, "]"), value);
		message = text_printf("is PHP's own; give the setting to the program: "
				      "command = /usr/bin/php-cgi -d %s",
		    argument);
		free(argument);
		return message;
	}
	return NULL;
}

static char *
not_found(enum directive_scope scope, const char *name)
{
	enum directive_scope other = scope == SCOPE_POOL ? SCOPE_GLOBAL : SCOPE_POOL;
	size_t len = strcspn(name, "[");
	const struct directive *d;

	if (directive_find(other, name, len) != NULL)
		return text_printf(
		    "belongs in %s", other == SCOPE_GLOBAL ? "[global]" : "the section of a pool");
	if ((d = nearest(scope, name, len)) != NULL)
		return text_printf("unknown directive; did you mean %s?", d->name);
	return text_dup("unknown directive");
}

bool
directive_unknown(
    enum directive_scope scope, const char *name, const char *value, char **message)
{
	for (size_t i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++) {
		if (strcmp(name, elsewhere[i].name) != 0)
			continue;
		*message = *value != '\0' ? text_dup(elsewhere[i].message) : NULL;
		return *value == '\0' || elsewhere[i].harmless;
	}
	if ((*message = php_setting(name, strcspn(name, "["), value)) == NULL)
		*message = not_found(scope, name);
	return false;
}
