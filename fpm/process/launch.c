/*
 * launch.c: the birth of a pool's or the metrics process: one fork, whose child only arranges
 * descriptors and signals, then executes or exits. Nothing here knows why it is started.
 */
#include "config.h"

#include "fpm/process/launch.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#ifdef HAVE_CLOSE_RANGE
#include <linux/close_range.h>
#endif
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/shared/message.h"

/* Descriptors: of no use beyond that; and what a system has that does not tell. */
#define NOFILE_MAX 1048576
#define NOFILE_USUAL 1024

enum { EXIT_NOT_EXECUTED = 127 };

/* Everything the child needs, made before the fork. */
struct birth {
	char *const *argv, *const *envp;
	int exe_fd, sock, log_fd, null_fd;
	const struct rlimit *nofile;
	int error[2]; /* a pipe that the exec closes; else errno comes through it */
};

/* Put fd at number, not close-on-exec; fd itself is above all those numbers. */
static int
place(int fd, int number)
{
	return dup2(fd, number) == -1 ? -1 : 0;
}

/* Move fd above the numbers that the new process gets. */
static int
lift(int *fd)
{
	return (*fd = fcntl(*fd, F_DUPFD_CLOEXEC, MESSAGE_FILENO + 1)) == -1 ? -1 : 0;
}

/* Ours are close-on-exec from birth; those that we inherited ourselves need not be. */
static void
close_on_exec_from(int first)
{
#ifdef HAVE_CLOSE_RANGE
	if (close_range((unsigned int)first, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
		return;
#endif
	for (int fd = first, end = (int)sysconf(_SC_OPEN_MAX); fd < end; fd++)
		fd_set_cloexec(fd, 1);
}

static void
default_signals(void)
{
	struct sigaction action;
	sigset_t none;

	memset(&action, 0, sizeof(action));
	action.sa_handler = SIG_DFL;
	for (int signo = 1; signo < NSIG; signo++)
		sigaction(signo, &action, NULL); /* KILL, STOP and libc's own refuse */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The child. Never returns, touches no memory of the heap. */
static _Noreturn void
become(struct birth *b)
{
	int error;

	setsid(); /* what it starts can be told from what others start */
	if (lift(&b->exe_fd) == -1 || lift(&b->sock) == -1 || lift(&b->log_fd) == -1 ||
	    lift(&b->null_fd) == -1 || lift(&b->error[1]) == -1)
		goto fail;
	if (place(b->null_fd, STDIN_FILENO) == -1 || place(b->log_fd, STDOUT_FILENO) == -1 ||
	    place(b->log_fd, STDERR_FILENO) == -1 || place(b->sock, MESSAGE_FILENO) == -1)
		goto fail;
	close_on_exec_from(MESSAGE_FILENO + 1);
	setrlimit(RLIMIT_NOFILE, b->nofile);
	default_signals();
	launch_execute(b->exe_fd, b->argv, b->envp);
fail:
	error = errno;
	if (write(b->error[1], &error, sizeof(error)) == -1)
		_exit(EXIT_NOT_EXECUTED);
	_exit(EXIT_NOT_EXECUTED);
}

/* Wait until the child has been executed (end of file): 0, or its errno. */
static int
await_exec(int fd)
{
	int error = 0;
	ssize_t n;

	do
		n = read(fd, &error, sizeof(error));
	while (n == -1 && errno == EINTR);
	return n == (ssize_t)sizeof(error) ? error : 0;
}

static pid_t
fork_child(struct birth *b)
{
	sigset_t all, before;
	pid_t pid;
	int saved;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (pid == 0)
		become(b);
	saved = errno;
	sigprocmask(SIG_SETMASK, &before, NULL);
	errno = saved;
	return pid;
}

int
launch_open_exe(void)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	if (fd == -1)
		log_error("cannot open our own binary, /proc/self/exe: %s; is /proc mounted?",
		    strerror(errno));
	return fd;
}

bool
launch_check_null(void)
{
	struct stat st;
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	bool good = fd != -1 && fstat(fd, &st) == 0 && S_ISCHR(st.st_mode);

	if (fd == -1)
		log_error("cannot open /dev/null, which processes are started with: %s; make it "
			  "(mknod -m 666 /dev/null c 1 3), or mount /dev where a chroot lacks it",
		    strerror(errno));
	else if (!good)
		log_error("/dev/null, which processes are started with, is not the device; "
			  "remove it and make it anew (mknod -m 666 /dev/null c 1 3)");
	fd_close(&fd);
	return good;
}

void
launch_raise_nofile(struct rlimit *before)
{
	struct rlimit raised;

	if (getrlimit(RLIMIT_NOFILE, before) == -1)
		before->rlim_cur = before->rlim_max = NOFILE_USUAL;
	raised = *before;
	if (raised.rlim_cur >= NOFILE_MAX)
		return;
	raised.rlim_cur = raised.rlim_max < NOFILE_MAX ? raised.rlim_max : NOFILE_MAX;
	if (setrlimit(RLIMIT_NOFILE, &raised) == -1)
		log_warning("cannot raise the limit of open files: %s", strerror(errno));
}

void
launch_execute(int exe_fd, char *const argv[], char *const envp[])
{
#ifdef HAVE_EXECVEAT
	execveat(exe_fd, "", argv, envp, AT_EMPTY_PATH);
#endif
	fexecve(exe_fd, argv, envp);
}

pid_t
launch(int exe_fd, char *const argv[], char *const envp[], int sock, int log_fd,
    const struct rlimit *nofile)
{
	struct birth b = {.argv = argv,
	    .envp = envp,
	    .exe_fd = exe_fd,
	    .sock = sock,
	    .log_fd = log_fd,
	    .null_fd = -1,
	    .nofile = nofile,
	    .error = {-1, -1}};
	pid_t pid = -1;
	int error = 0;

	if ((b.null_fd = open("/dev/null", O_RDWR | O_CLOEXEC)) != -1 &&
	    pipe2(b.error, O_CLOEXEC) == 0 && (pid = fork_child(&b)) != -1) {
		fd_close(&b.error[1]);
		if ((error = await_exec(b.error[0])) != 0) {
			while (waitpid(pid, NULL, 0) == -1 && errno == EINTR)
				;
			pid = -1;
			errno = error;
		}
	}
	fd_close(&b.error[0]);
	fd_close(&b.error[1]);
	fd_close(&b.null_fd);
	return pid;
}
