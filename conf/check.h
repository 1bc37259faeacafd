/* check.h: the rules that a configuration has to meet beyond the type of each value, where the
 * text alone decides. */
#ifndef ANYFPM_CONF_CHECK_H
#define ANYFPM_CONF_CHECK_H

struct conf;
struct errors;
struct ini;

/* ini, which knows the lines, may be NULL. */
void check_text(const struct conf *conf, const struct ini *ini, struct errors *errors);

#endif
