/*
 * head.c: the header block of a response: where it ends, its status, and whether its lines are
 * header fields.
 *
 * A line is wrong only if web servers make an error of it; what one of them takes passes, since it
 * is theirs to judge. nginx, Apache, lighttpd and HAProxy differ widely.
 */
#include "config.h"

#include "pool/wire/head.h"

#include <string.h>
#include <strings.h>

size_t
head_end(const uint8_t *data, size_t len, size_t from)
{
	/* A line feed is looked for; before it stands "\n" or "\n\r", or nothing at all. */
	for (size_t i = from; i < len;) {
		const uint8_t *nl = memchr(data + i, '\n', len - i);

		if (nl == NULL)
			return 0;
		i = (size_t)(nl - data);
		if (i == 0 || data[i - 1] == '\n' ||
		    (data[i - 1] == '\r' && (i == 1 || data[i - 2] == '\n')))
			return i + 1;
		i++;
	}
	return 0;
}

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static bool
is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* Three digits, after blanks, that no fourth follows; 0: something else, or below 100. */
static uint16_t
read_code(const uint8_t *p, const uint8_t *end)
{
	unsigned int code = 0, digits = 0;

	while (p < end && is_blank(*p))
		p++;
	for (; p < end && is_digit(*p) && digits < 4; p++, digits++)
		code = code * 10 + (*p - '0');
	return digits == 3 && code >= 100 ? (uint16_t)code : 0;
}

/* "HTTP/1.1 404 Not Found", from a program that takes itself for the server. */
static bool
read_status_line(const uint8_t *line, const uint8_t *end, struct head *head)
{
	static const char version[] = "HTTP/1.";
	size_t len = sizeof(version); /* with its last digit */

	if ((size_t)(end - line) <= len || memcmp(line, version, len - 1) != 0 ||
	    !is_digit(line[len - 1]) || !is_blank(line[len]) ||
	    (head->status = read_code(line + len, end)) == 0)
		return false;
	head->version_len = len;
	return true;
}

/* A name, a colon, and anything. The first "Status" counts: *found. */
static bool
read_field(const uint8_t *line, const uint8_t *end, struct head *head, bool *found)
{
	static const char status[] = "Status";
	const uint8_t *colon = memchr(line, ':', (size_t)(end - line)), *stop = colon;
	uint16_t code;

	if (colon == NULL)
		return false;
	while (stop > line && is_blank(stop[-1]))
		stop--;
	if (stop == line)
		return false;
	for (const uint8_t *p = line; p < stop; p++) {
		if (*p <= ' ' || *p == 0x7f)
			return false;
	}
	if (*found || (size_t)(stop - line) != sizeof(status) - 1 ||
	    strncasecmp((const char *)line, status, sizeof(status) - 1) != 0)
		return true;
	if ((code = read_code(colon + 1, end)) == 0)
		return false;
	head->status = code;
	*found = true;
	return true;
}

bool
head_read(const uint8_t *data, size_t len, struct head *head)
{
	const uint8_t *stop = data + len, *line = data;
	bool found = false;

	*head = (struct head){ .status = 200 };
	while (line < stop) {
		const uint8_t *nl = memchr(line, '\n', (size_t)(stop - line)), *p = line;
		const uint8_t *end = nl != NULL ? nl : stop;

		while (end > line && end[-1] == '\r')
			end--;
		if (line == data && read_status_line(line, end, head)) {
			found = true;
		} else if (end > line && (line == data || !is_blank(*line))) {
			while (p < end && is_blank(*p))
				p++;
			if (!read_field(p, end, head, &found)) {
				head->wrong = line;
				head->wrong_len = (size_t)(end - line);
				return false;
			}
		}
		if (nl == NULL)
			break;
		line = nl + 1;
	}
	return true;
}
