/* where.h: where a directive stands, for those who complain about it. */
#ifndef ANYFPM_CONF_WHERE_H
#define ANYFPM_CONF_WHERE_H

struct conf_pool;
struct errors;
struct ini;

/* Where a directive of a pool is set, or the pool's section begins: "file:line". ini: NULL if it is
 * not known. */
const char *where_pool(const struct ini *ini, const struct conf_pool *pool, const char *directive);

/* Where a directive of [global] is set. */
const char *where_global(const struct ini *ini, const char *directive);

/* Add what is wrong with a directive of a pool, where it stands. */
void where_complain(const struct conf_pool *pool, const struct ini *ini, struct errors *errors,
    const char *directive, const char *fmt, ...) __attribute__((format(printf, 5, 6)));

#endif
