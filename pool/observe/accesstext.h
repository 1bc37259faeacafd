/* accesstext.h: a line of the access log as text, by access.format. */
#ifndef ANYFPM_POOL_OBSERVE_ACCESSTEXT_H
#define ANYFPM_POOL_OBSERVE_ACCESSTEXT_H

#include "pool/observe/accessline.h"

/* Write the line about r into line->buf, as accessline_render() says; returns its bytes. */
size_t accesstext_render(struct accessline *line, const struct request *r, int64_t wall_us,
    int64_t mono_us);

#endif
