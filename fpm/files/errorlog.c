/* errorlog.c: the error log as the configuration names it: opened, and opened again. */
#include "config.h"

#include "fpm/files/errorlog.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "fpm/files/logfile.h"

#define DEFAULT_DIR LOCALSTATEDIR "/log"

enum log_kind
errorlog_kind(const struct conf *conf, bool to_stderr)
{
	const char *log = conf->global.error_log;

	if (to_stderr || log == NULL)
		return LOG_TO_FILE;
	return strcmp(log, "syslog") == 0 ? LOG_TO_SYSLOG
	    : strcmp(log, "journal") == 0 ? LOG_TO_JOURNAL
					  : LOG_TO_FILE;
}

/* Whether there is no path to look at. */
static bool
is_standard_error(const struct conf *conf, bool to_stderr)
{
	const char *log = conf->global.error_log;

	return to_stderr || log == NULL || strcmp(log, "stderr") == 0;
}

static struct logname
error_name(const struct conf *conf)
{
	return (struct logname){
	    .prefix = "", .directive = "error_log", .path = conf->global.error_log};
}

/* Whether it is the built-in log, whose directory is missing: "make install" makes that, and who
 * runs what was only built has not chosen it. */
static bool
lacks_default_dir(const struct conf *conf)
{
	return strcmp(conf->global.error_log, DEFAULT_DIR "/anyfpm.log") == 0 &&
	    access(DEFAULT_DIR, F_OK) == -1 && errno == ENOENT;
}

/* Make path and what is missing on the way to it; only_look: tell whether that could be. */
static bool
make_dirs(const char *path, bool only_look)
{
	char parent[PATH_MAX];
	const char *slash = strrchr(path, '/');

	if (slash == NULL || slash == path || slash - path >= (ptrdiff_t)sizeof(parent))
		return false;
	snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path), path);
	if (access(parent, F_OK) == -1) {
		if (!make_dirs(parent, only_look))
			return false;
	} else if (only_look)
		return access(parent, W_OK | X_OK) == 0;
	return only_look || mkdir(path, 0755) == 0 || errno == EEXIST;
}

bool
errorlog_check(const struct conf *conf, bool to_stderr)
{
	const struct logname name = error_name(conf);
	struct logplace place;

	if (is_standard_error(conf, to_stderr) || errorlog_kind(conf, to_stderr) != LOG_TO_FILE)
		return true;
	if (lacks_default_dir(conf) && make_dirs(DEFAULT_DIR, true))
		return true;
	if (!logfile_find(conf, &name, &place))
		return false;
	logfile_forget(&place);
	return true;
}

int
errorlog_open(const struct conf *conf, bool to_stderr, bool *is_stderr)
{
	const struct logname name = error_name(conf);
	struct logplace place;
	int fd;

	*is_stderr = is_standard_error(conf, to_stderr);
	if (!*is_stderr && errorlog_kind(conf, to_stderr) == LOG_TO_FILE) {
		if (lacks_default_dir(conf) && make_dirs(DEFAULT_DIR, false))
			log_notice("made " DEFAULT_DIR " for the log, since error_log is not set");
		if (!logfile_find(conf, &name, &place))
			return -1;
		if (place.stream == -1) {
			fd = logfile_open(&name, &place);
			logfile_forget(&place);
			return fd;
		}
		*is_stderr = true; /* stdout too: in a container they are the same */
	}
	if ((fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)) == -1)
		log_error("cannot use standard error as the error log: %s", strerror(errno));
	return fd;
}
