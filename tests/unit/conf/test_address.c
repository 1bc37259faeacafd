/* test_address.c: addresses to listen on, and which clients a pool allows. */
#include "config.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/address.h"
#include "conf/conf.h"
#include "tests/unit/run.h"

#define TEN "0123456789"
#define PATH_107 "/" TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN "abcdef"

struct listen_row {
	const char *text;
	const char *problem; /* a part of it, NULL: none */
	enum address_kind kind;
	const char *where; /* path or host */
	uint16_t port;
};

static const struct listen_row listen_rows[] = {
    {"/run/a.sock", NULL, ADDRESS_UNIX, "/run/a.sock", 0},
    {"run/a.sock", NULL, ADDRESS_UNIX, "run/a.sock", 0},
    {"/run/a:9000", NULL, ADDRESS_UNIX, "/run/a:9000", 0},
    {PATH_107, NULL, ADDRESS_UNIX, PATH_107, 0},
    {PATH_107 "g", "too long", ADDRESS_UNIX, NULL, 0},
    {"/run/", "not of a directory", ADDRESS_UNIX, NULL, 0},
    {"9000", NULL, ADDRESS_TCP, "", 9000},
    {"1", NULL, ADDRESS_TCP, "", 1},
    {"65535", NULL, ADDRESS_TCP, "", 65535},
    {"0", "a port from 1 to 65535", ADDRESS_TCP, NULL, 0},
    {"65536", "a port from 1 to 65535", ADDRESS_TCP, NULL, 0},
    {"127.0.0.1:9000", NULL, ADDRESS_TCP, "127.0.0.1", 9000},
    {"0.0.0.0:9000", NULL, ADDRESS_TCP, "0.0.0.0", 9000},
    {"[::1]:9000", NULL, ADDRESS_TCP, "::1", 9000},
    {"[0:0::0:1]:9000", NULL, ADDRESS_TCP, "::1", 9000},
    {"[::ffff:10.0.0.1]:80", NULL, ADDRESS_TCP, "::ffff:10.0.0.1", 80},
    {"::1:9000", "IPv6 address in brackets", ADDRESS_TCP, NULL, 0},
    {"[127.0.0.1]:9000", "IPv6 address in the brackets", ADDRESS_TCP, NULL, 0},
    {"[::1]", "expected /path", ADDRESS_TCP, NULL, 0},
    {"[::1]x:9000", "IPv6 address in brackets", ADDRESS_TCP, NULL, 0},
    {"[]:9000", "expected an IP address", ADDRESS_TCP, NULL, 0},
    {":9000", "expected an IP address", ADDRESS_TCP, NULL, 0},
    {"localhost:9000", NULL, ADDRESS_TCP, "127.0.0.1", 9000},
    {"LocalHost:9000", NULL, ADDRESS_TCP, "127.0.0.1", 9000},
    {"*:9000", NULL, ADDRESS_TCP, "", 9000},
    {"**:9000", "names are not looked up", ADDRESS_TCP, NULL, 0},
    {"[*]:9000", "IPv6 address in the brackets", ADDRESS_TCP, NULL, 0},
    {"[localhost]:9000", "IPv6 address in the brackets", ADDRESS_TCP, NULL, 0},
    {"localhost", "expected /path", ADDRESS_TCP, NULL, 0},
    {"*", "expected /path", ADDRESS_TCP, NULL, 0},
    {"web.example:9000", "names are not looked up", ADDRESS_TCP, NULL, 0},
    {"256.0.0.1:9000", "expected an IP address", ADDRESS_TCP, NULL, 0},
    {"127.0.0.1", "expected /path", ADDRESS_TCP, NULL, 0},
    {"127.0.0.1:", "expected /path", ADDRESS_TCP, NULL, 0},
    {"127.0.0.1:+1", "expected /path", ADDRESS_TCP, NULL, 0},
    {"a.sock", "expected /path", ADDRESS_TCP, NULL, 0},
    {"", "expected /path", ADDRESS_TCP, NULL, 0},
};

START_TEST(test_listen)
{
	const struct listen_row *r = &listen_rows[_i];
	struct address a;
	const char *problem = address_parse(r->text, &a);

	if (r->problem != NULL) {
		ck_assert_ptr_nonnull(problem);
		ck_assert_msg(strstr(problem, r->problem) != NULL, "%s: %s", r->text, problem);
		return;
	}
	ck_assert_msg(problem == NULL, "%s: %s", r->text, problem);
	ck_assert_int_eq(a.kind, r->kind);
	ck_assert_str_eq(a.kind == ADDRESS_UNIX ? a.path : a.host, r->where);
	ck_assert_uint_eq(a.port, r->port);
}
END_TEST

static const struct {
	const char *a, *b;
	bool same;
} same_rows[] = {
    {"/a", "/a", true},
    {"/a", "/b", false},
    {"9000", "9000", true},
    {"9000", "9001", false},
    {"9000", "127.0.0.1:9000", true},
    {"127.0.0.1:9000", "127.0.0.2:9000", false},
    {"[::1]:9000", "[0::1]:9000", true},
    {"/9000", "9000", false},
    {"*:9000", "9000", true},
    {"localhost:9000", "127.0.0.1:9000", true},
    {"0.0.0.0:9000", "127.0.0.1:9000", true},
    {"[::]:9000", "[::1]:9000", true},
    {"0.0.0.0:9000", "[::1]:9000", false},
    {"0.0.0.0:9000", "[::]:9000", true},
    {"[::]:9000", "127.0.0.1:9000", true},
};

START_TEST(test_same)
{
	struct address a, b;

	ck_assert_ptr_null(address_parse(same_rows[_i].a, &a));
	ck_assert_ptr_null(address_parse(same_rows[_i].b, &b));
	ck_assert(address_same(&a, &b) == same_rows[_i].same);
	ck_assert(address_same(&b, &a) == same_rows[_i].same);
}
END_TEST

static const struct {
	const char *networks, *client;
	bool allowed;
} client_rows[] = {
    {"any", "203.0.113.9", true},
    {"", "2001:db8::1", true},
    {"127.0.0.1", "127.0.0.1", true},
    {"127.0.0.1", "127.0.0.2", false},
    {"10.0.0.0/8", "10.255.255.255", true},
    {"10.0.0.0/8", "11.0.0.0", false},
    {"10.1.2.3/8", "10.9.9.9", true},
    {"192.0.2.64/27", "192.0.2.95", true},
    {"192.0.2.64/27", "192.0.2.96", false},
    {"0.0.0.0/0", "203.0.113.9", true},
    {"0.0.0.0/0", "2001:db8::1", false},
    {"::/0", "203.0.113.9", true},
    {"::1", "::1", true},
    {"ANY", "203.0.113.9", true},
    {"localhost", "127.0.0.1", true},
    {"10.0.0.1, LOCALHOST", "::1", true},
    {"localhost", "127.0.0.2", false},
    {"::1", "127.0.0.1", false},
    {"2001:db8::/33", "2001:db8:7fff::1", true},
    {"2001:db8::/33", "2001:db8:8000::1", false},
    {"::ffff:10.0.0.0/104", "10.3.4.5", true},
    {"127.0.0.1, ::1,10.0.0.0/8", "10.0.0.1", true},
    {"127.0.0.1, ::1,10.0.0.0/8", "::1", true},
    {"127.0.0.1, ::1,10.0.0.0/8", "192.0.2.1", false},
    /* All 16 bytes count: an IPv6 address that ends in the same 4 is somebody else. */
    {"127.0.0.1", "2001:db8::7f00:1", false},
};

/* As the pool process has it from accept(2): IPv4 mapped into IPv6. */
static void
client_address(const char *text, uint8_t addr[16])
{
	memset(addr, 0, 16);
	if (inet_pton(AF_INET, text, addr + 12) == 1)
		addr[10] = addr[11] = 0xff;
	else
		ck_assert_int_eq(inet_pton(AF_INET6, text, addr), 1);
}

START_TEST(test_clients)
{
	struct conf_pool pool = {0};
	char problem[ADDRESS_ERROR_MAX];
	uint8_t addr[16];

	ck_assert(address_parse_networks(
	    client_rows[_i].networks, &pool.allowed_clients, &pool.allowed_clients_count, problem));
	client_address(client_rows[_i].client, addr);
	ck_assert(address_allowed(pool.allowed_clients, pool.allowed_clients_count, addr) == client_rows[_i].allowed);
	free(pool.allowed_clients);
}
END_TEST

static const char *const bad_networks[] = {"x", "127.0.0.1/33", "::1/129", "127.0.0.1/", ",",
    "127.0.0.1,", "127.0.0.1/-1", "127.0.0.1 ::1 x,y", "127.0.0.1/8x", "any, ::1",
    "localhost/8", "web.example"};

START_TEST(test_bad_networks)
{
	struct address_network *networks;
	char problem[ADDRESS_ERROR_MAX];
	size_t count;

	ck_assert(!address_parse_networks(bad_networks[_i], &networks, &count, problem));
	ck_assert_ptr_null(networks);
	ck_assert(strstr(problem, "expected addresses or networks") == problem);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("conf_listen");
	TCase *tc = tcase_create("listen");

	tcase_add_loop_test(tc, test_listen, 0, COUNT(listen_rows));
	tcase_add_loop_test(tc, test_same, 0, COUNT(same_rows));
	tcase_add_loop_test(tc, test_clients, 0, COUNT(client_rows));
	tcase_add_loop_test(tc, test_bad_networks, 0, COUNT(bad_networks));
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
