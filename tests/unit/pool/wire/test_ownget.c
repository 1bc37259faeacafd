/* test_ownget.c: a GET of our own, read again as a program does. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "pool/wire/fcgi.h"
#include "pool/wire/ownget.h"
#include "tests/unit/run.h"

static const struct {
	const char *uri, *path, *query;
} rows[] = {
    {"/", "/", ""},
    {"/health?pool=www", "/health", "pool=www"},
    {"/a/b.php?", "/a/b.php", ""},
    {"/x?a?b", "/x", "a?b"},
};

static bool
has(const uint8_t *p, const uint8_t *end, const char *name, const char *value)
{
	struct fcgi_pair pair;

	for (; fcgi_pair_next(p, end, &pair) == 1; p += pair.size)
		if (pair.name_len == strlen(name) && memcmp(pair.name, name, pair.name_len) == 0)
			return pair.value_len == strlen(value) &&
			    memcmp(pair.value, value, pair.value_len) == 0;
	return false;
}

START_TEST(test_encode)
{
	static const uint8_t types[] = {FCGI_BEGIN_REQUEST, FCGI_PARAMS, FCGI_PARAMS, FCGI_STDIN};
	uint8_t bytes[4096], *p = bytes;
	size_t len = ownget_encode(rows[_i].uri, 7, bytes, sizeof(bytes)), n = 0;
	struct fcgi_decoder decoder;
	struct fcgi_piece piece;
	ssize_t used;

	ck_assert_uint_gt(len, 0);
	fcgi_decoder_init(&decoder);
	for (size_t left = len; left > 0; left -= (size_t)used, p += used) {
		used = fcgi_decode(&decoder, p, left, &piece);
		ck_assert_int_gt(used, 0);
		if (piece.data == NULL)
			continue;
		ck_assert_uint_eq(piece.type, types[n]);
		ck_assert_uint_eq(piece.id, 7);
		ck_assert(piece.first && piece.last);
		if (n == 1) {
			ck_assert(has(piece.data, piece.data + piece.len, "SCRIPT_NAME", rows[_i].path));
			ck_assert(
			    has(piece.data, piece.data + piece.len, "QUERY_STRING", rows[_i].query));
			ck_assert(
			    has(piece.data, piece.data + piece.len, "REQUEST_URI", rows[_i].uri));
			ck_assert(has(piece.data, piece.data + piece.len, "REQUEST_METHOD", "GET"));
			ck_assert(has(piece.data, piece.data + piece.len, "HTTP_HOST", "localhost"));
		} else if (n > 1)
			ck_assert_uint_eq(piece.len, 0);
		n++;
	}
	ck_assert_uint_eq(n, 4);
	ck_assert(fcgi_decoder_between(&decoder));
	/* Not a byte behind what there is room for. */
	ck_assert_uint_eq(ownget_encode(rows[_i].uri, 7, bytes, len), len);
	ck_assert_uint_eq(ownget_encode(rows[_i].uri, 7, bytes, len - 1), 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("ownget");
	TCase *tc = tcase_create("records");

	tcase_add_loop_test(tc, test_encode, 0, COUNT(rows));
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
