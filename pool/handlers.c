/* handlers.c: who takes the events of the lower half. */
#include "config.h"

#include "pool/handlers.h"

#include "pool/observe/account.h"
#include "pool/settle.h"

const struct events handlers = {
	/* client */
	.clients_changed = account_clients,
	/* request */
	.request_moved = account_moved,
	/* worker */
	.workers_changed = account_workers,
	/* all */
	.settle = settle,
};
