/*
 * generation.h: one process of a pool's seat, with what it was started with: its configuration and
 * its socket directory. It knows its seat by a table of events only.
 */
#ifndef ANYFPM_FPM_GENERATION_H
#define ANYFPM_FPM_GENERATION_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/shared/place.h"
#include "conf/conf.h"
#include "fpm/files/rundir.h"
#include "fpm/files/users.h"
#include "fpm/process/process.h"
#include "fpm/process/respawn.h"
#include "fpm/service.h"

enum generation_state {
	GENERATION_NEW,      /* has no process yet */
	GENERATION_STARTING, /* no worker of it has become ready */
	GENERATION_SERVING,  /* a worker of it has become ready */
	GENERATION_DRAINING, /* told to finish; killed when the timer expires */
	GENERATION_STOPPING, /* told to end at once; killed when the timer expires */
	GENERATION_ENDED     /* its process is gone */
};

/* What a generation says to its seat. */
struct generation_events {
	void (*begun)(void *seat); /* it was set up, whatever becomes of its workers */
	void (*moved)(void *seat); /* its state has changed */
	/* MESSAGE_LACK, MESSAGE_RETURN or MESSAGE_OFFER has come, with len bytes of data. */
	void (*permits)(const struct message *message, size_t len, void *seat);
};

struct generation {
	const struct service *service;
	const struct conf *conf; /* the configuration that it was started with */
	const struct conf_pool *pool; /* in it */
	const struct generation_events *events;
	void *seat;
	const struct place *place; /* the seat's, where no other generation is */

	enum generation_state state;
	struct process process; /* there is none exactly in GENERATION_NEW and GENERATION_ENDED; its
	                         * timer's meaning depends on the state */
	struct socket_dir dir;  /* open while there is a process */
	bool was_ready;         /* it reported a ready worker */
};

/* A descriptor that a process gets. */
struct generation_fd {
	enum message_fd which;
	int fd; /* stays the caller's; -1: there is none */
};

/* In GENERATION_NEW, for a pool of the service's configuration. NULL: out of memory. */
struct generation *generation_new(const struct service *service, const struct conf_pool *pool,
    const struct place *place, const struct generation_events *events, void *seat);

/* There must be no process. */
void generation_free(struct generation *generation);

/*
 * Start its process as identity, give it its settings and these descriptors. false after having
 * logged why. One that could not be told is killed, and ends like any other.
 */
bool generation_start(struct generation *generation, const struct identity *identity,
    const struct generation_fd *fds, size_t count);

/* Tell it to finish what it accepted, or to end now; it is told each once. */
void generation_drain(struct generation *generation);
void generation_stop(struct generation *generation);

/* Tell its process how many workers it may have. false: it could not be told; logged. */
bool generation_tell_permits(
    struct generation *generation, enum message_type type, uint32_t arg);

/* Give its process a descriptor that was opened again; what: of which. */
void generation_pass(
    struct generation *generation, enum message_fd which, int fd, const char *what);

/* The kernel says that its process has ended: becomes GENERATION_ENDED. Returns how long to wait
 * before the seat's next one is started, microseconds. */
int64_t generation_exited(
    struct generation *generation, const siginfo_t *info, struct respawn *respawn);

#endif
