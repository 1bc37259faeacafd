/* rooted.h: a path as it is seen from another root directory (chroot). */
#ifndef ANYFPM_CONF_ROOTED_H
#define ANYFPM_CONF_ROOTED_H

/*
 * Open what path leads to for a process whose root directory is root, its links included; nothing
 * outside of it is reached. A relative path starts from root. root NULL: our own, and where we are.
 * Returns a descriptor that only names the file (O_PATH), or -1 with errno.
 */
int rooted_open(const char *root, const char *path);

#endif
