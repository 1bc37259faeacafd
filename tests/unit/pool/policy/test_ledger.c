/* test_ledger.c: one account for all buffers; its levels, and who may be read at each. */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pool/core/client.h"
#include "pool/core/request.h"
#include "pool/policy/ledger.h"
#include "pool/relay/feed.h"
#include "pool/request/request.h"
#include "tests/unit/fixture.h"
#include "tests/unit/run.h"

#define MIB (1024 * 1024)

static const struct {
	const char *name;
	size_t limit, taken, chunks;
	enum ledger_level level;
} levels[] = {
    {"nothing", MIB, 0, 0, LEDGER_OPEN},
    {"below three quarters", MIB, 786431, 0, LEDGER_OPEN},
    {"three quarters", MIB, 786432, 0, LEDGER_TIGHT},
    {"chunks and the rest are one sum", MIB, 393216, 393216, LEDGER_TIGHT},
    {"one byte is left", MIB, MIB - 1, 0, LEDGER_TIGHT},
    {"the limit", MIB, MIB, 0, LEDGER_FULL},
    {"chunks alone", MIB, 0, MIB, LEDGER_FULL},
    {"in the reserve", MIB, MIB + 131071, 0, LEDGER_FULL},
    {"the reserve is gone", MIB, MIB, 131072, LEDGER_SPENT},
    {"far beyond", MIB, (size_t)1 << 40, 0, LEDGER_SPENT},
};

START_TEST(test_levels)
{
	struct chunk_pool chunks = {.used_bytes = levels[_i].chunks};
	struct ledger l;

	ledger_init(&l, levels[_i].limit, &chunks);
	ledger_take(&l, levels[_i].taken);
	ck_assert_uint_eq(ledger_held(&l), levels[_i].taken + levels[_i].chunks);
	ck_assert_msg(ledger_level(&l) == levels[_i].level, "%s: %d", levels[_i].name,
	    (int)ledger_level(&l));
	ledger_give(&l, levels[_i].taken);
	ck_assert_uint_eq(ledger_held(&l), levels[_i].chunks);
}
END_TEST

static const struct {
	const char *name;
	enum ledger_level level;
	struct ledger_reader r;
	size_t may;
} readers[] = {
    {"open: anybody", LEDGER_OPEN, {0}, 65536},
    {"open: a body", LEDGER_OPEN, {.lone_body = true, .input_open = true}, 65536},
    {"open: one who does not read", LEDGER_OPEN, {.blocked = true}, 65536},
    {"tight: a body", LEDGER_TIGHT, {.lone_body = true, .input_open = true}, 65536},
    {"full: a newcomer says what it wants", LEDGER_FULL, {0}, 4096},
    {"full: a body waits for a worker", LEDGER_FULL, {.lone_body = true, .input_open = true}, 0},
    {"full: a body that a worker takes", LEDGER_FULL,
	{.lone_body = true, .has_worker = true, .input_open = true}, CHUNK_SIZE},
    {"full: the same, unread answer", LEDGER_FULL,
	{.lone_body = true, .has_worker = true, .input_open = true, .blocked = true}, CHUNK_SIZE},
    {"full: it does not read, and wants more", LEDGER_FULL, {.blocked = true}, 0},
    {"full: it does not read, what it sends is thrown away", LEDGER_FULL,
	{.blocked = true, .input_open = true}, 4096},
    {"full: many requests, the file takes bodies", LEDGER_FULL, {.multiplexes = true}, CHUNK_SIZE},
    {"full: the same, one is not read", LEDGER_FULL, {.multiplexes = true, .blocked = true},
	CHUNK_SIZE},
    {"spent: as full", LEDGER_SPENT, {.lone_body = true, .input_open = true}, 0},
    {"spent: a newcomer", LEDGER_SPENT, {0}, 4096},
};

START_TEST(test_may_read)
{
	size_t may = ledger_may_read(readers[_i].level, &readers[_i].r, 65536);

	ck_assert_msg(may == readers[_i].may, "%s: %zu", readers[_i].name, may);
	ck_assert_uint_le(ledger_may_read(readers[_i].level, &readers[_i].r, 100), 100);
}
END_TEST

/* The doors of a pool ------------------------------------------------------- */

#define LIMIT "buffer_limit = 1M\nresponse_buffer_size = 64K\npm.status_path = /status\n" \
	      "ping.path = /ping\n"

static struct fixture f;
static int fd;

static void
setup(void)
{
	fixture_init(&f, LIMIT);
	fd = fixture_client(&f, NULL);
}

static void
teardown(void)
{
	close(fd);
	fixture_free(&f);
}

/* Somebody holds all of the budget. */
static void
fill(size_t beyond)
{
	ledger_take(&f.pool.buffers.ledger, MIB + beyond);
}

static void
empty(size_t beyond)
{
	ledger_give(&f.pool.buffers.ledger, MIB + beyond);
}

START_TEST(test_newcomer)
{
	fill(0);
	fixture_send(&f, fd, "begin 1 responder keep; params 1 SCRIPT_NAME=/x; params 1");
	ck_assert_str_eq(fixture_read(&f, fd),
	    "stdout 1 Status: 503 Service Unavailable; stdout 1; end 1 0 0");
	ck_assert_ptr_nonnull(strstr(fixture_log(&f), "buffer_limit is 1048576"));
	empty(0);
}
END_TEST

START_TEST(test_newcomer_unseen)
{
	fill(MIB / 8);
	fixture_send(&f, fd, "begin 1 responder keep; params 1 SCRIPT_NAME=/x; params 1; stdin 1");
	ck_assert_str_eq(fixture_read(&f, fd),
	    "stdout 1 Status: 503 Service Unavailable; stdout 1; end 1 0 0");
	ck_assert_ptr_nonnull(strstr(fixture_log(&f), "answered 503 unseen"));
	ck_assert_uint_eq(ledger_held(&f.pool.buffers.ledger), MIB + MIB / 8);
	empty(MIB / 8);
	/* The connection is as good as before. */
	fixture_send(&f, fd,
	    "begin 1 responder keep; params 1 SCRIPT_NAME=/ping; params 1; stdin 1");
	ck_assert_ptr_nonnull(strstr(fixture_read(&f, fd), "end 1 0 0"));
}
END_TEST

START_TEST(test_status_is_exempt)
{
	static const char *const paths[] = {"/status", "/ping"};
	char text[128];

	fill(0);
	snprintf(text, sizeof(text), "begin 1 responder keep; params 1 SCRIPT_NAME=%s; params 1; "
	    "stdin 1", paths[_i]);
	fixture_send(&f, fd, text);
	ck_assert_msg(strstr(fixture_read(&f, fd), "503") == NULL, "%s", f.trace);
	ck_assert_ptr_nonnull(strstr(f.trace, "end 1 0 0"));
	empty(0);
}
END_TEST

/* All of the budget is held by bodies that are not whole: a worker takes them as they come. */
START_TEST(test_body_is_streamed)
{
	struct request *r;
	struct worker *w;
	int program;

	fixture_send(&f, fd,
	    "begin 1 responder keep; params 1 SCRIPT_NAME=/x; params 1; stdin 1 abc");
	r = TAILQ_FIRST(&f.pool.requests.list[REQUEST_BODY]);
	ck_assert_ptr_nonnull(r);
	fill(0);
	fixture_send(&f, fd, "stdin 1 def");
	ck_assert_int_eq(r->state, REQUEST_QUEUED);
	ck_assert(r->client->input.paused);
	ck_assert_uint_eq(r->body.bytes, 3);
	w = fixture_worker(&f);
	feed_start(w, r);
	program = fixture_accept(w);
	fixture_pass(&f);
	ck_assert_str_eq(fixture_read(&f, program),
	    "begin 1 responder keep; params 1 SCRIPT_NAME=/x; params 1; stdin 1 abc; stdin 1 def");
	fixture_send(&f, fd, "stdin 1");
	ck_assert_str_eq(fixture_read(&f, program), "stdin 1");
	fixture_send(&f, program, "stdout 1 Status: 200\r\n\r\n; end 1 0 0");
	ck_assert_ptr_nonnull(strstr(fixture_read(&f, fd), "end 1 0 0"));
	close(program);
	empty(0);
}
END_TEST

static const struct {
	const char *name;
	size_t held; /* when the record begins */
	const char *answer;
} values[] = {
    {"room", 0, "values FCGI_MPXS_CONNS=1"},
    {"none", MIB, "values"},
};

/* A management record that comes in parts takes room, too; without any it is still answered. */
START_TEST(test_values)
{
	uint8_t bytes[128];
	size_t len = fixture_records(bytes, sizeof(bytes), "values FCGI_MPXS_CONNS");

	ledger_take(&f.pool.buffers.ledger, values[_i].held);
	fixture_send_bytes(&f, fd, bytes, 16);
	ck_assert_msg((ledger_held(&f.pool.buffers.ledger) > values[_i].held) == (_i == 0), "%s",
	    values[_i].name);
	fixture_send_bytes(&f, fd, bytes + 16, len - 16);
	ck_assert_str_eq(fixture_read(&f, fd), values[_i].answer);
	ck_assert_uint_eq(ledger_held(&f.pool.buffers.ledger), values[_i].held);
	ledger_give(&f.pool.buffers.ledger, values[_i].held);
}
END_TEST

/* Nothing that a request held stays in the account. */
START_TEST(test_given_back)
{
	ck_assert_uint_eq(ledger_held(&f.pool.buffers.ledger), 0);
	fixture_send(&f, fd,
	    "begin 1 responder keep; params 1 A=1; params 1; stdin 1 abc; "
	    "begin 2 responder keep; params 2 B=2");
	ck_assert_uint_ge(ledger_held(&f.pool.buffers.ledger),
	    2 * (sizeof(struct request) + PARAMS_KEEP) + CHUNK_SIZE);
	fixture_end_clients(&f);
	ck_assert_uint_eq(ledger_held(&f.pool.buffers.ledger), 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("ledger");
	TCase *pure = tcase_create("pure"), *tc = tcase_create("doors");

	tcase_add_loop_test(pure, test_levels, 0, COUNT(levels));
	tcase_add_loop_test(pure, test_may_read, 0, COUNT(readers));
	suite_add_tcase(suite, pure);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_newcomer);
	tcase_add_test(tc, test_newcomer_unseen);
	tcase_add_loop_test(tc, test_status_is_exempt, 0, 2);
	tcase_add_test(tc, test_body_is_streamed);
	tcase_add_loop_test(tc, test_values, 0, COUNT(values));
	tcase_add_test(tc, test_given_back);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
