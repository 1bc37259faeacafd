/* exit.h: how a process ended, in words. */
#ifndef ANYFPM_BASE_EXIT_H
#define ANYFPM_BASE_EXIT_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#define EXIT_TEXT_MAX 64

/* "exited with code 1", "exited on signal 11 (SIGSEGV - core dumped)": the words of php-fpm. */
const char *exit_describe(const siginfo_t *info, char buf[EXIT_TEXT_MAX]);

/* Whether it ended by itself, with status 0. */
bool exit_is_success(const siginfo_t *info);

#endif
