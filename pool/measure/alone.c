/* alone.c: the memory that a worker adds to that of its template. */
#include "config.h"

#include "pool/measure/alone.h"

#include "base/cgroup.h"
#include "base/clock.h"
#include "base/procstat.h"
#include "pool/core/template.h"
#include "pool/core/worker.h"
#include "pool/measure/family.h"
#include "pool/measure/measure.h"

bool
alone_matters(const struct worker *w)
{
	return w->life.order != 0;
}

/* Whether the template is still there that it comes of. */
static bool
has_template(const struct worker *w)
{
	const struct template *t = w->pool->workers.template;

	return t->state != TEMPLATE_DEAD && w->life.started_us >= t->started_us;
}

void
alone_look(struct worker *w)
{
	struct procstat_memory found;
	uint64_t anonymous, memory = measure_memory(w);

	procstat_shares_read(w->pid, &found);
	w->measure.alone_us = clock_now_us();
	if (memory == 0 || found.resident == 0)
		return; /* what is known is as good */
	w->measure.alone_of = memory;
	w->measure.alone = has_template(w) ? found.alone + found.shared + found.swapped
					   : procstat_memory_sum(&found);
	/* What is charged to its group it, or what it has started, has for itself. */
	if (w->measure.tree_memory_fd != -1 &&
	    cgroup_read_key(w->measure.tree_memory_fd, "anon", &anonymous) &&
	    anonymous > w->measure.alone)
		w->measure.alone = anonymous;
	if (w->family.memory > 0)
		w->measure.alone += family_share(w);
}

uint64_t
alone_memory(struct worker *w, uint64_t template)
{
	uint64_t memory = measure_memory(w), shared;

	if (!alone_matters(w))
		return measure_share(w, memory);
	shared = w->measure.alone_of > 0 ? w->measure.alone_of - w->measure.alone : template;
	if (w->measure.alone_of > 0 && w->measure.alone > w->measure.alone_of)
		shared = 0;
	if (memory == 0)
		return 0;
	return memory > shared ? memory - shared : 1;
}
