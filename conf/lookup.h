/* lookup.h: what the names in a configuration stand for on this machine. */
#ifndef ANYFPM_CONF_LOOKUP_H
#define ANYFPM_CONF_LOOKUP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "conf/conf.h"

/*
 * What user, group, listen.owner and listen.group say: a name or a number. False: no such name.
 * *gid is the user's primary group when *has_group; a number may be in no password file.
 */
bool lookup_user(const char *name, uid_t *uid, gid_t *gid, bool *has_group);
bool lookup_group(const char *name, gid_t *gid);

/* Who the metrics process is: metrics_user, or nobody, if we are root; else NULL: who we are. */
const char *lookup_metrics_user(const struct conf *conf);

/* The PATH of a pool's workers: env[PATH], or the caller's (clear_env = no), or the default. */
#define LOOKUP_DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
const char *lookup_worker_path(const struct conf_pool *pool);

/* The file that a word of the pool's command may name, which is relative to chdir where that is
 * set. false: its path does not fit. */
bool lookup_word(const struct conf_pool *pool, const char *word, char *path, size_t size);

/*
 * The file that a program of the pool's (command, slowlog_command) is: as it stands when it has a
 * slash (then relative to chdir), else the first in *searched, the workers' PATH. False with errno,
 * and what was looked for in path. Paths are those within chroot, where that is set.
 */
bool lookup_program(const struct conf_pool *pool, const char *program, char *path, size_t size,
    const char **searched);

#endif
