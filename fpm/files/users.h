/* users.h: whose the processes and the socket of a pool are. */
#ifndef ANYFPM_FPM_FILES_USERS_H
#define ANYFPM_FPM_FILES_USERS_H

#include <sys/types.h>

#include "conf/conf.h"

struct identity {
	uid_t uid;
	gid_t gid;
};

/* Who the processes of a pool run as: its user and group if we are root, else ourselves. */
struct identity users_of_pool(const struct conf_pool *pool);

/* Who its socket file is to belong to: listen.owner and listen.group, or the above. */
struct identity users_of_socket(const struct conf_pool *pool);

/* Not started as root: say which settings cannot take effect. */
void users_notice(const struct conf *conf);

#endif
