/* logline.c: one line of the error log, as text in php-fpm's format or as a JSON object. */
#include "config.h"

#include "base/logline.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/utf8.h"

/* The words of php-fpm; the configuration and JSON have them in small letters. */
static const char *const labels[] = {
	[LEVEL_DEBUG] = "DEBUG",
	[LEVEL_NOTICE] = "NOTICE",
	[LEVEL_WARNING] = "WARNING",
	[LEVEL_ERROR] = "ERROR",
	[LEVEL_ALERT] = "ALERT",
};

/* "21-Nov-2026 02:22:51"; a worker that prints much has many lines in a second. */
static size_t
put_time(char *out, time_t second)
{
	static _Thread_local struct {
		time_t second;
		size_t len;
		char text[32];
	} last;
	struct tm tm;

	if (last.len == 0 || last.second != second) {
		localtime_r(&second, &tm);
		last.len = strftime(last.text, sizeof(last.text), "%d-%b-%Y %H:%M:%S", &tm);
		last.second = second;
	}
	memcpy(out, last.text, last.len);
	return last.len;
}

size_t
logline_prefix(char *out, const struct logline *l, bool with_time)
{
	size_t n = 0;

	if (with_time) {
		out[n++] = '[';
		n += put_time(out + n, l->time.tv_sec);
		n += (size_t)snprintf(out + n, 16, "] %s: ", labels[l->level]);
	} else
		n += (size_t)snprintf(out + n, 16, "[%s] ", labels[l->level]);
	if (l->pool != NULL)
		n += (size_t)snprintf(out + n, 80, "[pool %.64s] ", l->pool);
	return n;
}

const char *
logline_parse(const char *line, enum log_level *level)
{
	const char *word = *line == '[' ? strstr(line, "] ") : NULL;

	for (*level = LEVEL_DEBUG; word != NULL && *level <= LEVEL_ALERT; ++*level) {
		size_t len = strlen(labels[*level]);

		if (strncmp(word + 2, labels[*level], len) == 0 &&
		    strncmp(word + 2 + len, ": ", 2) == 0)
			return word + 2 + len + 2;
	}
	*level = LEVEL_ERROR;
	return line;
}

/* Whether the byte at p may end a line or steer a terminal: C0, DEL, and C1 in UTF-8. */
static bool
is_control(const unsigned char *p, const unsigned char *start)
{
	return *p < 0x20 || *p == 0x7f || (*p >= 0x80 && *p < 0xa0 && p > start && p[-1] == 0xc2);
}

/* At the end of a part: not within a character, unless it is none. */
static size_t
back_to_character(const unsigned char *start, const unsigned char *p)
{
	for (size_t back = 1; back <= 3 && p - back >= start; back++) {
		unsigned char byte = p[-(ptrdiff_t)back];
		size_t len = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;

		if (byte >= 0xc0)
			return back < len ? back : 0;
		if (byte < 0x80)
			break;
	}
	return 0;
}

size_t
logline_escape(char *out, size_t size, const char *text, size_t len, bool plain, size_t *used)
{
	static const char hex[] = "0123456789abcdef";
	const unsigned char *start = (const unsigned char *)text, *p;
	size_t n = 0, back = 0;

	for (p = start; p < start + len; p++) {
		bool control = is_control(p, start) && !(plain && *p == '\t');
		bool doubled = *p == '\\' && !plain;

		if (n + (control ? 4 : doubled ? 2 : 1) > size) {
			if (*p >= 0x80 && *p < 0xc0)
				back = back_to_character(start, p);
			break;
		}
		if (control) {
			out[n++] = '\\';
			out[n++] = 'x';
			out[n++] = hex[*p >> 4];
			out[n++] = hex[*p & 15];
			continue;
		}
		if (doubled)
			out[n++] = '\\';
		out[n++] = (char)*p;
	}
	if (n <= back)
		back = 0;
	*used = (size_t)(p - start) - back;
	return n - back;
}

/* ISO 8601 with milliseconds and the offset from UTC. */
static void
format_time(char *out, size_t size, const struct timespec *ts)
{
	char offset[8] = "";
	struct tm tm;
	size_t n;

	localtime_r(&ts->tv_sec, &tm);
	n = strftime(out, size, "%Y-%m-%dT%H:%M:%S", &tm);
	strftime(offset, sizeof(offset), "%z", &tm); /* +hhmm */
	snprintf(out + n, size - n, ".%03u%.3s:%s", (unsigned int)(ts->tv_nsec / 1000000) % 1000,
	    offset, offset + 3);
}

/* The master speaks of a pool as "[pool NAME] ...": the length of that, and NAME. */
static size_t
pool_in_text(const char *text, size_t len, char name[65])
{
	static const char begin[] = "[pool ";
	const char *end;
	size_t n;

	if (len < sizeof(begin) || memcmp(text, begin, sizeof(begin) - 1) != 0 ||
	    (end = memchr(text, ']', len)) == NULL || (size_t)(end - text) + 1 >= len ||
	    end[1] != ' ')
		return 0;
	n = (size_t)(end - text) - (sizeof(begin) - 1);
	if (n == 0 || n > 64)
		return 0;
	memcpy(name, text + sizeof(begin) - 1, n);
	name[n] = '\0';
	return (size_t)(end - text) + 2;
}

static json_t *
text_value(const char *text, size_t len)
{
	char *clean = malloc(UTF8_CLEAN_MAX(len));
	json_t *value = NULL;

	if (clean != NULL)
		value = json_stringn_nocheck(
		    clean, utf8_clean(clean, UTF8_CLEAN_MAX(len), text, len, UTF8_TEXT));
	free(clean);
	return value;
}

char *
logline_json(const struct logline *l, const char *text, size_t len)
{
	char when[48], level[16], name[65], *line = NULL;
	json_t *object = json_object();
	const char *pool = l->pool;
	size_t skip = 0, i;

	for (i = 0; labels[l->level][i] != '\0'; i++)
		level[i] = (char)tolower((unsigned char)labels[l->level][i]);
	level[i] = '\0';
	if (pool == NULL && (skip = pool_in_text(text, len, name)) > 0)
		pool = name;
	format_time(when, sizeof(when), &l->time);
	if (json_object_set_new(object, "time", json_string(when)) == 0 &&
	    json_object_set_new(object, "level", json_string(level)) == 0 &&
	    json_object_set_new(object, "pid", json_integer(getpid())) == 0 &&
	    (pool == NULL ||
		json_object_set_new(object, "pool", text_value(pool, strlen(pool))) == 0) &&
	    json_object_set_new(object, "message", text_value(text + skip, len - skip)) == 0)
		line = json_dumps(object, JSON_COMPACT);
	json_decref(object);
	return line;
}
