/*
 * message.h: what the master and its other processes, those of pools and of metrics, say to each
 * other.
 *
 * One SOCK_SEQPACKET socketpair per process; it is descriptor MESSAGE_FILENO there. Each
 * message is one packet: a type, an argument, and up to MESSAGE_DATA_MAX bytes of text; at most
 * one descriptor travels with it.
 *
 * Start-up, master to pool process: any number of MESSAGE_SETTINGS (pieces of the text that -tt
 * prints for [global] and this one pool), one MESSAGE_FD for each descriptor, then MESSAGE_START
 * (arg: enum message_start, data: struct place).
 *
 * A reload, where a generation serves: it is told by MESSAGE_ROOM that one of its workers' places
 * is wanted, and says by MESSAGE_WORKERS when it is free. Its successor is started with START_HOLD,
 * and is READY when it has a worker that is. Then both get an end of a socketpair
 * (MESSAGE_FD_HANDOVER), and the successor MESSAGE_ROOM and MESSAGE_ACCEPT. When it says that it
 * does (MESSAGE_ACCEPTING), the old one gets MESSAGE_HAND_OVER, and from its MESSAGE_LEFT on whatever
 * is new is the successor's. As its workers go, the old one says MESSAGE_WORKERS, and the successor
 * is told by MESSAGE_ROOM. A successor that cannot serve says MESSAGE_FAILED and ends, and the old
 * one serves on (MESSAGE_ROOM with 0), as where it dies at any time before MESSAGE_ACCEPTING.
 *
 * The metrics process gets MESSAGE_POOL and MESSAGE_POOL_STATE for each pool, its listening socket,
 * and MESSAGE_START (data: the user to become, empty: nobody else). It says MESSAGE_READY (arg 0)
 * or MESSAGE_FAILED, and answers MESSAGE_PING, nothing else.
 * A master may be of a newer version than its processes, until all have been replaced: what is added
 * is added at the end, and what means something else from then on is an upgrade's limit
 * (SAVED_FORMAT, fpm/saved/saved.h).
 *
 * End of file without MESSAGE_DRAIN or MESSAGE_STOP before it means that the other side crashed.
 */
#ifndef ANYFPM_BASE_SHARED_MESSAGE_H
#define ANYFPM_BASE_SHARED_MESSAGE_H

#include <stdint.h>
#include <sys/types.h>

#define MESSAGE_FILENO 3
#define MESSAGE_DATA_MAX 16384

enum message_type {
	/* master -> pool process */
	MESSAGE_SETTINGS = 1, /* data: a piece of the settings' text, in order */
	MESSAGE_FD,	      /* arg: enum message_fd; the descriptor is passed along */
	MESSAGE_START,	      /* everything has been sent: serve */
	MESSAGE_DRAIN,	      /* finish what was accepted, queued requests too, then exit 0 */
	MESSAGE_STOP,	      /* end everything now, then exit 0 */
	MESSAGE_PERMIT,       /* arg: so many workers more may exist (process.max); 0: none now */
	MESSAGE_CALL,	      /* arg: enum message_call; what was offered and ordered is void */
	MESSAGE_ACCEPT,	      /* it was started with START_HOLD: accept from now on */
	MESSAGE_HAND_OVER,    /* like MESSAGE_DRAIN, while the successor accepts: connections without an
			       * open request are given to it; workers are ended as they become
			       * idle; arg 1: nobody listens at its address any more, what waits
			       * there is to be accepted first */
	MESSAGE_ROOM,	      /* arg: so many of pm.max_children + pm.max_surge workers are, or will
			       * be, other generations'; one is left to it all the same, unless
			       * data is not empty: then it serves with none for a while, where
			       * another has to have the only place. MESSAGE_HAND_OVER ends that */
	MESSAGE_RECLAIM,      /* arg: so many workers in all are to be ended of those offered, and
			       * their permits given back; those are then off both counts */
	MESSAGE_WITHDRAW,     /* arg 1: health checks are to fail (anyfpm -s drain), 0: as before; also
			       * before MESSAGE_START */
	MESSAGE_RELOADED,     /* data: what became of the last reload, as message_pool_state has it */
	/* master -> metrics process, before the start; states after it as well */
	MESSAGE_POOL,	    /* arg: its number, from 0 on; data: name; its statistics are passed */
	MESSAGE_POOL_STATE, /* arg: its number; data: struct message_pool_state */
	/* pool process -> master */
	MESSAGE_BEGUN,	/* it is set up and accepts connections; workers may still fail */
	MESSAGE_READY,	/* arg: pid of the first worker that became ready */
	MESSAGE_LACK,	/* arg: so many permits are lacking now; replaces what was said before.
			 * data: not empty if requests wait and there is no worker at all */
	MESSAGE_RETURN, /* arg: so many permits are not needed any more */
	MESSAGE_OFFER,	/* arg: so many workers could be ended, called as it was; likewise */
	MESSAGE_WORKERS, /* arg: workers that count for MESSAGE_ROOM; said at each of those with an
			  * arg other than 0, at what ends the process, and after these at each
			  * change */
	MESSAGE_FAILED, /* data: why the pool process cannot serve; it exits after it */
	/* master -> pool process or metrics process, and back, from its event loop */
	MESSAGE_PING, /* who does not answer hangs */
	MESSAGE_PONG,
	/* a binary that is tested for an upgrade -> master */
	MESSAGE_UNDERSTOOD, /* it could take the master's place */
	/* pool process -> master */
	MESSAGE_ACCEPTING, /* it accepts, as MESSAGE_ACCEPT wants */
	MESSAGE_LEFT,	   /* after MESSAGE_HAND_OVER or MESSAGE_DRAIN: it accepts nobody any more, and
			    * has given away all connections that can be by now */
	/* master -> pool process with pm = auto */
	MESSAGE_BUDGET, /* data: struct message_budget; before MESSAGE_START, and again at each
			 * change */
	/* pool process with pm = auto -> master */
	MESSAGE_MEMORY /* data: struct message_memory; at once where it was told another budget */
};

enum message_fd {
	MESSAGE_FD_LISTEN = 1, /* a bound, listening, non-blocking socket; one per listen address */
	MESSAGE_FD_ERROR_LOG,  /* the error log, opened for appending */
	MESSAGE_FD_STATS,      /* memory for the pool's numbers (stats.h) */
	MESSAGE_FD_ACCESS_LOG, /* the pool's access log, where it has one, for appending */
	MESSAGE_FD_STATUS_LISTEN, /* as MESSAGE_FD_LISTEN, for pm.status_listen */
	MESSAGE_FD_SOCKET_DIR, /* a 0700 directory of the pool's user, for workers' sockets */
	MESSAGE_FD_SLOWLOG,    /* the slow log, opened for appending; where there is one */
	MESSAGE_FD_EXE,	       /* our own binary, likewise */
	MESSAGE_FD_CGROUP,     /* the pool's control group, a directory; where workers have theirs */
	MESSAGE_FD_PAGE,       /* a file: write what the status page shows as JSON, one line */
	MESSAGE_FD_HANDOVER,   /* an end of a SOCK_SEQPACKET socketpair between two generations */
	MESSAGE_FD_STATE,      /* what a master has (fpm/saved/saved.h), to a binary that is tested */
};

enum message_start {
	START_ACCEPT, /* accept at once, and start as many workers as pm says */
	START_HOLD    /* start one worker, whatever pm says, and accept when told to */
};

/* Which of its idle workers a pool is asked for, since others lack permits. Each has those before
 * it, too. */
enum message_call {
	CALL_NOBODY,
	CALL_LONG_IDLE, /* those above its minimum that were not needed for seconds */
	CALL_IDLE,	/* those that were not needed for a moment: another has fewer */
	CALL_ANY	/* those that are its minimum: another has none */
};

#define MESSAGE_WHY_MAX 80
#define MESSAGE_RELOAD_MAX 256
struct message_pool_state {
	int32_t pid;		   /* of its process, 0: it has none */
	uint32_t withdrawn;	   /* 1: health checks are to fail */
	uint32_t starting;	   /* 1: it was started and no worker has become ready since */
	char why[MESSAGE_WHY_MAX]; /* it cannot serve; empty: as far as the master knows, it can */
	char reload[MESSAGE_RELOAD_MAX]; /* why what the last reload wanted is not in effect;
					  * empty: it is */
	uint32_t off;		   /* 1: it was stopped by order */
};

struct message_budget {
	uint64_t bytes; /* of memory for all workers of the process; 0: not known */
	uint32_t pools; /* with pm = auto, this one among them */
	uint32_t unused;
};

struct message_memory {
	uint64_t follows; /* bytes of the budget that it knows of */
	uint64_t used;    /* that its workers and its template have, or may soon have */
	uint64_t lacking; /* that it has a use for besides; 0: it is about to end */
};

struct message {
	uint32_t type; /* enum message_type */
	uint32_t arg;
	char data[MESSAGE_DATA_MAX];
};

/*
 * Send one message; data may be NULL with len 0, pass is a descriptor or -1.
 * Returns 0, or -1 with errno; EAGAIN on a non-blocking socket that is full.
 */
int message_send(int sock, enum message_type type, uint32_t arg, const void *data, size_t len,
    int pass);

/*
 * Receive one message. *len becomes the bytes in m->data, *pass the descriptor that came along
 * (close-on-exec) or -1. Returns 1, 0 at end of file, -1 with errno (EPROTO: not one of ours).
 */
int message_recv(int sock, struct message *m, size_t *len, int *pass);

#endif
