/* concurrency.h: the directives that are in requests which run at once, where workers take several. */
#ifndef ANYFPM_CONF_CONCURRENCY_H
#define ANYFPM_CONF_CONCURRENCY_H

/* The workers that so many requests at once take, each of which takes `each` of them. */
static inline unsigned int
concurrency_workers(unsigned int requests, unsigned int each)
{
	return requests / each + (requests % each != 0);
}

#endif
