/* options.c: the command line; php-fpm's letters and long names, and the quick form. */
#include "config.h"

#include "fpm/start/options.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "conf/conf.h"

#ifdef HAVE_SYSTEMD
#define WITH_SYSTEMD " (with systemd)"
#else
#define WITH_SYSTEMD " (without systemd)"
#endif
#define DEFAULT_FILE SYSCONFDIR "/anyfpm/anyfpm.conf"

static const char help_text[] =
    "usage: anyfpm [-DFORt] [-g PIDFILE] [-p PREFIX] [-y FILE]\n"
    "       anyfpm -l ADDRESS [-n WORKERS] [-DFORt] [-g PIDFILE] -- PROGRAM [ARGUMENT ...]\n"
    "       anyfpm -s COMMAND [-f] [-w POOL] [--json] [-g PIDFILE] [-p PREFIX] [-y FILE]\n"
    "       anyfpm -h | -v\n"
    "\n"
    "  -y, --fpm-config FILE       read the configuration from FILE\n"
    "                              (default: " DEFAULT_FILE ")\n"
    "  -l, --listen ADDRESS        run PROGRAM behind ADDRESS, without a configuration file;\n"
    "                              a path, IP:PORT, [IPV6]:PORT or PORT\n"
    "  -n, --workers WORKERS       with -l: that many workers (default: one per usable CPU)\n"
    "  -t, --test                  test the configuration and exit; -tt also prints it\n"
    "  -F, --nodaemonize           stay in the foreground\n"
    "  -D, --daemonize             go to the background\n"
    "  -O, --force-stderr          in the foreground, log to stderr even if it is no terminal\n"
    "  -R, --allow-to-run-as-root  let workers run as root\n"
    "  -p, --prefix PREFIX         what relative paths in the configuration are relative to\n"
    "  -g, --pid PIDFILE           write the master's process id to PIDFILE\n"
    "  -s, --send COMMAND          tell the running anyfpm to do one of: stop, quit, reload,\n"
    "                              reopen, upgrade, drain, undrain, status\n"
    "  -w, --pool POOL             with -s: this pool only\n"
    "  -f, --follow, --force       with -s status: keep it on the screen; with -s reload:\n"
    "                              replace unchanged pools, too\n"
    "      --json                  with -s: print the answer as lines of JSON\n"
    "  -h, --help                  print this help\n"
    "  -v, --version               print the version\n";

#define OPTION_JSON 256 /* it has no letter */

/* "+": options end at the program, whose own are none of ours. */
static const char short_options[] = "+:y:tFDORp:g:l:n:s:w:fhv";
static const struct option long_options[] = {
    {"fpm-config", required_argument, NULL, 'y'},
    {"test", no_argument, NULL, 't'},
    {"nodaemonize", no_argument, NULL, 'F'},
    {"daemonize", no_argument, NULL, 'D'},
    {"force-stderr", no_argument, NULL, 'O'},
    {"allow-to-run-as-root", no_argument, NULL, 'R'},
    {"prefix", required_argument, NULL, 'p'},
    {"pid", required_argument, NULL, 'g'},
    {"listen", required_argument, NULL, 'l'},
    {"workers", required_argument, NULL, 'n'},
    {"send", required_argument, NULL, 's'},
    {"pool", required_argument, NULL, 'w'},
    {"follow", no_argument, NULL, 'f'},
    {"force", no_argument, NULL, 'f'},
    {"json", no_argument, NULL, OPTION_JSON},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'v'},
    {NULL, 0, NULL, 0},
};

static int usage_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Say in one sentence what is wrong; returns the code to exit with. */
static int
usage_error(const char *fmt, ...)
{
	va_list ap;

	fputs("anyfpm: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputs("; anyfpm -h lists the options\n", stderr);
	return EX_USAGE;
}

static int
unknown_option(const char *arg)
{
	if (optopt != 0 && strchr(short_options, optopt) == NULL)
		return usage_error("there is no option -%c", optopt);
	return usage_error("%s is not an option", arg);
}

static bool
parse_workers(const char *text, unsigned int *workers)
{
	char *end;
	unsigned long n;

	if (*text < '0' || *text > '9')
		return false;
	n = strtoul(text, &end, 10);
	if (*end != '\0' || n < 1 || n > POOL_MAX_CHILDREN)
		return false;
	*workers = (unsigned int)n;
	return true;
}

/* Store one option. Returns -1, or the code to exit with. */
static int
set_option(struct options *o, int letter, char *argv[])
{
	switch (letter) {
	case 'y':
		o->file = optarg;
		break;
	case 't':
		o->dump = o->test;
		o->test = true;
		break;
	case 'F':
		o->background = BACKGROUND_NO;
		break;
	case 'D':
		o->background = BACKGROUND_YES;
		break;
	case 'O':
		o->force_stderr = true;
		break;
	case 'R':
		o->allow_root = true;
		break;
	case 'p':
		o->prefix = optarg;
		break;
	case 'g':
		o->pid = optarg;
		break;
	case 's':
		o->send = optarg;
		break;
	case 'w':
		o->pool = optarg;
		break;
	case 'f':
		o->f = true;
		break;
	case OPTION_JSON:
		o->json = true;
		break;
	case 'l':
		o->listen = optarg;
		break;
	case 'n':
		if (!parse_workers(optarg, &o->workers))
			return usage_error(
			    "-n takes a number from 1 to %d, not '%s'", POOL_MAX_CHILDREN, optarg);
		break;
	case 'h':
		fputs(help_text, stdout);
		return 0;
	case 'v':
		puts("anyfpm " PACKAGE_VERSION WITH_SYSTEMD);
		return 0;
	case ':':
		return usage_error("%s needs an argument", argv[optind - 1]);
	default:
		return unknown_option(argv[optind - 1]);
	}
	return -1;
}

int
options_parse(int argc, char *argv[], struct options *o)
{
	int letter, code;

	memset(o, 0, sizeof(*o));
	o->argc = argc;
	o->argv = argv;
	opterr = 0;
	while ((letter = getopt_long(argc, argv, short_options, long_options, NULL)) != -1)
		if ((code = set_option(o, letter, argv)) != -1)
			return code;

	o->command = argv + optind;
	if (o->send == NULL && (o->pool != NULL || o->f || o->json))
		return usage_error("-w, -f and --json go with -s");
	if (o->send != NULL && (o->listen != NULL || o->test))
		return usage_error("-s goes with neither -l nor -t");
	if (o->listen == NULL) {
		if (o->workers != 0)
			return usage_error("-n goes with -l");
		if (*o->command != NULL)
			return usage_error(
			    "'%s' is not expected: a program goes with -l", *o->command);
		if (o->file == NULL)
			o->file = DEFAULT_FILE;
		return -1;
	}
	if (o->file != NULL)
		return usage_error("-l and -y exclude each other");
	if (o->prefix != NULL)
		return usage_error("-p goes with a configuration file, not with -l");
	if (*o->command == NULL)
		return usage_error("-l needs the program to run after --");
	return -1;
}
