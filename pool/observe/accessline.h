/* accessline.h: the line of the access log about one request, as text or as JSON. */
#ifndef ANYFPM_POOL_OBSERVE_ACCESSLINE_H
#define ANYFPM_POOL_OBSERVE_ACCESSLINE_H

#include <stdint.h>

#include "conf/conf.h"
#include "pool/observe/accessjson.h"
#include "pool/observe/accesstext.h"

/* What makes lines, and the room for one. */
struct accessline {
	enum log_format kind;
	struct accesstext text;
	struct accessstamp stamp; /* for JSON */
	char *buf;
	size_t size;
};

/* False: out of memory. format stays the caller's. */
bool accessline_init(struct accessline *line, const struct format *format, enum log_format kind);
void accessline_free(struct accessline *line);

/*
 * The line, with its line feed, about r, which has ended; *len: its bytes. wall_us, mono_us: now,
 * on the two clocks. It stays valid until the next call.
 */
const char *accessline_render(struct accessline *line, const struct request *r, int64_t wall_us,
    int64_t mono_us, size_t *len);

#endif
