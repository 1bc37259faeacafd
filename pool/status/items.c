/* items.c: items of the status page one by one, and their numbers as people read them. */
#include "config.h"

#include "pool/status/items.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

uint64_t
item_number(const struct status_view *view, const char *key)
{
	const struct status_item *i = status_view_find(view, key);

	return i != NULL ? i->value.number : 0;
}

double
item_decimal(const struct status_view *view, const char *key)
{
	const struct status_item *i = status_view_find(view, key);

	return i != NULL ? i->value.decimal : 0;
}

const char *
item_text(const struct status_view *view, const char *key)
{
	const struct status_item *i = status_view_find(view, key);

	return i != NULL ? i->value.text : "";
}

const char *
item_grouped(uint64_t n, char buf[ITEM_NUMBER_MAX])
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%" PRIu64, n);
	char *out = buf;

	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0) {
			memcpy(out, "\xe2\x80\xaf", 3);
			out += 3;
		}
		*out++ = digits[i];
	}
	*out = '\0';
	return buf;
}

const char *
item_bytes(uint64_t n, char buf[ITEM_NUMBER_MAX])
{
	static const char *const units[] = { "B", "KB", "MB", "GB", "TB" };
	double value = (double)n;
	size_t unit = 0;

	while (value >= 999.5 && unit < sizeof(units) / sizeof(units[0]) - 1) {
		value /= 1024;
		unit++;
	}
	snprintf(buf, ITEM_NUMBER_MAX, "%.*f %s", unit > 0 && value < 9.95 ? 1 : 0, value, units[unit]);
	return buf;
}
