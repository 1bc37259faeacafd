/* expire.c: what a template has no more time for. */
#include "config.h"

#include "pool/template/expire.h"

#include <signal.h>

#include "pool/conn/socket.h"
#include "pool/core/pool.h"
#include "pool/core/template.h"
#include "pool/template/orders.h"
#include "pool/template/template.h"
#include "preload/template.h"

/* How often it is looked whether it accepts although it should not, and the last interval. */
#define LOOK_FIRST_US 2000
#define LOOK_MAX_US 50000

/* Whether it has accepted the connection that is there for that. */
static bool
has_accepted(const struct template *t)
{
	return socket_is_empty(t->listen_fd);
}

static int64_t
expire_start(struct pool *pool, int64_t now)
{
	const struct template *t = pool->workers.template;
	int64_t age = now - t->started_us, end_us;

	end_us = t->started_us + pool->conf->start_timeout_ms * 1000;
	if (t->warmup.state == TEMPLATE_WARMUP_NONE && has_accepted(t)) {
		template_hear(pool); /* why, if it has said so */
		if (t->state == TEMPLATE_STARTING)
			template_refuse(pool,
			    t->is_loaded ? "\"%s\" accepts connections in a way that cannot be "
					   "seen: it makes system calls itself, as Go programs do"
					 : "\"%s\" does not load " TEMPLATE_LIBRARY
					   ": it is a static program, or has set-user-ID bits",
			    pool->conf->command[0]);
		return 0;
	}
	if (now >= end_us) {
		template_end(pool,
		    t->warmup.state != TEMPLATE_WARMUP_NONE
			? "it did not answer pm.preload_warmup within pm.start_timeout"
			: "it accepted no connection within pm.start_timeout",
		    SIGKILL);
		return t->kill_us;
	}
	age = age < LOOK_FIRST_US ? LOOK_FIRST_US : age > LOOK_MAX_US ? LOOK_MAX_US : age;
	return now + age < end_us ? now + age : end_us;
}

int64_t
template_expire(struct pool *pool, int64_t now)
{
	const struct template *t = pool->workers.template;

	switch (t->state) {
	case TEMPLATE_STARTING:
		return expire_start(pool, now);
	case TEMPLATE_WAITING:
		if (t->waits_us == 0 || now < t->waits_us + TEMPLATE_ANSWER_US)
			return t->waits_us == 0 ? 0 : t->waits_us + TEMPLATE_ANSWER_US;
		template_end(
		    pool, "it does not fork the worker that it was asked for", SIGKILL);
		return t->kill_us;
	case TEMPLATE_STOPPING:
		if (now >= t->kill_us)
			template_end(pool, "", SIGKILL);
		return t->kill_us;
	default:
		return 0;
	}
}
