/*
 * several.c: a libfcgi program with threads, for the tests of pm.max_concurrency.
 *
 *	several each THREADS     each thread accepts by itself
 *	several late THREADS     the same, but the others are started when the first request has come
 *	several mutex THREADS    they take turns to accept, under a mutex
 *
 * several.go and several.py are asked by the same words in the query string, in this order: mb=N
 * allocates and keeps, head=1 begins to answer, ms=N sleeps, burn=N uses CPU time (ms), do=abort,
 * exit or hang; bytes=N is how much follows the answer, a line of JSON: who answered, what id=N and
 * body came, how many requests ran in the process when this one began. Runs are noted in the file
 * RUNS.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <fcgiapp.h>

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static int in_turns;
static atomic_int running, late;
static uint32_t crc_of[256];
static char filler[4096];

static const char *
param(const FCGX_Request *r, const char *name)
{
	const char *value = FCGX_GetParam(name, r->envp);

	return value != NULL ? value : "";
}

/* The value of "name=" in the query string, "" without. */
static const char *
query(const FCGX_Request *r, const char *name)
{
	const char *p = param(r, "QUERY_STRING");

	for (size_t n = strlen(name); *p != '\0'; p++) {
		if (strncmp(p, name, n) == 0 && p[n] == '=')
			return p + n + 1;
		p = strchr(p, '&');
		if (p == NULL)
			break;
	}
	return "";
}

static long
number(const FCGX_Request *r, const char *name)
{
	return atol(query(r, name));
}

static int
is(const FCGX_Request *r, const char *name, const char *value)
{
	const char *p = query(r, name);

	return strncmp(p, value, strlen(value)) == 0;
}

static void
make_crc(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		crc_of[i] = i;
		for (int bit = 0; bit < 8; bit++)
			crc_of[i] = crc_of[i] >> 1 ^ (crc_of[i] & 1 ? 0xedb88320 : 0);
	}
}

static void
note_run(const FCGX_Request *r)
{
	const char *path = getenv("RUNS");
	char line[64];
	int fd, n;

	if (path == NULL)
		return;
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
	n = snprintf(line, sizeof(line), "%s %ld\n", param(r, "REQUEST_METHOD"), number(r, "id"));
	if (fd == -1 || write(fd, line, (size_t)n) != n)
		abort();
	close(fd);
}

static int64_t
thread_cpu_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static void
sleep_ms(long ms)
{
	struct timespec left = { ms / 1000, ms % 1000 * 1000000 };

	while (nanosleep(&left, &left) == -1)
		;
}

static void
misbehave(const FCGX_Request *r)
{
	if (is(r, "do", "abort"))
		abort();
	if (is(r, "do", "exit"))
		_exit(0);
	while (is(r, "do", "hang"))
		sleep_ms(1000);
}

static void
work(const FCGX_Request *r)
{
	size_t size = (size_t)number(r, "mb") << 20;
	int64_t until;
	char *kept;

	if (size > 0) {
		kept = malloc(size);
		if (kept == NULL)
			abort();
		memset(kept, 'm', size);
	}
	if (number(r, "head") != 0) {
		FCGX_FPrintF(r->out, "Content-Type: text/plain\r\n\r\nthe first half\n");
		FCGX_FFlush(r->out);
	}
	sleep_ms(number(r, "ms"));
	until = thread_cpu_us() + number(r, "burn") * 1000;
	while (thread_cpu_us() < until)
		;
	misbehave(r);
}

static void
serve(const FCGX_Request *r, int beside)
{
	uint32_t crc = 0xffffffff;
	long length = 0;
	char block[65536];
	int n;

	while ((n = FCGX_GetStr(block, sizeof(block), r->in)) > 0) {
		for (int i = 0; i < n; i++)
			crc = crc >> 8 ^ crc_of[(crc ^ (unsigned char)block[i]) & 0xff];
		length += n;
	}
	note_run(r);
	work(r);
	if (number(r, "head") == 0)
		FCGX_FPrintF(r->out, "Content-Type: text/plain\r\n\r\n");
	snprintf(block, sizeof(block),
	    "{\"pid\": %ld, \"thread\": %ld, \"method\": \"%s\", \"id\": %ld, \"beside\": %d, "
	    "\"length\": %ld, \"crc32\": %lu}\n",
	    (long)getpid(), (long)syscall(SYS_gettid), param(r, "REQUEST_METHOD"), number(r, "id"),
	    beside, length, (unsigned long)(crc ^ 0xffffffff));
	FCGX_PutS(block, r->out);
	for (long left = number(r, "bytes"); left > 0; left -= n) {
		n = left < (long)sizeof(filler) ? (int)left : (int)sizeof(filler);
		if (FCGX_PutStr(filler, n, r->out) != n)
			break;
	}
}

static void *accept_and_serve(void *arg);

static void
start_threads(int n)
{
	pthread_t thread;

	while (n-- > 0) {
		if (pthread_create(&thread, NULL, accept_and_serve, NULL) != 0)
			abort();
	}
}

static void *
accept_and_serve(void *arg)
{
	FCGX_Request r;
	int rc, beside;

	if (FCGX_InitRequest(&r, 0, 0) != 0)
		abort();
	for (;;) {
		if (in_turns)
			pthread_mutex_lock(&turn);
		rc = FCGX_Accept_r(&r);
		if (in_turns)
			pthread_mutex_unlock(&turn);
		if (rc != 0)
			return arg;
		start_threads(atomic_exchange(&late, 0));
		beside = atomic_fetch_add(&running, 1) + 1;
		serve(&r, beside);
		atomic_fetch_sub(&running, 1);
		FCGX_Finish_r(&r);
	}
}

int
main(int argc, char *argv[])
{
	int others;

	if (argc != 3)
		return 64;
	in_turns = strcmp(argv[1], "mutex") == 0;
	others = atoi(argv[2]) - 1;
	memset(filler, 'z', sizeof(filler));
	make_crc();
	if (FCGX_Init() != 0)
		return 1;
	signal(SIGTERM, SIG_DFL); /* libfcgi's handler lets one thread end, not all */
	if (strcmp(argv[1], "late") == 0)
		late = others;
	else
		start_threads(others);
	accept_and_serve(NULL);
	return 0;
}
