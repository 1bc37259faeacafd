/*
 * status.c: which requests are for the status page or ping, in which form they are answered, and
 * their answers. They use no worker, wait for nothing, and are not counted.
 */
#include "config.h"

#include "pool/status/status.h"

#include <string.h>
#include <unistd.h>

#include "pool/core/request.h"
#include "pool/observe/accesslog.h"
#include "pool/request/answer.h"
#include "pool/status/format.h"
#include "pool/wire/fcgi.h"
#include "pool/wire/params.h"

#define NEVER_CACHED                                                                               \
	"Expires: Thu, 01 Jan 1970 00:00:00 GMT\r\n"                                               \
	"Cache-Control: no-cache, no-store, must-revalidate, max-age=0\r\n"

/* The forms, in the order in which the query string is looked through for their names. */
static const struct form {
	const char *name; /* NULL: none of the others was asked for */
	const char *head;
	bool workers; /* shown even without "full" */
	void (*write)(struct text_out *out, const struct status_view *view, bool full);
} forms[] = {
	/* The page has all it needs in itself; whatever may get into it loads nothing more. */
	{ "html",
	    NEVER_CACHED
	    "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; "
	    "script-src 'unsafe-inline'; connect-src 'self'; img-src data:; base-uri 'none'; "
	    "form-action 'none'\r\n"
	    "Content-type: text/html;charset=UTF-8\r\n\r\n",
	    true, status_html },
	{ "xml", NEVER_CACHED "Content-type: text/xml;charset=UTF-8\r\n\r\n", false, status_xml },
	{ "json", NEVER_CACHED "Content-Type: application/json\r\n\r\n", false, status_json },
	{ "openmetrics",
	    NEVER_CACHED
	    "Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n\r\n",
	    false, status_openmetrics },
	{ NULL, NEVER_CACHED "Content-type: text/plain;charset=UTF-8\r\n\r\n", false,
	    status_text },
};
static const char ping_head[] =
    "Content-type: text/plain;charset=UTF-8\r\n" NEVER_CACHED "\r\n";

/*
 * Whether the request is for path: SCRIPT_NAME is, or SCRIPT_NAME and PATH_INFO together are. Web
 * servers in front of a framework leave SCRIPT_NAME empty and put the whole path into PATH_INFO;
 * one that can send nothing empty sends "/", which Rack takes for the same.
 */
static bool
is_for(const struct request *r, const char *path)
{
	struct slice info;

	if (path == NULL || *path == '\0')
		return false;
	if (params_value_is(&r->params, r->params.script, path))
		return true;
	if (r->params.script.len >= strlen(path) ||
	    (r->params.script.len > 0 &&
		memcmp(r->params.data + r->params.script.off, path, r->params.script.len) != 0) ||
	    !params_get(&r->params, "PATH_INFO", &info))
		return false;
	return params_value_is(&r->params, info, path + r->params.script.len) ||
	    (params_value_is(&r->params, r->params.script, "/") &&
		params_value_is(&r->params, info, path));
}

bool
status_takes(struct request *r)
{
	const struct conf_pool *conf = r->pool->conf;

	if (r->role == FCGI_RESPONDER &&
	    (is_for(r, conf->status_path) || is_for(r, conf->ping_path)))
		r->account.own = true;
	return r->account.own;
}

/* Whether the query string has the key, with a value or without. */
static bool
is_asked(const struct request *r, const char *key)
{
	const char *p = (const char *)r->params.data + r->params.query.off,
		   *end = p + r->params.query.len;
	size_t len = strlen(key);

	while (p < end) {
		const char *stop = memchr(p, '&', (size_t)(end - p));
		size_t n = (size_t)((stop != NULL ? stop : end) - p);

		if (n >= len && memcmp(p, key, len) == 0 && (n == len || p[len] == '='))
			return true;
		p += n + 1;
	}
	return false;
}

/* Slow clients keep the buffers near their limit, and the status page is wanted just then: it may
 * go beyond it, once over. */
static bool
has_room(const struct pool *pool, size_t len)
{
	return len <= pool->conf->buffer_limit &&
	    (pool_buffered(pool) + len) / 2 <= pool->conf->buffer_limit;
}

static void
answer_status(struct request *r)
{
	const struct form *form = forms;
	bool full = is_asked(r, "full");
	struct text_out page = { 0 };
	struct status_view view;

	while (form->name != NULL && !is_asked(r, form->name))
		form++;
	accesslog_count_lost(r->pool);
	text_out_string(&page, form->head);
	if (!status_view_gather(&view, r->pool, full || form->workers))
		page.failed = true;
	else
		form->write(&page, &view, full);
	status_view_free(&view);
	if (page.failed)
		answer_error(r, 503, 0, "There is no memory for the status page.");
	else if (!has_room(r->pool, page.len))
		answer_error(r, 503, 0, "The status page does not fit into buffer_limit.");
	else
		answer_whole(r, strlen(form->head), page.data, page.len);
	text_out_free(&page);
}

void
status_describe(struct pool *pool, int fd)
{
	struct text_out page = { 0 };
	struct status_view view;
	size_t done = 0;
	ssize_t n = 0;

	if (status_view_gather(&view, pool, true))
		status_json(&page, &view, true);
	else
		page.failed = true;
	status_view_free(&view);
	text_out_string(&page, "\n"); /* by which it is known to be whole */
	while (!page.failed && done < page.len && n != -1) {
		n = write(fd, page.data + done, page.len - done);
		done += n > 0 ? (size_t)n : 0;
	}
	text_out_free(&page);
}

static void
answer_ping(struct request *r)
{
	struct text_out page = { 0 };

	if (r->pool->observe.withdrawn) {
		answer_error(r, 503, 0, "The pool is drained: send it nothing more.");
		return;
	}
	text_out_string(&page, ping_head);
	text_out_string(&page, r->pool->conf->ping_response);
	if (page.failed)
		answer_error(r, 503, 0, "There is no memory for the answer.");
	else
		answer_whole(r, strlen(ping_head), page.data, page.len);
	text_out_free(&page);
}

void
status_answer(struct request *r)
{
	if (is_for(r, r->pool->conf->status_path))
		answer_status(r);
	else if (is_for(r, r->pool->conf->ping_path))
		answer_ping(r);
	else
		answer_error(r, 404, 0, "Only the status page and ping are answered here.");
}
