/* test_evidence.c: what is known of a request, and when another worker may have it. */
#include "config.h"

#include "pool/policy/evidence.h"
#include "tests/unit/run.h"

static const struct {
	const char *name;
	struct evidence seen;
	enum evidence_says says;
} judge_rows[] = {
    {"nothing happened", {0}, EVIDENCE_NEVER_READ},
    {"written, never accepted", {.written = 1000}, EVIDENCE_NEVER_READ},
    {"accepted, nothing written", {.accepted = true}, EVIDENCE_NEVER_READ},
    {"accepted, a byte written", {.accepted = true, .written = 1}, EVIDENCE_MAY_HAVE_RUN},
    {"accepted and answered", {.accepted = true, .written = 1, .answered = true}, EVIDENCE_RAN},
    {"answered before a byte was written", {.accepted = true, .answered = true}, EVIDENCE_RAN},
    {"answered, whatever else is thought", {.answered = true}, EVIDENCE_RAN},
};

START_TEST(test_judge)
{
	ck_assert_msg(evidence_judge(&judge_rows[_i].seen) == judge_rows[_i].says, "%s: %d",
	    judge_rows[_i].name, (int)evidence_judge(&judge_rows[_i].seen));
}
END_TEST

#define READ {.accepted = true, .written = 100}
#define UNREAD {.written = 100}

/* What is not named is false. */
static const struct {
	const char *name;
	struct evidence_loss loss;
	bool again;
} rows[] = {
    {"POST, never accepted", {.seen = UNREAD, .replayable = true}, true},
    {"POST, nothing written", {.seen = {.accepted = true}, .replayable = true}, true},
    {"POST, never accepted, fifth try", {.seen = UNREAD, .replayable = true, .tries = 4}, true},
    {"POST, never accepted, sixth try", {.seen = UNREAD, .replayable = true, .tries = 5}, false},
    {"POST, never accepted, sixth try, by one that had served and left",
	{.seen = UNREAD, .replayable = true, .tries = 5, .retired = true}, true},
    {"POST, never accepted by one that had served and left, request_retry = no",
	{.seen = UNREAD, .retired = true}, false},
    {"POST, accepted by one that had served and left",
	{.seen = READ, .replayable = true, .retired = true}, false},
    {"POST, never accepted, a part was let go", {.seen = UNREAD}, false},
    {"POST, an older connection was reset",
	{.seen = READ, .replayable = true, .older = true, .reset = true}, false},
    {"POST, an older connection was closed by a program that lives",
	{.seen = READ, .replayable = true, .older = true, .lives = true}, false},
    {"POST, its worker was stopped before it had read all",
	{.seen = READ, .replayable = true, .older = true, .stopped = true}, false},
    {"POST, its worker was stopped before it accepted",
	{.seen = UNREAD, .replayable = true, .stopped = true}, true},

    {"GET, an older connection was reset",
	{.seen = READ, .replayable = true, .idempotent = true, .older = true, .reset = true}, true},
    {"GET, the same for the second time",
	{.seen = READ,
	    .replayable = true,
	    .idempotent = true,
	    .older = true,
	    .reset = true,
	    .tries = 1},
	false},
    {"GET, an older connection was reset by one that left on purpose, once more",
	{.seen = READ,
	    .replayable = true,
	    .idempotent = true,
	    .older = true,
	    .reset = true,
	    .ended_well = true,
	    .tries = 4},
	true},
    {"GET, the same, sixth try",
	{.seen = READ,
	    .replayable = true,
	    .idempotent = true,
	    .older = true,
	    .reset = true,
	    .ended_well = true,
	    .retired = true,
	    .tries = 5},
	false},
    {"GET, a connection of its own was reset by one that left on purpose",
	{.seen = READ, .replayable = true, .idempotent = true, .reset = true, .ended_well = true},
	false},
    {"GET, an older connection was closed by a program that lives",
	{.seen = READ, .replayable = true, .idempotent = true, .older = true, .lives = true}, true},
    {"GET that ended its worker when it had read all",
	{.seen = READ, .replayable = true, .idempotent = true, .older = true}, false},
    {"GET, a connection of its own was reset",
	{.seen = READ, .replayable = true, .idempotent = true, .reset = true}, false},
    {"GET, a connection of its own was closed",
	{.seen = READ, .replayable = true, .idempotent = true, .lives = true}, false},
    {"GET, its worker was stopped before it had read all",
	{.seen = READ, .replayable = true, .idempotent = true, .stopped = true}, true},
    {"GET, request_retry = no",
	{.seen = READ, .idempotent = true, .older = true, .reset = true}, false},
    {"GET, a byte of the answer was seen",
	{.seen = {.accepted = true, .written = 100, .answered = true},
	    .replayable = true,
	    .idempotent = true,
	    .older = true,
	    .reset = true},
	false},
};

START_TEST(test_row)
{
	ck_assert_msg(evidence_allows_again(&rows[_i].loss) == rows[_i].again, "%s",
	    rows[_i].name);
}
END_TEST

static const struct {
	const char *name;
	struct evidence_loss loss;
	bool counts;
} count_rows[] = {
    {"never accepted by one that had not served", {.seen = UNREAD}, true},
    {"never accepted by one that had served and left", {.seen = UNREAD, .retired = true}, false},
    {"nothing written to one that had served and left",
	{.seen = {.accepted = true}, .retired = true}, false},
    {"accepted by one that had served and left", {.seen = READ, .retired = true}, true},
};

START_TEST(test_counts)
{
	ck_assert_msg(evidence_counts(&count_rows[_i].loss) == count_rows[_i].counts, "%s",
	    count_rows[_i].name);
}
END_TEST

/* Whatever else is the case: what must not run twice and may have run is not given away. */
START_TEST(test_never_twice)
{
	for (unsigned int bits = 0; bits < 1u << 7; bits++) {
		struct evidence_loss loss = {.seen = READ,
		    .replayable = bits & 1,
		    .older = bits & 2,
		    .reset = bits & 4,
		    .lives = bits & 8,
		    .stopped = bits & 16,
		    .ended_well = bits & 32,
		    .retired = bits & 64,
		    .tries = (unsigned int)_i};

		ck_assert_msg(!evidence_allows_again(&loss), "bits %x, tries %d", bits, _i);
		loss.seen.answered = loss.idempotent = true;
		ck_assert_msg(!evidence_allows_again(&loss), "answered, bits %x, tries %d", bits, _i);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("evidence");
	TCase *tc = tcase_create("retry");

	tcase_add_loop_test(tc, test_judge, 0, COUNT(judge_rows));
	tcase_add_loop_test(tc, test_row, 0, COUNT(rows));
	tcase_add_loop_test(tc, test_counts, 0, COUNT(count_rows));
	tcase_add_loop_test(tc, test_never_twice, 0, 7); /* tries */
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
