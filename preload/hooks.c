/*
 * hooks.c: the functions of libc by which a program accepts a connection or waits for one. Ours are
 * found before libc's (LD_PRELOAD): they stop the program at its first call for the listening
 * socket, and do nothing in all others.
 */
#include "config.h"

#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>

#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "preload/stop.h"

/* Under a name of our own, libc's headers have no say in how it is defined. */
#define HOOK(name) __asm__(#name) __attribute__((visibility("default")))

int hook_accept(int fd, struct sockaddr *address, socklen_t *length) HOOK(accept);
int hook_accept4(int fd, struct sockaddr *address, socklen_t *length, int flags) HOOK(accept4);
int hook_poll(struct pollfd *fds, nfds_t count, int ms) HOOK(poll);
int hook_poll_chk(struct pollfd *fds, nfds_t count, int ms, size_t size) HOOK(__poll_chk);
int hook_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *time,
    const sigset_t *mask) HOOK(ppoll);
int hook_ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *time,
    const sigset_t *mask, size_t size) HOOK(__ppoll_chk);
int hook_select(int end, fd_set *in, fd_set *out, fd_set *except, struct timeval *time)
    HOOK(select);
int hook_pselect(int end, fd_set *in, fd_set *out, fd_set *except, const struct timespec *time,
    const sigset_t *mask) HOOK(pselect);
int hook_epoll_ctl(int epfd, int op, int fd, struct epoll_event *event) HOOK(epoll_ctl);

/* libc's own. NULL: it has none, or it was not asked yet. */
static struct {
	int (*accept)(int, struct sockaddr *, socklen_t *);
	int (*accept4)(int, struct sockaddr *, socklen_t *, int);
	int (*poll)(struct pollfd *, nfds_t, int);
	int (*poll_chk)(struct pollfd *, nfds_t, int, size_t);
	int (*ppoll)(struct pollfd *, nfds_t, const struct timespec *, const sigset_t *);
	int (*ppoll_chk)(struct pollfd *, nfds_t, const struct timespec *, const sigset_t *,
	    size_t);
	int (*select)(int, fd_set *, fd_set *, fd_set *, struct timeval *);
	int (*pselect)(int, fd_set *, fd_set *, fd_set *, const struct timespec *,
	    const sigset_t *);
	int (*epoll_ctl)(int, int, int, struct epoll_event *);
} next;

/*
 * Whether calls are looked at: from the start, since what else is loaded may call before begin()
 * below has run, until the program has stopped or is not to.
 */
static atomic_bool is_watching = true;

#define IS_WATCHING __builtin_expect(atomic_load_explicit(&is_watching, memory_order_relaxed), 0)

static void
find_next(void)
{
	*(void **)&next.accept4 = dlsym(RTLD_NEXT, "accept4");
	*(void **)&next.poll = dlsym(RTLD_NEXT, "poll");
	*(void **)&next.poll_chk = dlsym(RTLD_NEXT, "__poll_chk");
	*(void **)&next.ppoll = dlsym(RTLD_NEXT, "ppoll");
	*(void **)&next.ppoll_chk = dlsym(RTLD_NEXT, "__ppoll_chk");
	*(void **)&next.select = dlsym(RTLD_NEXT, "select");
	*(void **)&next.pselect = dlsym(RTLD_NEXT, "pselect");
	*(void **)&next.epoll_ctl = dlsym(RTLD_NEXT, "epoll_ctl");
	*(void **)&next.accept = dlsym(RTLD_NEXT, "accept"); /* the last: all are there */
}

static bool has_begun;

static void __attribute__((constructor))
begin(void)
{
	int saved = errno;

	find_next();
	has_begun = true;
	is_watching = stop_begin();
	errno = saved;
}

/* Between the order to serve a request and the connection that brings it. */
static bool is_serving;

/* Whether the descriptors of a call matter. */
static bool
is_awaited(void)
{
	if (next.accept == NULL)
		find_next();
	if (!has_begun || is_serving)
		return false;
	if (stop_is_wanted())
		return true;
	is_watching = false;
	return false;
}

static void
stop(int fd)
{
	if (stop_here(fd) == STOPPED_TO_SERVE)
		is_serving = true;
	else
		is_watching = false;
}

/* A connection may have been accepted on fd: the next one is waited for as a template. */
static int
accepted(int fd, int connection)
{
	int saved = errno;

	if (IS_WATCHING && is_serving && connection != -1 && stop_is_listener(fd))
		is_serving = false;
	errno = saved;
	return connection;
}

static void
look_at(int fd)
{
	int saved = errno;

	if (is_awaited() && stop_is_listener(fd))
		stop(fd);
	errno = saved;
}

static void
look_at_polled(const struct pollfd *fds, nfds_t count)
{
	int saved = errno;
	nfds_t n = is_awaited() ? 0 : count;

	while (n < count &&
	    ((fds[n].events & (POLLIN | POLLRDNORM)) == 0 || !stop_is_listener(fds[n].fd)))
		n++;
	if (n < count)
		stop(fds[n].fd);
	errno = saved;
}

static void
look_at_selected(const fd_set *in, int end)
{
	int saved = errno;
	int fd = in != NULL && is_awaited() ? 0 : end;

	while (fd < end && (!FD_ISSET(fd, in) || !stop_is_listener(fd)))
		fd++;
	if (fd < end)
		stop(fd);
	errno = saved;
}

static void
look_at_added(int op, int fd)
{
	int saved = errno;

	if (is_awaited() && op == EPOLL_CTL_ADD && stop_is_listener(fd)) {
		is_watching = false;
		stop_refuse();
	}
	errno = saved;
}

int
hook_accept(int fd, struct sockaddr *address, socklen_t *length)
{
	if (IS_WATCHING)
		look_at(fd);
	return accepted(fd, next.accept(fd, address, length));
}

int
hook_accept4(int fd, struct sockaddr *address, socklen_t *length, int flags)
{
	if (IS_WATCHING)
		look_at(fd);
	return accepted(fd, next.accept4(fd, address, length, flags));
}

int
hook_poll(struct pollfd *fds, nfds_t count, int ms)
{
	if (IS_WATCHING)
		look_at_polled(fds, count);
	return next.poll(fds, count, ms);
}

int
hook_poll_chk(struct pollfd *fds, nfds_t count, int ms, size_t size)
{
	if (IS_WATCHING)
		look_at_polled(fds, count <= size / sizeof(*fds) ? count : 0);
	return next.poll_chk(fds, count, ms, size);
}

int
hook_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *time, const sigset_t *mask)
{
	if (IS_WATCHING)
		look_at_polled(fds, count);
	return next.ppoll(fds, count, time, mask);
}

int
hook_ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *time, const sigset_t *mask,
    size_t size)
{
	if (IS_WATCHING)
		look_at_polled(fds, count <= size / sizeof(*fds) ? count : 0);
	return next.ppoll_chk(fds, count, time, mask, size);
}

int
hook_select(int end, fd_set *in, fd_set *out, fd_set *except, struct timeval *time)
{
	if (IS_WATCHING)
		look_at_selected(in, end);
	return next.select(end, in, out, except, time);
}

int
hook_pselect(int end, fd_set *in, fd_set *out, fd_set *except, const struct timespec *time,
    const sigset_t *mask)
{
	if (IS_WATCHING)
		look_at_selected(in, end);
	return next.pselect(end, in, out, except, time, mask);
}

int
hook_epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
	if (IS_WATCHING)
		look_at_added(op, fd);
	return next.epoll_ctl(epfd, op, fd, event);
}
