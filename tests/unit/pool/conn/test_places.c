/* test_places.c: workers that take several requests at once, and what is found out of them. */
#include "config.h"

#include "pool/conn/places.h"

#include <sys/socket.h>

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "pool/conn/conn.h"
#include "pool/conn/probe.h"
#include "pool/core/request.h"
#include "pool/core/worker.h"
#include "pool/relay/ending.h"
#include "pool/worker/leave.h"
#include "tests/unit/fixture.h"
#include "tests/unit/run.h"

#define WHOLE(id)                                                                                  \
	"begin " #id " responder keep; params " #id " REQUEST_METHOD=GET N=" #id "; params " #id   \
	"; stdin " #id
#define ANSWER "stdout 1 Content-Type: a/b\r\n\r\n; end 1 0 0"
#define PROGRAMS 8

static struct fixture f;
static struct worker *w;
static int client, program[PROGRAMS];

static void
setup(void)
{
	fixture_init(&f,
	    "pm.max_concurrency = 4\npm.start_timeout = 1s\nrequest_queue_limit = 9\n"
	    "request_terminate_grace = 5s");
	w = fixture_worker(&f);
	client = fixture_client(&f, NULL);
	for (int i = 0; i < PROGRAMS; i++)
		program[i] = -1;
}

static void
teardown(void)
{
	for (int i = 0; i < PROGRAMS; i++) {
		if (program[i] != -1)
			close(program[i]);
	}
	close(client);
	fixture_free(&f);
}

static unsigned int
running(const struct worker *worker)
{
	return worker->conns.count[CONN_RUNNING];
}

static unsigned int
waiting(void)
{
	return f.pool.requests.count[REQUEST_QUEUED];
}

/* Pass until the timer of the probe has looked. */
static void
pass_a_while(void)
{
	int64_t end = clock_now_us() + 20000;

	while (clock_now_us() < end)
		fixture_pass(&f);
}

static void
answer(int fd)
{
	fixture_send(&f, fd, ANSWER);
	pass_a_while();
}

/* The first is given at once, the next one only when the program has accepted a connection more. */
START_TEST(test_grows_with_the_program)
{
	fixture_send(&f, client, WHOLE(1) "; " WHOLE(2) "; " WHOLE(3));
	ck_assert_uint_eq(running(w), 1);
	ck_assert_uint_eq(waiting(), 2);
	program[0] = fixture_accept(w);
	pass_a_while();
	ck_assert_uint_eq(waiting(), 2); /* nothing was accepted beside it */
	ck_assert_uint_eq(places_each(&f.pool), 1); /* so nobody counts on more */
	program[1] = fixture_accept(w);
	pass_a_while();
	ck_assert_uint_eq(running(w), 2);
	program[2] = fixture_accept(w);
	pass_a_while();
	ck_assert_uint_eq(running(w), 3);
	ck_assert_uint_eq(waiting(), 0);
	ck_assert_uint_eq(f.pool.workers.places->proven, 3);
	ck_assert_uint_eq(places_each(&f.pool), 4);
}
END_TEST

/* What one worker was seen to take, another gets at once; of two the one with fewer requests. */
START_TEST(test_least_loaded)
{
	struct worker *other;

	f.pool.workers.places->proven = 4;
	fixture_send(&f, client, WHOLE(1) "; " WHOLE(2) "; " WHOLE(3));
	ck_assert_uint_eq(running(w), 3);
	other = fixture_worker(&f);
	fixture_send(&f, client, WHOLE(4) "; " WHOLE(5));
	ck_assert_uint_eq(running(other), 2);
	fixture_send(&f, client, WHOLE(6)); /* both have 3 then: the one used last is next */
	ck_assert_uint_eq(running(other), 3);
	fixture_send(&f, client, WHOLE(7));
	ck_assert_uint_eq(running(other), 4);
	ck_assert_uint_eq(running(w), 3);
	fixture_send(&f, client, WHOLE(8) "; " WHOLE(9));
	ck_assert_uint_eq(running(w), 4);
	ck_assert_uint_eq(waiting(), 1); /* both are full */
}
END_TEST

/* One that leaves takes a request only if no other does, one that is closed never. */
START_TEST(test_leaving)
{
	struct worker *other;

	f.pool.workers.places->proven = 4;
	fixture_send(&f, client, WHOLE(1));
	other = fixture_worker(&f);
	fixture_send(&f, client, WHOLE(2) "; " WHOLE(3));
	ck_assert_uint_eq(running(w) + running(other), 3);
	w->leave.leaving = true;
	places_update(w);
	fixture_send(&f, client, WHOLE(4) "; " WHOLE(5) "; " WHOLE(6));
	ck_assert_uint_eq(running(other), 4);
	ck_assert_uint_eq(running(w), 2);
	w->leave.closed = true;
	places_update(w);
	fixture_send(&f, client, WHOLE(7));
	ck_assert_uint_eq(waiting(), 1);
	w->leave.closed = false;
}
END_TEST

/* A program that accepts its next connection only when it has closed the one before gets one
 * request at a time, and is believed to do so after pm.start_timeout in all. */
START_TEST(test_one_at_a_time)
{
	fixture_send(&f, client, WHOLE(1) "; " WHOLE(2));
	program[0] = fixture_accept(w);
	pass_a_while();
	ck_assert_uint_eq(waiting(), 1);
	answer(program[0]);
	/* The kept connection was closed for the sake of the other, which has the request now. */
	ck_assert_uint_eq(running(w), 1);
	ck_assert_uint_eq(waiting(), 0);
	program[1] = fixture_accept(w);
	ck_assert_uint_eq(f.pool.workers.places->max, 4);
	f.pool.workers.probe->vain_us = 1000000;
	fixture_send(&f, client, WHOLE(3));
	pass_a_while();
	ck_assert_uint_eq(f.pool.workers.places->max, 1);
	ck_assert_ptr_nonnull(strstr(fixture_log(&f), "takes 1 request at a time, not 4"));
	ck_assert_uint_eq(waiting(), 1);
	answer(program[1]);
	ck_assert_uint_eq(running(w), 1);
}
END_TEST

/* Write records and pass not yet: what follows has happened when the pool reads them. */
static void
write_answer(int fd)
{
	uint8_t out[256];
	size_t n = fixture_records(out, sizeof(out), ANSWER);

	ck_assert_int_eq(send(fd, out, n, 0), (ssize_t)n);
}

/* That the program took a connection when its request had ended is no proof of two at once: neither
 * where it has closed the one before, nor where it keeps that. */
START_TEST(test_accepted_after_the_end)
{
	bool keeps = _i;

	fixture_send(&f, client, WHOLE(1) "; " WHOLE(2));
	program[0] = fixture_accept(w);
	write_answer(program[0]);
	if (!keeps) {
		close(program[0]);
		program[0] = -1;
	}
	program[1] = fixture_accept(w);
	pass_a_while();
	ck_assert_uint_eq(running(w), 1);
	ck_assert_uint_eq(waiting(), 0);
	ck_assert_uint_eq(f.pool.workers.places->proven, 1);
}
END_TEST

/* A worker that gets nothing more is not looked at any longer, and says nothing of the program. */
START_TEST(test_probe_of_a_stopped_worker)
{
	fixture_send(&f, client, WHOLE(1) "; " WHOLE(2));
	program[0] = fixture_accept(w);
	pass_a_while();
	ck_assert_uint_eq(w->conns.count[CONN_WAITING], 1);
	ck_assert_uint_eq(places_taken(w), 1);
	w->back.stopped = true;
	places_update(w);
	f.pool.workers.probe->vain_us = 1000000;
	pass_a_while();
	pass_a_while();
	ck_assert_uint_eq(w->conns.count[CONN_WAITING], 0);
	ck_assert_uint_eq(f.pool.workers.places->max, 4);
	ck_assert_uint_eq(places_taken(w), places_each(&f.pool)); /* it has no free one */
}
END_TEST

/* Where more workers were started for a doubt, no request waits: it is cleared all the same. */
START_TEST(test_doubt_is_cleared)
{
	f.pool.workers.places->doubt = true;
	fixture_send(&f, client, WHOLE(1));
	ck_assert_uint_eq(waiting(), 0);
	ck_assert_uint_eq(w->conns.count[CONN_WAITING], 1);
	program[0] = fixture_accept(w);
	program[1] = fixture_accept(w);
	pass_a_while();
	ck_assert_uint_eq(f.pool.workers.places->proven, 2);
	ck_assert_uint_eq(places_each(&f.pool), 4);
}
END_TEST

/* One that is not needed gets no more, until it is needed. */
START_TEST(test_closed_and_opened)
{
	f.pool.workers.places->proven = 4;
	fixture_send(&f, client, WHOLE(1));
	leave_close_unneeded(w);
	fixture_send(&f, client, WHOLE(2));
	ck_assert_uint_eq(waiting(), 1);
	ck_assert_uint_eq(f.pool.workers.places->closed, 1);
	leave_reopen(w);
	ck_assert_uint_eq(running(w), 2);
	ck_assert_uint_eq(f.pool.workers.places->closed, 0);
	leave_stop(w, "it has to go");
	ck_assert(!w->leave.unneeded);
	ck_assert_str_eq(w->leave.stop_reason, "it has to go");
}
END_TEST

/* Two requests of a worker are over their time: it has request_terminate_grace behind the last. */
START_TEST(test_grace_behind_the_last)
{
	f.pool.workers.places->proven = 4;
	fixture_send(&f, client, WHOLE(1) "; " WHOLE(2));
	for (unsigned int left = 2; left > 0; left--) {
		struct conn *conn = TAILQ_FIRST(&w->conns.list[CONN_RUNNING]);

		ck_assert_int_eq(w->state, WORKER_BUSY);
		ending_limit(conn->request, END_TIMEOUT, 1, "a limit");
	}
	ck_assert_int_eq(w->state, WORKER_STOPPING);
	ck_assert(!w->leave.killed);
	ck_assert_int_gt(w->leave.kill_us, clock_now_us());
	ck_assert_uint_eq(f.pool.workers.places->closed, 0);
}
END_TEST

/* It is counted once that a worker is recycled, however often that is found. */
START_TEST(test_recycled_once)
{
	f.pool.workers.places->proven = 4;
	fixture_send(&f, client, WHOLE(1));
	program[0] = fixture_accept(w);
	leave_recycle(w, LIMITS_MEMORY, "it has too much");
	leave_recycle(w, LIMITS_MEMORY, "it has too much");
	ck_assert_uint_eq(stats_counted(f.pool.stats, STATS_RECYCLED_MEMORY), 0);
	answer(program[0]);
	ck_assert_int_eq(w->state, WORKER_STOPPING);
	ck_assert_uint_eq(stats_counted(f.pool.stats, STATS_RECYCLED_MEMORY), 1);
}
END_TEST

/* What we close because a worker is stopped tells nothing of what the program keeps. */
START_TEST(test_trial_of_one_that_stops)
{
	f.pool.workers.places->proven = 2;
	fixture_send(&f, client, WHOLE(1) "; " WHOLE(2));
	program[0] = fixture_accept(w);
	program[1] = fixture_accept(w);
	answer(program[0]);
	answer(program[1]);
	ck_assert_ptr_eq(f.pool.workers.places->trial, w);
	leave_stop(w, "it has to go");
	for (int64_t end = clock_now_us() + 2000000;
	     f.pool.workers.places->trial != NULL && clock_now_us() < end;)
		fixture_pass(&f);
	ck_assert_ptr_null(f.pool.workers.places->trial);
	ck_assert_int_eq(f.pool.workers.probe->keeps, KEEPS_UNKNOWN);
}
END_TEST

/* Two kept connections are asked; which is found decides whether they are kept. */
START_TEST(test_kept_connections)
{
	uint8_t out[256];
	size_t n = fixture_records(out, sizeof(out), "type 10 0 ");
	bool both = _i;

	f.pool.workers.places->proven = 2;
	fixture_send(&f, client, WHOLE(1) "; " WHOLE(2));
	program[0] = fixture_accept(w);
	program[1] = fixture_accept(w);
	answer(program[0]);
	answer(program[1]);
	ck_assert_ptr_eq(f.pool.workers.places->trial, w);
	ck_assert_int_eq(send(program[0], out, n, 0), (ssize_t)n);
	if (both)
		ck_assert_int_eq(send(program[1], out, n, 0), (ssize_t)n);
	for (int64_t end = clock_now_us() + 2000000;
	     f.pool.workers.places->trial != NULL && clock_now_us() < end;)
		fixture_pass(&f);
	ck_assert_int_eq(f.pool.workers.probe->keeps, both ? KEEPS_YES : KEEPS_NO);
	ck_assert_uint_eq(w->conns.count[CONN_READY], both ? 2 : 0);
	ck_assert_uint_eq(w->conns.count[CONN_WAITING], 0);
	fixture_send(&f, client, WHOLE(3));
	ck_assert_uint_eq(running(w), 1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("places");
	TCase *tc = tcase_create("places");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_grows_with_the_program);
	tcase_add_test(tc, test_least_loaded);
	tcase_add_test(tc, test_leaving);
	tcase_add_test(tc, test_one_at_a_time);
	tcase_add_loop_test(tc, test_accepted_after_the_end, 0, 2);
	tcase_add_test(tc, test_probe_of_a_stopped_worker);
	tcase_add_test(tc, test_doubt_is_cleared);
	tcase_add_test(tc, test_closed_and_opened);
	tcase_add_test(tc, test_grace_behind_the_last);
	tcase_add_test(tc, test_recycled_once);
	tcase_add_test(tc, test_trial_of_one_that_stops);
	tcase_add_loop_test(tc, test_kept_connections, 0, 2);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
