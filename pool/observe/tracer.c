/*
 * tracer.c: runs what looks at a slow worker, with its output captured, bounded in bytes and time.
 * It knows nothing of requests and entries.
 */
#include "config.h"

#include "pool/observe/tracer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/exit.h"
#include "base/fd.h"
#include "base/orphans.h"
#include "conf/text.h"
#include "pool/core/pool.h"
#include "pool/measure/program.h"
#include "pool/observe/trace.h"
#include "pool/worker/fork.h"

#define KILL_AGAIN_US 1000000
/* Of its own argument vector: its words, a pid if none of them is "%p", and NULL. */
#define WORDS_EXTRA 2

static void
tracer_kill(struct tracer *t)
{
	kill(-t->pid, SIGKILL);
	kill(t->pid, SIGKILL); /* stopped right after its birth it leads no group yet */
	t->kill_us = clock_now_us() + KILL_AGAIN_US;
}

/* Read once; returns whether there may be more. */
static bool
tracer_read(struct tracer *t)
{
	size_t room = TRACER_OUTPUT_MAX - t->len;
	char probe;
	ssize_t n;

	n = room > 0 ? read(t->out_fd, t->output + t->len, room) : read(t->out_fd, &probe, 1);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n > 0 && room > 0) {
		t->len += (size_t)n;
		return true;
	}
	if (n > 0) {
		t->too_much = true;
		tracer_kill(t);
	}
	event_del(&t->ev_read);
	fd_close(&t->out_fd);
	return false;
}

static void
on_output(evutil_socket_t fd, short what, void *arg)
{
	tracer_read(arg);
}

/* word with each "%p" replaced by pid; *found says whether there was one. */
static char *
put_pid(const char *word, const char *pid, bool *found)
{
	size_t len = 0;
	char *out = NULL;
	FILE *f = open_memstream(&out, &len);

	if (f == NULL)
		return NULL;
	for (const char *p; (p = strstr(word, "%p")) != NULL; word = p + 2) {
		fprintf(f, "%.*s%s", (int)(p - word), word, pid);
		*found = true;
	}
	fputs(word, f);
	if (fclose(f) != 0) {
		free(out);
		return NULL;
	}
	return out;
}

/* The arguments of slowlog_command, or else of our helper. NULL: out of memory. */
static char **
make_words(const struct conf_pool *conf, pid_t worker)
{
	char pid[16], depth[16];
	char *helper[] = {(char[]){TRACE_ARGV0}, pid, depth, NULL};
	char **from = conf->slowlog_command != NULL ? conf->slowlog_command : helper;
	bool found = conf->slowlog_command == NULL;
	size_t n = 0;
	char **words;

	snprintf(pid, sizeof(pid), "%d", (int)worker);
	snprintf(depth, sizeof(depth), "%u", conf->request_slowlog_trace_depth);
	while (from[n] != NULL)
		n++;
	if ((words = calloc(n + WORDS_EXTRA, sizeof(*words))) == NULL)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		if ((words[i] = put_pid(from[i], pid, &found)) == NULL)
			goto fail;
	}
	if (!found && (words[n] = strdup(pid)) == NULL)
		goto fail;
	return words;
fail:
	text_vector_free(words);
	return NULL;
}

/* Of our own environment the helper gets what the dynamic loader and instrumented builds read. */
static bool
is_for_helper(const char *entry)
{
	static const char *const prefixes[] = {
	    "LD_LIBRARY_PATH=", "ASAN_OPTIONS=", "UBSAN_OPTIONS="};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		if (strncmp(entry, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	}
	return false;
}

static void
make_helper_env(char **env, size_t room)
{
	size_t n = 0;

	for (char **e = environ; *e != NULL && n + 1 < room; e++) {
		if (is_for_helper(*e))
			env[n++] = *e;
	}
	env[n] = NULL;
}

/* The fork, with its descriptors already made; false with errno. */
static bool
give_birth(struct tracer *t, int null_fd, const int out[2], const int failure[2])
{
	const struct conf_pool *conf = t->pool->conf;
	char *helper_env[8];
	struct birth birth = {
		.pool = t->pool,
		.argv = make_words(conf, t->worker),
		.env = helper_env,
		.exe_fd = t->exe_fd,
		.fds = {null_fd, out[1], null_fd},
		.leaf_fd = -1,
		.exec_fd = failure[1],
	};

	if (birth.argv == NULL)
		return false;
	make_helper_env(helper_env, sizeof(helper_env) / sizeof(helper_env[0]));
	if (conf->slowlog_command != NULL) {
		birth.exe_fd = -1;
		birth.env = t->pool->workers.program->env;
		birth.fds[2] = out[1];
	}
	t->pid = fork_child(&birth);
	text_vector_free(birth.argv);
	return t->pid > 0;
}

bool
tracer_start(struct tracer *t, pid_t worker, char *why, size_t size)
{
	bool is_command = t->pool->conf->slowlog_command != NULL;
	int out[2] = {-1, -1}, failure[2] = {-1, -1};
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	t->worker = worker;
	t->len = 0;
	t->too_much = t->too_long = t->failed_start = false;
	if ((t->output == NULL && (t->output = malloc(TRACER_OUTPUT_MAX)) == NULL) ||
	    null_fd == -1 || pipe2(out, O_CLOEXEC) == -1 ||
	    pipe2(failure, O_CLOEXEC | O_NONBLOCK) == -1 ||
	    !give_birth(t, null_fd, out, failure)) {
		snprintf(why, size, "a process to take it cannot be started: %s", strerror(errno));
		t->pid = 0;
		fd_close(&out[0]);
		fd_close(&failure[0]);
	}
	fd_close(&null_fd);
	fd_close(&out[1]);
	fd_close(&failure[1]);
	if (t->pid == 0)
		return false;
	t->out_fd = out[0];
	t->failure_fd = failure[0];
	t->kill_us = clock_now_us() + (is_command ? TRACER_COMMAND_US : TRACER_HELPER_US);
	fd_set_nonblock(t->out_fd, 1);
	event_assign(&t->ev_read, t->pool->base, t->out_fd, EV_READ | EV_PERSIST, on_output, t);
	event_add(&t->ev_read, NULL);
	return true;
}

/* A debugger that has ended may have left a SIGSTOP behind. */
static void
continue_worker(pid_t pid)
{
	siginfo_t info;

	if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0) /* still our child */
		kill(pid, SIGCONT);
}

static bool
is_left(pid_t pid, void *arg)
{
	const struct tracer *t = arg;

	return pid != t->left_dead && getsid(pid) == t->left_session;
}

bool
tracer_has(const struct tracer *t, pid_t pid)
{
	pid_t session = getsid(pid);

	return session > 0 && ((t->pid != 0 && (pid == t->pid || session == t->pid)) ||
	    session == t->left_session);
}

void
tracer_sweep(struct tracer *t, pid_t dead)
{
	if (t->left_session == 0)
		return;
	t->left_dead = dead;
	if (orphans_kill(is_left, t) == 0)
		t->left_session = 0;
	continue_worker(t->left_worker);
}

const char *
tracer_ended(struct tracer *t, const siginfo_t *info, char *why, size_t size)
{
	bool is_command = t->pool->conf->slowlog_command != NULL;
	const char *what = is_command ? "slowlog_command" : "the helper";
	struct fork_failure failure;
	char how[EXIT_TEXT_MAX];

	kill(-t->pid, SIGKILL);
	while (t->out_fd != -1 && tracer_read(t))
		continue;
	if (is_command) {
		t->left_session = t->pid;
		t->left_worker = t->worker;
		tracer_sweep(t, t->pid);
	}
	if (read(t->failure_fd, &failure, sizeof(failure)) == (ssize_t)sizeof(failure)) {
		t->failed_start = true;
		return fork_explain(&failure,
		    is_command ? t->pool->conf->slowlog_command[0] : TRACE_ARGV0, why, size);
	}
	if (t->too_much)
		snprintf(why, size, "%s wrote more than %d bytes and was killed", what,
		    TRACER_OUTPUT_MAX);
	else if (t->too_long)
		snprintf(why, size, "%s was killed after %d seconds", what,
		    (int)((is_command ? TRACER_COMMAND_US : TRACER_HELPER_US) / 1000000));
	else if (!exit_is_success(info))
		snprintf(why, size, "%s %s", what, exit_describe(info, how));
	else
		return NULL;
	return why;
}

int64_t
tracer_expire(struct tracer *t, int64_t now_us)
{
	if (t->pid == 0)
		return 0;
	if (now_us >= t->kill_us) {
		if (!t->too_much)
			t->too_long = true;
		tracer_kill(t);
	}
	return t->kill_us;
}

void
tracer_forget(struct tracer *t)
{
	if (t->out_fd != -1)
		event_del(&t->ev_read);
	fd_close(&t->out_fd);
	fd_close(&t->failure_fd);
	free(t->output);
	t->output = NULL;
	t->pid = 0;
}
