/* kin.c: find what a worker has started, and send it signals. */
#include "config.h"

#include "pool/worker/kin.h"

#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CHILDREN_TEXT_MAX 4096

int
kin_children(pid_t pid, pid_t children[KIN_MAX])
{
	char path[64], text[CHILDREN_TEXT_MAX], *p = text, *end;
	int fd, count = 0;
	ssize_t n;
	long child;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		return -1;
	n = read(fd, text, sizeof(text));
	close(fd);
	if (n == -1 || (size_t)n == sizeof(text))
		return -1;
	text[n] = '\0';
	while ((child = strtol(p, &end, 10)) > 0 && end != p) {
		if (count == KIN_MAX)
			return -1;
		children[count++] = (pid_t)child;
		p = end;
	}
	return count;
}

/* Its number may become another's at any time: what is open stays the one that was looked at. */
static void
signal_member(pid_t pid, pid_t group, int sig)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	if (fd == -1 && errno != ENOSYS)
		return;
	if (getpgid(pid) == group && fd != -1)
		syscall(SYS_pidfd_send_signal, fd, sig, NULL, 0);
	else if (getpgid(pid) == group)
		kill(pid, sig);
	if (fd != -1)
		close(fd);
}

static void
signal_below(pid_t pid, pid_t group, int sig, int depth)
{
	pid_t children[KIN_MAX];
	int count = kin_children(pid, children);

	for (int i = 0; i < count; i++) {
		if (depth < KIN_DEPTH_MAX)
			signal_below(children[i], group, sig, depth + 1);
		signal_member(children[i], group, sig);
	}
}

void
kin_signal(pid_t leader, int sig)
{
	signal_below(leader, leader, sig, 1);
}
