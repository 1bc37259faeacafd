/* handlers.c: who takes the events of the lower half. */
#include "config.h"

#include "pool/handlers.h"

#include "pool/observe/account.h"
#include "pool/orders.h"
#include "pool/reap.h"
#include "pool/relay/admission.h"
#include "pool/relay/demux.h"
#include "pool/relay/ending.h"
#include "pool/relay/feed.h"
#include "pool/relay/loss.h"
#include "pool/relay/relay.h"
#include "pool/relay/warmup.h"
#include "pool/relay/window.h"
#include "pool/settle.h"
#include "pool/template/template.h"

const struct events handlers = {
	/* client */
	.clients_changed = account_clients,
	.client_piece = demux_piece,
	.client_batch_ends = demux_batch_ends,
	.client_half_closed = demux_half_closed,
	.client_gone = demux_gone,
	.request_drained = window_drained,
	/* request */
	.request_moved = account_moved,
	.body_stuck = admission_enter,
	.body_moved = feed_body_moved,
	.body_lost = ending_body_lost,
	/* worker */
	.workers_changed = account_workers,
	.worker_accepted = warmup_accepted,
	.warmup_abandoned = ending_warmup,
	.worker_forfeits = ending_forfeited,
	.conn_readable = relay_readable,
	.conn_writable = feed_writable,
	.conn_unread = loss_unread,
	.child_is_ours = reap_is_ours,
	.cannot_follow = orders_cannot_follow,
	.start_prepared = template_prepare,
	.worker_ordered = template_order,
	.worker_ready = orders_report_ready,
	.permits_lacking = orders_lack_permits,
	.permits_returned = orders_return_permits,
	.workers_offered = orders_offer_workers,
	/* all */
	.settle = settle,
};
