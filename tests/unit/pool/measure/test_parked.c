/* test_parked.c: what /proc says of a process that waits in accept(2). */
#include "config.h"

#include <sys/syscall.h>

#include <stdio.h>
#include <string.h>

#include "pool/measure/parked.h"
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
    {"running\n", -1, PARKED_RUNS},
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

#define STATUS(threads, own, shared)                                                               \
	"Name:\tx\nThreads:\t" threads "\nSigQ:\t0/9\nSigPnd:\t" own "\nShdPnd:\t" shared          \
	"\nSigBlk:\t0000000000004000\n"
#define NONE "0000000000000000"

static const struct {
	const char *text;
	bool allows;
} statuses[] = {
    {STATUS("1", NONE, NONE), true},
    {STATUS("2", NONE, NONE), false},
    {STATUS("1", "0000000000004000", NONE), false},
    {STATUS("1", NONE, "0000000000004000"), false},
    {STATUS("1", NONE, "0000000000002000"), true}, /* SIGPIPE */
    {"Threads:\t1\n", false},
    {"Name:\tSigPnd:\n", false},
    {"", false},
};

START_TEST(test_status)
{
	ck_assert_msg(parked_parse_status(statuses[_i].text) == statuses[_i].allows, "%s",
	    statuses[_i].text);
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
