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
#include "base/log.h"
#include "base/procstat.h"

#define END_TIMEOUT_US 1000000
#define END_PAUSE_NS 2000000

struct pid_list {
	pid_t *pids;
	size_t count, room;
};

/* Out of memory: the child is found by the next call. */
static void
add(struct pid_list *list, pid_t pid)
{
	if (list->count == list->room) {
		size_t room = list->room == 0 ? 64 : list->room * 2;
		pid_t *pids = realloc(list->pids, room * sizeof(*pids));

		if (pids == NULL)
			return;
		list->pids = pids;
		list->room = room;
	}
	list->pids[list->count++] = pid;
}

/* Add the children that a thread of ours has forked, or adopted as the main one does. */
static bool
add_of_thread(struct pid_list *list, const char *thread)
{
	char path[64];
	FILE *f;
	long pid;

	snprintf(path, sizeof(path), "/proc/self/task/%.16s/children", thread);
	if ((f = fopen(path, "re")) == NULL)
		return false;
	while (fscanf(f, "%ld", &pid) == 1)
		add(list, (pid_t)pid);
	fclose(f);
	return true;
}

/* The kernel's own lists, proc(5). */
static bool
list_from_children(struct pid_list *list)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	bool any = false;

	if (dir == NULL)
		return false;
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] != '.')
			any = add_of_thread(list, entry->d_name) || any;
	}
	closedir(dir);
	return any;
}

/* The list above is a kernel option. */
static void
list_from_stat(struct pid_list *list)
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
			add(list, pid);
	}
	closedir(dir);
}

static struct pid_list
list_children(void)
{
	struct pid_list list = { NULL, 0, 0 };

	if (!list_from_children(&list))
		list_from_stat(&list);
	return list;
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
	struct pid_list list = list_children();
	unsigned int killed = 0;

	for (size_t i = 0; i < list.count; i++) {
		if (!is_orphan(list.pids[i], arg))
			continue;
		kill(list.pids[i], SIGKILL);
		killed++;
	}
	free(list.pids);
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
