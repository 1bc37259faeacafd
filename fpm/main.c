/* main.c: the order in which anyfpm starts and ends. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/shared/message.h"
#include "conf/conf.h"
#include "conf/dump.h"
#include "conf/errors.h"
#include "conf/load.h"
#include "fpm/candidate.h"
#include "fpm/control/client.h"
#include "fpm/estate.h"
#include "fpm/files/users.h"
#include "fpm/master.h"
#include "fpm/metrics/main.h"
#include "fpm/notify.h"
#include "fpm/preflight.h"
#include "fpm/saved/inherit.h"
#include "fpm/seat/memory.h"
#include "fpm/sockets/activation.h"
#include "fpm/start/asuser.h"
#include "fpm/start/configuration.h"
#include "fpm/start/daemonize.h"
#include "fpm/start/options.h"
#include "pool/main.h"
#include "pool/observe/trace.h"

/* Started as a pool process by the master (launch.c)? Returns the pool's name, or NULL. */
static const char *
pool_name(const char *argv0)
{
	size_t len = strlen(POOL_ARGV0);

	return argv0 != NULL && strncmp(argv0, POOL_ARGV0, len) == 0 ? argv0 + len : NULL;
}

static bool
is_titled(const char *argv0, const char *title)
{
	return argv0 != NULL && strcmp(argv0, title) == 0;
}

/* What our processes other than the master have in common. */
static void
begin_child(void)
{
	static const int ignored[] = {
	    SIGPIPE, SIGXFSZ, /* a log at its limit of size stops nothing */
	    SIGHUP, SIGINT, SIGQUIT, /* a terminal's are the master's to decide about */
	    SIGUSR1, SIGUSR2 /* meant for the master, wherever they are sent by name */
	};

	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	fd_set_cloexec(MESSAGE_FILENO, 1);
	notify_forget();
}

/* No descriptor that we open may become 0, 1 or 2. */
static void
fill_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd != -1 && fd <= STDERR_FILENO);
	if (fd != -1)
		close(fd);
}

/* Pools whose slow log will have no stacks. */
static void
warn_without_stacks(const struct conf *conf)
{
	const struct conf_pool *pool;

	if (trace_available())
		return;
	TAILQ_FOREACH (pool, &conf->pools, next) {
		if (pool->request_slowlog_timeout_ms > 0 && pool->slowlog_command == NULL &&
		    pool->request_slowlog_trace_depth > 0)
			log_warning("[pool %s] anyfpm was built without libdw: the entries of the "
				    "slow log have no stacks; set slowlog_command to get some",
			    pool->name);
	}
}

static bool
goes_to_background(const struct options *options, const struct conf *conf)
{
	if (options->background == BACKGROUND_CONF)
		return conf->global.daemonize;
	return options->background == BACKGROUND_YES;
}

/* Whether the error log is standard error, whatever the configuration says. */
static bool
logs_to_stderr(const struct options *options, const struct conf *conf)
{
	return !goes_to_background(options, conf) &&
	    (options->force_stderr || isatty(STDERR_FILENO));
}

static const char *
pid_path(const struct options *options, const struct conf *conf)
{
	return options->pid != NULL ? options->pid : conf->global.pid;
}

/* -t and -tt; for_upgrade: a running master wants to know whether we could take its place. Returns
 * the code to exit with. */
static int
report_test(const struct options *options, const struct conf *conf, bool for_upgrade)
{
	struct activation held = {NULL, 0}; /* there already, by whoever runs */
	int code = 0;

	if (options->dump) {
		dump_conf(conf, NULL, stdout);
		if (fflush(stdout) == EOF || ferror(stdout)) {
			log_error("cannot print the configuration: %s", strerror(errno));
			return EX_IOERR;
		}
	}
	if (for_upgrade)
		code = candidate_hear(&held);
	/* Whoever looks at a terminal tests what is started by somebody else later. */
	if (code == 0)
		code = preflight(conf, pid_path(options, conf), options->force_stderr, &held);
	activation_end(&held);
	if (!for_upgrade && !asuser_check(conf))
		code = EX_CONFIG;
	if (code != 0 || (for_upgrade && (code = candidate_answer()) != 0))
		return code;
	if (!for_upgrade)
		memory_tell(conf);
	if (options->file != NULL)
		log_notice("configuration file %s test is successful", options->file);
	else
		log_notice("configuration test is successful");
	return 0;
}

/* What a master does from its start, which had this code, to its end. Returns the code to exit
 * with. */
static int
serve(struct master *master, int code)
{
	if (code == 0) {
		if ((code = master_run(master)) == 0) {
			master_end(master);
			log_notice("exiting, bye-bye!");
		}
	} else
		master_end(master);
	master_end_log(master);
	return code;
}

/* Be the master of this configuration. Returns the code to exit with. */
static int
run_master(const struct options *options, struct conf *conf)
{
	bool background = goes_to_background(options, conf);
	bool to_stderr = logs_to_stderr(options, conf);
	struct activation activation;
	struct master master;
	int code, report_fd = -1;

	users_notice(conf);
	if ((code = activation_take(&activation)) != 0 ||
	    (code = preflight(conf, pid_path(options, conf), to_stderr, &activation)) != 0)
		return code;
	if ((code = master_init(&master, conf, options, background, to_stderr)) != 0)
		return code;
	if (background && (report_fd = daemonize()) == -1) {
		log_error("cannot go to the background");
		delegated_leave(&master.service.cgroup);
		return EX_OSERR;
	}
	code = master_bind(&master, pid_path(options, conf), &activation);
	if (code == 0)
		code = master_launch(&master);
	if (background) {
		if (code == 0)
			daemonize_detach(master.service.log_fd);
		daemonize_report(report_fd, code);
	}
	return serve(&master, code);
}

/* Go on where the master that ran in this process has been. Returns the code to exit with. */
static int
resume_master(const struct options *options, struct conf *conf, struct saved *saved)
{
	const char *slash = strrchr(options->argv[0], '/');
	struct master master;

	/* executed by descriptor, it is a number */
	prctl(PR_SET_NAME, slash != NULL ? slash + 1 : options->argv[0], 0, 0, 0);
	return serve(&master, master_resume(&master, conf, options, saved));
}

/* The pid file of the running master, to be freed; NULL after having said why it is not known. */
static char *
find_pid_path(const struct options *options)
{
	struct errors errors = {NULL, 0};
	char *pid;

	if (options->pid != NULL)
		return strdup(options->pid);
	pid = load_pid_path(options->file, options->prefix, &errors);
	for (size_t i = 0; pid == NULL && i < errors.count; i++)
		fprintf(stderr, "anyfpm: %s\n", errors.lines[i]);
	if (pid == NULL && errors.count == 0)
		fprintf(stderr, "anyfpm: %s sets no 'pid': the control socket is beside that file; set "
				"it, or give -g PIDFILE, as at the start\n",
		    options->file);
	errors_free(&errors);
	return pid;
}

/* -s. Returns the code to exit with. */
static int
send_command(const struct options *options)
{
	struct client client = {.pool = options->pool, .is_json = options->json};
	char *pid;
	int code;

	if ((code = client_parse(&client, options->send, options->f)) != 0)
		return code;
	if ((pid = find_pid_path(options)) == NULL)
		return EX_CONFIG;
	client.pid_path = pid;
	code = client_run(&client);
	free(pid);
	return code;
}

int
main(int argc, char *argv[])
{
	const char *pool = pool_name(argv[0]);
	bool is_trace = is_titled(argv[0], TRACE_ARGV0);
	bool is_metrics = is_titled(argv[0], METRICS_ARGV0);
	struct options options;
	struct saved *saved;
	struct conf *conf;
	bool is_tested;
	int code;

	if (is_trace || is_metrics || pool != NULL) /* executed by descriptor, it is a number */
		prctl(PR_SET_NAME, "anyfpm", 0, 0, 0);
	if (is_trace)
		return trace_main(argc, argv);
	if (is_metrics || pool != NULL) {
		begin_child();
		return pool != NULL ? pool_main(pool) : metrics_main();
	}
	fill_standard_descriptors();
	if ((code = inherit_find(&saved, &is_tested)) != 0)
		return code;
	if ((code = options_parse(argc, argv, &options)) != -1)
		return code;
	if (options.send != NULL)
		return send_command(&options);
	conf = saved != NULL
	    ? estate_settings(saved)
	    : configuration_read(&options, options.test || options.listen != NULL);
	if (conf == NULL)
		return EX_CONFIG;
	log_set_level(conf->global.log_level);
	if (saved == NULL)
		warn_without_stacks(conf);
	if (saved != NULL)
		code = resume_master(&options, conf, saved);
	else if (options.test)
		code = report_test(&options, conf, is_tested);
	else
		code = run_master(&options, conf);
	load_free(conf);
	return code;
}
