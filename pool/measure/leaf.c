/* leaf.c: make, fill, empty and ask the control groups of workers. */
#include "config.h"

#include "pool/measure/leaf.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cgroup.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/shared/place.h"
#include "conf/conf.h"

#define NAME_MAX_LEN 64

static const struct leaf *
find(const struct leaves *leaves, unsigned int slot)
{
	return slot >= leaves->first && slot - leaves->first < leaves->count
	    ? &leaves->all[slot - leaves->first] : NULL;
}

/* Write a limit, where there is one. False: it cannot be set; name says which. */
static bool
limit(int dir_fd, unsigned int slot, const char *file, uint64_t value, char name[NAME_MAX_LEN])
{
	char text[32];

	snprintf(name, NAME_MAX_LEN, "%u/%s", slot, file);
	snprintf(text, sizeof(text), "%" PRIu64, value);
	return value == 0 || cgroup_write(dir_fd, name, text) == 0;
}

/* False with errno, and in name what it was about. */
static bool
make(struct leaf *leaf, int dir_fd, unsigned int slot, const struct conf_pool *conf,
    char name[NAME_MAX_LEN])
{
	snprintf(name, NAME_MAX_LEN, "%u", slot);
	if (mkdirat(dir_fd, name, 0755) == -1 && errno != EEXIST)
		return false;
	/* Whatever the umask: it is read with fewer rights. */
	if (fchmodat(dir_fd, name, 0755, 0) == -1)
		return false;
	snprintf(name, NAME_MAX_LEN, "%u/cgroup.procs", slot);
	if ((leaf->procs_fd = openat(dir_fd, name, O_WRONLY | O_CLOEXEC)) == -1)
		return false;
	snprintf(name, NAME_MAX_LEN, "%u/cgroup.kill", slot);
	if ((leaf->kill_fd = openat(dir_fd, name, O_WRONLY | O_CLOEXEC)) == -1)
		return false;
	/* One process alone taken from it would leave a worker that waits for it. */
	return limit(dir_fd, slot, "memory.oom.group", conf->cgroup_memory_max > 0, name) &&
	    limit(dir_fd, slot, "memory.max", conf->cgroup_memory_max, name) &&
	    limit(dir_fd, slot, "pids.max", conf->cgroup_pids_max, name);
}

bool
leaf_init(struct leaves *leaves, int dir_fd, const struct place *place,
    const struct conf_pool *conf, char *why, size_t size)
{
	char name[NAME_MAX_LEN];

	leaves->dir_fd = dir_fd;
	leaves->first = place->first_slot;
	if ((leaves->all = calloc(place->slots, sizeof(*leaves->all))) == NULL) {
		snprintf(why, size, "out of memory");
		return false;
	}
	for (leaves->count = 0; leaves->count < place->slots; leaves->count++)
		leaves->all[leaves->count] = (struct leaf){ -1, -1 };
	for (unsigned int n = 0; n < leaves->count; n++) {
		if (make(&leaves->all[n], dir_fd, leaves->first + n, conf, name))
			continue;
		snprintf(why, size, "cannot make the control groups of workers: %s: %s", name,
		    strerror(errno));
		return false;
	}
	return true;
}

void
leaf_destroy(struct leaves *leaves)
{
	if (leaves->all == NULL)
		return;
	for (unsigned int n = 0; n < leaves->count; n++) {
		fd_close(&leaves->all[n].procs_fd);
		fd_close(&leaves->all[n].kill_fd);
	}
	fd_close(&leaves->dir_fd);
	free(leaves->all);
	*leaves = (struct leaves){ .dir_fd = -1 };
}

bool
leaf_is_free(const struct leaves *leaves, unsigned int slot)
{
	uint64_t populated = 0;
	int fd;

	/* Without an answer, to take it is better than to have no worker. */
	if ((fd = leaf_open(leaves, slot, "cgroup.events")) == -1)
		return true;
	if (!cgroup_read_key(fd, "populated", &populated))
		populated = 0;
	fd_close(&fd);
	return populated == 0;
}

int
leaf_entrance(const struct leaves *leaves, unsigned int slot)
{
	const struct leaf *leaf = find(leaves, slot);

	return leaf != NULL ? leaf->procs_fd : -1;
}

void
leaf_kill(const struct leaves *leaves, unsigned int slot)
{
	const struct leaf *leaf = find(leaves, slot);

	if (leaf != NULL && write(leaf->kill_fd, "1", 1) == -1)
		log_warning("cannot kill what is in the control group of slot %u: %s", slot,
		    strerror(errno));
}

int
leaf_open(const struct leaves *leaves, unsigned int slot, const char *name)
{
	char path[NAME_MAX_LEN];

	if (find(leaves, slot) == NULL) {
		errno = ENOENT;
		return -1;
	}
	snprintf(path, sizeof(path), "%u/%s", slot, name);
	return openat(leaves->dir_fd, path, O_RDONLY | O_CLOEXEC);
}
