/* notify.c: tells systemd how we are, in the words of sd_notify(3). What a pool does comes from
 * summary.c. */
#include "config.h"

#include "fpm/notify.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef HAVE_SYSTEMD
#include <systemd/sd-daemon.h>
#endif

#include "base/clock.h"
#include "base/log.h"

#define SECOND_US INT64_C(1000000)
/* Pools that move at the same time are told of once. */
#define MOVED_US INT64_C(100000)
#define RATE_MAX_S 300 /* seconds that statistics remember */
#define AGAIN_US INT64_C(100000) /* the manager does not read just now */
#define UNSAID_US SECOND_US	 /* a status is another by then */

static void
set_timer(struct event *timer, int64_t us)
{
	struct timeval tv = {.tv_sec = us / SECOND_US, .tv_usec = us % SECOND_US};

	if (event_add(timer, &tv) == -1)
		log_error("cannot set a timer for what systemd is told");
}

/* What became of something that was to be told; whether it was. */
static bool
note(struct notify *n, int error)
{
	if (error != 0 && !n->has_failed)
		log_warning("cannot tell systemd how the service is, by NOTIFY_SOCKET: %s",
		    error == EAGAIN ? "nobody reads what is sent there" : strerror(error));
	n->has_failed = error != 0;
	if (n->socket.count > 0 && n->again != NULL)
		set_timer(n->again, AGAIN_US);
	return error == 0;
}

/* What has become of the service, which is told once: text as in sd_notify(3). */
static void
tell(struct notify *n, const char *text)
{
	note(n, notifysocket_insist(&n->socket, text));
}

static void
on_again(evutil_socket_t fd, short what, void *arg)
{
	struct notify *n = arg;

	note(n, notifysocket_go_on(&n->socket));
}

static void
tell_status(struct notify *n)
{
	char status[SUMMARY_MAX], text[sizeof("STATUS=") + SUMMARY_MAX];
	struct summary summary;

	summary_take(&summary, n->seats, n->interval_s, n->scratch);
	summary_print(&summary, status, sizeof(status));
	if (strcmp(status, n->said) == 0)
		return;
	snprintf(text, sizeof(text), "STATUS=%s", status);
	if (note(n, notifysocket_say(&n->socket, text)))
		snprintf(n->said, sizeof(n->said), "%s", status);
	else
		set_timer(n->status, UNSAID_US);
}

static void
on_status(evutil_socket_t fd, short what, void *arg)
{
	struct notify *n = arg;

	n->is_due = false;
	if (n->interval_s > 0)
		set_timer(n->status, n->interval_s * SECOND_US);
	tell_status(n);
}

static void
on_watchdog(evutil_socket_t fd, short what, void *arg)
{
	struct notify *n = arg;

	note(n, notifysocket_say(&n->socket, "WATCHDOG=1"));
	set_timer(n->watchdog, n->watchdog_us / 2);
}

void
notify_init(struct notify *n, const struct seat_list *seats)
{
	memset(n, 0, sizeof(*n));
	n->seats = seats;
#ifdef HAVE_SYSTEMD
	uint64_t us;

	notifysocket_init(&n->socket, getenv("NOTIFY_SOCKET"));
	if (sd_watchdog_enabled(0, &us) > 0 && us <= INT64_MAX)
		n->watchdog_us = (int64_t)us;
#endif
}

void
notify_set_interval(struct notify *n, int64_t interval_ms)
{
	int64_t seconds = (interval_ms + 999) / 1000;

	n->interval_s = (unsigned int)(seconds < RATE_MAX_S ? seconds : RATE_MAX_S);
	notify_moved(n);
}

bool
notify_begin(struct notify *n, struct event_base *base, int64_t interval_ms)
{
	if (n->socket.path == NULL)
		return true;
	notify_set_interval(n, interval_ms);
	n->scratch = malloc(sizeof(*n->scratch));
	n->status = evtimer_new(base, on_status, n);
	n->watchdog = evtimer_new(base, on_watchdog, n);
	n->again = evtimer_new(base, on_again, n);
	if (n->scratch == NULL || n->status == NULL || n->watchdog == NULL || n->again == NULL)
		return false;
	if (n->watchdog_us > 0)
		on_watchdog(-1, 0, n);
	return true;
}

void
notify_end(struct notify *n)
{
	if (n->status != NULL)
		event_free(n->status);
	if (n->watchdog != NULL)
		event_free(n->watchdog);
	if (n->again != NULL)
		event_free(n->again);
	free(n->scratch);
	n->status = n->watchdog = n->again = NULL;
	n->scratch = NULL;
}

void
notify_ready(struct notify *n)
{
	char text[NOTIFYSOCKET_TEXT_MAX];

	/* Of a daemon, systemd cannot know which process it is. */
	snprintf(text, sizeof(text), "READY=1\nMAINPID=%ld\nSTATUS=Ready to handle connections",
	    (long)getpid());
	tell(n, text);
}

void
notify_reloading(struct notify *n)
{
	char text[NOTIFYSOCKET_TEXT_MAX];

	/* sd_notify(3): the moment tells this reload from those before it. */
	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%lld",
	    (long long)clock_now_us());
	tell(n, text);
}

void
notify_moved(struct notify *n)
{
	if (n->status == NULL || n->is_due)
		return;
	n->is_due = true;
	set_timer(n->status, MOVED_US);
}

void
notify_stopping(struct notify *n)
{
	tell(n, "STOPPING=1");
}

void
notify_forget(void)
{
	static const char *const ours[] = {"NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC",
	    "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"};

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		unsetenv(ours[i]);
}
