/* test_template_wire.c: orders with their descriptors, and messages with who sent them. */
#include "config.h"

#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "pool/template/wire.h"
#include "tests/unit/run.h"

static int pair[2];

static void
setup(void)
{
	ck_assert_int_eq(template_wire_open(pair), 0);
}

static void
teardown(void)
{
	close(pair[0]);
	close(pair[1]);
}

/* What a template gets: the order, and how many descriptors. */
static ssize_t
take(struct template_order *order, int fds[8], size_t *count)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(8 * sizeof(int))];
	} control;
	struct iovec iov = {.iov_base = order, .iov_len = sizeof(*order)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
	    .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(pair[1], &msg, MSG_CMSG_CLOEXEC);
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	*count = 0;
	if (c != NULL && c->cmsg_type == SCM_RIGHTS) {
		*count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fds, CMSG_DATA(c), *count * sizeof(int));
	}
	return n;
}

START_TEST(test_order)
{
	uint32_t flags = _i == 0 ? 0 : TEMPLATE_HAS_CGROUP;
	const struct template_order order = {
	    .serial = 7, .slot = 3, .parent = (uint32_t)getpid(), .flags = flags};
	struct template_order taken;
	int sent[TEMPLATE_FDS], fds[8];
	size_t count;

	for (int i = 0; i < TEMPLATE_FDS; i++)
		ck_assert_int_ge(sent[i] = open("/dev/null", O_RDONLY | O_CLOEXEC), 0);
	ck_assert_int_eq(template_wire_order(pair[0], &order, sent), 0);
	ck_assert_int_eq(take(&taken, fds, &count), (int)sizeof(taken));
	ck_assert_mem_eq(&taken, &order, sizeof(order));
	ck_assert_uint_eq(count, flags != 0 ? TEMPLATE_FDS : TEMPLATE_FDS - 1);
	for (size_t i = 0; i < count; i++)
		close(fds[i]);
	for (int i = 0; i < TEMPLATE_FDS; i++)
		close(sent[i]);
}
END_TEST

/* Nobody reads any more; and nothing is waited for, however many it has not read. */
START_TEST(test_order_without_a_reader)
{
	const struct template_order order = {.serial = 1};
	int fds[TEMPLATE_FDS] = {0}, given = 0;

	while (template_wire_order(pair[0], &order, fds) == 0)
		given++;
	ck_assert(errno == EAGAIN || errno == ETOOMANYREFS);
	ck_assert_int_gt(given, 4);
	close(pair[1]);
	pair[1] = -1;
	ck_assert_int_eq(template_wire_order(pair[0], &order, fds), -1);
	ck_assert(errno == EPIPE || errno == ECONNRESET);
}
END_TEST

START_TEST(test_hear)
{
	const struct template_message said = {.word = TEMPLATE_FORKED, .serial = 9, .arg = 2};
	struct template_message heard;
	pid_t child, from = 0;
	char wrong[sizeof(said) + 1] = {0};

	ck_assert_int_eq(template_wire_hear(pair[0], &heard, &from), -1);
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert_int_ne(child = fork(), -1);
	if (child == 0)
		_exit(send(pair[1], &said, sizeof(said), 0) != (ssize_t)sizeof(said));
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	ck_assert_int_eq(send(pair[1], wrong, sizeof(said) - 1, 0), (int)sizeof(said) - 1);
	ck_assert_int_eq(send(pair[1], wrong, sizeof(wrong), 0), (int)sizeof(wrong));
	ck_assert_int_eq(send(pair[1], &said, sizeof(said), 0), (int)sizeof(said));
	/* Who said it is told by the kernel. */
	ck_assert_int_eq(template_wire_hear(pair[0], &heard, &from), 1);
	ck_assert_int_eq(from, child);
	ck_assert_mem_eq(&heard, &said, sizeof(said));
	/* Too short, and too long. */
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(template_wire_hear(pair[0], &heard, &from), -1);
		ck_assert_int_eq(errno, EPROTO);
	}
	ck_assert_int_eq(template_wire_hear(pair[0], &heard, &from), 1);
	ck_assert_int_eq(from, getpid());
}
END_TEST

/* What was said is heard to its end. */
START_TEST(test_end)
{
	const struct template_message said = {.word = TEMPLATE_READY};
	const struct template_order order = {.serial = 1};
	struct template_message heard;
	pid_t from;

	ck_assert_int_eq(send(pair[1], &said, sizeof(said), 0), (int)sizeof(said));
	if (_i == 2) /* an order that it does not come to take */
		ck_assert_int_eq(template_wire_order(pair[0], &order, NULL), 0);
	if (_i != 1) {
		close(pair[1]);
		pair[1] = -1;
	} else {
		template_wire_shut(pair[0]);
		ck_assert_int_eq(send(pair[1], &said, sizeof(said), MSG_NOSIGNAL), -1);
	}
	ck_assert_int_eq(template_wire_hear(pair[0], &heard, &from), 1);
	ck_assert_int_eq(template_wire_hear(pair[0], &heard, &from), 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("template_wire");
	TCase *tc = tcase_create("template_wire");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, test_order, 0, 2);
	tcase_add_test(tc, test_order_without_a_reader);
	tcase_add_test(tc, test_hear);
	tcase_add_loop_test(tc, test_end, 0, 3);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
