/* check_system.h: the rules of a configuration that go by what there is on this machine. */
#ifndef ANYFPM_CONF_CHECK_SYSTEM_H
#define ANYFPM_CONF_CHECK_SYSTEM_H

#include <stdbool.h>

struct conf;
struct errors;
struct ini;

/* Programs, users, groups, directories; and notes of what is of no effect. ini, which knows the
 * lines, may be NULL. */
void check_system(struct conf *conf, const struct ini *ini, struct errors *errors);

/* Running as root: every pool has to have a user and a group other than root, unless allow_root. */
void check_system_root(const struct conf *conf, const struct ini *ini, bool allow_root,
    struct errors *errors);

#endif
