/* test_buffer.c: chains of chunks: what goes in comes out, and every chunk is accounted for. */
#include "config.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "tests/unit/run.h"

#define FREE_MAX 2

static struct chunk_pool pool;
static struct chain chain;

static void
setup(void)
{
	chunk_pool_init(&pool, FREE_MAX);
	chain_init(&chain);
}

static void
teardown(void)
{
	chain_clear(&pool, &chain);
	ck_assert_uint_eq(chain.len, 0);
	ck_assert_uint_eq(pool.used_bytes, 0);
	ck_assert_uint_le(pool.free_count, FREE_MAX);
	chunk_pool_destroy(&pool);
	ck_assert_uint_eq(pool.free_count, 0);
}

static uint8_t
pattern(size_t i)
{
	return (uint8_t)(i * 31 + (i >> 8));
}

static void
append_pattern(size_t from, size_t len)
{
	uint8_t *bytes = malloc(len > 0 ? len : 1);

	for (size_t i = 0; i < len; i++)
		bytes[i] = pattern(from + i);
	ck_assert(chain_append(&pool, &chain, bytes, len));
	free(bytes);
}

/* The chain holds the pattern from offset from on, as seen past skip bytes. */
static void
check_pattern(size_t from, size_t skip, const char *name)
{
	struct iovec iov[16];
	int n = chain_iov(&chain, skip, iov, 16);
	size_t at = from + skip, seen = 0;

	for (int i = 0; i < n; i++) {
		const uint8_t *p = iov[i].iov_base;

		ck_assert_msg(iov[i].iov_len > 0, "%s: an empty entry", name);
		for (size_t k = 0; k < iov[i].iov_len; k++, at++) {
			if (p[k] != pattern(at))
				ck_abort_msg("%s: byte %zu", name, at);
		}
		seen += iov[i].iov_len;
	}
	ck_assert_msg(seen == chain.len - skip, "%s: %zu of %zu", name, seen, chain.len - skip);
}

static const struct {
	const char *name;
	size_t len;
	unsigned int chunks;
} appends[] = {
    {"nothing", 0, 0},
    {"one byte", 1, 1},
    {"a chunk but one", CHUNK_DATA - 1, 1},
    {"a chunk", CHUNK_DATA, 1},
    {"a chunk and one", CHUNK_DATA + 1, 2},
    {"two chunks", 2 * CHUNK_DATA, 2},
    {"five and a half", 5 * CHUNK_DATA + CHUNK_DATA / 2, 6},
};

START_TEST(test_append)
{
	const char *name = appends[_i].name;
	size_t len = appends[_i].len;

	append_pattern(0, len);
	ck_assert_msg(chain.len == len, "%s", name);
	ck_assert_msg(
	    pool.used_bytes == appends[_i].chunks * CHUNK_SIZE, "%s: %zu", name, pool.used_bytes);
	check_pattern(0, 0, name);
	for (size_t skip = 0; skip <= len; skip += skip < 3 ? 1 : CHUNK_DATA / 3)
		check_pattern(0, skip, name);
	check_pattern(0, len, name);
}
END_TEST

static const struct {
	const char *name;
	size_t step;
} steps[] = {{"by one", 1}, {"by 1,000", 1000}, {"a chunk but one", CHUNK_DATA - 1},
    {"by chunks", CHUNK_DATA}, {"a chunk and one", CHUNK_DATA + 1}, {"by 40,000", 40000}};

/* Append and consume alternately, more going in than out, then empty it. */
START_TEST(test_consume)
{
	size_t step = steps[_i].step, in = 0, out = 0;

	for (int i = 0; i < 12 + (step < 100) * 200; i++) {
		append_pattern(in, step + 100);
		in += step + 100;
		chain_consume(&pool, &chain, step);
		out += step;
		ck_assert_uint_eq(chain.len, in - out);
		check_pattern(out, 0, steps[_i].name);
		ck_assert_uint_le(pool.used_bytes, (chain.len / CHUNK_DATA + 2) * CHUNK_SIZE);
	}
	while (chain.len > 0) {
		size_t n = chain.len < step ? chain.len : step;

		chain_consume(&pool, &chain, n);
		out += n;
		if (n > 1 || chain.len % 97 == 0)
			check_pattern(out, 0, steps[_i].name);
	}
	ck_assert_uint_eq(in, out);
	ck_assert_uint_eq(pool.used_bytes, 0);
}
END_TEST

/* A reservation is in one piece: it takes a new chunk rather than span two. */
START_TEST(test_reserve)
{
	size_t room;
	uint8_t *first = chain_reserve(&pool, &chain, 16, &room), *again;

	ck_assert(first != NULL);
	ck_assert_uint_eq(room, CHUNK_DATA);
	ck_assert_uint_eq(chain.len, 0);
	memset(first, 'a', 100);
	chain_commit(&chain, 100);
	again = chain_reserve(&pool, &chain, 16, &room);
	ck_assert_ptr_eq(again, first + 100);
	ck_assert_uint_eq(room, CHUNK_DATA - 100);
	chain_commit(&chain, room - 15);
	ck_assert_uint_eq(pool.used_bytes, CHUNK_SIZE);
	ck_assert_ptr_ne(chain_reserve(&pool, &chain, 16, &room), first + CHUNK_DATA - 15);
	ck_assert_uint_eq(room, CHUNK_DATA);
	ck_assert_uint_eq(pool.used_bytes, 2 * CHUNK_SIZE);
	chain_commit(&chain, 3);
	ck_assert_uint_eq(chain.len, CHUNK_DATA - 15 + 3);
}
END_TEST

/* A whole chunk can be reserved, and a reservation that is not used is given back. */
START_TEST(test_reserve_unused)
{
	size_t room;

	ck_assert(chain_reserve(&pool, &chain, CHUNK_DATA, &room) != NULL);
	ck_assert_uint_eq(pool.used_bytes, CHUNK_SIZE);
	chain_clear(&pool, &chain);
	ck_assert_uint_eq(pool.used_bytes, 0);
	ck_assert_uint_eq(pool.free_count, 1);
}
END_TEST

/* Chunks are kept up to the cap and taken again before the system is asked. */
START_TEST(test_free_list)
{
	append_pattern(0, 5 * CHUNK_DATA);
	ck_assert_uint_eq(pool.free_count, 0);
	chain_clear(&pool, &chain);
	ck_assert_uint_eq(pool.free_count, FREE_MAX);
	append_pattern(0, CHUNK_DATA);
	ck_assert_uint_eq(pool.free_count, FREE_MAX - 1);
	ck_assert_uint_eq(pool.used_bytes, CHUNK_SIZE);
	append_pattern(CHUNK_DATA, 2 * CHUNK_DATA);
	ck_assert_uint_eq(pool.free_count, 0);
	check_pattern(0, 0, "reused chunks");
}
END_TEST

START_TEST(test_iov_limit)
{
	struct iovec iov[4];

	append_pattern(0, 5 * CHUNK_DATA);
	ck_assert_int_eq(chain_iov(&chain, 0, iov, 0), 0);
	ck_assert_int_eq(chain_iov(&chain, 0, iov, 3), 3);
	ck_assert_int_eq(chain_iov(&chain, 3 * CHUNK_DATA + 1, iov, 4), 2);
	ck_assert_uint_eq(iov[0].iov_len, CHUNK_DATA - 1);
	ck_assert_int_eq(chain_iov(&chain, 5 * CHUNK_DATA, iov, 4), 0);
}
END_TEST

START_TEST(test_consume_too_much)
{
	append_pattern(0, 10);
	chain_consume(&pool, &chain, 11);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("buffer");
	TCase *tc = tcase_create("chain");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 30);
	tcase_add_loop_test(tc, test_append, 0, COUNT(appends));
	tcase_add_loop_test(tc, test_consume, 0, COUNT(steps));
	tcase_add_test(tc, test_reserve);
	tcase_add_test(tc, test_reserve_unused);
	tcase_add_test(tc, test_free_list);
	tcase_add_test(tc, test_iov_limit);
	tcase_add_test_raise_signal(tc, test_consume_too_much, SIGABRT);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
