/* cpus.h: how many CPUs this process may use. */
#ifndef ANYFPM_BASE_CPUS_H
#define ANYFPM_BASE_CPUS_H

/* CPUs of our affinity, or what the CPU quota of our control groups comes to where that is less, a
 * part of one as well; rounded up. */
double cpus_part(void);
unsigned int cpus_usable(void);

/* The least quota of our control group and those above it, in CPUs; 0: there is none. proc: the
 * directory that describes this process, /proc/self. */
double cpus_quota(const char *proc);

#endif
