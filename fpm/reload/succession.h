/*
 * succession.h: one generation of a pool follows another without anybody noticing: room is made for
 * one worker more, the successor starts with that, accepts when it is ready, and takes over when it
 * has said so; the end is when the one before has said that it accepts no more. A successor that
 * does not get as far as taking over is removed, and the one before serves on; unless another pool
 * gets its address, and was told to accept.
 */
#ifndef ANYFPM_FPM_RELOAD_SUCCESSION_H
#define ANYFPM_FPM_RELOAD_SUCCESSION_H

#include <stdbool.h>

#include "fpm/seat/seat.h"

/* Open what the successor needs as pool of conf, while the seat has no succession. A socket that is
 * open at an address of it is shared with who has it. false after having logged why not; the seat
 * is as it was then. */
bool succession_plan(struct seat *seat, struct conf *conf, const struct conf_pool *pool);

/* It is SUCCESSION_READY: the successor is to accept, and takes over then; or it cannot be. */
void succession_accept(struct seat *seat);
void succession_fail(struct seat *seat, const char *why);

/* Its turn has come, or something of the seat has moved: go on as far as it can be. */
void succession_begin(struct seat *seat);
void succession_step(struct seat *seat);

/* The pool is stopped by order, halt_by_order(): a succession of it has failed by that. */
void succession_halt(struct seat *seat, bool at_once);

/* It is not wanted any more. */
void succession_cancel(struct seat *seat);

#endif
