/* load.h: build a configuration whole out of a file, a text or a command line, and free it. */
#ifndef ANYFPM_CONF_LOAD_H
#define ANYFPM_CONF_LOAD_H

#include <stdbool.h>
#include <stddef.h>

#include "conf/conf.h"

/*
 * Read and check the file at path. prefix (-p), or NULL, is what relative paths in it are
 * relative to (default: the installation's prefix, as php-fpm); allow_root (-R), that pools may
 * run as root. Returns a configuration that load_free() takes, or NULL with at least one line in
 * errors.
 */
struct conf *load_file(
    const char *path, const char *prefix, bool allow_root, struct errors *errors);

/* The same for text in memory; name stands for the file in messages. Includes are refused. Used
 * by the pool process for the master's settings, by the fuzzer and by tests. */
struct conf *load_text(const char *text, size_t len, const char *name, struct errors *errors);

/* The pid file that the file at path names, whatever is wrong in the rest of it; to be freed. NULL:
 * there is none, perhaps because of errors. */
char *load_pid_path(const char *path, const char *prefix, struct errors *errors);

/*
 * The quick form: one static pool "default" that listens on address and runs argv with the
 * caller's environment, in the foreground; what they print is logged. workers 0: as many as there
 * are CPUs.
 */
struct conf *load_quick(const char *address, unsigned int workers, char *const argv[],
    bool allow_root, struct errors *errors);

/* One more holds conf, and calls load_free() for it. Returns conf. */
struct conf *load_hold(struct conf *conf);

/* One holds it less; the last one frees it. Takes NULL as well. */
void load_free(struct conf *conf);

#endif
