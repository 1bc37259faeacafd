/* accesstext.h: a line of the access log as text, by access.format. */
#ifndef ANYFPM_POOL_OBSERVE_ACCESSTEXT_H
#define ANYFPM_POOL_OBSERVE_ACCESSTEXT_H

#include <sys/types.h>

#include <stdbool.h>

#include "pool/observe/accessfacts.h"

/* How lines are written. */
struct accesstext {
	const struct format *format;
	struct accessstamp *stamps; /* one for each item of format */
	pid_t pid;		    /* our own */
};

/* False: out of memory. format stays the caller's. */
bool accesstext_init(struct accesstext *as, const struct format *format);
void accesstext_free(struct accesstext *as);

/* Bytes of the longest line that format can give. */
size_t accesstext_max(const struct format *format);

/* Write the line about r, with its line feed, into buf, which has room for accesstext_max() bytes;
 * returns its bytes. */
size_t accesstext_render(struct accesstext *as, const struct request *r,
    const struct accessfacts *facts, char *buf, size_t size);

#endif
