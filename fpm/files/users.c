/* users.c: whose the processes and the socket of a pool are. The names exist: conf/ checked. */
#include "config.h"

#include "fpm/files/users.h"

#include <unistd.h>

#include "base/log.h"
#include "conf/lookup.h"

static void
apply(struct identity *identity, const char *user, const char *group)
{
	uid_t uid;
	gid_t gid;
	bool has_group;

	if (user != NULL && lookup_user(user, &uid, &gid, &has_group)) {
		identity->uid = uid;
		if (has_group)
			identity->gid = gid;
	}
	if (group != NULL && lookup_group(group, &gid))
		identity->gid = gid;
}

struct identity
users_of_pool(const struct conf_pool *pool)
{
	struct identity identity = {.uid = geteuid(), .gid = getegid()};

	if (identity.uid == 0)
		apply(&identity, pool->user, pool->group);
	return identity;
}

struct identity
users_of_socket(const struct conf_pool *pool)
{
	struct identity identity = users_of_pool(pool), owner = identity;

	/* As php-fpm, an owner does not bring its group along. */
	apply(&owner, pool->listen_owner, pool->listen_group);
	if (pool->listen_group == NULL)
		owner.gid = identity.gid;
	return owner;
}

void
users_notice(const struct conf *conf)
{
	const struct conf_pool *pool;

	if (geteuid() == 0)
		return;
	TAILQ_FOREACH (pool, &conf->pools, next)
		if (pool->user != NULL || pool->group != NULL)
			log_notice("[pool %s] 'user' and 'group' are ignored: anyfpm was not "
				   "started as root",
			    pool->name);
	if (conf->global.metrics_user != NULL)
		log_notice("'metrics_user' is ignored: anyfpm was not started as root");
}
