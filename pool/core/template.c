/* template.c: what others ask of a template. */
#include "config.h"

#include "pool/core/template.h"

#include "pool/core/pool.h"

bool
template_is_wanted(const struct pool *pool)
{
	return pool->conf->preload && pool->workers.template->refusal[0] == '\0';
}

bool
template_is_used(const struct pool *pool)
{
	return template_is_wanted(pool) && pool->workers.template->state == TEMPLATE_WAITING;
}

bool
template_is_awaited(const struct pool *pool)
{
	return template_is_wanted(pool) && pool->workers.template->state != TEMPLATE_WAITING;
}

bool
template_is(const struct pool *pool, pid_t pid)
{
	return pool->workers.template->state != TEMPLATE_DEAD &&
	    pool->workers.template->pid == pid;
}
