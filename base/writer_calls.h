/* writer_calls.h: what the writer calls. */
#ifndef ANYFPM_BASE_WRITER_CALLS_H
#define ANYFPM_BASE_WRITER_CALLS_H

#include <stddef.h>
#include <stdint.h>

/* A destination of lines. */
struct writer_file;

/* Told by the thread about a destination: lines 0: some begin to be lost, else so many were; why is
 * a reason in words. Lines may be put from it. */
typedef void writer_report(const struct writer_file *f, const char *name, uint64_t lines,
    const char *why);

/* Send one line, which may wait; arg is the destination's. Returns 0 or an errno. */
typedef int writer_send(const char *line, size_t len, void *arg);

#endif
