/* servicelog.h: the error log, from the start of the master to its end. */
#ifndef ANYFPM_FPM_START_SERVICELOG_H
#define ANYFPM_FPM_START_SERVICELOG_H

#include <stdbool.h>

#include "fpm/start/service.h"

struct writer_file;

struct servicelog {
	struct writer_file *log; /* what we write to it ourselves */
	bool is_stderr;          /* rather than a file */
	bool is_daemon;          /* descriptors 1 and 2 are the error log */
	bool is_stale;           /* the file that it was to be could not be opened */
};

/* Open it, into the service; to_stderr: it is standard error, whatever the configuration says.
 * false after having logged why not. */
bool servicelog_open(struct servicelog *log, struct service *service, bool to_stderr);

/* The same for one that is open already; to_file: its kind. */
void servicelog_adopt(struct servicelog *log, struct service *service, int fd, bool to_file,
    bool is_stderr);

/* From here on nothing waits for the disk; we do not fork without executing any more. */
void servicelog_start(struct servicelog *log, struct service *service);

/* Write what it has still to say; from then on whoever says something writes it himself, until it
 * is continued. */
void servicelog_pause(void);
void servicelog_continue(void);

/* The file was rotated, or is another: open it again. Returns whether the service has a new
 * descriptor; the old one stays in use where that fails, or where it is no file. */
bool servicelog_reopen(struct servicelog *log, struct service *service);

/* Write what it has still to say, and close it. */
void servicelog_end(struct servicelog *log, struct service *service);

#endif
