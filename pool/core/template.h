/* template.h: the data of a template (template/template.c). */
#ifndef ANYFPM_POOL_CORE_TEMPLATE_H
#define ANYFPM_POOL_CORE_TEMPLATE_H

#include <event2/event.h>
#include <event2/event_struct.h>

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "pool/core/states.h"
#include "pool/core/worker.h"
#include "pool/wire/fcgi.h"

#define TEMPLATE_REFUSAL_MAX 256
#define TEMPLATE_REASON_MAX 96

struct pool;

/* Its one request (template/warmup.c). */
enum template_warmup_state {
	TEMPLATE_WARMUP_NONE,
	TEMPLATE_WARMUP_RUNS,
	TEMPLATE_WARMUP_DONE,
	TEMPLATE_WARMUP_FAILED /* why says why */
};

#define TEMPLATE_HEAD_MAX 1024
struct template_warmup {
	enum template_warmup_state state;
	uint32_t serial; /* of the order to serve it */
	struct event ev_read;
	struct fcgi_decoder decoder;
	uint8_t head[TEMPLATE_HEAD_MAX]; /* how its answer begins, as far as there is room */
	size_t head_len;
	uint8_t end[8]; /* the body of END_REQUEST as it comes */
	size_t end_len;
	char why[64];
};

struct template {
	enum template_state state;
	char refusal[TEMPLATE_REFUSAL_MAX]; /* why workers are executed; empty: they need not be */
	pid_t pid;
	int sock; /* the channel; -1: there is none */
	struct event ev_read;
	int listen_fd, probe_fd; /* its listening socket, and a connection to it that only a program
	                          * accepts that cannot be stopped; -1: there is none */
	int exec_fd; /* as a worker's */
	bool is_loaded; /* the library has said so */
	int64_t started_us, since_us; /* of the process, of the state */
	int64_t kill_us; /* in TEMPLATE_STOPPING */
	int64_t waits_us; /* when the oldest order that is not answered was given; 0: there is none */
	uint64_t failed_ticks; /* when one began that died before it was ready: nobody has a use
				* for what it has left; 0: that is not so */
	uint32_t serial; /* of the last order */
	uint32_t answered; /* of those answered the last */
	uint64_t forks;  /* workers that came of it */
	struct template_warmup warmup;
	char stop_reason[TEMPLATE_REASON_MAX]; /* why it was asked to end; "" if it was not */
	struct captures captures;
};

/* Whether there should be one: pm.preload is set, and the program can be forked as far as is known. */
bool template_is_wanted(const struct pool *pool);

/* Whether workers are forked by it now. */
bool template_is_used(const struct pool *pool);

/* Whether no worker can be started before there is another. */
bool template_is_awaited(const struct pool *pool);

/* Whether that is its process. */
bool template_is(const struct pool *pool, pid_t pid);

#endif
