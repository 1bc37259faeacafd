/*
 * chart.c: the last minutes of a pool as small charts (SVG) for the HTML status page.
 *
 * They are drawn here, so that the page needs no script to show them.
 */
#include "config.h"

#include "pool/status/chart.h"

#include <inttypes.h>
#include <stdio.h>

/* Each point stands for so many seconds; the current second is not over and is left out. */
#define POINT_SECONDS 2
#define POINTS 150
/* The drawing's own units; the page stretches it. */
#define WIDTH 300.0
#define HEIGHT 60.0
#define HEADROOM 4.0
/* The line behind is cut at so many times the highest value of the one in front. */
#define BEHIND_MAX 4
#define MOST_LEN (sizeof("most ") - 1)

_Static_assert(POINTS * POINT_SECONDS < STATS_SECONDS, "the statistics reach back so far");

/* What happened in the seconds of one point. */
struct point {
	double requests; /* per second */
	double served;	 /* of all of them, those that had a worker */
	double mean_us, longest_us;
	double queued;
};

struct series {
	double values[POINTS];
	double most;
};

static void
add_second(struct point *p, uint64_t *duration_us, const struct stats_second *s)
{
	double longest = (double)STATS_READ(s->duration_max_us);

	p->requests += (double)STATS_READ(s->requests);
	p->served += (double)STATS_READ(s->served);
	*duration_us += STATS_READ(s->duration_us);
	if (longest > p->longest_us)
		p->longest_us = longest;
}

/* The most that waited in the second s, NULL: nothing happened in it, and so it was as *then, the
 * number as the second after it began. Makes *then that as s itself began. */
static double
waiting(const struct stats_second *s, double *then)
{
	double most = *then;

	if (s != NULL) {
		most = (double)STATS_READ(s->queued_max);
		*then = (double)STATS_READ(s->queued_before);
	}
	return most;
}

/* The point that ended `ago` points before now. *queued: the requests in the queue as the point
 * after it began, and then as it began itself. */
static struct point
read_point(const struct stats *stats, int64_t now_us, unsigned int ago, double *queued)
{
	struct point p = { 0 };
	uint64_t duration_us = 0;
	const struct stats_second *s;

	for (unsigned int i = 1; i <= POINT_SECONDS; i++) {
		double most = waiting(
		    s = stats_second(stats, now_us, ago * POINT_SECONDS + i), queued);

		if (s != NULL)
			add_second(&p, &duration_us, s);
		if (most > p.queued)
			p.queued = most;
	}
	if (p.served > 0)
		p.mean_us = (double)duration_us / p.served;
	p.requests /= POINT_SECONDS;
	return p;
}

static void
note(struct series *s, unsigned int i, double value)
{
	s->values[i] = value;
	if (value > s->most)
		s->most = value;
}

static void
draw_line(struct text_out *out, const char *class, const struct series *s, double most, bool filled)
{
	text_out_printf(out, "<path class=\"%s\" d=\"M", class);
	for (int i = 0; i < POINTS; i++) {
		double value = s->values[i] < most ? s->values[i] : most;
		double height = most > 0 ? value / most * (HEIGHT - HEADROOM) : 0;

		text_out_printf(out, "%s%.0f,%.1f", i > 0 ? "L" : "", i * WIDTH / (POINTS - 1),
		    HEIGHT - height);
	}
	text_out_string(out, filled ? "L300,60L0,60Z\"/>" : "\"/>");
}

/* What the upper rule of a chart stands for. */
static double
top_of(const struct series *front, const struct series *behind)
{
	double top = front->most;

	/* One outlier must not press what is usual flat. */
	if (behind != NULL)
		top = behind->most < BEHIND_MAX * top ? behind->most : BEHIND_MAX * top;
	return top;
}

/* One chart; behind may be NULL. what: its title, most: its highest value, scale: the value at its
 * upper rule, all for people. */
static void
draw(struct text_out *out, const char *what, const char *most, const char *scale,
    const struct series *front, const struct series *behind)
{
	double top = top_of(front, behind);

	text_out_printf(out,
	    "<figure class=\"card\"><figcaption>%s <span>%s%s</span></figcaption>"
	    "<p class=\"scale\">%s</p>"
	    "<svg viewBox=\"0 0 300 61\" preserveAspectRatio=\"none\" role=\"img\" "
	    "aria-label=\"%s over the last five minutes: %s\">",
	    what, behind != NULL ? "<i></i>mean <i class=\"most\"></i>longest, " : "", most,
	    top > 0 ? scale : "", what, most);
	for (int y = 4; y <= 60; y += 28)
		text_out_printf(
		    out, "<line class=\"rule\" x1=\"0\" x2=\"300\" y1=\"%d\" y2=\"%d\"/>", y, y);
	draw_line(out, "area", front, top, true);
	if (behind != NULL)
		draw_line(out, "most", behind, top, false);
	draw_line(out, "mean", front, top, false);
	text_out_string(
	    out, "</svg><p class=\"axis\"><span>5 min ago</span><span>now</span></p></figure>");
}

void
status_charts(struct text_out *out, const struct stats *stats, int64_t now_us)
{
	struct series requests = { .most = 0 }, mean = requests, longest = requests,
		      queued = requests;
	char text[STATUS_TIME_MAX + 32], time[STATUS_TIME_MAX];
	double in_queue = (double)stats_get(stats, STATS_QUEUED);

	waiting(stats_second(stats, now_us, 0), &in_queue);
	for (unsigned int i = POINTS; i-- > 0;) { /* back in time */
		struct point p = read_point(stats, now_us, POINTS - 1 - i, &in_queue);

		note(&requests, i, p.requests);
		note(&mean, i, p.mean_us);
		note(&longest, i, p.longest_us);
		note(&queued, i, p.queued);
	}
	snprintf(text, sizeof(text), "most %.*f",
	    requests.most > 0 && requests.most < 10, requests.most);
	draw(out, "Requests per second", text, text + MOST_LEN, &requests, NULL);
	snprintf(text, sizeof(text), "most %s", status_time((int64_t)longest.most, time));
	draw(out, "Latency", text, status_time((int64_t)top_of(&mean, &longest), time), &mean,
	    &longest);
	snprintf(text, sizeof(text), "most %.0f", queued.most);
	draw(out, "Waiting requests", text, text + MOST_LEN, &queued, NULL);
}

const char *
status_time(int64_t us, char buf[STATUS_TIME_MAX])
{
	int64_t s = us / 1000000;

	if (us < 5)
		snprintf(buf, STATUS_TIME_MAX, "0 ms");
	else if (us < 995)
		snprintf(buf, STATUS_TIME_MAX, "%.2f ms", (double)us / 1e3);
	else if (us < 9950)
		snprintf(buf, STATUS_TIME_MAX, "%.1f ms", (double)us / 1e3);
	else if (us < 999500)
		snprintf(buf, STATUS_TIME_MAX, "%.0f ms", (double)us / 1e3);
	else if (s < 60 && us % 1000000 == 0)
		snprintf(buf, STATUS_TIME_MAX, "%" PRId64 " s", s);
	else if (s < 60)
		snprintf(buf, STATUS_TIME_MAX, "%.*f s", s < 10 ? 2 : 0, (double)us / 1e6);
	else if (s < 3600)
		snprintf(buf, STATUS_TIME_MAX, "%" PRId64 " min %" PRId64 " s", s / 60, s % 60);
	else if (s < 86400)
		snprintf(buf, STATUS_TIME_MAX, "%" PRId64 " h %" PRId64 " min", s / 3600,
		    s % 3600 / 60);
	else
		snprintf(buf, STATUS_TIME_MAX, "%" PRId64 " d %" PRId64 " h", s / 86400,
		    s % 86400 / 3600);
	return buf;
}
