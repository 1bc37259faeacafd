/*
 * fuzz_fcgi.c: any bytes from a client: the decoder gives the same pieces however they are cut, and
 * the pool process answers or closes, and keeps nothing.
 *
 * The first two bytes of an input say where the rest is cut in two, and set the stage.
 */
#undef NDEBUG
#include "config.h"

#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pool/observe/accesslog.h"
#include "pool/wire/fcgi.h"
#include "tests/unit/fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Bytes per record that trace_piece() adds to its content. */
#define TRACE_EXTRA 8

/* What came out of a decoder, without regard to the pieces it came in. */
struct trace {
	uint8_t *bytes;
	size_t len;
	bool malformed;
};

static void
trace_piece(struct trace *t, const struct fcgi_piece *piece)
{
	uint8_t head[6] = {'R', piece->type, (uint8_t)(piece->id >> 8), (uint8_t)piece->id,
	    (uint8_t)(piece->record_len >> 8), (uint8_t)piece->record_len};

	if (piece->first) {
		memcpy(t->bytes + t->len, head, sizeof(head));
		t->len += sizeof(head);
	}
	memcpy(t->bytes + t->len, piece->data, piece->len);
	t->len += piece->len;
	if (piece->last)
		t->bytes[t->len++] = '.';
}

static void
feed(struct fcgi_decoder *d, struct trace *t, const uint8_t *p, size_t n)
{
	while (n > 0 && !t->malformed) {
		struct fcgi_piece piece;
		ssize_t used = fcgi_decode(d, p, n, &piece);

		if (used == FCGI_MALFORMED) {
			t->malformed = true;
			return;
		}
		assert(used >= 1 && (size_t)used <= n);
		if (piece.data != NULL) {
			assert(piece.data >= p && piece.data + piece.len <= p + used);
			trace_piece(t, &piece);
		}
		p += used;
		n -= (size_t)used;
	}
}

static struct trace
decode(const uint8_t *p, size_t n, size_t split)
{
	/* A record without content is eight bytes of input. */
	struct trace t = {.bytes = malloc(n + (n / FCGI_HEADER_LEN + 1) * TRACE_EXTRA)};
	struct fcgi_decoder d;

	assert(t.bytes != NULL);
	fcgi_decoder_init(&d);
	feed(&d, &t, p, split);
	feed(&d, &t, p + split, n - split);
	return t;
}

static void
check_decoder(const uint8_t *p, size_t n, size_t split)
{
	struct trace whole = decode(p, n, n), parts = decode(p, n, split);

	assert(whole.malformed == parts.malformed && whole.len == parts.len);
	assert(memcmp(whole.bytes, parts.bytes, whole.len) == 0);
	free(whole.bytes);
	free(parts.bytes);
}

/* Whatever a line can hold. */
#define FORMAT "%R %u %t %m %r%Q%q %s %f %l %{milli}d %w %D %k %B %I %O %{detail}x %{A}e %{X}o"

/* What is answered here. */
#define STATUS "pm.status_path = /s\nping.path = /p\n"

/* With and without a queue that takes anything, as a connection of its own. */
static void
check_client(const uint8_t *p, size_t n, size_t split, bool queue_is_full)
{
	static struct fixture f[2];
	struct fixture *one = &f[queue_is_full];
	int fd;

	if (one->conf == NULL) {
		fixture_init(one,
		    queue_is_full ? STATUS "request_queue_limit = 1\nrequest_buffer_size = 1K\n"
					   "request_spool_size = 4K\nrequest_params_limit = 8K\n"
					   "access.log = /dev/null\naccess.log.format = json"
				  : STATUS "access.log = /dev/null\naccess.format = '" FORMAT "'");
		assert(accesslog_open(&one->pool, open("/dev/null", O_WRONLY | O_CLOEXEC)));
	}
	fd = fixture_client(one, NULL);
	fixture_send_bytes(one, fd, p, split);
	fixture_read(one, fd);
	fixture_send_bytes(one, fd, p + split, n - split);
	fixture_read(one, fd);
	fixture_end_clients(one);
	assert(ledger_held(&one->pool.buffers.ledger) == 0);
	close(fd);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t split;

	if (size < 2)
		return 0;
	split = ((size_t)data[0] << 8 | data[1]) % (size - 1);
	check_decoder(data + 2, size - 2, split);
	check_client(data + 2, size - 2, split, data[0] & 1);
	return 0;
}
