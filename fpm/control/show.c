/* show.c: the service and its pools as lines and rows. */
#include "config.h"

#include "fpm/control/show.h"

#include <stdio.h>
#include <string.h>

#include "base/shared/ends.h"

static const char *
text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

static double
number_of(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

void
show_service(const struct show_status *status, size_t width, struct text_out *out)
{
	const json_t *service = status->service;
	const char *failed = text_of(service, "reload failed");
	struct text_out line = {0};

	if (json_object_size(service) == 0)
		return;
	text_out_printf(&line, "anyfpm %s, pid %.0f, %s: %.0f of %.0f pools serve",
	    text_of(service, "version"), number_of(service, "master"),
	    text_of(service, "state"), number_of(service, "serving"),
	    number_of(service, "pools"));
	text_out_add(&line, "", 1);
	table_cut(out, line.failed ? "" : line.data, width);
	text_out_string(out, "\n");
	text_out_free(&line);
	if (*failed == '\0')
		return;
	text_out_printf(&line, "The last reload failed: %s", failed);
	text_out_add(&line, "", 1);
	table_cut(out, line.failed ? "" : line.data, width);
	text_out_string(out, "\n");
	text_out_free(&line);
}

enum {
	POOL_NAME,
	POOL_STATE,
	POOL_BUSY,
	POOL_IDLE,
	POOL_MAX,
	POOL_QUEUE,
	POOL_REQUESTS,
	POOL_RATE,
	POOL_P99,
	POOL_SLOW,
	POOL_ERRORS,
	POOL_LIMITS,
	POOL_COLUMNS
};

static const struct table_column pool_columns[POOL_COLUMNS] = {
    [POOL_NAME] = {"POOL", false, 0},
    [POOL_STATE] = {"STATE", false, 0},
    [POOL_BUSY] = {"BUSY", true, 1},
    [POOL_IDLE] = {"IDLE", true, 4},
    [POOL_MAX] = {"MAX", true, 6},
    [POOL_QUEUE] = {"QUEUE", true, 2},
    [POOL_REQUESTS] = {"REQS", true, 5},
    [POOL_RATE] = {"REQ/S", true, 3},
    [POOL_P99] = {"P99", true, 8},
    [POOL_SLOW] = {"SLOW", true, 10},
    [POOL_ERRORS] = {"ERRORS", true, 7},
    [POOL_LIMITS] = {"LIMITS", true, 9},
};

/* Requests that a limit has ended. */
static double
count_limited(const json_t *pool)
{
	char key[ENDS_KEY_MAX];
	double n = 0;

	for (int i = 0; i < REQUEST_ENDS; i++) {
		if (ends_table[i].measure == ENDS_NOTHING)
			continue;
		ends_key(key, (enum request_end)i);
		n += number_of(pool, key);
	}
	return n;
}

static enum table_color
color_of(const char *state)
{
	if (strcmp(state, "serving") == 0)
		return TABLE_GOOD;
	return strcmp(state, "failing") == 0 ? TABLE_BAD : TABLE_FAIR;
}

/* What loads the program of a pool with pm.preload, as its page says. false: nothing. */
static bool
tell_template(const json_t *page, char *text, size_t size)
{
	const char *preload = text_of(page, "preload"), *state = text_of(page, "template state");
	double forks = number_of(page, "template forks");
	char age[16], count[16], memory[16], share[16];

	if (*preload == '\0')
		return false;
	if (strcmp(preload, "in effect") != 0) {
		snprintf(text, size, "pm.preload has no effect: %s", preload);
		return true;
	}
	if (number_of(page, "template process") == 0) {
		snprintf(text, size, "template: %s", state);
		return true;
	}
	table_duration(age, (long long)(number_of(page, "template start since") * 1000000));
	table_number(count, forks, 1000);
	table_number(memory, number_of(page, "template memory"), 1024);
	table_number(share, number_of(page, "template memory share"), 1024);
	snprintf(text, size, "template %.0f: %s, age %s, %s worker%s forked, memory %s, share %s",
	    number_of(page, "template process"), state, age, count, forks == 1 ? "" : "s", memory,
	    share);
	return true;
}

/* A line below its row: what is wrong with it, or else what is worth knowing. false: nothing. */
static bool
tell_more(const struct show_status *status, const json_t *pool, char *text, size_t size)
{
	const char *why = text_of(pool, "why"), *failed = text_of(pool, "reload failed");
	const char *waits = text_of(pool, "reload waits");

	if (*why != '\0')
		snprintf(text, size, "%s", why);
	else if (*waits != '\0')
		snprintf(text, size, "the reload takes long: %s", waits);
	else if (*failed != '\0')
		snprintf(text, size, "reload failed: %s", failed);
	else
		return tell_template(json_array_get(status->pages, 0), text, size);
	return true;
}

static void
add_pool(const struct show_status *status, struct table *table, const json_t *pool)
{
	const char *cells[POOL_COLUMNS];
	char numbers[POOL_COLUMNS][16], note[TABLE_CELL_MAX];
	double keys[POOL_COLUMNS] = {0};

	for (size_t i = 0; i < POOL_COLUMNS; i++)
		cells[i] = numbers[i];
	cells[POOL_NAME] = text_of(pool, "pool");
	cells[POOL_STATE] = text_of(pool, "state");
	keys[POOL_BUSY] = number_of(pool, "active processes");
	keys[POOL_IDLE] = number_of(pool, "idle processes");
	keys[POOL_MAX] = number_of(pool, "max children");
	keys[POOL_QUEUE] = number_of(pool, "listen queue");
	keys[POOL_REQUESTS] = number_of(pool, "accepted conn");
	keys[POOL_RATE] = number_of(pool, "requests per second 10s");
	keys[POOL_P99] = number_of(pool, "request duration p99");
	keys[POOL_SLOW] = number_of(pool, "slow requests");
	keys[POOL_ERRORS] = number_of(pool, "responses 5xx");
	keys[POOL_LIMITS] = count_limited(pool);
	for (size_t i = POOL_BUSY; i < POOL_COLUMNS; i++)
		if (i != POOL_P99)
			table_number(numbers[i], keys[i], 1000);
	table_duration(numbers[POOL_P99], (long long)keys[POOL_P99]);
	table_add(table, cells, keys, color_of(cells[POOL_STATE]),
	    tell_more(status, pool, note, sizeof(note)) ? note : NULL);
}

void
show_pools(const struct show_status *status, struct table *table)
{
	const json_t *pool;
	size_t i;

	table_init(table, pool_columns, POOL_COLUMNS, POOL_STATE, POOL_NAME);
	json_array_foreach ((json_t *)status->pools, i, pool)
		add_pool(status, table, pool);
}

enum {
	WORKER_COLUMN_PID,
	WORKER_COLUMN_STATE,
	WORKER_COLUMN_AGE,
	WORKER_COLUMN_REQUESTS,
	WORKER_COLUMN_TIME,
	WORKER_COLUMN_CPU,
	WORKER_COLUMN_MEMORY,
	WORKER_COLUMN_SHARE, /* of pages that it shares with its template */
	WORKER_COLUMN_METHOD,
	WORKER_COLUMN_URI,
	WORKER_COLUMNS
};

static const struct table_column worker_columns[WORKER_COLUMNS] = {
    [WORKER_COLUMN_PID] = {"PID", false, 0},
    [WORKER_COLUMN_STATE] = {"STATE", false, 0},
    [WORKER_COLUMN_AGE] = {"AGE", true, 5},
    [WORKER_COLUMN_REQUESTS] = {"REQS", true, 4},
    [WORKER_COLUMN_TIME] = {"TIME", true, 1},
    [WORKER_COLUMN_CPU] = {"CPU%", true, 3},
    [WORKER_COLUMN_MEMORY] = {"MEM", true, 2},
    [WORKER_COLUMN_SHARE] = {"SHARE", true, 7},
    [WORKER_COLUMN_METHOD] = {"METHOD", false, 6},
    [WORKER_COLUMN_URI] = {"URI", false, 0},
};

static void
add_worker(struct table *table, const json_t *worker)
{
	const char *cells[WORKER_COLUMNS];
	char numbers[WORKER_COLUMNS][16];
	double keys[WORKER_COLUMNS] = {0};

	for (size_t i = 0; i < WORKER_COLUMNS; i++)
		cells[i] = numbers[i];
	snprintf(numbers[WORKER_COLUMN_PID], 16, "%.0f", number_of(worker, "pid"));
	cells[WORKER_COLUMN_STATE] = text_of(worker, "state");
	if (number_of(worker, "running requests") > 1) {
		snprintf(numbers[WORKER_COLUMN_STATE], 16, "Running %.0f",
		    number_of(worker, "running requests"));
		cells[WORKER_COLUMN_STATE] = numbers[WORKER_COLUMN_STATE];
	}
	keys[WORKER_COLUMN_AGE] = number_of(worker, "start since");
	table_duration(
	    numbers[WORKER_COLUMN_AGE], (long long)(keys[WORKER_COLUMN_AGE] * 1000000));
	keys[WORKER_COLUMN_REQUESTS] = number_of(worker, "requests");
	table_number(numbers[WORKER_COLUMN_REQUESTS], keys[WORKER_COLUMN_REQUESTS], 1000);
	keys[WORKER_COLUMN_TIME] = number_of(worker, "request duration");
	table_duration(numbers[WORKER_COLUMN_TIME], (long long)keys[WORKER_COLUMN_TIME]);
	keys[WORKER_COLUMN_CPU] = number_of(worker, "last request cpu");
	table_number(numbers[WORKER_COLUMN_CPU], keys[WORKER_COLUMN_CPU], 1000);
	keys[WORKER_COLUMN_MEMORY] = number_of(worker, "memory");
	if (keys[WORKER_COLUMN_MEMORY] > 0)
		table_number(numbers[WORKER_COLUMN_MEMORY], keys[WORKER_COLUMN_MEMORY], 1024);
	else /* not known */
		snprintf(numbers[WORKER_COLUMN_MEMORY], 16, "-");
	keys[WORKER_COLUMN_SHARE] = number_of(worker, "memory share");
	if (keys[WORKER_COLUMN_SHARE] > 0 &&
	    keys[WORKER_COLUMN_SHARE] != keys[WORKER_COLUMN_MEMORY])
		table_number(numbers[WORKER_COLUMN_SHARE], keys[WORKER_COLUMN_SHARE], 1024);
	else
		numbers[WORKER_COLUMN_SHARE][0] = '\0';
	cells[WORKER_COLUMN_METHOD] = text_of(worker, "request method");
	cells[WORKER_COLUMN_URI] = text_of(worker, "request uri");
	table_add(table, cells, keys,
	    strcmp(text_of(worker, "state"), "Running") == 0 ? TABLE_GOOD : TABLE_PLAIN, NULL);
}

void
show_workers(const struct show_status *status, struct table *table)
{
	const json_t *page, *worker;
	size_t i, n;

	table_init(
	    table, worker_columns, WORKER_COLUMNS, WORKER_COLUMN_STATE, WORKER_COLUMN_URI);
	json_array_foreach ((json_t *)status->pages, i, page)
		json_array_foreach (json_object_get(page, "processes"), n, worker)
			add_worker(table, worker);
}

static const json_t *
find_pool(const json_t *pools, const char *name)
{
	const json_t *pool;
	size_t i;

	json_array_foreach ((json_t *)pools, i, pool)
		if (strcmp(text_of(pool, "pool"), name) == 0)
			return pool;
	return NULL;
}

void
show_rates(struct show_status *status, const struct show_status *before, double seconds)
{
	static const char count[] = "accepted conn";
	const json_t *old;
	json_t *pool;
	double more;
	size_t i;

	json_array_foreach (status->pools, i, pool) {
		old = find_pool(before->pools, text_of(pool, "pool"));
		more = number_of(pool, count) - number_of(old, count);
		if (old != NULL && more >= 0 && seconds > 0)
			json_object_set_new(
			    pool, "requests per second 10s", json_real(more / seconds));
	}
}
