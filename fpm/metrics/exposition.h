/*
 * exposition.h: the pools' numbers as text for Prometheus. Pure: numbers in, text out.
 *
 * Formats: Prometheus text format 0.0.4 (prometheus.io, "Exposition formats") and OpenMetrics 1.0
 * (its specification).
 */
#ifndef ANYFPM_FPM_METRICS_EXPOSITION_H
#define ANYFPM_FPM_METRICS_EXPOSITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stats;
struct text_out;

/* What processes use. */
struct exposed_usage {
	double cpu_seconds;
	uint64_t memory; /* bytes, resident */
};

struct exposed_pool {
	const char *name;
	const struct stats *stats; /* NULL: nothing is counted yet */
	bool serves;
	bool runs;     /* has a process: what its numbers say of now is true */
	bool measured; /* the next two are known */
	struct exposed_usage pool, workers;
	uint64_t template_memory; /* bytes, resident; 0: there is none, or it is not known */
};

enum exposition_format { EXPOSITION_TEXT, EXPOSITION_OPENMETRICS };

/* The format that an Accept header (NULL: there is none) asks for. */
enum exposition_format exposition_choose(const char *accept);

/* For Content-Type. */
const char *exposition_content_type(enum exposition_format format);

/* Every metric of every pool, in one piece of text. now_us: of the monotonic clock. */
void exposition_write(struct text_out *out, const struct exposed_pool *pools, size_t count,
    int64_t now_us, enum exposition_format format);

#endif
