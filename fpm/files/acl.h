/* acl.h: who may write into a directory, by its mode and its access control list. Pure. */
#ifndef ANYFPM_FPM_FILES_ACL_H
#define ANYFPM_FPM_FILES_ACL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

struct acl_user {
	uid_t uid;
	const gid_t *groups;
	size_t group_count;
	bool every_group; /* there are more than are known: take any for one of his */
};

/*
 * Whether the user may write into the directory, or let himself; what everybody may is in its mode.
 * acl: the bytes of the attribute system.posix_acl_access (acl(5)), len 0: there is none. One that
 * cannot be understood counts as yes.
 */
bool acl_may_write(
    const struct stat *dir, const void *acl, size_t len, const struct acl_user *user);

#endif
