/* main.h: the pool process from outside. */
#ifndef ANYFPM_POOL_MAIN_H
#define ANYFPM_POOL_MAIN_H

/* A process whose argv[0] begins with this is a pool process; "ps" shows the pool's name. */
#define POOL_ARGV0 "anyfpm: pool "

/*
 * Be the pool process: read the settings from descriptor MESSAGE_FILENO, drop to the pool's user,
 * serve until told to stop. The master has arranged descriptors 0 to 3 (/dev/null, error log,
 * error log, socketpair) and nothing else. Returns the exit code.
 */
int pool_main(const char *name);

#endif
