/* test_share.c: how process.max is shared: who gets, who is called, who gives. */
#include "config.h"

#include <string.h>

#include "fpm/seat/share.h"
#include "tests/unit/run.h"

#define POOLS_MAX 4

struct pool_row {
	/* In. */
	unsigned int permits, lacking;
	bool waiting;
	enum message_call called;
	unsigned int offered, ordered;
	/* Out. */
	unsigned int granting;
	enum message_call call;
	unsigned int order;
};

/* clang-format off */
/* One that has p and lacks l, gets g, and is called c. */
#define HAS(p, l, g, c) {.permits = (p), .lacking = (l), .granting = (g), .call = (c)}
/* One that has p, none of which it lacks, was called c and is again, offered f, and gives o. */
#define GIVES(p, c, f, o) \
	{.permits = (p), .called = (c), .offered = (f), .call = (c), .order = (o)}
#define WAITS(l, g) {.lacking = (l), .waiting = true, .granting = (g)}
/* clang-format on */

static const struct row {
	const char *name;
	unsigned int max;
	struct pool_row pools[POOLS_MAX];
} rows[] = {
    {"nobody wants any", 4, {HAS(0, 0, 0, 0), HAS(0, 0, 0, 0)}},
    {"the first gets what it wants", 4, {HAS(0, 3, 3, 0), HAS(0, 0, 0, 0)}},
    {"not more than there are", 4, {HAS(0, 9, 4, 0)}},
    {"two that want all get half each", 4, {HAS(0, 4, 2, CALL_LONG_IDLE),
	HAS(0, 4, 2, CALL_LONG_IDLE)}},
    {"who has less gets more", 6, {HAS(3, 4, 0, CALL_LONG_IDLE), HAS(0, 4, 3, CALL_LONG_IDLE)}},
    {"who has less wants less", 8, {HAS(3, 4, 3, 0), HAS(0, 2, 2, CALL_LONG_IDLE)}},
    {"more than there may be", 3, {HAS(5, 0, 0, CALL_IDLE), HAS(1, 1, 0, 0)}},
    {"the most that can be set", 1000000, {HAS(0, 11000, 11000, 0), HAS(0, 11000, 11000, 0)}},

    {"one that has none: any worker", 4, {HAS(4, 0, 0, CALL_ANY), HAS(0, 4, 0, 0)}},
    {"but not the last one", 1, {HAS(1, 0, 0, CALL_LONG_IDLE), HAS(0, 1, 0, 0)}},
    {"unless requests wait", 1, {HAS(1, 0, 0, CALL_ANY), WAITS(1, 0)}},
    {"waiting where there are workers is no matter", 2,
	{HAS(1, 0, 0, CALL_LONG_IDLE), {.permits = 1, .lacking = 1, .waiting = true}}},
    {"both lack: any of who has some", 4, {HAS(4, 2, 0, CALL_ANY), HAS(0, 4, 0, 0)}},
    {"two have none", 4, {HAS(4, 2, 0, CALL_ANY), HAS(0, 4, 0, 0), WAITS(1, 0)}},
    {"one that has fewer: idle ones", 4, {HAS(3, 0, 0, CALL_IDLE), HAS(1, 3, 0, 0)}},
    {"one that would have more than the giver then: idle for long", 3,
	{HAS(2, 0, 0, CALL_LONG_IDLE), HAS(1, 3, 0, 0)}},
    {"one that has more: idle for long", 8, {HAS(2, 0, 0, CALL_LONG_IDLE), HAS(6, 3, 0, 0)}},
    {"two that lack and have the same", 8,
	{HAS(4, 4, 0, CALL_LONG_IDLE), HAS(4, 4, 0, CALL_LONG_IDLE)}},
    {"two that lack: only who has more", 8,
	{HAS(2, 4, 0, CALL_LONG_IDLE), HAS(6, 4, 0, CALL_IDLE)}},
    {"who has none is not called", 4, {HAS(0, 0, 0, 0), HAS(4, 2, 0, 0)}},
    {"who lacks alone is not called", 4, {HAS(4, 2, 0, 0)}},
    {"the call ends when all have what they want", 5,
	{{.permits = 4, .called = CALL_ANY, .offered = 4}, HAS(0, 1, 1, 0)}},

    {"one for the one that has none", 4, {GIVES(4, CALL_ANY, 4, 1), HAS(0, 4, 0, 0)}},
    {"from who has most", 6,
	{GIVES(2, CALL_ANY, 2, 0), GIVES(4, CALL_ANY, 1, 1), HAS(0, 2, 0, 0)}},
    {"from the other where that one offers none", 6,
	{GIVES(2, CALL_ANY, 2, 1), GIVES(4, CALL_ANY, 0, 0), HAS(0, 2, 0, 0)}},
    {"one for each that has none", 6,
	{GIVES(6, CALL_ANY, 6, 2), HAS(0, 2, 0, 0), HAS(0, 2, 0, 0)}},
    {"the last one for a request", 1, {GIVES(1, CALL_ANY, 1, 1), WAITS(4, 0)}},
    {"the last one for one request only", 1,
	{GIVES(1, CALL_ANY, 1, 1), WAITS(4, 0), WAITS(4, 0)}},
    {"until both have the same", 9, {GIVES(7, CALL_IDLE, 6, 2), HAS(2, 9, 0, 0)}},
    {"until the one has what it wants", 9, {GIVES(7, CALL_IDLE, 6, 1), HAS(2, 1, 0, 0)}},
    {"idle for long: whatever is lacking", 9, {GIVES(3, CALL_LONG_IDLE, 2, 2), HAS(6, 9, 0, 0)}},
    {"in turn from who has most", 12,
	{GIVES(5, CALL_IDLE, 5, 1), GIVES(6, CALL_IDLE, 6, 2), HAS(1, 3, 0, 0)}},
    {"not for its own lack", 4,
	{{.permits = 4, .lacking = 2, .called = CALL_ANY, .offered = 4, .call = CALL_ANY,
	     .order = 1},
	    HAS(0, 1, 0, 0)}},
    {"what was offered when it was called differently does not count", 4,
	{{.permits = 4, .called = CALL_IDLE, .offered = 3, .call = CALL_ANY}, HAS(0, 1, 0, 0)}},
    {"what was ordered stays ordered though another has more", 9,
	{{.permits = 3, .called = CALL_ANY, .offered = 1, .ordered = 1, .call = CALL_ANY,
	     .order = 1},
	    GIVES(6, CALL_ANY, 6, 0), HAS(0, 3, 0, 0)}},
    {"what was ordered and is not needed any more is not", 4,
	{{.permits = 4, .called = CALL_ANY, .offered = 2, .ordered = 1}, HAS(0, 0, 0, 0)}},
    {"an offer that shrank", 4,
	{{.permits = 4, .called = CALL_ANY, .offered = 0, .ordered = 1, .call = CALL_ANY},
	    HAS(0, 1, 0, 0)}},
    {"what is free goes first", 5, {HAS(4, 0, 0, CALL_IDLE), HAS(0, 2, 1, 0)}},
};

static void
set(struct share *s, const struct pool_row *in)
{
	*s = (struct share){.permits = in->permits,
	    .lacking = in->lacking,
	    .waiting = in->waiting,
	    .called = in->called,
	    .offered = in->offered,
	    .ordered = in->ordered,
	    /* Of the last time: means nothing. */
	    .granting = 7,
	    .call = CALL_ANY,
	    .order = 7,
	    .coming = 7,
	    .unmet = true};
}

START_TEST(test_decide)
{
	const struct row *row = &rows[_i];
	struct share_list list = TAILQ_HEAD_INITIALIZER(list);
	struct share shares[POOLS_MAX];

	for (int i = 0; i < POOLS_MAX; i++) {
		set(&shares[i], &row->pools[i]);
		TAILQ_INSERT_TAIL(&list, &shares[i], next);
	}
	share_decide(&list, row->max);
	for (int i = 0; i < POOLS_MAX; i++) {
		const struct share *s = &shares[i];
		const struct pool_row *want = &row->pools[i];

		ck_assert_msg(s->granting == want->granting, "%s: pool %d gets %u", row->name, i,
		    s->granting);
		ck_assert_msg(s->call == want->call, "%s: pool %d is called %d", row->name, i,
		    (int)s->call);
		ck_assert_msg(s->order == want->order, "%s: pool %d gives %u", row->name, i,
		    s->order);
	}
}
END_TEST

/* All pools carry out what is decided at once, and those that are idle offer all that they have;
 * those that lack ask again. After some rounds nothing moves any more, and nobody has none. */
START_TEST(test_settles)
{
	struct share_list list = TAILQ_HEAD_INITIALIZER(list);
	struct share shares[3];
	unsigned int want[3] = {(unsigned int)_i % 5, (unsigned int)_i / 5 % 5,
	    (unsigned int)_i / 25};
	unsigned int max = 4, moved = 0;

	memset(shares, 0, sizeof(shares));
	for (int i = 0; i < 3; i++)
		TAILQ_INSERT_TAIL(&list, &shares[i], next);
	for (int round = 0; round < 40; round++) {
		unsigned int sum = 0;

		for (int i = 0; i < 3; i++) {
			struct share *s = &shares[i];

			s->lacking = want[i] > s->permits ? want[i] - s->permits : 0;
			s->waiting = s->permits == 0 && s->lacking > 0;
			s->called = s->call;
			s->offered = s->call == CALL_ANY ? s->permits
			    : s->permits > want[i]	 ? s->permits - want[i]
							 : 0;
		}
		share_decide(&list, max);
		for (int i = 0; i < 3; i++) {
			ck_assert_uint_le(shares[i].granting, shares[i].lacking);
			ck_assert_uint_le(shares[i].order, shares[i].offered);
			shares[i].permits += shares[i].granting;
			shares[i].permits -= shares[i].order;
			sum += shares[i].permits;
			if (round >= 20)
				moved += shares[i].granting + shares[i].order;
		}
		ck_assert_uint_le(sum, max);
		if (round == 10) { /* and now everything is different */
			unsigned int first = want[0];

			want[0] = want[1];
			want[1] = want[2];
			want[2] = first;
		}
	}
	ck_assert_msg(moved == 0, "%u still move", moved);
	for (int i = 0; i < 3; i++)
		ck_assert_msg(want[i] == 0 || shares[i].permits > 0, "pool %d has none", i);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("share");
	TCase *tc = tcase_create("policy");

	tcase_add_loop_test(tc, test_decide, 0, COUNT(rows));
	tcase_add_loop_test(tc, test_settles, 0, 125);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
