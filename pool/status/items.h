/* items.h: items of the status page one by one, and their numbers as people read them. */
#ifndef ANYFPM_POOL_STATUS_ITEMS_H
#define ANYFPM_POOL_STATUS_ITEMS_H

#include <stdint.h>

#include "pool/status/view.h"

#define ITEM_NUMBER_MAX 48

/* The item of that key; 0 or "" where the page has none. */
uint64_t item_number(const struct status_view *view, const char *key);
double item_decimal(const struct status_view *view, const char *key);
const char *item_text(const struct status_view *view, const char *key);

/* "1 204 331", with the narrow space that no line is broken at; returns buf. */
const char *item_grouped(uint64_t n, char buf[ITEM_NUMBER_MAX]);

/* "1.4 MB" or "23 GB"; likewise. */
const char *item_bytes(uint64_t n, char buf[ITEM_NUMBER_MAX]);

#endif
