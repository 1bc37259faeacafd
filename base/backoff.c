/* backoff.c: how long to wait before something that has failed is tried again. Pure. */
#include "config.h"

#include "base/backoff.h"

#define FIRST_US 500000
#define MAX_US 30000000

int64_t
backoff_us(unsigned int failures)
{
	int64_t delay = FIRST_US;

	if (failures == 0)
		return 0;
	while (--failures > 0 && delay < MAX_US)
		delay *= 2;
	return delay < MAX_US ? delay : MAX_US;
}
