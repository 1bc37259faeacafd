/*
 * hold.c: preloaded into the process that takes stacks, to catch it while a worker is stopped.
 * HOLD=detach: it never lets go of a thread. HOLD=unwind: it finds no end of a stack for four
 * seconds.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

static int
holds(const char *what)
{
	const char *hold = getenv("HOLD");

	return hold != NULL && strcmp(hold, what) == 0;
}

long
ptrace(enum __ptrace_request request, ...)
{
	va_list ap;
	pid_t pid;
	void *addr, *data;

	va_start(ap, request);
	pid = va_arg(ap, pid_t);
	addr = va_arg(ap, void *);
	data = va_arg(ap, void *);
	va_end(ap);
	while (request == PTRACE_DETACH && holds("detach"))
		pause();
	return syscall(SYS_ptrace, (long)request, pid, addr, data);
}

int
dwfl_getthread_frames(void *dwfl, pid_t tid, void *callback, void *arg)
{
	int (*real)(void *, pid_t, void *, void *) = dlsym(RTLD_NEXT, "dwfl_getthread_frames");

	for (int i = 0; i < 400 && holds("unwind"); i++)
		usleep(10000);
	return real(dwfl, tid, callback, arg);
}
