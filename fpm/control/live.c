/* live.c: asks each second, shows the answer, and does what keys say. */
#include "config.h"

#include "fpm/control/live.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "fpm/control/gather.h"
#include "fpm/control/screen.h"
#include "fpm/control/show.h"

#define SECOND_US INT64_C(1000000)
#define WHY_MAX 1024
#define MARGIN 3 /* lines beside the table: its titles, an empty one, the keys */

struct live {
	const char *pid_path;
	bool has_color;
	struct show_status status; /* as of now */
	int64_t at_us;             /* when it was asked for */
	char why[WHY_MAX];         /* it could not be had; empty: it could */

	char pool[COMMAND_POOL_MAX];     /* whose workers are shown; empty: all pools are */
	char selected[COMMAND_POOL_MAX]; /* of the pools */
	size_t first;                    /* row that is shown */
	size_t sort[2];                  /* the columns, of pools and of workers; 0: as it comes */
};

/* What is on the screen. */
struct view {
	struct table table;
	size_t selected;
};

/* Ask, and make numbers per second of what has changed since. */
static void
ask(struct live *l)
{
	struct show_status before = l->status;
	int64_t before_us = l->at_us;
	struct command_request request;

	command_set(&request, COMMAND_STATUS, false, l->pool[0] != '\0' ? l->pool : NULL);
	l->at_us = clock_now_us();
	if (gather_status(l->pid_path, &request, &l->status, l->why, sizeof(l->why)) == 0 &&
	    before.pools != NULL)
		show_rates(&l->status, &before, (double)(l->at_us - before_us) / SECOND_US);
	gather_free(&before);
}

static bool
shows_workers(const struct live *l)
{
	return l->pool[0] != '\0';
}

/* The table in its order, with the row that is selected. */
static void
make_view(struct live *l, struct view *v)
{
	size_t sort = l->sort[shows_workers(l)];

	v->selected = 0;
	if (shows_workers(l))
		show_workers(&l->status, &v->table);
	else
		show_pools(&l->status, &v->table);
	if (sort > 0)
		table_sort(&v->table, sort);
	for (size_t i = 0; i < v->table.count; i++)
		if (strcmp(v->table.rows[i].cells[0], l->selected) == 0)
			v->selected = i;
	if (v->table.count > 0)
		snprintf(l->selected, sizeof(l->selected), "%s",
		    v->table.rows[v->selected].cells[0]);
}

/* The rows that fit into so many lines, with the selected one among them. */
static void
choose_rows(struct live *l, const struct view *v, size_t lines, struct table_style *style)
{
	size_t used = 0, end;

	if (l->first > v->selected)
		l->first = v->selected;
	for (;;) {
		used = 0;
		for (end = l->first; end < v->table.count; end++) {
			used += table_lines(&v->table.rows[end]);
			if (used > lines)
				break;
		}
		if (end > v->selected || l->first >= v->selected)
			break;
		l->first++;
	}
	style->first = l->first;
	style->end = end;
}

static void
draw(struct live *l)
{
	static const char *const keys[] = {
	    "q quit  up/down, enter: a pool's workers  < > sort",
	    "q quit  up/down  esc: all pools  < > sort"};
	struct table_style style = {.has_color = l->has_color, .has_selected = true};
	struct table_style head = {.has_color = l->has_color, .end = 1};
	struct text_out out = {0};
	size_t height, used = MARGIN;
	struct table pool;
	struct view v;

	screen_size(&style.width, &height);
	make_view(l, &v);
	show_service(&l->status, style.width, &out);
	head.width = style.width;
	if (shows_workers(l)) {
		show_pools(&l->status, &pool);
		table_print(&pool, &head, &out);
		text_out_string(&out, "\n");
		table_free(&pool);
	}
	for (size_t i = 0; i < out.len; i++)
		used += out.data[i] == '\n';
	choose_rows(l, &v, height > used ? height - used : 1, &style);
	style.selected = v.selected;
	style.sorted = l->sort[shows_workers(l)];
	table_print(&v.table, &style, &out);
	text_out_string(&out, "\n");
	table_cut(&out, l->why[0] != '\0' ? l->why : keys[shows_workers(l)], style.width);
	if (!out.failed)
		screen_show(out.data, out.len);
	text_out_free(&out);
	table_free(&v.table);
}

static void
move(struct live *l, int by)
{
	struct view v;
	size_t to;

	make_view(l, &v);
	to = by < 0 && v.selected == 0 ? 0 : v.selected + (size_t)by;
	if (to < v.table.count)
		snprintf(l->selected, sizeof(l->selected), "%s", v.table.rows[to].cells[0]);
	table_free(&v.table);
}

static void
change_sort(struct live *l, int by)
{
	struct view v;
	size_t *sort = &l->sort[shows_workers(l)], count;

	make_view(l, &v);
	count = v.table.column_count;
	table_free(&v.table);
	*sort = (*sort + count + (size_t)by) % count;
}

/* Of all pools to one, and back. */
static void
enter(struct live *l, const char *pool, const char *selected)
{
	char from[COMMAND_POOL_MAX], to[COMMAND_POOL_MAX];

	snprintf(from, sizeof(from), "%s", selected);
	snprintf(to, sizeof(to), "%s", pool);
	snprintf(l->pool, sizeof(l->pool), "%s", to);
	snprintf(l->selected, sizeof(l->selected), "%s", from);
	l->first = 0;
	ask(l);
}

/* false: enough was seen. */
static bool
obey(struct live *l, enum screen_event event, int key)
{
	switch (event) {
	case SCREEN_UP:
		move(l, -1);
		break;
	case SCREEN_DOWN:
		move(l, 1);
		break;
	case SCREEN_ENTER:
		if (!shows_workers(l) && l->selected[0] != '\0')
			enter(l, l->selected, "");
		break;
	case SCREEN_BACK:
		if (shows_workers(l))
			enter(l, "", l->pool);
		break;
	case SCREEN_KEY:
		if (key == '<' || key == '>')
			change_sort(l, key == '<' ? -1 : 1);
		return key != 'q' && key != 'Q';
	case SCREEN_END:
		return false;
	case SCREEN_RESIZED:
	case SCREEN_NOTHING:
		break;
	}
	return true;
}

static void
run_on_screen(struct live *l, struct screen *screen)
{
	enum screen_event event = SCREEN_NOTHING;
	int64_t due_us = clock_now_us() + SECOND_US;

	do {
		if (clock_now_us() >= due_us) {
			ask(l);
			due_us = clock_now_us() + SECOND_US;
		}
		draw(l);
		event = screen_wait(screen, due_us);
	} while (obey(l, event, screen->key));
}

/* One table after the other, for a file or a pipe. */
static void
run_on_lines(struct live *l)
{
	do {
		struct table_style style = {.end = SIZE_MAX};
		struct text_out out = {0};
		struct view v;

		make_view(l, &v);
		show_service(&l->status, 0, &out);
		table_print(&v.table, &style, &out);
		if (!out.failed)
			printf("%.*s\n", (int)out.len, out.data);
		text_out_free(&out);
		table_free(&v.table);
		if (fflush(stdout) == EOF)
			return;
		sleep(1);
		ask(l);
	} while (l->why[0] == '\0');
}

int
live_run(const char *pid_path, const char *pool, bool has_color)
{
	struct live l = {.pid_path = pid_path, .has_color = has_color};
	struct screen screen;

	snprintf(l.pool, sizeof(l.pool), "%s", pool != NULL ? pool : "");
	ask(&l);
	if (l.why[0] == '\0') {
		if (screen_enter(&screen)) {
			run_on_screen(&l, &screen);
			screen_leave(&screen);
			l.why[0] = '\0'; /* it was shown */
		} else
			run_on_lines(&l);
	}
	gather_free(&l.status);
	if (l.why[0] != '\0')
		fprintf(stderr, "anyfpm: %s\n", l.why);
	return l.why[0] != '\0';
}
