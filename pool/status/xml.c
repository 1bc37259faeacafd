/* xml.c: the status page as XML, and how text is made harmless in XML and HTML. */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "base/utf8.h"
#include "pool/status/format.h"

void
status_escape_xml(struct text_out *out, const char *text)
{
	char clean[UTF8_CLEAN_MAX(UTF8_SHOWN_MAX)];

	utf8_clean(clean, sizeof(clean), text, strlen(text), UTF8_XML);
	for (const char *s = clean; *s != '\0'; s++) {
		size_t n = strcspn(s, "&<>\"'\t\n\r");

		text_out_add(out, s, n);
		s += n;
		if (*s == '\0')
			break;
		text_out_printf(out, "&#%d;", *s);
	}
}

/* A key is a name once its blanks are hyphens. */
static void
tag(struct text_out *out, const char *open, const char *key)
{
	char name[STATUS_KEY_MAX];
	size_t i;

	for (i = 0; key[i] != '\0' && i < sizeof(name) - 1; i++)
		name[i] = key[i] == ' ' ? '-' : key[i];
	name[i] = '\0';
	text_out_printf(out, "%s%s>", open, name);
}

static void
element(struct text_out *out, const char *key, enum status_kind kind,
    const struct status_value *value)
{
	tag(out, "<", key);
	switch (kind) {
	case STATUS_TEXT:
		status_escape_xml(out, value->text);
		break;
	case STATUS_NUMBER:
	case STATUS_MICROSECONDS:
	case STATUS_DATE:
		text_out_printf(out, "%" PRIu64, value->number);
		break;
	case STATUS_DECIMAL:
		text_out_printf(out, "%.2f", value->decimal);
		break;
	}
	tag(out, "</", key);
}

void
status_xml(struct text_out *out, const struct status_view *view, bool full)
{
	text_out_string(out, "<?xml version=\"1.0\" ?>\n<status>\n");
	for (size_t i = 0; i < view->item_count; i++) {
		element(out, view->items[i].key, view->items[i].kind, &view->items[i].value);
		text_out_string(out, "\n");
	}
	if (full)
		text_out_string(out, "<processes>\n");
	for (size_t n = 0; full && n < view->process_count; n++) {
		text_out_string(out, "<process>");
		for (int i = 0; i < PROCESS_KEYS; i++)
			element(out, status_process_names[i].key, status_process_names[i].kind,
			    &view->processes[n].values[i]);
		text_out_string(out, "</process>\n");
	}
	if (full)
		text_out_string(out, "</processes>\n");
	text_out_string(out, "</status>");
}
