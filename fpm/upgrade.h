/*
 * upgrade.h: another binary of anyfpm takes the master's place in the same process, with all that
 * it has (estate.h). It is tested first; until the last moment nothing is changed.
 */
#ifndef ANYFPM_FPM_UPGRADE_H
#define ANYFPM_FPM_UPGRADE_H

#include <stdbool.h>

#include "fpm/estate.h"
#include "fpm/reload/reload.h"
#include "fpm/reload/tester.h"

#define UPGRADE_WHY_MAX 512

enum upgrade_state {
	UPGRADE_NONE,
	UPGRADE_TESTING, /* the binary is being tested */
	UPGRADE_READY    /* it has passed; a reload has to end, or a process to take messages */
};

struct upgrade {
	const struct estate *estate;
	const struct reload *reload;
	enum upgrade_state state;
	char *path;    /* of our binary, as it was at the start; NULL: not known */
	int exe_fd;    /* of the binary that takes our place; -1: there is none */
	struct event *go;
	int64_t since_us; /* that messages wait; 0: they do not */
	struct tester tester;
	char why[UPGRADE_WHY_MAX]; /* the last one has failed; empty: it has not */
};

/* Nothing is asked for. */
void upgrade_init(
    struct upgrade *upgrade, const struct estate *estate, const struct reload *reload);

/* The event loop is there. false: out of memory. */
bool upgrade_begin(struct upgrade *upgrade);
void upgrade_end(struct upgrade *upgrade);

/* Begin, unless one is under way. It has ended when upgrade_is_running() says no; if it succeeds,
 * this program does not get to know. */
void upgrade_ask(struct upgrade *upgrade);
bool upgrade_is_running(const struct upgrade *upgrade);

/* The service ends. */
void upgrade_cancel(struct upgrade *upgrade);

#endif
