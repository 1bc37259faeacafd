/*
 * spool.h: a part of a request's body in an unlinked file, moved by a thread so that no disk holds
 * up the pool.
 *
 * The thread is started with the first body that needs a file. What it moves is in chunks, which
 * the ledger counts; whoever has a spool is told of each move that is done. A spool outlives its
 * request until the thread has let go of it.
 */
#ifndef ANYFPM_POOL_REQUEST_SPOOL_H
#define ANYFPM_POOL_REQUEST_SPOOL_H

#include "base/jobs.h"
#include "pool/core/pool.h"

struct spool;

/* A part of the body of r has been written to the file; or read back, as records. error: an errno
 * where that failed, and then records is NULL; else 0. r may be over afterwards. */
struct spool_reports {
	void (*written)(struct request *r, int error);
	void (*read)(struct request *r, struct chain *records, int error);
};

/* For spool_end(): files may have to be given back to the disk. */
#define SPOOL_STOP_US 500000

/* The pool's side of the thread. */
struct spooler {
	struct jobs *jobs;
	struct event ev_done;
};

/* The spooler of the pool, made if there is none yet. NULL with errno. */
struct spooler *spool_start(struct pool *pool);

/* Wait, for at most timeout_us microseconds, until the thread has closed its files, and end it. All
 * requests are over. */
void spool_end(struct pool *pool, int64_t timeout_us);

/* A spool for r, which has none; no file is opened yet. reports outlive it. NULL with errno. */
struct spool *spool_new(struct request *r, const struct spool_reports *reports);

/* Take a copy of len bytes and begin to write it. false: out of memory. */
bool spool_add(struct spool *s, const uint8_t *data, size_t len);

/* Begin to read the next bytes that are in the file, unless some are being read; as records they
 * take at most room bytes. false: out of memory. */
bool spool_read(struct spool *s, size_t room);

/* Bytes that were added and not handed back; and those that are not yet in the file. */
uint64_t spool_left(const struct spool *s);
size_t spool_unwritten(const struct spool *s);

/* The request needs no more of it. The file is closed by the thread, and s freed after that. */
void spool_drop(struct spool *s);

#endif
