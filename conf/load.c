/* load.c: build a configuration whole out of a file, a text or a command line, and free it. */
#include "config.h"

#include "conf/load.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cpus.h"
#include "conf/check.h"
#include "conf/check_system.h"
#include "conf/directives.h"
#include "conf/errors.h"
#include "conf/field.h"
#include "conf/ini.h"
#include "conf/lex.h"
#include "conf/concurrency.h"
#include "conf/text.h"
#include "conf/unknown.h"

/* Every field of a scope to its default. */
static void
set_defaults(enum directive_scope scope, void *base)
{
	char message[FIELD_MESSAGE_MAX];

	for (const struct directive *d = directives; d->name != NULL; d++) {
		if (d->scope == scope && d->fallback != NULL &&
		    !field_set(d, base, d->fallback, NULL, NULL, message))
			abort(); /* the table is wrong */
	}
}

static void
free_fields(enum directive_scope scope, void *base)
{
	for (const struct directive *d = directives; d->name != NULL; d++) {
		if (d->scope == scope)
			field_free(d, base);
	}
}

static struct conf *
conf_new(void)
{
	struct conf *conf = text_calloc(1, sizeof(*conf));

	TAILQ_INIT(&conf->pools);
	conf->holders = 1;
	set_defaults(SCOPE_GLOBAL, &conf->global);
	return conf;
}

static struct conf_pool *
pool_new(const char *name, const char *where)
{
	struct conf_pool *pool = text_calloc(1, sizeof(*pool));

	pool->name = text_dup(name);
	pool->where = text_dup(where);
	set_defaults(SCOPE_POOL, pool);
	return pool;
}

static void
pool_free(struct conf_pool *pool)
{
	free_fields(SCOPE_POOL, pool);
	free(pool->name);
	free(pool->where);
	free(pool);
}

static void
add_pool(struct conf *conf, struct conf_pool *pool)
{
	TAILQ_INSERT_TAIL(&conf->pools, pool, next);
	conf->pool_count++;
}

struct conf *
load_hold(struct conf *conf)
{
	conf->holders++;
	return conf;
}

void
load_free(struct conf *conf)
{
	struct conf_pool *pool;

	if (conf == NULL || --conf->holders > 0)
		return;
	while ((pool = TAILQ_FIRST(&conf->pools)) != NULL) {
		TAILQ_REMOVE(&conf->pools, pool, next);
		pool_free(pool);
	}
	free_fields(SCOPE_GLOBAL, &conf->global);
	errors_free(&conf->warnings);
	errors_free(&conf->notes);
	free(conf);
}

/* One section on its way into its struct. */
struct target {
	const struct ini *ini;
	const struct ini_section *section;
	enum directive_scope scope;
	void *base;
	const char *pool; /* its name, NULL for [global] */
	struct errors *errors, *notes;
};

static void
say(const struct target *t, struct errors *lines, const char *id, const char *name,
    const char *message)
{
	errors_add(lines, "%s: [%s%s] %s: %s", ini_where(t->ini, t->section, id),
	    t->pool != NULL ? "pool " : "", t->section->name, name, message);
}

static void
apply_unknown(const struct target *t, const struct ini_key *key, const char *raw)
{
	char error[LEX_MESSAGE_MAX], *value, *message;
	bool harmless;

	if ((value = lex_plain(raw, t->pool, error)) == NULL)
		value = text_dup("VALUE");
	harmless = unknown_directive(t->scope, key->name, value, &message);
	if (message != NULL)
		say(t, harmless ? t->notes : t->errors, key->id, key->name, message);
	free(message);
	free(value);
}

static void
apply_key(const struct target *t, const struct ini_key *key)
{
	const struct directive *d = directive_find(t->scope, key->name, strcspn(key->name, "["));
	const char *raw = ini_value(t->ini, t->section, key->id);
	char message[FIELD_MESSAGE_MAX], *name = NULL;
	const char *bracket = strchr(key->name, '[');

	if (d == NULL) {
		apply_unknown(t, key, raw);
		return;
	}
	if (bracket != NULL)
		name = text_ndup(bracket + 1, strlen(bracket) - 2);
	if (!field_set(d, t->base, raw, t->pool, name, message))
		say(t, t->errors, key->id, key->name, message);
	else if (*message != '\0')
		say(t, t->notes, key->id, key->name, message);
	free(name);
}

static bool
is_auto(const struct target *t)
{
	return t->scope == SCOPE_POOL && ((const struct conf_pool *)t->base)->pm == PM_AUTO;
}

static void
apply_section(const struct target *t)
{
	const struct ini_key *key;
	char *message;

	TAILQ_FOREACH (key, &t->section->keys, next)
		apply_key(t, key);
	for (const struct directive *d = directives; d->name != NULL; d++) {
		if (d->scope != t->scope || !d->required || t->section->duplicate ||
		    (d->but_for_auto && is_auto(t)) ||
		    ini_value(t->ini, t->section, d->name) != NULL)
			continue;
		message = text_printf("required, but not set: %s", d->help);
		say(t, t->errors, d->name, d->name, message);
		free(message);
	}
}

/* A duplicate section is read for its errors alone. */
static void
apply_pool(struct conf *conf, const struct ini *ini, const struct ini_section *section,
    struct errors *errors)
{
	struct conf_pool *pool = pool_new(section->name, section->where);
	struct target t = {.ini = ini,
	    .section = section,
	    .scope = SCOPE_POOL,
	    .base = pool,
	    .pool = pool->name,
	    .errors = errors,
	    .notes = &conf->notes};

	apply_section(&t);
	if (section->duplicate)
		pool_free(pool);
	else
		add_pool(conf, pool);
}

/* before: the count of errors before this configuration. */
static struct conf *
build(const struct ini *ini, const char *file, struct errors *errors, size_t before)
{
	struct conf *conf = conf_new();
	const struct ini_section *section;

	TAILQ_FOREACH (section, &ini->sections, next) {
		struct target t = {.ini = ini,
		    .section = section,
		    .scope = SCOPE_GLOBAL,
		    .base = &conf->global,
		    .errors = errors,
		    .notes = &conf->notes};
		if (strcmp(section->name, "global") == 0)
			apply_section(&t);
		else
			apply_pool(conf, ini, section, errors);
	}
	if (conf->pool_count == 0 && errors->count == before)
		errors_add(errors,
		    "%s: no pool is defined; a pool is a section [NAME] with "
		    "command, listen and pm.max_children",
		    file);
	return conf;
}

/* Make *path absolute, below dir, when it is not; a $prefix before it is dir, too. */
static void
make_absolute(char **path, const char *dir)
{
	static const char word[] = "$prefix";
	char *old = *path;
	const char *rest = old;

	if (old == NULL || *old == '/')
		return;
	if (strncmp(old, word, sizeof(word) - 1) == 0 && strchr("/", old[sizeof(word) - 1]) != NULL)
		rest += sizeof(word) - 1;
	rest += *rest == '/';
	*path = *rest == '\0' ? text_dup(dir)
			      : text_printf("%s/%s", strcmp(dir, "/") == 0 ? "" : dir, rest);
	free(old);
}

/* Whether error_log names no file. */
static bool
is_log_word(const char *log)
{
	return log != NULL && (strcmp(log, "stderr") == 0 || strcmp(log, "syslog") == 0 ||
				  strcmp(log, "journal") == 0);
}

static void
resolve_fields(enum directive_scope scope, void *base, const char *prefix, const char *state)
{
	for (const struct directive *d = directives; d->name != NULL; d++) {
		char **field = (char **)(void *)((char *)base + d->offset);

		if (d->scope != scope)
			continue;
		if (d->type == TYPE_PATH)
			make_absolute(field, prefix);
		else if (d->type == TYPE_STATE_PATH ||
			 (d->type == TYPE_LOG && !is_log_word(*field)))
			make_absolute(field, state);
		else if (d->type == TYPE_LISTEN && *field != NULL && strchr(*field, '/') != NULL)
			make_absolute(field, prefix);
	}
}

/* php-fpm's rule: below the pool's prefix or -p when it is given, else what keeps state below
 * LOCALSTATEDIR. */
static void
resolve(struct conf *conf, const char *prefix)
{
	const char *dir = prefix != NULL ? prefix : PREFIX;
	const char *state = prefix != NULL ? prefix : LOCALSTATEDIR;
	struct conf_pool *pool;

	resolve_fields(SCOPE_GLOBAL, &conf->global, dir, state);
	TAILQ_FOREACH (pool, &conf->pools, next) {
		make_absolute(&pool->prefix, dir);
		if (pool->chroot != NULL)
			make_absolute(&pool->chdir, "/"); /* within it */
		if (pool->prefix != NULL)
			resolve_fields(SCOPE_POOL, pool, pool->prefix, pool->prefix);
		else
			resolve_fields(SCOPE_POOL, pool, dir, state);
	}
}

/* Workers of pm = auto where nothing else bounds them: places are kept for as many. */
#define AUTO_MAX_CHILDREN 256

static void
settle_auto(struct conf_pool *pool, unsigned int process_max)
{
	if (pool->max_children == 0)
		pool->max_children = process_max > 0 && process_max < AUTO_MAX_CHILDREN
		    ? process_max
		    : AUTO_MAX_CHILDREN;
	if (pool->min_spare_servers == 0)
		pool->min_spare_servers = 1;
	pool->start_servers = 0; /* those of another mode are ignored */
}

/* What a pool leaves open is settled here, so that its fields hold what is in effect. */
static void
settle(struct conf *conf)
{
	const struct conf_global *global = &conf->global;
	struct conf_pool *pool;

	TAILQ_FOREACH (pool, &conf->pools, next) {
		if (pool->rlimit_files == RLIMIT_UNSET)
			pool->rlimit_files = global->rlimit_files;
		if (pool->rlimit_core == RLIMIT_UNSET)
			pool->rlimit_core = global->rlimit_core;
		if (pool->process_priority == PRIORITY_UNSET)
			pool->process_priority = global->process_priority;
		if (pool->pm == PM_AUTO)
			settle_auto(pool, global->process_max);
		if (pool->pm == PM_DYNAMIC && pool->start_servers == 0)
			pool->start_servers = concurrency_workers(
			    (pool->min_spare_servers + pool->max_spare_servers) / 2,
			    pool->max_concurrency);
	}
}

/* conf itself, or NULL when there is an error more than before; its warnings are said too then. */
static struct conf *
finish(struct conf *conf, struct errors *errors, size_t before)
{
	if (errors->count == before)
		return conf;
	for (size_t i = 0; i < conf->warnings.count; i++)
		errors_add(errors, "%s", conf->warnings.lines[i]);
	load_free(conf);
	return NULL;
}

/* The directory that a relative path given on the command line starts from, to be freed. */
static char *
working_directory(void)
{
	char *dir = getcwd(NULL, 0);

	return dir != NULL ? dir : text_dup("/");
}

struct conf *
load_file(const char *path, const char *prefix, bool allow_root, struct errors *errors)
{
	size_t before = errors->count;
	char *cwd = working_directory();
	char *dir = prefix != NULL ? text_dup(prefix) : NULL;
	struct conf *conf = NULL;
	struct ini *ini;

	make_absolute(&dir, cwd);
	if ((ini = ini_read_file(path, dir != NULL ? dir : PREFIX, errors)) != NULL) {
		conf = build(ini, path, errors, before);
		resolve(conf, dir);
		settle(conf);
		check_text(conf, ini, errors);
		check_system(conf, ini, errors);
		check_system_root(conf, ini, allow_root, errors);
		conf = finish(conf, errors, before);
	}
	ini_free(ini);
	free(dir);
	free(cwd);
	return conf;
}

char *
load_pid_path(const char *path, const char *prefix, struct errors *errors)
{
	struct errors others = {NULL, 0};
	char *cwd = working_directory();
	char *dir = prefix != NULL ? text_dup(prefix) : NULL, *pid = NULL;
	struct conf *conf;
	struct ini *ini;

	make_absolute(&dir, cwd);
	if ((ini = ini_read_file(path, dir != NULL ? dir : PREFIX, errors)) != NULL) {
		conf = build(ini, path, &others, 0);
		resolve(conf, dir);
		if (conf->global.pid != NULL)
			pid = text_dup(conf->global.pid);
		load_free(conf);
		errors_free(&others);
	}
	ini_free(ini);
	free(dir);
	free(cwd);
	return pid;
}

struct conf *
load_text(const char *text, size_t len, const char *name, struct errors *errors)
{
	size_t before = errors->count;
	struct ini *ini = ini_read_text(text, len, name, errors);
	struct conf *conf = build(ini, name, errors, before);

	resolve(conf, NULL);
	settle(conf);
	check_text(conf, ini, errors);
	ini_free(ini);
	return finish(conf, errors, before);
}

struct conf *
load_quick(const char *address, unsigned int workers, char *const argv[], bool allow_root,
    struct errors *errors)
{
	size_t before = errors->count;
	struct conf *conf = conf_new();
	struct conf_pool *pool = pool_new("default", "command line");
	char *cwd = working_directory();

	free(conf->global.error_log);
	conf->global.error_log = text_dup("stderr");
	conf->global.daemonize = false;
	add_pool(conf, pool);
	pool->clear_env = false;
	pool->process_dumpable = true;
	pool->catch_workers_output = true; /* somebody looks at the terminal */
	pool->max_children = workers > 0 ? workers : cpus_usable();
	if (pool->max_children > POOL_MAX_CHILDREN)
		errors_add(errors, "command line: expected 1 to %d workers, got %u",
		    POOL_MAX_CHILDREN, pool->max_children);
	if (geteuid() == 0 && !allow_root)
		errors_add(errors, "command line: the workers would run as root; start anyfpm "
					"as another user, or let them with -R");
	pool->listen = text_dup(address);
	if (strchr(address, '/') != NULL)
		make_absolute(&pool->listen, cwd);
	for (; *argv != NULL; argv++)
		text_vector_add(&pool->command, *argv);
	if (pool->command == NULL || pool->command[0][0] == '\0')
		errors_add(errors, "command line: expected a program and its arguments");
	else
		check_system(conf, NULL, errors);
	settle(conf);
	check_text(conf, NULL, errors);
	free(cwd);
	return finish(conf, errors, before);
}
