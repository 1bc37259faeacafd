/*
 * log.h: one line in the error log, in php-fpm's format.
 *
 *	[21-Nov-2026 02:22:51] NOTICE: [pool www] child 4250 started
 *
 * The logger is the one exception to "no state at file scope": every error
 * path needs it, and it must work before anything else does.
 */
#ifndef ANYFPM_BASE_LOG_H
#define ANYFPM_BASE_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/journal.h"
#include "base/logline.h"

/* Where lines go (default: descriptor 2) and from which level on (default: notice).
 * The descriptor stays the caller's; it is never closed here. */
void log_set_fd(int fd);
void log_set_level(enum log_level level);

/*
 * Lines go through the writer (writer.h) from now on: to fd, which is taken over. name is the
 * file's in messages. NULL: out of memory, they go to descriptor 2. log_close() takes NULL as well.
 */
struct writer_file;
struct writer_file *log_open(const char *name, int fd);
void log_close(struct writer_file *file);

/*
 * The same to the system's own logs, under the name ident, which has to stay valid, and with a
 * facility of syslog(3). NULL as well where LOG_TO_JOURNAL was not built in.
 */
struct writer_file *log_open_system(enum log_kind kind, const char *ident, int facility);

/* writer_start(): lines that get lost, of any file, are told of here. */
int log_start_writer(void);

/* Every line is given to listener as well, whatever the level; NULL: to nobody any more. It may not
 * log. */
typedef void log_listener(enum log_level level, const char *text, void *arg);
void log_set_listener(log_listener *listener, void *arg);

/* One JSON object a line, rather than text; the journal has fields of its own. */
void log_set_json(bool json);

/* How long the end of a process may wait for its last lines to be written. */
#define LOG_STOP_US 500000

/* Every later line of this process begins with "[pool NAME] "; the string must stay valid.
 * NULL ends it. */
void log_set_pool(const char *name);

/* One line each; control bytes in the formatted text are escaped as \xHH, so that no argument can
 * forge a line. Keeps errno. A line longer than LOG_LINE_MAX is cut and ends in "...". */
#define LOG_LINE_MAX 8192
void log_alert(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_notice(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_vwrite(enum log_level level, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

/* The same for a text that people may copy from, such as a hint: backslashes are not doubled. */
void log_text(enum log_level level, const char *text);

/*
 * What a worker printed: len bytes of a line without its line feed, as a warning that begins with
 * said ("child 42 said into stderr: ", at most LOG_SAID_MAX bytes) and has the line in quotes; said
 * NULL: the line as it is, without time and level. Control bytes are escaped. A line that would be
 * longer than limit bytes (512 at least) becomes several. Not whole, the line goes on: only what
 * fills lines is written. Returns the bytes of it that are done with; *written becomes the bytes
 * of the log that they took.
 */
#define LOG_SAID_MAX 64
size_t log_output(const char *said, const char *line, size_t len, size_t limit, bool whole,
    size_t *written);

#endif
