/* test_procstat.c: what a process has for itself, and our own oom_score_adj. */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/oomscore.h"
#include "base/procstat.h"
#include "tests/unit/run.h"

#define KB 1024

/* Who sleeps runs again afterwards. */
START_TEST(test_runs)
{
	uint64_t before = procstat_runs(getpid());

	if (access("/proc/self/schedstat", R_OK) == -1 || before == 0)
		return; /* this kernel does not count */
	usleep(1000);
	ck_assert_uint_gt(procstat_runs(getpid()), before);
	ck_assert_uint_eq(procstat_runs(0x7fffffff), 0);
}
END_TEST

static void *
spin(void *stop)
{
	while (!atomic_load((atomic_bool *)stop))
		;
	return NULL;
}

/* More threads than CPUs wait for one; of several some tell of all. */
START_TEST(test_threads)
{
	enum { MORE = 3 };
	long count = sysconf(_SC_NPROCESSORS_ONLN) + MORE;
	pthread_t *threads = calloc((size_t)count, sizeof(*threads));
	unsigned int before = procstat_threads(getpid());
	int64_t all = 0, some = 0;
	atomic_bool stop = false;

	ck_assert_ptr_nonnull(threads);
	ck_assert_uint_ge(before, 1);
	for (long i = 0; i < count; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, spin, &stop), 0);
	ck_assert_uint_eq(procstat_threads(getpid()), before + (unsigned int)count);
	for (int i = 0; i < 1000 && procstat_runs(getpid()) > 0 && (all <= 0 || some <= 0); i++) {
		usleep(10000);
		all = procstat_delays(getpid(), 1000);
		some = procstat_delays(getpid(), (unsigned int)count - 1);
	}
	atomic_store(&stop, true);
	for (long i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	free(threads);
	ck_assert(procstat_runs(getpid()) == 0 || (all > 0 && some > 0));
	ck_assert_uint_eq(procstat_threads(0x7fffffff), 0);
	ck_assert_int_eq(procstat_delays(0x7fffffff, 16), -1);
}
END_TEST

static const struct {
	const char *name, *text;
	uint64_t want;
} memories[] = {
    {"files do not count", "VmRSS:\t  9000 kB\nRssAnon:\t 1000 kB\nRssFile:\t 7700 kB\n"
			   "RssShmem:\t  300 kB\nVmSwap:\t 0 kB\n", 1300 * KB},
    {"swapped out is used", "VmRSS:\t 2 kB\nRssAnon:\t 1 kB\nRssFile:\t 1 kB\nRssShmem:\t 0 kB\n"
			    "VmSwap:\t 4096 kB\n", 4097 * KB},
    {"before Linux 4.5", "VmHWM:\t 700 kB\nVmRSS:\t 600 kB\nVmSwap:\t 5 kB\n", 605 * KB},
    {"all in files", "VmRSS:\t 80 kB\nRssAnon:\t 0 kB\nRssFile:\t 80 kB\nRssShmem:\t 0 kB\n", 0},
    {"a zombie", "Name:\tx\nState:\tZ (zombie)\nPid:\t7\n", 0},
    {"a name that looks like one", "Name:\tRssAnon: 5 kB\nRssAnon:\t 3 kB\n", 3 * KB},
    {"more than 4 GB", "RssAnon:\t 10485760 kB\n", UINT64_C(10485760) * KB},
    {"cut in the number", "RssAnon:\t 3 kB\nRssShmem:\t 12", 3 * KB},
    {"cut in the unit", "RssAnon:\t 3 kB\nRssShmem:\t 12 k", 3 * KB},
    {"nothing", "", 0},
};

static int
file_of(const char *text)
{
	int fd = memfd_create("text", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	return fd;
}

START_TEST(test_memory)
{
	int fd = file_of(memories[_i].text);

	ck_assert_msg(procstat_memory(fd) == memories[_i].want, "%s: %llu", memories[_i].name,
	    (unsigned long long)procstat_memory(fd));
	close(fd);
}
END_TEST

#define ROLLUP                                                                                     \
	"55f0c0000000-7ffd2f3ff000 ---p 00000000 00:00 0 [rollup]\nRss:  9000 kB\n"
static const struct {
	const char *name, *text;
	uint64_t resident, anonymous, shared, swapped, sum;
	bool in_parts;
} shares[] = {
    {"files do not count", ROLLUP "Pss: 5000 kB\nPss_Dirty: 8 kB\nPss_Anon: 1000 kB\n"
			   "Pss_File: 3700 kB\nPss_Shmem: 300 kB\nShared_Clean: 7 kB\nSwap: 44 kB\n"
			   "SwapPss: 11 kB\n", 5000, 1000, 300, 11, 1311, true},
    {"before Linux 5.4", ROLLUP "Pss: 5000 kB\nShared_Clean: 7 kB\nSwap: 44 kB\nSwapPss: 11 kB\n",
	5000, 0, 0, 11, 5011, false},
    {"all in files", ROLLUP "Pss: 80 kB\nPss_Anon: 0 kB\nPss_File: 80 kB\nPss_Shmem: 0 kB\n", 80, 0,
	0, 0, 0, true},
    {"more than 4 GB", "Pss_Anon: 10485760 kB\n", 0, 10485760, 0, 0, 10485760, true},
    {"cut in the number", "Pss_Anon: 3 kB\nPss_Shmem: 12", 0, 3, 0, 0, 3, true},
    {"nothing", "", 0, 0, 0, 0, 0, false},
};

START_TEST(test_shares)
{
	struct procstat_memory m = {0};

	procstat_shares_parse(shares[_i].text, &m);
	ck_assert_msg(m.resident == shares[_i].resident * KB && m.anonymous == shares[_i].anonymous * KB &&
		m.shared == shares[_i].shared * KB && m.swapped == shares[_i].swapped * KB &&
		m.in_parts == shares[_i].in_parts,
	    "%s", shares[_i].name);
	ck_assert_uint_eq(procstat_memory_sum(&m), shares[_i].sum * KB);
}
END_TEST

/* What two processes have is half a page for each of them, until one writes to it. */
START_TEST(test_shares_of_a_fork)
{
	const size_t size = 32 << 20;
	struct procstat_memory alone, together, none;
	char *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pid_t pid;

	ck_assert(at != MAP_FAILED);
	memset(at, 'x', size);
	procstat_shares_read(getpid(), &alone);
	if (procstat_memory_sum(&alone) == 0)
		return; /* this kernel does not tell */
	ck_assert_int_ne(pid = fork(), -1);
	while (pid == 0)
		pause();
	procstat_shares_read(getpid(), &together);
	ck_assert_uint_gt(procstat_memory_sum(&together), size / 2);
	ck_assert_uint_lt(procstat_memory_sum(&together), procstat_memory_sum(&alone) - size / 4);
	ck_assert_uint_gt(alone.alone, size);
	ck_assert_uint_lt(together.alone, size / 4);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	procstat_shares_read(getpid(), &together);
	ck_assert_uint_gt(procstat_memory_sum(&together), size);
	procstat_shares_read(0x7fffffff, &none);
	ck_assert_uint_eq(procstat_memory_sum(&none), 0);
	munmap(at, size);
}
END_TEST

/* Whatever length the list of groups has, no line is lost where two pieces meet. */
START_TEST(test_memory_after_many_groups)
{
	static const char lines[] = "\nVmRSS:\t 9000 kB\nRssAnon:\t   12345 kB\n"
				    "RssFile:\t 1 kB\nRssShmem:\t 6789 kB\nVmSwap:\t 11 kB\n";
	char *text = malloc(9000 + sizeof(lines));

	ck_assert_ptr_nonnull(text);
	for (size_t groups = 3900; groups < 8400; groups++) {
		int fd;

		memset(text, '1', groups);
		memcpy(text + groups, lines, sizeof(lines));
		fd = file_of(text);
		ck_assert_uint_eq(procstat_memory(fd), (12345 + 6789 + 11) * KB);
		close(fd);
	}
	free(text);
}
END_TEST

/* Of ourselves: a mapped file is not ours, what we write to shared memory is. */
START_TEST(test_memory_of_ourselves)
{
	const size_t size = 32 << 20;
	FILE *status = fopen("/proc/self/status", "re");
	int fd = memfd_create("shared", MFD_CLOEXEC);
	uint64_t before, after;
	char *at;

	ck_assert_ptr_nonnull(status);
	ck_assert_int_eq(ftruncate(fd, (off_t)size), 0);
	before = procstat_memory(fileno(status));
	at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ck_assert(at != MAP_FAILED);
	memset(at, 'x', size);
	after = procstat_memory(fileno(status));
	ck_assert_uint_gt(before, 0);
	ck_assert_uint_ge(after, before + size / 10 * 9);
	munmap(at, size);
	close(fd);
	fclose(status);
}
END_TEST

static const struct {
	const char *now;
	int wanted;
	bool raised;
	const char *then;
} scores[] = {
    {"0\n", 300, true, "300\n"},
    {"-500\n", 0, true, "0\n00\n"}, /* the kernel takes a write as a whole */
    {"300\n", 300, false, "300\n"},
    {"900\n", 300, false, "900\n"},
    {"what\n", 300, false, "what\n"},
};

START_TEST(test_oom_score)
{
	int fd = file_of(scores[_i].now), before = 12345;
	char text[32] = "";

	ck_assert(oomscore_raise(fd, scores[_i].wanted, &before) == scores[_i].raised);
	ck_assert_int_ge(pread(fd, text, sizeof(text) - 1, 0), 0);
	ck_assert_str_eq(text, scores[_i].then);
	if (scores[_i].raised) {
		ck_assert_int_eq(before, atoi(scores[_i].now));
		ck_assert(oomscore_set(fd, before));
	}
	close(fd);
	ck_assert(!oomscore_raise(fd, 300, &before) && errno == EBADF);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("procstat");
	TCase *tc = tcase_create("procstat");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, test_shares, 0, COUNT(shares));
	tcase_add_test(tc, test_shares_of_a_fork);
	tcase_add_loop_test(tc, test_memory, 0, COUNT(memories));
	tcase_add_test(tc, test_memory_after_many_groups);
	tcase_add_test(tc, test_memory_of_ourselves);
	tcase_add_test(tc, test_runs);
	tcase_add_test(tc, test_threads);
	tcase_add_loop_test(tc, test_oom_score, 0, COUNT(scores));
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
