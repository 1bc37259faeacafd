/* check.h: the rules that a configuration has to meet beyond the type of each value. */
#ifndef ANYFPM_CONF_CHECK_H
#define ANYFPM_CONF_CHECK_H

#include <stdbool.h>

struct conf;
struct errors;
struct ini;

/* Rules that the text alone decides. ini, which knows the lines, may be NULL. */
void check_text(const struct conf *conf, const struct ini *ini, struct errors *errors);

/* Rules that need this machine: programs, users, groups, directories. */
void check_system(struct conf *conf, const struct ini *ini, struct errors *errors);

/* Running as root: every pool has to have a user and a group other than root, unless allow_root. */
void check_root(const struct conf *conf, const struct ini *ini, bool allow_root,
    struct errors *errors);

#endif
