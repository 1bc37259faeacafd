/*
 * parcel.h: what a generation says with a client's connection that it gives to the one that follows
 * it, which may be of another version. Pure.
 */
#ifndef ANYFPM_BASE_SHARED_PARCEL_H
#define ANYFPM_BASE_SHARED_PARCEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the beginning of a record: all of a BEGIN_REQUEST but the last would be 15. */
#define PARCEL_READ_MAX 16
#define PARCEL_MAX 64

/* What cannot be asked of its socket. */
struct parcel {
	bool status_only; /* it came by pm.status_listen */
	bool multiplexes; /* it has shown that it has several requests at once */
	bool unread;	  /* it may be sending what nobody waits for: the rest of a request that was
			   * answered early */
	uint8_t read_len; /* bytes that it has sent and nobody has acted on */
	uint8_t read[PARCEL_READ_MAX];
};

/* Returns the bytes that it took. */
size_t parcel_pack(uint8_t out[PARCEL_MAX], const struct parcel *parcel);

/* false: it is none. What a later version has added is passed over. */
bool parcel_unpack(struct parcel *parcel, const uint8_t *data, size_t len);

#endif
