/* fixture.c: a pool without a network, for tests. Everything that fails here aborts. */
#undef NDEBUG
#include "config.h"

#include "pool/client/accept.h"
#include "pool/relay/finish.h"
#include "pool/worker/ready.h"
#include "tests/unit/fixture.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "conf/load.h"
#include "pool/client/client.h"
#include "pool/client/writing.h"
#include "pool/core/deadline.h"
#include "pool/core/worker.h"
#include "pool/handlers.h"
#include "pool/loop.h"
#include "pool/relay/ending.h"
#include "pool/request/request.h"
#include "pool/request/spool.h"
#include "pool/timers.h"
#include "pool/worker/permits.h"
#include "pool/worker/capture.h"
#include "pool/worker/worker.h"

/* More than any process id: signals to it reach nobody. */
#define NO_PID (INT_MAX - 1)
#define READ_MAX (1024 * 1024)
#define SETTLE_MS 20000

/* Set-up and end ------------------------------------------------------------- */

static struct conf *
read_settings(const char *settings)
{
	struct errors errors = {0};
	struct conf *conf;
	char *text;

	assert(asprintf(&text,
		   "[www]\nlisten = /nowhere/fixture.sock\ncommand = /bin/false\n"
		   "pm = static\npm.max_children = 4\n%s\n",
		   settings) > 0);
	conf = load_text(text, strlen(text), "fixture", &errors);
	if (conf == NULL)
		fprintf(stderr, "%s\n", errors.lines[0]);
	assert(conf != NULL);
	free(text);
	return conf;
}

void
fixture_init(struct fixture *f, const char *settings)
{
	const struct place place = { .first_slot = 1 };
	struct pool *pool = &f->pool;

	memset(f, 0, sizeof(*f));
	signal(SIGPIPE, SIG_IGN);
	f->conf = read_settings(settings);
	f->log_fd = memfd_create("log", MFD_CLOEXEC);
	assert(f->log_fd != -1);
	log_set_fd(f->log_fd);
	pool->global = &f->conf->global;
	pool->conf = TAILQ_FIRST(&f->conf->pools);
	pool->events = &handlers;
	pool_init(pool, &f->parts);
	pool->base = event_base_new();
	pool->buffers.scratch = malloc(SCRATCH_SIZE);
	pool->stats_memory = stats_memory_map(-1);
	assert(pool->base != NULL && pool->buffers.scratch != NULL && pool->stats_memory != NULL);
	pool->stats = stats_memory_begin(pool->stats_memory, &place,
	    pool->conf->request_queue_limit, pool->conf->max_children);
	/* Without a master no worker is started. */
	pool->orders->master_fd = pool->workers.program->socket_dir_fd = -1;
	pool->clients.listening->main.fd = pool->clients.listening->status.fd = -1;
	pool->clients.listening->main.pool = pool->clients.listening->status.pool = pool;
	pool->clients.max = FIXTURE_CLIENT_MAX;
	deadline_init(pool, timers);
	ready_init(pool);
	probe_init(pool);
	assert(places_init(pool));
}

/* The requests that are left have no client any more; their workers lose them. */
static void
part_workers(struct pool *pool)
{
	struct request *r;
	struct worker *w;

	while ((w = TAILQ_FIRST(&pool->workers.list[WORKER_BUSY])) != NULL) {
		struct conn *conn = TAILQ_FIRST(&w->conns.list[CONN_RUNNING]);

		chain_clear(&pool->buffers.chunks, &conn->head);
		request_set_state(finish_part(conn), REQUEST_DONE);
	}
	while ((r = TAILQ_FIRST(&pool->requests.list[REQUEST_RUNNING])) != NULL)
		request_set_state(r, REQUEST_DONE); /* moved there without a worker */
}

void
fixture_end_clients(struct fixture *f)
{
	struct pool *pool = &f->pool;
	struct client *c;

	for (int state = 0; state < CLIENT_CLOSED; state++) {
		while ((c = TAILQ_FIRST(&pool->clients.list[state])) != NULL)
			client_gone(c);
	}
	part_workers(pool);
	loop_bury(pool);
	fixture_settle(f);
	for (int state = 0; state < REQUEST_STATES; state++) {
		assert(TAILQ_EMPTY(&pool->requests.list[state]));
		assert(pool->requests.count[state] == 0);
	}
	assert(pool_clients(pool) == 0 && TAILQ_EMPTY(&pool->clients.flush));
	assert(TAILQ_EMPTY(&pool->requests.bodies));
}

static void
end_workers(struct pool *pool)
{
	struct worker *w;

	for (int state = 0; state < WORKER_DEAD; state++) {
		while ((w = TAILQ_FIRST(&pool->workers.list[state])) != NULL)
			worker_set_state(w, WORKER_DEAD);
	}
	loop_bury(pool);
}

void
fixture_free(struct fixture *f)
{
	struct pool *pool = &f->pool;

	fixture_end_clients(f);
	end_workers(pool);
	spool_end(pool, INT64_C(20000000));
	assert(pool->buffers.chunks.used_bytes == 0 && pool->buffers.ledger.taken == 0);
	request_free_all(pool);
	ready_destroy(pool);
	probe_destroy(pool);
	places_destroy(pool);
	deadline_destroy(pool);
	event_base_free(pool->base);
	chunk_pool_destroy(&pool->buffers.chunks);
	free(pool->buffers.scratch);
	stats_memory_unmap(pool->stats_memory);
	load_free(f->conf);
	log_set_fd(STDERR_FILENO);
	close(f->log_fd);
}

/* Clients and workers -------------------------------------------------------- */

int
fixture_client(struct fixture *f, struct client **c)
{
	static const uint8_t addr[16];
	struct client *made;
	int fds[2];

	assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
	made = accept_client(&f->pool.clients.listening->main, fds[0], addr);
	assert(made != NULL);
	if (c != NULL)
		*c = made;
	return fds[1];
}

/* A listening socket without a name, as socket.c makes it. */
static void
make_socket(struct worker *w)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	char dir[] = "/tmp/anyfpm-test-XXXXXX";

	assert(mkdtemp(dir) != NULL);
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/s", dir);
	w->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert(w->listen_fd != -1);
	assert(bind(w->listen_fd, (struct sockaddr *)&sun, sizeof(sun)) == 0);
	assert(listen(w->listen_fd, 8) == 0);
	w->path_fd = open(sun.sun_path, O_PATH | O_CLOEXEC);
	assert(w->path_fd != -1);
	assert(unlink(sun.sun_path) == 0 && rmdir(dir) == 0);
}

struct worker *
fixture_worker(struct fixture *f)
{
	struct worker *w = worker_new(&f->pool);

	assert(w != NULL);
	w->pid = NO_PID;
	capture_forget_tail(&w->captures); /* it has started */
	make_socket(w);
	worker_set_state(w, WORKER_IDLE);
	return w;
}

int
fixture_accept(struct worker *w)
{
	int fd = accept4(w->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	assert(fd != -1);
	return fd;
}

void
fixture_pass(struct fixture *f)
{
	/* Time stands still: what is due would start workers, too. */
	event_del(&f->pool.deadline.ev);
	f->pool.deadline.at_us = 0;
	event_base_loop(f->pool.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	writing_flush_due(&f->pool);
	loop_bury(&f->pool);
}

void
fixture_settle(struct fixture *f)
{
	while (f->pool.requests.spooler != NULL && jobs_count(f->pool.requests.spooler->jobs) > 0) {
		struct pollfd pfd = {
		    .fd = jobs_fd(f->pool.requests.spooler->jobs), .events = POLLIN};

		assert(poll(&pfd, 1, SETTLE_MS) == 1);
		fixture_pass(f);
	}
}

/* Sending and reading --------------------------------------------------------- */

void
fixture_send_bytes(struct fixture *f, int fd, const void *data, size_t len)
{
	const uint8_t *p = data;

	for (int idle = 0; len > 0 && idle < 8;) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

		if (n > 0) {
			p += n;
			len -= (size_t)n;
			idle = 0;
		} else if (errno != EAGAIN) {
			break; /* it has closed: whoever reads will see */
		} else {
			idle++;
		}
		fixture_pass(f);
	}
	fixture_pass(f);
}

void
fixture_send(struct fixture *f, int fd, const char *script)
{
	static uint8_t records[16384];

	fixture_send_bytes(f, fd, records, fixture_records(records, sizeof(records), script));
}

const char *
fixture_read(struct fixture *f, int fd)
{
	uint8_t *buf = malloc(READ_MAX);
	bool eof = false;
	size_t len = 0;

	assert(buf != NULL);
	for (int i = 0; i < 4 && !eof; i++) {
		ssize_t n;

		fixture_pass(f);
		while ((n = read(fd, buf + len, READ_MAX - len)) > 0)
			len += (size_t)n;
		eof = n == 0 || errno == ECONNRESET;
	}
	fixture_trace(f, buf, len);
	if (eof)
		fixture_note(f, "%seof", f->trace[0] != '\0' ? "; " : "");
	free(buf);
	return f->trace;
}

const char *
fixture_log(struct fixture *f)
{
	ssize_t n = pread(f->log_fd, f->log, sizeof(f->log) - 1, 0);

	assert(n >= 0);
	f->log[n] = '\0';
	return f->log;
}

uint8_t *
fixture_chain_bytes(const struct chain *chain)
{
	uint8_t *bytes = malloc(chain->len + 1);
	struct iovec iov[64];
	size_t done = 0;

	assert(bytes != NULL);
	while (done < chain->len) {
		int n = chain_iov(chain, done, iov, 64);

		assert(n > 0);
		for (int i = 0; i < n; i++) {
			memcpy(bytes + done, iov[i].iov_base, iov[i].iov_len);
			done += iov[i].iov_len;
		}
	}
	return bytes;
}
