/*
 * generation.h: one process of a pool's seat, with what it was started with: its configuration and
 * its socket directory. It knows its seat by a table of events only.
 */
#ifndef ANYFPM_FPM_SEAT_GENERATION_H
#define ANYFPM_FPM_SEAT_GENERATION_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/shared/place.h"
#include "conf/conf.h"
#include "fpm/files/rundir.h"
#include "fpm/files/users.h"
#include "fpm/process/process.h"
#include "fpm/process/respawn.h"
#include "fpm/saved/saved.h"
#include "fpm/seat/budget.h"
#include "fpm/seat/share.h"
#include "fpm/start/service.h"

enum generation_state {
	GENERATION_NEW,      /* has no process yet */
	GENERATION_STARTING, /* no worker of it has become ready */
	GENERATION_SERVING,  /* a worker of it has become ready; one that is held only waits */
	GENERATION_DRAINING, /* told to finish; killed when the timer expires */
	GENERATION_STOPPING, /* told to end at once; killed when the timer expires */
	GENERATION_ENDED     /* its process is gone */
};

struct generation;

/* What a generation says to its seat. */
struct generation_events {
	void (*begun)(void *seat); /* it was set up, whatever becomes of its workers */
	/* Its state, the number of its workers, or whether it answers or accepts has changed. */
	void (*moved)(void *seat);
	/* What pools share: MESSAGE_LACK, MESSAGE_RETURN, MESSAGE_OFFER or MESSAGE_MEMORY has come,
	 * with len bytes of data. */
	void (*shares)(struct generation *generation, const struct message *message, size_t len,
	    void *seat);
};

#define GENERATION_WHY_MAX 256

struct generation {
	TAILQ_ENTRY(generation) next; /* in the seat */
	const struct service *service;
	struct conf *conf; /* the configuration that it was started with; held */
	const struct conf_pool *pool; /* in it */
	const struct generation_events *events;
	void *seat;
	const struct place *place; /* the seat's, where no other generation is */

	enum generation_state state;
	struct process process; /* there is none exactly in GENERATION_NEW and GENERATION_ENDED; its
	                         * timer's meaning depends on the state */
	struct socket_dir dir;  /* open while there is a process */
	bool was_ready;         /* it reported a ready worker */
	bool is_withdrawn;      /* health checks of it fail, by order */
	bool is_held;           /* it is not to accept yet */
	bool accepts;           /* it was held, and has said that it accepts */
	bool is_leaving;        /* it was told to end, and has not said that it accepts no more */
	char why[GENERATION_WHY_MAX]; /* why it cannot serve, in its own words; empty: it did not say */

	unsigned int room;    /* workers that are another generation's, as it was told */
	bool gives_last;      /* likewise: its only worker, too */
	unsigned int workers; /* that count besides those, as it said */
	bool is_counted;      /* it has said so since it was told */

	/* For permits.c, where process.max is set. */
	struct share share;
	bool has_asked;    /* for permits, and has no answer */
	bool has_returned; /* some; an order may have crossed that */

	/* For memory.c, with pm = auto. */
	struct budget budget;
	unsigned int sharing; /* pools with pm = auto, as it was told */
};
TAILQ_HEAD(generation_list, generation);

/* A descriptor that a process gets. */
struct generation_fd {
	enum message_fd which;
	int fd; /* stays the caller's; -1: there is none */
};

/* In GENERATION_NEW, for a pool of conf. NULL: out of memory. */
struct generation *generation_new(const struct service *service, struct conf *conf,
    const struct conf_pool *pool, const struct place *place,
    const struct generation_events *events, void *seat);

/* There must be no process. */
void generation_free(struct generation *generation);

/*
 * Start its process as identity, give it its settings and these descriptors. false after having
 * logged why. One that could not be told is killed, and ends like any other. held: it accepts when
 * it is told to, and is killed if it is not ready to in time.
 */
bool generation_start(struct generation *generation, const struct identity *identity,
    const struct generation_fd *fds, size_t count, bool held);

/* Give it its end of a socketpair with the generation before it or, if it accepts, after it. */
void generation_pair(struct generation *generation, int fd);

/* The held one, which is ready, is to accept. */
void generation_accept(struct generation *generation);

/* Tell it to finish what it accepted, and to give the rest to its successor; is_last: nobody will
 * listen at its address any more. */
void generation_hand_over(struct generation *generation, bool is_last);

/* Tell it that so many of the pool's workers are another generation's, if that is new to it. */
void generation_tell_room(struct generation *generation, unsigned int room, bool even_last);

/* With pm = auto, tell its process how many bytes of memory workers may have, 0: not known, and how
 * many pools there are with pm = auto. false: it could not be told; logged. */
bool generation_tell_budget(
    struct generation *generation, uint64_t bytes, unsigned int sharing);

/* Tell it, for its status page, why what the last reload wanted is not in effect; empty: it is. */
void generation_tell_reload(struct generation *generation, const char *why);

/* From now on, or from its start on, its health checks fail, or do no longer. false: it could not
 * be told; logged. */
bool generation_withdraw(struct generation *generation, bool is_withdrawn);

/* Whether it accepts, or will, and was not told to end. */
bool generation_is_untold(const struct generation *generation);

/* Tell it to finish what it accepted, or to end now; it is told each once. */
void generation_drain(struct generation *generation);
void generation_stop(struct generation *generation);

/* Tell its process how many workers it may have. false: it could not be told; logged. */
bool generation_tell_permits(
    struct generation *generation, enum message_type type, uint32_t arg);

/* Give its process a descriptor that was opened again; what: of which. */
void generation_pass(
    struct generation *generation, enum message_fd which, int fd, const char *what);

/* Note it in saved, whose descriptors stay its own. false: out of memory. */
bool generation_save(const struct generation *generation, struct saved_generation *saved);

/* In GENERATION_NEW, which has saved's place: be what was saved, with its process and descriptors.
 * false: that cannot be, or out of memory; there is no process then. */
bool generation_adopt(struct generation *generation, const struct saved_generation *saved);

/* The kernel says that its process has ended: becomes GENERATION_ENDED. Returns how long to wait
 * before the seat's next one is started, microseconds. */
int64_t generation_exited(
    struct generation *generation, const siginfo_t *info, struct respawn *respawn);

#endif
