/*
 * body.c: a request's input on its way to a worker.
 *
 * It waits in r->in, already in the form of records for the worker. A connection that carries
 * several requests cannot be paused for one of them, so there the rest goes to an unlinked file;
 * once the file is in use everything passes through it, which keeps the order.
 */
#include "config.h"

#include "pool/body.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "pool/stream.h"

/* The least that is buffered for a worker that reads slowly. */
#define WINDOW_MIN 65536
/* What has been read of a spool file is given back to the disk in steps of so many bytes. */
#define SPOOL_PUNCH (1024 * 1024)

/* Bytes of input that may wait in memory. */
static size_t
body_window(const struct request *r)
{
	const struct pool *pool = r->pool;

	if (ledger_level(&pool->ledger) >= LEDGER_TIGHT)
		return CHUNK_SIZE;
	if (pool->conf->request_buffer_size > WINDOW_MIN)
		return pool->conf->request_buffer_size;
	return WINDOW_MIN;
}

size_t
body_unsent(const struct request *r)
{
	return r->in.len - r->in_sent;
}

static bool
spooling(const struct request *r)
{
	return r->spool_written > r->spool_read;
}

bool
body_is_full(const struct request *r)
{
	return body_unsent(r) >= body_window(r);
}

bool
body_has_room(const struct request *r)
{
	return body_unsent(r) <= body_window(r) / 2;
}

bool
body_all_sent(const struct request *r)
{
	return r->in_end && body_unsent(r) == 0;
}

static int
spool_open(void)
{
	const char *dir = getenv("TMPDIR");
	char path[4096];
	int fd;

	if (dir == NULL || *dir == '\0')
		dir = "/tmp";
	fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);
	if (fd != -1 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
		return fd;
	snprintf(path, sizeof(path), "%s/anyfpm-spool-XXXXXX", dir);
	if ((fd = mkostemp(path, O_CLOEXEC)) != -1)
		unlink(path);
	return fd;
}

static bool
spool_add(struct request *r, const uint8_t *data, size_t len)
{
	errno = EFBIG;
	if (r->spool_written - r->spool_read + len > r->pool->conf->request_spool_size)
		return false;
	if (r->spool_fd == -1 && (r->spool_fd = spool_open()) == -1)
		return false;
	while (len > 0) {
		ssize_t n = pwrite(r->spool_fd, data, len, (off_t)r->spool_written);

		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		data += n;
		len -= (size_t)n;
		r->spool_written += (uint64_t)n;
	}
	return true;
}

bool
body_add(struct request *r, uint8_t type, const uint8_t *data, size_t len)
{
	struct pool *pool = r->pool;

	r->body_bytes += len;
	if (spooling(r) ||
	    (body_is_full(r) && (r->client->multiplexes || r->state == REQUEST_PARAMS))) {
		/* The file holds one stream only; FCGI_DATA follows FCGI_STDIN. */
		errno = EFBIG;
		return type == FCGI_STDIN && spool_add(r, data, len);
	}
	errno = ENOMEM;
	return stream_append(&pool->chunks, &r->in, type, FCGI_WORKER_ID, data, len);
}

/* Append the end of the stream; with the end of the last one the input is whole. */
static bool
append_end(struct request *r, uint8_t type)
{
	if (!stream_end(&r->pool->chunks, &r->in, type, FCGI_WORKER_ID))
		return false;
	if (type == FCGI_DATA || r->role != FCGI_FILTER)
		r->in_end = true;
	return true;
}

bool
body_end(struct request *r, uint8_t type)
{
	if (type == FCGI_STDIN) {
		r->stdin_end = true;
		if (spooling(r))
			return true; /* body_refill() appends it */
	}
	return append_end(r, type);
}

/* Move the next record's worth of the file to `in`; the file is read straight into its chunk. */
static bool
refill_record(struct request *r)
{
	size_t room, want;
	ssize_t n;
	uint8_t *to = chain_reserve(&r->pool->chunks, &r->in, FCGI_SMALL_RECORD_LEN, &room);

	if (to == NULL)
		return false;
	want = (room - FCGI_HEADER_LEN) & ~(size_t)7;
	if (want > r->spool_written - r->spool_read)
		want = (size_t)(r->spool_written - r->spool_read);
	do {
		n = pread(r->spool_fd, to + FCGI_HEADER_LEN, want, (off_t)r->spool_read);
	} while (n == -1 && errno == EINTR);
	if (n <= 0)
		return false;
	want = FCGI_PADDING((size_t)n);
	fcgi_put_header(to, FCGI_STDIN, FCGI_WORKER_ID, (uint16_t)n, (uint8_t)want);
	memset(to + FCGI_HEADER_LEN + n, 0, want);
	chain_commit(&r->in, FCGI_HEADER_LEN + (size_t)n + want);
	r->spool_read += (uint64_t)n;
	if (!spooling(r))
		r->spool_read = r->spool_written = 0;
	else if (r->spool_read % SPOOL_PUNCH < (uint64_t)n) /* give back the disk behind us */
		fallocate(r->spool_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
		    (off_t)r->spool_read);
	return true;
}

bool
body_refill(struct request *r)
{
	while (spooling(r) && !body_is_full(r)) {
		if (!refill_record(r))
			return false;
		if (!spooling(r) && r->stdin_end && !append_end(r, FCGI_STDIN))
			return false;
	}
	return true;
}

void
body_drop_sent(struct request *r)
{
	if (r->in_sent == 0)
		return;
	chain_consume(&r->pool->chunks, &r->in, r->in_sent);
	r->in_sent = 0;
	r->in_dropped = true;
}

void
body_sent(struct request *r, size_t n)
{
	r->in_sent += n;
	if (r->responded || r->in_dropped || r->in.len > body_window(r))
		body_drop_sent(r);
}
