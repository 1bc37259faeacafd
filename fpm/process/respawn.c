/* respawn.c: waits longer before each process of a kind that does not live long. */
#include "config.h"

#include "fpm/process/respawn.h"

#include "base/backoff.h"
#include "base/log.h"

#define SECOND_US INT64_C(1000000)
#define QUICK_DEATH_US SECOND_US /* younger than this when it dies: the start has failed */

bool
respawn_init(struct respawn *r, struct event_base *base, event_callback_fn on_due, void *arg)
{
	r->quick_deaths = 0;
	return (r->timer = evtimer_new(base, on_due, arg)) != NULL;
}

void
respawn_destroy(struct respawn *r)
{
	event_free(r->timer);
}

int64_t
respawn_failed(struct respawn *r)
{
	return backoff_us(++r->quick_deaths);
}

int64_t
respawn_ended(struct respawn *r, int64_t age_us, bool told, bool proven, bool *quick)
{
	*quick = !told && age_us < QUICK_DEATH_US;
	if (!*quick) {
		r->quick_deaths = 0;
		return 0;
	}
	/* One that has served is started again at once, unless it makes a habit of it. */
	r->quick_deaths++;
	return backoff_us(r->quick_deaths - proven);
}

void
respawn_in(struct respawn *r, int64_t wait_us, const char *title)
{
	struct timeval tv = {.tv_sec = wait_us / SECOND_US, .tv_usec = wait_us % SECOND_US};

	if (event_add(r->timer, &tv) == -1)
		log_error("%s: cannot set a timer", title);
}

void
respawn_cancel(struct respawn *r)
{
	event_del(r->timer);
}
