/* accessjson.h: a line of the access log as a JSON object. */
#ifndef ANYFPM_POOL_OBSERVE_ACCESSJSON_H
#define ANYFPM_POOL_OBSERVE_ACCESSJSON_H

#include "pool/observe/accessline.h"

/* Write the line about r into line->buf, as accessline_render() says; returns its bytes. */
size_t accessjson_render(struct accessline *line, const struct request *r, int64_t wall_us,
    int64_t mono_us);

#endif
