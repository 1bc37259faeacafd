/* test_memory.c: each pool's part of the memory that is there for pm = auto. */
#include "config.h"

#include "conf/load.h"
#include "fpm/memory.h"
#include "tests/unit/run.h"

#define TOTAL (UINT64_C(1000) << 20)
#define POOLS_MAX 4

/* The budgets of pools in auto, percent or bytes; 0: the pool has another pm. */
static const struct {
	uint64_t budgets[POOLS_MAX];
	uint64_t part; /* of the first */
	uint32_t pools;
} rows[] = {
    {{70}, TOTAL / 100 * 70, 1},
    {{100}, TOTAL, 1},
    {{1}, TOTAL / 100, 1},
    {{70, 70}, TOTAL / 100 * 70 / 2, 2},
    {{70, 50, 70}, TOTAL / 100 * 70 / 3, 3},
    {{50, 70, 70}, TOTAL / 100 * 50 / 3, 3},
    /* A pool that is not in auto has no part, and one with a size takes nothing from others. */
    {{70, 0, 0}, TOTAL / 100 * 70, 1},
    {{70, UINT64_C(1) << 30}, TOTAL / 100 * 70, 2},
    {{UINT64_C(1) << 30, 70}, UINT64_C(1) << 30, 2},
};

static void
add(struct conf *conf, struct conf_pool *pool, uint64_t budget)
{
	*pool = (struct conf_pool){
	    .pm = budget > 0 ? PM_AUTO : PM_STATIC,
	    .memory_budget = budget > 0 ? budget : MEMORY_BUDGET_USUAL,
	};
	TAILQ_INSERT_TAIL(&conf->pools, pool, next);
}

START_TEST(test_part)
{
	struct conf_pool pools[POOLS_MAX];
	struct conf conf = {.pool_count = POOLS_MAX};
	struct message_budget part;

	TAILQ_INIT(&conf.pools);
	for (int i = 0; i < POOLS_MAX; i++)
		add(&conf, &pools[i], rows[_i].budgets[i]);
	part = memory_part(&conf, &pools[0], TOTAL);
	ck_assert_uint_eq(part.bytes, rows[_i].part);
	ck_assert_uint_eq(part.pools, rows[_i].pools);
}
END_TEST

START_TEST(test_not_known)
{
	struct conf_pool pool;
	struct conf conf = {.pool_count = 1};

	TAILQ_INIT(&conf.pools);
	add(&conf, &pool, 70);
	ck_assert_uint_eq(memory_part(&conf, &pool, 0).bytes, 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("memory");
	TCase *tc = tcase_create("parts");

	tcase_add_loop_test(tc, test_part, 0, COUNT(rows));
	tcase_add_test(tc, test_not_known);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
