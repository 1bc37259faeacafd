/* test_auto_cpu.c: pm = auto, how many workers saturate the CPUs. */
#include "config.h"

#include "pool/policy/auto_cpu.h"
#include "tests/unit/run.h"

#define MS 1000
#define SECOND 1000000

/* Requests of so much CPU time, delay and other waiting, each in microseconds, in 100 ms. */
static struct auto_window
window(uint64_t requests, int64_t cpu_us, int64_t delay_us, int64_t wait_us)
{
	int64_t n = (int64_t)requests;

	return (struct auto_window){
	    .length_us = 100 * MS,
	    .busy_us = n * (cpu_us + delay_us + wait_us),
	    .cpu_us = n * cpu_us,
	    .delay_us = n * delay_us,
	    .others_us = -1,
	    .requests = requests,
	};
}

static void
add(struct auto_cpu *cpu, int times, struct auto_window w)
{
	while (times-- > 0)
		auto_cpu_add(cpu, &w);
}

static const struct share_row {
	const char *name;
	uint64_t requests;
	int64_t cpu_us, delay_us, wait_us;
	double share; /* in hundredths */
} share_rows[] = {
    {"CPU alone", 10, 5 * MS, 0, 0, 100},
    {"and waiting for it", 40, 5 * MS, 45 * MS, 0, 100},
    {"a fifth", 4, 5 * MS, 0, 20 * MS, 20},
    {"a fifth, with many others", 40, 5 * MS, 30 * MS, 20 * MS, 20},
    {"one part of a hundred and one", 60, 1 * MS, 1 * MS, 100 * MS, 0.99},
    {"two threads", 10, 10 * MS, 0, -5 * MS, 200},
    {"no CPU time that a clock would tell", 10, 0, 0, 20 * MS, 0},
    {"clocks read one after the other", 10, 5 * MS, 1 * MS, -1 * MS / 2, 100},
};

START_TEST(test_share)
{
	const struct share_row *row = &share_rows[_i];
	struct auto_cpu cpu = {0};

	add(&cpu, 20, window(row->requests, row->cpu_us, row->delay_us, row->wait_us));
	ck_assert_msg(auto_cpu_known(&cpu), "%s", row->name);
	ck_assert_double_eq_tol(auto_cpu_share(&cpu) * 100, row->share, 0.01);
	ck_assert_double_eq_tol(auto_cpu_us(&cpu), (double)row->cpu_us, 1);
}
END_TEST

/* The first half of a long request is not taken for the whole. */
START_TEST(test_little)
{
	struct auto_cpu cpu = {0};
	struct auto_window half = {.length_us = 100 * MS, .busy_us = 100 * MS, .cpu_us = 100 * MS};

	add(&cpu, 1, (struct auto_window){.length_us = SECOND});
	ck_assert(!auto_cpu_known(&cpu) && auto_cpu_share(&cpu) <= 0);
	add(&cpu, 9, half);
	ck_assert(!auto_cpu_known(&cpu) && auto_cpu_share(&cpu) <= 0);
	ck_assert_double_eq(auto_cpu_us(&cpu), 0);
	add(&cpu, 2, half); /* but as it stays like that */
	ck_assert(auto_cpu_known(&cpu));
	ck_assert_double_eq_tol(auto_cpu_share(&cpu), 1, 0.001);
}
END_TEST

/* A pause changes nothing, what the program does now is known soon; few requests are no
 * reason to believe so. */
START_TEST(test_change)
{
	struct auto_cpu cpu = {0};

	add(&cpu, 100, window(40, 5 * MS, 20 * MS, 20 * MS));
	add(&cpu, 1000, (struct auto_window){.length_us = SECOND});
	ck_assert_double_eq_tol(auto_cpu_share(&cpu), 0.2, 0.001);
	add(&cpu, 3, window(1, 1 * MS, 0, 100 * MS));
	ck_assert_double_eq_tol(auto_cpu_share(&cpu), 0.2, 0.01);
	add(&cpu, 8, window(40, 1 * MS, 0, 100 * MS));
	ck_assert_double_eq_tol(auto_cpu_share(&cpu), 0.0099, 0.03);
	add(&cpu, 15, window(40, 5 * MS, 5 * MS, 0));
	ck_assert_double_gt(auto_cpu_share(&cpu), 0.6);
}
END_TEST

static const struct left_row {
	double cpus;
	unsigned int pools;
	int64_t others_us; /* in a second */
	double left;
} left_rows[] = {
    {2, 1, -1, 2},
    {2, 1, SECOND / 2, 1.5},
    {2, 1, 2 * SECOND, 1}, /* what is no pool gets half, if it takes it */
    {2, 2, -1, 1},
    {2, 2, 0, 2},
    {2, 2, SECOND / 2, 1.5},
    {2, 2, 2 * SECOND, 1},
    {0.5, 2, SECOND, 0.25},
    {8, 4, 4 * SECOND, 4},
};

START_TEST(test_left)
{
	const struct left_row *row = &left_rows[_i];
	struct auto_window w = {.length_us = SECOND, .others_us = row->others_us};

	ck_assert_double_eq_tol(auto_cpu_left(row->cpus, row->pools, &w), row->left, 1e-9);
}
END_TEST

/* Against the throughput of so many workers by mean value analysis: with one CPU the exact one. */
START_TEST(test_staff)
{
	static const double shares[] = {0.01, 0.05, 0.2, 0.5, 0.9};
	double share = shares[_i], load = 1 / share, queue = 0, used = 0;
	double number = auto_staff(load, share, 1.4);

	for (int n = 1; n <= (int)(number + 0.75); n++) {
		double time = share * (1 + queue);

		used = n / (1 - share + time) * share;
		queue = n * time / (1 - share + time);
	}
	ck_assert_msg(
	    used > 0.9, "share %.2f: %.1f workers use %.3f of a CPU", share, number, used);
	ck_assert_msg(number < 2 * load + 1, "share %.2f: %.1f workers", share, number);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("auto_cpu");
	TCase *tc = tcase_create("auto_cpu");

	tcase_add_loop_test(tc, test_share, 0, COUNT(share_rows));
	tcase_add_test(tc, test_little);
	tcase_add_test(tc, test_change);
	tcase_add_loop_test(tc, test_left, 0, COUNT(left_rows));
	tcase_add_loop_test(tc, test_staff, 0, 5);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
