/* fcgi.c: encode and decode FastCGI records and name-value pairs. Pure: no I/O, no allocation. */
#include "config.h"

#include "pool/wire/fcgi.h"

#include <string.h>

void
fcgi_decoder_init(struct fcgi_decoder *d)
{
	memset(d, 0, sizeof(*d));
}

bool
fcgi_decoder_between(const struct fcgi_decoder *d)
{
	return d->header_len == 0;
}

ssize_t
fcgi_decoder_undo(const struct fcgi_decoder *d, const uint8_t begin[8], uint8_t out[16])
{
	size_t n = 0;

	if (d->header_len == FCGI_HEADER_LEN && d->begun) {
		if (d->header[1] != FCGI_BEGIN_REQUEST || d->content_left == 0 ||
		    (d->header[4] << 8 | d->header[5]) != 8)
			return -1;
		n = 8 - d->content_left;
	}
	memcpy(out, d->header, d->header_len);
	memcpy(out + d->header_len, begin, n);
	return (ssize_t)(d->header_len + n);
}

/* Collect the eight bytes of a header; returns the bytes taken, or FCGI_MALFORMED. */
static ssize_t
decode_header(struct fcgi_decoder *d, const uint8_t *p, size_t n)
{
	size_t take = FCGI_HEADER_LEN - d->header_len;

	if (take > n)
		take = n;
	memcpy(d->header + d->header_len, p, take);
	d->header_len += (uint8_t)take;
	if (d->header[0] != FCGI_VERSION_1)
		return FCGI_MALFORMED;
	if (d->header_len == FCGI_HEADER_LEN) {
		d->content_left = (uint32_t)d->header[4] << 8 | d->header[5];
		d->padding_left = d->header[6];
		d->begun = false;
	}
	return (ssize_t)take;
}

static void
end_of_record(struct fcgi_decoder *d)
{
	if (d->content_left == 0 && d->padding_left == 0)
		d->header_len = 0;
}

ssize_t
fcgi_decode(struct fcgi_decoder *d, const uint8_t *p, size_t n, struct fcgi_piece *piece)
{
	ssize_t taken = 0;
	size_t len;

	piece->data = NULL;
	if (d->header_len < FCGI_HEADER_LEN) {
		taken = decode_header(d, p, n);
		if (taken < 0 || d->header_len < FCGI_HEADER_LEN)
			return taken;
		/* An empty record is given with its header; any other with its content. */
		if (d->content_left > 0 && (size_t)taken == n)
			return taken;
		p += taken;
		n -= (size_t)taken;
	}
	if (d->content_left > 0 || !d->begun) {
		len = n < d->content_left ? n : d->content_left;
		piece->type = d->header[1];
		piece->id = (uint16_t)(d->header[2] << 8 | d->header[3]);
		piece->record_len = (uint16_t)(d->header[4] << 8 | d->header[5]);
		piece->data = p;
		piece->len = len;
		piece->first = !d->begun;
		d->begun = true;
		d->content_left -= (uint32_t)len;
		piece->last = d->content_left == 0;
		end_of_record(d);
		return taken + (ssize_t)len;
	}
	len = n < d->padding_left ? n : d->padding_left;
	d->padding_left -= (uint32_t)len;
	end_of_record(d);
	return taken + (ssize_t)len;
}

size_t
fcgi_put_header(uint8_t *out, uint8_t type, uint16_t id, uint16_t len, uint8_t padding)
{
	out[0] = FCGI_VERSION_1;
	out[1] = type;
	out[2] = (uint8_t)(id >> 8);
	out[3] = (uint8_t)id;
	out[4] = (uint8_t)(len >> 8);
	out[5] = (uint8_t)len;
	out[6] = padding;
	out[7] = 0;
	return FCGI_HEADER_LEN;
}

size_t
fcgi_put_begin(uint8_t *out, uint16_t id, uint16_t role, uint8_t flags)
{
	fcgi_put_header(out, FCGI_BEGIN_REQUEST, id, 8, 0);
	memset(out + 8, 0, 8);
	out[8] = (uint8_t)(role >> 8);
	out[9] = (uint8_t)role;
	out[10] = flags;
	return FCGI_SMALL_RECORD_LEN;
}

size_t
fcgi_put_end(uint8_t *out, uint16_t id, uint32_t app_status, uint8_t protocol_status)
{
	fcgi_put_header(out, FCGI_END_REQUEST, id, 8, 0);
	memset(out + 8, 0, 8);
	out[8] = (uint8_t)(app_status >> 24);
	out[9] = (uint8_t)(app_status >> 16);
	out[10] = (uint8_t)(app_status >> 8);
	out[11] = (uint8_t)app_status;
	out[12] = protocol_status;
	return FCGI_SMALL_RECORD_LEN;
}

size_t
fcgi_put_unknown_type(uint8_t *out, uint8_t type)
{
	fcgi_put_header(out, FCGI_UNKNOWN_TYPE, FCGI_NULL_REQUEST_ID, 8, 0);
	memset(out + 8, 0, 8);
	out[8] = type;
	return FCGI_SMALL_RECORD_LEN;
}

/* Read a 1- or 4-byte length; returns the bytes it took, 0 when it is cut short. */
static size_t
pair_length(const uint8_t *p, const uint8_t *end, uint32_t *len)
{
	if (p >= end)
		return 0;
	if ((p[0] & 0x80) == 0) {
		*len = p[0];
		return 1;
	}
	if (end - p < 4)
		return 0;
	*len = (uint32_t)(p[0] & 0x7f) << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
	return 4;
}

int
fcgi_pair_next(const uint8_t *p, const uint8_t *end, struct fcgi_pair *pair)
{
	const uint8_t *start = p;
	size_t n;

	if (p == end)
		return 0;
	if ((n = pair_length(p, end, &pair->name_len)) == 0)
		return FCGI_MALFORMED;
	p += n;
	if ((n = pair_length(p, end, &pair->value_len)) == 0)
		return FCGI_MALFORMED;
	p += n;
	if ((uint64_t)pair->name_len + pair->value_len > (uint64_t)(end - p))
		return FCGI_MALFORMED;
	pair->name = p;
	pair->value = p + pair->name_len;
	pair->size = (size_t)(pair->value + pair->value_len - start);
	if (memchr(pair->name, '\0', pair->name_len) != NULL ||
	    memchr(pair->name, '=', pair->name_len) != NULL)
		return FCGI_MALFORMED;
	return 1;
}

void
fcgi_put_length(uint8_t *out, uint32_t len)
{
	out[0] = (uint8_t)(len >> 24 | 0x80);
	out[1] = (uint8_t)(len >> 16);
	out[2] = (uint8_t)(len >> 8);
	out[3] = (uint8_t)len;
}

size_t
fcgi_put_short_pair(uint8_t *out, const char *name, const char *value)
{
	size_t name_len = strlen(name), value_len = strlen(value);

	out[0] = (uint8_t)name_len;
	out[1] = (uint8_t)value_len;
	memcpy(out + 2, name, name_len);
	memcpy(out + 2 + name_len, value, value_len);
	return 2 + name_len + value_len;
}
