/* json.c: the status page as one line of JSON. Jansson writes each object. */
#include "config.h"

#include <jansson.h>
#include <string.h>

#include "base/utf8.h"
#include "pool/status/format.h"

static json_t *
make_value(enum status_kind kind, const struct status_value *value)
{
	char clean[UTF8_CLEAN_MAX(UTF8_SHOWN_MAX)];
	size_t len;

	switch (kind) {
	case STATUS_TEXT:
		len = utf8_clean(clean, sizeof(clean), value->text, strlen(value->text), UTF8_TEXT);
		return json_stringn(clean, len);
	case STATUS_DECIMAL:
		return json_real((double)(int64_t)(value->decimal * 100 + 0.5) / 100);
	case STATUS_NUMBER:
	case STATUS_MICROSECONDS:
	case STATUS_DATE:
		break;
	}
	return json_integer(value->number <= INT64_MAX ? (json_int_t)value->number : INT64_MAX);
}

static int
take(const char *data, size_t len, void *arg)
{
	text_out_add(arg, data, len);
	return 0;
}

/* Write the object, which is let go: all of it, or without its last brace. */
static void
write_object(struct text_out *out, json_t *object, bool open)
{
	if (json_dump_callback(object, take, out, JSON_COMPACT | JSON_REAL_PRECISION(12)) != 0)
		out->failed = true;
	else if (open && !out->failed)
		out->len--;
	json_decref(object);
}

static void
write_process(struct text_out *out, const struct status_process *process)
{
	json_t *object = json_object();

	for (int i = 0; i < PROCESS_KEYS; i++)
		json_object_set_new(object, status_process_names[i].key,
		    make_value(status_process_names[i].kind, &process->values[i]));
	write_object(out, object, false);
}

void
status_json(struct text_out *out, const struct status_view *view, bool full)
{
	json_t *object = json_object();

	for (size_t i = 0; i < view->item_count; i++)
		json_object_set_new(object, view->items[i].key,
		    make_value(view->items[i].kind, &view->items[i].value));
	write_object(out, object, full);
	if (!full)
		return;
	/* One process at a time: thousands of them are never a tree in memory. */
	text_out_string(out, ", \"processes\":[");
	for (size_t n = 0; n < view->process_count; n++) {
		if (n > 0)
			text_out_string(out, ",");
		write_process(out, &view->processes[n]);
	}
	text_out_string(out, "]}");
}
