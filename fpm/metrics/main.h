/* metrics_main.h: the metrics process from outside. */
#ifndef ANYFPM_FPM_METRICS_MAIN_H
#define ANYFPM_FPM_METRICS_MAIN_H

/* A process with this argv[0] is the metrics process. */
#define METRICS_ARGV0 "anyfpm: metrics"

/*
 * Be the metrics process: learn of the pools from descriptor MESSAGE_FILENO, drop every right,
 * serve until told to stop or left alone. The master has arranged descriptors 0 to 3 (/dev/null,
 * error log, error log, socketpair) and nothing else. Returns the exit code.
 */
int metrics_main(void);

#endif
