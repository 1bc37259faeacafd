/*
 * stop.h: where the program would accept its first connection, it stops and is a template.
 */
#ifndef ANYFPM_PRELOAD_STOP_H
#define ANYFPM_PRELOAD_STOP_H

#include <stdbool.h>

/* At the start of the program. False: it is not to be a template. */
bool stop_begin(void);

/* False when the program is not to be one any more: it speaks the protocol by itself, or has closed
 * the channel. */
bool stop_is_wanted(void);

/* Whether fd is the template's listening socket. */
bool stop_is_listener(int fd);

enum stopped {
	STOPPED_FOR_GOOD, /* this is a worker, where fd is its own; or it can be no template */
	STOPPED_TO_SERVE  /* it is to accept one connection, and to stop again before the next */
};

/* Be a template, which is about to accept on fd. */
enum stopped stop_here(int fd);

/* The program waits for connections in a way that cannot be forked. */
void stop_refuse(void);

#endif
