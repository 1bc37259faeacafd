/* trust.h: whether somebody else could put another file in the place of one of ours. */
#ifndef ANYFPM_FPM_FILES_TRUST_H
#define ANYFPM_FPM_FILES_TRUST_H

#include "conf/conf.h"

/*
 * Who, of all that are not to be trusted, may write into the directory dir_fd or one that leads to
 * it: "every user", "a pool's user" ...; NULL: nobody. Not started as root there is nothing to gain
 * for a pool, which runs as ourselves.
 */
const char *trust_intruder(const struct conf *conf, int dir_fd);

#endif
