/* test_budget.c: how memory is shared among pools. */
#include "config.h"

#include "fpm/seat/budget.h"
#include "tests/unit/run.h"

#define POOLS_MAX 4
#define ANY UINT64_MAX

/* clang-format off */
/* One that was told t and knows it, uses u and lacks l, is to have s. */
#define POOL(t, u, l, s) \
	{.told = (t), .follows = (t), .used = (u), .lacking = (l), .most = ANY, .share = (s)}
/* One that has not said that it knows what it was told. */
#define UNSURE(t, f, u, l, s) \
	{.told = (t), .follows = (f), .used = (u), .lacking = (l), .most = ANY, .share = (s)}
/* One that may have no more than m. */
#define UP_TO(m, t, u, l, s) \
	{.told = (t), .follows = (t), .used = (u), .lacking = (l), .most = (m), .share = (s)}
/* clang-format on */

static const struct row {
	const char *name;
	uint64_t total;
	unsigned int count;
	struct budget pools[POOLS_MAX];
} rows[] = {
    {"one has all", 1000, 1, {POOL(0, 0, 1, 1000)}},
    {"two that use nothing have half each", 1000, 2, {POOL(0, 0, 1, 500), POOL(0, 0, 1, 500)}},
    {"so do two that use little", 1000, 2, {POOL(0, 20, 9, 500), POOL(0, 400, 9, 500)}},
    {"what one does not use, another gets", 1000, 2, {POOL(0, 0, 900, 900), POOL(0, 50, 1, 100)}},
    {"both want all", 1000, 2, {POOL(0, 0, 2000, 500), POOL(0, 0, 1000, 500)}},
    {"what two small ones leave", 900, 3,
	{POOL(0, 0, 100, 100), POOL(0, 0, 5000, 600), POOL(0, 0, 200, 200)}},
    {"one has to give, the other waits for it", 1000, 2,
	{POOL(900, 900, 1, 500), POOL(100, 100, 700, 100)}},
    {"it has given half of it", 1000, 2, {POOL(500, 700, 1, 500), POOL(100, 100, 700, 300)}},
    {"and all", 1000, 2, {POOL(500, 500, 400, 500), POOL(300, 300, 500, 500)}},
    {"it may still take what it is told to give up", 1000, 2,
	{UNSURE(500, 900, 300, 1, 500), POOL(100, 100, 700, 100)}},
    {"one that has not answered is told nothing else", 1000, 2,
	{UNSURE(900, 500, 400, 1, 900), POOL(100, 100, 700, 100)}},
    {"the bytes there are left of a few", 10, 3,
	{POOL(0, 0, 9, 3), POOL(0, 0, 9, 3), POOL(0, 0, 9, 3)}},
    {"more is in use than there is", 100, 2, {POOL(80, 150, 1, 50), POOL(20, 20, 40, 20)}},
    {"one that comes waits until there is something", 1000, 3,
	{POOL(600, 600, 600, 499), POOL(400, 400, 1, 400), POOL(0, 0, 100, 0)}},
    {"two that lack get the same of what is there", 1000, 3,
	{POOL(800, 400, 0, 333), POOL(100, 100, 700, 150), POOL(0, 0, 700, 50)}},
    {"also when it has been given up", 1000, 3,
	{POOL(400, 400, 0, 333), POOL(100, 100, 700, 333), POOL(0, 0, 700, 267)}},
    {"one that ends keeps what it has", 1000, 2, {POOL(500, 300, 0, 300), POOL(500, 9, 9, 500)}},
    {"the other gets the rest, later", 1000, 2, {POOL(300, 300, 0, 300), POOL(500, 9, 9, 700)}},
    {"one in percent of its own", 1000, 2, {UP_TO(300, 0, 0, 900, 300), POOL(0, 0, 900, 700)}},
    {"all of them", 1000, 2, {UP_TO(300, 0, 9, 1, 300), UP_TO(300, 0, 9, 1, 300)}},
    {"nothing is known", 0, 2, {POOL(0, 5, 1, 0), POOL(0, 0, 1, 0)}},
};

START_TEST(test_share)
{
	const struct row *row = &rows[_i];
	struct budget_list list = TAILQ_HEAD_INITIALIZER(list);
	struct budget pools[POOLS_MAX];

	for (unsigned int i = 0; i < row->count; i++) {
		pools[i] = row->pools[i];
		TAILQ_INSERT_TAIL(&list, &pools[i], next);
	}
	budget_decide(&list, row->total);
	for (unsigned int i = 0; i < row->count; i++)
		ck_assert_msg(pools[i].share == row->pools[i].share,
		    "%s: pool %u may have %llu, not %llu", row->name, i,
		    (unsigned long long)pools[i].share, (unsigned long long)row->pools[i].share);
}
END_TEST

/* Pools that do as they are told, some later than others, never have more than there is. */
START_TEST(test_sum)
{
	struct budget_list list = TAILQ_HEAD_INITIALIZER(list);
	struct budget pools[POOLS_MAX] = {{.told = 0}};
	const uint64_t total = 1000;
	unsigned int random = 1;

	for (unsigned int i = 0; i < POOLS_MAX; i++) {
		pools[i].most = ANY;
		TAILQ_INSERT_TAIL(&list, &pools[i], next);
	}
	for (int round = 0; round < 100000; round++) {
		struct budget *p = &pools[round % POOLS_MAX];
		uint64_t sum = 0, may = 0;

		random = random * 1103515245 + 12345;
		if ((random >> 24 & 7) == 0) /* its process is gone, and another is there */
			p->told = p->follows = p->used = 0;
		if ((random >> 27 & 3) > 0) /* else it is late */
			p->follows = p->told;
		if (p->used > p->follows) /* as far as its workers can be let go just now */
			p->used -= (p->used - p->follows) * (random >> 16 & 3) / 3;
		else
			p->used = p->follows * (random >> 18 & 15) / 15;
		p->lacking = (random >> 22 & 1) * (random >> 23 & 255) * 8;
		budget_decide(&list, total);
		for (unsigned int i = 0; i < POOLS_MAX; i++) {
			struct budget *b = &pools[i];
			uint64_t was = b->follows > b->told ? b->follows : b->told;

			sum += b->used;
			b->told = b->share;
			was = was > b->told ? was : b->told;
			may += was > b->used ? was : b->used;
		}
		check_round(sum <= total, "round %d: %llu in use", round, (unsigned long long)sum);
		check_round(may <= total, "round %d: %llu may be", round, (unsigned long long)may);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("budget");
	TCase *tc = tcase_create("budget");

	tcase_add_loop_test(tc, test_share, 0, COUNT(rows));
	tcase_add_test(tc, test_sum);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
