/* table.c: columns of text that fit the width of a terminal. */
#include "config.h"

#include "fpm/control/table.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/logline.h"
#include "base/utf8.h"

#define NAME_MIN 8 /* characters that of the one that is cut stay */
#define INDENT 4   /* of notes */

static const char *const colors[] = {
    [TABLE_PLAIN] = "", [TABLE_GOOD] = "\033[32m", [TABLE_FAIR] = "\033[33m",
    [TABLE_BAD] = "\033[1;31m"};
#define COLOR_END "\033[0m"
#define SELECTED "\033[7m"
#define BOLD "\033[1m"
#define MARKED "\033[4m" /* underlined */
#define MARKED_END "\033[24m"

void
table_init(struct table *t, const struct table_column *columns, size_t count, size_t colored,
    size_t cut)
{
	*t = (struct table){
	    .columns = columns, .column_count = count, .colored = colored, .cut = cut};
}

static void
free_row(struct table_row *row)
{
	for (size_t i = 0; i < TABLE_COLUMNS_MAX; i++)
		free(row->cells[i]);
	free(row->note);
}

void
table_free(struct table *t)
{
	for (size_t i = 0; i < t->count; i++)
		free_row(&t->rows[i]);
	free(t->rows);
	t->rows = NULL;
	t->count = 0;
}

/* A copy that is valid UTF-8 and steers nothing. */
static char *
make_harmless(const char *text)
{
	char clean[UTF8_CLEAN_MAX(TABLE_CELL_MAX)], out[TABLE_CELL_MAX];
	size_t len = strnlen(text, TABLE_CELL_MAX), used;

	len = utf8_clean(clean, sizeof(clean), text, len, UTF8_TEXT);
	len = logline_escape(out, sizeof(out) - 1, clean, len, true, &used);
	out[len] = '\0';
	for (char *p = out; *p != '\0'; p++)
		*p = *p == '\t' ? ' ' : *p; /* whose width nobody knows */
	return strdup(out);
}

void
table_add(struct table *t, const char *const cells[], const double keys[],
    enum table_color color, const char *note)
{
	struct table_row *more = reallocarray(t->rows, t->count + 1, sizeof(*more)), *row;
	bool failed = more == NULL;

	if (failed) {
		t->failed = true;
		return;
	}
	t->rows = more;
	row = &more[t->count];
	*row = (struct table_row){.color = color};
	if (keys != NULL)
		memcpy(row->keys, keys, t->column_count * sizeof(*keys));
	for (size_t i = 0; i < t->column_count; i++)
		failed = (row->cells[i] = make_harmless(cells[i])) == NULL || failed;
	if (note != NULL)
		failed = (row->note = make_harmless(note)) == NULL || failed;
	if (failed) {
		free_row(row);
		t->failed = true;
	} else
		t->count++;
}

struct order {
	const struct table *table;
	size_t column;
};

static int
compare(const void *a, const void *b, void *arg)
{
	const struct table_row *x = a, *y = b;
	const struct order *order = arg;
	size_t i = order->column;

	if (order->table->columns[i].right && x->keys[i] != y->keys[i])
		return x->keys[i] < y->keys[i] ? 1 : -1;
	if (!order->table->columns[i].right && strcmp(x->cells[i], y->cells[i]) != 0)
		return strcmp(x->cells[i], y->cells[i]);
	return strcmp(x->cells[0], y->cells[0]);
}

void
table_sort(struct table *t, size_t column)
{
	struct order order = {t, column};

	if (t->count > 1)
		qsort_r(t->rows, t->count, sizeof(*t->rows), compare, &order);
}

size_t
table_lines(const struct table_row *row)
{
	return row->note != NULL ? 2 : 1;
}

/* Characters of valid UTF-8; bytes: those of the first `limit` of them. */
static size_t
measure(const char *text, size_t limit, size_t *bytes)
{
	size_t n = 0, len = strlen(text), at = 0;
	bool valid;

	while (at < len && n < limit) {
		at += utf8_character((const unsigned char *)text + at, len - at, &valid);
		n++;
	}
	*bytes = at;
	return n;
}

static size_t
length(const char *text)
{
	size_t bytes;

	return measure(text, SIZE_MAX, &bytes);
}

/* The whole text, or as much of it as fits with a mark that it is cut. Returns its characters. */
static size_t
add_cut(struct text_out *out, const char *text, size_t width)
{
	size_t bytes, n = measure(text, width, &bytes);

	if (text[bytes] == '\0' || width == 0) {
		text_out_add(out, text, bytes);
		return n;
	}
	measure(text, width - 1, &bytes);
	text_out_add(out, text, bytes);
	text_out_string(out, "+");
	return n;
}

void
table_cut(struct text_out *out, const char *text, size_t width)
{
	add_cut(out, text, width > 0 ? width : SIZE_MAX);
}

static void
pad(struct text_out *out, size_t n)
{
	while (n-- > 0)
		text_out_string(out, " ");
}

/* The width of each column, 0: it is left out. */
static void
lay_out(const struct table *t, size_t width, size_t widths[TABLE_COLUMNS_MAX])
{
	size_t total = 0, last, len, title;

	for (size_t i = 0; i < t->column_count; i++) {
		title = length(t->columns[i].title);
		widths[i] = t->count == 0 || i == 0 ? title : 0;
		for (size_t n = 0; n < t->count; n++)
			if ((len = length(t->rows[n].cells[i])) > widths[i])
				widths[i] = len;
		if (widths[i] > 0 && widths[i] < title)
			widths[i] = title;
		total += widths[i] > 0 ? widths[i] + (i > 0) : 0;
	}
	while (width > 0 && total > width && total - width + NAME_MIN > widths[t->cut]) {
		last = 0;
		for (size_t i = 1; i < t->column_count; i++)
			if (widths[i] > 0 && t->columns[i].rank > t->columns[last].rank)
				last = i;
		if (last == 0)
			break;
		total -= widths[last] + 1;
		widths[last] = 0;
	}
	if (width > 0 && total > width && widths[t->cut] > total - width)
		widths[t->cut] -= total - width;
}

/* One line; colors: NULL for none. */
static void
add_line(struct text_out *out, const struct table *t, const size_t *widths,
    const char *const *cells, size_t colored, const char *color, size_t width)
{
	size_t len, blanks = 0, used = 0;
	const char *text;

	for (size_t i = 0; i < t->column_count; i++) {
		if (widths[i] == 0)
			continue;
		text = cells != NULL ? cells[i] : t->columns[i].title;
		blanks += used > 0;
		if (width > 0 && used + blanks >= width)
			break;
		if ((len = length(text)) > widths[i])
			len = widths[i];
		if (t->columns[i].right)
			blanks += widths[i] - len;
		if (len > 0) {
			pad(out, blanks);
			used += blanks;
			blanks = 0;
		}
		if (width > 0 && used + len > width)
			len = used < width ? width - used : 0;
		if (color != NULL && i == colored && *color != '\0')
			text_out_string(out, color);
		used += add_cut(out, text, len);
		if (color != NULL && i == colored && *color != '\0')
			text_out_string(out, cells != NULL ? COLOR_END : MARKED_END);
		if (!t->columns[i].right)
			blanks += widths[i] - len;
	}
}

void
table_print(const struct table *t, const struct table_style *style, struct text_out *out)
{
	size_t widths[TABLE_COLUMNS_MAX];
	size_t indent = style->width == 0 || style->width > 2 * INDENT ? INDENT : 0;
	const struct table_row *row;
	bool marked;

	lay_out(t, style->width, widths);
	text_out_string(out, style->has_color ? BOLD : "");
	add_line(out, t, widths, NULL, style->sorted,
	    style->has_color && style->sorted > 0 ? MARKED : NULL, style->width);
	text_out_string(out, style->has_color ? COLOR_END "\n" : "\n");
	for (size_t n = style->first; n < style->end && n < t->count; n++) {
		row = &t->rows[n];
		marked = style->has_color && style->has_selected && n == style->selected;
		text_out_string(out, marked ? SELECTED : "");
		add_line(out, t, widths, (const char *const *)row->cells, t->colored,
		    style->has_color && !marked ? colors[row->color] : NULL, style->width);
		text_out_string(out, marked ? COLOR_END "\n" : "\n");
		if (row->note == NULL)
			continue;
		pad(out, indent);
		table_cut(out, row->note, style->width > 0 ? style->width - indent : 0);
		text_out_string(out, "\n");
	}
}

void
table_number(char text[16], double n, unsigned int unit)
{
	static const char units[] = " kMGTPE";
	int i = 0;

	if (n < 0)
		n = 0;
	if (n < 99999.5 && unit == 1000) {
		snprintf(text, 16, "%.0f", n);
		return;
	}
	for (; n >= (unit == 1000 ? 999.5 : 1023.5) && units[i + 1] != '\0'; i++)
		n /= unit;
	if (i == 0)
		snprintf(text, 16, "%.0f", n);
	else
		snprintf(text, 16, n < 9.95 ? "%.1f%c" : "%.0f%c", n, units[i]);
}

void
table_duration(char text[16], long long us)
{
	static const struct {
		double us;
		const char *name;
	} units[] = {
	    {86400e6, "d"}, {3600e6, "h"}, {60e6, "m"}, {1e6, "s"}, {1e3, "ms"}, {1, "us"}};
	size_t i = 0;
	double n;

	if (us <= 0) {
		snprintf(text, 16, "0");
		return;
	}
	/* Two minutes are 120s: what is rounded down by half tells little. */
	while (units[i].us > 1 && (double)us < units[i].us * (i < 3 ? 2 : 1))
		i++;
	n = (double)us / units[i].us;
	snprintf(text, 16, n < 9.95 && units[i].us > 1 ? "%.1f%s" : "%.0f%s", n, units[i].name);
}
