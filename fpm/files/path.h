/* path.h: a file's directory, held open so that nobody can replace it under us. */
#ifndef ANYFPM_FPM_FILES_PATH_H
#define ANYFPM_FPM_FILES_PATH_H

/*
 * Open the directory that path is in; *name becomes path's last component. Returns a descriptor
 * for the *at() calls and fstat(2), or -1 with errno (EISDIR: path ends in a slash).
 */
int path_open_dir(const char *path, const char **name);

#endif
