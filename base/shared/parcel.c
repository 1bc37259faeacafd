/* parcel.c: pack and unpack what is said with a connection: a mark, flags, what was read of it. */
#include "config.h"

#include "base/shared/parcel.h"

#include <string.h>

static const uint8_t mark[4] = { 'a', 'n', 'y', '1' };
#define HEAD_LEN (sizeof(mark) + 2) /* mark, flags, how much was read */

enum { STATUS_ONLY = 1, MULTIPLEXES = 2, UNREAD = 4 };

size_t
parcel_pack(uint8_t out[PARCEL_MAX], const struct parcel *parcel)
{
	memcpy(out, mark, sizeof(mark));
	out[sizeof(mark)] = (uint8_t)((parcel->status_only ? STATUS_ONLY : 0) |
	    (parcel->multiplexes ? MULTIPLEXES : 0) | (parcel->unread ? UNREAD : 0));
	out[sizeof(mark) + 1] = parcel->read_len;
	memcpy(out + HEAD_LEN, parcel->read, parcel->read_len);
	return HEAD_LEN + parcel->read_len;
}

bool
parcel_unpack(struct parcel *parcel, const uint8_t *data, size_t len)
{
	uint8_t flags;

	memset(parcel, 0, sizeof(*parcel));
	if (len < HEAD_LEN || memcmp(data, mark, sizeof(mark)) != 0)
		return false;
	flags = data[sizeof(mark)];
	parcel->status_only = flags & STATUS_ONLY;
	parcel->multiplexes = flags & MULTIPLEXES;
	parcel->unread = flags & UNREAD;
	parcel->read_len = data[sizeof(mark) + 1];
	if (parcel->read_len > sizeof(parcel->read) || parcel->read_len > len - HEAD_LEN)
		return false;
	memcpy(parcel->read, data + HEAD_LEN, parcel->read_len);
	return true;
}
