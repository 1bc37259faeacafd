/* candidate.h: a binary that a running master tests (tester.h), seen from the inside. */
#ifndef ANYFPM_FPM_CANDIDATE_H
#define ANYFPM_FPM_CANDIDATE_H

/* Tell the master that we could take its place, if so. Returns 0, or the code to exit with after
 * having logged why not. */
int candidate_answer(void);

#endif
