/* test_states.c: the four life cycles: every legal move is made, every other one aborts. */
#include "config.h"

#include <signal.h>

#include "pool/client/client.h"
#include "pool/conn/conn.h"
#include "pool/core/client.h"
#include "pool/core/pool.h"
#include "pool/core/request.h"
#include "pool/core/worker.h"
#include "pool/request/request.h"
#include "pool/worker/worker.h"
#include "tests/unit/fixture.h"
#include "tests/unit/run.h"

static struct fixture f;

static void
setup(void)
{
	fixture_init(&f, "");
}

static void
teardown(void)
{
	fixture_free(&f);
}

/* Row: from. Column: to. 1: legal. */
static const int client_moves[CLIENT_STATES][CLIENT_STATES] = {
	/* to:		      idle read busy clos ling closed */
	[CLIENT_IDLE] =      { 1,   1,   1,   1,   1,   1 },
	[CLIENT_READING] =   { 1,   1,   1,   1,   1,   1 },
	[CLIENT_BUSY] =      { 1,   1,   1,   1,   1,   1 },
	[CLIENT_CLOSING] =   { 0,   0,   0,   1,   1,   1 },
	[CLIENT_LINGERING] = { 0,   0,   0,   0,   1,   1 },
	[CLIENT_CLOSED] =    { 0,   0,   0,   0,   0,   1 }, /* to itself: nothing happens */
};

static const int request_moves[REQUEST_STATES][REQUEST_STATES] = {
	/* to:			par body queu run answ done */
	[REQUEST_PARAMS] =    { 0,  1,   1,   1,  1,   1 }, /* R: a warm-up */
	[REQUEST_BODY] =      { 0,  0,   1,   0,  1,   1 },
	[REQUEST_QUEUED] =    { 0,  0,   0,   1,  1,   1 },
	[REQUEST_RUNNING] =   { 0,  0,   1,   0,  1,   1 },
	[REQUEST_ANSWERING] = { 0,  0,   0,   0,  0,   1 },
	[REQUEST_DONE] =      { 0,  0,   0,   0,  0,   0 },
};

static const int worker_moves[WORKER_STATES][WORKER_STATES] = {
	/* to:		       start idle busy stop dead */
	[WORKER_STARTING] =   { 0,   1,   0,   1,   1 },
	[WORKER_IDLE] =	      { 0,   0,   1,   1,   1 },
	[WORKER_BUSY] =	      { 0,   1,   0,   0,   0 },
	[WORKER_STOPPING] =   { 0,   0,   0,   0,   1 },
	[WORKER_DEAD] =	      { 0,   0,   0,   0,   0 },
};

static const int pool_moves[POOL_STATES][POOL_STATES] = {
	/* to:		     start held serv drain stop gone */
	[POOL_STARTING] =   { 0,   1,   1,   1,    1,   0 },
	[POOL_HELD] =	    { 1,   0,   1,   0,    1,   0 },
	[POOL_SERVING] =    { 0,   0,   0,   1,    1,   0 },
	[POOL_DRAINING] =   { 0,   0,   0,   0,    1,   0 },
	[POOL_STOPPING] =   { 0,   0,   0,   0,    0,   1 },
	[POOL_GONE] =	    { 0,   0,   0,   0,    0,   0 },
};

/* One life cycle: bring an object to a state, move it, count those in a state. */
struct cycle {
	const char *name;
	int states;
	const int *moves; /* states rows of states columns */
	void (*make)(int state);
	void (*move)(int state);
	unsigned int (*count)(int state);
};

static struct client *client;
static struct request *request;
static struct worker *worker;

static void
client_make(int state)
{
	fixture_client(&f, &client);
	client_set_state(client, (enum client_state)state);
}

static void
client_move(int state)
{
	client_set_state(client, (enum client_state)state);
	ck_assert_int_eq((int)client->state, state);
}

static unsigned int
client_count(int state)
{
	return f.pool.clients.count[state];
}

static void
request_make(int state)
{
	fixture_client(&f, &client);
	request = request_new(client, 1, FCGI_RESPONDER, true);
	if (state == REQUEST_PARAMS)
		return;
	if (state == REQUEST_RUNNING)
		request_set_state(request, REQUEST_QUEUED);
	request_set_state(request, (enum request_state)state);
}

static void
request_move(int state)
{
	request_set_state(request, (enum request_state)state);
	ck_assert_int_eq((int)request->state, state);
}

static unsigned int
request_count(int state)
{
	return f.pool.requests.count[state];
}

static void
worker_make(int state)
{
	worker = fixture_worker(&f);
	if (state == WORKER_STARTING) {
		/* It was made idle: put it back, as only spawn.c may. */
		TAILQ_REMOVE(&f.pool.workers.list[WORKER_IDLE], worker, link);
		f.pool.workers.count[WORKER_IDLE]--;
		worker->state = WORKER_STARTING;
		TAILQ_INSERT_TAIL(&f.pool.workers.list[WORKER_STARTING], worker, link);
		f.pool.workers.count[WORKER_STARTING]++;
	} else if (state != WORKER_IDLE) {
		worker_set_state(worker, (enum worker_state)state);
	}
}

static void
worker_move(int state)
{
	worker_set_state(worker, (enum worker_state)state);
	ck_assert_int_eq((int)worker->state, state);
}

static unsigned int
worker_count(int state)
{
	return f.pool.workers.count[state];
}

static void
pool_make(int state)
{
	if (state == POOL_GONE)
		pool_set_state(&f.pool, POOL_STOPPING);
	if (state != POOL_STARTING)
		pool_set_state(&f.pool, (enum pool_state)state);
}

static void
pool_move(int state)
{
	pool_set_state(&f.pool, (enum pool_state)state);
}

static unsigned int
pool_count(int state)
{
	return (int)f.pool.state == state;
}

static const struct cycle cycles[] = {
	{ "client", CLIENT_STATES, &client_moves[0][0], client_make, client_move, client_count },
	{ "request", REQUEST_STATES, &request_moves[0][0], request_make, request_move,
	    request_count },
	{ "worker", WORKER_STATES, &worker_moves[0][0], worker_make, worker_move, worker_count },
	{ "pool", POOL_STATES, &pool_moves[0][0], pool_make, pool_move, pool_count },
};
#define CYCLES ((int)(sizeof(cycles) / sizeof(cycles[0])))

/* Row number over all cycles -> cycle, from, to; which: only legal or only illegal moves. */
static const struct cycle *
find_move(int row, int which, int *from, int *to)
{
	for (int i = 0; i < CYCLES; i++) {
		const struct cycle *c = &cycles[i];

		for (int m = 0; m < c->states * c->states; m++) {
			if (c->moves[m] == which && row-- == 0) {
				*from = m / c->states;
				*to = m % c->states;
				return c;
			}
		}
	}
	return NULL;
}

static int
count_moves(int which)
{
	int from, to, n = 0;

	while (find_move(n, which, &from, &to) != NULL)
		n++;
	return n;
}

START_TEST(test_legal)
{
	int from, to;
	const struct cycle *c = find_move(_i, 1, &from, &to);

	c->make(from);
	ck_assert_msg(
	    c->count(from) == 1, "%s in %d is counted %u times", c->name, from, c->count(from));
	c->move(to);
	for (int state = 0; state < c->states; state++)
		ck_assert_msg(c->count(state) == (state == to), "%s from %d to %d: %u in %d",
		    c->name, from, to, c->count(state), state);
	if (c->move == worker_move && to == WORKER_BUSY)
		worker_set_state(worker, WORKER_IDLE); /* it has no request to lose at the end */
	if (c->move == request_move && from == REQUEST_QUEUED && to == REQUEST_RUNNING)
		request_set_state(request, REQUEST_DONE); /* nor has it a worker */
}
END_TEST

START_TEST(test_illegal)
{
	int from, to;
	const struct cycle *c = find_move(_i, 0, &from, &to);

	c->make(from);
	c->move(to);
	/* Not reached: the test expects SIGABRT. */
	ck_abort_msg("%s moved from %d to %d", c->name, from, to);
}
END_TEST

/* A request leaves its worker before it leaves REQUEST_RUNNING, a worker its request. */
START_TEST(test_running_keeps_worker)
{
	request_make(REQUEST_RUNNING);
	request->conn = &fixture_worker(&f)->conns.first;
	request_set_state(request, REQUEST_ANSWERING);
}
END_TEST

START_TEST(test_busy_keeps_request)
{
	request_make(REQUEST_RUNNING);
	worker_make(WORKER_BUSY);
	conn_take(&worker->conns.first, request);
	worker_set_state(worker, WORKER_IDLE);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("states");
	TCase *legal = tcase_create("legal"), *illegal = tcase_create("illegal");

	tcase_add_checked_fixture(legal, setup, teardown);
	tcase_add_loop_test(legal, test_legal, 0, count_moves(1));
	suite_add_tcase(suite, legal);
	tcase_add_checked_fixture(illegal, setup, NULL);
	tcase_add_loop_test_raise_signal(illegal, test_illegal, SIGABRT, 0, count_moves(0));
	tcase_add_test_raise_signal(illegal, test_running_keeps_worker, SIGABRT);
	tcase_add_test_raise_signal(illegal, test_busy_keeps_request, SIGABRT);
	suite_add_tcase(suite, illegal);
	return run_suite(suite);
}
