/* relay.h: a running script's output on its way to the client, until the script has ended. */
#ifndef ANYFPM_CGI_RELAY_H
#define ANYFPM_CGI_RELAY_H

#include <stdbool.h>
#include <stdint.h>

#include <fcgiapp.h>

#include "contrib/adapters/cgi/child.h"
#include "contrib/adapters/cgi/tree.h"

struct outcome {
	int status;         /* of wait(2) */
	uint64_t out_bytes; /* what the script has written to its standard output */
	const char *ended;  /* why we have ended the script; NULL: we have not */
	bool is_gone;       /* the client is: the script was ended because of that */
	bool is_whole;      /* the body was read to its end, so that the connection can be kept */
};

/*
 * Relay until the script has ended and all that it wrote is sent; or, when the client goes or the
 * script and its descendants use more than they may (0: as much as they like), or there can be no
 * thread for the body, until it is dead. SIGCHLD has to be caught, and blocked but for open, the
 * mask of waiting.
 */
void relay_run(FCGX_Request *request, struct child *child, bool has_body,
    const struct tree_use *limits, const sigset_t *open, struct outcome *outcome);

#endif
