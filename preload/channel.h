/*
 * channel.h: messages to the pool process, and its orders (template.h).
 */
#ifndef ANYFPM_PRELOAD_CHANNEL_H
#define ANYFPM_PRELOAD_CHANNEL_H

#include <stdbool.h>

#include "preload/template.h"

/* An order as it came, with its descriptors. */
struct delivery {
	struct template_order order;
	int fds[TEMPLATE_FDS]; /* -1: none */
	int error;	       /* an errno, when it is not what an order should be; or 0 */
};

/* False when nobody hears it. */
bool channel_say(int fd, enum template_word word, uint32_t serial, uint32_t arg);

/* Wait for an order; false at the end of the channel. */
bool channel_receive(int fd, struct delivery *delivery);

void channel_close(struct delivery *delivery);

#endif
