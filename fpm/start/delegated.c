/* delegated.c: enters, divides up, empties and leaves the control group of the service. */
#include "config.h"

#include "fpm/start/delegated.h"

#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"

#define OWN_NAME "anyfpm"
#define POOL_PREFIX "pool-"
#define NAME_ROOM 128
#define DEPTH_MAX 32
/* What was killed is dead after a moment, or waits for a device. */
#define END_TIMEOUT_US 1000000
#define END_PAUSE_NS 2000000

static const char *const controllers[DELEGATED_CONTROLLERS] = { "memory", "pids" };

/* Where cgroup says. */
static bool
find(const char *cgroup, char path[CGROUP_PATH_MAX])
{
	if (strcmp(cgroup, "own") != 0) {
		snprintf(path, CGROUP_PATH_MAX, "%s", cgroup);
		return true;
	}
	if (cgroup_own("/proc/self", path))
		return true;
	log_error("cgroup = own: no control group of version 2 is to be seen; mount them "
		  "(mount -t cgroup2 none /sys/fs/cgroup), or set cgroup = no");
	return false;
}

/* -1 after having logged why it is not one that can be divided up. */
static int
open_group(const char *path)
{
	static const char *const written[] = { ".", "cgroup.procs", "cgroup.subtree_control" };
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct statfs fs;

	if (fd == -1) {
		log_error("cgroup: cannot open %s: %s", path, strerror(errno));
		return -1;
	}
	if (fstatfs(fd, &fs) == -1 || fs.f_type != CGROUP2_SUPER_MAGIC) {
		log_error("cgroup: %s is no control group of version 2; \"grep cgroup2 "
			  "/proc/mounts\" tells where these are", path);
		goto fail;
	}
	if (faccessat(fd, "cgroup.kill", F_OK, 0) == -1) {
		log_error("cgroup: %s is the root of all control groups, or the kernel is older "
			  "than 5.14; name one that was delegated to anyfpm", path);
		goto fail;
	}
	for (size_t i = 0; i < sizeof(written) / sizeof(written[0]); i++) {
		if (faccessat(fd, written[i], W_OK, AT_EACCESS) == 0)
			continue;
		log_error("cgroup: cannot write to %s/%s: %s; it has to be delegated to the user "
			  "who starts anyfpm (Delegate=yes in a unit of systemd)",
		    path, written[i], strerror(errno));
		goto fail;
	}
	return fd;
fail:
	fd_close(&fd);
	return -1;
}

/* Whether the pool's limits can be enforced in path, or below it. */
static bool
has_controllers(const char *path, const struct conf_pool *pool)
{
	const uint64_t wanted[DELEGATED_CONTROLLERS] = { pool->cgroup_memory_max,
		pool->cgroup_pids_max };
	char *text = cgroup_text(path, "cgroup.controllers");
	bool good = true;

	for (size_t i = 0; i < DELEGATED_CONTROLLERS; i++) {
		if (wanted[i] == 0 || (text != NULL && cgroup_has_word(text, controllers[i])))
			continue;
		log_error("[pool %s] cgroup.%s.max requires the controller \"%s\", which "
			  "%s/cgroup.controllers does not have",
		    pool->name, controllers[i], controllers[i], path);
		good = false;
	}
	free(text);
	return good;
}

bool
delegated_check(const struct conf *conf)
{
	const struct conf_pool *pool;
	char path[CGROUP_PATH_MAX];
	bool good = true;
	int fd;

	if (conf->global.cgroup == NULL)
		return true;
	if (!find(conf->global.cgroup, path))
		return false;
	if (strcmp(conf->global.cgroup, "own") == 0)
		return true;
	if ((fd = open_group(path)) == -1)
		return false;
	fd_close(&fd);
	TAILQ_FOREACH (pool, &conf->pools, next)
		good = has_controllers(path, pool) && good;
	return good;
}

/* Make name in dir_fd, or take it as it is, and open it. -1 after having logged why not. */
static int
make(int dir_fd, const char *path, const char *name)
{
	int fd = -1;

	/* Whatever the umask: pool processes read it with fewer rights. */
	if ((mkdirat(dir_fd, name, 0755) == 0 || errno == EEXIST) &&
	    fchmodat(dir_fd, name, 0755, 0) == 0)
		fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1)
		log_error("cannot make the control group %s/%s: %s", path, name, strerror(errno));
	return fd;
}

/* Let the groups below have the controllers that there are. enabled, if not NULL, is set for those
 * that we have turned on. Limits that lack theirs are refused later. */
static void
enable(int fd, const char *path, bool *enabled)
{
	char *there = cgroup_text(path, "cgroup.controllers");
	char *on = cgroup_text(path, "cgroup.subtree_control");
	char word[32];

	for (size_t i = 0; there != NULL && on != NULL && i < DELEGATED_CONTROLLERS; i++) {
		if (!cgroup_has_word(there, controllers[i]) || cgroup_has_word(on, controllers[i]))
			continue;
		snprintf(word, sizeof(word), "+%s", controllers[i]);
		if (cgroup_write(fd, "cgroup.subtree_control", word) == -1)
			log_warning("cannot turn on the controller \"%s\" in the control group %s: "
				    "%s%s",
			    controllers[i], path, strerror(errno),
			    errno == EBUSY ? "; processes that are not anyfpm's are in it" : "");
		else if (enabled != NULL)
			enabled[i] = true;
	}
	free(there);
	free(on);
}

/* Remove name from dir_fd with all below it. Its processes are dead or dying. */
static bool
remove_group(int dir_fd, const char *name, int64_t give_up_us, unsigned int depth)
{
	const struct timespec pause = { 0, END_PAUSE_NS };
	int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct dirent *entry;
	DIR *list;

	if (fd == -1 || (list = fdopendir(fd)) == NULL) {
		fd_close(&fd);
		return errno == ENOENT;
	}
	while ((entry = readdir(list)) != NULL) {
		if (entry->d_type == DT_DIR && depth < DEPTH_MAX &&
		    strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			remove_group(fd, entry->d_name, give_up_us, depth + 1);
	}
	closedir(list);
	while (unlinkat(dir_fd, name, AT_REMOVEDIR) == -1) {
		if (errno != EBUSY || clock_now_us() >= give_up_us)
			return errno == ENOENT;
		nanosleep(&pause, NULL);
	}
	return true;
}

/* Kill and remove what there is of pools, of an earlier anyfpm's too. */
static void
remove_pools(const struct delegated *d)
{
	int64_t give_up_us = clock_now_us() + END_TIMEOUT_US;
	int list_fd = openat(d->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = list_fd != -1 ? fdopendir(list_fd) : NULL;
	char name[NAME_MAX + 16];
	struct dirent *entry;

	if (list == NULL) {
		fd_close(&list_fd);
		return;
	}
	while ((entry = readdir(list)) != NULL) {
		if (strncmp(entry->d_name, POOL_PREFIX, strlen(POOL_PREFIX)) != 0 ||
		    entry->d_type != DT_DIR)
			continue;
		snprintf(name, sizeof(name), "%s/cgroup.kill", entry->d_name);
		cgroup_write(d->fd, name, "1");
		if (!remove_group(d->fd, entry->d_name, give_up_us, 0))
			log_warning("cannot remove the control group %s/%s: %s", d->path,
			    entry->d_name, strerror(errno));
	}
	closedir(list);
}

/* Whether we are in the group at path. */
static bool
is_in(const char *path)
{
	char *text = cgroup_text(path, "cgroup.procs"), pid[16];
	bool found;

	snprintf(pid, sizeof(pid), "%ld", (long)getpid());
	found = text != NULL && cgroup_has_word(text, pid);
	free(text);
	return found;
}

/*
 * Make our own group and lock it, by a file that only we may open. One that is removed by another
 * anyfpm, which is just ending, is of no use.
 */
static bool
take(struct delegated *d)
{
	struct stat held, there;
	int own_fd = make(d->fd, d->path, OWN_NAME);

	if (own_fd == -1)
		return false;
	d->lock_fd = openat(own_fd, "cgroup.kill", O_WRONLY | O_CLOEXEC);
	fd_close(&own_fd);
	if (d->lock_fd != -1 && flock(d->lock_fd, LOCK_EX | LOCK_NB) == 0 &&
	    fstat(d->lock_fd, &held) == 0 &&
	    fstatat(d->fd, OWN_NAME "/cgroup.kill", &there, 0) == 0 && held.st_ino == there.st_ino)
		return true;
	log_error("cgroup: another anyfpm uses the control group %s, or did a moment ago", d->path);
	fd_close(&d->lock_fd);
	return false;
}

bool
delegated_enter(struct delegated *d, const struct conf *conf)
{
	bool is_own;

	d->fd = d->lock_fd = -1;
	if (conf->global.cgroup == NULL)
		return true;
	if (!find(conf->global.cgroup, d->path) || (d->fd = open_group(d->path)) == -1)
		return false;
	d->moved = is_in(d->path);
	is_own = strcmp(conf->global.cgroup, "own") == 0;
	if (is_own && !d->moved) /* a container that shows another part of the tree */
		log_error("cgroup = own: our own control group is not to be seen at %s", d->path);
	if ((is_own && !d->moved) || !take(d)) {
		fd_close(&d->fd);
		return false;
	}
	if (d->moved && cgroup_write(d->fd, OWN_NAME "/cgroup.procs", "0") == -1) {
		log_error("cannot move to the control group %s/%s: %s", d->path, OWN_NAME,
		    strerror(errno));
		d->moved = false;
		delegated_leave(d);
		return false;
	}
	remove_pools(d);
	enable(d->fd, d->path, d->enabled);
	return true;
}

int
delegated_pool(const struct delegated *d, const struct conf_pool *pool)
{
	char name[NAME_ROOM], path[CGROUP_PATH_MAX + NAME_ROOM];
	int fd;

	snprintf(name, sizeof(name), POOL_PREFIX "%s", pool->name);
	snprintf(path, sizeof(path), "%s/%s", d->path, name);
	if ((fd = make(d->fd, d->path, name)) == -1)
		return -1;
	enable(fd, path, NULL);
	if (!has_controllers(path, pool))
		fd_close(&fd);
	return fd;
}

void
delegated_pool_ended(int pool_fd, const struct place *place)
{
	char name[NAME_ROOM];

	for (uint32_t i = 0; pool_fd != -1 && i < place->slots; i++) {
		snprintf(name, sizeof(name), "%lu/cgroup.kill",
		    (unsigned long)place->first_slot + i);
		if (cgroup_write(pool_fd, name, "1") == -1 && errno != ENOENT)
			log_warning("cannot kill what is in a worker's control group: %s",
			    strerror(errno));
	}
}

void
delegated_leave(struct delegated *d)
{
	char word[32], own[CGROUP_PATH_MAX + NAME_ROOM];

	if (d->fd == -1)
		return;
	remove_pools(d);
	for (size_t i = 0; i < DELEGATED_CONTROLLERS; i++) {
		snprintf(word, sizeof(word), "-%s", controllers[i]);
		if (d->enabled[i])
			cgroup_write(d->fd, "cgroup.subtree_control", word);
	}
	/* The last process in it goes, or the group itself with the unit of systemd. */
	if (d->moved)
		cgroup_write(d->fd, "cgroup.procs", "0");
	snprintf(own, sizeof(own), "%s/%s", d->path, OWN_NAME);
	if (!is_in(own) && !remove_group(d->fd, OWN_NAME, clock_now_us() + END_TIMEOUT_US, 0))
		log_warning("cannot remove the control group %s: %s", own, strerror(errno));
	fd_close(&d->lock_fd);
	fd_close(&d->fd);
}
