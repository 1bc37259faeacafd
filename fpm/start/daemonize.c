/* daemonize.c: into the background, with whoever started us waiting for the outcome. */
#include "config.h"

#include "fpm/start/daemonize.h"

#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"

/* Wait for the daemon's report and exit with it. */
static _Noreturn void
await_report(int fd, pid_t intermediate)
{
	uint8_t code = EX_OSERR;
	ssize_t n;

	while (waitpid(intermediate, NULL, 0) == -1 && errno == EINTR)
		;
	do
		n = read(fd, &code, sizeof(code));
	while (n == -1 && errno == EINTR);
	if (n != 1)
		log_error("the daemon ended before it had started");
	else if (code != 0)
		log_error("the daemon could not be started; the error log says why, where it is "
			  "not said here");
	_exit(n == 1 ? code : EX_OSERR);
}

int
daemonize(void)
{
	int report[2];
	pid_t pid;

	if (pipe2(report, O_CLOEXEC) == -1)
		return -1;
	if ((pid = fork()) == -1) {
		fd_close(&report[0]);
		fd_close(&report[1]);
		return -1;
	}
	if (pid > 0) {
		close(report[1]);
		await_report(report[0], pid);
	}
	close(report[0]);
	/* A session's leader could get a terminal again; its child cannot. */
	if (setsid() == -1 || (pid = fork()) == -1) {
		log_error("cannot go to the background");
		daemonize_report(report[1], EX_OSERR);
		_exit(EX_OSERR);
	}
	if (pid > 0)
		_exit(0);
	return report[1];
}

void
daemonize_report(int report_fd, int code)
{
	uint8_t byte = (uint8_t)code;

	while (write(report_fd, &byte, sizeof(byte)) == -1 && errno == EINTR)
		;
	close(report_fd);
}

void
daemonize_detach(int log_fd)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null != -1)
		dup2(null, STDIN_FILENO);
	fd_close(&null);
	dup2(log_fd, STDOUT_FILENO);
	dup2(log_fd, STDERR_FILENO);
}

bool
daemonize_obeys_terminal(void)
{
	struct sigaction action;
	int fd;

	if (sigaction(SIGHUP, NULL, &action) == -1 || action.sa_handler == SIG_IGN)
		return false;
	fd = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC);
	if (fd == -1)
		return false;
	close(fd);
	return true;
}
