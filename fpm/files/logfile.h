/* logfile.h: the place that a log's path leads to: judged, then opened. */
#ifndef ANYFPM_FPM_FILES_LOGFILE_H
#define ANYFPM_FPM_FILES_LOGFILE_H

#include <limits.h>
#include <stdbool.h>

#include "conf/conf.h"

/* A directive and its value. */
struct logname {
	const char *prefix; /* of its lines in the log: "[pool www] ", or "" */
	const char *directive;
	const char *path;
};

struct logplace {
	int stream; /* STDOUT_FILENO or STDERR_FILENO: it is one of our own streams; -1: a file */
	int dir_fd; /* the file's directory, to be closed by logfile_forget(); or -1 */
	const char *name;    /* in that directory; part of path */
	char path[PATH_MAX]; /* the last one, when links were followed */
};

/*
 * Whether the log can be opened as things are now. A link of root's or our own that leads to one of
 * our standard streams stands for it, as images of containers have it; any other link is refused,
 * and so is what is in a directory that somebody else could change. Nothing is made or opened for
 * writing. Returns false after having logged why, with nothing to forget.
 */
bool logfile_find(const struct conf *conf, const struct logname *name, struct logplace *place);
void logfile_forget(struct logplace *place);

/*
 * Open what was found: for appending, close-on-exec, non-blocking, made with mode 0600 where there
 * is none; a part of a line at its end is ended. Of a stream it is a duplicate. Returns the
 * descriptor, or -1 after having logged why.
 */
int logfile_open(const struct logname *name, const struct logplace *place);

#endif
