/*
 * slow.c: a worker with threads, for the tests of the slow log. Each of its functions has a name
 * and a line to be found in a stack.
 *
 *	slow THREADS [MB]  so many threads beside the main one wait; one of them ticks; so much memory
 *			   is taken at the start
 *
 * ms=N sleeps for so long, deep inside; burn=N uses CPU time instead; grow=N takes so many KB more
 * for good; least=N&most=M takes as many KB as chance has it between these, until the next request
 * with them; lock=N sleeps for so long with a lock that all workers share; hide=1 forbids tracing
 * before it.
 * The answer is "pid largest-gap-of-the-ticks-in-microseconds".
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <fcgiapp.h>

#define NOINLINE __attribute__((noinline, noclone))

static _Atomic int64_t largest_gap_us;

static int64_t
now_us(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static void
sleep_us(int64_t us)
{
	int64_t until = now_us(CLOCK_MONOTONIC) + us, left;

	while ((left = until - now_us(CLOCK_MONOTONIC)) > 0) {
		struct timespec ts = { left / 1000000, left % 1000000 * 1000 };

		nanosleep(&ts, NULL);
	}
}

static void
grow(size_t size)
{
	static char *volatile last; /* or else the compiler would see that nobody reads it */
	char *p = size > 0 ? malloc(size) : NULL;

	if (p == NULL)
		return;
	memset(p, 1, size);
	last = p;
}

static void
vary(size_t least, size_t most)
{
	static char *p = MAP_FAILED;
	static size_t size;

	if (most == 0)
		return;
	if (p != MAP_FAILED)
		munmap(p, size);
	else
		srandom((unsigned int)getpid());
	size = (least + (size_t)random() % (most - least + 1)) * 1024;
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return;
	madvise(p, size, MADV_HUGEPAGE); /* or else it would take more CPU time than all the rest */
	memset(p, 1, size);
}

/* The lock is the program's file. */
static void
hold(int64_t ms)
{
	static int fd = -1;

	if (ms == 0 || (fd == -1 && (fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC)) == -1) ||
	    flock(fd, LOCK_EX) == -1)
		return;
	sleep_us(ms * 1000);
	flock(fd, LOCK_UN);
}

NOINLINE static void
innermost(int64_t sleep_ms, int64_t burn_ms)
{
	int64_t until = now_us(CLOCK_THREAD_CPUTIME_ID) + burn_ms * 1000;

	sleep_us(sleep_ms * 1000);
	while (now_us(CLOCK_THREAD_CPUTIME_ID) < until)
		;
}

NOINLINE static void
in_the_middle(int64_t sleep_ms, int64_t burn_ms, int depth)
{
	volatile char room[256];

	memset((char *)room, depth, sizeof(room));
	if (depth > 0)
		in_the_middle(sleep_ms, burn_ms, depth - 1);
	else
		innermost(sleep_ms, burn_ms);
	room[0] = 0; /* no tail call */
}

NOINLINE static void *
thread_that_waits(void *arg)
{
	for (;;)
		sleep_us(INT64_C(3600000000));
	return arg;
}

NOINLINE static void *
thread_that_ticks(void *arg)
{
	int64_t last = now_us(CLOCK_MONOTONIC), now;

	for (;;) {
		sleep_us(500);
		now = now_us(CLOCK_MONOTONIC);
		if (now - last > largest_gap_us)
			largest_gap_us = now - last;
		last = now;
	}
	return arg;
}

static int64_t
query(const FCGX_Request *r, const char *name)
{
	const char *p = FCGX_GetParam("QUERY_STRING", r->envp);

	p = p != NULL ? strstr(p, name) : NULL;
	return p != NULL ? strtoll(p + strlen(name), NULL, 10) : 0;
}

int
main(int argc, char *argv[])
{
	int threads = argc > 1 ? atoi(argv[1]) : 0;
	FCGX_Request r;
	pthread_t t;

	grow((size_t)(argc > 2 ? atoi(argv[2]) : 0) << 20);
	if (FCGX_Init() != 0 || FCGX_InitRequest(&r, 0, 0) != 0)
		return 1;
	for (int i = 0; i < threads; i++) {
		if (pthread_create(&t, NULL, i == 0 ? thread_that_ticks : thread_that_waits,
			NULL) != 0)
			return 1;
	}
	while (FCGX_Accept_r(&r) == 0) {
		if (query(&r, "hide=") != 0)
			prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
		hold(query(&r, "lock="));
		grow((size_t)query(&r, "grow=") * 1024);
		vary((size_t)query(&r, "least="), (size_t)query(&r, "most="));
		largest_gap_us = 0;
		in_the_middle(query(&r, "ms="), query(&r, "burn="), (int)query(&r, "depth="));
		FCGX_FPrintF(r.out, "Content-Type: text/plain\r\n\r\n%ld %ld\n", (long)getpid(),
		    (long)largest_gap_us);
		FCGX_Finish_r(&r);
	}
	return 0;
}
