/* fork.h: the one fork of the pool process, and what a child that could not exec its program tells
 * its parent. */
#ifndef ANYFPM_POOL_WORKER_FORK_H
#define ANYFPM_POOL_WORKER_FORK_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>

struct pool;

/* That of a template (preload/template.h). */
#define FORK_CHANNEL_FD 63

enum fork_step {
	FORK_CGROUP,
	FORK_JAIL,
	FORK_DESCRIPTORS,
	FORK_LIMITS,
	FORK_PRIORITY,
	FORK_CHDIR,
	FORK_EXEC
};

struct fork_failure {
	enum fork_step step;
	int error; /* errno */
	int is_there; /* the program is, what runs it is not */
};

/* Everything that a child needs, made before the fork. Its descriptors are above 3. */
struct birth {
	const struct pool *pool;
	char **argv, **env;
	int exe_fd;	/* what to execute; -1: argv[0], as execvp(3) finds it */
	int fds[3];	/* become 0, 1 and 2; it gets no other but channel_fd */
	int leaf_fd;	/* its control group (leaf_entrance()), -1: ours */
	int exec_fd;	/* a struct fork_failure is written to it; the exec closes it */
	int channel_fd; /* becomes FORK_CHANNEL_FD, which programs hardly use themselves; 0: none */
	bool is_worker; /* has the limits and the priority of one, and may be traced */
};

/*
 * Fork and execute. The child leads its own process group and dies with us; it has default signals,
 * the pool's chroot (a worker), chdir, umask and no_new_privs. Returns its pid, or -1 with errno.
 */
pid_t fork_child(const struct birth *birth);

/* "cannot execute "/x/y": No such file or directory", in buf. */
const char *fork_explain(const struct fork_failure *failure, const char *program, char *buf,
    size_t size);

#endif
