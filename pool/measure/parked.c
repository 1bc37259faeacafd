/* parked.c: what a process waits for. Reads /proc, changes nothing. */
#include "config.h"

#include "pool/measure/parked.h"

#include <sys/syscall.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How deep below the worker children are looked at. */
#define DEPTH_MAX 4
/* Children of one process that are looked at; with more it counts as busy. */
#define CHILDREN_TEXT_MAX 4096

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

	if (strncmp(text, "running", strlen("running")) == 0)
		return PARKED_RUNS;
	/* "-1 SP PC" or the number and the arguments in hexadecimal. */
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
parked_parse_status(const char *text)
{
	const unsigned long long term = 1ULL << (SIGTERM - 1);
	unsigned long long threads, own, shared;

	return find_number(text, "Threads:", 10, &threads) && threads == 1 &&
	    find_number(text, "SigPnd:", 16, &own) && (own & term) == 0 &&
	    find_number(text, "ShdPnd:", 16, &shared) && (shared & term) == 0;
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

static bool is_parked(pid_t pid, int depth);

static bool
are_children_parked(pid_t pid, int depth)
{
	char path[64], text[CHILDREN_TEXT_MAX], *p = text, *end;
	long child;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
	if (depth == DEPTH_MAX || read_text(path, text, sizeof(text)) <= 0)
		return false;
	while ((child = strtol(p, &end, 10)) > 0 && end != p) {
		if (!is_parked((pid_t)child, depth + 1))
			return false;
		p = end;
	}
	return p != text; /* there is one */
}

static bool
is_parked(pid_t pid, int depth)
{
	char path[64], text[4096];
	enum parked_in in;

	/* In this order: a signal that is taken between both looks leads out of the call. */
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	if (read_text(path, text, sizeof(text)) <= 0 || !parked_parse_status(text))
		return false;
	snprintf(path, sizeof(path), "/proc/%d/syscall", (int)pid);
	if (read_text(path, text, sizeof(text)) <= 0)
		return false;
	in = parked_parse_syscall(text);
	if (in != PARKED_ACCEPT && in != PARKED_WAIT)
		return false;
	if (in == PARKED_WAIT)
		return are_children_parked(pid, depth);
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
	return read_text(path, text, sizeof(text)) == 0; /* none: they could be at work */
}

bool
parked_is(pid_t pid)
{
	return is_parked(pid, 0);
}
