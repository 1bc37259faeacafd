/*
 * descriptors.h: what the template's descriptors were when it began, and how a worker gets its own
 * in their places.
 */
#ifndef ANYFPM_PRELOAD_DESCRIPTORS_H
#define ANYFPM_PRELOAD_DESCRIPTORS_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>

/* Which file it is, under whatever number; ino 0: none. */
struct descriptor {
	dev_t dev;
	ino_t ino;
};

#define DESCRIPTORS_LISTENERS 16

struct descriptors {
	int channel_fd;
	struct descriptor channel;
	struct descriptor streams[3]; /* the listening socket, stdout, stderr */
	int listeners[DESCRIPTORS_LISTENERS]; /* where the listening socket is */
	size_t listener_count;
};

/* Note what is there. number: that of the channel, in digits. False: there is no channel, or
 * nothing listens on descriptor 0. */
bool descriptors_begin(struct descriptors *d, const char *number);

bool descriptors_is_listener(const struct descriptors *d, int fd);

/* False when the program has closed the channel, whatever has its number now. */
bool descriptors_has_channel(const struct descriptors *d);

/* Note all places of the listening socket. fd: one that is known. */
void descriptors_find_listeners(struct descriptors *d, int fd);

/* In a worker: put its own there (enum in template.h); false with errno. */
bool descriptors_replace(const struct descriptors *d, const int *fds);

#endif
