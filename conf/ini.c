/* ini.c: a strict reader of INI files: lines to sections and keys, with file and line of each. */
#include "config.h"

#include "conf/ini.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef HAVE_INIPARSER_DICTIONARY_H
#include <iniparser/dictionary.h>
#else
#include <dictionary.h>
#endif

#include "base/fd.h"
#include "conf/errors.h"
#include "conf/lex.h"
#include "conf/text.h"

#define INCLUDE_DEPTH_MAX 5
#define FILE_SIZE_MAX (1024 * 1024)

/* One file or text being read. */
struct reader {
	struct ini *ini;
	struct errors *errors;
	const char *file;
	unsigned int number; /* of the file: each reading of one has its own */
	unsigned int line;
	struct ini_section *section; /* NULL before the first header of all */
	const char *prefix;          /* of relative includes; NULL: includes are refused */
	unsigned int depth;          /* includes above this file */
};

static bool read_path(struct reader *r);

/* An error at the reader's line; key may be NULL. */
static void __attribute__((format(printf, 3, 4)))
complain(struct reader *r, const char *key, const char *fmt, ...)
{
	const char *section = r->section != NULL ? r->section->name : NULL;
	bool pool = section != NULL && strcmp(section, "global") != 0;
	char *message;
	va_list ap;

	va_start(ap, fmt);
	message = text_vprintf(fmt, ap);
	va_end(ap);
	errors_add(r->errors, "%s:%u: %s%s%s%s%s%s", r->file, r->line,
	    section == NULL ? "" : (pool ? "[pool " : "["), section == NULL ? "" : section,
	    section == NULL ? "" : "] ", key == NULL ? "" : key, key == NULL ? "" : ": ", message);
	free(message);
}

/* Where this file has had id (of a section, or of a key with its section) before, or NULL: then
 * it has it here. */
static const char *
seen_here(struct reader *r, const char *id)
{
	char *here = text_printf("%u/%s", r->number, id), *where;
	const char *before = dictionary_get(r->ini->seen, here, NULL);

	if (before == NULL) {
		where = text_printf("%s:%u", r->file, r->line);
		if (dictionary_set(r->ini->seen, here, where) != 0)
			complain(r, NULL, "%s", strerror(ENOMEM));
		free(where);
	}
	free(here);
	return before;
}

static struct ini_section *
new_section(struct reader *r, const char *name)
{
	struct ini_section *s = text_calloc(1, sizeof(*s));

	s->name = text_dup(name);
	s->where = text_printf("%s:%u", r->file, r->line);
	s->id = ++r->ini->section_count;
	TAILQ_INIT(&s->keys);
	TAILQ_INSERT_TAIL(&r->ini->sections, s, next);
	return s;
}

static struct ini_section *
find_section(const struct ini *ini, const char *name)
{
	struct ini_section *s;

	TAILQ_FOREACH (s, &ini->sections, next) {
		if (!s->duplicate && strcmp(s->name, name) == 0)
			break;
	}
	return s;
}

/* The section called name goes on, or begins; a second one in this file is kept apart, to be read
 * for its errors alone. */
static void
open_section(struct reader *r, const char *name)
{
	struct ini_section *s = find_section(r->ini, name);
	const char *before;
	char *id;

	if (s == NULL)
		s = new_section(r, name);
	r->section = s;
	id = text_printf("%u", s->id);
	if ((before = seen_here(r, id)) != NULL) {
		complain(r, NULL, "this section is already at %s", before);
		r->section = new_section(r, name);
		r->section->duplicate = true;
	}
	r->ini->begun = r->section;
	free(id);
}

static void
begin_section(struct reader *r, char *line)
{
	char *end = strchr(line, ']');
	char *rest;

	if (end == NULL) {
		complain(r, NULL, "the closing ] is missing");
		return;
	}
	*end = '\0';
	rest = end + 1 + strspn(end + 1, " \t");
	open_section(r, strcasecmp(line + 1, "global") == 0 ? "global" : line + 1);
	if (*rest != '\0' && *rest != ';')
		complain(r, NULL, "unexpected text after the section: %.200s", rest);
}

/* Whether name is that of a directive: letters, digits, "_.-", then perhaps [NAME]. As with
 * php-fpm any case will do; it becomes small letters, but for NAME. */
static bool
normalize_key(char *name)
{
	size_t len = 0;

	for (; isalnum((unsigned char)name[len]) || (name[len] != '\0' && strchr("_.-", name[len]));
	     len++)
		name[len] = (char)tolower((unsigned char)name[len]);
	if (len == 0 || name[len] == '\0')
		return len > 0;
	if (name[len++] != '[')
		return false;
	while (isgraph((unsigned char)name[len]) && strchr("[]", name[len]) == NULL)
		len++;
	return strcmp(name + len, "]") == 0;
}

/* glob(3) is to fail where a directory may not be read, not where there is none. */
static int
glob_error(const char *path, int error)
{
	(void)path;
	return error == EACCES || error == EIO;
}

static void
include_matches(struct reader *r, const char *pattern)
{
	glob_t found = {0};
	int rc = glob(pattern, 0, glob_error, &found);

	/* php-fpm's rule: a pattern may match nothing, a file that is named must exist. */
	if (rc == GLOB_NOMATCH && strpbrk(pattern, "*?[") == NULL)
		complain(r, "include", "%s: %s", pattern, strerror(ENOENT));
	else if (rc != 0 && rc != GLOB_NOMATCH)
		complain(r, "include", "%s: %s", pattern, strerror(errno));
	for (size_t i = 0; rc == 0 && i < found.gl_pathc; i++) {
		struct reader inner = {.ini = r->ini,
		    .errors = r->errors,
		    .prefix = r->prefix,
		    .section = r->ini->begun,
		    .file = found.gl_pathv[i],
		    .depth = r->depth + 1};
		if (!read_path(&inner))
			complain(r, "include", "%s: %s", inner.file, strerror(errno));
	}
	globfree(&found);
}

static void
include(struct reader *r, const char *raw)
{
	char message[LEX_MESSAGE_MAX], *pattern, *path;

	if (r->prefix == NULL)
		complain(r, "include", "not possible here");
	else if (r->depth == INCLUDE_DEPTH_MAX)
		complain(r, "include", "nested more than %d deep", INCLUDE_DEPTH_MAX);
	else if ((pattern = lex_plain(raw, NULL, message)) == NULL)
		complain(r, "include", "%s", message);
	else {
		if (*pattern == '\0')
			complain(r, "include", "expected a file or a pattern");
		else {
			path = *pattern == '/' ? text_dup(pattern)
					       : text_printf("%s/%s", r->prefix, pattern);
			include_matches(r, path);
			free(path);
		}
		free(pattern);
	}
}

static void
add_key(struct reader *r, const char *name, const char *raw)
{
	size_t len = strlen(name);
	struct ini_key *key;
	char *key_id, *id, *where;
	const char *before;
	bool known;

	if (len > 2 && strcmp(name + len - 2, "[]") == 0)
		key_id = text_printf("%s%u", name, ++r->ini->list_count);
	else
		key_id = text_dup(name);
	id = text_printf("%u:%s", r->section->id, key_id);
	if ((before = seen_here(r, id)) != NULL) {
		complain(r, name, "already set at %s", before);
		free(key_id);
		free(id);
		return;
	}
	where = text_printf("%s:%u", r->file, r->line);
	known = dictionary_get(r->ini->places, id, NULL) != NULL;
	if (dictionary_set(r->ini->values, id, raw) != 0 ||
	    dictionary_set(r->ini->places, id, where) != 0)
		complain(r, name, "%s", strerror(ENOMEM));
	free(where);
	free(id);
	if (known) { /* by an earlier file, whose value counts no more */
		free(key_id);
		return;
	}
	key = text_calloc(1, sizeof(*key));
	key->name = text_dup(name);
	key->id = key_id;
	TAILQ_INSERT_TAIL(&r->section->keys, key, next);
}

static void
read_key(struct reader *r, char *line)
{
	char *equals = strchr(line, '='), *end = equals;

	if (equals == NULL) {
		complain(r, NULL, "expected \"directive = value\", got \"%.200s\"", line);
		return;
	}
	while (end > line && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	*end = '\0';
	if (!normalize_key(line))
		complain(r, NULL, "\"%.200s\" is not the name of a directive", line);
	else if (strcmp(line, "include") == 0)
		include(r, equals + 1);
	else if (r->section == NULL)
		complain(r, line,
		    "outside of a section; begin with [global] or with a pool's name "
		    "in brackets");
	else
		add_key(r, line, equals + 1);
}

/* line: one line without its end, which may be changed. */
static void
read_line(struct reader *r, char *line)
{
	line += strspn(line, " \t");
	if (*line == '\0' || *line == ';' || *line == '#')
		return;
	if (*line == '[')
		begin_section(r, line);
	else
		read_key(r, line);
}

static void
read_lines(struct reader *r, const char *text, size_t len)
{
	static const char mark[] = "\xef\xbb\xbf"; /* some editors begin UTF-8 with it, unseen */
	const char *end = text + len, *eol;
	size_t n;
	char *line;

	if (len >= sizeof(mark) - 1 && memcmp(text, mark, sizeof(mark) - 1) == 0)
		text += sizeof(mark) - 1;
	for (; text < end; text = eol + 1) {
		if ((eol = memchr(text, '\n', (size_t)(end - text))) == NULL)
			eol = end;
		r->line++;
		n = (size_t)(eol - text);
		if (n > 0 && text[n - 1] == '\r')
			n--;
		if (memchr(text, '\0', n) != NULL) {
			complain(r, NULL, "a NUL byte");
			continue;
		}
		line = text_ndup(text, n);
		read_line(r, line);
		free(line);
	}
}

/* All of a file; false with errno: EISDIR for a directory, EFBIG above FILE_SIZE_MAX. */
static bool
slurp(const char *path, struct text *out)
{
	char buf[16384];
	struct stat st;
	ssize_t n = -1;
	int fd;

	if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY)) == -1)
		return false;
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
		errno = EISDIR;
	else {
		while ((n = read(fd, buf, sizeof(buf))) > 0 && out->len <= FILE_SIZE_MAX)
			text_add(out, buf, (size_t)n);
	}
	if (n > 0) {
		errno = EFBIG;
		n = -1;
	}
	fd_close(&fd);
	return n == 0;
}

/* Read the reader's file; false with errno when that is not possible. */
static bool
read_path(struct reader *r)
{
	struct text text = {0};
	bool ok = slurp(r->file, &text);

	r->number = ++r->ini->file_count;
	if (ok)
		read_lines(r, text.s != NULL ? text.s : "", text.len);
	text_free(&text);
	return ok;
}

static struct ini *
ini_new(void)
{
	struct ini *ini = text_calloc(1, sizeof(*ini));

	TAILQ_INIT(&ini->sections);
	ini->values = dictionary_new(0);
	ini->places = dictionary_new(0);
	ini->seen = dictionary_new(0);
	return ini;
}

struct ini *
ini_read_file(const char *path, const char *prefix, struct errors *errors)
{
	struct reader r = {.ini = ini_new(), .errors = errors, .file = path, .prefix = prefix};

	if (!read_path(&r)) {
		errors_add(errors, "%s: %s%s", path, strerror(errno),
		    errno == ENOENT ? "; -y names the configuration, anyfpm -h lists the options"
				    : "");
		ini_free(r.ini);
		return NULL;
	}
	return r.ini;
}

struct ini *
ini_read_text(const char *text, size_t len, const char *name, struct errors *errors)
{
	struct reader r = {.ini = ini_new(), .errors = errors, .file = name};

	read_lines(&r, text, len);
	return r.ini;
}

void
ini_free(struct ini *ini)
{
	struct ini_section *s;
	struct ini_key *key;

	if (ini == NULL)
		return;
	while ((s = TAILQ_FIRST(&ini->sections)) != NULL) {
		TAILQ_REMOVE(&ini->sections, s, next);
		while ((key = TAILQ_FIRST(&s->keys)) != NULL) {
			TAILQ_REMOVE(&s->keys, key, next);
			free(key->name);
			free(key->id);
			free(key);
		}
		free(s->name);
		free(s->where);
		free(s);
	}
	dictionary_del(ini->values);
	dictionary_del(ini->places);
	dictionary_del(ini->seen);
	free(ini);
}

static const char *
look_up(const dictionary *d, const struct ini_section *section, const char *id)
{
	char *unique = text_printf("%u:%s", section->id, id);
	const char *value = dictionary_get(d, unique, NULL);

	free(unique);
	return value;
}

const char *
ini_value(const struct ini *ini, const struct ini_section *section, const char *id)
{
	return look_up(ini->values, section, id);
}

const char *
ini_where(const struct ini *ini, const struct ini_section *section, const char *id)
{
	const char *where = look_up(ini->places, section, id);

	return where != NULL ? where : section->where;
}
