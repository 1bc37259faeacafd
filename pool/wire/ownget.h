/* ownget.h: a GET that nobody sent, with which programs are warmed up. */
#ifndef ANYFPM_POOL_WIRE_OWNGET_H
#define ANYFPM_POOL_WIRE_OWNGET_H

#include <stddef.h>
#include <stdint.h>

#define OWNGET_PARAMS 12

struct ownget_param {
	const char *name, *value;
};

/* The parameters of a GET of uri, a path and perhaps a query. path: room for as many bytes as uri
 * has, its path goes there. */
void ownget_params(const char *uri, char *path, struct ownget_param params[OWNGET_PARAMS]);

/* The same whole, as the records of a request with that id on a connection of its own. Returns how
 * many bytes it is, 0: more than size. */
size_t ownget_encode(const char *uri, uint16_t id, uint8_t *out, size_t size);

#endif
