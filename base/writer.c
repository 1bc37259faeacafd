/*
 * writer.c: the thread that writes logs, and the queues that lead to it.
 *
 * Whoever puts a line only copies it, under a lock that is never held while something is written,
 * and wakes the thread if it sleeps. A destination that takes nothing for now keeps its lines until
 * its queue is full and delays no other, unless it hangs in the system call itself. The thread
 * sleeps without a timeout when there is nothing to do.
 */
#include "config.h"

#include "base/writer.h"

#include <sys/eventfd.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/queue.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/thread.h"
#include "base/writer_file.h"

#define RING_HURRY (512 * 1024) /* queued bytes that are not left to gather */
#define GATHER_MS 5
#define FILES_MAX 16
/* For the thread, to end after it has given up. */
#define STOP_GRACE_US 100000

enum writer_state {
	WRITER_DIRECT,	 /* there is no thread */
	WRITER_RUNNING,
	WRITER_STOPPING, /* the thread writes what is queued and ends */
	WRITER_HUNG	 /* the thread did not end: nothing is written any more */
};

static struct {
	pthread_mutex_t lock; /* of all that follows, and of every file, except where noted */
	pthread_cond_t ended;
	pthread_t thread;
	enum writer_state state;
	int wake_fd;
	writer_report *report; /* set before the thread is started */
	bool asleep;	/* a line has to wake the thread */
	bool gathering; /* only one that does not want to wait has to */
	bool hurry;	/* there is one that does not want to wait */
	bool has_ended;
	int64_t stop_us; /* in WRITER_STOPPING: when to give up */
	unsigned int file_count;
	TAILQ_HEAD(, writer_file) files;
} writer = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.state = WRITER_DIRECT,
	.wake_fd = -1,
	.files = TAILQ_HEAD_INITIALIZER(writer.files),
};

static bool
has_thread(void)
{
	return writer.state == WRITER_RUNNING || writer.state == WRITER_STOPPING;
}

/* Needs the lock. */
static void
wake(void)
{
	const uint64_t one = 1;

	writer.asleep = writer.gathering = false;
	while (write(writer.wake_fd, &one, sizeof(one)) == -1 && errno == EINTR)
		;
}

static int64_t
report_all(bool at_end)
{
	struct writer_file *f;
	int64_t at, next = 0;

	TAILQ_FOREACH (f, &writer.files, link) {
		if ((at = writer_file_report(f, at_end, &writer.lock, writer.report)) != 0 &&
		    (next == 0 || at < next))
			next = at;
	}
	return next;
}

/* The thread ----------------------------------------------------------- */

/* Whether anything can be done for f now. */
static bool
is_due(const struct writer_file *f)
{
	return f->next_fd != -1 || f->closing || (!f->waiting && ring_first(&f->ring) > 0);
}

static bool
any_due(void)
{
	const struct writer_file *f;

	TAILQ_FOREACH (f, &writer.files, link) {
		if (is_due(f))
			return true;
	}
	return false;
}

static void
file_remove(struct writer_file *f)
{
	TAILQ_REMOVE(&writer.files, f, link);
	writer.file_count--;
	writer_file_free(f);
}

/* Write what each destination has queued now, as far as it takes it. */
static void
pump_all(void)
{
	struct writer_file *f, *next;

	for (f = TAILQ_FIRST(&writer.files); f != NULL; f = next) {
		writer_file_pump(f, &writer.lock);
		if (f->closing) {
			if (f->waiting)
				writer_file_drop(f);
			if (ring_first(&f->ring) == 0)
				writer_file_report(f, true, &writer.lock, writer.report);
		}
		next = TAILQ_NEXT(f, link);
		if (f->closing && ring_first(&f->ring) == 0)
			file_remove(f);
	}
}

/* Sleep until a line wakes us, a destination takes lines again, or timeout_ms (-1: none). The lock
 * is free meanwhile. */
static void
doze(int timeout_ms)
{
	struct pollfd fds[1 + FILES_MAX];
	struct writer_file *files[1 + FILES_MAX], *f;
	nfds_t count = 1;
	uint64_t ignored;

	fds[0] = (struct pollfd){ .fd = writer.wake_fd, .events = POLLIN };
	TAILQ_FOREACH (f, &writer.files, link) {
		if (!f->waiting)
			continue;
		files[count] = f;
		fds[count++] = (struct pollfd){ .fd = f->out.fd, .events = POLLOUT };
	}
	pthread_mutex_unlock(&writer.lock);
	if (poll(fds, count, timeout_ms) == -1)
		count = 0;
	pthread_mutex_lock(&writer.lock);
	writer.asleep = writer.gathering = false;
	if (count > 0 && fds[0].revents != 0 &&
	    read(writer.wake_fd, &ignored, sizeof(ignored)) == -1)
		return; /* it is not blocking */
	for (nfds_t i = 1; i < count; i++) {
		if (fds[i].revents != 0)
			files[i]->waiting = false;
	}
}

static int
ms_until(int64_t at_us)
{
	int64_t us = at_us - clock_now_us();

	return us <= 0 ? 0 : (int)(us / 1000 + 1);
}

static bool
any_queued(void)
{
	const struct writer_file *f;

	TAILQ_FOREACH (f, &writer.files, link) {
		if (ring_first(&f->ring) > 0)
			return true;
	}
	return false;
}

/* What is still queued at the end is lost. */
static void
drop_all(void)
{
	struct writer_file *f;

	TAILQ_FOREACH (f, &writer.files, link)
		writer_file_drop(f);
}

static void
run(void)
{
	int64_t report_us = 0;

	while (writer.state == WRITER_RUNNING) {
		if (!any_due()) {
			writer.asleep = true;
			doze(report_us == 0 ? -1 : ms_until(report_us));
		}
		if (writer.state == WRITER_RUNNING && !writer.hurry) {
			writer.gathering = true;
			doze(GATHER_MS);
		}
		writer.hurry = false;
		pump_all();
		report_us = report_all(false);
	}
	while (any_queued() && clock_now_us() < writer.stop_us) {
		pump_all();
		if (any_queued() && !any_due())
			doze(ms_until(writer.stop_us));
	}
	drop_all();
	report_all(true);
	pump_all();
	drop_all();
}

static void *
thread_main(void *arg)
{
	thread_set_name("anyfpm-log");
	pthread_mutex_lock(&writer.lock);
	run();
	writer.has_ended = true;
	pthread_cond_signal(&writer.ended);
	pthread_mutex_unlock(&writer.lock);
	return NULL;
}

int
writer_start(writer_report *report)
{
	int error;

	if (writer.state == WRITER_HUNG) {
		errno = EBUSY;
		return -1;
	}
	if ((writer.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) == -1)
		return -1;
	thread_cond_init(&writer.ended);
	writer.report = report;
	writer.has_ended = writer.asleep = writer.gathering = false;
	writer.state = WRITER_RUNNING;
	error = thread_start(&writer.thread, thread_main, NULL);
	if (error == 0)
		return 0;
	writer.state = WRITER_DIRECT;
	fd_close(&writer.wake_fd);
	errno = error;
	return -1;
}

void
writer_stop(int64_t timeout_us)
{
	int64_t end_us;

	if (writer.state != WRITER_RUNNING)
		return;
	pthread_mutex_lock(&writer.lock);
	writer.state = WRITER_STOPPING;
	writer.stop_us = clock_now_us() + timeout_us;
	wake();
	end_us = writer.stop_us + STOP_GRACE_US;
	while (!writer.has_ended && thread_cond_wait(&writer.ended, &writer.lock, end_us))
		;
	writer.state = writer.has_ended ? WRITER_DIRECT : WRITER_HUNG;
	pthread_mutex_unlock(&writer.lock);
	if (writer.state == WRITER_HUNG) {
		pthread_detach(writer.thread);
		return;
	}
	pthread_join(writer.thread, NULL);
	pthread_cond_destroy(&writer.ended);
	fd_close(&writer.wake_fd);
}

/* Destinations --------------------------------------------------------- */

static struct writer_file *
file_add(struct writer_file *f)
{
	bool room;

	if (f == NULL)
		return NULL;
	pthread_mutex_lock(&writer.lock);
	if ((room = writer.file_count < FILES_MAX)) {
		TAILQ_INSERT_TAIL(&writer.files, f, link);
		writer.file_count++;
	}
	pthread_mutex_unlock(&writer.lock);
	if (room)
		return f;
	writer_file_free(f);
	return NULL;
}

struct writer_file *
writer_open(const char *name, int fd)
{
	struct writer_file *f = writer_file_new(name);

	if (f == NULL)
		fd_close(&fd);
	else
		output_set(&f->out, fd);
	return file_add(f);
}

struct writer_file *
writer_open_send(const char *name, writer_send *send, void *arg)
{
	struct writer_file *f = writer_file_new(name);

	if (f != NULL) {
		f->send = send;
		f->arg = arg;
	}
	return file_add(f);
}

void
writer_set_urgent(struct writer_file *f)
{
	f->urgent = true;
}

void
writer_reopen(struct writer_file *f, int fd)
{
	pthread_mutex_lock(&writer.lock);
	if (f->next_fd == -1)
		f->next_at = f->ring.tail;
	fd_close(&f->next_fd);
	f->next_fd = fd;
	if (!has_thread())
		writer_file_switch(f);
	else if (writer.asleep)
		wake();
	pthread_mutex_unlock(&writer.lock);
}

/* With it. Needs the lock. */
static bool
put_queue(struct writer_file *f, const char *line, size_t len)
{
	bool room = len <= WRITER_LINE_MAX && ring_put(&f->ring, line, len), urgent = f->urgent;

	if (!room) {
		urgent = f->lost == f->lost_seen; /* the first: it is reported at once */
		writer_file_lose(f, 1, len > WRITER_LINE_MAX ? EMSGSIZE : 0);
	} else if (ring_used(&f->ring) > RING_HURRY && !f->waiting)
		urgent = true;
	writer.hurry = writer.hurry || urgent;
	if ((writer.asleep && !(f->waiting && room)) || (writer.gathering && urgent))
		wake();
	return room;
}

bool
writer_put(struct writer_file *f, const char *line, size_t len)
{
	bool done = false;

	pthread_mutex_lock(&writer.lock);
	if (has_thread())
		done = put_queue(f, line, len);
	else if (writer.state == WRITER_DIRECT)
		done = writer_file_put(f, line, len);
	else
		writer_file_lose(f, 1, EAGAIN);
	pthread_mutex_unlock(&writer.lock);
	return done;
}

uint64_t
writer_lost(const struct writer_file *f)
{
	uint64_t lost;

	pthread_mutex_lock(&writer.lock);
	lost = f->lost;
	pthread_mutex_unlock(&writer.lock);
	return lost;
}

void
writer_close(struct writer_file *f)
{
	pthread_mutex_lock(&writer.lock);
	f->closing = true;
	if (writer.state == WRITER_DIRECT)
		file_remove(f);
	else if (writer.asleep)
		wake();
	pthread_mutex_unlock(&writer.lock);
}
