/* test_dispatch.c: when a request may be given to a second worker (the design's "Retry"). */
#include "config.h"

#include "pool/dispatch.h"
#include "tests/unit/run.h"

#define COUNT(rows) ((int)(sizeof(rows) / sizeof((rows)[0])))

static const char *const verdicts[] = {"retry", "wait", "fail"};

/* Each row is the loss of a connection with its reason; what is not named is false. */
static const struct {
	const char *name;
	struct dispatch_loss loss;
	enum dispatch_verdict verdict;
} rows[] = {
    {"never accepted", {.replayable = true, .written = true}, DISPATCH_RETRY},
    {"never accepted, a POST that crashed it later",
	{.replayable = true, .written = true, .fate_known = true}, DISPATCH_RETRY},
    {"accepted, nothing written", {.replayable = true, .accepted = true}, DISPATCH_RETRY},
    {"nothing written, reset, first request", {.replayable = true, .accepted = true, .reset = true},
	DISPATCH_RETRY},
    {"never accepted, but a part of the body was let go", {.written = true}, DISPATCH_FAIL},
    {"nothing written, but a part of the body was let go", {.accepted = true}, DISPATCH_FAIL},
    {"never accepted, by the fifth worker", {.replayable = true, .written = true, .tries = 4},
	DISPATCH_RETRY},
    {"never accepted, by the sixth worker", {.replayable = true, .written = true, .tries = 5},
	DISPATCH_FAIL},
    {"nothing written, to the sixth worker", {.replayable = true, .accepted = true, .tries = 5},
	DISPATCH_FAIL},
    {"a byte of the response was seen",
	{.responded = true,
	    .replayable = true,
	    .written = true,
	    .accepted = true,
	    .reused = true,
	    .reset = true,
	    .idempotent = true},
	DISPATCH_FAIL},
    {"GET, a reused connection was reset",
	{.replayable = true,
	    .written = true,
	    .accepted = true,
	    .reused = true,
	    .reset = true,
	    .idempotent = true},
	DISPATCH_RETRY},
    {"GET, a reused connection was reset, it crashed",
	{.replayable = true,
	    .written = true,
	    .accepted = true,
	    .reused = true,
	    .reset = true,
	    .idempotent = true,
	    .fate_known = true},
	DISPATCH_RETRY},
    {"GET, a reused connection was reset, for the second time",
	{.replayable = true,
	    .written = true,
	    .accepted = true,
	    .reused = true,
	    .reset = true,
	    .idempotent = true,
	    .tries = 1},
	DISPATCH_WAIT},
    {"GET, a reused connection was reset for the second time, it crashed",
	{.replayable = true,
	    .written = true,
	    .accepted = true,
	    .reused = true,
	    .reset = true,
	    .idempotent = true,
	    .tries = 1,
	    .fate_known = true},
	DISPATCH_FAIL},
    {"GET, a reused connection was reset for the second time, it exited with 0",
	{.replayable = true,
	    .written = true,
	    .accepted = true,
	    .reused = true,
	    .reset = true,
	    .idempotent = true,
	    .tries = 1,
	    .fate_known = true,
	    .exited_zero = true},
	DISPATCH_RETRY},
    {"GET, a new connection was reset",
	{.replayable = true, .written = true, .accepted = true, .reset = true, .idempotent = true},
	DISPATCH_FAIL},
    {"GET, a reused connection ended clean",
	{.replayable = true, .written = true, .accepted = true, .reused = true, .idempotent = true},
	DISPATCH_FAIL},
    {"POST, a reused connection was reset, its fate is unknown",
	{.replayable = true, .written = true, .accepted = true, .reused = true, .reset = true},
	DISPATCH_WAIT},
    {"POST, a reused connection was reset, it exited with 0",
	{.replayable = true,
	    .written = true,
	    .accepted = true,
	    .reused = true,
	    .reset = true,
	    .fate_known = true,
	    .exited_zero = true},
	DISPATCH_RETRY},
    {"POST, a reused connection was reset, it crashed",
	{.replayable = true,
	    .written = true,
	    .accepted = true,
	    .reused = true,
	    .reset = true,
	    .fate_known = true},
	DISPATCH_FAIL},
    {"POST, a new connection was reset, it exited with 0",
	{.replayable = true,
	    .written = true,
	    .accepted = true,
	    .reset = true,
	    .fate_known = true,
	    .exited_zero = true},
	DISPATCH_FAIL},
    {"POST, the connection ended clean, it exited with 0",
	{.replayable = true,
	    .written = true,
	    .accepted = true,
	    .reused = true,
	    .fate_known = true,
	    .exited_zero = true},
	DISPATCH_FAIL},
    {"POST that crashed its worker",
	{.replayable = true, .written = true, .accepted = true, .reused = true, .fate_known = true},
	DISPATCH_FAIL},
};

START_TEST(test_row)
{
	enum dispatch_verdict verdict = dispatch_judge(&rows[_i].loss);

	ck_assert_msg(verdict == rows[_i].verdict, "%s: %s", rows[_i].name, verdicts[verdict]);
}
END_TEST

/* The rule as sentences, in another order than the code's. */
static enum dispatch_verdict
rule(const struct dispatch_loss *l)
{
	bool may = !l->responded && l->replayable && l->tries < 5;
	bool reset_reused = l->reused && l->reset;

	/* Never read: not accepted, or nothing written. */
	if (may && (!l->accepted || !l->written))
		return DISPATCH_RETRY;
	/* The program ended on purpose between two requests. */
	if (may && reset_reused && l->exited_zero)
		return DISPATCH_RETRY;
	/* What may run twice is tried a second time. */
	if (may && reset_reused && l->idempotent && l->tries == 0)
		return DISPATCH_RETRY;
	/* Only the worker's exit with 0 could still allow it. */
	if (may && reset_reused && !l->fate_known)
		return DISPATCH_WAIT;
	return DISPATCH_FAIL;
}

START_TEST(test_all_cases)
{
	for (unsigned int bits = 0; bits < 1u << 9; bits++) {
		struct dispatch_loss l = {.responded = bits & 1,
		    .replayable = bits & 2,
		    .tries = (unsigned int)_i,
		    .written = bits & 4,
		    .accepted = bits & 8,
		    .reused = bits & 16,
		    .reset = bits & 32,
		    .idempotent = bits & 64,
		    .fate_known = bits & 128,
		    .exited_zero = bits & 256};

		if (l.exited_zero && !l.fate_known)
			continue; /* cannot be */
		ck_assert_msg(dispatch_judge(&l) == rule(&l),
		    "responded %d, replayable %d, tries %u, written %d, accepted %d, reused %d, "
		    "reset %d, idempotent %d, fate known %d, exited with 0 %d: %s, not %s",
		    l.responded, l.replayable, l.tries, l.written, l.accepted, l.reused, l.reset,
		    l.idempotent, l.fate_known, l.exited_zero, verdicts[dispatch_judge(&l)],
		    verdicts[rule(&l)]);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("dispatch");
	TCase *tc = tcase_create("retry");

	tcase_add_loop_test(tc, test_row, 0, COUNT(rows));
	tcase_add_loop_test(tc, test_all_cases, 0, 7); /* tries */
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
