/* path.h: paths as text. Pure: no file is looked at. */
#ifndef ANYFPM_CGI_PATH_H
#define ANYFPM_CGI_PATH_H

#include <stddef.h>

/*
 * What of an absolute path is below the directory, without slashes before it ("" for the directory
 * itself); NULL: it is not below. Names are compared as they are written; how many slashes separate
 * them does not matter.
 */
const char *path_below(const char *directory, const char *path);

/* The length of what stands before the last slash of path's first len bytes; 0: nothing. */
size_t path_parent(const char *path, size_t len);

/* The name behind the last slash. */
const char *path_name(const char *path);

/* The length of SCRIPT_NAME without the rest, which is PATH_INFO; all of it if it does not end so.
 */
size_t path_script_name(const char *script_name, const char *rest);

#endif
