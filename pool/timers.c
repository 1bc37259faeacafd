/* timers.c: whom the pool process asks what is due, and in which order. */
#include "config.h"

#include "pool/timers.h"

#include <stddef.h>

#include "pool/client/client.h"
#include "pool/client/handover.h"
#include "pool/client/writing.h"
#include "pool/conn/receipt.h"
#include "pool/measure/sample.h"
#include "pool/observe/slowlog.h"
#include "pool/orders.h"
#include "pool/relay/admission.h"
#include "pool/relay/enforce.h"
#include "pool/relay/loss.h"
#include "pool/relay/recycle.h"
#include "pool/relay/timeouts.h"
#include "pool/template/expire.h"
#include "pool/worker/capture.h"
#include "pool/worker/leave.h"
#include "pool/worker/manage.h"
#include "pool/worker/ready.h"
#include "pool/worker/sweep.h"

const struct timer timers[] = {
	{ receipt_expire }, /* before their clocks are looked at */
	{ timeouts_params },
	{ timeouts_bodies },
	{ admission_expire },
	{ client_expire },
	{ handover_expire },
	{ loss_expire },
	{ slowlog_expire }, /* before it may be terminated */
	{ enforce_expire },
	{ writing_expire },
	{ recycle_judge_memory },
	{ leave_expire },
	{ ready_expire },
	{ template_expire },
	{ sample_expire },
	{ manage_expire }, /* when all before it have said which workers end */
	{ sweep_expire },
	{ capture_expire },
	{ orders_expire },
	{ NULL },
};
