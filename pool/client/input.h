/* input.h: whether a client is read, and how much at once. */
#ifndef ANYFPM_POOL_CLIENT_INPUT_H
#define ANYFPM_POOL_CLIENT_INPUT_H

#include "pool/core/pool.h"

/* c can be read: the bytes that may be, 0: it has to wait. */
size_t input_may_read(struct client *c);

/* Read the client again, or not, as the bodies of its requests and their buffers ask for. */
void input_update(struct client *c);

/* Let go what has come of a management record that is not whole. */
void input_forget_values(struct client *c);

#endif
