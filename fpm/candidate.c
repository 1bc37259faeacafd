/* candidate.c: reads what would be left to it, and says so. */
#include "config.h"

#include "fpm/candidate.h"

#include <stdbool.h>
#include <stddef.h>
#include <sysexits.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/shared/message.h"
#include "fpm/estate.h"
#include "fpm/saved/inherit.h"

static int
refuse(void)
{
	log_error("this version cannot take the place of the one that runs: stop that, and start "
		  "this one");
	return EX_SOFTWARE;
}

int
candidate_hear(struct activation *held)
{
	struct message message;
	struct saved *saved;
	size_t len;
	int fd = -1;
	bool good;

	if (message_recv(MESSAGE_FILENO, &message, &len, &fd) != 1 ||
	    message.type != MESSAGE_FD || fd == -1) {
		log_error("the running master does not say what it would leave");
		return EX_SOFTWARE;
	}
	saved = inherit_read(fd);
	fd_close(&fd);
	good = saved != NULL && estate_check(saved, held);
	saved_free(saved);
	return good ? 0 : refuse();
}

int
candidate_answer(void)
{
	return message_send(MESSAGE_FILENO, MESSAGE_UNDERSTOOD, 0, NULL, 0, -1) == 0 ? 0
										     : refuse();
}
