/* test_parked.c: what /proc says of a process that waits in accept(2). */
#include "config.h"

#include <sys/syscall.h>

#include <stdio.h>
#include <string.h>

#include "pool/worker/parked.h"
#include "tests/unit/run.h"

static const struct {
	const char *rest; /* behind the number, or all of it */
	long number; /* -1: none */
	enum parked_in in;
} syscalls[] = {
    {" 0x0 0x7ffc0 0x7ffc1 0x80000 0x0 0x0 0x7ffe 0x7f45\n", SYS_accept4, PARKED_ACCEPT},
    {" 0x3 0x7ffc0 0x7ffc1 0x80000 0x0 0x0 0x7ffe 0x7f45\n", SYS_accept4, PARKED_INPUT},
#ifdef SYS_accept
    {" 0x0 0x7ffc0 0x7ffc1 0x0 0x0 0x0 0x7ffe 0x7f45\n", SYS_accept, PARKED_ACCEPT},
#endif
#ifdef SYS_wait4
    {" 0xffffffffffffffff 0x7ffc0 0x0 0x0 0x0 0x0 0x7ffe 0x7f45\n", SYS_wait4, PARKED_WAIT},
#endif
    {" 0x0 0x7ffc0 0x7ffc1 0x0 0x0 0x0 0x7ffe 0x7f45\n", SYS_read, PARKED_INPUT},
    {" 0x5 0x7ffc0 0x100 0xffffffff 0x0 0x8 0x7ffe 0x7f45\n", SYS_epoll_pwait, PARKED_INPUT},
    {" 0x7ffc0 0x1 0x0 0x0 0x0 0x0 0x7ffe 0x7f45\n", SYS_ppoll, PARKED_INPUT},
    {" 0x0 0x0 0x7ffc0 0x7ffc1 0x0 0x0 0x7ffe 0x7f45\n", SYS_clock_nanosleep, PARKED_NOT},
    {" 0x3 0x7ffc0 0x100 0x0 0x0 0x0 0x7ffe 0x7f45\n", SYS_write, PARKED_NOT},
    {" 0x0\n", SYS_accept4, PARKED_ACCEPT},
    {"running\n", -1, PARKED_NOT},
    {"-1 0x7ffe 0x7f45\n", -1, PARKED_NOT},
    {"", SYS_accept4, PARKED_NOT},
    {"", -1, PARKED_NOT},
};

START_TEST(test_syscall)
{
	char text[256];

	if (syscalls[_i].number == -1)
		snprintf(text, sizeof(text), "%s", syscalls[_i].rest);
	else
		snprintf(text, sizeof(text), "%ld%s", syscalls[_i].number, syscalls[_i].rest);
	ck_assert_msg(parked_parse_syscall(text) == syscalls[_i].in, "%s", text);
}
END_TEST

#define STATUS(threads, own, shared, blocked, caught)                                              \
	"Name:\tx\nThreads:\t" threads "\nSigQ:\t0/9\nSigPnd:\t" own "\nShdPnd:\t" shared          \
	"\nSigBlk:\t" blocked "\nSigIgn:\t" NONE "\nSigCgt:\t" caught "\n"
#define NONE "0000000000000000"
#define TERM "0000000000004000"
#define PIPE "0000000000001000" /* another signal */

static const struct {
	const char *text;
	bool whole;
	struct parked_status status;
} statuses[] = {
    {STATUS("1", NONE, NONE, NONE, NONE), true, {.single = true}},
    {STATUS("2", NONE, NONE, NONE, NONE), true, {.single = false}},
    {STATUS("1", TERM, NONE, NONE, NONE), true, {.single = true, .pending = true}},
    {STATUS("1", NONE, TERM, NONE, NONE), true, {.single = true, .pending = true}},
    {STATUS("1", NONE, NONE, TERM, NONE), true, {.single = true, .blocked = true}},
    {STATUS("1", NONE, NONE, NONE, TERM), true, {.single = true, .caught = true}},
    {STATUS("1", NONE, TERM, TERM, TERM), true,
	{.single = true, .pending = true, .blocked = true, .caught = true}},
    {STATUS("1", PIPE, PIPE, PIPE, PIPE), true, {.single = true}},
    {"Threads:\t1\n", false, {.single = false}},
    {"Name:\tSigPnd:\n", false, {.single = false}},
    {"", false, {.single = false}},
};

START_TEST(test_status)
{
	struct parked_status status = { 0 };
	const struct parked_status *want = &statuses[_i].status;

	ck_assert_msg(parked_parse_status(statuses[_i].text, &status) == statuses[_i].whole, "%s",
	    statuses[_i].text);
	ck_assert_msg(status.single == want->single && status.pending == want->pending &&
		status.blocked == want->blocked && status.caught == want->caught,
	    "%s", statuses[_i].text);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("parked");
	TCase *tc = tcase_create("proc");

	tcase_add_loop_test(tc, test_syscall, 0, COUNT(syscalls));
	tcase_add_loop_test(tc, test_status, 0, COUNT(statuses));
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
