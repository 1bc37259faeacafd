/*
 * auto_memory.h: pm = auto, how many workers fit into a budget of memory. Pure: sizes in, sums and
 * numbers out.
 *
 * A worker counts for what it may have grown to before it is looked at again: its size and the
 * largest step that was seen of any, up to the largest size. One that is to be started counts as
 * much as one that has served, and more while little was seen; but where workers grow and grow, or
 * have grown for long, as one that is new: it takes the place of a larger one. So a program whose
 * sizes go up and down is held to the largest, and one that leaks to the sum.
 */
#ifndef ANYFPM_POOL_POLICY_AUTO_MEMORY_H
#define ANYFPM_POOL_POLICY_AUTO_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A worker; sizes are bytes, of pages that it shares with others its share. */
struct auto_size {
	uint64_t now;         /* 0: could not be told, or it is not there yet */
	uint64_t before;      /* when it was looked at last, 0: it was not, or had not served */
	uint64_t peak;        /* the most it ever had, as far as that is known; else now */
	uint64_t peak_before; /* likewise, when it was looked at last */
	int64_t age_us;
	bool has_served; /* a request */
	bool goes;       /* it is on its way out */
};

/* All zero at first. */
struct auto_memory {
	double top;      /* the largest of the last minutes */
	double step;     /* the largest growth between two looks, likewise */
	double first;    /* the largest that one had when it had just served, likewise */
	double requests; /* served so far */
	double drift;    /* bytes by which the larger ones grow, in a microsecond */
	double besides;  /* the caller's: what is there and is no worker */
	double now;      /* all there is, as of the last look */
	double soon;     /* as it may be at the next */
	double going;    /* of that, what is of those on their way out */
	double next;     /* one that is started; 0: none was seen */
	double since_us; /* the budget was last cut */
	double most;     /* the budget, as far as the kernel's complaints have left it; 0: all */
};

/* All workers of the pool, those that stop as well; requests that they have served and time that
 * has passed since the last look. */
void auto_memory_look(struct auto_memory *memory, const struct auto_size sizes[], size_t n,
    uint64_t requests, int64_t passed_us);

/* Between two looks, one has been started; one that was looked at, or started since, has gone. */
void auto_memory_came(struct auto_memory *memory, const struct auto_size *size);
void auto_memory_gone(struct auto_memory *memory, const struct auto_size *size);

/* The kernel has to reclaim memory (pressure files, events of the control group), or has not; each
 * time after auto_memory_look(). */
void auto_memory_pressed(
    struct auto_memory *memory, bool pressed, uint64_t budget, int64_t passed_us);

/* Of `alive` workers, as of the last look, so many may be there: more, or fewer. At least 1.
 * budget: bytes for this pool, 0: not bounded. */
unsigned int auto_memory_number(
    const struct auto_memory *memory, unsigned int alive, uint64_t budget);

/* Bytes that so many more would take, as far as pressure allows; at least 1. */
uint64_t auto_memory_lacking(const struct auto_memory *memory, unsigned int more);

#endif
