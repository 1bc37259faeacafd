/* test_message.c: messages between master and pool process, with and without a descriptor. */
#include "config.h"

#include <sys/socket.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/shared/message.h"
#include "tests/unit/run.h"

static int ends[2];
static struct message got;

static void
setup(void)
{
	ck_assert_int_eq(
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
}

static void
teardown(void)
{
	fd_close(&ends[0]);
	fd_close(&ends[1]);
}

/* How many descriptors are open: a message that is dropped must not leave one behind. */
static int
open_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) != -1;
	return n;
}

static const struct {
	const char *name;
	enum message_type type;
	uint32_t arg;
	size_t len;
	int with_fd;
} trips[] = {
    {"an order", MESSAGE_STOP, 0, 0, 0},
    {"an argument", MESSAGE_READY, 4294967295u, 0, 0},
    {"text", MESSAGE_SETTINGS, 0, 11, 0},
    {"the longest text", MESSAGE_SETTINGS, 0, MESSAGE_DATA_MAX, 0},
    {"a descriptor", MESSAGE_FD, MESSAGE_FD_LISTEN, 0, 1},
    {"a descriptor with text", MESSAGE_FD, MESSAGE_FD_ERROR_LOG, 100, 1},
};

START_TEST(test_round_trip)
{
	const char *name = trips[_i].name;
	static char data[MESSAGE_DATA_MAX];
	struct stat sent, received;
	size_t len = 99999;
	int fd = -2;

	memset(data, 'x', sizeof(data));
	ck_assert_msg(message_send(ends[0], trips[_i].type, trips[_i].arg, data, trips[_i].len,
			  trips[_i].with_fd ? ends[0] : -1) == 0,
	    "%s", name);
	ck_assert_msg(message_recv(ends[1], &got, &len, &fd) == 1, "%s", name);
	ck_assert_msg(got.type == trips[_i].type && got.arg == trips[_i].arg, "%s", name);
	ck_assert_msg(len == trips[_i].len && memcmp(got.data, data, len) == 0, "%s", name);
	ck_assert_msg((fd >= 0) == trips[_i].with_fd, "%s: descriptor %d", name, fd);
	if (fd >= 0) {
		ck_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
		ck_assert(fstat(fd, &received) == 0 && fstat(ends[0], &sent) == 0);
		ck_assert(sent.st_ino == received.st_ino);
		close(fd);
	} else {
		ck_assert_int_eq(fd, -1);
	}
}
END_TEST

START_TEST(test_order_is_kept)
{
	size_t len;
	int fd;

	for (uint32_t i = 0; i < 5; i++)
		ck_assert_int_eq(message_send(ends[0], MESSAGE_SETTINGS, i, "abcdef", i, -1), 0);
	for (uint32_t i = 0; i < 5; i++) {
		ck_assert_int_eq(message_recv(ends[1], &got, &len, &fd), 1);
		ck_assert_uint_eq(got.arg, i);
		ck_assert_uint_eq(len, i);
	}
	ck_assert_int_eq(message_recv(ends[1], &got, &len, &fd), -1);
	ck_assert_int_eq(errno, EAGAIN);
}
END_TEST

START_TEST(test_too_long_to_send)
{
	static char data[MESSAGE_DATA_MAX + 1];

	ck_assert_int_eq(message_send(ends[0], MESSAGE_SETTINGS, 0, data, sizeof(data), -1), -1);
	ck_assert_int_eq(errno, EMSGSIZE);
}
END_TEST

/* A packet that is too short for a header, or too long for a message, is none of ours. */
static const struct {
	const char *name;
	size_t len;
	int error; /* 0: taken */
} packets[] = {
    {"one byte", 1, EPROTO},
    {"a header but one byte", offsetof(struct message, data) - 1, EPROTO},
    {"a header", offsetof(struct message, data), 0},
    {"the longest", sizeof(struct message), 0},
    {"one too many", sizeof(struct message) + 1, EMSGSIZE},
};

START_TEST(test_foreign_packet)
{
	static char packet[sizeof(struct message) + 1];
	int before, fd = -2, rc;
	size_t len;

	ck_assert_int_eq(fd_send(ends[0], packet, packets[_i].len, ends[0]), 0);
	before = open_fds();
	rc = message_recv(ends[1], &got, &len, &fd);
	ck_assert_msg(rc == (packets[_i].error == 0 ? 1 : -1), "%s: %d", packets[_i].name, rc);
	if (rc == -1) {
		ck_assert_msg(
		    errno == packets[_i].error, "%s: %s", packets[_i].name, strerror(errno));
		ck_assert_int_eq(fd, -1);
	} else {
		close(fd);
	}
	ck_assert_msg(open_fds() == before, "%s: a descriptor stays", packets[_i].name);
}
END_TEST

START_TEST(test_end_of_file)
{
	size_t len;
	int fd = -2;

	fd_close(&ends[0]);
	ck_assert_int_eq(message_recv(ends[1], &got, &len, &fd), 0);
	ck_assert_int_eq(fd, -1);
	/* And nobody to send to is an error, not a signal. */
	ck_assert_int_eq(message_send(ends[1], MESSAGE_READY, 0, NULL, 0, -1), -1);
	ck_assert_int_eq(errno, EPIPE);
}
END_TEST

START_TEST(test_full)
{
	int rc = 0;

	for (int i = 0; i < 10000 && rc == 0; i++)
		rc = message_send(ends[0], MESSAGE_SETTINGS, 0, "x", 1, -1);
	ck_assert_int_eq(rc, -1);
	ck_assert_int_eq(errno, EAGAIN);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("message");
	TCase *tc = tcase_create("message");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, test_round_trip, 0, COUNT(trips));
	tcase_add_test(tc, test_order_is_kept);
	tcase_add_test(tc, test_too_long_to_send);
	tcase_add_loop_test(tc, test_foreign_packet, 0, COUNT(packets));
	tcase_add_test(tc, test_end_of_file);
	tcase_add_test(tc, test_full);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
