/* apply.c: opens logs again, exchanges the metrics process. */
#include "config.h"

#include "fpm/apply.h"

#include <string.h>

#include "base/log.h"
#include "fpm/files/errorlog.h"
#include "fpm/seat/rotation.h"

static void
reopen_error_log(const struct estate *e)
{
	struct seat *seat;

	if (!servicelog_reopen(e->log, e->service))
		return;
	TAILQ_FOREACH (seat, e->seats, next)
		seat_send_log(seat);
	if (*e->metrics != NULL)
		metrics_send_log(*e->metrics);
}

void
apply_reopen_logs(const struct estate *e)
{
	struct seat *seat;

	reopen_error_log(e);
	TAILQ_FOREACH (seat, e->seats, next)
		rotation_reopen(seat);
}

/* A file takes the place of another; all else is there from the start. */
static void
change_error_log(const struct estate *e, const struct conf *before)
{
	const struct conf *conf = e->service->conf;

	if (strcmp(before->global.error_log, conf->global.error_log) == 0 && !e->log->is_stale)
		return;
	if (errorlog_kind(before, false) == LOG_TO_FILE && errorlog_kind(conf, false) == LOG_TO_FILE)
		reopen_error_log(e);
	else
		log_warning("'error_log' has changed, which takes effect when anyfpm is stopped and "
			    "started");
}

const char *
apply_settings(const struct estate *e, const struct conf *before, bool whole)
{
	const struct conf *conf = e->service->conf;

	log_set_level(conf->global.log_level);
	log_set_json(conf->global.log_format == LOG_FORMAT_JSON);
	change_error_log(e, before);
	if (!metrics_follow(e->metrics, e->service, e->seats, before, whole))
		return "metrics_listen: nobody listens at that address";
	return e->log->is_stale ? "error_log: the file could not be opened" : NULL;
}
