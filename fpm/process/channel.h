/*
 * channel.h: the master's end of the socketpair to one of its processes.
 *
 * The master never waits for it: what its socket does not take waits in a bounded queue.
 */
#ifndef ANYFPM_FPM_PROCESS_CHANNEL_H
#define ANYFPM_FPM_PROCESS_CHANNEL_H

#include <stddef.h>
#include <sys/queue.h>

#include "base/shared/message.h"

struct event;
struct event_base;

struct outgoing; /* a message that waits */

struct channel {
	int sock;                                     /* -1: closed */
	struct event *readable, *writable;            /* writable is pending while messages wait */
	STAILQ_HEAD(outgoing_list, outgoing) waiting; /* in the order they were sent */
	size_t waiting_bytes;

	void (*on_message)(const struct message *message, size_t len, void *arg);
	void (*on_end)(const char *why, void *arg); /* nothing comes any more; called once */
	void *arg;
};

/*
 * Open a channel with the callbacks set. Returns the descriptor for the other side, close-on-exec,
 * which the caller closes; or -1 with errno and nothing to close.
 */
int channel_open(struct channel *channel, struct event_base *base);

/* The same with an end that is open already, and is taken over in any case. 0, or -1. */
int channel_adopt(struct channel *channel, struct event_base *base, int sock);

void channel_close(struct channel *channel);

/* Send, now or as soon as the process reads; arguments as message_send(). pass stays the
 * caller's. 0, or -1 with errno (ENOBUFS: too many messages wait). */
int channel_send(struct channel *channel, enum message_type type, uint32_t arg, const void *data,
    size_t len, int pass);

#endif
