/* show.h: what a master has answered, for people. Takes nothing in an answer for granted. */
#ifndef ANYFPM_FPM_CONTROL_SHOW_H
#define ANYFPM_FPM_CONTROL_SHOW_H

#include <jansson.h>

#include "base/text_out.h"
#include "fpm/control/table.h"

/* An answer to COMMAND_STATUS. */
struct show_status {
	json_t *service; /* empty: it did not come */
	json_t *pools;   /* an array of objects, as the next */
	json_t *pages;   /* of pool processes, with "page": the process, "processes": its workers */
};

/* One line about the service, and more if something of it is to be known; nothing if it is not. */
void show_service(const struct show_status *status, size_t width, struct text_out *out);

/* Numbers per second of what has changed since before, which was so many seconds ago. */
void show_rates(
    struct show_status *status, const struct show_status *before, double seconds);

/* A row for each worker of the pages; table is to be freed. */
void show_workers(const struct show_status *status, struct table *table);

/* A row for each pool, in the order of the array. table is to be freed. */
void show_pools(const struct show_status *status, struct table *table);

#endif
