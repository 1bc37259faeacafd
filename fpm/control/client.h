/* client.h: anyfpm -s: gives a command to the running master, and shows its answer. */
#ifndef ANYFPM_FPM_CONTROL_CLIENT_H
#define ANYFPM_FPM_CONTROL_CLIENT_H

#include <stdbool.h>

#include "fpm/control/command.h"

struct client {
	const char *pool;     /* -w, NULL: all */
	bool is_json;         /* print the answer as it is */
	const char *pid_path; /* of the master */
	bool follow;          /* -f with status */
	struct command_request request;
};

/* Take the command, as given, and -f, with the pool set. Returns 0, or EX_USAGE after having said
 * what is wrong. */
int client_parse(struct client *client, const char *word, bool f);

/* Returns the code to exit with: 0, or another after having said why on standard error. */
int client_run(const struct client *client);

#endif
