/* ends.h: the ways in which a request can end, and what each of them is called and answered. */
#ifndef ANYFPM_BASE_SHARED_ENDS_H
#define ANYFPM_BASE_SHARED_ENDS_H

#include <stddef.h>

#include "conf/conf.h"

/* END_OK: its worker answered it, with whatever status. The others' rows are in ends.def. */
enum request_end {
#define END(name, ...) END_##name,
#include "base/shared/ends.def"
#undef END
	REQUEST_ENDS
};

/* What the limit is a limit of, that is in the way. */
enum ends_measure {
	ENDS_NOTHING, /* there is none */
	ENDS_TIME,    /* running time or processor time */
	ENDS_MEMORY,  /* of its worker */
	ENDS_WAIT,    /* time in the queue */
	ENDS_QUEUE    /* requests in the queue */
};

/* What Retry-After goes by, when the answer is 503. */
enum ends_retry {
	ENDS_RETRY_NEVER, /* Buffers, memory or a disk are full: nobody knows how long. The service
			   * stops: nobody knows until when. It used too much of a limit: it would
			   * do so again. */
	ENDS_RETRY_START, /* the next attempt to start a worker */
	ENDS_RETRY_QUEUE  /* the time that the queue needs */
};

struct ends_row {
	const char *word;     /* in the access log, a label of the metrics, a key's last part */
	unsigned int status;  /* of the answer, unless the place has its own; 0: there is none */
	const char *sentence; /* in it, HTML; NULL: there is none */
	const char *directive; /* with the limit, NULL: none */
	enum ends_measure measure;
	size_t limit; /* where it stands in struct conf_pool */
	enum ends_retry retry;
	const char *help; /* of the metric */
	const char *told; /* after a number of requests, on the status page for people */
};
extern const struct ends_row ends_table[REQUEST_ENDS];

#define ENDS_KEY_MAX 48

/* The key of how many ended so: "requests queue full". */
void ends_key(char key[ENDS_KEY_MAX], enum request_end end);

/* The limit of a request that ended so: seconds, bytes or requests, by its measure; 0: none. */
double ends_limit(enum request_end end, const struct conf_pool *conf);

#endif
