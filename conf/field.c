/* field.c: set and free one field of a configuration as its directive's type says. */
#include "config.h"

#include "conf/field.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf/address.h"
#include "conf/conf.h"
#include "conf/lex.h"
#include "conf/text.h"

_Static_assert(sizeof(int) == sizeof(unsigned int) && sizeof(enum pm_mode) == sizeof(int) &&
		   sizeof(enum log_level) == sizeof(int) &&
		   sizeof(enum client_abort) == sizeof(int) &&
		   sizeof(enum scheduling) == sizeof(int) &&
		   sizeof(enum log_format) == sizeof(int),
    "numbers and words are copied as int");
_Static_assert(offsetof(struct conf_pool, allowed_clients_count) ==
		   offsetof(struct conf_pool, allowed_clients) + sizeof(struct address_network *),
    "the count of a TYPE_NETWORKS field follows it");
_Static_assert(LEX_MESSAGE_MAX <= FIELD_MESSAGE_MAX, "a lexer's sentence fits");

/* One setting on its way into its field. */
struct setting {
	const struct directive *d;
	void *field;
	const char *raw;
	const char *pool;
	const char *name;
	char *message;
};

static bool __attribute__((format(printf, 2, 3)))
fail(const struct setting *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s->message, FIELD_MESSAGE_MAX, fmt, ap);
	va_end(ap);
	return false;
}

/* php-fpm's own sample has "10s;", which somebody may put in quotes. */
static const char *
semicolon_hint(const char *text)
{
	size_t len = strlen(text);

	return len > 0 && text[len - 1] == ';' ? "; remove the \";\" at its end" : "";
}

static bool
fail_range(const struct setting *s, const char *text)
{
	char min[VALUE_TEXT_MAX], max[VALUE_TEXT_MAX];
	const char *hint = semicolon_hint(text);

	switch (s->d->type) {
	case TYPE_TIME:
		value_format_time(s->d->min, min);
		value_format_time(s->d->max, max);
		return fail(s,
		    "expected a time from %s to %s (500ms, 30s, 5m, 1h), got \"%.200s\"%s", min,
		    max, text, hint);
	case TYPE_SIZE:
	case TYPE_LIMIT_SIZE:
		value_format_size(s->d->min, min);
		value_format_size(s->d->max, max);
		return fail(s, "expected a size from %s to %s (bytes, or with K, M or G)%s, got "
			       "\"%.200s\"%s",
		    min, max, s->d->unlimited ? " or unlimited" : "", text, hint);
	case TYPE_SHARE:
		value_format_size(VALUE_SHARE_MIN, min);
		value_format_size(s->d->max, max);
		return fail(s, "expected a size from %s to %s (bytes, or with K, M or G), or 1%% to "
			       "100%%, got \"%.200s\"%s",
		    min, max, text, hint);
	case TYPE_MODE:
		return fail(s,
		    "expected an octal mode from %04" PRIo64 " to %04" PRIo64 ", got \"%.200s\"",
		    (uint64_t)s->d->min, (uint64_t)s->d->max, text);
	default:
		return fail(s,
		    "expected a number from %" PRId64 " to %" PRId64 ", got \"%.200s\"%s",
		    s->d->min, s->d->max, text, hint);
	}
}

static bool
fail_word(const struct setting *s, const char *text)
{
	struct text list = {0};

	for (const struct value_word *w = s->d->words; w->name != NULL; w++) {
		if (w != s->d->words)
			text_add(
			    &list, w[1].name != NULL ? ", " : " or ", w[1].name != NULL ? 2 : 4);
		text_add(&list, w->name, strlen(w->name));
	}
	fail(s, "expected %s, got \"%.200s\"", list.s, text);
	text_free(&list);
	return false;
}

static bool
set_int64(const struct setting *s, const char *text)
{
	const struct directive *d = s->d;
	unsigned int narrow;
	int64_t n;
	mode_t mode;
	bool ok;

	switch (d->type) {
	case TYPE_TIME:
		ok = value_time(text, &n);
		break;
	case TYPE_SIZE:
	case TYPE_LIMIT_SIZE:
		ok = value_size(text, &n);
		break;
	case TYPE_SHARE:
		ok = value_share(text, &n);
		break;
	case TYPE_MODE:
		ok = value_octal(text, &n);
		break;
	default:
		ok = value_integer(text, &n);
		break;
	}
	if (!ok || n < d->min || n > d->max)
		return fail_range(s, text);
	if (d->type == TYPE_NUMBER || d->type == TYPE_PRIORITY) {
		narrow = (unsigned int)n;
		memcpy(s->field, &narrow, sizeof(narrow));
	} else if (d->type == TYPE_MODE) {
		mode = (mode_t)n;
		memcpy(s->field, &mode, sizeof(mode));
	} else
		memcpy(s->field, &n, sizeof(n));
	return true;
}

/* What may be left to the system: an empty text is the value that no setting has. */
static bool
set_limit(const struct setting *s, const char *text)
{
	uint64_t limit;

	if (s->d->type == TYPE_PRIORITY && *text == '\0') {
		memcpy(s->field, &(int){PRIORITY_UNSET}, sizeof(int));
		return true;
	}
	if (*text == '\0')
		limit = RLIMIT_UNSET;
	else if (s->d->unlimited && strcasecmp(text, "unlimited") == 0)
		limit = RLIMIT_UNLIMITED;
	else
		return set_int64(s, text);
	memcpy(s->field, &limit, sizeof(limit));
	return true;
}

static bool
set_string(const struct setting *s, const char *text)
{
	char **field = s->field;

	free(*field);
	*field = *text != '\0' ? text_dup(text) : NULL;
	return true;
}

/* The words that are empty to php-fpm, and are not taken for a file or a path. */
static bool
is_off(const char *text)
{
	static const char *const words[] = {"no", "none", "off", "false", "null"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcasecmp(text, words[i]) == 0)
			return true;
	}
	return false;
}

static bool
set_listen(const struct setting *s, const char *text)
{
	struct address address;
	const char *problem = NULL;

	if (!s->d->required && is_off(text))
		text = "";
	if (*text != '\0' || s->d->required)
		problem = address_parse(text, &address);
	if (problem != NULL)
		return fail(s, "%s, got \"%.200s\"", problem, text);
	return set_string(s, text);
}

/* What error_log takes is not taken for a file of that name. */
static bool
set_state_path(const struct setting *s, const char *text)
{
	static const char *const words[] = {"stdout", "stderr", "syslog", "journal"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcasecmp(text, words[i]) == 0)
			return fail(s, "expected a file, such as /dev/stderr; got \"%s\"", text);
	}
	return set_string(s, is_off(text) ? "" : text);
}

static bool
set_log(const struct setting *s, const char *text)
{
	static const char *const words[] = {"stderr", "syslog", "journal"};

#ifndef HAVE_SYSTEMD
	if (strcasecmp(text, "journal") == 0)
		return fail(s, "journal is not possible: anyfpm was built without libsystemd; "
			       "expected a file, stderr or syslog");
#endif
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcasecmp(text, words[i]) == 0)
			text = words[i];
	}
	return set_string(s, text);
}

/* It goes into requests and into the log as it stands. */
static bool
set_uri(const struct setting *s, const char *text)
{
	if (is_off(text))
		return set_string(s, "");
	for (const char *p = text; *p != '\0'; p++) {
		if ((unsigned char)*p <= ' ' || (unsigned char)*p >= 0x7f)
			return fail(s,
			    "expected a path without blanks, non-ASCII letters as %%XX, got "
			    "\"%.200s\"",
			    text);
	}
	if (*text != '\0' && *text != '/')
		return fail(s, "expected a path that begins with /, got \"%.200s\"", text);
	return set_string(s, text);
}

/* One path more; an empty one changes nothing. */
static bool
add_uri(const struct setting *s, const char *text)
{
	struct setting one = *s;
	char *uri = NULL;
	bool ok;

	one.field = &uri;
	if ((ok = set_uri(&one, text)) && uri != NULL)
		text_vector_add(s->field, uri);
	free(uri);
	return ok;
}

static bool
set_networks(const struct setting *s, const char *text)
{
	struct address_network **field = s->field, *networks;
	char problem[ADDRESS_ERROR_MAX];
	size_t count;

	if (!address_parse_networks(text, &networks, &count, problem))
		return fail(s, "%s", problem);
	free(*field);
	*field = networks;
	memcpy(field + 1, &count, sizeof(count));
	return true;
}

static bool
set_names(const struct setting *s, const char *text)
{
	char ***field = s->field, **names = NULL;

#ifndef HAVE_LIBACL /* access control lists are all that names are for */
	if (*text != '\0')
		return fail(s, "is not possible: anyfpm was built without libacl; use "
			       "listen.owner, listen.group and listen.mode");
#endif
	if (*text != '\0' && !text_vector_split(&names, text)) {
		text_vector_free(names);
		return fail(s, "expected names with commas between them, got \"%.200s\"", text);
	}
	text_vector_free(*field);
	*field = names;
	return true;
}

/* A path is not made absolute: nobody has such a tree below the prefix. */
static bool
set_cgroup(const struct setting *s, const char *text)
{
	if (*text == '\0' || is_off(text))
		return set_string(s, "");
	if (strcasecmp(text, "own") == 0)
		return set_string(s, "own");
	if (*text != '/')
		return fail(s, "expected no, own, or the absolute path of a control group, got "
			       "\"%.200s\"", text);
	return set_string(s, text);
}

static bool
set_text(const struct setting *s, const char *text)
{
	bool yes;
	int word;

	switch (s->d->type) {
	case TYPE_STRING:
		return set_string(s, text);
	case TYPE_PATH:
		return set_string(s, is_off(text) ? "" : text);
	case TYPE_STATE_PATH:
		return set_state_path(s, text);
	case TYPE_LOG:
		return set_log(s, text);
	case TYPE_CGROUP:
		return set_cgroup(s, text);
	case TYPE_LISTEN:
		return set_listen(s, text);
	case TYPE_URI:
		return set_uri(s, text);
	case TYPE_URIS:
		return add_uri(s, text);
	case TYPE_NETWORKS:
		return set_networks(s, text);
	case TYPE_NAMES:
		return set_names(s, text);
	case TYPE_PRIORITY:
	case TYPE_LIMIT:
	case TYPE_LIMIT_SIZE:
		return set_limit(s, text);
	case TYPE_BOOL:
		if (!value_bool(text, &yes))
			return fail(s, "expected yes or no, got \"%.200s\"", text);
		memcpy(s->field, &yes, sizeof(yes));
		return true;
	case TYPE_WORD:
		if (!value_word(s->d->words, text, &word))
			return fail_word(s, text);
		memcpy(s->field, &word, sizeof(word));
		return true;
	default:
		return set_int64(s, text);
	}
}

static bool
set_command(const struct setting *s)
{
	char ***field = s->field;
	const char *first = s->raw + strspn(s->raw, " \t\r\n");
	char **words;

	if (!s->d->required && (*first == '\0' || *first == ';')) {
		text_vector_free(*field);
		*field = NULL;
		return true;
	}
	if ((words = lex_words(s->raw, s->pool, s->message)) == NULL)
		return false;
	if (words[0][0] == '\0') {
		text_vector_free(words);
		return fail(s, "the program is an empty word");
	}
	text_vector_free(*field);
	*field = words;
	return true;
}

static bool
set_env(const struct setting *s)
{
	char *value, *pair;

	if ((value = lex_env(s->raw, s->pool, s->message)) == NULL)
		return false;
	pair = text_printf("%s=%s", s->name, value);
	text_vector_add(s->field, pair);
	free(pair);
	free(value);
	return true;
}

/* Whether a ";" or a quote could have been meant to be a part of the value. */
static bool
is_text(enum directive_type type)
{
	switch (type) {
	case TYPE_STRING:
	case TYPE_PATH:
	case TYPE_STATE_PATH:
	case TYPE_LOG:
	case TYPE_CGROUP:
	case TYPE_LISTEN:
	case TYPE_URI:
	case TYPE_URIS:
	case TYPE_NETWORKS:
	case TYPE_NAMES:
		return true;
	default:
		return false;
	}
}

bool
field_set(const struct directive *d, void *base, const char *raw, const char *pool,
    const char *name, char message[FIELD_MESSAGE_MAX])
{
	struct setting s = {.d = d,
	    .field = (char *)base + d->offset,
	    .raw = raw,
	    .pool = pool,
	    .name = name,
	    .message = message};
	char *text;
	bool ok;

	*message = '\0';
	if (d->type == TYPE_ENV && (name == NULL || *name == '\0'))
		return fail(&s, "expected %s[NAME]", d->name);
	if (d->type == TYPE_URIS && (name == NULL || *name != '\0'))
		return fail(&s, "expected %s[], once for each path", d->name);
	if (d->type != TYPE_ENV && d->type != TYPE_URIS && name != NULL)
		return fail(&s, "takes no [NAME]");
	if (d->type == TYPE_ENV)
		return set_env(&s);
	if (d->type == TYPE_COMMAND)
		return set_command(&s);
	if ((text = lex_plain(raw, pool, message)) == NULL)
		return false;
	if (!is_text(d->type))
		*message = '\0';
	ok = set_text(&s, text);
	free(text);
	return ok;
}

void
field_free(const struct directive *d, void *base)
{
	void *field = (char *)base + d->offset;

	switch (d->type) {
	case TYPE_STRING:
	case TYPE_PATH:
	case TYPE_STATE_PATH:
	case TYPE_LOG:
	case TYPE_CGROUP:
	case TYPE_LISTEN:
	case TYPE_URI:
	case TYPE_NETWORKS:
		free(*(void **)field);
		*(void **)field = NULL;
		break;
	case TYPE_COMMAND:
	case TYPE_ENV:
	case TYPE_URIS:
	case TYPE_NAMES:
		text_vector_free(*(char ***)field);
		*(char ***)field = NULL;
		break;
	default:
		break;
	}
}
