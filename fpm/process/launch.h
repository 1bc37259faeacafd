/* launch.h: the birth of a process that runs our own binary. */
#ifndef ANYFPM_FPM_PROCESS_LAUNCH_H
#define ANYFPM_FPM_PROCESS_LAUNCH_H

#include <stdbool.h>
#include <sys/types.h>

struct rlimit;

/* Our own binary, for launch(): a descriptor, or -1 after having logged why. */
int launch_open_exe(void);

/* Whether there is the /dev/null that launch() needs; false after having logged what to do. */
bool launch_check_null(void);

/*
 * Fork and execute a binary, open as exe_fd, in a session of its own, with arguments argv and
 * environment envp. It gets /dev/null, log_fd twice and sock as descriptors 0 to 3, the limit of
 * descriptors nofile, and nothing else. Returns its process id once it has been executed, or -1
 * with errno.
 */
pid_t launch(int exe_fd, char *const argv[], char *const envp[], int sock, int log_fd,
    const struct rlimit *nofile);

/* Execute a binary, open as exe_fd, in place of this process. Returns if it fails, with errno. */
void launch_execute(int exe_fd, char *const argv[], char *const envp[]);

/* Raise our own limit of descriptors as far as it goes; *before becomes what it was. */
void launch_raise_nofile(struct rlimit *before);

#endif
