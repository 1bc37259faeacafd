/*
 * output.h: a descriptor that lines are written to: never waited for where that can be helped, and
 * lines stay whole, whatever becomes of a write.
 */
#ifndef ANYFPM_BASE_OUTPUT_H
#define ANYFPM_BASE_OUTPUT_H

#include <sys/types.h>
#include <sys/uio.h>

#include <stdbool.h>
#include <stddef.h>

struct output {
	int fd;
	size_t limit; /* bytes of one write that a pipe takes whole, if it takes any */
	bool is_file; /* or anything else whose writes end by themselves */
	bool blocks;  /* shared with others, who want it to */
	bool torn;    /* the last thing in it is a part of a line: one that begins here ends it */
};

void output_set(struct output *out, int fd);

/*
 * Write count entries of iov, from iov[1] on; iov[0] is ours. Returns the bytes of them that were
 * written, or -1 with errno: EAGAIN when it takes nothing now.
 */
ssize_t output_write(struct output *out, struct iovec *iov, int count);

#endif
