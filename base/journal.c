/* journal.c: the system's logs, syslog(3) and systemd's journal, as destinations of the writer. */
#include "config.h"

#include "base/journal.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#ifdef HAVE_SYSTEMD
#include <systemd/sd-journal.h>
#endif

#include "base/logline.h"
#include "base/writer.h"

/* As php-fpm maps them. */
static int
priority(char level)
{
	static const int priorities[] = {
		[LEVEL_DEBUG] = LOG_DEBUG,
		[LEVEL_NOTICE] = LOG_NOTICE,
		[LEVEL_WARNING] = LOG_WARNING,
		[LEVEL_ERROR] = LOG_ERR,
		[LEVEL_ALERT] = LOG_ALERT,
	};

	return priorities[(int)level];
}

/* A line without its level and its line feed. */
static int
send_syslog(const char *line, size_t len, void *arg)
{
	syslog(priority(line[0]), "%.*s", (int)(len - 2), line + 1);
	return 0;
}

#ifdef HAVE_SYSTEMD
static int
send_journal(const char *line, size_t len, void *arg)
{
	static const char name[] = "MESSAGE=";
	char level[32], ident[128], pool[128], *message = malloc(sizeof(name) + len);
	const struct journal *journal = arg;
	struct iovec iov[4] = { { level, 0 }, { ident, 0 }, { message, 0 }, { pool, 0 } };
	int error;

	if (message == NULL)
		return ENOMEM;
	memcpy(message, name, sizeof(name) - 1);
	memcpy(message + sizeof(name) - 1, line + 1, len - 2);
	iov[0].iov_len = (size_t)snprintf(level, sizeof(level), "PRIORITY=%d", priority(line[0]));
	iov[1].iov_len = (size_t)snprintf(
	    ident, sizeof(ident), "SYSLOG_IDENTIFIER=%.64s", journal->ident);
	iov[2].iov_len = sizeof(name) - 1 + len - 2;
	if (journal->pool != NULL)
		iov[3].iov_len =
		    (size_t)snprintf(pool, sizeof(pool), "ANYFPM_POOL=%.64s", journal->pool);
	error = sd_journal_sendv(iov, journal->pool != NULL ? 4 : 3);
	free(message);
	return error < 0 ? -error : 0;
}
#endif

struct writer_file *
journal_open(enum log_kind kind, struct journal *journal, int facility)
{
	if (kind == LOG_TO_SYSLOG) {
		/* Connected now, while we may have rights that we drop. */
		openlog(journal->ident, LOG_PID | LOG_NDELAY, facility);
		return writer_open_send("syslog", send_syslog, NULL);
	}
#ifdef HAVE_SYSTEMD
	return writer_open_send("journal", send_journal, journal);
#else
	return NULL;
#endif
}
