/* field_print.c: print one field of a configuration so that field_set() reads it back. */
#include "config.h"

#include "conf/field_print.h"

#include <inttypes.h>
#include <string.h>

#include "conf/address.h"
#include "conf/conf.h"
#include "conf/lex.h"
#include "conf/text.h"

static void
print_env(const struct directive *d, char *const *env, FILE *out)
{
	for (; env != NULL && *env != NULL; env++) {
		const char *equals = strchr(*env, '=');
		fprintf(out, "%s[%.*s] = ", d->name, (int)(equals - *env), *env);
		lex_write_plain(equals + 1, out);
		fputc('\n', out);
	}
}

static void
print_uris(const struct directive *d, char *const *uris, FILE *out)
{
	for (; uris != NULL && *uris != NULL; uris++) {
		fprintf(out, "%s[] = ", d->name);
		lex_write_plain(*uris, out);
		fputc('\n', out);
	}
}

static void
print_names(char *const *names, FILE *out)
{
	struct text text = {0};

	for (size_t i = 0; names != NULL && names[i] != NULL; i++) {
		if (i > 0)
			text_add(&text, ", ", 2);
		text_add(&text, names[i], strlen(names[i]));
	}
	lex_write_plain(text.s != NULL ? text.s : "", out);
	text_free(&text);
}

static void
print_command(char *const *words, FILE *out)
{
	for (size_t i = 0; words != NULL && words[i] != NULL; i++) {
		if (i > 0)
			fputc(' ', out);
		lex_write_word(words[i], out);
	}
}

static void
print_word(const struct value_word *words, int value, FILE *out)
{
	while (words->name != NULL && words->value != value)
		words++;
	fputs(words->name != NULL ? words->name : "", out);
}

/* Numbers of every kind, copied out of a field of their type. */
static void
print_int64(const struct directive *d, const void *field, FILE *out)
{
	char text[VALUE_TEXT_MAX];
	int64_t wide;
	mode_t mode;
	int narrow;

	switch (d->type) {
	case TYPE_NUMBER:
	case TYPE_PRIORITY:
		memcpy(&narrow, field, sizeof(narrow));
		fprintf(out, "%d", narrow);
		break;
	case TYPE_MODE:
		memcpy(&mode, field, sizeof(mode));
		fprintf(out, "%04o", (unsigned int)mode);
		break;
	default:
		memcpy(&wide, field, sizeof(wide));
		if (d->type == TYPE_TIME)
			value_format_time(wide, text);
		else if (d->type == TYPE_LIMIT)
			snprintf(text, sizeof(text), "%" PRId64, wide);
		else if (d->type == TYPE_SHARE)
			value_format_share(wide, text);
		else
			value_format_size(wide, text);
		fputs(text, out);
		break;
	}
}

static void
print_limit(const struct directive *d, const void *field, FILE *out)
{
	uint64_t limit = 0;
	int priority = 0;

	if (d->type == TYPE_PRIORITY)
		memcpy(&priority, field, sizeof(priority));
	else
		memcpy(&limit, field, sizeof(limit));
	if (priority == PRIORITY_UNSET || limit == RLIMIT_UNSET)
		lex_write_plain("", out);
	else if (limit == RLIMIT_UNLIMITED)
		fputs("unlimited", out);
	else
		print_int64(d, field, out);
}

void
field_print(const struct directive *d, const void *base, FILE *out)
{
	const void *field = (const char *)base + d->offset;
	char *const *string = field;

	if (d->type == TYPE_INCLUDE)
		return;
	if (d->type == TYPE_ENV) {
		print_env(d, *(char **const *)field, out);
		return;
	}
	if (d->type == TYPE_URIS) {
		print_uris(d, *(char **const *)field, out);
		return;
	}
	fprintf(out, "%s = ", d->name);
	switch (d->type) {
	case TYPE_STRING:
	case TYPE_PATH:
	case TYPE_STATE_PATH:
	case TYPE_LOG:
	case TYPE_CGROUP:
	case TYPE_LISTEN:
	case TYPE_URI:
		lex_write_plain(*string != NULL ? *string : "", out);
		break;
	case TYPE_COMMAND:
		print_command(*(char **const *)field, out);
		break;
	case TYPE_NAMES:
		print_names(*(char **const *)field, out);
		break;
	case TYPE_NETWORKS:
		address_print_networks(*(struct address_network *const *)field,
		    *(const size_t *)((const char *)field + sizeof(void *)), out);
		break;
	case TYPE_BOOL:
		fputs(*(const bool *)field ? "yes" : "no", out);
		break;
	case TYPE_WORD:
		print_word(d->words, *(const int *)field, out);
		break;
	case TYPE_PRIORITY:
	case TYPE_LIMIT:
	case TYPE_LIMIT_SIZE:
		print_limit(d, field, out);
		break;
	default:
		print_int64(d, field, out);
		break;
	}
	fputc('\n', out);
}
