/* show.h: what a master has answered, for people. Takes nothing in an answer for granted. */
#ifndef ANYFPM_FPM_CONTROL_SHOW_H
#define ANYFPM_FPM_CONTROL_SHOW_H

#include <jansson.h>

#include "base/text_out.h"
#include "fpm/control/table.h"

/* An answer to COMMAND_STATUS. */
struct show_status {
	json_t *service; /* NULL: it did not come */
	json_t *pools;   /* an array of objects */
};

/* One line about the service, and more if something of it is to be known. */
void show_service(const struct show_status *status, size_t width, struct text_out *out);

/* A row for each pool, in the order of the array. table is to be freed. */
void show_pools(const struct show_status *status, struct table *table);

#endif
