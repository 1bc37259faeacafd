/* management.h: what a client asks of the application as a whole. */
#ifndef ANYFPM_POOL_RELAY_MANAGEMENT_H
#define ANYFPM_POOL_RELAY_MANAGEMENT_H

#include "pool/core/pool.h"

struct fcgi_piece;

/* Act on one piece of a management record. false: a protocol error, the connection has to close. */
bool management_piece(struct client *c, const struct fcgi_piece *piece);

#endif
