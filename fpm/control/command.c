/* command.c: the table of commands, and requests as lines. */
#include "config.h"

#include "fpm/control/command.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	bool takes_pool;
	bool takes_force;
} commands[COMMANDS] = {
    [COMMAND_STOP] = {"stop", true, false},
    [COMMAND_QUIT] = {"quit", true, false},
    [COMMAND_RELOAD] = {"reload", true, true},
    [COMMAND_REOPEN] = {"reopen", true, false},
    [COMMAND_UPGRADE] = {"upgrade", false, false},
    [COMMAND_DRAIN] = {"drain", true, false},
    [COMMAND_UNDRAIN] = {"undrain", true, false},
    [COMMAND_STATUS] = {"status", true, false},
};

const char *
command_name(enum command command)
{
	return commands[command].name;
}

bool
command_find(const char *word, enum command *command)
{
	for (int i = 0; i < COMMANDS; i++) {
		if (strcmp(commands[i].name, word) == 0) {
			*command = (enum command)i;
			return true;
		}
	}
	return false;
}

void
command_list(char *text, size_t size)
{
	size_t at = 0;
	int n;

	text[0] = '\0';
	for (int i = 0; i < COMMANDS && at < size; i++) {
		n = snprintf(text + at, size - at, "%s%s", i > 0 ? ", " : "", commands[i].name);
		at += n > 0 ? (size_t)n : 0;
	}
}

const char *
command_set(struct command_request *r, enum command command, bool force, const char *pool)
{
	r->command = command;
	r->force = force;
	r->pool[0] = '\0';
	if (force && !commands[command].takes_force)
		return "it has no -f";
	if (pool == NULL)
		return NULL;
	if (!commands[command].takes_pool)
		return "it is for all pools, and has no -w";
	if (*pool == '\0')
		return "-w needs the name of a pool";
	if (strlen(pool) >= sizeof(r->pool) || strpbrk(pool, "\r\n") != NULL)
		return "no pool has such a name";
	snprintf(r->pool, sizeof(r->pool), "%s", pool);
	return NULL;
}

/* Take the option from *line, with the blanks after it. */
static bool
take_option(const char **line, const char *option)
{
	size_t len = strlen(option);

	if (strncmp(*line, option, len) != 0 || ((*line)[len] != ' ' && (*line)[len] != '\0'))
		return false;
	*line += len;
	*line += strspn(*line, " ");
	return true;
}

const char *
command_parse(const char *line, struct command_request *r)
{
	size_t len = strcspn(line, " ");
	const char *rest = line + len + strspn(line + len, " "), *pool = NULL;
	enum command command;
	char word[16];
	bool force;

	snprintf(word, sizeof(word), "%.*s", (int)(len < sizeof(word) ? len : 0), line);
	if (!command_find(word, &command))
		return "there is no such command";
	force = take_option(&rest, "-f");
	if (take_option(&rest, "-w"))
		pool = rest;
	else if (*rest != '\0')
		return "after the command -f or -w POOL is expected";
	return command_set(r, command, force, pool);
}

void
command_print(const struct command_request *r, char line[COMMAND_LINE_MAX])
{
	snprintf(line, COMMAND_LINE_MAX, "%s%s%s%s", command_name(r->command),
	    r->force ? " -f" : "", r->pool[0] != '\0' ? " -w " : "", r->pool);
}
