/* demux.h: what the records of a client mean. */
#ifndef ANYFPM_POOL_RELAY_DEMUX_H
#define ANYFPM_POOL_RELAY_DEMUX_H

#include "pool/core/pool.h"

struct fcgi_piece;

/* Act on one piece of a record. false: a protocol error, the connection has to close. */
bool demux_piece(struct client *c, const struct fcgi_piece *piece);

/* What has been read of c was given to demux_piece(): requests that need no STDIN do not wait for
 * one that is not there. */
void demux_batch_ends(struct client *c);

#endif
