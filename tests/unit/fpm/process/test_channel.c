/* test_channel.c: what the master has to say waits for a process that does not read, up to a
 * bound. */
#include "config.h"

#include <sys/resource.h>
#include <sys/socket.h>

#include <errno.h>
#include <event2/event.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "fpm/process/channel.h"
#include "tests/unit/run.h"

#define POOLS 3000
#define PASSED 100 /* descriptors, within a usual limit */
#define PASSED_MAX 5000
#define BOUND (17 << 20) /* bytes of messages, with what the socket takes */

static struct event_base *base;
static struct channel channel;
static int peer;

static void
on_message(const struct message *message, size_t len, void *arg)
{
}

static void
on_end(const char *why, void *arg)
{
}

static void
set_up(void)
{
	base = event_base_new();
	channel = (struct channel){.on_message = on_message, .on_end = on_end};
	ck_assert_int_ne(peer = channel_open(&channel, base), -1);
	ck_assert_int_eq(fd_set_nonblock(peer, 1), 0);
}

static void
tear_down(void)
{
	channel_close(&channel);
	fd_close(&peer);
	event_base_free(base);
}

/* What the metrics process is told at its start, about many pools, before it reads. */
START_TEST(test_many_small_messages)
{
	struct message_pool_state state = {.pid = 1};
	struct message got;
	size_t len;
	int pass;

	for (uint32_t n = 0; n < POOLS; n++) {
		ck_assert_int_eq(channel_send(&channel, MESSAGE_POOL, n, "www", 3,
				     n < PASSED ? 0 : -1),
		    0);
		ck_assert_int_eq(
		    channel_send(&channel, MESSAGE_POOL_STATE, n, &state, sizeof(state), -1), 0);
	}
	for (uint32_t n = 0; n < 2 * POOLS; n++) {
		while (message_recv(peer, &got, &len, &pass) != 1) {
			ck_assert_int_eq(errno, EAGAIN);
			event_base_loop(base, EVLOOP_NONBLOCK);
		}
		ck_assert_int_eq(pass != -1, n % 2 == 0 && n / 2 < PASSED);
		fd_close(&pass);
		ck_assert_uint_eq(got.type, n % 2 == 0 ? MESSAGE_POOL : MESSAGE_POOL_STATE);
		ck_assert_uint_eq(got.arg, n / 2);
	}
}
END_TEST

/* A process that never reads does not fill the master's memory. */
START_TEST(test_bounded)
{
	static const size_t sizes[] = {1, 100, MESSAGE_DATA_MAX};
	static char data[MESSAGE_DATA_MAX];
	size_t sent = 0, size = sizes[_i];

	while (sent < BOUND &&
	    channel_send(&channel, MESSAGE_SETTINGS, 0, data, size, -1) == 0)
		sent += size;
	ck_assert_uint_lt(sent, BOUND);
	ck_assert_int_eq(errno, ENOBUFS);
}
END_TEST

/* Nor does it take all the descriptors, however often logs are rotated meanwhile. */
START_TEST(test_descriptors_are_bounded)
{
	unsigned int sent = 0;
	struct rlimit rl;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &rl), 0);
	rl.rlim_cur = rl.rlim_max;
	setrlimit(RLIMIT_NOFILE, &rl);
	while (sent < PASSED_MAX &&
	    channel_send(&channel, MESSAGE_FD, MESSAGE_FD_ERROR_LOG, NULL, 0, 0) == 0)
		sent++;
	ck_assert_uint_lt(sent, PASSED_MAX);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("channel");
	TCase *tc = tcase_create("channel");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, test_many_small_messages);
	tcase_add_loop_test(tc, test_bounded, 0, 3);
	tcase_add_test(tc, test_descriptors_are_bounded);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
