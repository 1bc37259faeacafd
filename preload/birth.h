/*
 * birth.h: how a worker comes of an order.
 */
#ifndef ANYFPM_PRELOAD_BIRTH_H
#define ANYFPM_PRELOAD_BIRTH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "preload/channel.h"
#include "preload/descriptors.h"

/*
 * What has become of the last order, in memory that the three processes share; 0 at first. So the
 * template knows whether there is a worker, however the process between has ended, and a program
 * that ignores SIGCHLD takes nothing away from that.
 */
typedef _Atomic uint32_t birth_fate;

/* True in the worker. In the template, the order has been answered where no worker has come of it.
 * In both, its descriptors are closed. */
bool birth_give(const struct descriptors *d, struct delivery *delivery, birth_fate *fate);

#endif
