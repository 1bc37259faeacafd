/* test_fcgi.c: the codec: records, in whatever pieces they arrive, and name-value pairs. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "pool/wire/fcgi.h"
#include "tests/unit/run.h"

#define TRACE_MAX 400000

/* What a decoder gave, without regard to the pieces it came in. */
struct trace {
	uint8_t bytes[TRACE_MAX];
	size_t len;
	bool open; /* a record has begun and not ended */
};

static void
trace_add(struct trace *t, const void *data, size_t len)
{
	check_round(t->len + len <= sizeof(t->bytes), "too much");
	memcpy(t->bytes + t->len, data, len);
	t->len += len;
}

static void
trace_piece(struct trace *t, const struct fcgi_piece *piece)
{
	check_round(piece->first == !t->open, "record not begun or not ended");
	t->open = !piece->last;
	if (piece->first) {
		trace_add(t, &piece->type, sizeof(piece->type));
		trace_add(t, &piece->id, sizeof(piece->id));
		trace_add(t, &piece->record_len, sizeof(piece->record_len));
	}
	trace_add(t, piece->data, piece->len);
	if (piece->last)
		trace_add(t, "|", 1);
}

/* Feed [p, p + n) in one go; false: malformed. */
static bool
feed(struct fcgi_decoder *d, struct trace *t, const uint8_t *p, size_t n)
{
	while (n > 0) {
		struct fcgi_piece piece;
		ssize_t used = fcgi_decode(d, p, n, &piece);

		if (used == FCGI_MALFORMED)
			return false;
		check_round(used >= 1 && (size_t)used <= n, "consumed %zd of %zu", used, n);
		if (piece.data != NULL) {
			check_round(piece.data >= p && piece.data + piece.len <= p + used, "elsewhere");
			trace_piece(t, &piece);
		}
		p += used;
		n -= (size_t)used;
	}
	return true;
}

/* A record of the given lengths at out, its content counting up; returns its bytes. */
static size_t
put_record(uint8_t *out, uint8_t type, uint16_t id, uint16_t len, uint8_t padding)
{
	fcgi_put_header(out, type, id, len, padding);
	for (size_t i = 0; i < len; i++)
		out[FCGI_HEADER_LEN + i] = (uint8_t)i;
	memset(out + FCGI_HEADER_LEN + len, 0xa5, padding);
	return FCGI_HEADER_LEN + (size_t)len + padding;
}

static const struct {
	const char *name;
	struct {
		uint8_t type;
		uint16_t id;
		uint16_t len;
		uint8_t padding;
	} records[4];
	int count;
} streams[] = {
    {"one empty record", {{FCGI_STDIN, 1, 0, 0}}, 1},
    {"an empty record with padding", {{FCGI_STDIN, 1, 0, 255}}, 1},
    {"one byte", {{FCGI_PARAMS, 1, 1, 7}}, 1},
    {"eight bytes", {{FCGI_BEGIN_REQUEST, 65535, 8, 0}}, 1},
    {"the largest record", {{FCGI_STDIN, 256, 65535, 255}}, 1},
    {"an unknown type", {{200, 3, 5, 3}}, 1},
    {"several",
	{{FCGI_BEGIN_REQUEST, 1, 8, 0}, {FCGI_PARAMS, 1, 30, 2}, {FCGI_PARAMS, 1, 0, 0},
	    {FCGI_STDIN, 1, 0, 8}},
	4},
    {"the largest and one more",
	{{FCGI_STDIN, 1, 65535, 255}, {FCGI_STDIN, 1, 0, 0}, {FCGI_GET_VALUES, 0, 3, 5}}, 3},
};

static size_t
put_stream(uint8_t *out, int row)
{
	size_t n = 0;

	for (int i = 0; i < streams[row].count; i++)
		n += put_record(out + n, streams[row].records[i].type, streams[row].records[i].id,
		    streams[row].records[i].len, streams[row].records[i].padding);
	return n;
}

/* What has to come out, from the table. */
static void
expect_stream(struct trace *t, const uint8_t *in, int row)
{
	for (int i = 0; i < streams[row].count; i++) {
		struct fcgi_piece piece = {.type = streams[row].records[i].type,
		    .id = streams[row].records[i].id,
		    .record_len = streams[row].records[i].len,
		    .data = in + FCGI_HEADER_LEN,
		    .len = streams[row].records[i].len,
		    .first = true,
		    .last = true};

		trace_piece(t, &piece);
		in += FCGI_HEADER_LEN + (size_t)streams[row].records[i].len +
		      streams[row].records[i].padding;
	}
}

static void
check_split(
    int row, const uint8_t *in, size_t n, size_t split, size_t step, const struct trace *want)
{
	static struct trace got;
	struct fcgi_decoder d;

	got.len = 0;
	got.open = false;
	fcgi_decoder_init(&d);
	ck_assert(fcgi_decoder_between(&d));
	ck_assert(feed(&d, &got, in, split));
	for (size_t at = split; at < n; at += step)
		check_round(feed(&d, &got, in + at, step < n - at ? step : n - at), "at %zu", at);
	ck_assert_msg(
	    fcgi_decoder_between(&d), "%s, split at %zu: not between", streams[row].name, split);
	ck_assert_msg(got.len == want->len && memcmp(got.bytes, want->bytes, got.len) == 0,
	    "%s, split at %zu, then by %zu: another result", streams[row].name, split, step);
}

START_TEST(test_splits)
{
	static struct trace want;
	uint8_t *in = calloc(1, TRACE_MAX);
	size_t n = put_stream(in, _i);

	expect_stream(&want, in, _i);
	check_split(_i, in, n, n, 1, &want);
	check_split(_i, in, n, 0, 1, &want); /* byte by byte */
	check_split(_i, in, n, 0, 7, &want);
	for (size_t split = 1; split < n && split < 64; split++)
		check_split(_i, in, n, split, n, &want);
	for (size_t back = 1; back < n && back < 300; back++)
		check_split(_i, in, n, n - back, n, &want);
	free(in);
}
END_TEST

START_TEST(test_between)
{
	uint8_t record[64];
	size_t n = put_record(record, FCGI_STDIN, 1, 9, 7);
	struct fcgi_decoder d;
	struct trace *t = calloc(1, sizeof(*t));

	fcgi_decoder_init(&d);
	for (size_t i = 0; i < n; i++) {
		ck_assert(feed(&d, t, record + i, 1));
		ck_assert_msg(fcgi_decoder_between(&d) == (i + 1 == n), "after byte %zu", i);
	}
	free(t);
}
END_TEST

static const struct {
	const char *name;
	uint8_t version;
} versions[] = {
    {"version 0", 0}, {"version 2", 2}, {"HTTP", 'G'}, {"TLS", 0x16}, {"version 255", 255}};

START_TEST(test_bad_version)
{
	uint8_t records[64];
	struct fcgi_decoder d;
	struct fcgi_piece piece;
	struct trace *t = calloc(1, sizeof(*t));
	size_t n = put_record(records, FCGI_STDIN, 1, 3, 5);

	put_record(records + n, FCGI_STDIN, 1, 0, 0);
	records[n] = versions[_i].version;
	fcgi_decoder_init(&d);
	ck_assert(feed(&d, t, records, n));
	/* Its first byte is enough to tell. */
	ck_assert_msg(fcgi_decode(&d, records + n, 1, &piece) == FCGI_MALFORMED, "%s is taken",
	    versions[_i].name);
	ck_assert(piece.data == NULL);
	free(t);
}
END_TEST

/* Encoders -------------------------------------------------------------------- */

START_TEST(test_header)
{
	static const uint8_t want[8] = {1, FCGI_STDOUT, 0x12, 0x34, 0xff, 0xf8, 7, 0};
	uint8_t out[8];

	memset(out, 0xa5, sizeof(out));
	ck_assert_uint_eq(fcgi_put_header(out, FCGI_STDOUT, 0x1234, 0xfff8, 7), 8);
	ck_assert_mem_eq(out, want, sizeof(want));
}
END_TEST

START_TEST(test_begin)
{
	static const uint8_t want[16] = {1, FCGI_BEGIN_REQUEST, 0xff, 0xff, 0, 8, 0, 0, 0, 3, 1};
	uint8_t out[16];

	memset(out, 0xa5, sizeof(out));
	ck_assert_uint_eq(fcgi_put_begin(out, 65535, FCGI_FILTER, FCGI_KEEP_CONN), 16);
	ck_assert_mem_eq(out, want, sizeof(want));
}
END_TEST

START_TEST(test_end)
{
	static const uint8_t want[16] = {
	    1, FCGI_END_REQUEST, 1, 2, 0, 8, 0, 0, 0xfe, 0xdc, 0xba, 0x98, FCGI_OVERLOADED};
	uint8_t out[16];

	memset(out, 0xa5, sizeof(out));
	ck_assert_uint_eq(fcgi_put_end(out, 0x0102, 0xfedcba98, FCGI_OVERLOADED), 16);
	ck_assert_mem_eq(out, want, sizeof(want));
}
END_TEST

START_TEST(test_unknown_type)
{
	static const uint8_t want[16] = {1, FCGI_UNKNOWN_TYPE, 0, 0, 0, 8, 0, 0, 77};
	uint8_t out[16];

	memset(out, 0xa5, sizeof(out));
	ck_assert_uint_eq(fcgi_put_unknown_type(out, 77), 16);
	ck_assert_mem_eq(out, want, sizeof(want));
}
END_TEST

START_TEST(test_padding)
{
	for (size_t len = 0; len <= 65535; len++) {
		check_round(FCGI_PADDING(len) <= 7, "of %zu", len);
		check_round((len + FCGI_PADDING(len)) % 8 == 0, "of %zu", len);
	}
	ck_assert_uint_eq(FCGI_PADDING((size_t)FCGI_CONTENT_MAX), 0);
}
END_TEST

START_TEST(test_short_pair)
{
	uint8_t out[32];
	struct fcgi_pair pair;
	size_t n = fcgi_put_short_pair(out, "FCGI_MAX_REQS", "1028");

	ck_assert_uint_eq(n, 2 + 13 + 4);
	ck_assert_int_eq(fcgi_pair_next(out, out + n, &pair), 1);
	ck_assert_uint_eq(pair.size, n);
	ck_assert_mem_eq(pair.name, "FCGI_MAX_REQS", 13);
	ck_assert_mem_eq(pair.value, "1028", 4);
}
END_TEST

/* Name-value pairs -------------------------------------------------------------- */

#define BYTES(s) (const uint8_t *)(s), sizeof(s) - 1
static const struct {
	const char *what;
	const uint8_t *data;
	size_t len;
	int rc;
	const char *name, *value;
	size_t size;
} pairs[] = {
    {"nothing", BYTES(""), 0, NULL, NULL, 0},
    {"short lengths", BYTES("\1\2ABCrest"), 1, "A", "BC", 5},
    {"no value", BYTES("\3\0ABC"), 1, "ABC", "", 5},
    {"no name, no value", BYTES("\0\0"), 1, "", "", 2},
    {"no name", BYTES("\0\1x"), 1, "", "x", 3},
    {"a long name length, not minimal", BYTES("\x80\0\0\1\1AB"), 1, "A", "B", 7},
    {"a long value length, not minimal", BYTES("\1\x80\0\0\2ABC"), 1, "A", "BC", 8},
    {"both long, of nothing", BYTES("\x80\0\0\0\x80\0\0\0"), 1, "", "", 8},
    {"NUL and = in a value", BYTES("\1\3A\0=x"), 1, "A", "\0=x", 6},
    {"the name's length alone", BYTES("\1"), -1, NULL, NULL, 0},
    {"the name's length cut", BYTES("\x80\0\0"), -1, NULL, NULL, 0},
    {"no value length after a long one", BYTES("\x80\0\0\1"), -1, NULL, NULL, 0},
    {"the value's length cut", BYTES("\1\x80\0\0"), -1, NULL, NULL, 0},
    {"a name past the end", BYTES("\2\0A"), -1, NULL, NULL, 0},
    {"a value past the end", BYTES("\1\2AB"), -1, NULL, NULL, 0},
    {"a name of 0x7fffffff", BYTES("\xff\xff\xff\xff\0A"), -1, NULL, NULL, 0},
    {"a value of 0x7fffffff",
	BYTES("\1\xff\xff\xff\xff"
	      "AB"),
	-1, NULL, NULL, 0},
    {"both of 0x7fffffff",
	BYTES("\xff\xff\xff\xff\xff\xff\xff\xff"
	      "AB"),
	-1, NULL, NULL, 0},
    {"a sum that wraps 32 bits",
	BYTES("\xff\xff\xff\xff\x80\0\0\2"
	      "AB"),
	-1, NULL, NULL, 0},
    {"NUL in a name", BYTES("\3\0A\0B"), -1, NULL, NULL, 0},
    {"= in a name", BYTES("\3\0A=B"), -1, NULL, NULL, 0},
};

START_TEST(test_pair)
{
	/* In memory of exactly its size: a sanitizer sees one byte too many. */
	uint8_t *p = malloc(pairs[_i].len + (pairs[_i].len == 0));
	struct fcgi_pair pair;
	int rc;

	memcpy(p, pairs[_i].data, pairs[_i].len);
	rc = fcgi_pair_next(p, p + pairs[_i].len, &pair);
	ck_assert_msg(rc == pairs[_i].rc, "%s: %d", pairs[_i].what, rc);
	if (rc == 1) {
		ck_assert_msg(pair.name_len == strlen(pairs[_i].name), "%s", pairs[_i].what);
		ck_assert_msg(
		    memcmp(pair.name, pairs[_i].name, pair.name_len) == 0, "%s", pairs[_i].what);
		ck_assert_msg(pair.size == pairs[_i].size, "%s: %zu", pairs[_i].what, pair.size);
		ck_assert_msg(
		    memcmp(pair.value, pairs[_i].value, pair.value_len) == 0, "%s", pairs[_i].what);
		ck_assert_msg(pair.value + pair.value_len == p + pair.size, "%s", pairs[_i].what);
	}
	free(p);
}
END_TEST

/* Any prefix of a pair is refused, the whole is taken. */
START_TEST(test_pair_prefixes)
{
	size_t value_len = 300, n = 0;
	uint8_t whole[400];

	whole[n++] = 4;
	whole[n++] = 0x80;
	whole[n++] = 0;
	whole[n++] = 1;
	whole[n++] = 0x2c;
	memcpy(whole + n, "NAME", 4);
	n += 4;
	memset(whole + n, 'v', value_len);
	n += value_len;
	for (size_t len = 0; len <= n; len++) {
		uint8_t *p = malloc(len > 0 ? len : 1);
		struct fcgi_pair pair;
		int rc;

		memcpy(p, whole, len);
		rc = fcgi_pair_next(p, p + len, &pair);
		ck_assert_msg(rc == (len == 0      ? 0
					: len == n ? 1
						   : FCGI_MALFORMED),
		    "%zu: %d", len, rc);
		free(p);
	}
}
END_TEST

/* After n bytes of a record: how many bring another decoder there, -1: none do. What a part of
 * BEGIN_REQUEST has in its body is the caller's to keep. */
static const struct {
	const char *name;
	uint8_t type;
	uint8_t len, padding;
	int to[24]; /* by n, up to the end of the record, where it is 0 again */
} undone[] = {
    {"begin", FCGI_BEGIN_REQUEST, 8, 0, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0}},
    {"begin, padded", FCGI_BEGIN_REQUEST, 8, 2,
	{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, -1, -1, 0}},
    {"begin, too short", FCGI_BEGIN_REQUEST, 4, 0, {0, 1, 2, 3, 4, 5, 6, 7, 8, -1, -1, -1, 0}},
    {"values", FCGI_GET_VALUES, 3, 0, {0, 1, 2, 3, 4, 5, 6, 7, 8, -1, -1, 0}},
    {"end of a body", FCGI_STDIN, 0, 0, {0, 1, 2, 3, 4, 5, 6, 7, 0}},
    {"end of a body, padded", FCGI_STDIN, 0, 1, {0, 1, 2, 3, 4, 5, 6, 7, -1, 0}},
};

START_TEST(test_undo)
{
	const size_t total = FCGI_HEADER_LEN + undone[_i].len + undone[_i].padding;
	uint8_t record[32], begin[8] = {0}, out[16];
	struct fcgi_piece piece;

	fcgi_put_header(record, undone[_i].type, 1, undone[_i].len, undone[_i].padding);
	for (size_t n = FCGI_HEADER_LEN; n < sizeof(record); n++)
		record[n] = (uint8_t)(0xa0 + n);
	for (size_t n = 0; n <= total; n++) {
		struct fcgi_decoder d;
		ssize_t undo;

		fcgi_decoder_init(&d);
		for (size_t at = 0; at < n;) /* all at once, as far as it goes */
			at += (size_t)fcgi_decode(&d, record + at, n - at, &piece);
		memcpy(begin, record + FCGI_HEADER_LEN, sizeof(begin));
		memset(out, 0, sizeof(out));
		undo = fcgi_decoder_undo(&d, begin, out);
		ck_assert_msg(undo == undone[_i].to[n], "%s, after %zu: %zd", undone[_i].name, n, undo);
		if (undo > 0)
			ck_assert_mem_eq(out, record, (size_t)undo);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("fcgi");
	TCase *tc = tcase_create("codec");

	tcase_set_timeout(tc, 30);
	tcase_add_loop_test(tc, test_splits, 0, COUNT(streams));
	tcase_add_test(tc, test_between);
	tcase_add_loop_test(tc, test_bad_version, 0, COUNT(versions));
	tcase_add_test(tc, test_header);
	tcase_add_test(tc, test_begin);
	tcase_add_test(tc, test_end);
	tcase_add_test(tc, test_unknown_type);
	tcase_add_test(tc, test_padding);
	tcase_add_test(tc, test_short_pair);
	tcase_add_loop_test(tc, test_pair, 0, COUNT(pairs));
	tcase_add_test(tc, test_pair_prefixes);
	tcase_add_loop_test(tc, test_undo, 0, COUNT(undone));
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
