/* test_saved.c: what is saved reads back as it was; what cannot be read is refused. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "fpm/saved/saved.h"
#include "fpm/saved/saved_parse.h"
#include "tests/unit/run.h"

#define SERVICE \
	"[service]\npid 7\nsettings =3:a\nb\nlog_fd 5\nrundir =4:/run\n"
#define SEAT "[seat]\nname =3:www\n"
#define GENERATION "[generation]\npid 8\nsock 9\ndir_fd 10\ndir_path =2:/d\nslots 3\n"

static const struct {
	const char *name, *text;
	const char *why; /* part of it; NULL: it can be read */
} rows[] = {
    {"least", "anyfpm state 3\n" SERVICE SEAT, NULL},
    {"a process", "anyfpm state 3\n" SERVICE SEAT GENERATION, NULL},
    {"more than is known", "anyfpm state 3\n" SERVICE "new_number 1\nnew_text =2:\n\n\n" SEAT
	"[new]\nname =3:abc\nx 5\n[metrics]\npid 3\nsock 4\n", NULL},
    {"metrics without a channel", "anyfpm state 3\n" SERVICE SEAT "[metrics]\npid 3\n",
	"the metrics process"},
    {"nothing", "", "no state"},
    {"something else", "[global]\n", "no state"},
    {"newer", "anyfpm state 4\n" SERVICE SEAT, "its format is 4, and that of this version 3"},
    {"no format", "anyfpm state x\n" SERVICE SEAT, "no state"},
    {"no service", "anyfpm state 3\n" SEAT, "the service in it"},
    {"no pool", "anyfpm state 3\n" SERVICE, "the pools in it"},
    {"no name", "anyfpm state 3\n" SERVICE "[seat]\n", "a pool's name"},
    {"no channel", "anyfpm state 3\n" SERVICE SEAT "[generation]\npid 8\n", "a process of a pool"},
    {"a process of no pool", "anyfpm state 3\n" SERVICE GENERATION SEAT, "no state"},
    {"two metrics", "anyfpm state 3\n" SERVICE SEAT "[metrics]\n[metrics]\n", "no state"},
    {"cut in a text", "anyfpm state 3\n[service]\npid 7\nsettings =30:a\n", "no state"},
    {"a huge text", "anyfpm state 3\n[service]\nsettings =99999999999999999999:a\n", "no state"},
    {"cut before its end", "anyfpm state 3\n[service]\nsettings =1:a", "no state"},
    {"longer than it says", "anyfpm state 3\n[service]\nsettings =1:ab\n", "no state"},
    {"text for a number", "anyfpm state 3\n[service]\npid =1:7\n", "no state"},
    {"number for a text", "anyfpm state 3\n[service]\nsettings 7\n", "no state"},
    {"no number", "anyfpm state 3\n[service]\npid 7x\n", "no state"},
    {"no descriptor", "anyfpm state 3\n[service]\nlog_fd 4294967296\n", "no state"},
    {"an open section", "anyfpm state 3\n[service\n", "no state"},
};

START_TEST(test_parse)
{
	char why[SAVED_WHY_MAX];
	struct saved *saved = saved_parse(rows[_i].text, strlen(rows[_i].text), why);

	if (rows[_i].why == NULL)
		ck_assert_msg(saved != NULL, "%s: %s", rows[_i].name, why);
	else {
		ck_assert_msg(saved == NULL, "%s", rows[_i].name);
		ck_assert_msg(strstr(why, rows[_i].why) != NULL, "%s: %s", rows[_i].name, why);
	}
	saved_free(saved);
}
END_TEST

/* Each number, descriptor and text of a struct another one. */
static void
fill(void *base, const struct saved_field *fields, int *next)
{
	char text[32];

	for (const struct saved_field *f = fields; f->word != NULL; f++, (*next)++) {
		if (f->kind == SAVED_NUMBER)
			*saved_fields_number(base, f) = INT64_C(10000000000) + *next;
		else if (f->kind == SAVED_FD)
			*saved_fields_fd(base, f) = *next;
		else {
			snprintf(text, sizeof(text), "[%d]\n=5:x\n", *next);
			*saved_fields_text(base, f) = strdup(text);
		}
	}
}

static struct saved *
full(void)
{
	struct saved *s = saved_new();
	struct saved_seat *seat;
	int next = 100;

	fill(s, saved_fields_service, &next);
	for (int i = 0; i < 2; i++) {
		seat = saved_add_seat(s);
		fill(seat, saved_fields_seat, &next);
		fill(saved_add_generation(seat), saved_fields_generation, &next);
		fill(saved_add_generation(seat), saved_fields_generation, &next);
	}
	fill(saved_add_metrics(s), saved_fields_metrics, &next);
	fill(saved_add_client(s), saved_fields_client, &next);
	return s;
}

static char *
print(const struct saved *s, size_t *len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, len);

	saved_print(s, out);
	fclose(out);
	return text;
}

static bool
count(int *fd, void *arg)
{
	(*(int *)arg)++;
	return true;
}

static bool
refuse(int *fd, void *arg)
{
	(*(int *)arg)++;
	return false;
}

START_TEST(test_round_trip)
{
	struct saved *s = full(), *again;
	char why[SAVED_WHY_MAX], *text, *text_again;
	size_t len, len_again;
	int fds = 0, fds_again = 0, first = 0;

	text = print(s, &len);
	again = saved_parse(text, len, why);
	ck_assert_msg(again != NULL, "%s", why);
	text_again = print(again, &len_again);
	ck_assert_str_eq(text_again, text);
	ck_assert(saved_each_fd(s, count, &fds) && saved_each_fd(again, count, &fds_again));
	ck_assert_int_gt(fds, 0);
	ck_assert_int_eq(fds, fds_again);
	ck_assert(!saved_each_fd(s, refuse, &first));
	ck_assert_int_eq(first, 1);
	free(text);
	free(text_again);
	saved_free(s);
	saved_free(again);
}
END_TEST

/* Wherever it ends too early, nothing is read beyond, and nothing is left. */
START_TEST(test_cut)
{
	struct saved *s = full(), *cut;
	char why[SAVED_WHY_MAX], *text, *part;
	size_t len;

	text = print(s, &len);
	for (size_t i = 0; i < len; i++) {
		part = malloc(i + 1);
		memcpy(part, text, i);
		cut = saved_parse(part, i, why);
		saved_free(cut);
		free(part);
	}
	free(text);
	saved_free(s);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("saved");
	TCase *tc = tcase_create("saved");

	tcase_add_loop_test(tc, test_parse, 0, COUNT(rows));
	tcase_add_test(tc, test_round_trip);
	tcase_add_test(tc, test_cut);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
