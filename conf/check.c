/* check.c: the rules that a configuration has to meet beyond the type of each value, where the text
 * alone decides. */
#include "config.h"

#include "conf/check.h"

#include <stdlib.h>
#include <string.h>

#include "conf/address.h"
#include "conf/conf.h"
#include "conf/directives.h"
#include "conf/errors.h"
#include "conf/field.h"
#include "conf/format.h"
#include "conf/concurrency.h"
#include "conf/where.h"

#define POOL_NAME_MAX 64

static void
check_name(const struct conf_pool *pool, struct errors *errors)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._-";
	size_t len = strlen(pool->name);

	if (len == 0 || len > POOL_NAME_MAX || strspn(pool->name, letters) != len ||
	    strchr(".-", pool->name[0]) != NULL)
		errors_add(errors,
		    "%s: [pool %.200s] the name of a pool is 1 to %d letters, digits, \".\", \"_\" "
		    "and \"-\", and begins with neither \".\" nor \"-\"",
		    pool->where, pool->name, POOL_NAME_MAX);
}

/* The addresses of a pool, and the directives that say them. */
enum { ADDRESS_LISTEN, ADDRESS_STATUS, ADDRESS_COUNT };
static const char *const address_directives[ADDRESS_COUNT] = {"listen", "pm.status_listen"};

static const char *
address_of(const struct conf_pool *pool, int which)
{
	return which == ADDRESS_LISTEN ? pool->listen : pool->status_listen;
}

/* Whether the address mine is that of an earlier directive of the same or an earlier pool. */
static void
check_unique(const struct conf *conf, const struct conf_pool *pool, int which,
    const struct address *mine, const struct ini *ini, struct errors *errors)
{
	const struct conf_pool *other;
	struct address theirs;
	const char *text;

	TAILQ_FOREACH (other, &conf->pools, next) {
		for (int i = 0; i < (other == pool ? which : ADDRESS_COUNT); i++) {
			text = address_of(other, i);
			if (text == NULL || address_parse(text, &theirs) != NULL ||
			    !address_same(mine, &theirs))
				continue;
			where_complain(pool, ini, errors, address_directives[which],
			    "%s is pool %s's already, at %s", address_of(pool, which), other->name,
			    where_pool(ini, other, address_directives[i]));
		}
		if (other == pool)
			break;
	}
}

static void
check_listen(const struct conf *conf, const struct conf_pool *pool, const struct ini *ini,
    struct errors *errors)
{
	struct address mine;
	const char *problem, *text;

	for (int which = 0; which < ADDRESS_COUNT; which++) {
		if ((text = address_of(pool, which)) == NULL)
			continue;
		/* A relative path was made absolute since it was read. */
		if ((problem = address_parse(text, &mine)) == NULL)
			check_unique(conf, pool, which, &mine, ini, errors);
		else
			where_complain(pool, ini, errors, address_directives[which],
			    "%s, got \"%.200s\"", problem, text);
	}
}

static void
check_metrics(const struct conf *conf, const struct ini *ini, struct errors *errors)
{
	static const char name[] = "metrics_listen";
	const char *text = conf->global.metrics_listen, *problem;
	struct address mine, theirs;
	const struct conf_pool *pool;

	if (text == NULL)
		return;
	if ((problem = address_parse(text, &mine)) != NULL)
		errors_add(errors, "%s: [global] %s: %s, got \"%.200s\"",
		    where_global(ini, name), name, problem, text);
	TAILQ_FOREACH (pool, &conf->pools, next) {
		for (int i = 0; problem == NULL && i < ADDRESS_COUNT; i++) {
			if (address_of(pool, i) == NULL ||
			    address_parse(address_of(pool, i), &theirs) != NULL ||
			    !address_same(&mine, &theirs))
				continue;
			errors_add(errors, "%s: [global] %s: %s is pool %s's already, at %s",
			    where_global(ini, name), name, text, pool->name,
			    where_pool(ini, pool, address_directives[i]));
		}
	}
}

/* Pools that grow do so for requests that wait. */
static void
check_queue(const struct conf_pool *pool, const struct ini *ini, struct errors *errors)
{
	if (pool->pm != PM_STATIC && pool->request_queue_limit == 0)
		where_complain(pool, ini, errors, "request_queue_limit",
		    "0 only works with pm = static, because other pools start workers for requests "
		    "that wait");
}

static void
check_buffers(const struct conf_pool *pool, const struct ini *ini, struct errors *errors)
{
	const struct {
		const char *name;
		uint64_t size;
	} parts[] = {
	    {"request_params_limit", pool->request_params_limit},
	    {"request_buffer_size", pool->request_buffer_size},
	    {"response_header_limit", pool->response_header_limit},
	    {"response_buffer_size", pool->response_buffer_size},
	};
	char limit[VALUE_TEXT_MAX], size[VALUE_TEXT_MAX];

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (parts[i].size <= pool->buffer_limit)
			continue;
		value_format_size((int64_t)pool->buffer_limit, limit);
		value_format_size((int64_t)parts[i].size, size);
		where_complain(pool, ini, errors, parts[i].name,
		    "%s is more than buffer_limit, %s", size, limit);
	}
}

/* The spare limits of pm = dynamic; php-fpm's rules. A pool without pm.max_children is reported. */
static void
check_spare(const struct conf_pool *pool, const struct ini *ini, struct errors *errors)
{
	static const char min_name[] = "pm.min_spare_servers", max_name[] = "pm.max_spare_servers";
	unsigned int min = pool->min_spare_servers, max = pool->max_spare_servers;
	unsigned int each = pool->max_concurrency, all = pool->max_children * each;
	unsigned int least = concurrency_workers(min, each), most = concurrency_workers(max, each);
	const char *times = each > 1 ? " times pm.max_concurrency" : "";

	if (pool->pm != PM_DYNAMIC)
		return;
	if (min == 0)
		where_complain(pool, ini, errors, min_name, "pm = dynamic requires 1 or more");
	if (max == 0)
		where_complain(pool, ini, errors, max_name, "pm = dynamic requires 1 or more");
	if (min == 0 || max == 0 || pool->max_children == 0)
		return;
	if (max < min)
		where_complain(pool, ini, errors, max_name, "%u is less than %s, %u", max,
		    min_name, min);
	else if (pool->start_servers < least || pool->start_servers > most)
		where_complain(pool, ini, errors, "pm.start_servers",
		    "%u is not between %s, %u, and %s, %u%s", pool->start_servers, min_name, least,
		    max_name, most, each > 1 ? ", in workers" : "");
	if (min > all)
		where_complain(pool, ini, errors, min_name, "%u is more than pm.max_children%s, %u",
		    min, times, all);
	else if (max > all)
		where_complain(pool, ini, errors, max_name, "%u is more than pm.max_children%s, %u",
		    max, times, all);
}

static bool
is_set(const struct conf_pool *pool, const struct ini *ini, const char *directive)
{
	return strcmp(where_pool(ini, pool, directive), pool->where) != 0;
}

/* What pm = auto takes, and what only it does. A pool without pm.max_children has the most. */
static void
check_auto(const struct conf_pool *pool, const struct ini *ini, struct errors *errors)
{
	static const char min_name[] = "pm.min_spare_servers", budget_name[] = "pm.memory_budget";

	if (pool->pm != PM_AUTO) {
		if (pool->memory_budget != MEMORY_BUDGET_USUAL)
			where_complain(pool, ini, errors, budget_name, "requires pm = auto");
		return;
	}
	if (concurrency_workers(pool->min_spare_servers, pool->max_concurrency) > pool->max_children)
		where_complain(pool, ini, errors, min_name,
		    "%u is more than pm.max_children%s, %u%s", pool->min_spare_servers,
		    pool->max_concurrency > 1 ? " times pm.max_concurrency" : "",
		    pool->max_children * pool->max_concurrency,
		    is_set(pool, ini, "pm.max_children") ? "" : ", which is not set: set it, too");
}

/* Limits that contradict each other. */
static void
check_limits(const struct conf *conf, const struct conf_pool *pool, const struct ini *ini,
    struct errors *errors)
{
	char recycle[VALUE_TEXT_MAX], terminate[VALUE_TEXT_MAX];

	if (conf->global.process_max > 0 && pool->max_children > conf->global.process_max)
		where_complain(pool, ini, errors, "pm.max_children", "%u is more than process.max, %u",
		    pool->max_children, conf->global.process_max);
	if (pool->max_requests_jitter > 0 && pool->max_requests == 0)
		where_complain(pool, ini, errors, "pm.max_requests_jitter",
		    "%u is added to pm.max_requests, which is not set", pool->max_requests_jitter);
	else if (pool->max_requests_jitter > pool->max_requests)
		where_complain(pool, ini, errors, "pm.max_requests_jitter",
		    "%u is more than pm.max_requests, %u", pool->max_requests_jitter,
		    pool->max_requests);
	if (pool->max_memory > 0 && pool->request_terminate_memory > 0 &&
	    pool->max_memory >= pool->request_terminate_memory) {
		value_format_size((int64_t)pool->max_memory, recycle);
		value_format_size((int64_t)pool->request_terminate_memory, terminate);
		where_complain(pool, ini, errors, "pm.max_memory",
		    "%s, above which a worker is replaced after a request, must be less than "
		    "request_terminate_memory, %s, which ends the request",
		    recycle, terminate);
	}
}

static void
check_access(const struct conf_pool *pool, const struct ini *ini, struct errors *errors)
{
	char error[FORMAT_ERROR_MAX];
	struct format format;

	if (format_parse(pool->access_format != NULL ? pool->access_format : "", &format, error))
		format_free(&format);
	else
		where_complain(pool, ini, errors, "access.format", "%s", error);
}

/* Limits that nothing would enforce. */
static void
check_cgroup(const struct conf *conf, const struct conf_pool *pool, const struct ini *ini,
    struct errors *errors)
{
	static const char why[] = "requires cgroup in [global], so that a worker has a control "
				  "group of its own";

	if (conf->global.cgroup != NULL)
		return;
	if (pool->cgroup_memory_max > 0)
		where_complain(pool, ini, errors, "cgroup.memory.max", why);
	if (pool->cgroup_pids_max > 0)
		where_complain(pool, ini, errors, "cgroup.pids.max", why);
}

/* Slow log directives that need each other. */
static void
check_slowlog(const struct conf_pool *pool, const struct ini *ini, struct errors *errors)
{
	if (pool->request_slowlog_timeout_ms > 0 && pool->slowlog == NULL)
		where_complain(pool, ini, errors, "request_slowlog_timeout",
		    "requires slowlog, the file that slow requests are written to");
	if (pool->slowlog_command != NULL && pool->request_slowlog_timeout_ms == 0)
		where_complain(pool, ini, errors, "slowlog_command",
		    "requires request_slowlog_timeout, the time after which it is run");
}

static void
check_status(const struct conf_pool *pool, const struct ini *ini, struct errors *errors)
{
	if (pool->status_listen != NULL && pool->status_path == NULL && pool->ping_path == NULL)
		where_complain(pool, ini, errors, "pm.status_listen",
		    "nothing would be answered there: set pm.status_path, ping.path or both");
	if (pool->status_path != NULL && pool->ping_path != NULL &&
	    strcmp(pool->status_path, pool->ping_path) == 0)
		where_complain(pool, ini, errors, "ping.path", "%s is pm.status_path already",
		    pool->ping_path);
}

void
check_text(const struct conf *conf, const struct ini *ini, struct errors *errors)
{
	const struct conf_pool *pool;

	check_metrics(conf, ini, errors);
	TAILQ_FOREACH (pool, &conf->pools, next) {
		check_name(pool, errors);
		check_listen(conf, pool, ini, errors);
		check_buffers(pool, ini, errors);
		check_queue(pool, ini, errors);
		check_spare(pool, ini, errors);
		check_auto(pool, ini, errors);
		check_limits(conf, pool, ini, errors);
		check_access(pool, ini, errors);
		check_cgroup(conf, pool, ini, errors);
		check_slowlog(pool, ini, errors);
		check_status(pool, ini, errors);
	}
}
