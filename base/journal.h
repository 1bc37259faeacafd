/* journal.h: the system's logs, syslog(3) and systemd's journal, as destinations of the writer. */
#ifndef ANYFPM_BASE_JOURNAL_H
#define ANYFPM_BASE_JOURNAL_H

#include <stdbool.h>

#include "base/log.h"

/*
 * A destination for lines whose first byte is their enum log_level. ident, which stays the
 * caller's, says who we are; facility is one of syslog(3)'s. NULL: out of memory, or
 * LOG_TO_JOURNAL in a program built without libsystemd.
 */
struct writer_file *journal_open(enum log_kind kind, const char *ident, int facility);

#endif
