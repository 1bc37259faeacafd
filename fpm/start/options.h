/* options.h: what the command line asked for. */
#ifndef ANYFPM_FPM_START_OPTIONS_H
#define ANYFPM_FPM_START_OPTIONS_H

#include <stdbool.h>

enum background {
	BACKGROUND_CONF, /* as the directive daemonize says */
	BACKGROUND_NO,   /* -F */
	BACKGROUND_YES   /* -D */
};

struct options {
	const char *file; /* -y */
	bool test;        /* -t */
	bool dump;        /* -tt */
	enum background background;
	bool force_stderr;    /* -O */
	bool allow_root;      /* -R */
	const char *prefix;   /* -p, or NULL */
	const char *pid;      /* -g, or NULL */
	const char *send;     /* -s: a command for the master, or NULL */
	const char *pool;     /* -w: of it, or NULL */
	bool f;               /* -f */
	bool json;            /* --json */
	const char *listen;   /* -l: the quick form; NULL: the configuration is in file */
	unsigned int workers; /* -n; 0: as many as there are usable CPUs */
	int argc;             /* all of it */
	char *const *argv;
	char *const *command; /* of the quick form, NULL at its end */
};

/*
 * Read the command line. Returns -1 when anyfpm is to start, else the code to exit with: help and
 * version have been printed then (0), or what is wrong has been said (EX_USAGE).
 */
int options_parse(int argc, char *argv[], struct options *options);

#endif
