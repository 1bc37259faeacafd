/* orphans.c: finds and kills the processes that a dead one left behind. */
#include "config.h"

#include "base/orphans.h"

#include <sys/prctl.h>
#include <sys/wait.h>

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/kin.h"
#include "base/log.h"
#include "base/procstat.h"

#define END_TIMEOUT_US 1000000
#define END_PAUSE_NS 2000000

/* Where the kernel has no lists of children. */
static void
add_by_parent(struct kin *kin)
{
	DIR *dir = opendir("/proc");
	struct procstat stat;
	struct dirent *entry;
	pid_t pid;

	if (dir == NULL)
		return;
	while ((entry = readdir(dir)) != NULL) {
		pid = (pid_t)strtol(entry->d_name, NULL, 10);
		if (pid > 0 && procstat_read(pid, &stat) && stat.parent == getpid())
			kin_add(kin, pid);
	}
	closedir(dir);
}

/* Out of memory: those that are missing are found by the next call. */
static struct kin
our_children(void)
{
	struct kin kin = {0};

	if (!kin_add_children(&kin, getpid()))
		add_by_parent(&kin);
	return kin;
}

void
orphans_adopt(void)
{
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == -1)
		log_warning("cannot adopt orphans (PR_SET_CHILD_SUBREAPER); what a crashed process "
			    "started may be left behind");
}

bool
orphans_has_child(void)
{
	siginfo_t info;

	return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

unsigned int
orphans_kill(bool (*is_orphan)(pid_t pid, void *arg), void *arg)
{
	struct kin children = our_children();
	unsigned int killed = 0;

	for (size_t i = 0; i < children.count; i++) {
		if (!is_orphan(children.pids[i], arg))
			continue;
		kill(children.pids[i], SIGKILL);
		killed++;
	}
	free(children.pids);
	return killed;
}

void
orphans_end(bool (*is_orphan)(pid_t pid, void *arg), void *arg)
{
	const struct timespec pause = { 0, END_PAUSE_NS };
	int64_t give_up_us = clock_now_us() + END_TIMEOUT_US;

	while (orphans_kill(is_orphan, arg) > 0) {
		while (waitpid(-1, NULL, WNOHANG) > 0)
			continue;
		if (clock_now_us() >= give_up_us)
			return;
		nanosleep(&pause, NULL);
	}
}

bool
orphans_env(pid_t pid, const char *name, char *value, size_t size)
{
	size_t len = strlen(name), room = 0;
	char path[64], *entry = NULL;
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%ld/environ", (long)pid);
	if ((f = fopen(path, "re")) == NULL)
		return false;
	while (!found && getdelim(&entry, &room, '\0', f) != -1)
		found = strncmp(entry, name, len) == 0 && entry[len] == '=';
	if (found)
		snprintf(value, size, "%s", entry + len + 1);
	free(entry);
	fclose(f);
	return found;
}
