/* demux.h: what the records of a client mean. */
#ifndef ANYFPM_POOL_RELAY_DEMUX_H
#define ANYFPM_POOL_RELAY_DEMUX_H

#include "pool/core/pool.h"

struct fcgi_piece;

/* Act on one piece of a record. false: a protocol error, the connection has to close. */
bool demux_piece(struct client *c, const struct fcgi_piece *piece);

/* What has been read of c was given to demux_piece(), and ends with a record: requests that need no
 * STDIN do not wait for one that is not there. Told only where there may be one (input.bodiless),
 * so that it costs other batches nothing. */
void demux_batch_ends(struct client *c);

/* c sends no more, but still reads: what was sent whole is still answered. */
void demux_half_closed(struct client *c);

/* c is gone: it gives up its requests. */
void demux_gone(struct client *c);

#endif
