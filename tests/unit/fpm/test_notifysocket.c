/* test_notifysocket.c: what is said to a manager that reads, that does not, and that is not there. */
#include "config.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fpm/notifysocket.h"
#include "tests/unit/run.h"

static char dir[] = "/tmp/test-notify-XXXXXX", path[64];
static struct notifysocket notify;

/* A manager's socket at name, "@..." an abstract one. */
static int
listen_at(const char *name)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	size_t len = strlen(name);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	memcpy(un.sun_path, name, len);
	if (*name == '@')
		un.sun_path[0] = '\0';
	ck_assert_int_eq(bind(fd, (const struct sockaddr *)&un,
			     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)),
	    0);
	return fd;
}

/* What comes next; "": nothing. */
static const char *
hear(int fd)
{
	static char text[256];
	ssize_t n = recv(fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void
fill(struct notifysocket *s)
{
	int error = 0;

	for (int i = 0; i < 100000 && error == 0; i++)
		error = notifysocket_say(s, "filled");
	ck_assert_int_eq(error, EAGAIN);
}

static void
setup(void)
{
	strcpy(dir + strlen(dir) - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/notify", dir);
	notifysocket_init(&notify, path);
}

static void
teardown(void)
{
	unlink(path);
	rmdir(dir);
}

START_TEST(test_addresses)
{
	static const struct {
		const char *path;
		int error;
	} cases[] = {{"@anyfpm/test/notify", ECONNREFUSED}, {"/nowhere/at/all", ENOENT},
	    {"vsock:2:1234", EAFNOSUPPORT}, {"", EAFNOSUPPORT}, {NULL, 0}};
	int fd;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		notifysocket_init(&notify, cases[i].path);
		ck_assert_int_eq(notifysocket_say(&notify, "READY=1"), cases[i].error);
		ck_assert_int_eq(notifysocket_insist(&notify, "READY=1"), cases[i].error);
		ck_assert_uint_eq(notify.count, 0);
		ck_assert_int_eq(notifysocket_go_on(&notify), 0);
	}
	notifysocket_init(&notify, cases[0].path);
	fd = listen_at(cases[0].path);
	ck_assert_int_eq(notifysocket_say(&notify, "READY=1"), 0);
	ck_assert_str_eq(hear(fd), "READY=1");
	close(fd);
}
END_TEST

/* Nobody waits; what is insisted on comes in order, before what is only said. */
START_TEST(test_manager_that_does_not_read)
{
	int fd = listen_at(path);

	fill(&notify);
	ck_assert_int_eq(notifysocket_insist(&notify, "1"), EAGAIN);
	ck_assert_int_eq(notifysocket_insist(&notify, "2"), EAGAIN);
	ck_assert_int_eq(notifysocket_say(&notify, "lost"), EAGAIN);
	ck_assert_int_eq(notifysocket_go_on(&notify), EAGAIN);
	while (*hear(fd) != '\0')
		continue;
	ck_assert_int_eq(notifysocket_say(&notify, "3"), 0);
	ck_assert_str_eq(hear(fd), "1");
	ck_assert_str_eq(hear(fd), "2");
	ck_assert_str_eq(hear(fd), "3");
	ck_assert_str_eq(hear(fd), "");
	close(fd);
}
END_TEST

START_TEST(test_oldest_is_forgotten)
{
	int fd = listen_at(path);
	char text[16];

	fill(&notify);
	for (int i = 0; i <= NOTIFYSOCKET_WAITING_MAX; i++) {
		snprintf(text, sizeof(text), "%d", i);
		ck_assert_int_eq(notifysocket_insist(&notify, text), EAGAIN);
	}
	while (*hear(fd) != '\0')
		continue;
	for (int i = 1; i <= NOTIFYSOCKET_WAITING_MAX; i++) {
		ck_assert_int_ne(notifysocket_go_on(&notify), ENOENT);
		snprintf(text, sizeof(text), "%d", i);
		ck_assert_str_eq(hear(fd), text);
	}
	ck_assert_uint_eq(notify.count, 0);
	close(fd);
}
END_TEST

START_TEST(test_manager_that_has_gone)
{
	int fd = listen_at(path);

	fill(&notify);
	ck_assert_int_eq(notifysocket_insist(&notify, "1"), EAGAIN);
	close(fd);
	ck_assert_int_eq(notifysocket_go_on(&notify), ECONNREFUSED);
	ck_assert_int_eq(notifysocket_go_on(&notify), 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("notifysocket");
	TCase *tc = tcase_create("notifysocket");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_addresses);
	tcase_add_test(tc, test_manager_that_does_not_read);
	tcase_add_test(tc, test_oldest_is_forgotten);
	tcase_add_test(tc, test_manager_that_has_gone);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
