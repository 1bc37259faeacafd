/* kin.c: finds the processes that descend from another, and adds up what they use. */
#include "config.h"

#include "base/kin.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/procstat.h"

/* Of measuring: processes, and threads of each whose children are looked for. */
#define KIN_MAX 128
#define THREADS_MAX 256

bool
kin_is_visible(void)
{
	return access("/proc/thread-self/children", R_OK) == 0;
}

void
kin_add(struct kin *kin, pid_t pid)
{
	if (kin->count == kin->room) {
		size_t room = kin->room > 0 ? 2 * kin->room : 16;
		pid_t *pids = reallocarray(kin->pids, room, sizeof(*pids));

		if (pids == NULL)
			return;
		kin->pids = pids;
		kin->room = room;
	}
	kin->pids[kin->count++] = pid;
}

void
kin_parse(struct kin *kin, const char *text, size_t len, pid_t *part)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] >= '0' && text[i] <= '9') {
			*part = *part * 10 + (text[i] - '0');
			continue;
		}
		if (*part > 0)
			kin_add(kin, *part);
		*part = 0;
	}
}

static bool
add_list(struct kin *kin, int dir, const char *path)
{
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	char text[4096];
	pid_t part = 0;
	ssize_t n;

	if (fd == -1)
		return false;
	while ((n = read(fd, text, sizeof(text))) > 0)
		kin_parse(kin, text, (size_t)n, &part);
	close(fd);
	return n == 0;
}

/* dir: that of the process in /proc. */
static bool
add_lists(struct kin *kin, int dir, unsigned int threads_max)
{
	int fd = openat(dir, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *tasks = fd != -1 ? fdopendir(fd) : NULL;
	struct dirent *entry;
	unsigned int threads = 0;
	char path[280];
	bool any = false;

	if (tasks == NULL) {
		fd_close(&fd);
		return false;
	}
	while (threads < threads_max && (entry = readdir(tasks)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/children", entry->d_name);
		any |= add_list(kin, dirfd(tasks), path);
		threads++;
	}
	closedir(tasks);
	return any;
}

/* What is opened below it is that process's, whoever gets its number. */
static int
open_process(pid_t pid)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

bool
kin_add_children(struct kin *kin, pid_t pid)
{
	int dir = open_process(pid);
	bool any;

	if (dir == -1)
		return false;
	any = add_lists(kin, dir, ~0U);
	close(dir);
	return any;
}

struct kin
kin_tree(pid_t root)
{
	struct kin kin = {0};

	kin_add(&kin, root);
	for (size_t i = 0; i < kin.count; i++)
		kin_add_children(&kin, kin.pids[i]);
	return kin;
}

struct member {
	size_t parent;		       /* which of them */
	struct procstat_memory memory; /* all zero: not looked at */
};

struct walk {
	struct kin kin; /* the first is the one whose descendants are looked for */
	struct member members[KIN_MAX];
	enum kin_what what;
	struct kin_use *use;
};

static bool
read_stat(int dir, struct procstat *stat)
{
	int fd = openat(dir, "stat", O_RDONLY | O_CLOEXEC);
	bool ok = fd != -1 && procstat_read_fd(fd, stat);

	fd_close(&fd);
	return ok;
}

static void
read_memory(int dir, struct procstat_memory *memory)
{
	int fd = openat(dir, "status", O_RDONLY | O_CLOEXEC);

	if (fd == -1)
		return;
	procstat_memory_read(fd, memory);
	close(fd);
}

/* After vfork(2), until it executes a program. */
static bool
is_memory_of(const struct procstat_memory *a, const struct procstat_memory *b)
{
	return a->resident > 0 && a->resident == b->resident && a->anonymous == b->anonymous &&
	    a->shared == b->shared && a->swapped == b->swapped;
}

static uint64_t
memory_of(const struct walk *walk, size_t i)
{
	const struct member *m = &walk->members[i];
	struct procstat_memory shares;
	uint64_t share = 0;

	if (i > 0 && is_memory_of(&m->memory, &walk->members[m->parent].memory))
		return 0;
	if (walk->what == KIN_SHARE) {
		procstat_shares_read(walk->kin.pids[i], &shares);
		share = procstat_memory_sum(&shares);
	}
	return share > 0 ? share : procstat_memory_sum(&m->memory);
}

/* Its own, and its children to the list. What it has waited for is read before it is seen who
 * lives: one that ends between is missing, none is counted twice. */
static void
look(struct walk *walk, size_t i, bool counts)
{
	struct member *m = &walk->members[i];
	struct kin *kin = &walk->kin;
	size_t first = kin->count;
	int dir = open_process(kin->pids[i]);
	struct procstat stat;
	char path[32];

	if (dir == -1)
		return;
	if (!read_stat(dir, &stat) || (i > 0 && stat.parent != kin->pids[m->parent])) {
		close(dir); /* its number is another's, or it has lost its parent */
		return;
	}
	snprintf(path, sizeof(path), "task/%d/children", (int)kin->pids[i]);
	if (stat.threads == 1)
		add_list(kin, dir, path);
	else
		add_lists(kin, dir, THREADS_MAX);
	for (size_t child = first; child < kin->count && child < KIN_MAX; child++)
		walk->members[child].parent = i;
	if (walk->what != KIN_CPU && (counts || kin->count > first))
		read_memory(dir, &m->memory);
	close(dir);
	if (!counts)
		return;
	walk->use->count++;
	walk->use->user_ticks += stat.user_ticks + stat.children_user_ticks;
	walk->use->system_ticks +=
	    stat.system_ticks + stat.children_ticks - stat.children_user_ticks;
	if (walk->what != KIN_CPU)
		walk->use->memory += memory_of(walk, i);
}

static void
measure(pid_t root, bool with_root, enum kin_what what, struct kin_use *use)
{
	struct walk walk = {.what = what, .use = use};

	*use = (struct kin_use){0};
	kin_add(&walk.kin, root);
	for (size_t i = 0; i < walk.kin.count && i < KIN_MAX; i++)
		look(&walk, i, i > 0 || with_root);
	free(walk.kin.pids);
}

void
kin_measure(pid_t root, enum kin_what what, struct kin_use *use)
{
	measure(root, false, what, use);
}

void
kin_measure_all(pid_t root, enum kin_what what, struct kin_use *use)
{
	measure(root, true, what, use);
}

void
kin_grow(struct kin_growth *growth, uint64_t now)
{
	if (now < growth->last && !growth->fell) {
		growth->fell = true;
		return;
	}
	if (now > growth->last)
		growth->sum += now - growth->last;
	growth->last = now;
	growth->fell = false;
}
