/*
 * preflight.c: what a start needs of this machine, looked at before anything is changed: all that
 * is wrong is said in one run. Each part is judged by the code that uses it later.
 */
#include "config.h"

#include "fpm/preflight.h"

#include <sysexits.h>

#include "base/fd.h"
#include "fpm/files/errorlog.h"
#include "fpm/files/pidfile.h"
#include "fpm/files/poollog.h"
#include "fpm/files/rundir.h"
#include "fpm/metrics.h"
#include "fpm/process/launch.h"
#include "fpm/sockets/sockets.h"
#include "fpm/start/delegated.h"

static bool
check_logs(const struct conf *conf, const struct conf_pool *pool)
{
	bool good = true;

	for (enum poollog which = POOLLOG_ACCESS; which <= POOLLOG_SLOW; which++) {
		if (poollog_exists(pool, which))
			good = poollog_check(conf, pool, which) && good;
	}
	return good;
}

static bool
check_sockets(const struct conf_pool *pool, bool runs, const struct activation *activation)
{
	struct listen_settings settings = sockets_of_pool(pool);
	bool good;

	settings.may_be_ours = runs;
	good = sockets_check(&settings, activation) == 0;
	if (pool->status_listen == NULL)
		return good;
	settings.text = pool->status_listen;
	return sockets_check(&settings, activation) == 0 && good;
}

static bool
check_metrics(const struct conf *conf, bool runs, const struct activation *activation)
{
	struct listen_settings settings = metrics_listen_settings(conf);

	settings.may_be_ours = runs;
	return conf->global.metrics_listen == NULL || sockets_check(&settings, activation) == 0;
}

static bool
check_binary(void)
{
	int fd = launch_open_exe();
	bool good = fd != -1;

	fd_close(&fd);
	return good;
}

int
preflight(const struct conf *conf, const char *pid_path, bool to_stderr,
    const struct activation *activation)
{
	const struct conf_pool *pool;
	/* Without a pid file nobody can tell. */
	bool runs = pid_path == NULL || pidfile_is_held(pid_path);
	bool good = check_binary();

	good = launch_check_null() && good;
	good = errorlog_check(conf, to_stderr) && good;
	good = pidfile_check(pid_path) == 0 && good;
	good = rundir_check() && good;
	good = delegated_check(conf) && good;
	TAILQ_FOREACH (pool, &conf->pools, next) {
		good = check_logs(conf, pool) && good;
		good = check_sockets(pool, runs, activation) && good;
	}
	good = check_metrics(conf, runs, activation) && good;
	return good ? 0 : EX_CONFIG;
}
