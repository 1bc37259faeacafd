/*
 * service.h: what belongs to the service as a whole, of which the master hands each process of its
 * own a part. The master fills it in; seats, generations and metrics read it.
 */
#ifndef ANYFPM_FPM_START_SERVICE_H
#define ANYFPM_FPM_START_SERVICE_H

#include <stdbool.h>
#include <sys/resource.h>

#include "base/log.h"
#include "conf/conf.h"
#include "fpm/process/process.h"
#include "fpm/start/delegated.h"
#include "fpm/start/options.h"

struct event_base;
struct shared_list;

struct service {
	const struct options *options; /* what the command line asked for */
	struct conf *conf; /* held by the master; a reload exchanges it */
	struct event_base *base;
	struct process_list *running; /* processes of ours, see process/heartbeat.h */
	int exe_fd;             /* our own binary */
	struct rlimit nofile;   /* of descriptors as it was before we raised ours */
	int log_fd;             /* the error log */
	enum log_kind log_kind; /* a pool process opens other logs than a file itself */
	struct shared_list *sockets; /* that pools listen on */
	const char *rundir;     /* where pools' socket directories are made */
	struct delegated cgroup; /* in which workers have theirs, where the directive is set */
	bool is_withdrawn; /* drained as a whole: pools that are new are, too */
	bool is_starting; /* somebody waits for the word: who fails now is not tried again */
};

#endif
