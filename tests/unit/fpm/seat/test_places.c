/* test_places.c: which slots and blocks the generations of a seat get, as they come and go. */
#include "config.h"

#include "fpm/seat/places.h"
#include "tests/unit/run.h"

#define STEPS_MAX 8

/* One comes that needs so many slots, and has them from first on (0: it gets no place); or, with
 * no slots, the one that came as number `leaves` goes. */
struct step {
	uint32_t slots, first;
	int leaves;
};
/* clang-format off */
#define COMES(n, f) {.slots = (n), .first = (f)}
#define LEAVES(i) {.leaves = (i)}
/* clang-format on */

static const struct {
	const char *name;
	struct step steps[STEPS_MAX];
} rows[] = {
    {"one", {COMES(5, 1)}},
    {"one after the other", {COMES(5, 1), LEAVES(0), COMES(5, 1), LEAVES(2), COMES(9, 1)}},
    {"one beside the other", {COMES(5, 1), COMES(5, 6), LEAVES(0), COMES(5, 1)}},
    {"more fit only behind", {COMES(5, 1), COMES(5, 6), LEAVES(0), COMES(6, 11)}},
    {"fewer fit before", {COMES(5, 1), COMES(5, 6), LEAVES(0), COMES(4, 1), COMES(1, 5)}},
    {"between two", {COMES(5, 1), COMES(5, 6), COMES(5, 11), LEAVES(1), COMES(6, 16)}},
    {"as many as there are places", {COMES(1, 1), COMES(1, 2), COMES(1, 3), COMES(1, 4),
	COMES(1, 0), LEAVES(2), COMES(1, 3), COMES(1, 0)}},
    {"the largest", {COMES(21032, 1), COMES(21032, 21033), COMES(21032, 42065), LEAVES(1),
	COMES(33, 21033)}},
};

START_TEST(test_steps)
{
	const struct place *given[STEPS_MAX] = {NULL}; /* and not gone */
	struct places places = {0};

	for (int i = 0; i < STEPS_MAX; i++) {
		const struct step *step = &rows[_i].steps[i];

		if (step->slots > 0) {
			given[i] = places_take(&places, step->slots);
			ck_assert_msg((given[i] != NULL ? given[i]->first_slot : 0) == step->first,
			    "%s, step %d", rows[_i].name, i);
			if (given[i] == NULL)
				continue;
			ck_assert_uint_eq(given[i]->slots, step->slots);
			ck_assert_uint_lt(given[i]->block, PLACES_MAX);
			for (int other = 0; other < i; other++)
				ck_assert(given[other] == NULL ||
				    given[other]->block != given[i]->block);
		} else if (given[step->leaves] != NULL) {
			places_give_back(&places, given[step->leaves]);
			given[step->leaves] = NULL;
		}
	}
}
END_TEST

static const struct {
	unsigned int max_children, max_surge;
	uint32_t slots;
} size_rows[] = {
    {1, 0, 1 + PLACE_SPARE_SLOTS}, /* never more processes than workers */
    {1, 1, 3 + PLACE_SPARE_SLOTS},
    {5, 2, 12 + PLACE_SPARE_SLOTS},
    {10000, 1000, 21000 + PLACE_SPARE_SLOTS},
};

START_TEST(test_size)
{
	ck_assert_uint_eq(place_slots(size_rows[_i].max_children, size_rows[_i].max_surge),
	    size_rows[_i].slots);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("places");
	TCase *tc = tcase_create("places");

	tcase_add_loop_test(tc, test_steps, 0, COUNT(rows));
	tcase_add_loop_test(tc, test_size, 0, COUNT(size_rows));
	suite_add_tcase(s, tc);
	return run_suite(s);
}
