/* feeder.c: the request's body on its way to the script. */
#include "config.h"

#include "contrib/adapters/cgi/feeder.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"

/* It calls little; but thread-local memory is in there, and sanitizers need some. */
#define STACK_SIZE (256 * 1024)

/* What is there of the body, waiting for one byte. 0: there is no more. */
static size_t
read_piece(FCGX_Stream *from, char *piece)
{
	int c = FCGX_GetChar(from);
	int more = (int)(from->stop - from->rdNext);

	if (c == EOF)
		return 0;
	piece[0] = (char)c;
	if (more > FEEDER_PIECE - 1)
		more = FEEDER_PIECE - 1;
	return 1 + (more > 0 ? (size_t)FCGX_GetStr(piece + 1, more, from) : 0);
}

static bool
write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n == -1 && errno != EINTR)
			return false;
		if (n > 0) {
			data += n;
			len -= (size_t)n;
		}
	}
	return true;
}

static void
end_of_body(struct feeder *f)
{
	f->is_whole = FCGX_GetError(f->from) == 0;
	if (!f->is_whole)
		atomic_store(&f->is_broken, true);
}

/* To the end of the body, or until the script has closed its side. */
static void
feed(struct feeder *f)
{
	size_t len;

	while ((len = read_piece(f->from, f->piece)) > 0)
		if (!write_all(*f->to, f->piece, len))
			return;
	end_of_body(f);
}

static void *
feed_in_thread(void *arg)
{
	struct feeder *f = arg;

	feed(f);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	fd_close(f->to);
	atomic_store(&f->has_ended, true);
	pthread_kill(f->parent, SIGCHLD);
	return NULL;
}

static bool
start_thread(struct feeder *f)
{
	sigset_t all, before;
	pthread_attr_t attributes;

	if (pthread_attr_init(&attributes) != 0)
		return false;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	f->has_thread = pthread_create(&f->thread, &attributes, feed_in_thread, f) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return f->has_thread;
}

bool
feeder_start(struct feeder *f, FCGX_Stream *from, int *to, bool has_body)
{
	int c;

	*f = (struct feeder){.from = from, .to = to, .parent = pthread_self()};
	if (has_body)
		return start_thread(f);
	if ((c = FCGX_GetChar(from)) != EOF) {
		FCGX_UnGetChar(c, from);
		return start_thread(f);
	}
	end_of_body(f);
	fd_close(to);
	atomic_store(&f->has_ended, true);
	return true;
}

/*
 * read() and write(), where the thread may wait, are where it can be cancelled (pthreads(7)). It
 * has nothing on its stack that AddressSanitizer guards, which does not see a cancelled thread
 * return.
 */
void
feeder_stop(struct feeder *f)
{
	if (f->has_thread) {
		pthread_cancel(f->thread);
		pthread_join(f->thread, NULL);
		f->has_thread = false;
	}
	fd_close(f->to);
	atomic_store(&f->has_ended, true);
}
