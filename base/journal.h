/* journal.h: the system's logs, syslog(3) and systemd's journal, as destinations of the writer. */
#ifndef ANYFPM_BASE_JOURNAL_H
#define ANYFPM_BASE_JOURNAL_H

#include <stdbool.h>

struct writer_file;

/* Where lines of the error log go. */
enum log_kind {
	LOG_TO_FILE,
	LOG_TO_SYSLOG,
	LOG_TO_JOURNAL /* of systemd */
};

/* Who we are to the system's logs; the strings and it have to stay. */
struct journal {
	const char *ident;
	const char *pool; /* NULL: none */
};

/*
 * A destination for lines whose first byte is their enum log_level; facility is one of syslog(3)'s.
 * NULL: out of memory, or LOG_TO_JOURNAL in a program built without libsystemd.
 */
struct writer_file *journal_open(enum log_kind kind, struct journal *journal, int facility);

#endif
