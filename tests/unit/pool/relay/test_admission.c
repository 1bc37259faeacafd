/* test_admission.c: the requests that wait: their order, their limits, and how they leave. */
#include "config.h"

#include <sys/socket.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "pool/core/events.h"
#include "pool/core/request.h"
#include "pool/core/worker.h"
#include "pool/handlers.h"
#include "pool/observe/account.h"
#include "pool/orders.h"
#include "pool/relay/admission.h"
#include "pool/relay/ending.h"
#include "pool/relay/finish.h"
#include "pool/request/request.h"
#include "pool/worker/starts.h"
#include "pool/worker/worker.h"
#include "tests/unit/fixture.h"
#include "tests/unit/run.h"

#define WHOLE(id)                                                                                  \
	"begin " #id " responder keep; params " #id " REQUEST_METHOD=GET N=" #id "; params " #id   \
	"; stdin " #id
#define SEEN(id) "begin 1 responder keep; params 1 REQUEST_METHOD=GET N=" #id "; params 1; stdin 1"
#define PAGE(id) "stdout " #id " Status: 503 Service Unavailable; stdout " #id "; end " #id " 0 0"

static struct fixture f;
static int fd;

static void
start(const char *settings)
{
	fixture_init(&f, settings);
	fd = fixture_client(&f, NULL);
}

static void
setup(void)
{
	start("request_queue_limit = 3\nrequest_queue_timeout = 30s");
}

static void
teardown(void)
{
	if (fd != -1)
		close(fd);
	fixture_free(&f);
}

/* The ids of those that wait, in their order: "1 2 3". */
static const char *
waiting(void)
{
	static char ids[256];
	struct request *r;
	size_t n = 0;

	ids[0] = '\0';
	TAILQ_FOREACH (r, &f.pool.requests.list[REQUEST_QUEUED], link)
		n += (size_t)snprintf(ids + n, sizeof(ids) - n, "%s%u", n > 0 ? " " : "", r->id);
	return ids;
}

/* Any worker becomes free: as relay.c does it when one is. */
static int
serve_one(struct worker *w, const char *seen)
{
	int program = fixture_accept(w);

	ck_assert_str_eq(fixture_read(&f, program), seen);
	return program;
}

/* While no request is given out, for want of a descriptor, those that come are counted, too. */
START_TEST(test_limit_while_paused)
{
	struct worker *w = fixture_worker(&f);

	f.pool.pace.pause_us = clock_now_us() + 3600 * (int64_t)1000000;
	fixture_send(&f, fd, WHOLE(1) "; " WHOLE(2) "; " WHOLE(3) "; " WHOLE(4));
	ck_assert_str_eq(waiting(), "1 2 3");
	ck_assert_str_eq(fixture_read(&f, fd), PAGE(4));
	ck_assert_ptr_null(w->conns.first.request);
}
END_TEST

START_TEST(test_order)
{
	/* Ids of their own, so that nothing of one is taken for the next. */
	static const char *const seen[] = {SEEN(5),
	    "begin 2 responder keep; params 2 REQUEST_METHOD=GET N=3; params 2; stdin 2",
	    "begin 3 responder keep; params 3 REQUEST_METHOD=GET N=9; params 3; stdin 3"};
	static const char *const answers[] = {"stdout 1 \n; end 1 0 0", "stdout 2 \n; end 2 0 0"};
	struct worker *w;
	int program;

	fixture_send(&f, fd, WHOLE(5) "; " WHOLE(3) "; " WHOLE(9));
	ck_assert_str_eq(waiting(), "5 3 9");
	w = fixture_worker(&f);
	fixture_send(&f, fd, "begin 1 responder keep"); /* an event that starts nobody */
	ck_assert_str_eq(waiting(), "5 3 9");
	/* A fourth would be too many, but with an idle worker nothing waits. */
	fixture_send(&f, fd, "params 1; stdin 1");
	ck_assert_str_eq(waiting(), "3 9 1");
	program = serve_one(w, seen[0]);
	for (int i = 1; i < 3; i++) {
		fixture_send(&f, program, answers[i - 1]);
		ck_assert_str_eq(fixture_read(&f, program), seen[i]);
	}
	ck_assert_str_eq(waiting(), "1");
	close(program);
}
END_TEST

START_TEST(test_limit)
{
	fixture_send(&f, fd, WHOLE(1) "; " WHOLE(2) "; " WHOLE(3) "; " WHOLE(4));
	ck_assert_str_eq(fixture_read(&f, fd), PAGE(4));
	ck_assert_str_eq(waiting(), "1 2 3");
	ck_assert(strstr(fixture_log(&f), "request_queue_limit") != NULL);
	fixture_send(&f, fd, "abort 2; " WHOLE(5));
	fixture_read(&f, fd);
	ck_assert_str_eq(waiting(), "1 3 5");
}
END_TEST

START_TEST(test_timeout)
{
	int64_t now, due;

	fixture_send(&f, fd, WHOLE(1) "; " WHOLE(2));
	now = clock_now_us();
	due = admission_expire(&f.pool, now);
	ck_assert_int_gt(due, now + 29000000);
	ck_assert_int_le(due, now + 30000000);
	ck_assert_str_eq(waiting(), "1 2");
	TAILQ_FIRST(&f.pool.requests.list[REQUEST_QUEUED])->since_us = now - 30000000;
	due = admission_expire(&f.pool, now);
	ck_assert_int_gt(due, now + 29000000);
	ck_assert_str_eq(waiting(), "2");
	ck_assert_str_eq(fixture_read(&f, fd), PAGE(1));
	ck_assert_int_eq(admission_expire(&f.pool, now + 31000000), 0);
	ck_assert_str_eq(fixture_read(&f, fd), PAGE(2));
	ck_assert_str_eq(waiting(), "");
}
END_TEST

START_TEST(test_no_timeout)
{
	start("request_queue_timeout = 0");
	fixture_send(&f, fd, WHOLE(1));
	ck_assert_int_eq(admission_expire(&f.pool, clock_now_us() + INT64_C(1000000000000)), 0);
	ck_assert_str_eq(waiting(), "1");
	teardown();
}
END_TEST

START_TEST(test_refuse_all)
{
	fixture_send(&f, fd, WHOLE(1) "; " WHOLE(2) "; begin 3 responder keep");
	admission_refuse_all(&f.pool, END_STOPPED);
	ck_assert_str_eq(fixture_read(&f, fd), PAGE(1) "; " PAGE(2));
	ck_assert_uint_eq(f.pool.requests.count[REQUEST_PARAMS], 1);
}
END_TEST

/* Nothing waits where there is nothing to wait for. */
START_TEST(test_stopping)
{
	pool_set_state(&f.pool, POOL_STOPPING);
	fixture_send(&f, fd, WHOLE(1));
	ck_assert_str_eq(fixture_read(&f, fd), PAGE(1) "; eof");
}
END_TEST

START_TEST(test_no_hope)
{
	f.pool.workers.starts->failures = 1;
	f.pool.workers.starts->retry_us = INT64_MAX;
	fixture_send(&f, fd, WHOLE(1));
	ck_assert_str_eq(fixture_read(&f, fd), PAGE(1));
	ck_assert(strstr(fixture_log(&f), "no worker could be started") != NULL);
}
END_TEST

START_TEST(test_draining)
{
	pool_set_state(&f.pool, POOL_DRAINING);
	fixture_send(&f, fd, WHOLE(1));
	ck_assert_str_eq(waiting(), "1");
}
END_TEST

/* The log has one line for many refusals. */
START_TEST(test_report)
{
	f.pool.workers.starts->failures = 1;
	f.pool.workers.starts->retry_us = INT64_MAX;
	for (int i = 0; i < 50; i++)
		fixture_send(&f, fd, WHOLE(1));
	ck_assert_ptr_ne(strchr(fixture_log(&f), '\n'), NULL);
	ck_assert_ptr_eq(strchr(f.log, '\n'), strrchr(f.log, '\n'));
}
END_TEST

/* A retry waits before all others. */
START_TEST(test_return)
{
	struct worker *w = fixture_worker(&f);

	fixture_send(&f, fd, WHOLE(1) "; " WHOLE(2) "; " WHOLE(3));
	ck_assert_str_eq(waiting(), "2 3");
	ending_return(finish_part(&w->conns.first));
	ck_assert_str_eq(waiting(), "1 2 3");
}
END_TEST

/* Who refuses a retry does not say that the first worker had run it. */
START_TEST(test_returned_was_not_run)
{
	struct worker *w = fixture_worker(&f);
	struct request *r;

	fixture_send(&f, fd, WHOLE(1));
	r = w->conns.first.request;
	ck_assert_int_eq(r->account.pid, w->pid);
	ck_assert_int_gt(r->times.run_us, 0);
	r = finish_part(&w->conns.first);
	worker_set_state(w, WORKER_STOPPING);
	f.pool.workers.starts->failures = 1;
	f.pool.workers.starts->retry_us = INT64_MAX;
	r->account.pid = 4250;
	ending_return(r);
	ck_assert_int_eq(r->account.end, END_NO_WORKER);
	ck_assert_int_eq(r->times.run_us, 0);
	ck_assert_int_eq(r->account.pid, 0);
	ck_assert_uint_eq(r->account.number, 0);
	ck_assert_int_eq(r->account.cpu_us, -1);
	ck_assert_uint_eq(atomic_load(&f.pool.stats->duration.sum_us), 0);
	for (int i = 0; i < STATS_BUCKETS; i++)
		ck_assert_uint_eq(atomic_load(&f.pool.stats->duration.buckets[i]), 0);
}
END_TEST

START_TEST(test_return_without_hope)
{
	struct worker *w = fixture_worker(&f);
	struct request *r;

	fixture_send(&f, fd, WHOLE(1) "; " WHOLE(2));
	r = finish_part(&w->conns.first);
	worker_set_state(w, WORKER_STOPPING);
	f.pool.workers.starts->failures = 1;
	f.pool.workers.starts->retry_us = INT64_MAX;
	ending_return(r);
	ck_assert_str_eq(fixture_read(&f, fd), PAGE(1));
	ck_assert_str_eq(waiting(), "2");
}
END_TEST

/* Whose client has gone leaves; one that only ended its sending waits on. */
START_TEST(test_client_gone)
{
	int other = fixture_client(&f, NULL);

	fixture_send(&f, fd, WHOLE(1));
	fixture_send(&f, other, WHOLE(2));
	fixture_send(&f, fd, WHOLE(3));
	ck_assert_str_eq(waiting(), "1 2 3");
	close(fd);
	fd = -1;
	fixture_pass(&f);
	ck_assert_str_eq(waiting(), "2");
	ck_assert_uint_eq(pool_clients(&f.pool), 1);
	close(other);
}
END_TEST

START_TEST(test_client_half_closed)
{
	struct worker *w;
	int program;

	fixture_send(&f, fd, WHOLE(1));
	shutdown(fd, SHUT_WR);
	fixture_pass(&f);
	fixture_pass(&f);
	ck_assert_str_eq(waiting(), "1");
	w = fixture_worker(&f);
	fixture_send(&f, fixture_client(&f, NULL), WHOLE(2));
	program = serve_one(w, SEEN(1));
	fixture_send(&f, program, "stdout 1 A: b\n\nhere; end 1 0 0");
	ck_assert_str_eq(fixture_read(&f, fd), "stdout 1 A: b; stdout 1; end 1 0 0; eof");
	close(program);
}
END_TEST

/* How long one waited: all its waits, and none of the time in workers that did not run it. */
static const struct {
	const char *name;
	struct request r;
	int64_t wait_us;
} waits[] = {
    {"never in the queue", {.times.ended_us = 900}, -1},
    {"runs", {.times.queued_us = 100, .times.run_us = 300}, 200},
    {"has run", {.times.queued_us = 100, .times.run_us = 300, .times.ended_us = 900}, 200},
    {"refused", {.times.queued_us = 100, .times.ended_us = 900}, 800},
    {"given back once", {.times.queued_us = 100, .times.run_us = 700, .times.in_vain_us = 250},
	350},
    {"given back and refused",
	{.times.queued_us = 100, .times.ended_us = 900, .times.in_vain_us = 500}, 300},
};

START_TEST(test_wait)
{
	int64_t wait_us = request_wait_us(&waits[_i].r);

	ck_assert_msg(wait_us == waits[_i].wait_us, "%s: %lld", waits[_i].name, (long long)wait_us);
}
END_TEST

START_TEST(test_time_in_vain_adds_up)
{
	struct request r = { .times.queued_us = 1 };

	for (int64_t i = 1; i <= 2; i++) {
		r.times.run_us = clock_now_us() - 5000000;
		request_not_run(&r);
		ck_assert_int_eq(r.times.run_us, 0);
		ck_assert_int_ge(r.times.in_vain_us, i * 5000000);
		ck_assert_int_lt(r.times.in_vain_us, i * 5000000 + 2000000);
	}
}
END_TEST

static unsigned int waiting_then; /* when the number of workers was looked at */
static unsigned int looks;

static void
on_lacking(struct pool *pool, unsigned int n, bool any)
{
	waiting_then = pool->requests.count[REQUEST_QUEUED];
	looks++;
}

/* Where a start has failed, what waits is refused before the number of workers is looked at. */
START_TEST(test_no_hope_comes_first)
{
	struct events events = handlers;

	fixture_send(&f, fd, WHOLE(1) "; " WHOLE(2));
	ck_assert_str_eq(waiting(), "1 2");
	events.permits_lacking = on_lacking;
	f.pool.events = &events;
	f.conf->global.process_max = 4;
	f.pool.workers.starts->failures = 1;
	f.pool.workers.starts->retry_us = clock_now_us() + 3600 * (int64_t)1000000;
	f.pool.orders->master_fd = f.log_fd; /* there is one; nothing is said to it */
	looks = 0;
	events.settle(&f.pool, SETTLE_HOPE | SETTLE_WORKERS);
	f.pool.orders->master_fd = -1;
	ck_assert_uint_eq(looks, 1);
	ck_assert_uint_eq(waiting_then, 0);
	/* Without a master the number is no matter any more. */
	events.settle(&f.pool, SETTLE_WORKERS);
	ck_assert_uint_eq(looks, 1);
	ck_assert_str_eq(fixture_read(&f, fd), PAGE(1) "; " PAGE(2));
	f.pool.events = &handlers;
}
END_TEST

/* It came two seconds ago, and left in the second before that in which it counts as ended. */
static void
moved_before(struct request *r, enum request_state from)
{
	r->since_us -= r->state == REQUEST_QUEUED ? 2000000 : 1000000;
	account_moved(r, from);
}

START_TEST(test_left_the_queue_before_it_ended)
{
	struct events events = handlers;
	const struct stats_second *s;
	unsigned int ended = 0;
	int64_t now;

	events.request_moved = moved_before;
	f.pool.events = &events;
	fixture_send(&f, fd, WHOLE(1));
	ending_refuse(TAILQ_FIRST(&f.pool.requests.list[REQUEST_QUEUED]), END_STOPPED);
	f.pool.events = &handlers;
	now = clock_now_us();
	for (unsigned int ago = 0; ago < STATS_SECONDS; ago++) {
		s = stats_second(f.pool.stats, now, ago);
		if (s == NULL || STATS_READ(s->requests) == 0)
			continue;
		ended++;
		ck_assert_uint_eq(STATS_READ(s->queued_before), 0);
		ck_assert_uint_eq(STATS_READ(s->queued_max), 0);
	}
	ck_assert_uint_eq(ended, 1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("admission");
	TCase *tc = tcase_create("admission"), *other = tcase_create("settings");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_order);
	tcase_add_test(tc, test_limit_while_paused);
	tcase_add_test(tc, test_limit);
	tcase_add_test(tc, test_timeout);
	tcase_add_test(tc, test_refuse_all);
	tcase_add_test(tc, test_stopping);
	tcase_add_test(tc, test_no_hope);
	tcase_add_test(tc, test_draining);
	tcase_add_test(tc, test_report);
	tcase_add_test(tc, test_return);
	tcase_add_test(tc, test_return_without_hope);
	tcase_add_test(tc, test_returned_was_not_run);
	tcase_add_test(tc, test_client_gone);
	tcase_add_test(tc, test_client_half_closed);
	tcase_add_loop_test(tc, test_wait, 0, (int)(sizeof(waits) / sizeof(waits[0])));
	tcase_add_test(tc, test_time_in_vain_adds_up);
	tcase_add_test(tc, test_no_hope_comes_first);
	tcase_add_test(tc, test_left_the_queue_before_it_ended);
	suite_add_tcase(suite, tc);
	tcase_add_test(other, test_no_timeout);
	suite_add_tcase(suite, other);
	return run_suite(suite);
}
