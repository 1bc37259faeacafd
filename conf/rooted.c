/* rooted.c: a path as it is seen from another root directory (chroot). */
#include "config.h"

#include "conf/rooted.h"

#include <linux/openat2.h>
#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int
rooted_open(const char *root, const char *path)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
	int fd, root_fd, saved;

	if (root == NULL)
		return open(path, O_PATH | O_CLOEXEC);
	if ((root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC)) == -1)
		return -1;
	fd = (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
	saved = errno;
	close(root_fd);
	errno = saved;
	return fd;
}
