/*
 * inside.c: a worker that tells what it is and may, as "NAME VALUE..." in a line each, and tries
 * whether it can leave its root directory. It asks the kernel alone: there may be no /proc. A query
 * "slow" takes 0.3 s.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcgiapp.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FDS 1024

/* Before libfcgi opens anything: what it was started with. */
static void
find_descriptors(char open_fds[FDS])
{
	for (int fd = 0; fd < FDS; fd++)
		open_fds[fd] = fcntl(fd, F_GETFD) != -1;
}

static void
tell_ids(FCGX_Stream *out)
{
	uid_t uids[3];
	gid_t gids[3], groups[256];
	int count = getgroups(256, groups);

	getresuid(&uids[0], &uids[1], &uids[2]);
	getresgid(&gids[0], &gids[1], &gids[2]);
	FCGX_FPrintF(out, "uid %d %d %d\n", (int)uids[0], (int)uids[1], (int)uids[2]);
	FCGX_FPrintF(out, "gid %d %d %d\ngroups", (int)gids[0], (int)gids[1], (int)gids[2]);
	for (int i = 0; i < count; i++)
		FCGX_FPrintF(out, " %d", (int)groups[i]);
	FCGX_FPrintF(out, "\n");
}

static void
tell_capabilities(FCGX_Stream *out)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {{0}};
	int ambient = 0;

	syscall(SYS_capget, &header, data);
	for (int cap = 0; cap < 64; cap++)
		ambient += prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, cap, 0, 0) == 1;
	FCGX_FPrintF(out, "effective %x %x\n", data[0].effective, data[1].effective);
	FCGX_FPrintF(out, "permitted %x %x\n", data[0].permitted, data[1].permitted);
	FCGX_FPrintF(out, "inheritable %x %x\n", data[0].inheritable, data[1].inheritable);
	FCGX_FPrintF(out, "ambient %d\n", ambient);
}

static void
tell_directory(FCGX_Stream *out, const char *name, const char *path)
{
	struct stat st;

	if (stat(path, &st) == 0)
		FCGX_FPrintF(out, "%s %llu %llu\n", name, (unsigned long long)st.st_dev,
		    (unsigned long long)st.st_ino);
	else
		FCGX_FPrintF(out, "%s %s\n", name, strerror(errno));
}

/* What programs do who know how: out by a directory above, by another chroot, by a descriptor. */
static void
try_to_leave(FCGX_Stream *out, const char open_fds[FDS])
{
	int directories = 0, left;
	struct stat st;

	for (int fd = 0; fd < FDS; fd++)
		directories += open_fds[fd] && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
	FCGX_FPrintF(out, "directories %d\n", directories);
	tell_directory(out, "above", "../../../../../../../..");
	left = chroot(".") == 0;
	FCGX_FPrintF(out, "chroot %s\n", left ? "done" : strerror(errno));
	FCGX_FPrintF(out, "unshare %s\n", unshare(CLONE_NEWNS) == 0 ? "done" : strerror(errno));
	FCGX_FPrintF(out, "become root %s\n", setuid(0) == 0 ? "done" : strerror(errno));
	FCGX_FPrintF(out, "kill 1 %s\n", kill(1, 0) == 0 ? "done" : strerror(errno));
}

int
main(void)
{
	static char open_fds[FDS];
	static char at_start[4096];
	struct rlimit core;
	FCGX_Request request;

	find_descriptors(open_fds);
	if (getcwd(at_start, sizeof(at_start)) == NULL)
		strcpy(at_start, "none");
	FCGX_Init();
	FCGX_InitRequest(&request, 0, 0);
	while (FCGX_Accept_r(&request) == 0) {
		FCGX_Stream *out = request.out;
		const char *query = FCGX_GetParam("QUERY_STRING", request.envp);

		if (query != NULL && strcmp(query, "slow") == 0)
			usleep(300000);
		FCGX_FPrintF(out, "Content-Type: text/plain\r\n\r\nprogram inside\ncwd %s\n",
		    at_start);
		tell_ids(out);
		tell_capabilities(out);
		FCGX_FPrintF(out, "descriptors");
		for (int fd = 0; fd < FDS; fd++) {
			if (open_fds[fd])
				FCGX_FPrintF(out, " %d", fd);
		}
		getrlimit(RLIMIT_CORE, &core);
		FCGX_FPrintF(out, "\ndumpable %d\nno_new_privs %d\ncore %lld\n",
		    prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0),
		    (long long)core.rlim_cur);
		tell_directory(out, "root", "/");
		try_to_leave(out, open_fds);
		FCGX_Finish_r(&request);
	}
	return 0;
}
