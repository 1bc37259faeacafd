/* signals.h: the signals that the master takes, as events of its loop. */
#ifndef ANYFPM_FPM_SIGNALS_H
#define ANYFPM_FPM_SIGNALS_H

#include <event2/event.h>
#include <stdbool.h>

#define SIGNALS 7

struct signals {
	struct event *events[SIGNALS]; /* NULL: not begun */
};

/* Ignore what is of no use: errors of calls say it. */
void signals_ignore(void);

/* Whatever was blocked by who started us is taken from now on. */
void signals_take(void);

/* Call on_signal in this loop with the signal and arg. false with errno. */
bool signals_begin(struct signals *signals, struct event_base *base,
    event_callback_fn on_signal, void *arg);
void signals_end(struct signals *signals);

#endif
