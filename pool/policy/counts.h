/* counts.h: what is done with numbers of workers and requests, which are never below 0. */
#ifndef ANYFPM_POOL_POLICY_COUNTS_H
#define ANYFPM_POOL_POLICY_COUNTS_H

static inline unsigned int
minus(unsigned int a, unsigned int b)
{
	return a > b ? a - b : 0;
}

static inline unsigned int
least(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

static inline unsigned int
greatest(unsigned int a, unsigned int b)
{
	return a > b ? a : b;
}

#endif
