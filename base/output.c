/* output.c: a descriptor that lines are written to, never waited for where that can be helped. */
#include "config.h"

#include "base/output.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdint.h>
#include <unistd.h>

void
output_set(struct output *out, int fd)
{
	struct stat st;
	int flags = fcntl(fd, F_GETFL);

	out->fd = fd;
	out->is_file = fstat(fd, &st) == 0 && (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode));
	out->blocks = flags == -1 || !(flags & O_NONBLOCK);
	/* Less one, for a line feed before it. Other processes' lines come between two writes. */
	out->limit = out->is_file ? SIZE_MAX : PIPE_BUF - 1;
	out->torn = false;
}

/* Leave out what is beyond limit bytes. */
static int
clip(struct iovec *iov, int count, size_t limit)
{
	for (int i = 0; i < count; i++) {
		if (iov[i].iov_len >= limit) {
			iov[i].iov_len = limit;
			return i + 1;
		}
		limit -= iov[i].iov_len;
	}
	return count;
}

/* Whether a write of up to out->limit bytes will not wait (pipe(7)). */
static bool
is_ready(const struct output *out)
{
	struct pollfd p = { .fd = out->fd, .events = POLLOUT };

	return poll(&p, 1, 0) != 0;
}

ssize_t
output_write(struct output *out, struct iovec *iov, int count)
{
	ssize_t n;

	if (!out->is_file) {
		count = clip(iov + 1, count, out->limit);
		if (out->blocks && !is_ready(out)) {
			errno = EAGAIN;
			return -1;
		}
	}
	iov[0].iov_base = (char[]){ '\n' };
	iov[0].iov_len = 1;
	do
		n = out->torn ? writev(out->fd, iov, count + 1) : writev(out->fd, iov + 1, count);
	while (n == -1 && errno == EINTR);
	if (n > 0 && out->torn) {
		out->torn = false;
		n--;
	}
	return n;
}
