/* birth.c: what a template is started with. */
#include "config.h"

#include "pool/template/birth.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "pool/conn/socket.h"
#include "pool/core/pool.h"
#include "pool/core/template.h"
#include "pool/measure/program.h"
#include "pool/template/wire.h"
#include "pool/worker/capture.h"
#include "pool/worker/fork.h"

#define PRELOAD "LD_PRELOAD="

/* The environment of the pool's workers, with what makes a template of one: `extra`, `count`
 * strings, and all but LD_PRELOAD of its own. NULL: out of memory. */
static char **
make_env(const struct pool *pool, char *const *extra, size_t count)
{
	char **from = pool->workers.program->env, **env;
	size_t n = 0;

	while (from[n] != NULL)
		n++;
	if ((env = calloc(n + count + 1, sizeof(*env))) == NULL)
		return NULL;
	n = 0;
	for (; *from != NULL; from++)
		if (strncmp(*from, PRELOAD, strlen(PRELOAD)) != 0)
			env[n++] = *from;
	memcpy(env + n, extra, count * sizeof(*env));
	return env;
}

/* LD_PRELOAD of env[], after the "="; NULL: there is none. */
static const char *
other_preload(const struct pool *pool)
{
	for (char **env = pool->workers.program->env; *env != NULL; env++)
		if (strncmp(*env, PRELOAD, strlen(PRELOAD)) == 0)
			return *env + strlen(PRELOAD);
	return NULL;
}

/* What it shares with us, and the fork. false with errno. */
static bool
give_birth(struct pool *pool, char **env)
{
	struct template *t = pool->workers.template;
	struct birth birth = {.pool = pool,
	    .argv = pool->conf->command,
	    .env = env,
	    .exe_fd = -1,
	    .leaf_fd = -1,
	    .is_worker = true};
	int out[2] = {-1, -1}, err[2] = {-1, -1}, exec[2] = {-1, -1}, channel[2] = {-1, -1};
	int path_fd = -1;

	t->pid = -1;
	if (socket_make(pool->workers.program, &t->listen_fd, &path_fd) == 0 &&
	    (t->probe_fd = socket_connect(path_fd)) != -1 && pipe2(out, O_CLOEXEC) == 0 &&
	    pipe2(err, O_CLOEXEC) == 0 && pipe2(exec, O_CLOEXEC | O_NONBLOCK) == 0 &&
	    template_wire_open(channel) == 0) {
		birth.fds[0] = t->listen_fd;
		birth.fds[1] = out[1];
		birth.fds[2] = err[1];
		birth.exec_fd = exec[1];
		birth.channel_fd = channel[1];
		t->pid = fork_child(&birth);
	}
	fd_close(&path_fd);
	fd_close(&out[1]);
	fd_close(&err[1]);
	fd_close(&exec[1]);
	fd_close(&channel[1]);
	if (t->pid == -1) {
		fd_close(&out[0]);
		fd_close(&err[0]);
		fd_close(&exec[0]);
		fd_close(&channel[0]);
		fd_close(&t->listen_fd);
		fd_close(&t->probe_fd);
		return false;
	}
	t->exec_fd = exec[0];
	t->sock = channel[0];
	capture_init(&t->captures, pool, NULL, &t->pid);
	capture_open(&t->captures, out[0], err[0]);
	capture_born(&t->captures);
	return true;
}

bool
template_birth(struct pool *pool, const char *library)
{
	const char *other = other_preload(pool);
	char slot[] = TEMPLATE_SLOT_ENV "=" TEMPLATE_SLOT_TEXT;
	char channel[32], *preload, **env;
	bool is_born;

	if (asprintf(&preload, PRELOAD "%s%s%s", library, other != NULL ? ":" : "",
		other != NULL ? other : "") == -1)
		return false;
	snprintf(channel, sizeof(channel), TEMPLATE_FD_ENV "=%d", FORK_CHANNEL_FD);
	env = make_env(pool, (char *[]){preload, channel, slot}, 3);
	is_born = env != NULL && give_birth(pool, env);
	free(env);
	free(preload);
	return is_born;
}
