/*
 * writer.h: lines are written by one thread per process, so that no disk and no reader of a pipe can
 * hold the process up. Each destination has a bounded queue.
 *
 * What cannot be written is counted; it is reported when lines begin to be lost, and how many they
 * were when the destination works again or at the end.
 */
#ifndef ANYFPM_BASE_WRITER_H
#define ANYFPM_BASE_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/writer_calls.h"

/* A line longer than this is lost. */
#define WRITER_LINE_MAX (1536 * 1024)

/* Start the thread; until then, and after writer_stop(), writer_put() writes by itself. Returns 0,
 * or -1 with errno. Only for a process that will not fork without exec after it. log_start_writer()
 * is what a process calls. */
int writer_start(writer_report *report);

/* Write what is queued, for at most timeout_us microseconds, then end the thread; one that hangs in
 * a write is left to its fate. */
void writer_stop(int64_t timeout_us);

/* A destination: name is for messages ("access.log /var/log/www.access.log"), fd is taken over and
 * will be closed. NULL: out of memory, and fd is closed. */
struct writer_file *writer_open(const char *name, int fd);

/* The same for what is no descriptor: send is called for each line, with arg. */
struct writer_file *writer_open_send(const char *name, writer_send *send, void *arg);

/* Lines of this destination are written at once; those of others are gathered for a few
 * milliseconds. */
void writer_set_urgent(struct writer_file *f);

/* The file was rotated: later lines go to fd, which is taken over; the old one is closed when
 * nothing is written to it any more. */
void writer_reopen(struct writer_file *f, int fd);

/* One whole line with its line feed. Never waits while the thread runs; false: no room, it is
 * counted as lost. */
bool writer_put(struct writer_file *f, const char *line, size_t len);

/* Lines lost so far: no room, disk full, reader gone. */
uint64_t writer_lost(const struct writer_file *f);

/* No line comes any more; what is queued is still written. */
void writer_close(struct writer_file *f);

#endif
