/* tree.c: measures and ends a process with all that descend from it. */
#include "config.h"

#include "contrib/adapters/cgi/tree.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/kin.h"
#include "base/procstat.h"

/* Of stopping a tree, which may grow faster than it can be read; on a machine that is overloaded
 * each process of it first has to get a CPU to stop. */
#define STOP_MAX_US 10000000

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
	int64_t until_us = clock_now_us() + STOP_MAX_US;
	bool still;

	for (;;) {
		send(&tree, SIGSTOP);
		before = tree;
		tree = kin_tree(root);
		still = is_still(&before, &tree);
		free(before.pids);
		if (still || clock_now_us() >= until_us)
			break;
		nanosleep(&pause, NULL);
	}
	send(&tree, SIGKILL);
	free(tree.pids);
}
