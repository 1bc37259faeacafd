/* text.c: the status page as text, one line for each key, in php-fpm's columns. */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "base/utf8.h"
#include "pool/status/format.h"

/* The column of values, counted from 0. */
#define VALUE_COLUMN 22

const char *
status_date(uint64_t seconds, char buf[STATUS_DATE_MAX])
{
	time_t t = (time_t)seconds;
	struct tm tm;

	if (localtime_r(&t, &tm) == NULL ||
	    strftime(buf, STATUS_DATE_MAX, "%d/%b/%Y:%H:%M:%S %z", &tm) == 0)
		buf[0] = '\0';
	return buf;
}

/* The bytes of the character at s that would end or overwrite a line, 0 when it is harmless: the
 * control characters of ASCII and of Latin-1, and Unicode's separators of lines. */
static size_t
control_length(const unsigned char *s)
{
	if (*s < 0x20 || *s == 0x7f)
		return 1;
	if (s[0] == 0xc2 && s[1] >= 0x80 && s[1] < 0xa0)
		return 2;
	if (s[0] == 0xe2 && s[1] == 0x80 && (s[2] == 0xa8 || s[2] == 0xa9))
		return 3;
	return 0;
}

static void
escape(struct text_out *out, const char *text)
{
	char clean[UTF8_CLEAN_MAX(UTF8_SHOWN_MAX)];
	const unsigned char *s = (const unsigned char *)clean, *start = s;

	utf8_clean(clean, sizeof(clean), text, strlen(text), UTF8_TEXT);
	while (*s != '\0') {
		size_t n = control_length(s);

		if (n == 0) {
			s++;
			continue;
		}
		text_out_add(out, (const char *)start, (size_t)(s - start));
		while (n-- > 0)
			text_out_printf(out, "\\x%02X", *s++);
		start = s;
	}
	text_out_add(out, (const char *)start, (size_t)(s - start));
}

static void
line(struct text_out *out, const char *key, enum status_kind kind, const struct status_value *value)
{
	static const char blanks[VALUE_COLUMN + 1] = "                      ";
	size_t len = strlen(key) + 1;
	char date[STATUS_DATE_MAX];

	text_out_string(out, key);
	text_out_string(out, ":");
	text_out_string(out, len < VALUE_COLUMN ? blanks + len : " ");
	switch (kind) {
	case STATUS_TEXT:
		escape(out, value->text);
		break;
	case STATUS_NUMBER:
	case STATUS_MICROSECONDS:
		text_out_printf(out, "%" PRIu64, value->number);
		break;
	case STATUS_DATE:
		text_out_string(out, status_date(value->number, date));
		break;
	case STATUS_DECIMAL:
		text_out_printf(out, "%.2f", value->decimal);
		break;
	}
	text_out_string(out, "\n");
}

void
status_text(struct text_out *out, const struct status_view *view, bool full)
{
	for (size_t i = 0; i < view->item_count; i++)
		line(out, view->items[i].key, view->items[i].kind, &view->items[i].value);
	for (size_t n = 0; full && n < view->process_count; n++) {
		text_out_string(out, "\n************************\n");
		for (int i = 0; i < PROCESS_KEYS; i++)
			line(out, i == PROCESS_URI ? "request URI" : status_process_names[i].key,
			    status_process_names[i].kind, &view->processes[n].values[i]);
	}
}
