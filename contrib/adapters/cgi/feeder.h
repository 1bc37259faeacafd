/*
 * feeder.h: the request's body on its way to the script, by a thread of its own: libfcgi can only
 * wait for it, and must not keep the answer waiting meanwhile.
 */
#ifndef ANYFPM_CGI_FEEDER_H
#define ANYFPM_CGI_FEEDER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <fcgiapp.h>

#define FEEDER_PIECE 8192 /* as libfcgi reads */

struct feeder {
	FCGX_Stream *from;
	int *to; /* closed at the end of the body, and when the script reads no more */
	pthread_t thread, parent;
	bool has_thread;
	char piece[FEEDER_PIECE];
	atomic_bool has_ended; /* nothing is read of from any more */
	bool is_whole;         /* the body was read to its end */
	atomic_bool is_broken; /* it was aborted, or the connection lost */
};

/*
 * Begin to feed the descriptor. has_body: there may be bytes, for which a thread is needed. When
 * the thread ends it sends the caller SIGCHLD, which has to be caught. False: there can be no
 * thread.
 */
bool feeder_start(struct feeder *feeder, FCGX_Stream *from, int *to, bool has_body);

/* Stop it, wherever it is, and close the descriptor. */
void feeder_stop(struct feeder *feeder);

#endif
