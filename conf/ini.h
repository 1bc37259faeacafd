/*
 * ini.h: a strict reader of INI files: lines to sections and keys, with file and line of each.
 *
 * It knows nothing of directives except "include", and leaves a value as it was written:
 * quotes, comments and variables are lex.h's. What it refuses it adds to the errors, and reads
 * on, so that one run reports everything.
 *
 * Files come in layers, as php-fpm has it: a section that is there already goes on, a key that
 * another file has set is set anew, and a file that begins without a header goes on with the
 * section that was begun last. In one file, a second definition is an error.
 */
#ifndef ANYFPM_CONF_INI_H
#define ANYFPM_CONF_INI_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

struct errors;
struct _dictionary_;

struct ini_key {
	TAILQ_ENTRY(ini_key) next;
	char *name; /* env[PATH] for example; in small letters up to the bracket */
	char *id;   /* the same, unique in its section: that of key[] has a number at its end */
};

struct ini_section {
	TAILQ_ENTRY(ini_section) next;
	char *name;
	char *where;     /* "file:line" of its first header */
	unsigned int id; /* its number, which makes its keys unique in the dictionaries */
	bool duplicate;  /* its file has had the name before; reported already */
	TAILQ_HEAD(, ini_key) keys;
};

struct ini {
	TAILQ_HEAD(, ini_section) sections; /* in the order of the files */
	unsigned int section_count;
	unsigned int list_count; /* keys of the form key[] */
	unsigned int file_count;
	struct ini_section *begun;   /* the section that was begun last, in whichever file */
	struct _dictionary_ *values; /* iniparser's dictionaries: "id:key" to the text after "=", */
	struct _dictionary_ *places; /* and to "file:line"; */
	struct _dictionary_ *seen;   /* "file number/id" and "file number/id:key" to the same */
};

/*
 * Read the file at path and what it includes (glob(3), relative to prefix, nested at most 5
 * deep). NULL only when that file itself could not be read.
 */
struct ini *ini_read_file(const char *path, const char *prefix, struct errors *errors);

/* The same for text in memory, called name in messages; an include is refused. */
struct ini *ini_read_text(const char *text, size_t len, const char *name, struct errors *errors);

void ini_free(struct ini *ini);

/* The text after "=" of the key with that id, or NULL: the section has no such key. */
const char *ini_value(const struct ini *ini, const struct ini_section *section, const char *id);

/* "file:line" of the value that counts of the key with that id, or of the section's first header
 * where the key is not set. */
const char *ini_where(const struct ini *ini, const struct ini_section *section, const char *id);

#endif
