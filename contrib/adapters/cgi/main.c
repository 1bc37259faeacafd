/*
 * main.c: anyfpm-cgi, a FastCGI program that runs CGI scripts: request after request.
 */
#include "config.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <fastcgi.h>
#include <fcgiapp.h>

#include "contrib/adapters/cgi/answer.h"
#include "contrib/adapters/cgi/child.h"
#include "contrib/adapters/cgi/environment.h"
#include "contrib/adapters/cgi/options.h"
#include "contrib/adapters/cgi/relay.h"
#include "contrib/adapters/cgi/script.h"

extern char **environ;

static volatile sig_atomic_t is_stopping;

struct masks {
	sigset_t inherited; /* a script's */
	sigset_t open;      /* of waiting: what we catch arrives then, and at no other time */
};

static void
on_signal(int sig)
{
	if (sig != SIGCHLD)
		is_stopping = 1;
}

static void
catch_signals(struct masks *masks)
{
	static const int caught[] = {SIGTERM, SIGUSR1, SIGCHLD};
	struct sigaction action = {.sa_handler = on_signal};
	sigset_t blocked;

	sigemptyset(&action.sa_mask);
	sigprocmask(SIG_SETMASK, NULL, &masks->inherited);
	masks->open = blocked = masks->inherited;
	for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++) {
		sigaction(caught[i], &action, NULL);
		sigdelset(&masks->open, caught[i]);
		sigaddset(&blocked, caught[i]);
	}
	sigprocmask(SIG_SETMASK, &blocked, NULL);
}

/* A kept connection that was closed; libfcgi would go on to wait for another one by itself. */
static bool
is_closed(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0;
}

/* Wait until accepting a request does not wait any more; false: we are to stop. */
static bool
wait_for_request(FCGX_Request *request, const sigset_t *open)
{
	while (!is_stopping) {
		bool is_kept = request->ipcFd >= 0;
		struct pollfd pfd = {
		    .fd = is_kept ? request->ipcFd : FCGI_LISTENSOCK_FILENO, .events = POLLIN};

		if (ppoll(&pfd, 1, NULL, open) == -1)
			continue;
		if (!is_kept) {
			/* Another process may be faster where the socket is not ours alone. */
			fcntl(FCGI_LISTENSOCK_FILENO, F_SETFL,
			    fcntl(FCGI_LISTENSOCK_FILENO, F_GETFL) | O_NONBLOCK);
			return true;
		}
		if (!is_closed(request->ipcFd))
			return true;
		FCGX_Free(request, 1);
	}
	return false;
}

/* What is to be said of a script's end; false: nothing. */
static bool
describe(int status, char *text, size_t size)
{
	if (WIFSIGNALED(status))
		snprintf(text, size, "it was ended by signal %d (%s)", WTERMSIG(status),
		    strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) != 0)
		snprintf(text, size, "it exited with code %d", WEXITSTATUS(status));
	return WIFSIGNALED(status) || WEXITSTATUS(status) != 0;
}

static void
report(FCGX_Request *request, const struct script *script, const struct outcome *outcome)
{
	const char *without = outcome->out_bytes == 0 ? " without an answer" : "";
	char text[128];

	if (outcome->is_gone)
		return;
	if (outcome->ended != NULL)
		answer_log(request, script->path, "it was ended%s: %s", without, outcome->ended);
	else if (describe(outcome->status, text, sizeof(text)))
		answer_log(request, script->path, "%s%s", text, without);
	else if (outcome->out_bytes == 0)
		answer_log(request, script->path, "it ended without an answer");
	if (outcome->out_bytes == 0)
		answer_page(request, outcome->ended != NULL ? 503 : 500);
	FCGX_SetExitStatus(WIFEXITED(outcome->status) ? WEXITSTATUS(outcome->status)
						      : 128 + WTERMSIG(outcome->status),
	    request->out);
}

/* Whether there may be one. What has no length may come in pieces (chunked). */
static bool
has_body(char *const *params)
{
	const char *length = environment_get(params, "CONTENT_LENGTH");
	const char *method = environment_get(params, "REQUEST_METHOD");

	if (length != NULL && *length != '\0')
		return strtoull(length, NULL, 10) > 0;
	return method == NULL || (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0);
}

/* Whether the connection may be kept. */
static bool
run(FCGX_Request *request, const struct script *script, const struct settings *settings,
    const struct masks *masks)
{
	char **env =
	    environment_make(request->envp, script->path, script->rest, environ, settings->kept);
	struct outcome outcome = {0};
	struct child child;
	int error = env == NULL ? ENOMEM : child_start(&child, script, env, &masks->inherited);

	if (error == 0) {
		relay_run(request, &child, has_body(request->envp), &settings->limits, &masks->open,
		    &outcome);
		report(request, script, &outcome);
		/* Without the end of an answer the web server sees that it is not whole. */
		if (outcome.ended != NULL && outcome.out_bytes > 0)
			FCGX_Free(request, 1);
	} else {
		answer_log(request, script->path, "it cannot be executed: %s%s", strerror(error),
		    error == ENOENT ? "; is its interpreter (#!) there?" : "");
		answer_page(request, answer_status(error));
	}
	if (env != NULL)
		child_close(&child);
	free(env);
	return outcome.is_whole;
}

static void
serve(FCGX_Request *request, const struct settings *settings, const struct masks *masks)
{
	struct script script;
	const char *why;
	int status = script_find(settings, request->envp, &script, &why);
	bool is_whole = false;

	fcntl(request->ipcFd, F_SETFD, FD_CLOEXEC);
	if (status == 0)
		is_whole = run(request, &script, settings, masks);
	else {
		answer_log(request, script.path != NULL ? script.path : "a request", "%d: %s",
		    status, why);
		answer_page(request, status);
		is_whole = !has_body(request->envp) && FCGX_GetChar(request->in) == EOF &&
			   FCGX_GetError(request->in) == 0;
	}
	script_free(&script);
	FCGX_Finish_r(request);
	if (!is_whole) /* what is left of the body would be taken for a request */
		FCGX_Free(request, 1);
}

/* What of ours we inherited is for no script. */
static void
close_on_exec(void)
{
	struct stat st;

	for (int fd = 0; fd < 3; fd++)
		if (fstat(fd, &st) == -1 && open("/dev/null", O_RDWR) != fd)
			options_die("/dev/null: %s", strerror(errno));
	syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC);
}

int
main(int argc, char **argv)
{
	struct settings settings;
	struct masks masks;
	FCGX_Request request;
	int error;

	options_read(&settings, argc, argv);
	close_on_exec();
	if (FCGX_IsCGI())
		options_die(
		    "descriptor 0 is no listening socket: it is started by anyfpm or spawn-fcgi");
	if (FCGX_Init() != 0 || FCGX_InitRequest(&request, FCGI_LISTENSOCK_FILENO, 0) != 0)
		options_die("libfcgi cannot be initialized");
	catch_signals(&masks);
	while (wait_for_request(&request, &masks.open)) {
		error = -FCGX_Accept_r(&request);
		if (error == 0)
			serve(&request, &settings, &masks);
		else if (error != EAGAIN && error != EINTR)
			options_die("cannot accept: %s", strerror(error));
	}
	FCGX_Free(&request, 1);
	options_free(&settings);
	return 0;
}
