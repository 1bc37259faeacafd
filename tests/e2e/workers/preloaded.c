/*
 * preloaded.c: a FastCGI program for the tests of preload/. Its arguments say what it does before it
 * accepts, in their order; it answers with what it has seen, "NAME VALUE" in a line each.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcgiapp.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Before the call that waits; 0 after it, unless it fails. */
#define ERRNO 77
#define WAIT_S 20

static volatile sig_atomic_t chld, usr1;
static int prepares, parents, births, polled = -1, polled_errno, listener;
static const char *fault;
static int is_raw;
static pid_t original;

/* Found before libc's, also by the library: forks fail in the way that is asked for. */
pid_t
fork(void)
{
	pid_t (*next)(void) = (pid_t(*)(void))dlsym(RTLD_NEXT, "fork");
	int is_first = getpid() == original;
	pid_t pid;

	if (fault != NULL && usr1 == 0 && strcmp(fault, is_first ? "first" : "second") == 0) {
		errno = EAGAIN;
		return -1;
	}
	if (fault != NULL && usr1 == 0 && !is_first && strcmp(fault, "killed") == 0)
		kill(getpid(), SIGKILL);
	pid = next();
	if (fault != NULL && usr1 == 0 && !is_first && pid > 0 && strcmp(fault, "killed-late") == 0)
		kill(getpid(), SIGKILL);
	return pid;
}

/* Found before the library's. */
int
accept(int fd, struct sockaddr *address, socklen_t *length)
{
	int (*next)(int, struct sockaddr *, socklen_t *);

	if (is_raw)
		return (int)syscall(SYS_accept4, fd, address, length, 0);
	*(void **)&next = dlsym(RTLD_NEXT, "accept");
	return next(fd, address, length);
}

static void
count_signal(int sig)
{
	if (sig == SIGCHLD)
		chld++;
	else
		usr1++;
}

static void
handle(int sig, int flags)
{
	struct sigaction action = { .sa_handler = count_signal, .sa_flags = flags };

	sigaction(sig, &action, NULL);
}

static void
count_prepare(void)
{
	prepares++;
}

static void
count_parent(void)
{
	parents++;
}

static void
count_birth(void)
{
	births++;
}

/* Volatile, so that the fortified name is called where there is one. */
static volatile nfds_t one = 1;

static void
wait_by_poll(int is_ppoll)
{
	struct timespec time = { .tv_sec = WAIT_S };
	struct pollfd fds[1] = { { .fd = listener, .events = POLLIN } };

	errno = ERRNO;
	polled = is_ppoll ? ppoll(fds, one, &time, NULL) : poll(fds, one, WAIT_S * 1000);
	polled_errno = errno;
}

static void
wait_by_select(int is_pselect)
{
	struct timeval time = { .tv_sec = WAIT_S };
	struct timespec ptime = { .tv_sec = WAIT_S };
	fd_set in;

	FD_ZERO(&in);
	FD_SET(listener, &in);
	errno = ERRNO;
	polled = is_pselect ? pselect(listener + 1, &in, NULL, NULL, &ptime, NULL)
			    : select(listener + 1, &in, NULL, NULL, &time);
	polled_errno = errno;
}

/* Other descriptors, other events: nothing to stop at. */
static void
wait_for_others(void)
{
	struct pollfd out = { .fd = 0, .events = POLLOUT }, none = { .fd = -1, .events = POLLIN };
	struct timeval time = { 0 };
	int fds[2];
	fd_set in;

	if (pipe(fds) == -1)
		abort();
	FD_ZERO(&in);
	FD_SET(fds[0], &in);
	errno = ERRNO;
	if (poll(&out, one, 0) != 0 || poll(&none, one, 0) != 0 ||
	    select(fds[0] + 1, &in, NULL, NULL, &time) != 0 || errno != ERRNO)
		abort();
	if (accept(fds[0], NULL, NULL) != -1 || errno != ENOTSOCK)
		abort();
	close(fds[0]);
	close(fds[1]);
}

static void
wait_by_epoll(void)
{
	struct epoll_event event = { .events = EPOLLIN };
	int fd = epoll_create1(0);

	if (epoll_ctl(fd, EPOLL_CTL_ADD, listener, &event) == -1)
		abort();
}

static void *
accept_too(void *arg)
{
	close(accept(listener, NULL, NULL));
	return NULL;
}

static void
leave_child(void)
{
	int fds[2];
	char c;

	if (pipe(fds) == -1)
		abort();
	if (fork() == 0) {
		close(fds[1]);
		_exit(read(fds[0], &c, 1) != 0); /* until the last of us has gone */
	}
}

static void
do_first(const char *what, const char *value)
{
	pthread_t thread;
	sigset_t set;

	if (strcmp(what, "poll") == 0 || strcmp(what, "ppoll") == 0)
		wait_by_poll(what[1] == 'p');
	else if (strcmp(what, "select") == 0 || strcmp(what, "pselect") == 0)
		wait_by_select(what[0] == 'p');
	else if (strcmp(what, "others") == 0)
		wait_for_others();
	else if (strcmp(what, "epoll") == 0)
		wait_by_epoll();
	else if (strcmp(what, "ignore") == 0)
		signal(SIGCHLD, SIG_IGN);
	else if (strcmp(what, "handlers") == 0 || strcmp(what, "restart") == 0)
		handle(SIGCHLD, what[0] == 'r' ? SA_RESTART : 0),
		    handle(SIGUSR1, what[0] == 'r' ? SA_RESTART : 0);
	else if (strcmp(what, "block") == 0)
		sigemptyset(&set), sigaddset(&set, SIGUSR2), sigprocmask(SIG_BLOCK, &set, NULL);
	else if (strcmp(what, "close") == 0)
		close(atoi(value));
	else if (strcmp(what, "stderr") == 0)
		dup2(open(value, O_WRONLY | O_CREAT | O_APPEND, 0600), 2);
	else if (strcmp(what, "chdir") == 0 && chdir(value) == -1)
		abort();
	else if (strcmp(what, "dup") == 0)
		listener = fcntl(0, F_DUPFD_CLOEXEC, atoi(value));
	else if (strcmp(what, "nonblock") == 0)
		fcntl(0, F_SETFL, O_NONBLOCK), fcntl(2, F_SETFL, O_WRONLY | O_NONBLOCK);
	else if (strcmp(what, "syscall") == 0)
		is_raw = 1;
	else if (strcmp(what, "thread") == 0)
		pthread_create(&thread, NULL, accept_too, NULL);
	else if (strcmp(what, "atfork") == 0)
		pthread_atfork(count_prepare, count_parent, count_birth);
	else if (strcmp(what, "closefrom") == 0)
		close_range(3, ~0U, 0);
	else if (strcmp(what, "child") == 0)
		leave_child();
	else if (strcmp(what, "clearenv") == 0)
		clearenv();
	else if (strcmp(what, "setenv") == 0)
		setenv("ANOTHER", "variable", 1), setenv("ANYFPM_SLOT", "none", 1);
	else if (strcmp(what, "unsetenv") == 0)
		unsetenv(value);
	else if (strcmp(what, "fault") == 0)
		fault = value;
}

static const char *
variable(const char *name)
{
	const char *value = getenv(name);

	return value != NULL ? value : "-";
}

static void
report(FCGX_Stream *out)
{
	sigset_t mask;

	sigprocmask(SIG_BLOCK, NULL, &mask);
	FCGX_FPrintF(out, "Content-Type: text/plain\r\n\r\npid %d\n", (int)getpid());
	FCGX_FPrintF(out, "polled %d %d\n", polled, polled_errno);
	FCGX_FPrintF(out, "atfork %d %d %d\n", prepares, parents, births);
	FCGX_FPrintF(out, "signals %d %d\n", (int)chld, (int)usr1);
	FCGX_FPrintF(out, "blocked %d %d\n", sigismember(&mask, SIGUSR2), sigismember(&mask, SIGTERM));
	FCGX_FPrintF(out, "nonblock %d %d\n", (fcntl(0, F_GETFL) & O_NONBLOCK) != 0,
	    (fcntl(2, F_GETFL) & O_NONBLOCK) != 0);
	FCGX_FPrintF(out, "cloexec %d\n", (fcntl(listener, F_GETFD) & FD_CLOEXEC) != 0);
	FCGX_FPrintF(out, "slot %s\ntemplate %s\npreload %s\n", variable("ANYFPM_SLOT"),
	    variable("ANYFPM_TEMPLATE_FD"), variable("LD_PRELOAD"));
}

int
main(int argc, char *argv[])
{
	FCGX_Request request;

	original = getpid();
	for (int i = 1; i < argc; i++) {
		char *value = strchr(argv[i], '=');

		if (value != NULL)
			*value++ = '\0';
		do_first(argv[i], value);
	}
	FCGX_Init();
	FCGX_InitRequest(&request, listener, 0);
	while (FCGX_Accept_r(&request) == 0) {
		report(request.out);
		FCGX_Finish_r(&request);
	}
	return 0;
}
