/* oomscore.h: how soon the kernel takes us when memory runs out (oom_score_adj, proc(5)). */
#ifndef ANYFPM_BASE_OOMSCORE_H
#define ANYFPM_BASE_OOMSCORE_H

#include <stdbool.h>

/* Open our own; -1 with errno. To be called while /proc/self is ours (PR_SET_DUMPABLE, prctl(2)).
 */
int oomscore_open(void);

/*
 * Raise it to score, -1000 to 1000; one that is as high already stays. True: it was raised, and
 * *before is what it was. False: it was not, or it could not be, then with errno, else errno is 0.
 */
bool oomscore_raise(int fd, int score, int *before);

/* Set it; false with errno. Without privileges it cannot be set lower than it was when the last one
 * who had them set it. */
bool oomscore_set(int fd, int score);

#endif
