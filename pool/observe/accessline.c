/* accessline.c: the line of the access log about one request, as text or as JSON. */
#include "config.h"

#include "pool/observe/accessline.h"

#include <stdlib.h>
#include <string.h>

bool
accessline_init(struct accessline *line, const struct format *format, enum log_format kind)
{
	memset(line, 0, sizeof(*line));
	line->kind = kind;
	line->size = kind == LOG_FORMAT_JSON ? ACCESSJSON_MAX : accesstext_max(format);
	line->buf = malloc(line->size);
	if (accesstext_init(&line->text, format) && line->buf != NULL)
		return true;
	accessline_free(line);
	return false;
}

void
accessline_free(struct accessline *line)
{
	accesstext_free(&line->text);
	free(line->buf);
	memset(line, 0, sizeof(*line));
}

const char *
accessline_render(struct accessline *line, const struct request *r, int64_t wall_us,
    int64_t mono_us, size_t *len)
{
	struct accessfacts facts;

	accessfacts_find(&facts, r, wall_us, mono_us);
	*len = line->kind == LOG_FORMAT_JSON
		   ? accessjson_render(&line->stamp, r, &facts, line->buf, line->size)
		   : accesstext_render(&line->text, r, &facts, line->buf, line->size);
	return line->buf;
}
