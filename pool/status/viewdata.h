/* viewdata.h: what a status page shows, as data: items, and a row for each worker. */
#ifndef ANYFPM_POOL_STATUS_VIEWDATA_H
#define ANYFPM_POOL_STATUS_VIEWDATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pool/core/pool.h"

enum status_kind {
	STATUS_TEXT,	/* any bytes: every format has to make them harmless */
	STATUS_NUMBER,
	STATUS_MICROSECONDS,
	STATUS_DATE,	/* seconds since 1970 */
	STATUS_DECIMAL	/* two digits after the point */
};

/* text, decimal, or for all other kinds number. */
struct status_value {
	const char *text;
	uint64_t number;
	double decimal;
};

/* What is less than nothing is nothing. */
static inline struct status_value
status_number(int64_t n)
{
	return (struct status_value){ .number = n > 0 ? (uint64_t)n : 0 };
}

#define STATUS_KEY_MAX 48
#define STATUS_METRIC_MAX 64

/* A number of the pool as a whole. */
struct status_item {
	char key[STATUS_KEY_MAX]; /* lower case words with blanks between them */
	enum status_kind kind;
	struct status_value value;
	char metric[STATUS_METRIC_MAX]; /* its name for OpenMetrics, "": it is not there */
	bool counter;			/* else a gauge */
	const char *help;
};
#define STATUS_ITEMS_MAX 96

/* What is shown of each worker; the first thirteen are php-fpm's, in its order. */
enum status_process_key {
	PROCESS_PID,
	PROCESS_STATE, /* "Idle", "Running", "Ending" */
	PROCESS_START_TIME,
	PROCESS_START_SINCE, /* seconds */
	PROCESS_REQUESTS,
	PROCESS_DURATION, /* microseconds: of the running request so far, else of the last one */
	PROCESS_METHOD,
	PROCESS_URI,
	PROCESS_CONTENT_LENGTH,
	PROCESS_USER,
	PROCESS_SCRIPT,
	PROCESS_CPU,	     /* percent, of the last request */
	PROCESS_LAST_MEMORY, /* bytes */
	PROCESS_SLOT,
	PROCESS_STATE_SINCE, /* microseconds that it has been in this state */
	PROCESS_WAIT,	     /* microseconds that its request was in the queue */
	PROCESS_MEMORY,	     /* bytes now */
	PROCESS_SHARE,	     /* of them what counts for limits, measure_share() */
	PROCESS_RUNNING,     /* requests that it has now */
	PROCESS_KEYS
};
struct status_process_name {
	const char *key;
	enum status_kind kind;
};
extern const struct status_process_name status_process_names[PROCESS_KEYS];

struct status_process {
	struct status_value values[PROCESS_KEYS];
};

struct status_view {
	struct stats *stats; /* the pool's, for what the items do not hold, such as charts */
	int64_t now_us; /* monotonic */
	bool withdrawn;	/* health checks fail, by order */
	bool ending;	/* the pool takes nothing new, and finishes what it has */
	struct status_item items[STATUS_ITEMS_MAX];
	size_t item_count;
	struct status_process *processes; /* idle, then busy, then stopping ones */
	size_t process_count;		  /* 0 unless the page is a full one */
	struct worker_last *running;	  /* requests of the busy ones, to which processes point */
};

#endif
