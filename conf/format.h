/*
 * format.h: access.format, taken apart into items: texts and codes such as %s or %{milli}d.
 *
 * The codes of php-fpm keep its letters, modifiers and meaning; k, w, x, B, D, I and O are ours.
 */
#ifndef ANYFPM_CONF_FORMAT_H
#define ANYFPM_CONF_FORMAT_H

#include <stdbool.h>
#include <stddef.h>

enum format_code {
	FORMAT_TEXT,	 /* text as it stands */
	FORMAT_CPU,	 /* %C: CPU time as a part of the duration; unit: TOTAL, USER or SYSTEM */
	FORMAT_DURATION, /* %d: in the worker; unit: a time */
	FORMAT_PARAM,	 /* %{text}e: a parameter of the request */
	FORMAT_FILE,	 /* %f: SCRIPT_FILENAME */
	FORMAT_LENGTH,	 /* %l: CONTENT_LENGTH */
	FORMAT_METHOD,	 /* %m */
	FORMAT_MEMORY,	 /* %M: of the worker; unit: a size */
	FORMAT_POOL,	 /* %n */
	FORMAT_HEADER,	 /* %{text}o: a header field of the response */
	FORMAT_PID,	 /* %p: of the worker */
	FORMAT_PARENT,	 /* %P: of the pool process */
	FORMAT_QUERY,	 /* %q */
	FORMAT_QUESTION, /* %Q: a question mark when there is a query string */
	FORMAT_URI,	 /* %r: without query string */
	FORMAT_REMOTE,	 /* %R: address of the connection */
	FORMAT_STATUS,	 /* %s */
	FORMAT_RECEIVED, /* %{text}t: when the request came; text: for strftime(3) */
	FORMAT_LOGGED,	 /* %{text}T: now */
	FORMAT_USER,	 /* %u: REMOTE_USER */

	FORMAT_NUMBER,	 /* %k: of the request in its worker's life */
	FORMAT_WAIT,	 /* %w: in the queue; unit: a time */
	FORMAT_END,	 /* %x: why it was terminated; unit: WORD or DETAIL */
	FORMAT_BYTES,	 /* %B: of the response */
	FORMAT_DELIVERY, /* %D: until the client had the response; unit: a time */
	FORMAT_RECEIVED_BYTES, /* %I: of the request's body */
	FORMAT_SENT_BYTES,     /* %O: written to the client */
};

enum format_unit {
	FORMAT_SECONDS, /* with three digits after the point; so has MILLI */
	FORMAT_MILLI,
	FORMAT_MICRO,
	FORMAT_BYTE,
	FORMAT_KILO,
	FORMAT_MEGA,
	FORMAT_TOTAL,
	FORMAT_CPU_USER,
	FORMAT_CPU_SYSTEM,
	FORMAT_WORD,
	FORMAT_DETAIL
};

struct format_item {
	enum format_code code;
	enum format_unit unit;
	char *text;
	size_t len;
};

struct format {
	struct format_item *items;
	size_t count;
	bool needs_cpu;	    /* %C */
	bool needs_cpu_parts; /* with user or system */
	bool needs_memory;  /* %M */
	bool needs_head;    /* %o */
	bool needs_delivery; /* %D or %O: the line has to wait for the client */
};

#define FORMAT_ERROR_MAX 512
#define FORMAT_TIME "%d/%b/%Y:%H:%M:%S %z"
/* The longest result of a strftime(3) format, with its NUL. */
#define FORMAT_STAMP_MAX 128

/* Take text apart. False with a sentence in error, and nothing to free. */
bool format_parse(const char *text, struct format *format, char error[FORMAT_ERROR_MAX]);

void format_free(struct format *format);

/* strftime(3) with a format that the configuration gives; the bytes in out, 0: they do not fit. */
struct tm;
size_t format_time(char out[FORMAT_STAMP_MAX], const char *text, const struct tm *tm);

#endif
