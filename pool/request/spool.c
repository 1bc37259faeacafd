/*
 * spool.c: a part of a request's body in an unlinked file, moved by a thread.
 *
 * One write and one read of a file are under way at most; the thread does the jobs of all files in
 * their order. It touches the descriptor and the chunks of the job that it has, and nothing else:
 * requests, counters and the pool of chunks belong to the event loop.
 */
#include "config.h"

#include "pool/request/spool.h"

#include <sys/uio.h>

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "pool/core/client.h"
#include "pool/core/events.h"
#include "pool/core/request.h"

/* What has been read of a file is given back to the disk in steps of so many bytes. */
#define PUNCH_BYTES (1024 * 1024)
/* Content of a record that fills a chunk. */
#define CONTENT_MAX ((CHUNK_DATA - FCGI_HEADER_LEN) & ~(size_t)7)
#define WRITE_IOV 64

/* Bytes that the thread moves. */
struct move {
	struct job job;
	struct chain chain; /* the bytes; or records, without header and padding until the end */
	uint64_t at;	    /* in the file */
	size_t len;	    /* 0: none is under way */
	int error;	    /* errno of the thread */
	struct spool *spool;
};

struct spool {
	struct pool *pool;
	struct request *owner;	/* NULL: it needs no more */
	const struct spool_reports *reports;
	atomic_bool is_dropped; /* likewise: nothing more is moved */
	const char *dir;
	int fd; /* the thread's; -1: not open */
	struct chain waiting; /* to be written next */
	struct move write, read;
	struct job close;
	/* Bytes since the file was last empty; its offsets, too. */
	uint64_t added, written, taken; /* taken <= written <= added */
};

/* The thread ----------------------------------------------------------- */

static int
open_file(const char *dir)
{
	char path[4096];
	int fd;

	fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);
	if (fd != -1 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
		return fd;
	snprintf(path, sizeof(path), "%s/anyfpm-spool-XXXXXX", dir);
	if ((fd = mkostemp(path, O_CLOEXEC)) != -1)
		unlink(path);
	return fd;
}

static int
write_all(int fd, const struct move *m)
{
	struct iovec iov[WRITE_IOV];

	for (size_t done = 0; done < m->len;) {
		int count = chain_iov(&m->chain, done, iov, WRITE_IOV);
		ssize_t n = pwritev(fd, iov, count, (off_t)(m->at + done));

		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == 0 ? ENOSPC : errno;
		done += (size_t)n;
	}
	return 0;
}

static void
run_write(void *arg)
{
	struct move *m = arg;
	struct spool *s = m->spool;

	if (atomic_load(&s->is_dropped))
		return;
	if (s->fd == -1 && (s->fd = open_file(s->dir)) == -1)
		m->error = errno;
	else
		m->error = write_all(s->fd, m);
}

static int
read_chunk(int fd, uint8_t *to, size_t len, uint64_t at)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = pread(fd, to + done, len - done, (off_t)(at + done));

		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == 0 ? EIO : errno;
		done += (size_t)n;
	}
	return 0;
}

/* The content of the next record of m, of which left bytes are to come. */
static size_t
content_len(uint64_t left)
{
	return left < CONTENT_MAX ? (size_t)left : CONTENT_MAX;
}

static void
run_read(void *arg)
{
	struct move *m = arg;
	struct spool *s = m->spool;
	uint64_t at = m->at, end = m->at + m->len;
	struct chunk *c;

	if (atomic_load(&s->is_dropped))
		return;
	for (c = TAILQ_FIRST(&m->chain.chunks); c != NULL && m->error == 0;
	    c = TAILQ_NEXT(c, next)) {
		size_t len = content_len(end - at);

		m->error = read_chunk(s->fd, c->data + FCGI_HEADER_LEN, len, at);
		at += len;
	}
	if (m->at / PUNCH_BYTES < end / PUNCH_BYTES) /* give back the disk behind us */
		fallocate(s->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)end);
}

static void
run_close(void *arg)
{
	struct spool *s = arg;

	fd_close(&s->fd);
}

/* The event loop -------------------------------------------------------- */

static void
on_done(evutil_socket_t fd, short what, void *arg)
{
	struct pool *pool = arg;

	jobs_collect(pool->requests.spooler->jobs);
	pool->events->settle(pool, SETTLE_QUEUE);
}

struct spooler *
spool_start(struct pool *pool)
{
	struct spooler *sp = pool->requests.spooler;

	if (sp != NULL)
		return sp;
	if ((sp = calloc(1, sizeof(*sp))) == NULL)
		return NULL;
	if ((sp->jobs = jobs_new("anyfpm-spool")) == NULL) {
		free(sp);
		return NULL;
	}
	event_assign(&sp->ev_done, pool->base, jobs_fd(sp->jobs), EV_READ | EV_PERSIST, on_done,
	    pool);
	if (event_add(&sp->ev_done, NULL) == -1) {
		jobs_end(sp->jobs, INT64_C(1000000));
		free(sp);
		errno = ENOMEM;
		return NULL;
	}
	pool->requests.spooler = sp;
	return sp;
}

void
spool_end(struct pool *pool, int64_t timeout_us)
{
	struct spooler *sp = pool->requests.spooler;

	if (sp == NULL)
		return;
	event_del(&sp->ev_done);
	if (jobs_end(sp->jobs, timeout_us))
		free(sp);
	pool->requests.spooler = NULL;
}

static void
put(struct spool *s, struct job *job)
{
	jobs_put(s->pool->requests.spooler->jobs, job);
}

/* Hand m over for the file's bytes [at, at + len). */
static void
move_begin(struct move *m, uint64_t at, size_t len)
{
	m->at = at;
	m->len = len;
	m->error = 0;
	put(m->spool, &m->job);
}

static void
write_begin(struct spool *s)
{
	if (s->write.len > 0 || s->waiting.len == 0)
		return;
	chain_join(&s->write.chain, &s->waiting);
	move_begin(&s->write, s->written, s->write.chain.len);
}

static void
done_write(void *arg)
{
	struct move *m = arg;
	struct spool *s = m->spool;
	size_t len = m->len;

	m->len = 0;
	chain_clear(&s->pool->buffers.chunks, &m->chain);
	if (s->owner == NULL)
		return;
	if (m->error == 0) {
		s->written += len;
		if (s->owner->client != NULL)
			s->owner->client->input.to_disk -= len;
		write_begin(s);
	}
	s->reports->written(s->owner, m->error);
}

/* The content is there: complete the records. */
static void
finish_records(struct move *m, uint16_t id)
{
	struct chunk *c;
	size_t left = m->len;

	TAILQ_FOREACH (c, &m->chain.chunks, next) {
		size_t len = content_len(left);

		fcgi_put_header(c->data, FCGI_STDIN, id, (uint16_t)len, FCGI_PADDING(len));
		memset(c->data + FCGI_HEADER_LEN + len, 0, FCGI_PADDING(len));
		left -= len;
	}
}

static void
done_read(void *arg)
{
	struct move *m = arg;
	struct spool *s = m->spool;

	if (s->owner != NULL && m->error == 0) {
		finish_records(m, s->owner->body.worker_id);
		s->taken += m->len;
		if (s->taken == s->added) /* begin at its front again */
			s->taken = s->written = s->added = 0;
		m->len = 0;
		s->reports->read(s->owner, &m->chain, 0);
		return;
	}
	m->len = 0;
	chain_clear(&s->pool->buffers.chunks, &m->chain);
	if (s->owner != NULL)
		s->reports->read(s->owner, NULL, m->error);
}

static void
done_close(void *arg)
{
	struct spool *s = arg;

	ledger_give(&s->pool->buffers.ledger, sizeof(*s));
	free(s);
}

static void
move_init(struct move *m, struct spool *s, void (*run)(void *), void (*done)(void *))
{
	m->spool = s;
	m->job = (struct job){ .run = run, .done = done, .arg = m };
	chain_init(&m->chain);
}

struct spool *
spool_new(struct request *r, const struct spool_reports *reports)
{
	const char *dir = getenv("TMPDIR");
	struct spool *s;

	if (spool_start(r->pool) == NULL || (s = calloc(1, sizeof(*s))) == NULL)
		return NULL;
	ledger_take(&r->pool->buffers.ledger, sizeof(*s));
	s->pool = r->pool;
	s->owner = r;
	s->reports = reports;
	atomic_init(&s->is_dropped, false);
	s->dir = dir == NULL || *dir == '\0' ? "/tmp" : dir;
	s->fd = -1;
	chain_init(&s->waiting);
	move_init(&s->write, s, run_write, done_write);
	move_init(&s->read, s, run_read, done_read);
	s->close = (struct job){ .run = run_close, .done = done_close, .arg = s };
	return s;
}

bool
spool_add(struct spool *s, const uint8_t *data, size_t len)
{
	if (!chain_append(&s->pool->buffers.chunks, &s->waiting, data, len)) {
		errno = ENOMEM;
		return false; /* the request is over: it is only dropped now */
	}
	s->added += len;
	if (s->owner->client != NULL)
		s->owner->client->input.to_disk += len;
	write_begin(s);
	return true;
}

bool
spool_read(struct spool *s, size_t room)
{
	struct move *m = &s->read;
	uint64_t left = s->written - s->taken;
	size_t len = 0, ignored;

	if (m->len > 0)
		return true;
	for (; left > 0 && room >= CHUNK_DATA; room -= CHUNK_DATA) {
		size_t n = content_len(left);

		if (chain_reserve(&s->pool->buffers.chunks, &m->chain, CHUNK_DATA, &ignored) ==
		    NULL)
			break;
		chain_commit(&m->chain, FCGI_HEADER_LEN + n + FCGI_PADDING(n));
		left -= n;
		len += n;
	}
	if (len > 0)
		move_begin(m, s->taken, len);
	errno = ENOMEM;
	return len > 0 || left == 0 || room < CHUNK_DATA;
}

uint64_t
spool_left(const struct spool *s)
{
	return s->added - s->taken;
}

size_t
spool_unwritten(const struct spool *s)
{
	return (size_t)(s->added - s->written);
}

void
spool_drop(struct spool *s)
{
	if (s->owner->client != NULL)
		s->owner->client->input.to_disk -= spool_unwritten(s);
	s->owner = NULL;
	atomic_store(&s->is_dropped, true);
	chain_clear(&s->pool->buffers.chunks, &s->waiting);
	put(s, &s->close);
}
