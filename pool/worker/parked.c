/* parked.c: what a process waits for. Reads /proc, changes nothing. */
#include "config.h"

#include "pool/worker/parked.h"

#include <sys/syscall.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pool/worker/kin.h"

/* System calls in which a program waits for its next request, whatever its library is. */
static const long inputs[] = {
#ifdef SYS_accept
	SYS_accept,
#endif
	SYS_accept4, SYS_read, SYS_readv, SYS_recvfrom, SYS_recvmsg, SYS_ppoll, SYS_pselect6,
	SYS_epoll_pwait, SYS_futex, SYS_io_getevents,
#ifdef SYS_poll
	SYS_poll,
#endif
#ifdef SYS_select
	SYS_select,
#endif
#ifdef SYS_epoll_wait
	SYS_epoll_wait,
#endif
#ifdef SYS_epoll_pwait2
	SYS_epoll_pwait2,
#endif
#ifdef SYS_io_uring_enter
	SYS_io_uring_enter,
#endif
};

enum parked_in
parked_parse_syscall(const char *text)
{
	unsigned long long fd;
	long number;

	/* "running", "-1 SP PC" or the number and the arguments in hexadecimal. */
	if (sscanf(text, "%ld 0x%llx", &number, &fd) != 2 || number < 0)
		return PARKED_NOT;
#ifdef SYS_accept
	if (number == SYS_accept && fd == 0)
		return PARKED_ACCEPT;
#endif
	if (number == SYS_accept4 && fd == 0)
		return PARKED_ACCEPT;
#ifdef SYS_wait4
	if (number == SYS_wait4)
		return PARKED_WAIT;
#endif
	if (number == SYS_waitid)
		return PARKED_WAIT;
	for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++) {
		if (number == inputs[i])
			return PARKED_INPUT;
	}
	return PARKED_NOT;
}

enum parked_in
parked_look(int fd)
{
	char text[256];
	ssize_t n = fd == -1 ? -1 : pread(fd, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return PARKED_UNKNOWN;
	text[n] = '\0';
	return parked_parse_syscall(text);
}

/* The number behind "NAME:" at the beginning of a line, in base; false when there is none. */
static bool
find_number(const char *text, const char *name, int base, unsigned long long *value)
{
	const char *line = strstr(text, name);
	char *end;

	if (line == NULL || (line != text && line[-1] != '\n'))
		return false;
	line += strlen(name);
	*value = strtoull(line, &end, base);
	return end != line;
}

bool
parked_parse_status(const char *text, struct parked_status *status)
{
	const unsigned long long term = 1ULL << (SIGTERM - 1);
	unsigned long long threads, own, shared, blocked, caught;

	if (!find_number(text, "Threads:", 10, &threads) ||
	    !find_number(text, "SigPnd:", 16, &own) ||
	    !find_number(text, "ShdPnd:", 16, &shared) ||
	    !find_number(text, "SigBlk:", 16, &blocked) ||
	    !find_number(text, "SigCgt:", 16, &caught))
		return false;
	status->single = threads == 1;
	status->pending = ((own | shared) & term) != 0;
	status->blocked = (blocked & term) != 0;
	status->caught = (caught & term) != 0;
	return true;
}

/* The text of a file in /proc; returns its length, -1 when it is too long or not ours to read. */
static ssize_t
read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd == -1)
		return -1;
	n = read(fd, text, size);
	close(fd);
	if (n == -1 || (size_t)n == size)
		return -1;
	text[n] = '\0';
	return n;
}

static bool
read_status(pid_t pid, struct parked_status *status)
{
	char path[64], text[4096];

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	return read_text(path, text, sizeof(text)) > 0 && parked_parse_status(text, status);
}

static bool
is_parked(pid_t pid, int depth)
{
	char path[64], text[256];
	pid_t children[KIN_MAX];
	struct parked_status status;
	enum parked_in in;
	int count;

	snprintf(path, sizeof(path), "/proc/%d/syscall", (int)pid);
	if (read_text(path, text, sizeof(text)) <= 0)
		return false;
	in = parked_parse_syscall(text);
	if (in != PARKED_ACCEPT && in != PARKED_WAIT)
		return false;
	/* One that it blocks, as in its handler, it will not see as long as it waits. */
	if (!read_status(pid, &status) || !status.single || (status.pending && !status.blocked))
		return false;
	count = kin_children(pid, children);
	if (in == PARKED_ACCEPT)
		return count == 0; /* they could be at work */
	if (depth == KIN_DEPTH_MAX || count <= 0)
		return false;
	for (int i = 0; i < count; i++) {
		if (!is_parked(children[i], depth + 1))
			return false;
	}
	return true;
}

bool
parked_is(pid_t pid)
{
	return is_parked(pid, 0);
}

bool
parked_is_manager(pid_t pid)
{
	pid_t children[KIN_MAX];
	struct parked_status status;

	return read_status(pid, &status) && (status.caught || status.blocked) &&
	    kin_children(pid, children) > 0;
}

bool
parked_has_taken(pid_t pid)
{
	struct parked_status status;

	return read_status(pid, &status) && !status.pending;
}
