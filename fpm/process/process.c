/* process.c: birth, watch and death of a process that runs our own binary. */
#include "config.h"

#include "fpm/process/process.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/exit.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/procstat.h"
#include "fpm/process/launch.h"

extern char **environ;

#define SECOND_US INT64_C(1000000)
#define STOPS_PERIOD_US (60 * SECOND_US)

bool
process_init(struct process *p, struct event_base *base, struct process_list *running,
    const char *title, event_callback_fn on_timer, void *arg)
{
	memset(p, 0, sizeof(*p));
	p->base = base;
	p->all = running;
	p->channel.sock = -1;
	p->channel.arg = arg;
	snprintf(p->title, sizeof(p->title), "%s", title);
	return (p->timer = evtimer_new(base, on_timer, arg)) != NULL;
}

void
process_destroy(struct process *p)
{
	event_free(p->timer);
}

/* There is a process from now on. */
static void
begin(struct process *p, pid_t pid, int64_t started_us)
{
	p->pid = pid;
	p->started_us = started_us;
	memset(p->stopped_us, 0, sizeof(p->stopped_us));
	p->pulse = (struct pulse){.is_asked = false};
	LIST_INSERT_HEAD(p->all, p, running);
}

int
process_execute(struct process *p, int exe_fd, char *const argv[], char *const envp[], int log_fd,
    const struct rlimit *nofile)
{
	int saved, sock = channel_open(&p->channel, p->base);
	pid_t pid = sock != -1 ? launch(exe_fd, argv, envp, sock, log_fd, nofile) : -1;

	fd_close(&sock);
	if (pid == -1) {
		saved = errno;
		channel_close(&p->channel);
		errno = saved;
		return -1;
	}
	begin(p, pid, clock_now_us());
	log_debug("%s %ld started", p->title, (long)pid);
	return 0;
}

int
process_start(struct process *p, int exe_fd, const char *argv0, int log_fd,
    const struct rlimit *nofile)
{
	/* execve(2) changes none of it */
	char *const argv[] = {(char *)(uintptr_t)argv0, NULL};

	return process_execute(p, exe_fd, argv, environ, log_fd, nofile);
}

int
process_adopt(struct process *p, pid_t pid, int sock, int64_t started_us)
{
	if (channel_adopt(&p->channel, p->base, sock) == -1)
		return -1;
	begin(p, pid, started_us);
	return 0;
}

int64_t
process_timer_left_us(const struct process *p)
{
	struct timeval at, now;

	if (!evtimer_pending(p->timer, &at) || gettimeofday(&now, NULL) == -1)
		return 0;
	evutil_timersub(&at, &now, &at);
	return at.tv_sec < 0 ? 1 : at.tv_sec * SECOND_US + at.tv_usec + 1;
}

void
process_set_timer(struct process *p, int64_t us)
{
	struct timeval tv = {.tv_sec = us / SECOND_US, .tv_usec = us % SECOND_US};

	if (event_add(p->timer, &tv) == -1)
		log_error("%s: cannot set a timer", p->title);
}

void
process_kill(const struct process *p)
{
	if (kill(p->pid, SIGKILL) == -1)
		log_error("%s %ld: cannot kill it: %s", p->title, (long)p->pid, strerror(errno));
}

void
process_tick(struct process *p, int64_t tick_us, bool is_late)
{
	enum pulse_next next = pulse_tick(&p->pulse, is_late, procstat_runs(p->pid));
	double silent_s = (double)(tick_us * p->pulse.ticks) / SECOND_US;

	switch (next) {
	case PULSE_ASK: /* one that cannot even be told has no answer either */
		channel_send(&p->channel, MESSAGE_PING, 0, NULL, 0, -1);
		break;
	case PULSE_WAIT:
		break;
	case PULSE_SILENT:
		log_warning("%s %ld has not answered for %.1f seconds", p->title, (long)p->pid,
		    silent_s);
		if (p->on_pulse != NULL)
			p->on_pulse(p->channel.arg);
		break;
	case PULSE_HANGS:
		log_error("%s %ld hangs: it has not answered for %.1f seconds "
			  "(process_hang_timeout); killing it",
		    p->title, (long)p->pid, silent_s);
		process_kill(p);
		break;
	}
}

/* runs: as pulse_answered(). */
static void
wait_no_more(struct process *p, uint64_t runs)
{
	if (pulse_answered(&p->pulse, runs) && p->on_pulse != NULL)
		p->on_pulse(p->channel.arg);
}

void
process_answered(struct process *p)
{
	if (process_is_silent(p))
		log_notice("%s %ld answers again", p->title, (long)p->pid);
	wait_no_more(p, procstat_runs(p->pid));
}

void
process_unasked(struct process *p)
{
	wait_no_more(p, 0);
}

bool
process_is_silent(const struct process *p)
{
	return pulse_is_silent(&p->pulse);
}

/* The one line about a process's death; next tells what follows from it. */
static void
obituary(const struct process *p, const siginfo_t *info, bool told, const char *next)
{
	double age = (double)(clock_now_us() - p->started_us) / SECOND_US;
	char how[EXIT_TEXT_MAX];

	exit_describe(info, how);
	if (told && exit_is_success(info))
		log_debug("%s %ld %s after %.6f seconds from start%s", p->title, (long)p->pid, how,
		    age, next);
	else
		log_warning("%s %ld %s after %.6f seconds from start%s", p->title, (long)p->pid,
		    how, age, next);
}

int64_t
process_ended(
    struct process *p, const siginfo_t *info, bool told, bool proven, struct respawn *respawn)
{
	bool quick;
	int64_t age_us = clock_now_us() - p->started_us;
	int64_t wait_us = respawn_ended(respawn, age_us, told, proven, &quick);
	char next[64] = "";

	if (quick)
		snprintf(next, sizeof(next), "; next start in %.1f seconds",
		    (double)wait_us / SECOND_US);
	obituary(p, info, told, next);
	channel_close(&p->channel);
	event_del(p->timer);
	LIST_REMOVE(p, running);
	p->pulse = (struct pulse){.is_asked = false};
	p->pid = 0;
	return wait_us;
}

void
process_stopped(struct process *p, const siginfo_t *info)
{
	int64_t now_us = clock_now_us(), *oldest = &p->stopped_us[p->stopped_next];

	*oldest = now_us;
	p->stopped_next = (p->stopped_next + 1) % PROCESS_STOPS_MAX;
	oldest = &p->stopped_us[p->stopped_next];
	if (*oldest != 0 && now_us - *oldest < STOPS_PERIOD_US) {
		log_warning("%s %ld was stopped %d times in a minute; replacing it", p->title,
		    (long)p->pid, PROCESS_STOPS_MAX);
		process_kill(p);
		return;
	}
	log_warning("%s %ld was stopped by signal %d; continuing it", p->title, (long)p->pid,
	    info->si_status);
	kill(p->pid, SIGCONT);
}
