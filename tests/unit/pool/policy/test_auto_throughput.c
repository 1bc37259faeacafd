/* test_auto_throughput.c: pm = auto, workers that bring no more throughput. */
#include "config.h"

#include "pool/policy/auto_throughput.h"

#include <limits.h>
#include <math.h>

#include "tests/unit/run.h"

#define MS 1000.0

/* A program whose requests use the CPU, wait, and wait for one another where there are more than
 * `places`; lengths in microseconds. Its workers all have requests. */
struct program {
	double cpu_us, wait_us;
	double places;
	double part; /* of the next request that has been done */
};

/* So many windows with so many workers, of 100 ms, each as even as the last; where they are
 * others than before, they come or go in the first. */
static void
run(struct auto_throughput *t, struct program *p, double workers, bool others, int windows)
{
	double alone = p->cpu_us + p->wait_us, takes = alone * fmax(1, workers / p->places);
	struct auto_window w = {.length_us = (int64_t)(100 * MS), .full = true, .settled = !others};

	w.busy_us = (int64_t)(workers * 100 * MS);
	for (; windows > 0; windows--) {
		p->part += workers * 100 * MS / takes;
		w.requests = (uint64_t)p->part;
		p->part -= (double)w.requests;
		w.cpu_us = (int64_t)((double)w.busy_us * p->cpu_us / takes);
		auto_throughput_add(t, &w, (unsigned int)workers);
		w.settled = true;
	}
}

/* And as many workers as it says, of `most` that there would be. */
static void
follow(struct auto_throughput *t, struct program *p, unsigned int most, int seconds)
{
	unsigned int workers = 0;

	for (int windows = 10 * seconds; windows > 0; windows--) {
		unsigned int was = workers;

		workers = t->number > 0 && t->number < most ? t->number : most;
		run(t, p, workers, workers != was, 1);
	}
}

/* One worker first, then all. */
static struct auto_throughput
start(struct program *p, unsigned int most)
{
	struct auto_throughput t = {0};

	ck_assert_uint_eq(auto_throughput_trust(&t), 1);
	run(&t, p, 1, true, 30);
	ck_assert_uint_gt(auto_throughput_trust(&t), 1);
	follow(&t, p, most, 60);
	return t;
}

static const struct row {
	const char *name;
	struct program program;
	unsigned int most, least, number; /* 0: no bound */
} rows[] = {
    {"nothing in the way", {5 * MS, 20 * MS, 1000, 0}, 64, 0, 0},
    {"no waiting at all", {5 * MS, 0, 1000, 0}, 4, 0, 0},
    {"a lock", {1 * MS, 5 * MS, 1, 0}, 64, 1, 3},
    {"eight queries", {1 * MS, 50 * MS, 8, 0}, 64, 8, 13},
    {"forty queries", {1 * MS, 50 * MS, 40, 0}, 200, 40, 55},
    {"no more workers than it takes", {1 * MS, 50 * MS, 8, 0}, 8, 0, 0},
    {"long requests", {1 * MS, 500 * MS, 8, 0}, 64, 8, 14},
};

START_TEST(test_bound)
{
	const struct row *row = &rows[_i];
	struct program program = row->program;
	struct auto_throughput t = start(&program, row->most);

	ck_assert_msg(t.number >= row->least && t.number <= row->number, "%s: %u workers",
	    row->name, t.number);
}
END_TEST

/* A wait that grows for another reason: after one trial as many workers as before. */
START_TEST(test_slower)
{
	struct program p = {1 * MS, 50 * MS, 1000, 0};
	struct auto_throughput t = start(&p, 64);

	p.wait_us = 150 * MS;
	follow(&t, &p, 64, 60);
	ck_assert(t.number == 0 || t.number >= 64);
	ck_assert_double_eq_tol(t.wait_us, p.wait_us, 5 * MS);
	p.wait_us = 10 * MS;
	follow(&t, &p, 64, 10);
	ck_assert_double_eq_tol(t.wait_us, p.wait_us, 5 * MS);
}
END_TEST

/* What bounded is gone, or is there once more. */
START_TEST(test_comes_and_goes)
{
	struct program p = {1 * MS, 50 * MS, 8, 0};
	struct auto_throughput t = start(&p, 64);

	for (int i = 0; i < 4; i++) {
		check_round(t.number <= 14, "round %d: %u workers", i, t.number);
		p.places = 1000;
		follow(&t, &p, 64, 60);
		check_round(t.number == 0 || t.number >= 50, "%u workers", t.number);
		p.places = 8;
		follow(&t, &p, 64, 180);
		check_round(t.number > 0, "round %d", i);
	}
}
END_TEST

/* A moment without requests, in which the mean of busy workers falls, does not make the wait of
 * many that of a few. */
START_TEST(test_lull)
{
	struct auto_throughput t = {
	    .known = true, .wait_us = 4 * MS, .level = 2, .requests = 258, .number = 2, .borne = 2};
	struct auto_window w = {.length_us = 1000000, .requests = 137, .settled = true};

	w.cpu_us = 137 * 1000;
	/* Less than two workers, of whom one waits for the other. */
	w.busy_us = w.cpu_us + 137 * 10000;
	for (int i = 0; i < 3; i++)
		auto_throughput_add(&t, &w, 2);
	ck_assert_double_eq_tol(t.wait_us, 4 * MS, 1);
	ck_assert_uint_eq(t.number, 2);
	/* A single one that takes longer tells that the program does. */
	w.busy_us = 1000000;
	w.requests = 90;
	for (int i = 0; i < 3; i++)
		auto_throughput_add(&t, &w, 1);
	ck_assert_double_gt(t.wait_us, 6 * MS);
}
END_TEST

/* While workers come and go, and without requests, nothing is learned. */
START_TEST(test_unsettled)
{
	struct auto_window w = {.length_us = 1000000, .busy_us = 1000000, .requests = 100};
	struct auto_throughput t = {0};

	for (int i = 0; i < 10; i++)
		auto_throughput_add(&t, &w, 1);
	ck_assert(!t.known);
	/* But it is not waited for that for ever. */
	ck_assert_uint_eq(auto_throughput_trust(&t), UINT_MAX);
	t = (struct auto_throughput){0};
	for (int i = 0; i < 10; i++)
		auto_throughput_add(
		    &t, &(struct auto_window){.length_us = 1000000, .settled = true}, 0);
	ck_assert_uint_eq(auto_throughput_trust(&t), 1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("auto_throughput");
	TCase *tc = tcase_create("auto_throughput");

	tcase_add_loop_test(tc, test_bound, 0, COUNT(rows));
	tcase_add_test(tc, test_slower);
	tcase_add_test(tc, test_comes_and_goes);
	tcase_add_test(tc, test_lull);
	tcase_add_test(tc, test_unsettled);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
