/* oomscore.c: read and write our own oom_score_adj. */
#include "config.h"

#include "base/oomscore.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int
oomscore_open(void)
{
	return open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
}

bool
oomscore_set(int fd, int score)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%d\n", score);

	return pwrite(fd, text, (size_t)n, 0) == n;
}

bool
oomscore_raise(int fd, int score, int *before)
{
	char text[16];
	ssize_t n;

	if ((n = pread(fd, text, sizeof(text) - 1, 0)) == -1)
		return false;
	text[n] = '\0';
	errno = 0;
	return sscanf(text, "%d", before) == 1 && *before < score && oomscore_set(fd, score);
}
