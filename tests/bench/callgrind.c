/*
 * callgrind.c: lets a pool process run under callgrind; loaded into anyfpm by LD_PRELOAD.
 *
 * valgrind --trace-children cannot follow it. The master executes its own binary, which is
 * valgrind's when it runs under valgrind itself, by a descriptor, and names what it shall be in
 * argv[0], which valgrind replaces by a path. So the pool process, before its main(), executes
 * valgrind in its own place, with the descriptors that it got; valgrind looks for the binary in
 * PATH, by a name that is the title and stays in argv[0]. There, a signal writes down what has
 * been counted since the last one.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <valgrind/callgrind.h>

#define TITLE "anyfpm: pool "

static void
count(int signo)
{
	(void)signo;
	CALLGRIND_DUMP_STATS;
}

/* CALLGRIND_DIR holds a link to the binary, named like the title, and gets the counts. */
static void
run_under_valgrind(char *title)
{
	const char *dir = getenv("CALLGRIND_DIR"), *path = getenv("PATH");
	char out[4096], dirs[8192];
	char *argv[] = {"valgrind", "--tool=callgrind", "-q", "--vgdb=no", out, "--", title, NULL};

	if (dir == NULL)
		return;
	snprintf(out, sizeof(out), "--callgrind-out-file=%s/count", dir);
	snprintf(dirs, sizeof(dirs), "%s:%s", dir, path != NULL ? path : "/usr/bin:/bin");
	setenv("PATH", dirs, 1);
	execvp(argv[0], argv);
	fprintf(stderr, "cannot execute valgrind: %s\n", strerror(errno));
	_exit(127);
}

static void __attribute__((constructor)) begin(int argc, char **argv)
{
	if (argc == 0 || strncmp(argv[0], TITLE, strlen(TITLE)) != 0)
		return;
	if (RUNNING_ON_VALGRIND)
		signal(SIGRTMIN + 1, count);
	else
		run_under_valgrind(argv[0]);
}
