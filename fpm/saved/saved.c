/* saved.c: what is saved, as plain data, and its text. */
#include "config.h"

#include "fpm/saved/saved.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER(type, word, member) {word, SAVED_NUMBER, offsetof(struct type, member)}
#define FD(type, word, member) {word, SAVED_FD, offsetof(struct type, member)}
#define TEXT(type, word, member) {word, SAVED_TEXT, offsetof(struct type, member)}
#define END {NULL, SAVED_END, 0}
#define SOCKET(type, word, member) \
	FD(type, word "fd", member.fd), FD(type, word "dir_fd", member.dir_fd), \
	    FD(type, word "lock_fd", member.lock_fd), \
	    NUMBER(type, word "dev", member.dev), NUMBER(type, word "ino", member.ino), \
	    NUMBER(type, word "is_given", member.is_given), \
	    NUMBER(type, word "lacks_rights", member.lacks_rights)
#define PROCESS(type) \
	NUMBER(type, "pid", process.pid), FD(type, "sock", process.sock), \
	    NUMBER(type, "started_us", process.started_us), \
	    NUMBER(type, "timer_us", process.timer_us)

const struct saved_field saved_fields_service[] = {
    NUMBER(saved, "pid", pid),
    TEXT(saved, "settings", settings),
    FD(saved, "log_fd", log_fd),
    NUMBER(saved, "log_to_file", log_to_file),
    NUMBER(saved, "log_is_stderr", log_is_stderr),
    NUMBER(saved, "log_is_daemon", log_is_daemon),
    NUMBER(saved, "log_is_stale", log_is_stale),
    TEXT(saved, "pid_path", pid_path),
    FD(saved, "pid_dir_fd", pid_dir_fd),
    FD(saved, "pid_fd", pid_fd),
    FD(saved, "pid_lock_fd", pid_lock_fd),
    TEXT(saved, "rundir", rundir),
    NUMBER(saved, "nofile_soft", nofile_soft),
    NUMBER(saved, "nofile_hard", nofile_hard),
    FD(saved, "cgroup_fd", cgroup_fd),
    FD(saved, "cgroup_lock_fd", cgroup_lock_fd),
    NUMBER(saved, "cgroup_moved", cgroup_moved),
    NUMBER(saved, "cgroup_memory", cgroup_memory),
    NUMBER(saved, "cgroup_pids", cgroup_pids),
    TEXT(saved, "cgroup_path", cgroup_path),
    NUMBER(saved, "has_terminal", has_terminal),
    NUMBER(saved, "has_announced", has_announced),
    NUMBER(saved, "has_strangers", has_strangers),
    NUMBER(saved, "is_withdrawn", is_withdrawn),
    TEXT(saved, "sessions", sessions),
    SOCKET(saved, "control_", control),
    END,
};

const struct saved_field saved_fields_seat[] = {
    TEXT(saved_seat, "name", name),
    TEXT(saved_seat, "settings", setup.settings),
    NUMBER(saved_seat, "program", setup.program),
    SOCKET(saved_seat, "listen_", setup.listener),
    SOCKET(saved_seat, "status_listen_", setup.status_listener),
    FD(saved_seat, "access_fd", setup.access_fd),
    FD(saved_seat, "slowlog_fd", setup.slowlog_fd),
    FD(saved_seat, "stats_fd", stats_fd),
    FD(saved_seat, "cgroup_fd", cgroup_fd),
    NUMBER(saved_seat, "is_closed", is_closed),
    NUMBER(saved_seat, "is_off", is_off),
    NUMBER(saved_seat, "is_withdrawn", is_withdrawn),
    NUMBER(saved_seat, "has_begun", has_begun),
    NUMBER(saved_seat, "quick_deaths", quick_deaths),
    END,
};

const struct saved_field saved_fields_generation[] = {
    TEXT(saved_generation, "settings", settings),
    PROCESS(saved_generation),
    NUMBER(saved_generation, "is_seated", is_seated),
    NUMBER(saved_generation, "state", state),
    NUMBER(saved_generation, "was_ready", was_ready),
    NUMBER(saved_generation, "is_withdrawn", is_withdrawn),
    NUMBER(saved_generation, "room", room),
    NUMBER(saved_generation, "workers", workers),
    NUMBER(saved_generation, "is_counted", is_counted),
    NUMBER(saved_generation, "block", block),
    NUMBER(saved_generation, "first_slot", first_slot),
    NUMBER(saved_generation, "slots", slots),
    FD(saved_generation, "dir_fd", dir_fd),
    TEXT(saved_generation, "dir_path", dir_path),
    NUMBER(saved_generation, "permits", permits),
    NUMBER(saved_generation, "lacking", lacking),
    NUMBER(saved_generation, "waiting", waiting),
    NUMBER(saved_generation, "called", called),
    NUMBER(saved_generation, "offered", offered),
    NUMBER(saved_generation, "ordered", ordered),
    NUMBER(saved_generation, "has_asked", has_asked),
    NUMBER(saved_generation, "has_returned", has_returned),
    NUMBER(saved_generation, "memory_told", memory_told),
    NUMBER(saved_generation, "memory_follows", memory_follows),
    NUMBER(saved_generation, "memory_used", memory_used),
    NUMBER(saved_generation, "memory_lacking", memory_lacking),
    NUMBER(saved_generation, "sharing", sharing),
    END,
};

const struct saved_field saved_fields_metrics[] = {
    TEXT(saved_metrics, "settings", settings),
    SOCKET(saved_metrics, "listen_", listener),
    PROCESS(saved_metrics),
    NUMBER(saved_metrics, "was_ready", was_ready),
    NUMBER(saved_metrics, "ending", ending),
    NUMBER(saved_metrics, "is_leaving", is_leaving),
    NUMBER(saved_metrics, "quick_deaths", quick_deaths),
    END,
};

const struct saved_field saved_fields_client[] = {
    FD(saved_client, "fd", fd),
    NUMBER(saved_client, "pid", pid),
    NUMBER(saved_client, "has_asked", has_asked),
    TEXT(saved_client, "line", line),
    TEXT(saved_client, "answer", answer),
    END,
};

int64_t *
saved_fields_number(void *base, const struct saved_field *f)
{
	return (int64_t *)(void *)((char *)base + f->offset);
}

int *
saved_fields_fd(void *base, const struct saved_field *f)
{
	return (int *)(void *)((char *)base + f->offset);
}

char **
saved_fields_text(void *base, const struct saved_field *f)
{
	return (char **)(void *)((char *)base + f->offset);
}

void *
saved_fields_make(size_t size, const struct saved_field *fields)
{
	void *base = calloc(1, size);

	for (const struct saved_field *f = fields; base != NULL && f->word != NULL; f++)
		if (f->kind == SAVED_FD)
			*saved_fields_fd(base, f) = -1;
	return base;
}

void
saved_fields_free(void *base, const struct saved_field *fields)
{
	for (const struct saved_field *f = fields; f->word != NULL; f++)
		if (f->kind == SAVED_TEXT)
			free(*saved_fields_text(base, f));
}

struct saved *
saved_new(void)
{
	struct saved *s = saved_fields_make(sizeof(*s), saved_fields_service);

	if (s == NULL)
		return NULL;
	TAILQ_INIT(&s->seats);
	TAILQ_INIT(&s->clients);
	return s;
}

struct saved_seat *
saved_add_seat(struct saved *s)
{
	struct saved_seat *seat = saved_fields_make(sizeof(*seat), saved_fields_seat);

	if (seat == NULL)
		return NULL;
	TAILQ_INIT(&seat->generations);
	TAILQ_INSERT_TAIL(&s->seats, seat, next);
	return seat;
}

struct saved_generation *
saved_add_generation(struct saved_seat *seat)
{
	struct saved_generation *g = saved_fields_make(sizeof(*g), saved_fields_generation);

	if (g != NULL)
		TAILQ_INSERT_TAIL(&seat->generations, g, next);
	return g;
}

struct saved_metrics *
saved_add_metrics(struct saved *s)
{
	return s->metrics = saved_fields_make(sizeof(*s->metrics), saved_fields_metrics);
}

struct saved_client *
saved_add_client(struct saved *s)
{
	struct saved_client *client = saved_fields_make(sizeof(*client), saved_fields_client);

	if (client != NULL)
		TAILQ_INSERT_TAIL(&s->clients, client, next);
	return client;
}

static void
free_seat(struct saved_seat *seat)
{
	struct saved_generation *g;

	while ((g = TAILQ_FIRST(&seat->generations)) != NULL) {
		TAILQ_REMOVE(&seat->generations, g, next);
		saved_fields_free(g, saved_fields_generation);
		free(g);
	}
	saved_fields_free(seat, saved_fields_seat);
	free(seat);
}

void
saved_free(struct saved *s)
{
	struct saved_seat *seat;
	struct saved_client *client;

	if (s == NULL)
		return;
	while ((seat = TAILQ_FIRST(&s->seats)) != NULL) {
		TAILQ_REMOVE(&s->seats, seat, next);
		free_seat(seat);
	}
	while ((client = TAILQ_FIRST(&s->clients)) != NULL) {
		TAILQ_REMOVE(&s->clients, client, next);
		saved_fields_free(client, saved_fields_client);
		free(client);
	}
	if (s->metrics != NULL)
		saved_fields_free(s->metrics, saved_fields_metrics);
	free(s->metrics);
	saved_fields_free(s, saved_fields_service);
	free(s);
}

/* Each part of what is saved, in the order in which it is written. */
typedef bool visit(void *base, const char *section, const struct saved_field *fields, void *arg);

static bool
walk(struct saved *s, visit *fn, void *arg)
{
	struct saved_seat *seat;
	struct saved_generation *g;
	struct saved_client *client;
	bool good = fn(s, "service", saved_fields_service, arg);

	TAILQ_FOREACH (seat, &s->seats, next) {
		good = good && fn(seat, "seat", saved_fields_seat, arg);
		TAILQ_FOREACH (g, &seat->generations, next)
			good = good && fn(g, "generation", saved_fields_generation, arg);
	}
	if (s->metrics != NULL)
		good = good && fn(s->metrics, "metrics", saved_fields_metrics, arg);
	TAILQ_FOREACH (client, &s->clients, next)
		good = good && fn(client, "client", saved_fields_client, arg);
	return good;
}

static bool
print_part(void *base, const char *section, const struct saved_field *fields, void *arg)
{
	FILE *out = arg;
	const char *text;

	fprintf(out, "[%s]\n", section);
	for (const struct saved_field *f = fields; f->word != NULL; f++) {
		if (f->kind == SAVED_NUMBER)
			fprintf(out, "%s %" PRId64 "\n", f->word, *saved_fields_number(base, f));
		else if (f->kind == SAVED_FD)
			fprintf(out, "%s %d\n", f->word, *saved_fields_fd(base, f));
		else if ((text = *saved_fields_text(base, f)) != NULL)
			fprintf(out, "%s =%zu:%s\n", f->word, strlen(text), text);
	}
	return true;
}

void
saved_print(const struct saved *s, FILE *out)
{
	fprintf(out, SAVED_HEAD "%d\n", SAVED_FORMAT);
	walk((struct saved *)(uintptr_t)s, print_part, out); /* which changes nothing */
}

struct each_fd {
	bool (*fn)(int *fd, void *arg);
	void *arg;
};

static bool
each_fd_of(void *base, const char *section, const struct saved_field *fields, void *arg)
{
	struct each_fd *each = arg;

	for (const struct saved_field *f = fields; f->word != NULL; f++) {
		if (f->kind == SAVED_FD && *saved_fields_fd(base, f) != -1 &&
		    !each->fn(saved_fields_fd(base, f), each->arg))
			return false;
	}
	return true;
}

bool
saved_each_fd(struct saved *s, bool (*fn)(int *fd, void *arg), void *arg)
{
	struct each_fd each = {fn, arg};

	return walk(s, each_fd_of, &each);
}
