/* interpreter.h: what the kernel needs besides a program to execute it. */
#ifndef ANYFPM_CONF_INTERPRETER_H
#define ANYFPM_CONF_INTERPRETER_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Whether what runs the program is there, seen from root (rooted_open()): the interpreter in the
 * first line of a script, and what runs that; the loader of a dynamic executable. False with errno
 * and its name. What cannot be read is not judged.
 */
bool interpreter_exists(const char *root, const char *program, char *name, size_t size);

#endif
