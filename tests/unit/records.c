/* records.c: records written and read as text, for tests (fixture.h). */
#undef NDEBUG
#include "config.h"

#include "pool/wire/fcgi.h"
#include "tests/unit/fixture.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	uint8_t type;
} types[] = {
    {"begin", FCGI_BEGIN_REQUEST},
    {"abort", FCGI_ABORT_REQUEST},
    {"end", FCGI_END_REQUEST},
    {"params", FCGI_PARAMS},
    {"stdin", FCGI_STDIN},
    {"stdout", FCGI_STDOUT},
    {"stderr", FCGI_STDERR},
    {"data", FCGI_DATA},
    {"values", FCGI_GET_VALUES},
};
static const char *const roles[] = {NULL, "responder", "authorizer", "filter"};

/* The next word, without the blank after it; "" at the end. */
static char *
word(char **at)
{
	char *w = strsep(at, " ");

	return w != NULL ? w : (char *)(uintptr_t) "";
}

static uint8_t
type_of(const char *name)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (strcmp(types[i].name, name) == 0)
			return types[i].type;
	}
	fprintf(stderr, "fixture: no such record: \"%s\"\n", name);
	abort();
}

static uint16_t
role_of(const char *name)
{
	for (uint16_t i = 1; i < sizeof(roles) / sizeof(roles[0]); i++) {
		if (strcmp(roles[i], name) == 0)
			return i;
	}
	return (uint16_t)atoi(name);
}

/* Pairs from the rest of a segment; a name alone has an empty value. */
static size_t
put_pairs(uint8_t *out, char *rest)
{
	size_t n = 0;
	char *pair;

	while (*(pair = word(&rest)) != '\0') {
		char *name = strsep(&pair, "=");

		n += fcgi_put_short_pair(out + n, name, pair != NULL ? pair : "");
	}
	return n;
}

static size_t
put_segment(uint8_t *out, char *segment)
{
	char *rest = segment, *name = word(&rest);
	uint8_t *content = out + FCGI_HEADER_LEN;
	bool raw = strcmp(name, "type") == 0;
	uint8_t type = raw ? (uint8_t)atoi(word(&rest)) : type_of(name);
	uint16_t id = !raw && type == FCGI_GET_VALUES ? 0 : (uint16_t)atoi(word(&rest));
	size_t len = 0;

	if (!raw && type == FCGI_BEGIN_REQUEST) {
		uint16_t role = role_of(word(&rest));

		return fcgi_put_begin(
		    out, id, role, strcmp(word(&rest), "keep") == 0 ? FCGI_KEEP_CONN : 0);
	}
	if (!raw && type == FCGI_END_REQUEST) {
		uint32_t app_status = (uint32_t)strtoul(word(&rest), NULL, 0);

		return fcgi_put_end(out, id, app_status, (uint8_t)atoi(word(&rest)));
	}
	if (!raw && (type == FCGI_PARAMS || type == FCGI_GET_VALUES)) {
		len = put_pairs(content, rest);
	} else if (rest != NULL) {
		len = strlen(rest);
		memcpy(content, rest, len);
	}
	memset(content + len, 0xa5, FCGI_PADDING(len)); /* padding is ignored, whatever it is */
	fcgi_put_header(out, type, id, (uint16_t)len, FCGI_PADDING(len));
	return FCGI_HEADER_LEN + len + FCGI_PADDING(len);
}

size_t
fixture_records(uint8_t *out, size_t size, const char *script)
{
	char *copy = strdup(script), *segment = copy;
	size_t n = 0;

	assert(copy != NULL);
	while (*segment != '\0') {
		char *next = strstr(segment, "; ");

		if (next != NULL) {
			*next = '\0';
			next += 2;
		} else {
			next = segment + strlen(segment);
		}
		assert(size - n >= 64 + (size_t)(next - segment) * 2);
		n += put_segment(out + n, segment);
		segment = next;
	}
	free(copy);
	return n;
}

void
fixture_note(struct fixture *f, const char *fmt, ...)
{
	size_t len = strlen(f->trace);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->trace + len, sizeof(f->trace) - len, fmt, ap);
	va_end(ap);
}

static void
add_pairs(struct fixture *f, const uint8_t *p, size_t len)
{
	const uint8_t *end = p + len;
	struct fcgi_pair pair;

	while (fcgi_pair_next(p, end, &pair) == 1) {
		fixture_note(f, " %.*s=%.*s", (int)pair.name_len, pair.name, (int)pair.value_len,
		    pair.value);
		p += pair.size;
	}
	if (p != end)
		fixture_note(f, " (half a pair)");
}

static void
add_text(struct fixture *f, const uint8_t *p, size_t len)
{
	size_t n = 0;

	while (n < len && n < 60 && p[n] >= ' ')
		n++;
	fixture_note(f, " %.*s", (int)n, p);
}

static void
add_record(struct fixture *f, uint8_t type, uint16_t id, const uint8_t *p, size_t len)
{
	if (f->trace[0] != '\0')
		fixture_note(f, "; ");
	if (type == FCGI_BEGIN_REQUEST && len == 8 && p[1] >= 1 && p[1] <= 3) {
		fixture_note(f, "begin %u %s%s", id, roles[p[1]],
		    p[2] & FCGI_KEEP_CONN ? " keep" : "");
		return;
	}
	if (type == FCGI_END_REQUEST && len == 8) {
		fixture_note(f, "end %u %u %u", id,
		    (unsigned int)p[0] << 24 | (unsigned int)p[1] << 16 | (unsigned int)p[2] << 8 |
			p[3],
		    p[4]);
		return;
	}
	if (type == FCGI_UNKNOWN_TYPE && len == 8) {
		fixture_note(f, "unknown %u", p[0]);
		return;
	}
	if (type == FCGI_GET_VALUES_RESULT) {
		fixture_note(f, "values");
		add_pairs(f, p, len);
		return;
	}
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (types[i].type == type)
			fixture_note(f, "%s %u", types[i].name, id);
	}
	if (type == FCGI_PARAMS)
		add_pairs(f, p, len);
	else if (len > 0)
		add_text(f, p, len);
}

const char *
fixture_trace(struct fixture *f, const uint8_t *data, size_t len)
{
	const uint8_t *p = data, *end = data + len;

	f->trace[0] = '\0';
	while (end - p >= FCGI_HEADER_LEN) {
		size_t content = (size_t)p[4] << 8 | p[5], whole = FCGI_HEADER_LEN + content + p[6];

		if ((size_t)(end - p) < whole)
			break;
		assert(p[0] == FCGI_VERSION_1 && content + p[6] <= 65535);
		add_record(f, p[1], (uint16_t)(p[2] << 8 | p[3]), p + FCGI_HEADER_LEN, content);
		p += whole;
	}
	if (p != end)
		fixture_note(f, "; half a record");
	return f->trace;
}
