/*
 * metrics_http.c: /metrics and /healthz over HTTP, by libevent's server.
 *
 * A client gets one answer per connection, and little of everything until then: header, body, time.
 * When there are too many, the oldest goes, so that nobody can keep Prometheus out by holding on.
 */
#include "config.h"

#include "fpm/metrics/http.h"

#include <sys/queue.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text_out.h"

#define CONNECTIONS_MAX 64
#define CONNECTIONS_MIN 4
/* Besides one for each pool: our own, and those that come and go. */
#define DESCRIPTORS_OWN 20
#define CONNECTION_US INT64_C(10000000) /* that a connection may live */
#define IDLE_S 5                        /* without a byte */
#define HEADER_MAX 8192
#define BODY_MAX 1024
#define TEXT_TYPE "text/plain; charset=utf-8"

/* One that the server has accepted. The buffer is shared with the server: when that has closed the
 * connection, it has let go of the buffer's callbacks. */
struct connection {
	TAILQ_ENTRY(connection) next;
	struct bufferevent *buffer;
	int64_t since_us;
};

struct metrics_http {
	struct event_base *base;
	struct evhttp *server;
	struct evhttp_bound_socket *bound; /* NULL: nobody is accepted any more */
	struct event *sweep;
	TAILQ_HEAD(, connection) connections; /* the oldest first */
	unsigned int connection_count, connection_max;
	struct metrics_pool *pools;
	size_t count;
};

/* Connections -------------------------------------------------------------------- */

static bool
is_closed(const struct connection *c)
{
	bufferevent_event_cb on_event;

	bufferevent_getcb(c->buffer, NULL, NULL, &on_event, NULL);
	return on_event == NULL;
}

static void
forget(struct metrics_http *h, struct connection *c)
{
	TAILQ_REMOVE(&h->connections, c, next);
	h->connection_count--;
	bufferevent_decref(c->buffer);
	free(c);
}

/* Forget those that are closed; end those that are too old, and the oldest beyond max. */
static void
sweep(struct metrics_http *h, unsigned int max)
{
	int64_t now = clock_now_us();
	struct connection *c, *next;

	for (c = TAILQ_FIRST(&h->connections); c != NULL; c = next) {
		next = TAILQ_NEXT(c, next);
		if (is_closed(c))
			forget(h, c);
	}
	while ((c = TAILQ_FIRST(&h->connections)) != NULL &&
	    (h->connection_count > max || now - c->since_us >= CONNECTION_US)) {
		/* The server sees the end of file and closes. */
		shutdown(bufferevent_getfd(c->buffer), SHUT_RDWR);
		forget(h, c);
	}
}

static void
schedule_sweep(struct metrics_http *h)
{
	static const struct timeval second = {1, 0};

	if (!TAILQ_EMPTY(&h->connections) && !evtimer_pending(h->sweep, NULL))
		evtimer_add(h->sweep, &second);
}

static void
on_sweep(evutil_socket_t fd, short what, void *arg)
{
	struct metrics_http *h = arg;

	sweep(h, h->connection_max);
	schedule_sweep(h);
}

/* The server has accepted a connection and wants a buffer for it. */
static struct bufferevent *
on_accept(struct event_base *base, void *arg)
{
	struct metrics_http *h = arg;
	struct bufferevent *buffer = bufferevent_socket_new(base, -1, 0);
	struct connection *c = calloc(1, sizeof(*c));

	/* The events of a closed one go with its buffer: that has to be before the new connection,
	 * which may have its number, gets events. */
	sweep(h, h->connection_max - 1);
	if (buffer == NULL || c == NULL) {
		free(c);
		return buffer; /* the server's own timeouts hold for it */
	}
	c->buffer = buffer;
	c->since_us = clock_now_us();
	bufferevent_incref(buffer);
	TAILQ_INSERT_TAIL(&h->connections, c, next);
	h->connection_count++;
	schedule_sweep(h);
	return buffer;
}

static void
on_resume(evutil_socket_t fd, short what, void *arg)
{
	evconnlistener_enable(arg);
}

/* We or the system are short of descriptors or memory: the client waits a moment, we do not
 * spin. */
static void
on_accept_error(struct evconnlistener *listener, void *arg)
{
	static const struct timeval moment = {0, 100000};

	if (event_base_once(evconnlistener_get_base(listener), -1, EV_TIMEOUT, on_resume, listener,
		&moment) == 0)
		evconnlistener_disable(listener);
}

static bool
listen_on(struct metrics_http *h, int fd)
{
	if ((h->bound = evhttp_accept_socket_with_handle(h->server, fd)) == NULL)
		return false;
	evconnlistener_set_error_cb(evhttp_bound_socket_get_listener(h->bound), on_accept_error);
	return true;
}

/* As many as the limit of descriptors has room for. */
static unsigned int
connection_max(size_t pools)
{
	rlim_t own = DESCRIPTORS_OWN + pools;
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1 || rl.rlim_cur >= own + CONNECTIONS_MAX)
		return CONNECTIONS_MAX;
	return rl.rlim_cur > own + CONNECTIONS_MIN ? (unsigned int)(rl.rlim_cur - own)
						   : CONNECTIONS_MIN;
}

/* Answers ------------------------------------------------------------------------ */

static void
answer(struct evhttp_request *req, int code, const char *reason, const char *type, const char *text,
    size_t len)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(req);
	struct evbuffer *body = evhttp_request_get_output_buffer(req);
	char length[24];

	evhttp_add_header(headers, "Content-Type", type);
	evhttp_add_header(headers, "Cache-Control", "no-store");
	evhttp_add_header(headers, "Connection", "close");
	if (evhttp_request_get_command(req) == EVHTTP_REQ_HEAD) { /* libevent would send a body */
		snprintf(length, sizeof(length), "%zu", len);
		evhttp_add_header(headers, "Content-Length", length);
	} else if (evbuffer_add(body, text, len) == -1) {
		code = 500;
	}
	evhttp_send_reply(req, code, code == 500 ? "Out of memory" : reason, NULL);
}

static void
answer_text(struct evhttp_request *req, int code, const char *reason, const char *text)
{
	answer(req, code, reason, TEXT_TYPE, text, strlen(text));
}

static void
serve_metrics(struct metrics_http *h, struct evhttp_request *req)
{
	const char *accept =
	    evhttp_find_header(evhttp_request_get_input_headers(req), "Accept");
	enum exposition_format format = exposition_choose(accept);
	struct exposed_pool *pools = calloc(h->count, sizeof(*pools));
	struct text_out text = {0};

	if (pools != NULL) {
		for (size_t i = 0; i < h->count; i++)
			metrics_pool_expose(&h->pools[i], &pools[i]);
		exposition_write(&text, pools, h->count, clock_now_us(), format);
	}
	if (pools == NULL || text.failed)
		answer_text(req, 500, "Out of memory", "out of memory\n");
	else
		answer(req, 200, "OK", exposition_content_type(format), text.data, text.len);
	text_out_free(&text);
	free(pools);
}

/* Health of all pools, or of the one that ?pool=NAME asks for. */
static void
serve_health(struct metrics_http *h, struct evhttp_request *req)
{
	const char *query = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(req));
	const char *name = NULL, *why;
	struct evkeyvalq parameters = {NULL, NULL};
	struct text_out text = {0}, ok = {0};
	size_t asked = 0, withdrawn = 0, off = 0;

	text_out_string(&ok, "ok\n");
	if (query != NULL && evhttp_parse_query_str(query, &parameters) == 0)
		name = evhttp_find_header(&parameters, "pool");
	for (size_t i = 0; i < h->count; i++) {
		if (name != NULL && strcmp(name, h->pools[i].name) != 0)
			continue;
		asked++;
		if ((why = metrics_pool_why(&h->pools[i])) != NULL)
			text_out_printf(h->pools[i].state.off ? &ok : &text, "pool %s: %s\n",
			    h->pools[i].name, why);
		off += h->pools[i].state.off;
		withdrawn += h->pools[i].state.withdrawn && !h->pools[i].state.off;
		if (h->pools[i].state.reload[0] != '\0')
			text_out_printf(&ok, "pool %s: the last reload failed: %s\n",
			    h->pools[i].name, h->pools[i].state.reload);
	}
	/* One of several serves for the others to be found. */
	if (withdrawn > 0 && withdrawn + off == asked)
		text_out_string(&text, "drained: everything is served, but nothing more should be sent\n");
	else if (asked > 0 && off == asked)
		text_out_string(&text, "stopped by order, see anyfpm -s\n");
	if (asked == 0)
		answer_text(req, 404, "Not Found", "there is no such pool\n");
	else if (text.len > 0 || text.failed || ok.failed)
		answer(req, 503, "Service Unavailable", TEXT_TYPE, text.data, text.len);
	else
		answer(req, 200, "OK", TEXT_TYPE, ok.data, ok.len);
	evhttp_clear_headers(&parameters);
	text_out_free(&text);
	text_out_free(&ok);
}

static void
on_request(struct evhttp_request *req, void *arg)
{
	static const struct {
		const char *path;
		void (*serve)(struct metrics_http *h, struct evhttp_request *req);
	} routes[] = {{"/metrics", serve_metrics}, {"/healthz", serve_health}};
	const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(req));
	enum evhttp_cmd_type method = evhttp_request_get_command(req);

	for (size_t i = 0; path != NULL && i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (strcmp(path, routes[i].path) != 0)
			continue;
		if (method == EVHTTP_REQ_GET || method == EVHTTP_REQ_HEAD) {
			routes[i].serve(arg, req);
			return;
		}
		evhttp_add_header(evhttp_request_get_output_headers(req), "Allow", "GET, HEAD");
		answer_text(req, 405, "Method Not Allowed", "only GET and HEAD are served\n");
		return;
	}
	answer_text(req, 404, "Not Found", "see /metrics and /healthz\n");
}

struct metrics_http *
metrics_http_new(struct event_base *base, int listen_fd, struct metrics_pool *pools, size_t count)
{
	struct metrics_http *h = calloc(1, sizeof(*h));

	if (h == NULL) {
		close(listen_fd);
		return NULL;
	}
	h->base = base;
	h->pools = pools;
	h->count = count;
	h->connection_max = connection_max(count);
	TAILQ_INIT(&h->connections);
	if ((h->sweep = evtimer_new(base, on_sweep, h)) == NULL ||
	    (h->server = evhttp_new(base)) == NULL ||
	    !listen_on(h, listen_fd)) {
		close(listen_fd);
		metrics_http_free(h);
		return NULL;
	}
	evhttp_set_max_headers_size(h->server, HEADER_MAX);
	evhttp_set_max_body_size(h->server, BODY_MAX);
	evhttp_set_timeout(h->server, IDLE_S);
	evhttp_set_allowed_methods(h->server, UINT16_MAX); /* which ones, the routes say */
	evhttp_set_bevcb(h->server, on_accept, h);
	evhttp_set_gencb(h->server, on_request, h);
	return h;
}

void
metrics_http_drain(struct metrics_http *h)
{
	if (h->bound != NULL)
		evhttp_del_accept_socket(h->server, h->bound);
	h->bound = NULL;
}

void
metrics_http_free(struct metrics_http *h)
{
	if (h == NULL)
		return;
	if (h->server != NULL)
		evhttp_free(h->server);
	sweep(h, 0);
	if (h->sweep != NULL)
		event_free(h->sweep);
	free(h);
}
