/* room.h: what the master has said of the places for workers that other generations of the pool
 * have (MESSAGE_ROOM), and what it was told of ours: orders.c's part. */
#ifndef ANYFPM_POOL_WORKER_ROOM_H
#define ANYFPM_POOL_WORKER_ROOM_H

#include <stdbool.h>

struct room {
	unsigned int others; /* of pm.max_children + pm.max_surge places, so many are theirs */
	bool ends;	     /* it drains: workers are of use for what is left here only */
	bool keeps_one;	     /* though one is ours, whatever that leaves */
	bool told;	     /* the master wants to know how many we have */
	bool unsaid;	     /* and has asked since it was told last */
	unsigned int said;   /* what it was told then */
};

#endif
