/* exit.c: how a process ended, in words, from what waitid(2) says. */
#include "config.h"

#include "base/exit.h"

#include <stdio.h>
#include <string.h>

const char *
exit_describe(const siginfo_t *info, char buf[EXIT_TEXT_MAX])
{
	const char *dumped = info->si_code == CLD_DUMPED ? " - core dumped" : "";

	if (info->si_code == CLD_EXITED) {
		snprintf(buf, EXIT_TEXT_MAX, "exited with code %d", info->si_status);
		return buf;
	}
#ifdef HAVE_SIGABBREV_NP
	if (sigabbrev_np(info->si_status) != NULL) {
		snprintf(buf, EXIT_TEXT_MAX, "exited on signal %d (SIG%s%s)", info->si_status,
		    sigabbrev_np(info->si_status), dumped);
		return buf;
	}
#endif
	snprintf(buf, EXIT_TEXT_MAX, "exited on signal %d (%.24s%s)", info->si_status,
	    strsignal(info->si_status), dumped);
	return buf;
}

bool
exit_is_success(const siginfo_t *info)
{
	return info->si_code == CLD_EXITED && info->si_status == 0;
}
