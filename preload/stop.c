/*
 * stop.c: where the program would accept its first connection, it stops and is a template: it waits
 * for orders, and forks a worker at each.
 */
#include "config.h"

#include "preload/stop.h"

#include <sys/mman.h>

#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "preload/birth.h"
#include "preload/channel.h"
#include "preload/descriptors.h"
#include "preload/environment.h"
#include "preload/template.h"

/* The program calls us without knowing it, so there is nobody to pass it. */
static struct descriptors descriptors;
static bool has_served;

bool
stop_begin(void)
{
	const char *number = getenv(TEMPLATE_FD_ENV);

	environment_begin();
	if (number == NULL || !descriptors_begin(&descriptors, number)) {
		environment_clear(); /* a program that a template or a worker has started */
		return false;
	}
	channel_say(descriptors.channel_fd, TEMPLATE_LOADED, 0, TEMPLATE_VERSION);
	return true;
}

bool
stop_is_wanted(void)
{
	return (has_served || getenv(TEMPLATE_FD_ENV) != NULL) &&
	    descriptors_has_channel(&descriptors);
}

bool
stop_is_listener(int fd)
{
	return descriptors_is_listener(&descriptors, fd);
}

enum stopped
stop_here(int fd)
{
	static atomic_flag is_template = ATOMIC_FLAG_INIT;
	int channel = descriptors.channel_fd;
	struct delivery delivery;
	birth_fate *fate = mmap(NULL, sizeof(*fate), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (fate == MAP_FAILED)
		return STOPPED_FOR_GOOD; /* it accepts, and the pool process finds that it is no template */
	while (atomic_flag_test_and_set(&is_template))
		pause(); /* another thread is it already */
	descriptors_find_listeners(&descriptors, fd);
	channel_say(channel, TEMPLATE_READY, 0, TEMPLATE_VERSION);
	while (channel_receive(channel, &delivery)) {
		if (delivery.error == 0 && (delivery.order.flags & TEMPLATE_SERVES) != 0) {
			munmap((void *)fate, sizeof(*fate));
			atomic_flag_clear(&is_template);
			has_served = true;
			environment_keep_off();
			return STOPPED_TO_SERVE;
		}
		if (delivery.error == 0) {
			if (birth_give(&descriptors, &delivery, fate))
				return STOPPED_FOR_GOOD;
			continue;
		}
		channel_close(&delivery);
		channel_say(channel, TEMPLATE_FAILED, delivery.order.serial,
		    (uint32_t)delivery.error);
	}
	_exit(0);
}

void
stop_refuse(void)
{
	channel_say(descriptors.channel_fd, TEMPLATE_REFUSED, 0, TEMPLATE_EPOLL);
}
