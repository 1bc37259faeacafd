/* test_scale.c: how many workers to start or stop. */
#include "config.h"

#include "pool/policy/scale.h"
#include "tests/unit/run.h"

#define SECOND INT64_C(1000000)
#define IDLE_TIMEOUT (10 * SECOND)

/* clang-format off */
#define STATIC(max, surge) \
	{.pm = PM_STATIC, .max_children = (max), .max_surge = (surge), .max_spawn_rate = 32, \
	 .idle_timeout_us = IDLE_TIMEOUT, .wait_us = SCALE_WAIT_US}
#define ONDEMAND(max) \
	{.pm = PM_ONDEMAND, .max_children = (max), .max_surge = 1, .max_spawn_rate = 32, \
	 .idle_timeout_us = IDLE_TIMEOUT, .wait_us = SCALE_WAIT_US}
/* 20 at most, 1 to 3 spare, 2 to start with. */
#define DYNAMIC(rate, surge) \
	{.pm = PM_DYNAMIC, .max_children = 20, .max_surge = (surge), .start_servers = 2, \
	 .min_spare = 1, .max_spare = 3, .max_spawn_rate = (rate), .idle_timeout_us = IDLE_TIMEOUT, \
	 .wait_us = SCALE_WAIT_US}
#define D DYNAMIC(32, 1)
/* 20 at most, so many are of use, 1 spare. */
#define AUTO(useful) \
	{.pm = PM_AUTO, .max_children = 20, .most = (useful), .max_surge = 1, .start_servers = 7, \
	 .min_spare = 1, .max_spawn_rate = 32, .idle_timeout_us = IDLE_TIMEOUT, .wait_us = SCALE_WAIT_US}
/* clang-format on */

struct row {
	const char *name;
	struct scale_counts counts;
	struct scale_settings settings;
	struct scale_decision decision;
};

static const struct row static_rows[] = {
    {"nobody yet", {.starting = 0}, STATIC(4, 1), {.start = 4}},
    {"one worker in all", {.starting = 0}, STATIC(1, 0), {.start = 1}},
    {"one is missing", {.starting = 1, .idle = 1, .busy = 1}, STATIC(4, 1), {.start = 1}},
    {"starts in progress count", {.starting = 4}, STATIC(4, 1), {.start = 0}},
    {"complete, all idle", {.idle = 4, .begun = true}, STATIC(4, 1), {.start = 0}},
    {"complete, all busy", {.busy = 4, .begun = true}, STATIC(4, 1), {.start = 0}},
    {"complete and many wait: static stays", {.busy = 4, .queued = 9, .overdue = 9, .begun = true},
	STATIC(4, 1), {.start = 0}},
    {"idle for ever: static stays", {.idle = 4, .begun = true, .longest_idle_us = INT64_MAX},
	STATIC(4, 1), {.start = 0}},
    {"above the limit", {.starting = 1, .idle = 2, .busy = 2}, STATIC(4, 1), {.start = 0}},
    {"a successor while one stops", {.idle = 3, .stopping = 1}, STATIC(4, 1), {.start = 1}},
    {"stop first without a surge", {.idle = 3, .stopping = 1}, STATIC(4, 0), {.start = 0}},
    {"two stop, nobody waits for them", {.idle = 2, .stopping = 2}, STATIC(4, 1), {.start = 2}},
    {"all stop", {.stopping = 4}, STATIC(4, 1), {.start = 4}},
    {"one more stops than the pool has", {.stopping = 5}, STATIC(4, 1), {.start = 4}},
    {"two more stop", {.stopping = 6}, STATIC(4, 1), {.start = 3}},
    {"two pools stop", {.stopping = 9}, STATIC(4, 1), {.start = 0}},
    {"all stop without a surge", {.stopping = 4}, STATIC(4, 0), {.start = 0}},
    {"a surge of all", {.stopping = 4}, STATIC(4, 4), {.start = 4}},
    {"the surge alone justifies no start", {.idle = 4}, STATIC(4, 4), {.start = 0}},
    {"a busy one leaves: its successor", {.idle = 3, .busy = 1, .leaving = 1}, STATIC(4, 1),
	{.start = 1}},
    {"an idle one leaves: its successor", {.idle = 4, .leaving = 1}, STATIC(4, 1), {.start = 1}},
    {"the successor is on its way", {.starting = 1, .idle = 4, .leaving = 1}, STATIC(4, 1),
	{.start = 0}},
    {"the successor is there", {.idle = 5, .leaving = 1}, STATIC(4, 1), {.start = 0}},
    {"no surge: nobody before it has left", {.busy = 4, .leaving = 1}, STATIC(4, 0), {.start = 0}},
    {"all leave, one surge", {.idle = 4, .leaving = 4}, STATIC(4, 1), {.start = 1}},
    {"all leave, two surges", {.idle = 4, .leaving = 4}, STATIC(4, 2), {.start = 2}},
    {"the only worker leaves", {.busy = 1, .leaving = 1}, STATIC(1, 1), {.start = 1}},
    {"more leave than there are: no wrap", {.idle = 1, .leaving = 9}, STATIC(4, 1), {.start = 4}},
    {"the most that can be set", {.starting = 0},
	{.pm = PM_STATIC, .max_children = 10000, .max_surge = 1000, .max_spawn_rate = 10000},
	{.start = 10000}},
    {"spawn rate: so many at once", {.starting = 0},
	{.pm = PM_STATIC, .max_children = 100, .max_spawn_rate = 32}, {.start = 32}},
    {"spawn rate: under way", {.starting = 32},
	{.pm = PM_STATIC, .max_children = 100, .max_spawn_rate = 32}, {.start = 0}},
    {"spawn rate: one has become ready", {.starting = 31, .idle = 1},
	{.pm = PM_STATIC, .max_children = 100, .max_spawn_rate = 32}, {.start = 1}},
};

static const struct row dynamic_rows[] = {
    {"the first start", {.starting = 0}, D, {.start = 2}},
    {"the first ones are under way", {.starting = 2, .begun = true}, D, {.start = 0}},
    {"one of the first has gone", {.idle = 1, .begun = true}, D, {.start = 0}},
    {"all have gone", {.begun = true}, D, {.start = 1}},
    {"one spare", {.idle = 1, .busy = 5, .begun = true}, D, {.start = 0}},
    {"none to spare", {.busy = 5, .begun = true}, D, {.start = 1}},
    {"one to spare is starting", {.starting = 1, .busy = 5, .begun = true}, D, {.start = 0}},
    {"the spare one leaves",
	{.idle = 1, .busy = 5, .leaving = 1, .leaving_idle = 1, .begun = true}, D, {.start = 1}},
    {"busy ones leave, the spare one stays", {.idle = 1, .busy = 5, .leaving = 4, .begun = true}, D,
	{.start = 0}},
    {"a short wait justifies nothing", {.starting = 1, .busy = 1, .queued = 20, .begun = true}, D,
	{.again_us = SCALE_WAIT_US}},
    {"no worker at all: no use in waiting", {.queued = 7, .begun = true}, D, {.start = 7}},
    {"none but starting: those count", {.starting = 2, .queued = 7, .begun = true}, D,
	{.start = 5}},
    {"one waits too long", {.starting = 1, .busy = 3, .queued = 5, .overdue = 1, .begun = true}, D,
	{.again_us = SCALE_WAIT_US}},
    {"a burst", {.busy = 1, .queued = 19, .overdue = 19, .begun = true}, D, {.start = 19}},
    {"a burst, some are on their way",
	{.starting = 5, .busy = 1, .queued = 19, .overdue = 19, .begun = true}, D, {.start = 14}},
    {"a burst, enough are on their way",
	{.starting = 19, .busy = 1, .queued = 19, .overdue = 19, .begun = true}, D, {.start = 0}},
    {"a burst beyond the maximum", {.busy = 1, .queued = 40, .overdue = 40, .begun = true}, D,
	{.start = 19, .at_max = true}},
    {"a burst at the exact maximum", {.busy = 1, .queued = 19, .overdue = 19, .begun = true}, D,
	{.start = 19}},
    {"at the maximum, none waits", {.busy = 20, .begun = true}, D, {.at_max = true}},
    {"at the maximum, one waits", {.busy = 20, .queued = 1, .overdue = 1, .begun = true}, D,
	{.at_max = true}},
    {"at the maximum, one waits shortly", {.busy = 20, .queued = 1, .begun = true}, D,
	{.at_max = true, .again_us = SCALE_WAIT_US}},
    {"one below the maximum", {.busy = 19, .queued = 1, .overdue = 1, .begun = true}, D,
	{.start = 1}},
    {"above the maximum", {.busy = 21, .queued = 1, .overdue = 1, .begun = true}, D,
	{.at_max = true}},
    {"spawn rate 5, none under way", {.busy = 1, .queued = 19, .overdue = 19, .begun = true},
	DYNAMIC(5, 1), {.start = 5}},
    {"spawn rate 5, three under way",
	{.starting = 3, .busy = 1, .queued = 19, .overdue = 19, .begun = true}, DYNAMIC(5, 1),
	{.start = 2}},
    {"spawn rate 5, five under way",
	{.starting = 5, .busy = 1, .queued = 19, .overdue = 19, .begun = true}, DYNAMIC(5, 1),
	{.start = 0}},
    {"spawn rate 5, six under way",
	{.starting = 6, .busy = 1, .queued = 19, .overdue = 19, .begun = true}, DYNAMIC(5, 1),
	{.start = 0}},
    {"stopping ones count, without a surge",
	{.busy = 15, .stopping = 5, .queued = 9, .overdue = 9, .begun = true}, DYNAMIC(32, 0),
	{.at_max = true}},
    {"stopping ones do not count, with a surge",
	{.busy = 15, .stopping = 5, .queued = 9, .overdue = 9, .begun = true}, D,
	{.start = 5, .at_max = true}},
    {"a busy one leaves, none to spare", {.busy = 2, .leaving = 1, .begun = true}, D, {.start = 1}},
    {"max spare, idle for ever", {.idle = 3, .begun = true, .longest_idle_us = INT64_MAX}, D,
	{.start = 0}},
    {"one too many, just idle", {.idle = 4, .begun = true}, D, {.again_us = IDLE_TIMEOUT}},
    {"one too many, below the time",
	{.idle = 4, .begun = true, .longest_idle_us = IDLE_TIMEOUT - 1}, D, {.again_us = 1}},
    {"one too many, at the time", {.idle = 4, .begun = true, .longest_idle_us = IDLE_TIMEOUT}, D,
	{.stop_one = true}},
    {"seventeen too many: one at a time",
	{.idle = 20, .begun = true, .longest_idle_us = IDLE_TIMEOUT + 1}, D, {.stop_one = true}},
    {"one too many, one on its way out",
	{.idle = 4, .stopping = 1, .begun = true, .longest_idle_us = IDLE_TIMEOUT}, D,
	{.start = 0}},
    {"one too many while requests wait: they are about to be given out",
	{.idle = 4, .queued = 1, .overdue = 1, .begun = true, .longest_idle_us = IDLE_TIMEOUT}, D,
	{.start = 0}},
    {"clock jump: idle since the future",
	{.idle = 4, .begun = true, .longest_idle_us = -5 * SECOND}, D,
	{.again_us = IDLE_TIMEOUT + 5 * SECOND}},
    {"clock jump: idle since ever", {.idle = 4, .begun = true, .longest_idle_us = INT64_MAX}, D,
	{.stop_one = true}},
    {"the most that can be asked for",
	{.busy = 1, .queued = UINT32_MAX, .overdue = UINT32_MAX, .begun = true},
	{.pm = PM_DYNAMIC,
	    .max_children = 10000,
	    .min_spare = 1,
	    .max_spare = 2,
	    .max_spawn_rate = 10000,
	    .max_surge = 1000},
	{.start = 9999, .at_max = true}},
};

static const struct row ondemand_rows[] = {
    {"no request, no worker", {.starting = 0}, ONDEMAND(20), {.start = 0}},
    {"one request", {.queued = 1}, ONDEMAND(20), {.start = 1}},
    {"one request, its worker is starting", {.starting = 1, .queued = 1, .begun = true},
	ONDEMAND(20), {.again_us = SCALE_WAIT_US}},
    {"twenty requests", {.queued = 20}, ONDEMAND(20), {.start = 20}},
    {"twenty-one requests", {.queued = 21}, ONDEMAND(20), {.start = 20, .at_max = true}},
    {"a maximum of one", {.queued = 2}, ONDEMAND(1), {.start = 1, .at_max = true}},
    {"the only one is busy", {.busy = 1, .queued = 1, .overdue = 1, .begun = true}, ONDEMAND(1),
	{.at_max = true}},
    {"no spare is kept ready", {.busy = 2, .begun = true}, ONDEMAND(20), {.start = 0}},
    {"one waits shortly for a busy one", {.busy = 2, .queued = 1, .begun = true}, ONDEMAND(20),
	{.again_us = SCALE_WAIT_US}},
    {"one waits too long for a busy one", {.busy = 2, .queued = 1, .overdue = 1, .begun = true},
	ONDEMAND(20), {.start = 1}},
    {"two of three wait too long", {.busy = 2, .queued = 3, .overdue = 2, .begun = true},
	ONDEMAND(20), {.start = 2}},
    {"the busy one leaves and one waits", {.busy = 1, .leaving = 1, .queued = 1, .begun = true},
	ONDEMAND(20), {.start = 1}},
    {"the busy one leaves, none waits", {.busy = 1, .leaving = 1, .begun = true}, ONDEMAND(20),
	{.start = 0}},
    {"the last one, just idle", {.idle = 1, .begun = true}, ONDEMAND(20),
	{.again_us = IDLE_TIMEOUT}},
    {"the last one, idle for long", {.idle = 1, .begun = true, .longest_idle_us = IDLE_TIMEOUT},
	ONDEMAND(20), {.stop_one = true}},
    {"gone to zero: nothing to wake up for", {.begun = true}, ONDEMAND(20), {.start = 0}},
    {"the last one is on its way out", {.stopping = 1, .begun = true}, ONDEMAND(20), {.start = 0}},
    {"a request while the last one is on its way out", {.stopping = 1, .queued = 1, .begun = true},
	ONDEMAND(1), {.start = 1}},
    {"no idle time: gone at once", {.idle = 1, .begun = true},
	{.pm = PM_ONDEMAND, .max_children = 4, .max_spawn_rate = 32}, {.stop_one = true}},
};

/* Of 4 and a surge, others have so many places. */
#define LEFT(mode, surge, theirs, one) \
	{.pm = (mode), .max_children = 4, .max_surge = (surge), .others = (theirs), \
	 .keeps_one = (one), .start_servers = 2, .min_spare = 1, .max_spare = 3, \
	 .max_spawn_rate = 32, .idle_timeout_us = IDLE_TIMEOUT}
#define ALONE(theirs, one) \
	{.pm = PM_STATIC, .max_children = 1, .others = (theirs), .keeps_one = (one), \
	 .max_spawn_rate = 32}

static const struct row room_rows[] = {
    {"the surge is enough for one of theirs", {.idle = 4, .begun = true},
	LEFT(PM_STATIC, 1, 1, false), {.start = 0}},
    {"one surges already: it goes", {.idle = 5, .begun = true}, LEFT(PM_STATIC, 1, 1, false),
	{.stop_one = true, .shrinks = true}},
    {"no surge: an idle one goes", {.idle = 1, .busy = 3, .begun = true},
	LEFT(PM_STATIC, 0, 1, false), {.stop_one = true, .shrinks = true}},
    {"though requests are about to be given out", {.idle = 1, .busy = 3, .queued = 1},
	LEFT(PM_STATIC, 0, 1, false), {.stop_one = true, .shrinks = true}},
    {"no surge, all busy: the first that becomes idle", {.busy = 4, .begun = true},
	LEFT(PM_STATIC, 0, 1, false), {.shrinks = true}},
    {"one stops: no other has to", {.idle = 3, .stopping = 1, .begun = true},
	LEFT(PM_STATIC, 0, 1, false), {.start = 0}},
    {"one stops and counts: none is started", {.idle = 2, .stopping = 1, .begun = true},
	LEFT(PM_STATIC, 0, 1, false), {.start = 0}},
    {"it has gone: three are left", {.idle = 2, .begun = true}, LEFT(PM_STATIC, 0, 1, false),
	{.start = 1}},
    {"three are theirs: static has two", {.idle = 1}, LEFT(PM_STATIC, 1, 3, true), {.start = 1}},
    {"more are theirs than there are: one", {.starting = 0}, LEFT(PM_STATIC, 1, 9, true),
	{.start = 1}},
    {"and no more than one", {.idle = 1}, LEFT(PM_STATIC, 1, 9, true), {.start = 0}},
    {"all are theirs: none", {.queued = 3, .overdue = 3}, LEFT(PM_ONDEMAND, 1, 5, false),
	{.start = 0}},
    {"one leaves, no room for its successor: it goes first", {.idle = 4, .leaving = 1},
	LEFT(PM_STATIC, 1, 1, false), {.start = 0}},
    {"none are theirs: as ever", {.idle = 5, .begun = true}, LEFT(PM_STATIC, 1, 0, true),
	{.start = 0}},
    {"dynamic: spare ones within what is left", {.busy = 2, .begun = true},
	LEFT(PM_DYNAMIC, 1, 2, true), {.start = 1}},
    {"dynamic: no more is left, which is not its maximum", {.busy = 2, .begun = true},
	LEFT(PM_DYNAMIC, 1, 3, true), {.start = 0}},
    {"dynamic: at its maximum, too", {.busy = 4, .begun = true}, LEFT(PM_DYNAMIC, 1, 1, true),
	{.at_max = true}},
    {"ondemand: two wait, one fits", {.busy = 1, .queued = 2, .overdue = 2, .begun = true},
	LEFT(PM_ONDEMAND, 1, 3, true), {.start = 1}},
    {"the only one: it goes", {.idle = 1}, ALONE(1, false), {.stop_one = true, .shrinks = true}},
    {"the only one is busy", {.busy = 1, .queued = 2}, ALONE(1, false), {.shrinks = true}},
    {"the only one has gone", {.queued = 2}, ALONE(1, false), {.start = 0}},
    {"the only one is still going", {.stopping = 1, .queued = 2}, ALONE(1, false), {.start = 0}},
    {"the only one of each", {.starting = 0}, ALONE(1, true), {.start = 1}},
};

#define ENDS(mode, spares) \
	{.pm = (mode), .max_children = 4, .max_surge = 1, .others = 1, .keeps_one = true, \
	 .ends = true, .spare = (spares), .start_servers = 2, .min_spare = 1, .max_spare = 3, \
	 .max_spawn_rate = 32, .idle_timeout_us = IDLE_TIMEOUT, .wait_us = SCALE_WAIT_US}
static const struct row ending_rows[] = {
    {"static has no minimum", {.starting = 0}, ENDS(PM_STATIC, 1), {.shrinks = true}},
    {"dynamic has no spare ones", {.busy = 1}, ENDS(PM_DYNAMIC, 1), {.shrinks = true}},
    {"idle ones go at once", {.idle = 4, .begun = true}, ENDS(PM_DYNAMIC, 1),
	{.stop_one = true, .shrinks = true}},
    {"also while others stop", {.idle = 2, .stopping = 2}, ENDS(PM_STATIC, 1),
	{.stop_one = true, .shrinks = true}},
    {"the last one stays", {.idle = 1}, ENDS(PM_STATIC, 1), {.shrinks = true}},
    {"one that is busy is enough", {.idle = 1, .busy = 1}, ENDS(PM_STATIC, 1),
	{.stop_one = true, .shrinks = true}},
    {"nothing more can come", {.idle = 1}, ENDS(PM_STATIC, 0), {.stop_one = true, .shrinks = true}},
    {"what waits needs it", {.idle = 1, .queued = 1}, ENDS(PM_STATIC, 0),
	{.shrinks = true, .again_us = SCALE_WAIT_US}},
    {"what waits needs one", {.queued = 3, .overdue = 1}, ENDS(PM_STATIC, 0),
	{.start = 3, .shrinks = true}},
    {"what waits is not too long", {.busy = 1, .queued = 3}, ENDS(PM_STATIC, 0),
	{.shrinks = true, .again_us = SCALE_WAIT_US}},
    {"what waits too long", {.busy = 1, .queued = 3, .overdue = 2}, ENDS(PM_STATIC, 0),
	{.start = 2, .shrinks = true}},
};

/* A worker takes 16 requests; 5 workers at most, 4 to 20 places spare. */
#define SHARED(mode) \
	{.pm = (mode), .each = 16, .max_children = 5, .max_surge = 1, .start_servers = 2, \
	 .min_spare = 4, .max_spare = 20, .max_spawn_rate = 32, .idle_timeout_us = IDLE_TIMEOUT, \
	 .wait_us = SCALE_WAIT_US}
static const struct row shared_rows[] = {
    {"the first start is in workers", {.starting = 0}, SHARED(PM_DYNAMIC), {.start = 2}},
    {"static is in workers", {.idle = 1, .busy = 2, .running = 3}, SHARED(PM_STATIC), {.start = 2}},
    {"all wait for one worker", {.queued = 16}, SHARED(PM_ONDEMAND), {.start = 1}},
    {"one more takes a second", {.queued = 17}, SHARED(PM_ONDEMAND), {.start = 2}},
    {"one that starts takes sixteen", {.starting = 1, .queued = 16, .begun = true},
	SHARED(PM_ONDEMAND), {.again_us = SCALE_WAIT_US}},
    {"enough places", {.busy = 1, .running = 12, .begun = true}, SHARED(PM_DYNAMIC), {.start = 0}},
    {"a place is lacking", {.busy = 1, .running = 13, .begun = true}, SHARED(PM_DYNAMIC),
	{.start = 1}},
    {"the places of one that leaves do not count",
	{.idle = 1, .busy = 1, .running = 13, .leaving = 1, .leaving_idle = 1, .begun = true},
	SHARED(PM_DYNAMIC), {.start = 1}},
    {"nor its requests", {.busy = 2, .running = 12, .leaving = 1, .begun = true},
	SHARED(PM_DYNAMIC), {.start = 0}},
    {"full, and some wait too long",
	{.busy = 2, .running = 32, .queued = 40, .overdue = 20, .begun = true},
	SHARED(PM_ONDEMAND), {.start = 2}},
    {"full at the maximum", {.busy = 5, .running = 80, .queued = 1, .overdue = 1, .begun = true},
	SHARED(PM_ONDEMAND), {.at_max = true}},
    {"the idle one is needed for spare places",
	{.idle = 1, .busy = 1, .running = 2, .begun = true, .longest_idle_us = INT64_MAX},
	SHARED(PM_DYNAMIC), {.start = 0}},
    {"it is not, if the others have enough",
	{.idle = 1, .busy = 2, .running = 12, .begun = true, .longest_idle_us = IDLE_TIMEOUT},
	SHARED(PM_DYNAMIC), {.stop_one = true}},
    {"not idle for long enough",
	{.idle = 1, .busy = 2, .running = 12, .begun = true, .longest_idle_us = SECOND},
	SHARED(PM_DYNAMIC), {.again_us = IDLE_TIMEOUT - SECOND}},
    {"few requests spread over all: one gets no more",
	{.busy = 3, .running = 12, .begun = true, .surplus_us = IDLE_TIMEOUT}, SHARED(PM_DYNAMIC),
	{.close_one = true}},
    {"not yet", {.busy = 3, .running = 12, .begun = true, .surplus_us = SECOND},
	SHARED(PM_DYNAMIC), {.again_us = IDLE_TIMEOUT - SECOND}},
    {"more of them: all stay",
	{.busy = 3, .running = 13, .begun = true, .surplus_us = INT64_MAX}, SHARED(PM_DYNAMIC),
	{.start = 0}},
    {"ondemand keeps no places",
	{.busy = 2, .running = 2, .begun = true, .surplus_us = IDLE_TIMEOUT}, SHARED(PM_ONDEMAND),
	{.close_one = true}},
    {"the last one stays, as long as it is busy",
	{.busy = 2, .leaving = 1, .running = 0, .begun = true, .surplus_us = IDLE_TIMEOUT},
	SHARED(PM_ONDEMAND), {.start = 0}},
    {"static closes nobody", {.busy = 5, .running = 5, .surplus_us = INT64_MAX},
	SHARED(PM_STATIC), {.start = 0}},
};

static void
check_row(const struct row *row)
{
	const struct scale_decision *want = &row->decision;
	struct scale_decision d = {
	    .start = 77, .stop_one = !want->stop_one, .at_max = !want->at_max,
	    .close_one = !want->close_one, .shrinks = !want->shrinks, .again_us = -1};

	scale_decide(&row->counts, &row->settings, &d);
	ck_assert_msg(d.start == want->start, "%s: starts %u", row->name, d.start);
	ck_assert_msg(d.stop_one == want->stop_one, "%s: stop_one is %d", row->name, d.stop_one);
	ck_assert_msg(d.close_one == want->close_one, "%s: close_one is %d", row->name,
	    d.close_one);
	ck_assert_msg(d.at_max == want->at_max, "%s: at_max is %d", row->name, d.at_max);
	ck_assert_msg(d.shrinks == want->shrinks, "%s: shrinks is %d", row->name, d.shrinks);
	ck_assert_msg(
	    d.again_us == want->again_us, "%s: again in %lld us", row->name, (long long)d.again_us);
}

static const struct row auto_rows[] = {
    {"none to spare", {.busy = 2, .begun = true}, AUTO(4), {.start = 1}},
    {"as many as another generation had", {.idle = 1}, AUTO(16), {.start = 6}},
    {"as many of them as are of use", {.idle = 1}, AUTO(4), {.start = 3}},
    {"none to spare, no more are of use", {.busy = 4, .begun = true}, AUTO(4), {.start = 0}},
    {"a burst", {.busy = 1, .queued = 9, .overdue = 9, .begun = true}, AUTO(4), {.start = 3}},
    {"a burst beyond pm.max_children", {.busy = 1, .queued = 40, .overdue = 40, .begun = true},
	AUTO(64), {.start = 19, .at_max = true}},
    {"fewer are of use, none is idle", {.busy = 4, .begun = true}, AUTO(3), {.shrinks = true}},
    {"fewer are of use", {.busy = 3, .idle = 1, .begun = true}, AUTO(3),
	{.shrinks = true, .stop_one = true}},
    {"fewer are of use, one leaves already", {.busy = 4, .leaving = 1, .begun = true}, AUTO(3),
	{.start = 0}},
    {"one is not needed", {.idle = 2, .begun = true, .longest_idle_us = IDLE_TIMEOUT}, AUTO(4),
	{.stop_one = true}},
    {"and more, while one stops",
	{.idle = 2, .stopping = 1, .begun = true, .longest_idle_us = IDLE_TIMEOUT}, AUTO(4),
	{.stop_one = true}},
};

START_TEST(test_auto)
{
	check_row(&auto_rows[_i]);
}
END_TEST

START_TEST(test_shared)
{
	check_row(&shared_rows[_i]);
}
END_TEST

START_TEST(test_static)
{
	check_row(&static_rows[_i]);
}
END_TEST

START_TEST(test_dynamic)
{
	check_row(&dynamic_rows[_i]);
}
END_TEST

START_TEST(test_ondemand)
{
	check_row(&ondemand_rows[_i]);
}
END_TEST

START_TEST(test_room)
{
	check_row(&room_rows[_i]);
}
END_TEST

START_TEST(test_ending)
{
	check_row(&ending_rows[_i]);
}
END_TEST

/* What holds whatever happens, over every small combination. */
static void
check_limits(const struct scale_counts *c, const struct scale_settings *s)
{
	unsigned int aside = s->max_surge > 0 ? s->max_children : 0; /* of those that stop */
	unsigned int total = c->starting + c->idle + c->busy +
	    (c->stopping > aside ? c->stopping - aside : 0);
	unsigned int serving = c->starting + c->idle + c->busy - c->leaving;
	struct scale_decision d;

	scale_decide(c, s, &d);
	if (d.start > 0) {
		check_round(serving + d.start <= s->max_children, "%u start", d.start);
		check_round(total + d.start <= s->max_children + s->max_surge, "%u start", d.start);
		check_round(c->starting + d.start <= s->max_spawn_rate, "%u start", d.start);
		check_round(!d.stop_one, "%u start", d.start);
	}
	if (s->pm == PM_STATIC)
		check_round(!d.stop_one && !d.at_max && d.again_us == 0, "static");
	if (d.stop_one)
		check_round(c->idle > 0 && c->queued == 0 && c->stopping == 0, "%u idle", c->idle);
	check_round(
	    !d.stop_one || s->pm != PM_DYNAMIC || c->idle > s->max_spare, "%u idle", c->idle);
	check_round(d.again_us >= 0, "%lld", (long long)d.again_us);
}

START_TEST(test_limits)
{
	static const enum pm_mode modes[] = {PM_STATIC, PM_DYNAMIC, PM_ONDEMAND};
	struct scale_settings s = {.pm = modes[_i / 3],
	    .max_children = 3,
	    .max_surge = (unsigned int)_i % 3,
	    .start_servers = 2,
	    .min_spare = 1,
	    .max_spare = 2,
	    .max_spawn_rate = 2,
	    .idle_timeout_us = IDLE_TIMEOUT};

	for (unsigned int i = 0; i < 5 * 5 * 5 * 3 * 3 * 4; i++) {
		struct scale_counts c = {.starting = i % 5,
		    .idle = i / 5 % 5,
		    .busy = i / 25 % 5,
		    .stopping = i / 125 % 3,
		    .leaving = i / 375 % 3,
		    .queued = i / 1125,
		    .begun = i % 2 == 0,
		    .longest_idle_us = i % 3 == 0 ? IDLE_TIMEOUT : 0};

		if (c.leaving > c.idle + c.busy)
			continue;
		for (c.overdue = 0; c.overdue <= c.queued; c.overdue++)
			check_limits(&c, &s);
	}
}
END_TEST

static const struct {
	int64_t before, took, wait;
} waits[] = {
    {0, 3000, 3000},      /* the first */
    {0, 300, 1000},       /* sooner than it is looked */
    {0, 500000, 10000},   /* with a warm-up */
    {4000, 4000, 4000},
    {4000, 8000, 5000},   /* one is no rule */
    {10000, 1000, 7750},
    {1000, 1000, 1000},
};

START_TEST(test_wait)
{
	ck_assert_int_eq(scale_wait(waits[_i].before, waits[_i].took), waits[_i].wait);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("scale");
	TCase *tc = tcase_create("policy");

	tcase_add_loop_test(tc, test_static, 0, COUNT(static_rows));
	tcase_add_loop_test(tc, test_auto, 0, COUNT(auto_rows));
	tcase_add_loop_test(tc, test_shared, 0, COUNT(shared_rows));
	tcase_add_loop_test(tc, test_dynamic, 0, COUNT(dynamic_rows));
	tcase_add_loop_test(tc, test_room, 0, COUNT(room_rows));
	tcase_add_loop_test(tc, test_ending, 0, COUNT(ending_rows));
	tcase_add_loop_test(tc, test_ondemand, 0, COUNT(ondemand_rows));
	tcase_add_loop_test(tc, test_limits, 0, 9);
	tcase_add_loop_test(tc, test_wait, 0, COUNT(waits));
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
