/* library.h: where the library of pm.preload is. */
#ifndef ANYFPM_CONF_LIBRARY_H
#define ANYFPM_CONF_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The path that a program whose root directory is root (NULL: ours) finds it by: beside our binary
 * where that is not installed, else where it is installed. false with errno: it is not there or, of
 * our own root, cannot be read by who we are; path is the last that was looked for.
 */
bool library_find(const char *root, char *path, size_t size);

#endif
