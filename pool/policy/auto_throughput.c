/* auto_throughput.c: pm = auto, workers that bring no more throughput. Calls nothing but auto_cpu.c
 * and the C library. */
#include "config.h"

#include "pool/policy/auto_throughput.h"

#include <limits.h>
#include <math.h>

/* The first evidence, with one worker or few: so much time and so many requests, or so few when it
 * takes longer. As long as there is no other, it is good for so many times as many workers. */
#define FIRST_US 100000
#define FIRST_REQUESTS 16
#define FIRST_FEW 4
#define FIRST_LATE_US 5e5
#define PATIENCE_US 1e6
#define TRUST_TIMES 4
/* One worker alone tells nothing of others, so many do. */
#define BORNE 1.5
/* Other evidence: so many requests, and so many of each worker; times as many to judge a trial of
 * a bound, or a fall, unless that takes too long. */
#define EVIDENCE_US 200000
#define EVIDENCE_REQUESTS 32
#define EVIDENCE_EACH 2
#define EVIDENCE_TRIAL 8
#define EVIDENCE_FALL 6
#define EVIDENCE_LATE_US 2e6
#define CERTAIN 400
/* The wait without others is the present one up to so many times the workers it is known for. */
#define SAME_LEVEL 1.1
/* How fast it follows; one that is so much shorter shows that it was wrong. */
#define LEARN 0.3
#define SHORTER 0.8
/* Workers are in each other's way when a request takes so many times as long as without. */
#define IN_THE_WAY 1.5
/* auto_staff()'s, here: what bounds is mostly more even than random. */
#define SPARE 1.1
/* How old what is known of the wait may be for the number to fall at once; else it falls by steps.
 */
#define FRESH_US 20e6
#define STEP 0.7
/* Not worth stopping workers for. */
#define SMALL_FALL 0.8
/* How the number rises: by so much, or twice as high where workers are plainly not in each other's
 * way. */
#define RISE 1.25
#define RISE_PLAIN 2
#define RISE_FREE 4 /* far above those that are busy: it is no bound */
#define PLAIN 0.25
/* A fall was too far with less than this of the throughput before. */
#define FALL_KEEPS 0.85
/* Fewer do as well with so much of it; more do better with this part of what they might bring. */
#define DOWN_KEEPS 0.98
#define UP_BRINGS 0.3
/* Fewer than these are not tried with one less. */
#define FEW 3
/* From one trial to the next: longer and longer as long as nothing comes of them; what is unbounded
 * waits less long to be bounded. */
#define PAUSE_GOOD_US 1e6
#define PAUSE_US 5e6
#define PAUSE_MAX_US 300e6
#define PAUSE_FALL_US 20e6

/* What was seen. */
struct seen {
	double level; /* busy workers */
	double most;  /* of them at once */
	double rate;  /* requests ended in a microsecond */
	double requests;
	double cpu_us, wait_us; /* of a request; with threads the wait is less than nothing */
	bool full;
};

static unsigned int
whole(double number)
{
	return number < 1 ? 1 : (unsigned int)fmin(ceil(number - 0.25), UINT_MAX);
}

static void
note(struct auto_throughput *t, double wait_us, const struct seen *s)
{
	t->known = true;
	t->wait_us = wait_us;
	t->level = s->level;
	t->requests = fmin(s->requests, CERTAIN);
	t->age_us = 0;
}

static void
learn(struct auto_throughput *t, const struct seen *s)
{
	double certain = fmin(t->requests + s->requests, CERTAIN);
	double part = fmax(LEARN * fmin(1, s->requests / EVIDENCE_REQUESTS),
	    s->requests / (s->requests + t->requests));

	if (!t->known)
		note(t, s->wait_us, s);
	else if (s->wait_us < t->wait_us * SHORTER)
		note(t, s->wait_us, s);
	/* Fewer tell more than what was known; but not many, for a while, and then none. */
	else if (s->level < t->level / SAME_LEVEL &&
		 (s->wait_us < t->wait_us || s->most < t->level))
		note(t, t->wait_us + (s->wait_us - t->wait_us) / 2, s);
	else if ((s->level <= t->level * SAME_LEVEL && t->number == 0) || s->wait_us < t->wait_us) {
		t->wait_us += (s->wait_us - t->wait_us) * part;
		t->requests = certain;
		t->age_us = 0;
	} else if (t->requests < EVIDENCE_REQUESTS) {
		/* The first ones were few: the next may be no worse off. */
		if (s->cpu_us + s->wait_us < (s->cpu_us + t->wait_us) * IN_THE_WAY) {
			t->wait_us += (s->wait_us - t->wait_us) * part;
			t->level = s->level;
		}
		t->requests = certain;
		t->age_us = 0;
	}
}

unsigned int
auto_throughput_trust(const struct auto_throughput *t)
{
	/* They may be in each other's way already: the next evidence tells. */
	if (t->crowded && t->age_us < PATIENCE_US)
		return t->held;
	if (t->age_us >= PATIENCE_US || (t->requests >= EVIDENCE_REQUESTS && t->borne >= BORNE))
		return UINT_MAX;
	return t->known ? (unsigned int)fmin(ceil(t->level * TRUST_TIMES), UINT_MAX) : 1;
}

static void
try(struct auto_throughput *t, enum auto_trial trial, unsigned int number, const struct seen *s)
{
	t->trial = trial;
	t->crowded = false;
	t->before = t->number;
	t->number = number > 0 ? number : 1;
	t->level_before = s->level;
	t->rate_before = s->rate;
	t->same_us = 0;
}

/* Take the wait for such that the number is the right one with what was seen. */
static void
agree(struct auto_throughput *t, const struct seen *s)
{
	double root = (sqrt(SPARE * SPARE + 4 * s->level) - SPARE) / 2;
	double alone = (s->cpu_us + s->wait_us) * root * root / s->level;

	note(t, alone - s->cpu_us, s);
}

static void
end_trial(struct auto_throughput *t, bool did_good)
{
	t->trial = TRIAL_NONE;
	t->same_us = 0;
	t->pause_us =
	    did_good ? PAUSE_GOOD_US : fmin(fmax(t->pause_us, PAUSE_US) * 2, PAUSE_MAX_US);
}

static void
judge(struct auto_throughput *t, const struct seen *s)
{
	double more = s->level / t->level_before, rate = s->rate / t->rate_before;

	switch (t->trial) {
	case TRIAL_FALL:
		if (rate >= FALL_KEEPS) {
			end_trial(t, true);
			return;
		}
		/* They were not in each other's way, or are not now: that is what a wait is. */
		note(t, s->wait_us, s);
		t->number = t->before;
		end_trial(t, false);
		t->pause_us = fmin(t->pause_us, PAUSE_FALL_US);
		return;
	case TRIAL_DOWN:
	case TRIAL_UP:
		if (fabs(more - 1) > SAME_LEVEL - 1 &&
		    (t->trial == TRIAL_DOWN ? rate >= DOWN_KEEPS
					    : rate >= 1 + (more - 1) * UP_BRINGS)) {
			agree(t, s);
			/* Up again at once; but a little less each time comes to much. */
			t->was_down = true;
			end_trial(t, t->trial == TRIAL_UP);
			t->pause_us = fmin(t->pause_us, PAUSE_US);
		} else {
			t->number = t->before;
			end_trial(t, false);
		}
		return;
	case TRIAL_NONE:
		return;
	}
}

static void
decide(struct auto_throughput *t, const struct seen *s)
{
	double takes = s->cpu_us + s->wait_us;
	double alone = (s->cpu_us + t->wait_us) * (1 + 1 / sqrt(fmax(1, t->requests)));
	double times = alone > 0 ? takes / alone : 1;
	double load = s->level / times;
	unsigned int number = whole(auto_staff(load, 0, SPARE)), least = 0;
	bool is_bound = t->number > 0, falls;
	/* They need not be all that there are. */
	double reach = is_bound ? fmin(t->number, s->level) : s->level;

	falls = number < reach * SMALL_FALL &&
		((is_bound && s->level > t->number * SMALL_FALL) ||
		    (times > fmax(IN_THE_WAY, 1 + 2 / sqrt(load)) &&
			(is_bound || t->same_us >= fmin(t->pause_us, PAUSE_FALL_US))));
	if (t->age_us > FRESH_US)
		least = (unsigned int)(reach * STEP);
	if (!falls)
		t->borne = fmax(t->borne, s->level);
	/* Once may be chance, or what was before. */
	if (falls && t->crowded)
		try(t, TRIAL_FALL, number > least ? number : least, s);
	else if (falls || !is_bound || !s->full) {
		t->crowded = falls;
		t->held = (unsigned int)ceil(reach);
	} else if (times < 1 + PLAIN / sqrt(load))
		t->number = t->number < reach * RISE_FREE ? t->number * RISE_PLAIN : 0;
	else if (number > t->number)
		t->number = (unsigned int)ceil(fmin(number, t->number * RISE));
	else if (t->same_us >= (t->pause_us > 0 ? t->pause_us : PAUSE_US)) {
		t->was_down = !t->was_down;
		if (t->was_down && t->number >= FEW)
			try(t, TRIAL_DOWN, (unsigned int)(t->number * SMALL_FALL), s);
		else
			try(t, TRIAL_UP, (unsigned int)ceil(t->number * RISE), s);
	}
}

/* Requests of which the mean is evidence, at that level. */
static double
enough(const struct auto_throughput *t, double level)
{
	double times = 1;

	if (t->now.length_us < EVIDENCE_LATE_US)
		times = t->trial == TRIAL_FALL ? EVIDENCE_FALL : t->number > 0 ? EVIDENCE_TRIAL : 1;

	if (!t->known)
		return t->now.length_us < FIRST_LATE_US ? FIRST_REQUESTS : FIRST_FEW;
	return fmax(EVIDENCE_REQUESTS, EVIDENCE_EACH * level) * times;
}

void
auto_throughput_add(struct auto_throughput *t, const struct auto_window *w, unsigned int most)
{
	struct seen s;

	if (w->busy_us <= 0)
		return;
	t->age_us += (double)w->length_us;
	t->same_us += (double)w->length_us;
	if (!w->settled) {
		t->now = (struct auto_sums){0};
		t->most = 0;
		return;
	}
	auto_sums_add(&t->now, w);
	t->most = fmax(t->most, most);
	if (t->now.length_us < (t->known ? EVIDENCE_US : FIRST_US))
		return;
	s.level = t->now.busy_us / t->now.length_us;
	s.requests = t->now.requests;
	if (s.requests < enough(t, s.level))
		return;
	s.rate = s.requests / t->now.length_us;
	s.cpu_us = t->now.cpu_us / s.requests;
	s.wait_us = (t->now.wall_us - t->now.cpu_us) / s.requests;
	s.full = w->full;
	s.most = t->most;
	t->now = (struct auto_sums){0};
	t->most = 0;
	if (t->trial != TRIAL_NONE && !s.full) {
		/* Requests have become too few to tell. */
		if (t->trial != TRIAL_FALL)
			t->number = t->before;
		end_trial(t, false);
	} else if (t->trial != TRIAL_NONE)
		judge(t, &s);
	else {
		learn(t, &s);
		decide(t, &s);
	}
}

double
auto_throughput_share(const struct auto_throughput *t, double cpu_us, double share)
{
	return t->known && cpu_us > 0 ? cpu_us / (cpu_us + t->wait_us) : share;
}
