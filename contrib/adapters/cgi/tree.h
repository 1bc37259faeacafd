/* tree.h: a process and all that descend from it (base/kin.h), as one. */
#ifndef ANYFPM_CGI_TREE_H
#define ANYFPM_CGI_TREE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct tree_use {
	uint64_t memory; /* bytes that the processes have for themselves */
	uint64_t cpu_ms; /* of those that they have waited for, too */
};

/* What they use together; nothing, where they cannot be seen. */
struct tree_use tree_measure(pid_t root);

/* Send a signal to each of them. */
void tree_signal(pid_t root, int sig);

/* Kill them all. Before, each is stopped, so that none starts another that would be missed. */
void tree_kill(pid_t root);

#endif
