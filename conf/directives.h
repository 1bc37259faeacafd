/*
 * directives.h: the one table of directives. Parsing, defaults, the dump and the test that the
 * manual page lists each directive all read it; a new directive is one row and one field.
 */
#ifndef ANYFPM_CONF_DIRECTIVES_H
#define ANYFPM_CONF_DIRECTIVES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/value.h"

enum directive_scope {
	SCOPE_GLOBAL, /* [global]; the field is in struct conf_global */
	SCOPE_POOL    /* a pool's section; the field is in struct conf_pool */
};

/* What a directive's value is, and with it the type of its field. */
enum directive_type {
	TYPE_INCLUDE,    /* no field; read by ini.c */
	TYPE_STRING,     /* char *, NULL when empty */
	TYPE_PATH,       /* char *, absolute, from the prefix; NULL when empty */
	TYPE_STATE_PATH, /* char *, absolute, from the prefix or else LOCALSTATEDIR */
	TYPE_LOG,        /* TYPE_STATE_PATH, or "stderr", "syslog", "journal" */
	TYPE_CGROUP,     /* char *, "own", or an absolute path; NULL when there is none */
	TYPE_LISTEN,     /* char *, an address as address_parse() takes it */
	TYPE_NUMBER,     /* int or unsigned int */
	TYPE_TIME,       /* int64_t, milliseconds */
	TYPE_SIZE,       /* uint64_t, bytes */
	TYPE_SHARE,      /* uint64_t, bytes; 1 to 100: percent */
	TYPE_BOOL,       /* bool */
	TYPE_MODE,       /* mode_t, octal */
	TYPE_WORD,       /* int or an enum, one of words */
	TYPE_PRIORITY,   /* int, PRIORITY_UNSET when empty */
	TYPE_LIMIT,      /* uint64_t, a number, RLIMIT_UNSET when empty */
	TYPE_LIMIT_SIZE, /* uint64_t, bytes, RLIMIT_UNSET when empty */
	TYPE_URI,        /* char *, begins with a slash, NULL when empty */
	TYPE_URIS,       /* char **, such a path of each key[] */
	TYPE_NAMES,      /* char **, names between commas; NULL when empty */
	TYPE_COMMAND,    /* char **, argv */
	TYPE_ENV,        /* char **, "NAME=value" of each key[NAME] */
	TYPE_NETWORKS    /* struct address_network * with the count in the size_t after it */
};

/* What a change of the value takes where the configuration is read again. */
enum directive_reload {
	RELOAD_MASTER, /* the master takes it as it is */
	RELOAD_POOL,   /* a new generation of the pool process */
	RELOAD_SOCKET, /* a new listening socket, then a new generation */
	RELOAD_RESTART /* nothing less than a restart of anyfpm */
};

struct directive {
	const char *name;
	enum directive_scope scope;
	enum directive_type type;
	size_t offset;
	const char *fallback; /* the default as it would be written, NULL: none */
	bool required;
	bool but_for_auto; /* it is not, in a pool with pm = auto */
	bool unlimited;    /* TYPE_LIMIT_SIZE: "unlimited" is a value, RLIMIT_UNLIMITED */
	int64_t min, max; /* of numbers, times (milliseconds), sizes (bytes), modes and limits */
	const struct value_word *words;
	enum directive_reload reload;
	const char *help;
};

/* All rows, ended by one without a name. */
extern const struct directive directives[];

/* The directive called name (len bytes) in scope, or NULL. */
const struct directive *directive_find(enum directive_scope scope, const char *name, size_t len);

#endif
