/* servicelog.c: opens, opens again and closes the error log of the service. */
#include "config.h"

#include "fpm/start/servicelog.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/writer.h"
#include "fpm/files/errorlog.h"

bool
servicelog_open(struct servicelog *l, struct service *service, bool to_stderr)
{
	service->log_kind = errorlog_kind(service->conf, to_stderr);
	/* Whoever waits for the end of a daemon's standard error would wait for as long as it runs. */
	if (l->is_daemon && service->log_kind != LOG_TO_FILE)
		service->log_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	else
		service->log_fd = errorlog_open(service->conf, to_stderr, &l->is_stderr);
	return service->log_fd != -1;
}

void
servicelog_start(struct servicelog *l, struct service *service)
{
	const struct conf_global *global = &service->conf->global;
	int fd;

	log_set_json(global->log_format == LOG_FORMAT_JSON);
	log_set_fd(service->log_fd);
	if (service->log_kind != LOG_TO_FILE)
		l->log = log_open_system(
		    service->log_kind, global->syslog_ident, global->syslog_facility);
	else if ((fd = fcntl(service->log_fd, F_DUPFD_CLOEXEC, 3)) != -1)
		l->log = log_open(l->is_stderr ? "stderr" : global->error_log, fd);
	servicelog_continue();
}

void
servicelog_adopt(struct servicelog *l, struct service *service, int fd, bool to_file,
    bool is_stderr)
{
	service->log_kind = to_file ? LOG_TO_FILE : errorlog_kind(service->conf, false);
	service->log_fd = fd;
	l->is_stderr = is_stderr;
}

void
servicelog_pause(void)
{
	writer_stop(LOG_STOP_US);
}

void
servicelog_continue(void)
{
	if (log_start_writer() == -1)
		log_warning(
		    "cannot start the thread that writes the error log: %s", strerror(errno));
}

bool
servicelog_reopen(struct servicelog *l, struct service *service)
{
	bool is_stderr;
	int fd, own;

	if (l->is_stderr || service->log_kind != LOG_TO_FILE || l->log == NULL) {
		log_notice("the error log is %s: there is no file to re-open",
		    service->log_kind == LOG_TO_FILE ? "standard error"
						     : service->conf->global.error_log);
		return false;
	}
	l->is_stale = true;
	if ((fd = errorlog_open(service->conf, false, &is_stderr)) == -1)
		return false;
	if ((own = fcntl(fd, F_DUPFD_CLOEXEC, 3)) == -1) {
		log_error("cannot re-open the error log: %s", strerror(errno));
		fd_close(&fd);
		return false;
	}
	l->is_stale = false;
	fd_close(&service->log_fd);
	service->log_fd = fd;
	writer_reopen(l->log, own);
	if (l->is_daemon) { /* libc and assertions write there */
		dup2(fd, STDOUT_FILENO);
		dup2(fd, STDERR_FILENO);
	}
	log_notice("error log file re-opened");
	return true;
}

void
servicelog_end(struct servicelog *l, struct service *service)
{
	writer_stop(LOG_STOP_US);
	log_close(l->log);
	fd_close(&service->log_fd);
}
