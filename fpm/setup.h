/*
 * setup.h: what the generations of a pool are started with, of one configuration: its settings,
 * listening sockets and logs. A reload makes another beside it, and has one of both in the end.
 */
#ifndef ANYFPM_FPM_SETUP_H
#define ANYFPM_FPM_SETUP_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/conf.h"
#include "fpm/files/poollog.h"
#include "fpm/files/users.h"
#include "fpm/saved.h"
#include "fpm/sockets/sockets.h"

struct setup {
	struct conf *conf; /* held; NULL: this is none */
	const struct conf_pool *pool; /* in it */
	struct identity identity;     /* who the processes run as */
	struct listen_socket listener, status_listener; /* listen, pm.status_listen */
	int access_fd;  /* its access log, -1: there is none */
	int slowlog_fd; /* -1: there is none */
	uint64_t program; /* program_mark() when it was made */
};

/* For a pool of conf, with nothing open yet. */
void setup_init(struct setup *setup, struct conf *conf, const struct conf_pool *pool);

/* Close what is open, and forget the rest. */
void setup_free(struct setup *setup);

/*
 * Open its listening sockets, or take those of systemd's. Where before (NULL:
 * nobody) listens already is left to setup_replace(). Returns 0, or the code to exit with after
 * having logged why.
 */
int setup_listen(
    struct setup *setup, const struct setup *before, struct activation *activation);

/* Open its access log and slow log, where it has them. false after having logged why. */
bool setup_open_logs(struct setup *setup);

/* The descriptor of one of them, -1: there is none. */
int *setup_log(struct setup *setup, enum poollog which);

/* Open a log again that was rotated. Returns whether there is a new descriptor; the old one stays
 * in use where that fails, and for a standard stream: that of a daemon is another by now. */
bool setup_reopen_log(struct setup *setup, enum poollog which);

/* Note it in saved; usual: a configuration whose settings need not be noted. false: out of
 * memory. */
bool setup_save(const struct setup *setup, const struct conf *usual, struct saved_setup *saved);

/* Nothing of it is open: it gets what was saved. What cannot be had of it is logged. */
void setup_adopt(struct setup *setup, const struct saved_setup *saved);

/* setup becomes what next was, which is none then. Where next listens at the same address as before
 * (setup itself, or another), that has no such socket any more, and its settings change. */
void setup_replace(struct setup *setup, struct setup *next, struct setup *before);

/* What of its settings could not be brought into effect by setup_replace(); NULL: all is. */
const char *setup_lack(const struct setup *setup);

/* Before it does: whether nobody will listen any more at the address that before's pool has. */
bool setup_leaves_address(const struct setup *setup, const struct setup *before);

/* The sockets for its pool process: its own, or those that it will have of before's; -1: none. */
int setup_listen_fd(const struct setup *setup, const struct setup *before);
int setup_status_fd(const struct setup *setup, const struct setup *before);

#endif
