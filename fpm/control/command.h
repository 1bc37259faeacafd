/*
 * command.h: what anyfpm -s can ask for, and its line of request. Pure.
 *
 * A request is one line: a command, then -f or -w POOL, which is the rest of the line. The answer is
 * lines too, each a JSON object: {"progress": TEXT} any number of times, others as the command
 * has it, and last {"exit": 0} or {"exit": 1, "message": WHY}.
 */
#ifndef ANYFPM_FPM_CONTROL_COMMAND_H
#define ANYFPM_FPM_CONTROL_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

enum command {
	COMMAND_STOP,    /* end at once: the service, or a pool until it is reloaded */
	COMMAND_QUIT,    /* the same when what was accepted is finished */
	COMMAND_RELOAD,  /* what has changed; -f: all */
	COMMAND_REOPEN,  /* the log files */
	COMMAND_UPGRADE, /* our binary, and all processes to it */
	COMMAND_DRAIN,   /* health checks fail, while everything is served */
	COMMAND_UNDRAIN, /* they do no longer */
	COMMAND_STATUS,  /* an object for the service, and one for each pool */
	COMMANDS
};

#define COMMAND_POOL_MAX 256
#define COMMAND_LINE_MAX 320 /* of a request, with its end */

struct command_request {
	enum command command;
	bool force;                  /* -f */
	char pool[COMMAND_POOL_MAX]; /* -w; empty: all */
};

/* Its word. */
const char *command_name(enum command command);

/* Find a command by its word. false: there is none of that name. */
bool command_find(const char *word, enum command *command);

/* All words, with commas between them: for messages. */
void command_list(char *text, size_t size);

/* Set what is asked for; pool: NULL for all. Returns NULL, or what is wrong with it. */
const char *command_set(
    struct command_request *request, enum command command, bool force, const char *pool);

/* Take a line without its line feed apart. Returns NULL, or what is wrong with it. */
const char *command_parse(const char *line, struct command_request *request);

/* The line of that request, without line feed. */
void command_print(const struct command_request *request, char line[COMMAND_LINE_MAX]);

#endif
