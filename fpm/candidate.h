/* candidate.h: a binary that a running master tests (tester.h), seen from the inside. */
#ifndef ANYFPM_FPM_CANDIDATE_H
#define ANYFPM_FPM_CANDIDATE_H

#include "fpm/sockets/activation.h"

/* Hear what the master would leave to us; the addresses at which it listens are noted in held, which
 * is to be ended. Returns 0, or the code to exit with after having logged why that cannot be. */
int candidate_hear(struct activation *held);

/* Tell the master that we could take its place. Returns likewise. */
int candidate_answer(void);

#endif
