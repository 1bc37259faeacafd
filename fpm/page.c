/* page.c: asks a pool process for its page, and passes it on. */
#include "config.h"

#include "fpm/page.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

#define WAIT_US INT64_C(3000000) /* for a process that may hang */
#define PAGE_MAX (12 << 20)      /* bytes */

bool
page_ask(struct session *s, const struct seat *seat)
{
	if (seat->generation == NULL || seat->generation->process.pid == 0 ||
	    (s->page_fd = memfd_create("anyfpm page", MFD_CLOEXEC)) == -1)
		return false;
	s->page_pid = seat->generation->process.pid;
	s->asked_us = clock_now_us();
	generation_pass(seat->generation, MESSAGE_FD_PAGE, s->page_fd, "page of its workers");
	return true;
}

/* The page, whole, to be freed. It ends with its only line feed; NULL: not yet, or not so. */
static char *
read_page(int fd, size_t *len)
{
	struct stat st;
	char last, *page;

	if (fstat(fd, &st) == -1 || st.st_size < 1 || st.st_size > PAGE_MAX ||
	    pread(fd, &last, 1, st.st_size - 1) != 1 || last != '\n' ||
	    (page = malloc((size_t)st.st_size)) == NULL)
		return NULL;
	*len = (size_t)st.st_size;
	if (pread(fd, page, *len, 0) == (ssize_t)*len &&
	    memchr(page, '\n', *len) == page + *len - 1)
		return page;
	free(page);
	return NULL;
}

void
page_look(struct session *s)
{
	size_t len;
	char *page = read_page(s->page_fd, &len);

	if (page != NULL) {
		session_say(s, json_pack("{s:I}", "page", (json_int_t)s->page_pid));
		session_pass(s, page, len);
		session_done(s, 0, NULL);
		free(page);
	} else if (clock_now_us() - s->asked_us > WAIT_US)
		session_done(s, 1, "pool process %ld does not tell of its workers: it hangs, or has "
				   "just ended; try again",
		    (long)s->page_pid);
}
