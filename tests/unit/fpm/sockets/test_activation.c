/* test_activation.c: which socket of systemd's is that of an address. */
#include "config.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>

#include "fpm/sockets/activation.h"
#include "tests/unit/run.h"

/* path: begins with @ if the name is abstract; NULL: the socket has a host and a port. */
static const struct {
	const char *address, *path, *host;
	uint16_t port;
	bool is;
} rows[] = {
    {"/run/a.sock", "/run/a.sock", NULL, 0, true},
    {"/run/a.sock", "/run/a.sock2", NULL, 0, false},
    {"/run/a.sock", "/run/a.soc", NULL, 0, false},
    {"/run/a.sock", "@run/a.sock", NULL, 0, false},
    {"/run/a.sock", "", NULL, 0, false},
    {"/dev/../dev/null", "/dev/null", NULL, 0, true}, /* the same file */
    {"127.0.0.1:9000", NULL, "127.0.0.1", 9000, true},
    {"127.0.0.1:9000", NULL, "127.0.0.1", 9001, false},
    {"127.0.0.1:9000", NULL, "127.0.0.2", 9000, false},
    {"127.0.0.1:9000", NULL, "0.0.0.0", 9000, false},
    {"127.0.0.1:9000", NULL, "::1", 9000, false},
    {"127.0.0.1:9000", "/run/a.sock", NULL, 0, false},
    {"/run/a.sock", NULL, "127.0.0.1", 9000, false},
    {"[::1]:9000", NULL, "::1", 9000, true},
    {"[0:0::0:1]:9000", NULL, "::1", 9000, true},
    {"[::1]:9000", NULL, "::", 9000, false},
    {"9000", NULL, "::", 9000, true},
    {"9000", NULL, "0.0.0.0", 9000, true},
    {"9000", NULL, "127.0.0.1", 9000, false},
    {"9000", NULL, "::1", 9000, false},
    {"[::]:9000", NULL, "::", 9000, true},
    {"0.0.0.0:9000", NULL, "0.0.0.0", 9000, true},
    {"0.0.0.0:9000", NULL, "::", 9000, false},
};

union name {
	struct sockaddr sa;
	struct sockaddr_un un;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

/* As the kernel gives it: without an end, and with whatever was there behind it. */
static socklen_t
set_path(union name *name, const char *path)
{
	name->un.sun_family = AF_UNIX;
	memset(name->un.sun_path, 'x', sizeof(name->un.sun_path));
	memcpy(name->un.sun_path, path, strlen(path));
	if (*path == '@')
		name->un.sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
}

static socklen_t
set_host(union name *name, const char *host, uint16_t port)
{
	if (inet_pton(AF_INET, host, &name->in.sin_addr) == 1) {
		name->in.sin_family = AF_INET;
		name->in.sin_port = htons(port);
		return sizeof(name->in);
	}
	ck_assert_int_eq(inet_pton(AF_INET6, host, &name->in6.sin6_addr), 1);
	name->in6.sin6_family = AF_INET6;
	name->in6.sin6_port = htons(port);
	return sizeof(name->in6);
}

START_TEST(test_is)
{
	struct address address;
	union name name;
	socklen_t len;

	memset(&name, 0, sizeof(name));
	len = rows[_i].path != NULL ? set_path(&name, rows[_i].path)
				    : set_host(&name, rows[_i].host, rows[_i].port);
	ck_assert_ptr_null(address_parse(rows[_i].address, &address));
	ck_assert_int_eq(activation_is(&address, &name.sa, len), rows[_i].is);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("activation");
	TCase *tc = tcase_create("table");

	tcase_add_loop_test(tc, test_is, 0, COUNT(rows));
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
