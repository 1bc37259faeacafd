/* thread.h: what the threads of a process have in common. */
#ifndef ANYFPM_BASE_THREAD_H
#define ANYFPM_BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* Start a thread: its stack is small, and no signal is delivered to it. Returns 0, or an errno. */
int thread_start(pthread_t *thread, void *(*run)(void *), void *arg);

/* For the thread itself: what top(1) and ps(1) show for it, 15 bytes at most. */
void thread_set_name(const char *name);

/* A condition whose waits end by clock_now_us(), and such a wait, with the lock held: false when
 * at_us has come. It may return true for no reason, as pthread_cond_wait(3) does. */
void thread_cond_init(pthread_cond_t *cond);
bool thread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t at_us);

#endif
