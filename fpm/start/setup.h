/*
 * setup.h: what the generations of a pool are started with, of one configuration: its settings,
 * listening sockets and logs. A reload makes another beside it, and has one of both in the end.
 */
#ifndef ANYFPM_FPM_START_SETUP_H
#define ANYFPM_FPM_START_SETUP_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/conf.h"
#include "fpm/files/poollog.h"
#include "fpm/files/users.h"
#include "fpm/saved/saved.h"
#include "fpm/sockets/shared.h"

struct setup {
	struct conf *conf; /* held; NULL: this is none */
	const struct conf_pool *pool; /* in it */
	struct identity identity;     /* who the processes run as */
	struct shared *listener, *status_listener; /* listen, pm.status_listen; NULL: not open */
	int access_fd;  /* its access log, -1: there is none */
	int slowlog_fd; /* -1: there is none */
	uint64_t program; /* program_mark() when it was made */
};

/* For a pool of conf, with nothing open yet. */
void setup_init(struct setup *setup, struct conf *conf, const struct conf_pool *pool);

/* Close what is open, and forget the rest. */
void setup_free(struct setup *setup);

/* Hold its listening sockets, of which those that are not among sockets are opened, or are
 * systemd's. Returns 0, or the code to exit with after having logged why. */
int setup_listen(
    struct setup *setup, struct shared_list *sockets, struct activation *activation);

/* Hold its listening socket no more, and with status that of the status page. Those that systemd has
 * opened stay: who connects there waits until somebody serves again. */
void setup_let_go(struct setup *setup, bool status);

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
void setup_adopt(
    struct setup *setup, struct shared_list *sockets, const struct saved_setup *saved);

/* Whether others than the pool that has setup, and is to have next, hold a socket of setup. */
bool setup_is_wanted(const struct setup *setup, const struct setup *next);

/* setup becomes what next was, which is none then; its sockets get the settings of that. */
void setup_replace(struct setup *setup, struct setup *next);

/* What of its settings could not be brought into effect by setup_replace(); NULL: all is. */
const char *setup_lack(const struct setup *setup);

#endif
