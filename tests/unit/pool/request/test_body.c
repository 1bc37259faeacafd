/* test_body.c: a request's input: in order and byte-exact, in memory, in a file, and given twice.
 */
#include "config.h"

#include <sys/resource.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pool/client/client.h"
#include "pool/client/input.h"
#include "pool/core/client.h"
#include "pool/core/request.h"
#include "pool/loop.h"
#include "pool/request/body.h"
#include "pool/request/request.h"
#include "pool/request/spool.h"
#include "tests/unit/fixture.h"
#include "tests/unit/run.h"

#define BODY_MAX 1000000

static struct fixture f;
static struct client *c;
static struct request *r;
static uint8_t body[BODY_MAX], got[BODY_MAX];
static size_t got_len;
static bool got_end[2]; /* STDIN, DATA */

static void
setup(void)
{
	fixture_init(&f, "request_buffer_size = 64K\nrequest_spool_size = 1M");
	fixture_client(&f, &c);
	r = request_new(c, 7, FCGI_RESPONDER, true);
	ck_assert(r != NULL);
	for (size_t i = 0; i < BODY_MAX; i++)
		body[i] = (uint8_t)(i * 31 + (i >> 8));
	got_len = 0;
	got_end[0] = got_end[1] = false;
}

static void
teardown(void)
{
	fixture_free(&f);
}

/* A program takes everything that is in memory, and checks the records it comes in. */
static void
take(void)
{
	size_t len = body_unsent(r), at = r->body.sent;
	uint8_t *bytes = fixture_chain_bytes(&r->body.chain), *end = bytes + at + len;

	for (uint8_t *p = bytes + at; p < end;) {
		size_t content = (size_t)p[4] << 8 | p[5];
		int stream = p[1] == FCGI_DATA;

		ck_assert(p[0] == 1 && (p[1] == FCGI_STDIN || p[1] == FCGI_DATA));
		ck_assert(p[2] == 0 && p[3] == FCGI_WORKER_ID && !got_end[stream]);
		got_end[stream] = content == 0;
		ck_assert_uint_le(got_len + content, sizeof(got));
		memcpy(got + got_len, p + FCGI_HEADER_LEN, content);
		got_len += content;
		p += FCGI_HEADER_LEN + content + p[6];
		ck_assert(p <= end);
	}
	free(bytes);
	body_sent(r, len);
	ck_assert_uint_eq(body_unsent(r), 0);
}

static void
take_all(void)
{
	for (int i = 0; i < 1000 && !body_all_sent(r); i++) {
		ck_assert(body_refill(r));
		fixture_settle(&f);
		take();
	}
	ck_assert(body_all_sent(r));
}

static const struct {
	const char *name;
	size_t len, step;
	bool multiplexes;
	bool spools;
} bodies[] = {
    {"nothing", 0, 1, false, false},
    {"one byte", 1, 1, false, false},
    {"byte by byte", 1000, 1, false, false},
    {"what fits", 60000, 7001, false, false},
    {"alone: read on, the client is paused elsewhere", 200000, 8000, false, false},
    {"multiplexed, what fits", 60000, 7001, true, false},
    {"multiplexed, one record in the file", 73000, 8000, true, true},
    {"multiplexed, a large one", 900000, 65535, true, true},
    {"multiplexed, odd records", 500000, 4093, true, true},
};

START_TEST(test_body)
{
	size_t len = bodies[_i].len, step = bodies[_i].step;

	c->input.multiplexes = bodies[_i].multiplexes;
	request_set_state(r, REQUEST_BODY);
	for (size_t at = 0; at < len; at += step)
		ck_assert_msg(body_add(r, FCGI_STDIN, body + at, step < len - at ? step : len - at),
		    "%s", bodies[_i].name);
	ck_assert(body_end(r, FCGI_STDIN));
	ck_assert_msg((r->body.spool != NULL) == bodies[_i].spools, "%s", bodies[_i].name);
	ck_assert_uint_eq(r->body.bytes, len);
	take_all();
	ck_assert_msg(got_len == len && memcmp(got, body, len) == 0, "%s: %zu bytes",
	    bodies[_i].name, got_len);
	ck_assert(got_end[0] && !got_end[1]);
}
END_TEST

/* The file is read while it is written: the order stays. */
START_TEST(test_spool_while_sent)
{
	size_t at = 0;

	c->input.multiplexes = true;
	request_set_state(r, REQUEST_BODY);
	for (int i = 0; at < BODY_MAX - 50000; i++) {
		ck_assert(body_add(r, FCGI_STDIN, body + at, 50000));
		at += 50000;
		if (i % 3 == 2) {
			ck_assert(body_refill(r));
			take();
		}
	}
	ck_assert(r->body.spool != NULL);
	ck_assert(body_end(r, FCGI_STDIN));
	take_all();
	ck_assert_uint_eq(got_len, at);
	ck_assert_mem_eq(got, body, at);
}
END_TEST

START_TEST(test_spool_limit)
{
	size_t at = 0;

	c->input.multiplexes = true;
	request_set_state(r, REQUEST_BODY);
	while (at < 3000000 && body_add(r, FCGI_STDIN, body, 65536))
		at += 65536;
	ck_assert_int_eq(errno, EFBIG); /* a full disk is something else */
	/* What is in memory, and request_spool_size. */
	ck_assert_uint_ge(at, 1024 * 1024);
	ck_assert_uint_le(at, 1024 * 1024 + 3 * 65536);
}
END_TEST

/* A disk that takes nothing until release_disk(). */
static int gate[2];

static void
wait_at_gate(void *arg)
{
	char ignored;

	ck_assert_int_eq(read(gate[0], &ignored, 1), 1);
}

static void
forget(void *arg)
{
}

static void
hold_disk(void)
{
	static struct job stuck = {.run = wait_at_gate, .done = forget};

	ck_assert_int_eq(pipe2(gate, O_CLOEXEC), 0);
	ck_assert(spool_start(&f.pool) != NULL);
	jobs_put(f.pool.requests.spooler->jobs, &stuck);
}

static void
release_disk(void)
{
	ck_assert_int_eq(write(gate[1], "x", 1), 1);
	fixture_settle(&f);
	close(gate[0]);
	close(gate[1]);
}

static void
add_many(size_t len)
{
	c->input.multiplexes = true;
	request_set_state(r, REQUEST_BODY);
	for (size_t at = 0; at < len; at += 50000)
		ck_assert(body_add(r, FCGI_STDIN, body + at, len - at < 50000 ? len - at : 50000));
}

/* Whoever hands over a body goes on; only its client is not read any more. */
START_TEST(test_slow_disk)
{
	struct client *other;
	int fd = fixture_client(&f, &other);

	hold_disk();
	add_many(900000);
	ck_assert(body_end(r, FCGI_STDIN));
	input_update(c);
	ck_assert(c->input.paused && body_waits_for_disk(c) && !body_waits_for_disk(other));
	ck_assert_uint_ge(
	    ledger_held(&f.pool.buffers.ledger), 900000); /* it is all accounted for */
	fixture_send(&f, fd, "values FCGI_MPXS_CONNS");
	ck_assert_str_eq(fixture_read(&f, fd), "values FCGI_MPXS_CONNS=1");
	release_disk();
	ck_assert(!c->input.paused && c->input.to_disk == 0);
	ck_assert_uint_lt(ledger_held(&f.pool.buffers.ledger), 200000);
	take_all();
	ck_assert_uint_eq(got_len, 900000);
	ck_assert_mem_eq(got, body, 900000);
	close(fd);
}
END_TEST

/* Near buffer_limit the disk gets less ahead of time. */
START_TEST(test_slow_disk_near_the_limit)
{
	hold_disk();
	add_many(150000);
	ck_assert(!body_waits_for_disk(c));
	ledger_take(&f.pool.buffers.ledger, f.pool.buffers.ledger.limit * 3 / 4);
	ck_assert(body_waits_for_disk(c));
	ledger_give(&f.pool.buffers.ledger, f.pool.buffers.ledger.limit * 3 / 4);
	release_disk();
}
END_TEST

/* It ends while its bytes are on their way to the file, or back. */
START_TEST(test_over_meanwhile)
{
	bool reading = _i == 1;

	if (!reading)
		hold_disk();
	add_many(400000);
	if (reading) {
		fixture_settle(&f);
		take();
		hold_disk();
		ck_assert(body_refill(r));
		ck_assert_uint_gt(f.pool.buffers.chunks.used_bytes, 0);
	}
	client_gone(c); /* the request's record may be in use again before the disk is done */
	ck_assert_uint_eq(c->input.to_disk, 0);
	loop_bury(&f.pool);
	fixture_client(&f, &c);
	r = request_new(c, 8, FCGI_RESPONDER, true);
	release_disk();
	ck_assert(r->body.spool == NULL && r->body.chain.len == 0 && c->input.to_disk == 0);
	ck_assert_uint_eq(f.pool.buffers.chunks.used_bytes, 0);
	request_set_state(r, REQUEST_BODY);
	ck_assert(body_add(r, FCGI_STDIN, body, 1000));
	ck_assert(body_end(r, FCGI_STDIN));
	take_all();
	ck_assert_mem_eq(got + got_len - 1000, body, 1000);
}
END_TEST

static const struct {
	const char *name, *dir;
	rlim_t file_size;
	const char *log;
} failures[] = {
    {"no such directory", "/nowhere/at/all", RLIM_INFINITY, "No such file or directory"},
    {"too large for the system, which is not request_spool_size", "", 100000, "File too large"},
};

START_TEST(test_disk_fails)
{
	struct rlimit rl = {failures[_i].file_size, RLIM_INFINITY};

	setenv("TMPDIR", failures[_i].dir, 1);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &rl), 0);
	add_many(700000);
	fixture_settle(&f);
	rl.rlim_cur = RLIM_INFINITY;
	setrlimit(RLIMIT_FSIZE, &rl);
	ck_assert(r->answer.end && r->answer.status == 503 && r->body.spool == NULL &&
		  c->input.to_disk == 0);
	ck_assert_msg(strstr(fixture_log(&f), failures[_i].log) != NULL &&
		strstr(f.log, "answered 503") != NULL, "%s: %s", failures[_i].name, f.log);
}
END_TEST

START_TEST(test_filter)
{
	r->role = FCGI_FILTER;
	request_set_state(r, REQUEST_BODY);
	ck_assert(body_add(r, FCGI_STDIN, body, 10000));
	ck_assert(body_end(r, FCGI_STDIN));
	ck_assert(!r->body.end);
	ck_assert(body_add(r, FCGI_DATA, body + 10000, 5000));
	ck_assert(body_end(r, FCGI_DATA));
	ck_assert(r->body.end);
	take_all();
	ck_assert_uint_eq(got_len, 15000);
	ck_assert_mem_eq(got, body, 15000);
	ck_assert(got_end[0] && got_end[1]);
}
END_TEST

START_TEST(test_room)
{
	request_set_state(r, REQUEST_BODY);
	ck_assert(!body_is_full(r) && body_has_room(r));
	ck_assert(body_add(r, FCGI_STDIN, body, 40000));
	ck_assert(!body_is_full(r) && !body_has_room(r));
	ck_assert(body_add(r, FCGI_STDIN, body, 40000));
	ck_assert(body_is_full(r) && !body_has_room(r));
	take();
	ck_assert(!body_is_full(r) && body_has_room(r));
}
END_TEST

/* What was sent is kept for a second worker, as long as nothing speaks against it. */
START_TEST(test_replay)
{
	request_set_state(r, REQUEST_BODY);
	ck_assert(body_add(r, FCGI_STDIN, body, 30000));
	ck_assert(body_end(r, FCGI_STDIN));
	take_all();
	ck_assert(!r->body.dropped);
	r->body.sent = 0;
	got_len = 0;
	got_end[0] = false;
	take_all();
	ck_assert_uint_eq(got_len, 30000);
	ck_assert_mem_eq(got, body, 30000);
	body_drop_sent(r);
	ck_assert(r->body.dropped && r->body.chain.len == 0);
	ck_assert_uint_eq(f.pool.buffers.chunks.used_bytes, 0);
}
END_TEST

START_TEST(test_no_replay)
{
	request_set_state(r, REQUEST_BODY);
	r->answer.responded = _i == 0; /* else: more than is kept */
	ck_assert(body_add(r, FCGI_STDIN, body, _i == 0 ? 10 : 100000));
	body_sent(r, 8);
	ck_assert(r->body.dropped);
	ck_assert_uint_eq(r->body.sent, 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("body");
	TCase *tc = tcase_create("body");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 30);
	tcase_add_loop_test(tc, test_body, 0, COUNT(bodies));
	tcase_add_test(tc, test_spool_while_sent);
	tcase_add_test(tc, test_spool_limit);
	tcase_add_test(tc, test_slow_disk);
	tcase_add_test(tc, test_slow_disk_near_the_limit);
	tcase_add_loop_test(tc, test_over_meanwhile, 0, 2);
	tcase_add_loop_test(tc, test_disk_fails, 0, COUNT(failures));
	tcase_add_test(tc, test_filter);
	tcase_add_test(tc, test_room);
	tcase_add_test(tc, test_replay);
	tcase_add_loop_test(tc, test_no_replay, 0, 2);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
