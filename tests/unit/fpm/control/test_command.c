/* test_command.c: requests over the control socket, as lines. */
#include "config.h"

#include <string.h>

#include "fpm/control/command.h"
#include "tests/unit/run.h"

static const struct {
	const char *line;
	bool wrong;
	enum command command;
	const char *pool;
	const char *printed; /* NULL: the line */
} rows[] = {
    {"status", false, COMMAND_STATUS, "", NULL},
    {"status ", false, COMMAND_STATUS, "", "status"},
    {"status -w www", false, COMMAND_STATUS, "www", NULL},
    {"status   -w   www", false, COMMAND_STATUS, "www", "status -w www"},
    {"status -w two words", false, COMMAND_STATUS, "two words", NULL},
    {"status -w -f", false, COMMAND_STATUS, "-f", NULL},
    {"reload -f -w www", false, COMMAND_RELOAD, "www", NULL},
    {"reload", false, COMMAND_RELOAD, "", NULL},
    {"reopen -w www", false, COMMAND_REOPEN, "www", NULL},
    {"reload -f", false, COMMAND_RELOAD, "", NULL},
    {"drain -w www", false, COMMAND_DRAIN, "www", NULL},
    {"undrain", false, COMMAND_UNDRAIN, "", NULL},
    {"quit -f", true, COMMANDS, "", NULL},
    {"quit", false, COMMAND_QUIT, "", NULL},
    {"stop", false, COMMAND_STOP, "", NULL},
    {"stop -w www", false, COMMAND_STOP, "www", NULL},
    {"quit -w www", false, COMMAND_QUIT, "www", NULL},
    {"upgrade -w www", true, COMMANDS, "", NULL},
    {"", true, COMMANDS, "", NULL},
    {" status", true, COMMANDS, "", NULL},
    {"STATUS", true, COMMANDS, "", NULL},
    {"statuses", true, COMMANDS, "", NULL},
    {"status www", true, COMMANDS, "", NULL},
    {"status -www", true, COMMANDS, "", NULL},
    {"status -w", true, COMMANDS, "", NULL},
    {"status -w ", true, COMMANDS, "", NULL},
    {"status -f", true, COMMANDS, "", NULL},
    {"averyveryverylongcommandthatisnone", true, COMMANDS, "", NULL},
};

START_TEST(test_parse)
{
	const char *printed = rows[_i].printed != NULL ? rows[_i].printed : rows[_i].line;
	struct command_request request;
	char line[COMMAND_LINE_MAX];
	const char *wrong = command_parse(rows[_i].line, &request);

	ck_assert_int_eq(wrong != NULL, rows[_i].wrong);
	if (wrong != NULL)
		return;
	ck_assert_int_eq(request.command, rows[_i].command);
	ck_assert_str_eq(request.pool, rows[_i].pool);
	command_print(&request, line);
	ck_assert_str_eq(line, printed);
}
END_TEST

/* Whatever pool is given, the request stays one line that is taken for what it is. */
START_TEST(test_pool)
{
	struct command_request request;
	char name[COMMAND_POOL_MAX + 1], line[COMMAND_LINE_MAX];

	memset(name, 'x', sizeof(name));
	name[COMMAND_POOL_MAX] = '\0';
	ck_assert_ptr_nonnull(command_set(&request, COMMAND_STATUS, false, name));
	name[COMMAND_POOL_MAX - 1] = '\0';
	ck_assert_ptr_null(command_set(&request, COMMAND_STATUS, false, name));
	command_print(&request, line);
	ck_assert_ptr_null(command_parse(line, &request));
	ck_assert_str_eq(request.pool, name);
	ck_assert_ptr_nonnull(command_set(&request, COMMAND_STATUS, false, "a\nstop"));
	ck_assert_ptr_nonnull(command_set(&request, COMMAND_UPGRADE, false, "www"));
}
END_TEST

START_TEST(test_list)
{
	enum command command;
	char list[256];

	command_list(list, sizeof(list));
	for (int i = 0; i < COMMANDS; i++) {
		ck_assert_ptr_nonnull(strstr(list, command_name((enum command)i)));
		ck_assert(command_find(command_name((enum command)i), &command));
		ck_assert_int_eq(command, i);
	}
	command_list(list, 4);
	ck_assert_uint_lt(strlen(list), 4);
}
END_TEST

static Suite *
command_suite(void)
{
	Suite *suite = suite_create("command");
	TCase *tc = tcase_create("command");

	tcase_add_loop_test(tc, test_parse, 0, COUNT(rows));
	tcase_add_test(tc, test_pool);
	tcase_add_test(tc, test_list);
	suite_add_tcase(suite, tc);
	return suite;
}

int
main(void)
{
	return run_suite(command_suite());
}
