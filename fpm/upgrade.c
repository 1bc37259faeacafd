/* upgrade.c: the steps from the wish for another binary to the moment at which it is executed. */
#include "config.h"

#include "fpm/upgrade.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "fpm/process/launch.h"
#include "fpm/saved/inherit.h"

#define DELETED " (deleted)"   /* what the kernel says behind a name that is another's by now */
#define LOOK_US 50000	       /* how often it is looked whether it can go on */
#define TAKE_US INT64_C(10000000) /* that a process may leave messages waiting */

static void fail(struct upgrade *u, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void
set_state(struct upgrade *u, enum upgrade_state state)
{
	u->state = state;
	if (state == UPGRADE_NONE) {
		fd_close(&u->exe_fd);
		event_del(u->go);
	}
}

/* Everything goes on as it was. */
static void
fail(struct upgrade *u, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(u->why, sizeof(u->why), fmt, ap);
	va_end(ap);
	log_error("upgrade failed: %s; everything goes on as it was", u->why);
	set_state(u, UPGRADE_NONE);
}

/* To be freed; NULL: it is not known. */
static char *
find_path(void)
{
	char path[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (len <= 0 || path[0] != '/')
		return NULL;
	path[len] = '\0';
	if ((size_t)len > strlen(DELETED) &&
	    strcmp(path + len - strlen(DELETED), DELETED) == 0)
		path[(size_t)len - strlen(DELETED)] = '\0';
	return strdup(path);
}

/* The binary that is there now: whoever can write it, is the master. */
static bool
open_binary(struct upgrade *u)
{
	struct stat st;

	if (u->path == NULL) {
		fail(u, "it is not known where our binary is; is /proc mounted?");
		return false;
	}
	if ((u->exe_fd = open(u->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)) == -1 ||
	    fstat(u->exe_fd, &st) == -1)
		fail(u, "cannot open %s: %s", u->path, strerror(errno));
	else if (!S_ISREG(st.st_mode) || (st.st_mode & 0111) == 0)
		fail(u, "%s is no file that can be executed", u->path);
	else if ((st.st_uid != 0 && st.st_uid != geteuid()) || (st.st_mode & S_IWOTH) != 0)
		fail(u, "%s belongs to another user, or everybody can write it", u->path);
	else
		return true;
	return false;
}

/* A descriptor for what there is to leave, or -1 after having failed. saved may be NULL. */
static int
write_state(struct upgrade *u, struct saved *saved)
{
	int fd = saved != NULL ? inherit_write(saved) : -1;

	if (fd == -1)
		fail(u, "no memory for what the new master has to know");
	return fd;
}

static void
test(struct upgrade *u)
{
	struct saved *saved = estate_save(u->estate);
	int fd = write_state(u, saved);
	const char *why;

	saved_free(saved);
	if (fd == -1)
		return;
	set_state(u, UPGRADE_TESTING);
	if ((why = tester_start(&u->tester, u->exe_fd, fd)) != NULL)
		fail(u, "%s cannot be executed: %s", u->path, why);
	fd_close(&fd);
}

static void
go_in(struct upgrade *u, int64_t us)
{
	struct timeval tv = {.tv_usec = us};

	if (event_add(u->go, &tv) == -1)
		fail(u, "cannot set a timer");
}

static void
on_tested(const char *why_not, void *arg)
{
	struct upgrade *u = arg;

	if (u->state != UPGRADE_TESTING)
		return; /* it was canceled */
	if (why_not != NULL) {
		fail(u, "%s: %s", u->path, why_not);
		return;
	}
	set_state(u, UPGRADE_READY);
	go_in(u, 0); /* nothing of a seat is under way then */
}

/* A process for which messages wait; NULL: there is none. */
static const struct process *
find_deaf(const struct estate *e)
{
	const struct metrics *m = *e->metrics;
	const struct generation *g;
	const struct seat *seat;

	TAILQ_FOREACH (seat, e->seats, next)
		TAILQ_FOREACH (g, &seat->generations, next)
			if (!STAILQ_EMPTY(&g->process.channel.waiting))
				return &g->process;
	if (m != NULL && m->process.pid != 0 && !STAILQ_EMPTY(&m->process.channel.waiting))
		return &m->process;
	return NULL;
}

/* Whether it can be done now. */
static bool
is_still(struct upgrade *u)
{
	const struct process *deaf = find_deaf(u->estate);
	int64_t now_us = clock_now_us();

	if (deaf == NULL)
		u->since_us = 0;
	else if (u->since_us == 0)
		u->since_us = now_us;
	else if (now_us - u->since_us > TAKE_US) {
		fail(u, "%s %ld does not take what it is told", deaf->title, (long)deaf->pid);
		return false;
	}
	return deaf == NULL && !u->reload->is_running && !u->reload->is_wanted;
}

static bool
keep_open(int *fd, void *arg)
{
	return fd_set_cloexec(*fd, 0) == 0;
}

static bool
close_again(int *fd, void *arg)
{
	fd_set_cloexec(*fd, 1);
	return true;
}

/* Returns, with errno, only if it fails. */
static void
execute(struct upgrade *u, struct saved *saved, int state_fd)
{
	const struct options *options = u->estate->service->options;
	char number[16], **envp;
	sigset_t all, before;
	int error;

	snprintf(number, sizeof(number), "%d", state_fd);
	if ((envp = inherit_environment(number)) == NULL)
		return;
	log_notice("upgrade: %s takes the master's place, pid %ld", u->path, (long)getpid());
	servicelog_pause();
	sigfillset(&all); /* what is sent from here on is the new program's to take */
	sigprocmask(SIG_SETMASK, &all, &before);
	if (saved_each_fd(saved, keep_open, NULL) && keep_open(&state_fd, NULL))
		launch_execute(u->exe_fd, options->argv, envp);
	error = errno;
	saved_each_fd(saved, close_again, NULL);
	sigprocmask(SIG_SETMASK, &before, NULL);
	servicelog_continue();
	inherit_free(envp);
	errno = error;
}

static void
take_place(struct upgrade *u)
{
	struct saved *saved = estate_save(u->estate);
	int fd = write_state(u, saved);

	if (fd != -1) {
		execute(u, saved, fd);
		fail(u, "cannot execute %s: %s", u->path, strerror(errno));
	}
	fd_close(&fd);
	saved_free(saved);
}

static void
on_go(evutil_socket_t fd, short what, void *arg)
{
	struct upgrade *u = arg;

	if (is_still(u))
		take_place(u);
	else if (u->state == UPGRADE_READY)
		go_in(u, LOOK_US);
}

void
upgrade_init(struct upgrade *u, const struct estate *estate, const struct reload *reload)
{
	memset(u, 0, sizeof(*u));
	u->estate = estate;
	u->reload = reload;
	u->exe_fd = -1;
	u->path = find_path();
}

bool
upgrade_begin(struct upgrade *u)
{
	const struct service *service = u->estate->service;

	u->go = evtimer_new(service->base, on_go, u);
	return u->go != NULL && tester_init(&u->tester, service, on_tested, u);
}

void
upgrade_end(struct upgrade *u)
{
	if (u->go != NULL)
		event_free(u->go);
	u->go = NULL;
	tester_destroy(&u->tester);
	fd_close(&u->exe_fd);
	free(u->path);
	u->path = NULL;
}

void
upgrade_ask(struct upgrade *u)
{
	if (u->state != UPGRADE_NONE)
		return;
	u->why[0] = '\0';
	u->since_us = 0;
	if (u->tester.process.pid != 0)
		fail(u, "the last one was given up a moment ago; try again");
	else if (open_binary(u)) {
		log_notice("upgrade: testing %s", u->path);
		test(u);
	}
}

bool
upgrade_is_running(const struct upgrade *u)
{
	return u->state != UPGRADE_NONE;
}

void
upgrade_cancel(struct upgrade *u)
{
	if (u->state == UPGRADE_NONE)
		return;
	set_state(u, UPGRADE_NONE);
	snprintf(u->why, sizeof(u->why), "anyfpm was stopped meanwhile");
	tester_cancel(&u->tester);
}
