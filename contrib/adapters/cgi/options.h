/* options.h: the command line of anyfpm-cgi. */
#ifndef ANYFPM_CGI_OPTIONS_H
#define ANYFPM_CGI_OPTIONS_H

#include "contrib/adapters/cgi/tree.h"

struct settings {
	const char **directories; /* -r: scripts have to be below one of them; NULL-terminated */
	const char **scripts;     /* -p: nothing else is run, if there is any */
	const char **kept;        /* -e, and PATH */
	struct tree_use limits;   /* -c, -m: of a script and its descendants; 0: none */
};

/* Read it; what is wrong ends the program. */
void options_read(struct settings *settings, int argc, char **argv);
void options_free(struct settings *settings);

/* End the program with a line on standard error. */
void options_die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

#endif
