/*
 * log.c: make a line of each message and give it to the writer, or write it at once where that
 * does not run yet.
 *
 * It keeps errno and never fails: a log that cannot be written stops nothing.
 */
#include "config.h"

#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/writer.h"

/* Worker output that becomes one JSON string at most: six times as long, it still is one line. */
#define JSON_PART_MAX (192 * 1024)

static struct {
	int fd;
	struct writer_file *file; /* rather than fd */
	enum log_kind kind;
	enum log_level level;
	struct journal journal; /* its pool is that of every line */
	bool json;
	log_listener *listener; /* NULL: there is none */
	void *listener_arg;
} logger = { .fd = STDERR_FILENO, .kind = LOG_TO_FILE, .level = LEVEL_NOTICE };

void
log_set_fd(int fd)
{
	logger.fd = fd;
}

void
log_set_level(enum log_level level)
{
	logger.level = level;
}

void
log_set_json(bool json)
{
	logger.json = json;
}

void
log_set_pool(const char *name)
{
	logger.journal.pool = name;
}

struct writer_file *
log_open(const char *name, int fd)
{
	char text[512];

	snprintf(text, sizeof(text), "error_log %s", name);
	logger.kind = LOG_TO_FILE;
	logger.fd = STDERR_FILENO;
	if ((logger.file = writer_open(text, fd)) != NULL)
		writer_set_urgent(logger.file);
	return logger.file;
}

struct writer_file *
log_open_system(enum log_kind kind, const char *ident, int facility)
{
	logger.kind = kind;
	logger.fd = STDERR_FILENO;
	logger.journal.ident = ident;
	if ((logger.file = journal_open(kind, &logger.journal, facility)) != NULL)
		writer_set_urgent(logger.file);
	else
		logger.kind = LOG_TO_FILE;
	return logger.file;
}

void
log_close(struct writer_file *file)
{
	logger.file = NULL;
	logger.kind = LOG_TO_FILE;
	if (file != NULL)
		writer_close(file);
}

static void
report_lost(const struct writer_file *file, const char *name, uint64_t lines, const char *why)
{
	if (lines > 0)
		log_warning("%s: %llu %s lost: %s", name, (unsigned long long)lines,
		    lines == 1 ? "line was" : "lines were", why);
	else if (file != logger.file)
		log_error("cannot write to %s: %s; lines are lost", name, why);
}

int
log_start_writer(void)
{
	return writer_start(report_lost);
}

void
log_set_listener(log_listener *listener, void *arg)
{
	logger.listener = listener;
	logger.listener_arg = arg;
}

static void
put(char *line, size_t len)
{
	if (logger.file != NULL) {
		writer_put(logger.file, line, len);
		return;
	}
	while (write(logger.fd, line, len) == -1 && errno == EINTR)
		continue;
}

/* What is known of a line that is made now. */
static struct logline
line_now(enum log_level level)
{
	struct logline l = { .level = level, .pool = logger.journal.pool };

	clock_gettime(CLOCK_REALTIME, &l.time);
	return l;
}

/* The beginning of a line: of text, or of what goes to syslog and the journal, whose first byte is
 * the level. */
static size_t
begin(char *out, const struct logline *l)
{
	if (logger.kind == LOG_TO_FILE)
		return logline_prefix(out, l, true);
	out[0] = (char)l->level;
	if (logger.kind == LOG_TO_SYSLOG)
		return 1 + logline_prefix(out + 1, l, false);
	return 1 + (l->pool != NULL ? (size_t)snprintf(out + 1, 80, "[pool %.64s] ", l->pool) : 0);
}

/* One JSON object, whose length is returned; 0: out of memory. The journal has fields of its own
 * instead. */
static size_t
put_json(const struct logline *l, const char *text, size_t len)
{
	char *json = logline_json(l, text, len), *line;
	size_t n, put_len = 0;

	if (json == NULL)
		return 0;
	n = strlen(json);
	if ((line = malloc(n + 2)) != NULL) {
		size_t at = logger.kind == LOG_TO_FILE ? 0 : 1;

		line[0] = (char)l->level;
		memcpy(line + at, json, n);
		line[at + n] = '\n';
		put_len = at + n + 1;
		put(line, put_len);
	}
	free(json);
	free(line);
	return put_len;
}

static bool
wants_json(void)
{
	return logger.json && logger.kind != LOG_TO_JOURNAL;
}

/* text ends with a NUL, too; plain: see logline_escape(). */
static void
write_text(const struct logline *l, const char *text, size_t len, bool plain)
{
	char line[LOG_LINE_MAX + LOGLINE_PREFIX_MAX];
	size_t n, used;

	if (logger.listener != NULL)
		logger.listener(l->level, text, logger.listener_arg);
	if (l->level < logger.level)
		return;
	if (wants_json() && put_json(l, text, len) > 0)
		return;
	n = begin(line, l);
	n += logline_escape(line + n, LOG_LINE_MAX - 4 - n, text, len, plain, &used);
	if (used < len)
		n += (size_t)snprintf(line + n, 4, "...");
	line[n++] = '\n';
	put(line, n);
}

void
log_vwrite(enum log_level level, const char *fmt, va_list ap)
{
	char text[LOG_LINE_MAX];
	int saved_errno = errno;
	struct logline l;
	size_t len;
	int full;

	if (level < logger.level && logger.listener == NULL)
		return;
	l = line_now(level);
	errno = saved_errno; /* for a %m in fmt */
	full = vsnprintf(text, sizeof(text), fmt, ap);
	if (full < 0)
		full = 0;
	len = (size_t)full < sizeof(text) ? (size_t)full : sizeof(text) - 1;
	if (len < (size_t)full)
		memcpy(text + len - 3, "...", 3);
	write_text(&l, text, len, false);
	errno = saved_errno;
}

void
log_text(enum log_level level, const char *text)
{
	int saved_errno = errno;
	struct logline l = line_now(level);

	write_text(&l, text, strlen(text), true);
	errno = saved_errno;
}

#define LOG_FUNCTION(name, level)                                                                  \
	void name(const char *fmt, ...)                                                            \
	{                                                                                          \
		va_list ap;                                                                        \
                                                                                                   \
		va_start(ap, fmt);                                                                 \
		log_vwrite(level, fmt, ap);                                                        \
		va_end(ap);                                                                        \
	}

LOG_FUNCTION(log_alert, LEVEL_ALERT)
LOG_FUNCTION(log_error, LEVEL_ERROR)
LOG_FUNCTION(log_warning, LEVEL_WARNING)
LOG_FUNCTION(log_notice, LEVEL_NOTICE)
LOG_FUNCTION(log_debug, LEVEL_DEBUG)

/* As much of a worker's line as fits one of ours; returns the bytes of it that did, and adds what
 * they became to *written. */
static size_t
put_part(const char *said, const char *line, size_t len, size_t limit, char *out, size_t *written)
{
	struct logline l = line_now(LEVEL_WARNING);
	size_t n = 0, used, end = said != NULL ? 2 : 1; /* a quote and the line feed */

	if (said != NULL) {
		n = begin(out, &l);
		n += (size_t)snprintf(out + n, LOG_SAID_MAX, "%s\"", said);
	} else if (logger.kind != LOG_TO_FILE)
		out[n++] = (char)l.level;
	n += logline_escape(out + n, limit - n - end, line, len, said == NULL, &used);
	if (said != NULL)
		out[n++] = '"';
	out[n++] = '\n';
	put(out, n);
	*written += n;
	return used;
}

/* The same as JSON; 0: out of memory. */
static size_t
put_json_part(const char *said, const char *line, size_t len, size_t limit, char *out,
    size_t *written)
{
	struct logline l = line_now(LEVEL_WARNING);
	size_t n = (size_t)snprintf(out, LOG_SAID_MAX, "%s\"", said), put_len;

	if (limit > JSON_PART_MAX)
		limit = JSON_PART_MAX;
	if (len > limit)
		len = limit;
	memcpy(out + n, line, len);
	out[n + len] = '"';
	put_len = put_json(&l, out, n + len + 1);
	*written += put_len;
	return put_len > 0 ? len : 0;
}

size_t
log_output(const char *said, const char *line, size_t len, size_t limit, bool whole,
    size_t *written)
{
	char *out;
	size_t done = 0, n;
	int saved_errno = errno;

	*written = 0;
	if (LEVEL_WARNING < logger.level || (out = malloc(limit + LOG_SAID_MAX + 2)) == NULL)
		return len;
	while (done < len && (whole || len - done >= limit)) {
		n = 0;
		if (said != NULL && wants_json())
			n = put_json_part(said, line + done, len - done, limit, out, written);
		if (n == 0)
			n = put_part(said, line + done, len - done, limit, out, written);
		done += n;
	}
	free(out);
	errno = saved_errno;
	return done;
}
