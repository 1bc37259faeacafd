/* test_orders.c: what a pool has to tell the master is told, though the master does not read for a
 * while. */
#include "config.h"

#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>

#include "base/fd.h"
#include "base/shared/message.h"
#include "pool/core/worker.h"
#include "pool/orders.h"
#include "pool/worker/room.h"
#include "pool/worker/worker.h"
#include "tests/unit/fixture.h"
#include "tests/unit/run.h"

static struct fixture f;
static int master = -1;

static void
setup(void)
{
	int ends[2];

	fixture_init(&f, "");
	ck_assert_int_eq(
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
	master = ends[0];
	f.pool.orders->master_fd = ends[1];
	f.pool.workers.permits->count = 4;
}

static void
teardown(void)
{
	fd_close(&master);
	fd_close(&f.pool.orders->master_fd);
	fixture_free(&f);
}

static void
fill(void)
{
	while (message_send(f.pool.orders->master_fd, MESSAGE_BEGUN, 0, NULL, 0, -1) == 0)
		;
	ck_assert_int_eq(errno, EAGAIN);
}

/* The next message that is not one of fill()'s; false: there is none. */
static bool
next(struct message *m, size_t *len)
{
	int pass;

	while (message_recv(master, m, len, &pass) == 1) {
		if (m->type != MESSAGE_BEGUN)
			return true;
	}
	return false;
}

static void
lack(struct pool *pool)
{
	orders_lack_permits(pool, 3, false);
}

static void
lack_all(struct pool *pool)
{
	orders_lack_permits(pool, 3, true);
}

static void
give_back(struct pool *pool)
{
	/* As manage_adjust(): as long as it has them. */
	if (pool->workers.permits->count == 4)
		orders_return_permits(pool, 3);
}

static void
offer(struct pool *pool)
{
	orders_offer_workers(pool, 3);
}

static void
ready(struct pool *pool)
{
	if (!pool->orders->ready_unsaid)
		orders_report_ready(pool, 3);
	else
		orders_expire(pool, 0);
}

static const struct {
	const char *name;
	void (*tell)(struct pool *pool);
	enum message_type type;
	size_t len;
} rows[] = {
    {"lack", lack, MESSAGE_LACK, 0},
    {"lack, and a request waits", lack_all, MESSAGE_LACK, 1},
    {"return", give_back, MESSAGE_RETURN, 0},
    {"offer", offer, MESSAGE_OFFER, 0},
    {"ready", ready, MESSAGE_READY, 0},
};

START_TEST(test_told_once_though_late)
{
	struct message m;
	size_t len = 0;

	fill();
	rows[_i].tell(&f.pool);
	ck_assert_msg(f.pool.deadline.at_us > 0, "%s: is not due again", rows[_i].name);
	rows[_i].tell(&f.pool);
	ck_assert_msg(!next(&m, &len), "%s: there was room", rows[_i].name);
	rows[_i].tell(&f.pool);
	ck_assert_msg(next(&m, &len), "%s: was lost", rows[_i].name);
	ck_assert_uint_eq(m.type, rows[_i].type);
	ck_assert_uint_eq(m.arg, 3);
	ck_assert_uint_eq(len, rows[_i].len);
	rows[_i].tell(&f.pool);
	ck_assert_msg(!next(&m, &len), "%s: was said twice", rows[_i].name);
}
END_TEST

/* The answer that the pool is there is one of them. */
START_TEST(test_answers_though_late)
{
	struct message m;
	size_t len;

	ck_assert_int_eq(fcntl(f.pool.orders->master_fd, F_SETFL, O_NONBLOCK), 0);
	orders_init(&f.pool);
	fill();
	ck_assert_int_eq(message_send(master, MESSAGE_PING, 0, NULL, 0, -1), 0);
	event_base_loop(f.pool.base, EVLOOP_NONBLOCK);
	ck_assert(f.pool.orders->pong_unsaid);
	ck_assert_int_gt(f.pool.deadline.at_us, 0);
	ck_assert(!next(&m, &len));
	orders_expire(&f.pool, 0);
	ck_assert(next(&m, &len));
	ck_assert_uint_eq(m.type, MESSAGE_PONG);
	orders_expire(&f.pool, 0);
	ck_assert_msg(!next(&m, &len), "it was said twice");
	orders_destroy(&f.pool);
}
END_TEST

/* That it accepts, where it was held, and that it does so no more. */
START_TEST(test_accepts_and_leaves)
{
	static const enum message_type said[] = {MESSAGE_ACCEPTING, MESSAGE_LEFT};
	struct message m;
	size_t len;

	fixture_worker(&f); /* for which it does not end yet */
	f.pool.orders->accepting_unsaid = true;
	for (int i = 0; i < COUNT(said); i++) {
		fill();
		for (int pass = 0; pass < 3; pass++) {
			orders_expire(&f.pool, 0);
			orders_progress(&f.pool);
			ck_assert_msg(next(&m, &len) == (pass == 1), "%d, pass %d", i, pass);
			ck_assert(pass != 1 || m.type == said[i]);
		}
		f.pool.state = POOL_DRAINING;
	}
}
END_TEST

/* It need not be told that fewer can go than were offered, unless all of them are wanted. */
START_TEST(test_offers)
{
	static const struct {
		unsigned int offered, ordered, n;
		bool told;
	} offers[] = {{0, 0, 0, false}, {0, 0, 1, true}, {2, 0, 2, false}, {2, 0, 3, true},
	    {2, 0, 0, false}, {2, 1, 1, false}, {2, 1, 0, true}, {2, 2, 1, true},
	    {2, 2, 2, false}};
	struct message m;
	size_t len;

	for (int i = 0; i < COUNT(offers); i++) {
		f.pool.workers.permits->offered = offers[i].offered;
		f.pool.workers.permits->ordered = offers[i].ordered;
		orders_offer_workers(&f.pool, offers[i].n);
		ck_assert_msg(next(&m, &len) == offers[i].told, "offer %d", i);
		ck_assert_msg(!offers[i].told || m.arg == offers[i].n, "offer %d", i);
	}
}
END_TEST

/* How many workers there are is said when it was asked for, and when it is another number. */
START_TEST(test_workers)
{
	struct room *room = f.pool.workers.room;
	struct message m;
	size_t len;

	for (int pass = 0; pass < 2; pass++) {
		orders_progress(&f.pool);
		ck_assert_msg(!next(&m, &len), "nobody has asked");
		room->told = room->unsaid = true;
		for (unsigned int n = 0; n < 3; n++) {
			orders_progress(&f.pool);
			ck_assert(next(&m, &len));
			ck_assert_uint_eq(m.type, MESSAGE_WORKERS);
			ck_assert_uint_eq(m.arg, n);
			orders_progress(&f.pool);
			ck_assert_msg(!next(&m, &len), "the same again");
			fixture_worker(&f);
		}
		room->unsaid = true;
		fill();
		orders_progress(&f.pool);
		ck_assert_msg(f.pool.deadline.at_us > 0, "is not due again");
		ck_assert(!next(&m, &len));
		orders_progress(&f.pool);
		ck_assert(next(&m, &len));
		ck_assert_uint_eq(m.arg, 3);
		room->told = false;
		while (f.pool.workers.count[WORKER_IDLE] > 0)
			worker_set_state(
			    TAILQ_FIRST(&f.pool.workers.list[WORKER_IDLE]), WORKER_DEAD);
	}
}
END_TEST

START_TEST(test_return_is_off_every_count)
{
	f.pool.workers.permits->offered = 3;
	f.pool.workers.permits->ordered = 1;
	orders_return_permits(&f.pool, 2);
	ck_assert_uint_eq(f.pool.workers.permits->count, 2);
	ck_assert_uint_eq(f.pool.workers.permits->offered, 1);
	ck_assert_uint_eq(f.pool.workers.permits->ordered, 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("orders");
	TCase *tc = tcase_create("master");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, test_told_once_though_late, 0, COUNT(rows));
	tcase_add_test(tc, test_answers_though_late);
	tcase_add_test(tc, test_accepts_and_leaves);
	tcase_add_test(tc, test_offers);
	tcase_add_test(tc, test_workers);
	tcase_add_test(tc, test_return_is_off_every_count);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
