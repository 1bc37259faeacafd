/* client.c: anyfpm -s, from its arguments to its exit code. */
#include "config.h"

#include "fpm/control/client.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/logline.h"
#include "fpm/control/asking.h"
#include "fpm/control/gather.h"
#include "fpm/control/live.h"
#include "fpm/control/show.h"

#define WHY_MAX 1024

/* Text of others on the terminal of whoever asked. */
static void
say(FILE *to, const char *before, const char *text)
{
	char line[2 * WHY_MAX];
	size_t used, n;

	n = logline_escape(line, sizeof(line) - 1, text, strlen(text), true, &used);
	line[n] = '\0';
	fprintf(to, "%s%s\n", before, line);
}

static void
on_line(json_t *object, void *arg)
{
	const struct client *client = arg;
	const char *text;

	if (client->is_json) {
		if (json_dumpf(object, stdout, JSON_COMPACT | JSON_REAL_PRECISION(12)) == 0)
			putchar('\n');
		fflush(stdout);
	} else if ((text = json_string_value(json_object_get(object, "progress"))) != NULL) {
		say(stdout, "", text);
		fflush(stdout);
	} else if (json_object_get(object, "log") != NULL &&
	    (text = json_string_value(json_object_get(object, "message"))) != NULL)
		say(stderr, "anyfpm: ", text);
}

/* Characters of a line of standard output; 0: it is no terminal. */
static size_t
width_of_output(void)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;

	if (!isatty(STDOUT_FILENO))
		return 0;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	return columns != NULL && atoi(columns) > 0 ? (size_t)atoi(columns) : 80;
}

/* See no-color.org. */
static bool
wants_color(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && (no == NULL || *no == '\0') && term != NULL &&
	    strcmp(term, "dumb") != 0;
}

static void
print_status(const struct show_status *status, bool with_workers)
{
	struct table_style style = {
	    .width = width_of_output(), .has_color = wants_color(), .end = SIZE_MAX};
	struct text_out out = {0};
	struct table table;

	show_service(status, style.width, &out);
	show_pools(status, &table);
	table_print(&table, &style, &out);
	table_free(&table);
	if (with_workers) {
		text_out_string(&out, "\n");
		show_workers(status, &table);
		table_print(&table, &style, &out);
		table_free(&table);
	}
	if (!out.failed)
		fwrite(out.data, 1, out.len, stdout);
	text_out_free(&out);
}

/* Once, for people. */
static int
show_status(const struct client *client, char *why, size_t size)
{
	struct show_status status;
	int code = gather_status(client->pid_path, &client->request, &status, why, size);

	if (code == 0)
		print_status(&status, client->request.pool[0] != '\0');
	gather_free(&status);
	return code;
}

int
client_run(const struct client *client)
{
	char why[WHY_MAX];
	int code;

	if (client->follow)
		return live_run(client->pid_path, client->pool, wants_color());
	if (client->request.command == COMMAND_STATUS && !client->is_json)
		code = show_status(client, why, sizeof(why));
	else
		code = asking_do(client->pid_path, &client->request, on_line, (void *)client, why,
		    sizeof(why));
	if (*why != '\0')
		say(code == 0 ? stdout : stderr, code == 0 ? "" : "anyfpm: ", why);
	if (fflush(stdout) == EOF || ferror(stdout)) {
		fprintf(stderr, "anyfpm: cannot write the answer\n");
		return EX_IOERR;
	}
	return code;
}

int
client_parse(struct client *client, const char *word, bool f)
{
	enum command command;
	const char *wrong;
	char list[160];

	if (!command_find(word, &command)) {
		command_list(list, sizeof(list));
		fprintf(stderr, "anyfpm: -s takes one of %s, not '%s'\n", list, word);
		return EX_USAGE;
	}
	client->follow = f && command == COMMAND_STATUS;
	f = f && !client->follow;
	if (client->follow && client->is_json) {
		fprintf(stderr, "anyfpm: -s status: -f is for people, and excludes --json\n");
		return EX_USAGE;
	}
	if ((wrong = command_set(&client->request, command, f, client->pool)) != NULL) {
		fprintf(stderr, "anyfpm: -s %s: %s\n", word, wrong);
		return EX_USAGE;
	}
	return 0;
}
