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

static void
add_pool(struct table *table, const json_t *pool)
{
	const char *why = text_of(pool, "why"), *failed = text_of(pool, "reload failed");
	const char *cells[POOL_COLUMNS];
	char numbers[POOL_COLUMNS][16], note[TABLE_CELL_MAX];

	for (size_t i = 0; i < POOL_COLUMNS; i++)
		cells[i] = numbers[i];
	cells[POOL_NAME] = text_of(pool, "pool");
	cells[POOL_STATE] = text_of(pool, "state");
	table_number(numbers[POOL_BUSY], number_of(pool, "active processes"), 1000);
	table_number(numbers[POOL_IDLE], number_of(pool, "idle processes"), 1000);
	table_number(numbers[POOL_MAX], number_of(pool, "max children"), 1000);
	table_number(numbers[POOL_QUEUE], number_of(pool, "listen queue"), 1000);
	table_number(numbers[POOL_REQUESTS], number_of(pool, "accepted conn"), 1000);
	table_number(numbers[POOL_RATE], number_of(pool, "requests per second 10s"), 1000);
	table_duration(
	    numbers[POOL_P99], (long long)number_of(pool, "request duration p99"));
	table_number(numbers[POOL_SLOW], number_of(pool, "slow requests"), 1000);
	table_number(numbers[POOL_ERRORS], number_of(pool, "responses 5xx"), 1000);
	table_number(numbers[POOL_LIMITS], count_limited(pool), 1000);
	if (*why != '\0')
		snprintf(note, sizeof(note), "%s", why);
	else
		snprintf(note, sizeof(note), "reload failed: %s", failed);
	table_add(table, cells, color_of(cells[POOL_STATE]),
	    *why != '\0' || *failed != '\0' ? note : NULL);
}

void
show_pools(const struct show_status *status, struct table *table)
{
	const json_t *pool;
	size_t i;

	table_init(table, pool_columns, POOL_COLUMNS, POOL_STATE);
	json_array_foreach ((json_t *)status->pools, i, pool)
		add_pool(table, pool);
}
