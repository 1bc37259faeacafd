/* test_exchange.c: whose successors are to accept, who has to wait, and for whom there is no way. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "fpm/reload/exchange.h"
#include "fpm/reload/succession.h"
#include "tests/unit/run.h"

#define POOLS_MAX 4
#define SOCKETS 5 /* "a" to "e" */

static char said[64]; /* "+x": pool x accepts, "-x": its succession fails */

static void
note(const struct seat *seat, const char *what)
{
	size_t len = strlen(said);

	snprintf(said + len, sizeof(said) - len, "%s%s", what, seat->setup.pool->name);
}

/* In place of succession.c's. */
void
succession_accept(struct seat *seat)
{
	ck_assert_int_eq(seat->succession.state, SUCCESSION_READY);
	note(seat, "+");
	seat->succession.state = SUCCESSION_ACCEPTING;
}

void
succession_fail(struct seat *seat, const char *why)
{
	ck_assert_str_ne(why, "");
	note(seat, "-");
	seat->succession.state = SUCCESSION_NONE;
	seat->succession.setup.listener = seat->succession.setup.status_listener = NULL;
}

bool
succession_plan(struct seat *seat, struct conf *conf, const struct conf_pool *pool)
{
	ck_abort();
}

void
succession_cancel(struct seat *seat)
{
	ck_abort();
}

/* Its name is its number, "p" the first one's. Sockets: listen, and pm.status_listen after it. */
struct row_pool {
	enum succession_state state;
	const char *has, *gets; /* NULL: there is none */
	bool has_gone;		/* from the configuration */
	bool is_closed;
};

/* clang-format off */
#define IS(s, h, g) {.state = SUCCESSION_##s, .has = (h), .gets = (g)}
#define STAYS(h) {.has = (h)}
#define GOES(h) {.has = (h), .has_gone = true}
#define FINISHES(h) {.has = (h), .is_closed = true}
/* clang-format on */

static const struct {
	const char *name;
	struct row_pool pools[POOLS_MAX];
	const char *said;
} rows[] = {
    {"one alone", {IS(READY, "a", "a")}, "+p"},
    {"one that is not ready", {IS(STARTING, "a", "b")}, ""},
    {"one that is new", {IS(READY, NULL, "a")}, "+p"},
    {"two that have nothing to do with each other",
	{IS(READY, "a", "b"), IS(STARTING, "c", "d")}, "+p"},
    {"two that swap", {IS(READY, "a", "b"), IS(READY, "b", "a")}, "+p+q"},
    {"one of two is not ready", {IS(READY, "a", "b"), IS(STARTING, "b", "a")}, ""},
    {"its turn has not come", {IS(PLANNED, "a", "b"), IS(READY, "b", "a")}, ""},
    {"one of two has failed", {IS(READY, "a", "b"), STAYS("b")}, "-p"},
    {"one of two has gone on before", {IS(READY, "a", "b"), IS(ACCEPTING, "b", "a")}, "+p"},
    {"one of two has taken over", {IS(READY, "a", "b"), IS(LEAVING, "a", NULL)}, "+p"},
    {"of one that goes", {IS(READY, "a", "b"), GOES("b")}, "+p"},
    {"of one that is closed", {IS(READY, "a", "b"), FINISHES("b")}, "+p"},
    {"a row", {IS(READY, "a", "d"), IS(READY, "b", "a"), IS(READY, NULL, "b")}, "+p+q+r"},
    {"the first of a row is not ready",
	{IS(STARTING, "a", "d"), IS(READY, "b", "a"), IS(READY, NULL, "b")}, ""},
    {"the last of a row is not ready",
	{IS(READY, "a", "d"), IS(READY, "b", "a"), IS(STARTING, NULL, "b")}, ""},
    {"a round", {IS(READY, "a", "b"), IS(READY, "b", "c"), IS(READY, "c", "a")}, "+p+q+r"},
    {"one of a round is not ready, another waits for nobody",
	{IS(READY, "a", "b"), IS(READY, "b", "c"), IS(STARTING, "c", "a"), IS(READY, "d", "e")}, "+s"},
    {"one of a round has failed, so all do",
	{IS(READY, "a", "b"), IS(READY, "b", "c"), STAYS("c"), IS(READY, "d", "e")}, "-q-p+s"},
    {"one of a round has failed, the last one",
	{STAYS("a"), IS(READY, "b", "c"), IS(READY, "c", "a")}, "-r-q"},
    {"status pages, too", {IS(READY, "ab", "ac"), IS(STARTING, "cd", "cb")}, ""},
    {"listen and status page of one", {IS(READY, "ab", "ba")}, "+p"},
};

static struct shared sockets[SOCKETS];
static struct seat seats[POOLS_MAX];
static struct conf_pool pools[POOLS_MAX];
static char names[POOLS_MAX][2];
static struct seat_list list;
static struct conf conf;

static void
hold(struct setup *s, const char *letters)
{
	s->listener = letters != NULL ? &sockets[letters[0] - 'a'] : NULL;
	s->status_listener =
	    letters != NULL && letters[1] != '\0' ? &sockets[letters[1] - 'a'] : NULL;
}

static void
make(const struct row_pool *row)
{
	memset(seats, 0, sizeof(seats));
	memset(pools, 0, sizeof(pools));
	TAILQ_INIT(&list);
	TAILQ_INIT(&conf.pools);
	said[0] = '\0';
	for (int i = 0; i < POOLS_MAX && (row[i].has != NULL || row[i].gets != NULL); i++) {
		snprintf(names[i], sizeof(names[i]), "%c", 'p' + i);
		pools[i].name = names[i];
		if (!row[i].has_gone)
			TAILQ_INSERT_TAIL(&conf.pools, &pools[i], next);
		seats[i].setup.pool = &pools[i];
		seats[i].is_closed = row[i].is_closed;
		seats[i].succession.state = row[i].state;
		hold(&seats[i].setup, row[i].has);
		hold(&seats[i].succession.setup, row[i].gets);
		TAILQ_INSERT_TAIL(&list, &seats[i], next);
	}
}

START_TEST(test_go_on)
{
	make(rows[_i].pools);
	while (exchange_go_on(&list, &conf))
		continue;
	ck_assert_msg(strcmp(said, rows[_i].said) == 0, "%s: %s, not %s", rows[_i].name, said,
	    rows[_i].said);
}
END_TEST

static const struct {
	const char *name;
	struct row_pool pools[POOLS_MAX];
	bool all; /* of the configuration, rather than one pool alone */
	bool good;
} check_rows[] = {
    {"one alone", {IS(PLANNED, "a", "b")}, true, true},
    {"two that swap", {IS(PLANNED, "a", "b"), IS(PLANNED, "b", "a")}, true, true},
    {"the other is unchanged", {IS(PLANNED, "a", "b"), STAYS("b")}, true, false},
    {"the other goes", {IS(PLANNED, "a", "b"), GOES("b")}, true, true},
    {"the other goes, but not now", {IS(PLANNED, "a", "b"), GOES("b")}, false,
	false},
    {"the other finishes", {IS(PLANNED, "a", "b"), FINISHES("b")}, false, true},
};

START_TEST(test_check)
{
	make(check_rows[_i].pools);
	ck_assert_msg(exchange_check(&list, check_rows[_i].all ? &conf : NULL) ==
		check_rows[_i].good,
	    "%s", check_rows[_i].name);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("exchange");
	TCase *tc = tcase_create("exchange");

	tcase_add_loop_test(tc, test_go_on, 0, COUNT(rows));
	tcase_add_loop_test(tc, test_check, 0, COUNT(check_rows));
	suite_add_tcase(s, tc);
	return run_suite(s);
}
