/* orders.h: the orders that a template gets, and what becomes of each. */
#ifndef ANYFPM_POOL_TEMPLATE_ORDERS_H
#define ANYFPM_POOL_TEMPLATE_ORDERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct birth;
struct pool;
struct template;
struct worker;

/* How long an order may take; a fork takes milliseconds. */
#define TEMPLATE_ANSWER_US 5000000

/* The number of the next order; those of one template are not those of another. */
uint32_t template_orders_next(struct template *template);

/* Whether it can be given one more: the channel has no room for any number. */
bool template_orders_fit(const struct template *template);

/* Ask for w, with birth's descriptors. -1 with errno. */
int template_orders_give(struct worker *w, const struct birth *birth);

/* Process pid says that it is the worker of that order, or that of one that was given up, which is
 * killed. False: it cannot be. */
bool template_orders_forked(struct pool *pool, uint32_t serial, pid_t pid);

/* No worker comes of that order, because of an errno. */
void template_orders_failed(struct pool *pool, uint32_t serial, int error);

/* No worker comes of all those that are open. */
void template_orders_forget(struct pool *pool);

#endif
