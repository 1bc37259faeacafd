/* window.h: how much of a response may wait for its client. */
#ifndef ANYFPM_POOL_RELAY_WINDOW_H
#define ANYFPM_POOL_RELAY_WINDOW_H

#include "pool/core/pool.h"

/* Output of r, which runs, was added: beyond the window the worker is not read. */
void window_filled(struct request *r);

/* Some of it was taken by the client, or is not wanted: the worker may be read again. */
void window_drained(struct request *r);

#endif
