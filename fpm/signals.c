/* signals.c: what they do is in master.c. */
#include "config.h"

#include "fpm/signals.h"

#include <signal.h>

static const int handled[SIGNALS] = {
    SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGCHLD};

void
signals_ignore(void)
{
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a log at its limit of size stops nothing */
}

void
signals_take(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

bool
signals_begin(
    struct signals *s, struct event_base *base, event_callback_fn on_signal, void *arg)
{
	for (size_t i = 0; i < SIGNALS; i++) {
		s->events[i] = evsignal_new(base, handled[i], on_signal, arg);
		if (s->events[i] == NULL || event_add(s->events[i], NULL) == -1)
			return false;
	}
	return true;
}

void
signals_end(struct signals *s)
{
	for (size_t i = 0; i < SIGNALS; i++) {
		if (s->events[i] != NULL)
			event_free(s->events[i]);
		s->events[i] = NULL;
	}
}
