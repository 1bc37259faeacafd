/*
 * hang.c: preloaded into anyfpm's processes, to let them hang without being stopped: SIGRTMIN + 2
 * does, until SIGRTMIN + 3. The kernel tells their parent nothing of that.
 */
#include <signal.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t hangs;

static void
hang(int signo)
{
	hangs = signo == SIGRTMIN + 2;
	while (hangs)
		pause();
}

static void __attribute__((constructor)) begin(void)
{
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	action.sa_handler = hang;
	action.sa_flags = SA_RESTART;
	sigaction(SIGRTMIN + 2, &action, NULL);
	sigaction(SIGRTMIN + 3, &action, NULL);
}
