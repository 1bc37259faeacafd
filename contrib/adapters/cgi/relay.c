/*
 * relay.c: a running script's output on its way to the client, until the script has ended.
 *
 * libfcgi can only wait until all is written. So what is read of the script is what the connection
 * takes at once, and nothing is read while it takes nothing.
 *
 * The end is the end of the script, not that of the last process that holds its output: a job that
 * it leaves in the background may do so for ever. What is in the pipes by then was written by it.
 */
#include "config.h"

#include "contrib/adapters/cgi/relay.h"

#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include <fastcgi.h>

#include "base/clock.h"
#include "base/fd.h"
#include "contrib/adapters/cgi/feeder.h"

#define PIECE 32768  /* less than a unix socket takes that is writable */
#define LOOK_MS 100  /* between two looks at what is used, as a pool process does */
#define KILL_MS 2000 /* what a script has between SIGTERM and SIGKILL */

enum { CLIENT, OUT, ERR, FDS };

struct relay {
	FCGX_Request *request;
	struct child *child;
	struct feeder feeder;
	const struct tree_use *limits;
	struct outcome *outcome;
	bool is_full;    /* the connection takes nothing at present */
	bool has_noise;  /* it has bytes behind the request that are no abort */
	bool has_exited; /* the script: out and err are open as long as something is left */
	int left[FDS];   /* bytes; only then */
	int64_t kill_ms; /* when it is killed; 0: it is not to be */
	int64_t look_ms; /* when it is measured; 0: there are no limits */
};

static void
end_script(struct relay *r)
{
	tree_signal(r->child->pid, SIGTERM);
	r->kill_ms = clock_now_us() / 1000 + KILL_MS;
}

static void
client_gone(struct relay *r)
{
	if (r->outcome->is_gone)
		return;
	/* What the script says while it tidies up is read, and dropped. */
	r->outcome->is_gone = true;
	r->is_full = false;
	feeder_stop(&r->feeder);
	if (!r->has_exited)
		end_script(r);
}

static bool
takes_more(int fd)
{
	struct pollfd pfd = {.fd = fd, .events = POLLOUT};

	return poll(&pfd, 1, 0) > 0;
}

/* One piece of what the script has written. */
static void
pass_on(struct relay *r, int which)
{
	FCGX_Stream *to = which == OUT ? r->request->out : r->request->err;
	int *fd = which == OUT ? &r->child->out : &r->child->err;
	static char piece[PIECE];
	size_t size = sizeof(piece);
	ssize_t n;

	if (!r->outcome->is_gone && !takes_more(r->request->ipcFd)) {
		r->is_full = true;
		return;
	}
	if (r->has_exited && (size_t)r->left[which] < size)
		size = (size_t)r->left[which];
	n = read(*fd, piece, size);
	if (n == -1 && errno == EINTR)
		return;
	if (n > 0) {
		if (which == OUT)
			r->outcome->out_bytes += (uint64_t)n;
		if (!r->outcome->is_gone &&
		    (FCGX_PutStr(piece, (int)n, to) != n || FCGX_FFlush(to) == -1))
			client_gone(r);
		if (r->has_exited)
			r->left[which] -= (int)n;
	}
	if (n <= 0 || (r->has_exited && r->left[which] == 0))
		fd_close(fd);
}

/* How much is left to be read of what the script wrote. */
static void
measure(struct relay *r, int which, int *fd)
{
	if (*fd != -1 && (ioctl(*fd, FIONREAD, &r->left[which]) == -1 || r->left[which] == 0))
		fd_close(fd);
}

static void
look_at_script(struct relay *r)
{
	pid_t pid;

	if (r->has_exited)
		return;
	while ((pid = waitpid(r->child->pid, &r->outcome->status, WNOHANG)) == -1 && errno == EINTR)
		;
	if (pid == 0)
		return;
	r->has_exited = true;
	measure(r, OUT, &r->child->out);
	measure(r, ERR, &r->child->err);
}

/* Something is there behind the request. */
static bool
is_abort(int fd)
{
	FCGI_Header header;
	ssize_t n = recv(fd, &header, sizeof(header), MSG_PEEK | MSG_DONTWAIT);

	return n == 0 || (n == (ssize_t)sizeof(header) && header.type == FCGI_ABORT_REQUEST);
}

static void
look_at_client(struct relay *r, short events)
{
	if (events & (POLLRDHUP | POLLHUP | POLLERR))
		client_gone(r);
	else if (events & POLLIN) {
		if (is_abort(r->request->ipcFd))
			client_gone(r);
		r->has_noise = true;
	}
	if (events & POLLOUT)
		r->is_full = false;
}

/* Until something is due, -1: nothing is. */
static int
wait_ms(const struct relay *r)
{
	int64_t due = r->kill_ms != 0 ? r->kill_ms : r->look_ms;
	int64_t left = due - clock_now_us() / 1000;

	if (due == 0 || r->has_exited)
		return -1;
	return left > 0 ? (int)left : 0;
}

static void
look_at_use(struct relay *r)
{
	struct tree_use use = tree_measure(r->child->pid);

	if (r->limits->memory > 0 && use.memory > r->limits->memory)
		r->outcome->ended = "it has used more memory than it may";
	else if (r->limits->cpu_ms > 0 && use.cpu_ms > r->limits->cpu_ms)
		r->outcome->ended = "it has used more CPU time than it may";
	r->look_ms = clock_now_us() / 1000 + LOOK_MS;
	if (r->outcome->ended != NULL)
		r->kill_ms = clock_now_us() / 1000;
}

static void
do_what_is_due(struct relay *r)
{
	if (r->look_ms != 0 && r->kill_ms == 0 && clock_now_us() / 1000 >= r->look_ms)
		look_at_use(r);
	if (r->kill_ms != 0 && clock_now_us() / 1000 >= r->kill_ms) {
		tree_kill(r->child->pid);
		r->kill_ms += KILL_MS;
	}
}

/* One wait, and what came of it. */
static void
pass(struct relay *r, const sigset_t *open)
{
	int ms = wait_ms(r);
	struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
	struct pollfd fds[FDS] = {
	    [CLIENT] = {.fd = r->outcome->is_gone ? -1 : r->request->ipcFd, .events = POLLRDHUP},
	    [OUT] = {.fd = r->is_full ? -1 : r->child->out, .events = POLLIN},
	    [ERR] = {.fd = r->is_full ? -1 : r->child->err, .events = POLLIN},
	};

	if (r->is_full)
		fds[CLIENT].events |= POLLOUT;
	if (atomic_load(&r->feeder.has_ended) && r->feeder.is_whole && !r->has_noise)
		fds[CLIENT].events |= POLLIN;
	if (ppoll(fds, FDS, ms >= 0 ? &time : NULL, open) == -1)
		memset(fds, 0, sizeof(fds)); /* by a signal */
	look_at_script(r);
	if (atomic_load(&r->feeder.is_broken))
		client_gone(r);
	look_at_client(r, fds[CLIENT].revents);
	for (int which = OUT; which <= ERR; which++)
		if (fds[which].revents != 0 &&
		    *(which == OUT ? &r->child->out : &r->child->err) != -1)
			pass_on(r, which);
	if (!r->has_exited)
		do_what_is_due(r);
}

void
relay_run(FCGX_Request *request, struct child *child, bool has_body, const struct tree_use *limits,
    const sigset_t *open, struct outcome *outcome)
{
	struct relay r = {.request = request, .child = child, .limits = limits, .outcome = outcome};

	*outcome = (struct outcome){0};
	if (limits->memory > 0 || limits->cpu_ms > 0)
		r.look_ms = clock_now_us() / 1000 + LOOK_MS;
	if (!feeder_start(&r.feeder, request->in, &child->in, has_body)) {
		outcome->ended = "there can be no thread that passes its body on";
		end_script(&r);
	}
	while (!r.has_exited || child->out != -1 || child->err != -1)
		pass(&r, open);
	feeder_stop(&r.feeder);
	outcome->is_whole = r.feeder.is_whole;
}
