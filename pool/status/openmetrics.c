/* openmetrics.c: the status page for OpenMetrics, without labels as php-fpm has it. */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "base/openmetrics.h"
#include "pool/status/format.h"

static void
metric(struct text_out *out, const struct status_item *item)
{
	text_out_printf(out, "# HELP %s ", item->metric);
	openmetrics_escape(out, item->help);
	text_out_printf(out, "\n# TYPE %s %s\n%s ", item->metric,
	    item->counter ? "counter" : "gauge", item->metric);
	switch (item->kind) {
	case STATUS_TEXT:
	case STATUS_NUMBER:
	case STATUS_DATE:
		text_out_printf(out, "%" PRIu64 "\n", item->value.number);
		break;
	case STATUS_MICROSECONDS: /* seconds are the unit here */
		text_out_printf(out, "%.6f\n", (double)item->value.number / 1e6);
		break;
	case STATUS_DECIMAL:
		text_out_printf(out, "%.2f\n", item->value.decimal);
		break;
	}
}

void
status_openmetrics(struct text_out *out, const struct status_view *view, bool full)
{
	const struct status_item *pool = status_view_find(view, "pool");
	const struct status_item *manager = status_view_find(view, "process manager");

	text_out_string(out, "# HELP phpfpm_up Could pool ");
	openmetrics_escape(out, pool != NULL ? pool->value.text : "");
	text_out_string(out, " using a ");
	openmetrics_escape(out, manager != NULL ? manager->value.text : "");
	text_out_string(out, " PM be reached?\n# TYPE phpfpm_up gauge\nphpfpm_up 1\n");
	for (size_t i = 0; i < view->item_count; i++) {
		if (view->items[i].metric[0] != '\0')
			metric(out, &view->items[i]);
	}
	text_out_string(out, "# EOF\n");
}
