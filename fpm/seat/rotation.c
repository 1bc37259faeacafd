/* rotation.c: opens the logs of a pool again; each generation gets those that it writes. */
#include "config.h"

#include "fpm/seat/rotation.h"

#include <stdbool.h>

#include "base/fd.h"
#include "fpm/files/poollog.h"

/* Pass a log that was opened again to the processes that were started with conf. */
static void
pass_log(struct seat *seat, const struct conf *conf, enum poollog which, int fd)
{
	enum message_fd kind =
	    which == POOLLOG_ACCESS ? MESSAGE_FD_ACCESS_LOG : MESSAGE_FD_SLOWLOG;
	struct generation *g;

	TAILQ_FOREACH (g, &seat->generations, next)
		if (g->process.pid != 0 && g->conf == conf)
			generation_pass(g, kind, fd, poollog_directive(which));
}

/* The log of one that finishes what it has, which may be another than that of its successors. */
static void
reopen_left_log(struct seat *seat, const struct generation *g, enum poollog which)
{
	bool is_stream;
	int fd;

	if (g->process.pid == 0 || !poollog_exists(g->pool, which))
		return;
	fd = poollog_open(g->conf, g->pool, which, &is_stream);
	if (fd != -1 && !is_stream)
		pass_log(seat, g->conf, which, fd);
	fd_close(&fd);
}

static void
reopen_log(struct seat *seat, enum poollog which)
{
	struct setup *own = &seat->setup, *next = &seat->succession.setup;
	const struct generation *g;

	if (setup_reopen_log(own, which))
		pass_log(seat, own->conf, which, *setup_log(own, which));
	if (next->conf != NULL && setup_reopen_log(next, which))
		pass_log(seat, next->conf, which, *setup_log(next, which));
	TAILQ_FOREACH (g, &seat->generations, next)
		if (g->conf != own->conf && g->conf != next->conf)
			reopen_left_log(seat, g, which);
}

void
rotation_reopen(struct seat *seat)
{
	reopen_log(seat, POOLLOG_ACCESS);
	reopen_log(seat, POOLLOG_SLOW);
}
