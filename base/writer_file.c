/* writer_file.c: a destination of the writer: its queue, its descriptor, and what it has lost. */
#include "config.h"

#include "base/writer_file.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"

#define RING_SIZE (2 * 1024 * 1024)
#define BATCH_IOV 256
/* Without the thread: how long a reader is waited for, once. */
#define DIRECT_WAIT_MS 1000
/* Losses are over when a destination has worked this long; or they are reported after this long. */
#define QUIET_US 1000000
#define REPORT_US 60000000

struct writer_file *
writer_file_new(const char *name)
{
	struct writer_file *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	f->out.fd = f->next_fd = -1;
	if ((f->name = strdup(name)) == NULL ||
	    !ring_init(&f->ring, RING_SIZE)) {
		free(f->name);
		free(f);
		return NULL;
	}
	return f;
}

void
writer_file_free(struct writer_file *f)
{
	fd_close(&f->out.fd);
	fd_close(&f->next_fd);
	ring_destroy(&f->ring);
	free(f->name);
	free(f);
}

void
writer_file_lose(struct writer_file *f, uint64_t lines, int error)
{
	f->lost += lines;
	f->error = error;
	f->works = false;
}

static const char *
reason(const struct writer_file *f)
{
	return f->error == 0 || f->error == EAGAIN ? "it takes them too slowly"
						    : strerror(f->error);
}

void
writer_file_switch(struct writer_file *f)
{
	int old = f->out.fd;

	output_set(&f->out, f->next_fd);
	f->next_fd = -1;
	f->sent = 0; /* what the old file has a part of, the new one gets whole */
	f->waiting = false;
	close(old);
}

/* n bytes of the oldest lines are written. */
static void
consume(struct writer_file *f, size_t n)
{
	f->works = true;
	while (n > 0) {
		size_t left = ring_first(&f->ring) - f->sent;

		if (n < left) {
			f->sent += n;
			return;
		}
		n -= left;
		f->sent = 0;
		ring_drop(&f->ring);
	}
}

/* The oldest lines cannot be written. */
static void
give_up(struct writer_file *f, unsigned int lines, int error)
{
	if (f->sent > 0)
		f->out.torn = true;
	f->sent = 0;
	writer_file_lose(f, lines, error);
	while (lines-- > 0)
		ring_drop(&f->ring);
}

static void
pump_send(struct writer_file *f, char *line, pthread_mutex_t *lock)
{
	struct iovec iov[2];
	size_t bytes;
	int count, error;

	ring_look(&f->ring, f->ring.tail, 0, 1, iov, 2, &count, &bytes);
	memcpy(line, iov[0].iov_base, iov[0].iov_len);
	if (count > 1)
		memcpy(line + iov[0].iov_len, iov[1].iov_base, iov[1].iov_len);
	pthread_mutex_unlock(lock);
	error = f->send(line, bytes, f->arg);
	pthread_mutex_lock(lock);
	if (error == 0)
		consume(f, bytes);
	else
		give_up(f, 1, error);
}

/* Write once. The lock is free meanwhile: nobody else touches what is queued already, f->out, or
 * f->sent. */
static void
pump_fd(struct writer_file *f, pthread_mutex_t *lock)
{
	struct iovec iov[1 + BATCH_IOV];
	unsigned int lines;
	size_t bytes;
	ssize_t n;
	int count, error;

	lines = ring_look(&f->ring, f->next_fd != -1 ? f->next_at : f->ring.tail, f->sent,
	    f->out.limit, iov + 1, BATCH_IOV, &count, &bytes);
	pthread_mutex_unlock(lock);
	n = output_write(&f->out, iov, count);
	error = errno;
	pthread_mutex_lock(lock);
	if (n >= 0)
		consume(f, (size_t)n);
	else if (error == EAGAIN)
		f->waiting = true;
	else
		give_up(f, lines, error);
}

static void
pump_once(struct writer_file *f, pthread_mutex_t *lock)
{
	char *line;

	if (f->next_fd != -1 && (f->ring.head >= f->next_at || f->waiting))
		writer_file_switch(f);
	if (ring_first(&f->ring) == 0 || f->waiting)
		return;
	if (f->send == NULL)
		pump_fd(f, lock);
	else if ((line = malloc(ring_first(&f->ring))) != NULL) {
		pump_send(f, line, lock);
		free(line);
	} else
		give_up(f, 1, ENOMEM);
	if (f->next_fd == -1)
		ring_rewind(&f->ring);
}

void
writer_file_pump(struct writer_file *f, pthread_mutex_t *lock)
{
	uint64_t end = f->ring.tail;

	do
		pump_once(f, lock);
	while (!f->waiting && ring_first(&f->ring) > 0 && f->ring.head < end);
}

void
writer_file_drop(struct writer_file *f)
{
	while (ring_first(&f->ring) > 0)
		give_up(f, 1, EAGAIN);
}

bool
writer_file_put(struct writer_file *f, const char *line, size_t len)
{
	struct iovec iov[2];
	ssize_t n;
	int error;

	if (f->send != NULL) {
		if ((error = f->send(line, len, f->arg)) != 0)
			writer_file_lose(f, 1, error);
		return error == 0;
	}
	for (size_t sent = 0; sent < len; sent += (size_t)n) {
		struct pollfd p = { .fd = f->out.fd, .events = POLLOUT };

		iov[1] = (struct iovec){ (void *)(uintptr_t)(line + sent), len - sent };
		n = output_write(&f->out, iov, 1);
		if (n == -1 && errno == EAGAIN && !f->waiting) {
			n = 0;
			f->waiting = poll(&p, 1, DIRECT_WAIT_MS) <= 0;
		}
		if (n == -1) {
			f->out.torn = f->out.torn || sent > 0;
			writer_file_lose(f, 1, errno);
			return false;
		}
		if (n > 0)
			f->waiting = false;
	}
	return true;
}

int64_t
writer_file_report(struct writer_file *f, bool at_end, pthread_mutex_t *lock,
    writer_report *report)
{
	int64_t now;
	uint64_t lines = f->lost - f->lost_reported;
	const char *why = reason(f);
	bool over;

	if (lines == 0)
		return 0;
	now = clock_now_us();
	if (f->lost != f->lost_seen) {
		f->lost_seen = f->lost;
		f->lost_us = now;
	}
	if (!f->announced && !at_end) {
		f->announced = true;
		f->announced_us = now;
		pthread_mutex_unlock(lock);
		report(f, f->name, 0, why);
		pthread_mutex_lock(lock);
	}
	over = f->works && (now >= f->lost_us + QUIET_US || now >= f->announced_us + REPORT_US);
	if (!over && !at_end)
		return !f->works ? 0
		    : f->lost_us + QUIET_US < f->announced_us + REPORT_US ? f->lost_us + QUIET_US
		    : f->announced_us + REPORT_US;
	f->announced = false;
	f->lost_reported += lines;
	pthread_mutex_unlock(lock);
	report(f, f->name, lines, why);
	pthread_mutex_lock(lock);
	return 0;
}
