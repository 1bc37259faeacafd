/* permits.h: what the master has said of process.max, and what it was told: orders.c's part. */
#ifndef ANYFPM_POOL_WORKER_PERMITS_H
#define ANYFPM_POOL_WORKER_PERMITS_H

#include <stdbool.h>

#include "base/shared/message.h"

struct permits {
	unsigned int count;	/* workers that the master lets us have, where process.max is set */
	unsigned int lacking;	/* those that we told it we lack */
	bool lacking_none;	/* and whether we told it that requests wait for the first of all */
	bool lacking_unsure;	/* it has given some, perhaps for what we told it before */
	bool asked;		/* and it has not answered yet */
	enum message_call call; /* how far other pools lack workers */
	unsigned int offered;	/* idle workers that we told it we can end for them */
	unsigned int ordered;	/* of them it wants so many */
};

#endif
