/* child.c: the process of a script, and the pipes to it. */
#include "config.h"

#include "contrib/adapters/cgi/child.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"

void
child_close(struct child *child)
{
	fd_close(&child->in);
	fd_close(&child->out);
	fd_close(&child->err);
}

static int
set_attributes(posix_spawnattr_t *attributes, const sigset_t *mask)
{
	sigset_t defaults;
	int error;

	/* What we catch is the default again by itself, what we ignore is not. */
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	if ((error = posix_spawnattr_setsigdefault(attributes, &defaults)) != 0 ||
	    (error = posix_spawnattr_setsigmask(attributes, mask)) != 0)
		return error;
	return posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
}

/* theirs: their ends, above 2, so that none is overwritten before it is used. */
static int
set_actions(posix_spawn_file_actions_t *actions, const int *theirs, int dir)
{
	int error = posix_spawn_file_actions_addfchdir_np(actions, dir);

	for (int fd = 0; error == 0 && fd < 3; fd++)
		error = posix_spawn_file_actions_adddup2(actions, theirs[fd], fd);
	return error;
}

static int
spawn(pid_t *pid, const struct script *script, const int *theirs, char *const *env,
    const sigset_t *mask)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	char *argv[] = {script->path, NULL};
	int error;

	if ((error = posix_spawn_file_actions_init(&actions)) != 0)
		return error;
	if ((error = posix_spawnattr_init(&attributes)) == 0) {
		if ((error = set_attributes(&attributes, mask)) == 0 &&
		    (error = set_actions(&actions, theirs, script->dir)) == 0)
			error = posix_spawn(pid, script->name, &actions, &attributes, argv, env);
		posix_spawnattr_destroy(&attributes);
	}
	posix_spawn_file_actions_destroy(&actions);
	return error;
}

static int
open_pipe(int *reads, int *writes)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) == -1)
		return errno;
	*reads = ends[0];
	*writes = ends[1];
	return 0;
}

int
child_start(
    struct child *child, const struct script *script, char *const *env, const sigset_t *mask)
{
	int theirs[3] = {-1, -1, -1};
	int error;

	*child = (struct child){.in = -1, .out = -1, .err = -1};
	if ((error = open_pipe(&theirs[0], &child->in)) == 0 &&
	    (error = open_pipe(&child->out, &theirs[1])) == 0 &&
	    (error = open_pipe(&child->err, &theirs[2])) == 0)
		error = spawn(&child->pid, script, theirs, env, mask);
	for (int i = 0; i < 3; i++)
		fd_close(&theirs[i]);
	return error;
}
