/* respawn.h: when the next process of a kind is started, after one that has ended or failed. */
#ifndef ANYFPM_FPM_PROCESS_RESPAWN_H
#define ANYFPM_FPM_PROCESS_RESPAWN_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

struct respawn {
	struct event *timer; /* pending while a start is due */
	unsigned int quick_deaths; /* in a row, with starts that failed */
};

/* on_due is called with arg when a start is due. false: out of memory. */
bool respawn_init(
    struct respawn *r, struct event_base *base, event_callback_fn on_due, void *arg);
void respawn_destroy(struct respawn *r);

/* How long to wait after one more start that failed, microseconds. */
int64_t respawn_failed(struct respawn *r);

/*
 * How long to wait, microseconds, after a process that has ended at the age of age_us. told:
 * because we said so; proven: it had got as far as serving. *quick becomes whether it was one of
 * those whose start has failed.
 */
int64_t respawn_ended(struct respawn *r, int64_t age_us, bool told, bool proven, bool *quick);

/* Start the next one after wait_us; title begins the line in the log if that cannot be done. */
void respawn_in(struct respawn *r, int64_t wait_us, const char *title);
void respawn_cancel(struct respawn *r);

#endif
