/* warmup.c: the request that a starting worker is warmed up with (pm.warmup). */
#include "config.h"

#include "pool/relay/warmup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pool/core/request.h"
#include "pool/core/worker.h"
#include "pool/relay/feed.h"
#include "pool/request/request.h"
#include "pool/wire/ownget.h"
#include "pool/wire/params.h"
#include "pool/worker/leave.h"
#include "pool/worker/ready.h"

static void
warmup_start(struct worker *w)
{
	const char *uri = w->pool->conf->warmup;
	char *path = malloc(strlen(uri) + 1);
	struct ownget_param params[OWNGET_PARAMS];
	struct request *r = request_new_warmup(w->pool);
	bool ok = r != NULL && path != NULL;

	if (ok)
		ownget_params(uri, path, params);
	for (size_t i = 0; ok && i < OWNGET_PARAMS; i++)
		ok = request_add_pair(r, params[i].name, params[i].value) == PARAMS_OK;
	free(path);
	if (ok && request_finish_params(r) == PARAMS_OK) {
		feed_start(w, r);
		return;
	}
	if (r != NULL)
		request_set_state(r, REQUEST_DONE);
	leave_kill(w, "there is no memory for its warm-up");
}

void
warmup_accepted(struct worker *w)
{
	if (w->pool->conf->warmup != NULL)
		warmup_start(w);
	else
		ready_reached(w);
}

void
warmup_ended(struct worker *w, const struct request *r, bool answered)
{
	char reason[64];

	w->measure.memory = r->account.memory;
	if (answered && r->answer.status < 500) {
		ready_reached(w);
		return;
	}
	if (answered)
		snprintf(reason, sizeof(reason), "it answered pm.warmup with status %u",
		    r->answer.status);
	else
		snprintf(reason, sizeof(reason), "it ended pm.warmup without an answer");
	leave_kill(w, reason);
}
