/* descriptors.c: brings those of the master to whom they are for. */
#include "config.h"

#include "pool/descriptors.h"

#include <unistd.h>

#include "base/log.h"
#include "base/shared/message.h"
#include "base/writer.h"
#include "pool/client/handover.h"
#include "pool/observe/accesslog.h"
#include "pool/observe/slowlog.h"
#include "pool/status/status.h"

/* The log was rotated: this is the new file. */
static void
reopen_log(struct writer_file *log, int *fd)
{
	dup2(*fd, STDOUT_FILENO);
	dup2(*fd, STDERR_FILENO);
	writer_reopen(log, *fd);
	*fd = -1;
	log_notice("error log file re-opened");
}

/* Of a pair with another generation: whom a held one is to follow, or who follows. */
static void
pair_up(struct pool *pool, int *fd)
{
	if (pool->state == POOL_HELD)
		handover_from(pool, *fd);
	else
		handover_to(pool, *fd);
	*fd = -1;
}

void
descriptors_take(struct pool *pool, struct writer_file *log, uint32_t which, int *fd)
{
	switch (which) {
	case MESSAGE_FD_ERROR_LOG:
		if (log != NULL)
			reopen_log(log, fd);
		break;
	case MESSAGE_FD_ACCESS_LOG:
		accesslog_reopen(pool, *fd);
		*fd = -1;
		break;
	case MESSAGE_FD_SLOWLOG:
		slowlog_reopen(pool, fd);
		break;
	case MESSAGE_FD_PAGE:
		status_describe(pool, *fd);
		break;
	case MESSAGE_FD_HANDOVER:
		pair_up(pool, fd);
		break;
	default:
		break;
	}
}
