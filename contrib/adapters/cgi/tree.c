/* tree.c: measures and ends a process with all that descend from it. */
#include "config.h"

#include "contrib/adapters/cgi/tree.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
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

/* Whether nobody in the tree is about to start another. */
static bool
is_stopped(const struct kin *tree)
{
	struct procstat stat;

	for (size_t i = 0; i < tree->count; i++)
		if (procstat_read(tree->pids[i], &stat) && stat.state == 'R')
			return false;
	return true;
}

static bool
is_same(const struct kin *one, const struct kin *other)
{
	return one->count == other->count && one->count > 0 &&
	    memcmp(one->pids, other->pids, one->count * sizeof(*one->pids)) == 0;
}

void
tree_kill(pid_t root)
{
	static const struct timespec pause = {.tv_nsec = 1000000};
	struct kin before, tree = kin_tree(root);
	int64_t until_us = clock_now_us() + STOP_MAX_US;
	bool whole;

	for (;;) {
		send(&tree, SIGSTOP);
		/* First whether they have stopped, then who is there: else one that forks between
		 * the two has a child that nobody knows. */
		whole = is_stopped(&tree);
		before = tree;
		tree = kin_tree(root);
		whole &= is_same(&before, &tree);
		free(before.pids);
		if (whole || clock_now_us() >= until_us)
			break;
		nanosleep(&pause, NULL);
	}
	send(&tree, SIGKILL);
	free(tree.pids);
}
