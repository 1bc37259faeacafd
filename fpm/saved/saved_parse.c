/* saved_parse.c: reads the text of what was saved. */
#include "config.h"

#include "fpm/saved/saved_parse.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define WORD_MAX 64

struct reader {
	const char *at, *end;
	struct saved *saved;
	struct saved_seat *seat; /* the last one */
	void *base;              /* what the section is; NULL: it is left out */
	const struct saved_field *fields;
};

static bool
take_number(struct reader *r, int64_t *number)
{
	char text[32], *end;
	const char *stop = memchr(r->at, '\n', (size_t)(r->end - r->at));
	size_t len = stop != NULL ? (size_t)(stop - r->at) : 0;

	if (len == 0 || len >= sizeof(text))
		return false;
	memcpy(text, r->at, len);
	text[len] = '\0';
	errno = 0;
	*number = strtoll(text, &end, 10);
	r->at = stop + 1;
	return errno == 0 && *end == '\0';
}

/* =LENGTH:BYTES. false: it is none, or out of memory. */
static bool
take_text(struct reader *r, char **text)
{
	size_t len = 0, left;

	for (r->at++; r->at < r->end && *r->at >= '0' && *r->at <= '9'; r->at++) {
		len = len * 10 + (size_t)(*r->at - '0');
		if (len > (size_t)(r->end - r->at))
			return false;
	}
	left = (size_t)(r->end - r->at);
	if (left < 2 || *r->at != ':' || len > left - 2 || r->at[1 + len] != '\n' ||
	    memchr(r->at + 1, '\0', len) != NULL || (*text = strndup(r->at + 1, len)) == NULL)
		return false;
	r->at += len + 2;
	return true;
}

static const struct saved_field *
find_field(const struct reader *r, const char *word)
{
	const struct saved_field *f = r->fields;

	while (r->base != NULL && f->word != NULL && strcmp(f->word, word) != 0)
		f++;
	return r->base != NULL && f->word != NULL ? f : NULL;
}

/* The value of a field, NULL: of one that is left out. */
static bool
take_value(struct reader *r, const struct saved_field *f)
{
	char *text = NULL;
	int64_t number = 0;

	if (r->at < r->end && *r->at == '=') {
		if (!take_text(r, &text))
			return false;
		if (f != NULL && f->kind == SAVED_TEXT && *saved_fields_text(r->base, f) == NULL)
			*saved_fields_text(r->base, f) = text;
		else
			free(text);
		return f == NULL || f->kind == SAVED_TEXT;
	}
	if (!take_number(r, &number))
		return false;
	if (f != NULL && f->kind == SAVED_NUMBER)
		*saved_fields_number(r->base, f) = number;
	else if (f != NULL && f->kind == SAVED_FD && number >= -1 && number <= INT_MAX)
		*saved_fields_fd(r->base, f) = (int)number;
	else
		return f == NULL;
	return true;
}

static bool
begin(struct reader *r, void *base, const struct saved_field *fields)
{
	r->base = base;
	r->fields = fields;
	return base != NULL;
}

static bool
begin_section(struct reader *r, const char *name)
{
	r->base = NULL;
	if (strcmp(name, "service") == 0)
		return begin(r, r->saved, saved_fields_service);
	if (strcmp(name, "seat") == 0)
		return begin(r, r->seat = saved_add_seat(r->saved), saved_fields_seat);
	if (strcmp(name, "generation") == 0)
		return r->seat != NULL &&
		    begin(r, saved_add_generation(r->seat), saved_fields_generation);
	if (strcmp(name, "metrics") == 0)
		return r->saved->metrics == NULL &&
		    begin(r, saved_add_metrics(r->saved), saved_fields_metrics);
	if (strcmp(name, "client") == 0)
		return begin(r, saved_add_client(r->saved), saved_fields_client);
	return true;
}

/* Copy up to end, which is left behind. false: it does not come. */
static bool
take_word(struct reader *r, char end, char word[WORD_MAX])
{
	const char *stop = memchr(r->at, end, (size_t)(r->end - r->at));
	size_t len = stop != NULL ? (size_t)(stop - r->at) : WORD_MAX;

	if (len >= WORD_MAX)
		return false;
	memcpy(word, r->at, len);
	word[len] = '\0';
	r->at = stop + 1;
	return true;
}

static bool
take_line(struct reader *r)
{
	char word[WORD_MAX];

	if (*r->at == '[') {
		r->at++;
		return take_word(r, ']', word) && r->at < r->end && *r->at++ == '\n' &&
		    begin_section(r, word);
	}
	return take_word(r, ' ', word) && take_value(r, find_field(r, word));
}

/* NULL, or what is missing that nobody can do without. */
static const char *
check(const struct saved *s)
{
	const struct saved_seat *seat;
	const struct saved_generation *g;

	if (s->pid <= 0 || s->settings == NULL || s->rundir == NULL || s->log_fd == -1)
		return "the service";
	if (s->metrics != NULL && s->metrics->process.pid != 0 && s->metrics->process.sock == -1)
		return "the metrics process";
	if (TAILQ_EMPTY(&s->seats))
		return "the pools";
	TAILQ_FOREACH (seat, &s->seats, next) {
		if (seat->name == NULL)
			return "a pool's name";
		TAILQ_FOREACH (g, &seat->generations, next)
			if (g->process.pid <= 0 || g->process.sock == -1 || g->dir_fd == -1 ||
			    g->dir_path == NULL || g->slots <= 0)
				return "a process of a pool";
	}
	return NULL;
}

struct saved *
saved_parse(const char *text, size_t len, char why[SAVED_WHY_MAX])
{
	struct reader r = {.at = text, .end = text + len, .saved = saved_new()};
	const char *missing = NULL;
	int64_t format = 0;
	bool good;

	good = r.saved != NULL && len > strlen(SAVED_HEAD) &&
	    memcmp(text, SAVED_HEAD, strlen(SAVED_HEAD)) == 0;
	r.at += good ? strlen(SAVED_HEAD) : 0;
	good = good && take_number(&r, &format);
	snprintf(why, SAVED_WHY_MAX, "it is no state of anyfpm, or there is no memory for it");
	if (good && format != SAVED_FORMAT) {
		snprintf(why, SAVED_WHY_MAX, "its format is %" PRId64 ", and that of this version %d",
		    format, SAVED_FORMAT);
		good = false;
	}
	while (good && r.at < r.end)
		good = take_line(&r);
	if (good && (missing = check(r.saved)) != NULL)
		snprintf(why, SAVED_WHY_MAX, "%s in it is not whole", missing);
	if (good && missing == NULL)
		return r.saved;
	saved_free(r.saved);
	return NULL;
}
