/* gather.c: collects the lines of an answer to COMMAND_STATUS. */
#include "config.h"

#include "fpm/control/gather.h"

#include <fcntl.h>
#include <stdio.h>

#include "base/fd.h"
#include "base/kin.h"
#include "base/procstat.h"
#include "fpm/control/asking.h"

/* A pool process that has no limit of memory to watch does not measure it: it is asked for here, of a
 * process that is its child. */
static void
measure_workers(json_t *page)
{
	json_int_t pool = json_integer_value(json_object_get(page, "page"));
	bool is_forked = json_object_get(page, "template process") != NULL;
	struct procstat_memory shares;
	struct kin_use use, shared;
	uint64_t memory, share;
	struct procstat stat;
	char path[64];
	json_t *worker;
	size_t i;
	pid_t pid;
	int fd;

	json_array_foreach (json_object_get(page, "processes"), i, worker) {
		pid = (pid_t)json_integer_value(json_object_get(worker, "pid"));
		if (json_integer_value(json_object_get(worker, "memory")) != 0 || pid <= 0 ||
		    !procstat_read(pid, &stat) || stat.parent != pool)
			continue;
		snprintf(path, sizeof(path), "/proc/%ld/status", (long)pid);
		if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
			continue;
		memory = share = procstat_memory(fd);
		fd_close(&fd);
		kin_measure(pid, KIN_MEMORY, &use);
		if (is_forked || use.memory > 0) {
			procstat_shares_read(pid, &shares);
			share = procstat_memory_sum(&shares);
		}
		if (use.memory > 0 && share > 0) {
			kin_measure(pid, KIN_SHARE, &shared);
			share += shared.memory;
		}
		memory += use.memory;
		json_object_set_new(worker, "memory", json_integer((json_int_t)memory));
		json_object_set_new(worker, "memory share",
		    json_integer((json_int_t)(share > 0 ? share : memory)));
	}
}

static void
on_line(json_t *object, void *arg)
{
	struct show_status *status = arg;

	if (json_object_get(object, "page") != NULL) {
		measure_workers(object);
		json_array_append(status->pages, object);
	} else if (json_object_get(object, "master") != NULL)
		json_object_update(status->service, object);
	else if (json_object_get(object, "pool") != NULL)
		json_array_append(status->pools, object);
}

int
gather_status(const char *pid_path, const struct command_request *request,
    struct show_status *status, char *why, size_t size)
{
	*status = (struct show_status){
	    .service = json_object(), .pools = json_array(), .pages = json_array()};
	return asking_do(pid_path, request, on_line, status, why, size);
}

void
gather_free(struct show_status *status)
{
	json_decref(status->service);
	json_decref(status->pools);
	json_decref(status->pages);
	*status = (struct show_status){0};
}
