/* tester.c: one run of a binary with -t, from its start to the verdict. */
#include "config.h"

#include "fpm/reload/tester.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/exit.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/logline.h"
#include "fpm/saved/inherit.h"

#define TEST_US INT64_C(30000000) /* that it may take */
#define OUTPUT_MAX 16384	   /* bytes that are looked at of what it says */
#define WHY_MAX 512

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct tester *t = arg;

	t->is_late = true;
	process_kill(&t->process);
}

static void
on_message(const struct message *message, size_t len, void *arg)
{
	struct tester *t = arg;

	t->has_answered = t->has_answered || message->type == MESSAGE_UNDERSTOOD;
}

/* What it says last may come after it has closed the channel to itself: its death decides. */
static void
on_end(const char *why, void *arg)
{
}

bool
tester_init(struct tester *t, const struct service *service,
    void (*ended)(const char *why_not, void *arg), void *arg)
{
	memset(t, 0, sizeof(*t));
	LIST_INIT(&t->running);
	t->service = service;
	t->ended = ended;
	t->arg = arg;
	t->output_fd = -1;
	if (!process_init(&t->process, service->base, &t->running, "test of the new binary",
		on_timer, t))
		return false;
	t->process.channel.on_message = on_message;
	t->process.channel.on_end = on_end;
	return true;
}

void
tester_destroy(struct tester *t)
{
	fd_close(&t->output_fd);
	if (t->process.pid != 0)
		channel_close(&t->process.channel);
	if (t->process.timer != NULL)
		process_destroy(&t->process);
	t->process.timer = NULL;
}

/* The arguments of this process with -t. NULL: out of memory. */
static char **
arguments(const struct options *options)
{
	static char test[] = "-t";
	char **argv = calloc((size_t)options->argc + 2, sizeof(*argv));

	if (argv == NULL)
		return NULL;
	argv[0] = options->argv[0];
	argv[1] = test;
	for (int i = 1; i < options->argc; i++)
		argv[i + 1] = options->argv[i];
	return argv;
}

const char *
tester_start(struct tester *t, int exe_fd, int state_fd)
{
	char **argv = arguments(t->service->options), **envp = inherit_environment(INHERIT_TEST);
	const char *why = NULL;

	t->has_answered = t->is_late = false;
	if (argv == NULL || envp == NULL)
		why = "out of memory";
	else if ((t->output_fd = memfd_create("anyfpm test", MFD_CLOEXEC)) == -1 ||
	    process_execute(
		&t->process, exe_fd, argv, envp, t->output_fd, &t->service->nofile) == -1) {
		why = strerror(errno);
		fd_close(&t->output_fd);
	} else {
		process_set_timer(&t->process, TEST_US);
		if (channel_send(&t->process.channel, MESSAGE_FD, MESSAGE_FD_STATE, NULL, 0,
			state_fd) == -1)
			process_kill(&t->process); /* which is told as a failure */
	}
	inherit_free(envp);
	free(argv);
	return why;
}

void
tester_cancel(struct tester *t)
{
	if (t->process.pid != 0)
		process_kill(&t->process);
}

bool
tester_is(const struct tester *t, pid_t pid)
{
	return pid != 0 && t->process.pid == pid;
}

/* What it said just before its end. */
static void
take_last_words(struct tester *t)
{
	struct message message;
	size_t len;
	int pass;

	while (message_recv(t->process.channel.sock, &message, &len, &pass) == 1) {
		fd_close(&pass);
		on_message(&message, len, t);
	}
}

/* What it has said goes to our log, wherever and in whatever form that is; the first error to why,
 * of size bytes. */
static void
take_output(struct tester *t, char *why, size_t size)
{
	char text[OUTPUT_MAX + 1];
	ssize_t n = pread(t->output_fd, text, OUTPUT_MAX, 0);
	char *line, *rest = text;
	enum log_level level;
	const char *message;

	text[n > 0 ? n : 0] = '\0';
	fd_close(&t->output_fd);
	why[0] = '\0';
	while ((line = strsep(&rest, "\n")) != NULL) {
		if (*line == '\0')
			continue;
		message = logline_parse(line, &level);
		log_text(level, message);
		if (level >= LEVEL_ERROR && why[0] == '\0')
			snprintf(why, size, "%s", message);
	}
}

bool
tester_exited(struct tester *t, const siginfo_t *info)
{
	char how[EXIT_TEXT_MAX], said[WHY_MAX], why[WHY_MAX + 128] = "";
	struct respawn nobody = {0};

	if (!tester_is(t, info->si_pid))
		return false;
	take_last_words(t);
	take_output(t, said, sizeof(said));
	process_ended(&t->process, info, true, true, &nobody);
	if (t->is_late)
		snprintf(why, sizeof(why), "its test did not end within %d seconds",
		    (int)(TEST_US / 1000000));
	else if (!exit_is_success(info))
		snprintf(why, sizeof(why), "its test %s%s%s", exit_describe(info, how),
		    said[0] != '\0' ? ": " : "", said);
	else if (!t->has_answered)
		snprintf(why, sizeof(why), "it is no anyfpm that can take over from this one");
	t->ended(why[0] != '\0' ? why : NULL, t->arg);
	return true;
}
