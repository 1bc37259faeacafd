/* accessjson.h: a line of the access log as a JSON object. */
#ifndef ANYFPM_POOL_OBSERVE_ACCESSJSON_H
#define ANYFPM_POOL_OBSERVE_ACCESSJSON_H

#include "pool/observe/accessfacts.h"

/* The longest line: a value may be cut, but not the object. Each byte becomes six at most. */
#define ACCESSJSON_VALUES 6
#define ACCESSJSON_MAX (ACCESSJSON_VALUES * 6 * ACCESSFACTS_VALUE_MAX + 4096)

/* Write the line about r, with its line feed, into buf, which has room for ACCESSJSON_MAX bytes;
 * returns its bytes. stamp is kept from one line to the next. */
size_t accessjson_render(struct accessstamp *stamp, const struct request *r,
    const struct accessfacts *facts, char *buf, size_t size);

#endif
