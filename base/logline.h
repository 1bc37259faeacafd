/* logline.h: one line of the error log, as text in php-fpm's format or as a JSON object. */
#ifndef ANYFPM_BASE_LOGLINE_H
#define ANYFPM_BASE_LOGLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

enum log_level {
	LEVEL_DEBUG = 1, /* for who debugs anyfpm or a worker */
	LEVEL_NOTICE,	 /* normal events worth a line: starts, stops, recycling */
	LEVEL_WARNING,	 /* something is not as it should be; service goes on */
	LEVEL_ERROR,	 /* a request, a worker or a setting failed */
	LEVEL_ALERT	 /* the service cannot go on */
};

/* What stands in a line beside the message. */
struct logline {
	enum log_level level;
	struct timespec time;
	const char *pool; /* NULL: none */
};

/* Bytes that the beginning of a line takes at most. */
#define LOGLINE_PREFIX_MAX 128

/* Write "[time] NOTICE: [pool www] " to out, or "[NOTICE] [pool www] " where somebody else adds the
 * time. Returns its length, at most LOGLINE_PREFIX_MAX. */
size_t logline_prefix(char *out, const struct logline *l, bool with_time);

/* What comes behind "[time] NOTICE: ", and that level; of any other line all of it, as an error. */
const char *logline_parse(const char *line, enum log_level *level);

/*
 * Copy text to out, at most size bytes: control bytes as \xHH, so that nothing in it ends the line
 * or steers a terminal. plain: tabs and backslashes stay what they are, else backslashes are
 * doubled. No character of UTF-8 is cut. *used becomes the bytes of text that found room. Returns
 * the bytes written.
 */
size_t logline_escape(char *out, size_t size, const char *text, size_t len, bool plain,
    size_t *used);

/* A JSON object without line feed, for free(); NULL: out of memory. text may be any bytes. */
char *logline_json(const struct logline *l, const char *text, size_t len);

#endif
