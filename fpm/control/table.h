/*
 * table.h: columns of text that fit the width of a terminal. Pure.
 *
 * A column is as wide as its widest cell, and left out where all its cells are empty. Where there
 * is no room for all, those that matter least are left out, and then one is cut.
 */
#ifndef ANYFPM_FPM_CONTROL_TABLE_H
#define ANYFPM_FPM_CONTROL_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text_out.h"

#define TABLE_COLUMNS_MAX 16
#define TABLE_CELL_MAX 512 /* bytes of a cell, with its end */

enum table_color { TABLE_PLAIN, TABLE_GOOD, TABLE_FAIR, TABLE_BAD };

struct table_column {
	const char *title;
	bool right;        /* numbers */
	unsigned int rank; /* the highest is left out first; 0: never */
};

struct table_row {
	char *cells[TABLE_COLUMNS_MAX];
	double keys[TABLE_COLUMNS_MAX]; /* what they are sorted by, if they are numbers */
	enum table_color color; /* of the column that has colors */
	char *note; /* a line of its own below the row; NULL: there is none */
};

struct table {
	const struct table_column *columns;
	size_t column_count;
	size_t colored; /* the column that has colors */
	size_t cut;     /* the one that is cut */
	struct table_row *rows;
	size_t count;
	bool failed; /* out of memory: rows are missing */
};

/* How it is printed. */
struct table_style {
	size_t width;      /* of the terminal, in characters; 0: whatever it takes */
	bool has_color;    /* escape sequences for them may be used */
	size_t first, end; /* of its rows, these: from first to before end */
	size_t sorted;     /* the title of this column is marked, if has_color; 0: of none */
	size_t selected;   /* this one is marked, if has_color */
	bool has_selected;
};

void table_init(struct table *table, const struct table_column *columns, size_t count,
    size_t colored, size_t cut);
void table_free(struct table *table);

/* Add a row. cells, and note if it is not NULL, may be any bytes: what could steer a terminal is made
 * harmless. keys: of the columns on the right; NULL: they are never sorted. */
void table_add(struct table *table, const char *const cells[], const double keys[],
    enum table_color color, const char *note);

/* Sort the rows by a column, the largest numbers first, and text in its order. */
void table_sort(struct table *table, size_t column);

/* Lines that a row takes. */
size_t table_lines(const struct table_row *row);

/* Its titles and rows, as lines of text; none of them has blanks at its end. */
void table_print(const struct table *table, const struct table_style *style, struct text_out *out);

/* Append text, cut to width characters (0: not cut), to a line. */
void table_cut(struct text_out *out, const char *text, size_t width);

/* A number in at most five characters: 99999, 1.2M, 34G; unit: 1000, or 1024 for bytes. */
void table_number(char text[16], double n, unsigned int unit);

/* A duration in microseconds likewise: 1.2ms, 12s, 3m, 4h, 5d. */
void table_duration(char text[16], long long us);

#endif
