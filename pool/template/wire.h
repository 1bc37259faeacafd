/* wire.h: the channel to a template, as bytes (preload/template.h). */
#ifndef ANYFPM_POOL_TEMPLATE_WIRE_H
#define ANYFPM_POOL_TEMPLATE_WIRE_H

#include <sys/types.h>

#include "preload/template.h"

/* Make a channel: pair[0] is ours, non-blocking, and hears whose each message is; pair[1] the
 * template's. 0, or -1 with errno. */
int template_wire_open(int pair[2]);

/* Give an order with its descriptors, TEMPLATE_FDS or, without a control group, one less; NULL: with
 * none. 0, or -1 with errno. */
int template_wire_order(int sock, const struct template_order *order, const int *fds);

/* The next message, and whose it is. 1, 0: nobody has the other end any more, -1 with errno (EAGAIN:
 * there is none, EPROTO: that was none). */
int template_wire_hear(int sock, struct template_message *message, pid_t *from);

/* Nobody can say anything from now on; what was said can still be heard. */
void template_wire_shut(int sock);

#endif
