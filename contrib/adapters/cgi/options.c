/* options.c: the command line of anyfpm-cgi. */
#include "config.h"

#include "contrib/adapters/cgi/options.h"

#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/kin.h"

#define SIZE_MAX_MB (1024UL * 1024)
#define SECONDS_MAX 86400UL

static void
usage(FILE *to)
{
	fputs("usage: anyfpm-cgi [-c SECONDS] [-m SIZE] [-e NAME]... [-p PATH]... "
	      "[-r DIRECTORY]...\n"
	      "       anyfpm-cgi -h | -v\n\n"
	      "A FastCGI program that runs CGI scripts; anyfpm or spawn-fcgi starts it.\n\n"
	      "  -r, --directory DIRECTORY  run scripts below it, and none outside\n"
	      "  -p, --script PATH          run this script, and none that is not named\n"
	      "  -e, --env NAME             let scripts have this variable of the environment\n"
	      "  -m, --memory SIZE          end a script that uses more, such as 64M\n"
	      "  -c, --cpu SECONDS          end a script that uses more CPU time\n"
	      "  -h, --help                 show this\n"
	      "  -v, --version              show the version\n",
	    to);
}

void
options_die(const char *format, ...)
{
	va_list args;

	fputs("anyfpm-cgi: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(EXIT_FAILURE);
}

/* Add to a list that has room for it. */
static void
add(const char **list, const char *value)
{
	while (*list != NULL)
		list++;
	*list = value;
}

static void
check_absolute(char option, const char *path)
{
	if (*path != '/')
		options_die("-%c %s: it has to be an absolute path", option, path);
}

/* Its absolute path, in memory of its own; tried by the call that scripts are looked for with. */
static char *
directory_of(const char *value)
{
	struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC};
	char *path = *value == '/' ? strdup(value) : realpath(value, NULL);
	int fd;

	if (path == NULL)
		options_die("-r %s: %s", value, strerror(errno));
	fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
	if (fd == -1 && (errno == ENOSYS || errno == EPERM)) /* EPERM: of a filter (seccomp(2)) */
		options_die(
		    "there is no openat2(2) here: Linux 5.6 is needed, and leave to use it");
	if (fd == -1)
		options_die("-r %s: %s", path, strerror(errno));
	close(fd);
	return path;
}

/* A number from 1 to max, and the unit behind it, which is one of units, or 0: none. */
static uint64_t
number(char option, const char *text, uint64_t max, const char *units, char *unit)
{
	char *end;
	unsigned long long n;

	errno = 0;
	n = strtoull(text, &end, 10);
	*unit = *end;
	if (*end != '\0' && strchr(units, *end) != NULL)
		end++;
	if (errno != 0 || *text < '0' || *text > '9' || *end != '\0' || n == 0 || n > max)
		options_die("-%c %s: it has to be a number from 1 to %llu%s", option, text,
		    (unsigned long long)max, *units != '\0' ? ", with K, M or G behind it" : "");
	return n;
}

static uint64_t
size_of(const char *text)
{
	char unit;
	uint64_t n = number('m', text, SIZE_MAX_MB << 20, "KMG", &unit);
	int shift = unit == 'K' ? 10 : unit == 'M' ? 20 : unit == 'G' ? 30 : 0;

	if (n > (SIZE_MAX_MB << 20) >> shift)
		options_die("-m %s: that is more than 1024G", text);
	return n << shift;
}

static void
read_option(struct settings *settings, int option, const char *value)
{
	char unit;

	switch (option) {
	case 'r':
		add(settings->directories, directory_of(value));
		break;
	case 'p':
		check_absolute('p', value);
		add(settings->scripts, value);
		break;
	case 'e':
		if (*value == '\0' || strchr(value, '=') != NULL)
			options_die("-e %s: it has to be the name of a variable", value);
		add(settings->kept, value);
		break;
	case 'm':
		settings->limits.memory = size_of(value);
		break;
	case 'c':
		settings->limits.cpu_ms = 1000 * number('c', value, SECONDS_MAX, "", &unit);
		break;
	case 'h':
		usage(stdout);
		exit(EXIT_SUCCESS);
	case 'v':
		puts("anyfpm-cgi " PACKAGE_VERSION);
		exit(EXIT_SUCCESS);
	default:
		usage(stderr);
		exit(EXIT_FAILURE);
	}
}

/* Where nothing can be seen of processes, as in a chroot, there would be no limits. */
static void
check_limits(const struct tree_use *limits)
{
	if ((limits->memory > 0 || limits->cpu_ms > 0) && !kin_is_visible())
		options_die(
		    "-m and -c take /proc with /proc/PID/task/TID/children: %s", strerror(errno));
}

void
options_read(struct settings *settings, int argc, char **argv)
{
	static const struct option options[] = {
	    {"cpu", required_argument, NULL, 'c'},
	    {"directory", required_argument, NULL, 'r'},
	    {"env", required_argument, NULL, 'e'},
	    {"help", no_argument, NULL, 'h'},
	    {"memory", required_argument, NULL, 'm'},
	    {"script", required_argument, NULL, 'p'},
	    {"version", no_argument, NULL, 'v'},
	    {0},
	};
	size_t room = (size_t)argc + 2; /* for as many as there are words, PATH, and NULL */
	const char **lists = calloc(3 * room, sizeof(*lists));
	int option;

	if (lists == NULL)
		options_die("%s", strerror(errno));
	*settings = (struct settings){lists, lists + room, lists + 2 * room, {0}};
	add(settings->kept, "PATH");
	while ((option = getopt_long(argc, argv, "c:e:hm:p:r:v", options, NULL)) != -1)
		read_option(settings, option, optarg);
	if (optind < argc)
		options_die("%s: there is an argument too many", argv[optind]);
	check_limits(&settings->limits);
	if (settings->directories[0] == NULL && settings->scripts[0] == NULL)
		options_die("say with -r below which directory scripts are run (-r / for all), or "
			    "with -p which");
}

void
options_free(struct settings *settings)
{
	for (const char **directory = settings->directories; *directory != NULL; directory++)
		free((char *)*directory);
	free(settings->directories); /* all three */
}
