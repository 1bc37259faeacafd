/* test_peers.c: connections by address, and the door that looks at them. */
#include "config.h"

#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pool/client/accept.h"
#include "pool/client/client.h"
#include "pool/client/peers.h"
#include "tests/unit/fixture.h"
#include "tests/unit/run.h"

#define WAIT_MS 10000

/* The so-manyth calloc() from now on fails; 0: none. The linker puts this in its place. */
static int failing;

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);

void *
__wrap_calloc(size_t n, size_t size)
{
	if (failing > 0 && --failing == 0)
		return NULL;
	return __real_calloc(n, size);
}

/* The table ------------------------------------------------------------------ */

/* That word of an address is its number, the others are zero. */
static void
make_address(uint8_t addr[16], int word, uint32_t number)
{
	memset(addr, 0, 16);
	for (int i = 0; i < 4; i++)
		addr[4 * word + i] = (uint8_t)(number >> (24 - 8 * i));
}

/* One step: '+' enters, '-' leaves, the address it is about, and its count afterwards. */
static const struct steps {
	const char *name;
	unsigned int max;
	struct {
		char what;
		uint8_t address;
		unsigned int count, addresses;
	} steps[12];
} histories[] = {
    {"one comes and goes", 1, {{'+', 1, 1, 1}, {'-', 1, 0, 0}}},
    {"one address twice", 2,
	{{'+', 1, 1, 1}, {'+', 1, 2, 1}, {'-', 1, 1, 1}, {'-', 1, 0, 0}}},
    {"zero, and again", 1,
	{{'+', 1, 1, 1}, {'-', 1, 0, 0}, {'+', 1, 1, 1}, {'-', 1, 0, 0}, {'+', 2, 1, 1}}},
    {"the address of no bits", 2, {{'+', 0, 1, 1}, {'+', 9, 1, 2}, {'-', 0, 0, 1}}},
    {"more addresses than buckets, first goes first", 4,
	{{'+', 1, 1, 1}, {'+', 2, 1, 2}, {'+', 3, 1, 3}, {'+', 2, 2, 3}, {'-', 1, 0, 2},
	    {'-', 2, 1, 2}, {'-', 3, 0, 1}, {'-', 2, 0, 0}}},
    {"last goes first", 4,
	{{'+', 1, 1, 1}, {'+', 2, 1, 2}, {'+', 3, 1, 3}, {'-', 3, 0, 2}, {'-', 2, 0, 1},
	    {'-', 1, 0, 0}}},
    {"at the budget, one for one", 2,
	{{'+', 1, 1, 1}, {'+', 2, 1, 2}, {'-', 1, 0, 1}, {'+', 3, 1, 2}, {'-', 2, 0, 1},
	    {'+', 3, 2, 1}}},
};

START_TEST(test_history)
{
	const struct steps *h = &histories[_i];
	struct peers *peers = peers_new(h->max);
	uint8_t addr[16];

	ck_assert_ptr_nonnull(peers);
	for (int i = 0; h->steps[i].what != '\0'; i++) {
		make_address(addr, 3, h->steps[i].address);
		if (h->steps[i].what == '+')
			ck_assert(peers_enter(peers, addr));
		else
			peers_leave(peers, addr);
		ck_assert_msg(peers_count(peers, addr) == h->steps[i].count, "%s: step %d: %u",
		    h->name, i, peers_count(peers, addr));
		ck_assert_msg(peers_addresses(peers) == h->steps[i].addresses,
		    "%s: step %d: %u addresses", h->name, i, peers_addresses(peers));
	}
	peers_free(peers); /* with what is still in it */
}
END_TEST

/* As many addresses as buckets: that none shares one cannot be. They differ in one word only, as
 * those of somebody who has a network of his own. */
START_TEST(test_collisions)
{
	const uint32_t n = 4096;
	struct peers *peers = peers_new(3 * n);
	uint8_t addr[16];

	ck_assert_ptr_nonnull(peers);
	for (int round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < n; i++) {
			make_address(addr, _i, i);
			ck_assert_uint_eq(peers_count(peers, addr), round);
			ck_assert(peers_enter(peers, addr));
		}
		ck_assert_uint_eq(peers_addresses(peers), n);
	}
	for (uint32_t i = 0; i < n; i += 2) {
		make_address(addr, _i, i);
		for (int round = 0; round < 3; round++)
			peers_leave(peers, addr);
	}
	ck_assert_uint_eq(peers_addresses(peers), n / 2);
	for (uint32_t i = 0; i < n; i++) {
		make_address(addr, _i, i);
		ck_assert_uint_eq(peers_count(peers, addr), i % 2 == 0 ? 0 : 3);
	}
	for (uint32_t i = 1; i < n; i += 2) {
		make_address(addr, _i, i);
		for (int round = 0; round < 3; round++)
			peers_leave(peers, addr);
	}
	ck_assert_uint_eq(peers_addresses(peers), 0);
	peers_free(peers);
}
END_TEST

/* Two addresses that somebody may have chosen. */
static const struct {
	const char *name;
	uint8_t a[16], b[16];
} pairs[] = {
    {"first bit", {0x00}, {0x80}},
    {"last bit", {0}, {[15] = 1}},
    {"last bit of the first word", {0}, {[3] = 1}},
    {"IPv4 neighbors", {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1},
	{[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 2}},
    {"words that change places", {[8] = 1, [9] = 2, [12] = 3, [13] = 4},
	{[8] = 3, [9] = 4, [12] = 1, [13] = 2}},
    {"the sum of the words is the same", {[4] = 2, [8] = 1}, {[4] = 1, [8] = 2}},
    {"one network, all bits of the rest", {0x20, 0x01, 0x0d, 0xb8},
	{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},
};

/* A generator with a full period (Steele, Lea and Flood, 2014): the same seeds in every run. */
static uint64_t
next_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* Whoever chose them, they share one of 256 buckets under one of 256 seeds, not more often. */
START_TEST(test_hash)
{
	uint64_t state = 1, seed[PEERS_SEED_WORDS];
	unsigned int shared = 0;

	for (int i = 0; i < 65536; i++) {
		for (int j = 0; j < PEERS_SEED_WORDS; j++)
			seed[j] = next_random(&state);
		shared += ((peers_hash(seed, pairs[_i].a) ^ peers_hash(seed, pairs[_i].b)) & 255) ==
		    0;
	}
	ck_assert_msg(shared < 2 * 256, "%s: %u of 65536", pairs[_i].name, shared);
}
END_TEST

START_TEST(test_no_memory)
{
	struct peers *peers;
	uint8_t addr[16];

	failing = 1;
	ck_assert_ptr_null(peers_new(4));
	peers = peers_new(4);
	ck_assert_ptr_nonnull(peers);
	make_address(addr, 3, 1);
	failing = 1;
	ck_assert(!peers_enter(peers, addr));
	ck_assert_uint_eq(peers_count(peers, addr), 0);
	ck_assert_uint_eq(peers_addresses(peers), 0);
	ck_assert(peers_enter(peers, addr));
	failing = 1;
	ck_assert(peers_enter(peers, addr)); /* one that is known needs none */
	failing = 0;
	ck_assert_uint_eq(peers_count(peers, addr), 2);
	peers_free(peers);
}
END_TEST

/* The door ------------------------------------------------------------------- */

static struct fixture f;
static struct sockaddr_in door;
/* 127.0.0.1 as a client has it */
static const uint8_t local[16] = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1};

static void
setup(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(door);

	fixture_init(&f, "listen.max_connections_per_address = 2\n");
	f.pool.clients.peers = peers_new(FIXTURE_CLIENT_MAX);
	ck_assert_ptr_nonnull(f.pool.clients.peers);
	door = (struct sockaddr_in){.sin_family = AF_INET};
	door.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&door, sizeof(door)), 0);
	ck_assert_int_eq(listen(fd, 8), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&door, &len), 0);
	accept_begin(&f.pool, fd, -1);
	accept_open(&f.pool);
}

static void
teardown(void)
{
	accept_end(&f.pool);
	fixture_end_clients(&f);
	ck_assert_uint_eq(peers_addresses(f.pool.clients.peers), 0);
	peers_free(f.pool.clients.peers);
	fixture_free(&f);
}

static bool
readable(int fd)
{
	struct pollfd pfd = {.fd = fd, .events = POLLIN};

	return poll(&pfd, 1, WAIT_MS) == 1;
}

/* Connect; the no-th allocation for it fails. Returns our end. */
static int
come(int no)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ne(fd, -1);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&door, sizeof(door)), 0);
	ck_assert(readable(f.pool.clients.listening->main.fd));
	failing = no;
	fixture_pass(&f);
	failing = 0;
	return fd;
}

static void
check_refused(int fd)
{
	char byte;

	ck_assert(readable(fd));
	ck_assert_int_eq(read(fd, &byte, 1), 0);
	close(fd);
}

START_TEST(test_limit)
{
	int fds[2] = {come(0), come(0)};

	ck_assert_uint_eq(peers_count(f.pool.clients.peers, local), 2);
	check_refused(come(0));
	ck_assert_ptr_nonnull(strstr(fixture_log(&f),
	    "connection from 127.0.0.1 refused: it has listen.max_connections_per_address (2) "
	    "already"));
	ck_assert_uint_eq(pool_clients(&f.pool), 2);
	/* Whatever way a client goes, another may come. */
	client_finish(TAILQ_FIRST(&f.pool.clients.list[CLIENT_IDLE]));
	ck_assert_uint_eq(peers_count(f.pool.clients.peers, local), 1);
	client_gone(TAILQ_FIRST(&f.pool.clients.list[CLIENT_IDLE]));
	ck_assert_uint_eq(peers_addresses(f.pool.clients.peers), 0);
	for (int i = 0; i < 2; i++) {
		close(fds[i]);
		fds[i] = come(0);
	}
	ck_assert_uint_eq(pool_clients(&f.pool), 2);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

static const struct {
	const char *name;
	int no;
} allocations[] = {
    {"its record", 1},
    {"its address", 2},
};

/* Without memory a connection is refused, and leaves nothing behind. */
START_TEST(test_refused_without_memory)
{
	int fd;

	check_refused(come(allocations[_i].no));
	ck_assert_msg(strstr(fixture_log(&f), "out of memory for a client connection") != NULL,
	    "%s: %s", allocations[_i].name, f.log);
	ck_assert_uint_eq(pool_clients(&f.pool), 0);
	ck_assert_uint_eq(peers_addresses(f.pool.clients.peers), 0);
	fd = come(0);
	ck_assert_uint_eq(pool_clients(&f.pool), 1);
	ck_assert_uint_eq(peers_count(f.pool.clients.peers, local), 1);
	close(fd);
}
END_TEST

/* Nor does one that cannot be watched: epoll(7) takes no file. */
START_TEST(test_refused_unwatched)
{
	int fd = memfd_create("no socket", MFD_CLOEXEC);

	ck_assert_int_ne(fd, -1);
	ck_assert_ptr_null(accept_client(&f.pool.clients.listening->main, fd, local));
	ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
	ck_assert_int_eq(errno, EBADF);
	ck_assert_uint_eq(pool_clients(&f.pool), 0);
	ck_assert_uint_eq(peers_addresses(f.pool.clients.peers), 0);
	fd = come(0);
	ck_assert_uint_eq(pool_clients(&f.pool), 1);
	close(fd);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("peers");
	TCase *table = tcase_create("table"), *tc = tcase_create("door");

	tcase_add_loop_test(table, test_history, 0, COUNT(histories));
	tcase_add_loop_test(table, test_collisions, 0, 4);
	tcase_add_loop_test(table, test_hash, 0, COUNT(pairs));
	tcase_add_test(table, test_no_memory);
	suite_add_tcase(suite, table);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_limit);
	tcase_add_loop_test(tc, test_refused_without_memory, 0, COUNT(allocations));
	tcase_add_test(tc, test_refused_unwatched);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
