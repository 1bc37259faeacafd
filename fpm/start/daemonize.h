/* daemonize.h: into the background, with whoever started us waiting for the outcome. */
#ifndef ANYFPM_FPM_START_DAEMONIZE_H
#define ANYFPM_FPM_START_DAEMONIZE_H

#include <stdbool.h>

/*
 * Become a daemon: a session of our own that can have no terminal. Returns in the daemon alone,
 * with the descriptor to report on, or -1 with errno; the caller's process waits for the report
 * and exits with it.
 */
int daemonize(void);

/* Report the code that whoever started us exits with. */
void daemonize_report(int report_fd, int code);

/*
 * Let go of the terminal: input is /dev/null, output is log_fd. The working directory stays,
 * because workers start in it, those of a pool process that was replaced too.
 */
void daemonize_detach(int log_fd);

/* Of a process that stays in the foreground: whether it has a terminal whose hang-up is meant for
 * it, which nohup(1) denies. */
bool daemonize_obeys_terminal(void);

#endif
