/* tree.c: a process and all that descend from it, by /proc/PID/task/TID/children (proc(5)). */
#include "config.h"

#include "contrib/adapters/cgi/tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/procstat.h"

/* Of stopping a tree, which may grow faster than it can be read. */
#define ROUNDS_MAX 100

struct tree {
	pid_t *pids;
	size_t count, room;
};

static bool
add(struct tree *tree, pid_t pid)
{
	if (tree->count == tree->room) {
		size_t room = tree->room > 0 ? 2 * tree->room : 16;
		pid_t *pids = reallocarray(tree->pids, room, sizeof(*pids));

		if (pids == NULL)
			return false;
		tree->pids = pids;
		tree->room = room;
	}
	tree->pids[tree->count++] = pid;
	return true;
}

static bool
add_children_of_thread(struct tree *tree, pid_t pid, const char *thread)
{
	char path[320];
	FILE *file;
	bool ok = true;
	int child;

	snprintf(path, sizeof(path), "/proc/%d/task/%s/children", (int)pid, thread);
	file = fopen(path, "re");
	while (ok && file != NULL && fscanf(file, "%d", &child) == 1)
		ok = add(tree, child);
	if (file != NULL)
		fclose(file);
	return ok;
}

static bool
add_children(struct tree *tree, pid_t pid)
{
	char path[64];
	struct dirent *entry;
	bool ok = true;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	if ((dir = opendir(path)) == NULL)
		return true; /* it has ended */
	while (ok && (entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			ok = add_children_of_thread(tree, pid, entry->d_name);
	closedir(dir);
	return ok;
}

/* The root, and then generation after generation; without memory, those that are known. */
static struct tree
read_tree(pid_t root)
{
	struct tree tree = {0};
	bool ok = add(&tree, root);

	for (size_t i = 0; ok && i < tree.count; i++)
		ok = add_children(&tree, tree.pids[i]);
	return tree;
}

bool
tree_is_visible(void)
{
	return access("/proc/thread-self/children", R_OK) == 0;
}

static uint64_t
memory_of(pid_t pid)
{
	char path[64];
	uint64_t memory;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		return 0;
	memory = procstat_memory(fd);
	close(fd);
	return memory;
}

struct tree_use
tree_measure(pid_t root)
{
	struct tree tree = read_tree(root);
	struct tree_use use = {0};
	struct procstat stat;
	uint64_t ticks = 0;

	for (size_t i = 0; i < tree.count; i++) {
		use.memory += memory_of(tree.pids[i]);
		if (procstat_read(tree.pids[i], &stat))
			ticks += stat.user_ticks + stat.system_ticks + stat.children_ticks;
	}
	free(tree.pids);
	use.cpu_ms = ticks * 1000 / (uint64_t)sysconf(_SC_CLK_TCK);
	return use;
}

static void
send(const struct tree *tree, int sig)
{
	for (size_t i = 0; i < tree->count; i++)
		kill(tree->pids[i], sig);
}

void
tree_signal(pid_t root, int sig)
{
	struct tree tree = read_tree(root);

	send(&tree, sig);
	free(tree.pids);
}

/* Whether the tree is as it was before, and nobody in it is about to start another. */
static bool
is_still(const struct tree *before, const struct tree *tree)
{
	struct procstat stat;

	if (tree->count != before->count)
		return false;
	for (size_t i = 0; i < tree->count; i++)
		if (tree->pids[i] != before->pids[i] ||
		    (procstat_read(tree->pids[i], &stat) && stat.state == 'R'))
			return false;
	return true;
}

void
tree_kill(pid_t root)
{
	static const struct timespec pause = {.tv_nsec = 1000000};
	struct tree before, tree = read_tree(root);
	bool still = false;

	for (int round = 0; !still && round < ROUNDS_MAX; round++) {
		if (round > 0)
			nanosleep(&pause, NULL);
		send(&tree, SIGSTOP);
		before = tree;
		tree = read_tree(root);
		still = is_still(&before, &tree);
		free(before.pids);
	}
	send(&tree, SIGKILL);
	free(tree.pids);
}
