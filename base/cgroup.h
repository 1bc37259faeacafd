/*
 * cgroup.h: the files of control groups, those of version 2 as the kernel's
 * Documentation/admin-guide/cgroup-v2.rst has them.
 */
#ifndef ANYFPM_BASE_CGROUP_H
#define ANYFPM_BASE_CGROUP_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/quota.h"

/* Room for a directory below a mount. */
#define CGROUP_PATH_MAX (2 * PATH_MAX)

/* The text of dir/name, to be freed; NULL with errno: there is none. */
char *cgroup_text(const char *dir, const char *name);

/* Write text, which has no null character, to the file name in an open directory. 0, or -1 with
 * errno. */
int cgroup_write(int dir_fd, const char *name, const char *text);

/* The number in the line "KEY NUMBER" of text; false: there is no such line. */
bool cgroup_key(const char *text, const char *key, uint64_t *value);

/* The same from an open file, of whose first 4 KB it has to be. */
bool cgroup_read_key(int fd, const char *key, uint64_t *value);

/* Whether a list of words, separated by blanks or in lines of their own, has the word. */
bool cgroup_has_word(const char *text, const char *word);

/*
 * The directory of the control group that the process is in which proc (/proc/self) shows. False:
 * it is in none of version 2, or that is not mounted where it could be seen.
 */
bool cgroup_own(const char *proc, char path[CGROUP_PATH_MAX]);

/* The same of a hierarchy of any version. */
bool cgroup_of(const char *proc, enum quota_version version, char path[CGROUP_PATH_MAX]);

/* From a directory to the one above it; false: there is none. */
bool cgroup_up(char path[CGROUP_PATH_MAX]);

#endif
