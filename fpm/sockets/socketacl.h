/* socketacl.h: the access control list of a socket file. */
#ifndef ANYFPM_FPM_SOCKETS_SOCKETACL_H
#define ANYFPM_FPM_SOCKETS_SOCKETACL_H

#include <stdbool.h>

/*
 * Let users and groups (names or numbers, NULL at the end, or NULL: none) read and write the file,
 * besides whom its mode lets. 0, or -1 with errno: EOPNOTSUPP where there can be no list, EINVAL
 * for a name that does not exist.
 */
int socketacl_set(const char *path, char *const *users, char *const *groups);

/* Take such a list from the file, if it has one. */
void socketacl_clear(const char *path);

/* Whether files in the directory can have one; false with errno. */
bool socketacl_possible(const char *path);

#endif
