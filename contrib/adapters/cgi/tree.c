/* tree.c: measures and ends a process with all that descend from it. */
#include "config.h"

#include "contrib/adapters/cgi/tree.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/kin.h"
#include "base/procstat.h"

/* Of stopping a tree, which may grow faster than it can be read. */
#define ROUNDS_MAX 100

struct tree_use
tree_measure(pid_t root)
{
	struct kin_use use;

	kin_measure_all(root, KIN_MEMORY, &use);
	return (struct tree_use){
	    .memory = use.memory,
	    .cpu_ms = (use.user_ticks + use.system_ticks) * 1000 / (uint64_t)sysconf(_SC_CLK_TCK),
	};
}

static void
send(const struct kin *tree, int sig)
{
	for (size_t i = 0; i < tree->count; i++)
		kill(tree->pids[i], sig);
}

void
tree_signal(pid_t root, int sig)
{
	struct kin tree = kin_tree(root);

	send(&tree, sig);
	free(tree.pids);
}

/* Whether the tree is as it was before, and nobody in it is about to start another. */
static bool
is_still(const struct kin *before, const struct kin *tree)
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
	struct kin before, tree = kin_tree(root);
	bool still = false;

	for (int round = 0; !still && round < ROUNDS_MAX; round++) {
		if (round > 0)
			nanosleep(&pause, NULL);
		send(&tree, SIGSTOP);
		before = tree;
		tree = kin_tree(root);
		still = is_still(&before, &tree);
		free(before.pids);
	}
	send(&tree, SIGKILL);
	free(tree.pids);
}
