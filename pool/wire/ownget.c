/* ownget.c: a GET that nobody sent. */
#include "config.h"

#include "pool/wire/ownget.h"

#include <stdlib.h>
#include <string.h>

#include "pool/wire/fcgi.h"

#define PAIR_HEADER 8

void
ownget_params(const char *uri, char *path, struct ownget_param params[OWNGET_PARAMS])
{
	const char *query = uri + strcspn(uri, "?");
	const struct ownget_param all[OWNGET_PARAMS] = {
	    {"GATEWAY_INTERFACE", "CGI/1.1"},
	    {"SERVER_PROTOCOL", "HTTP/1.1"},
	    {"SERVER_SOFTWARE", "anyfpm"},
	    {"SERVER_NAME", "localhost"},
	    {"SERVER_PORT", "80"},
	    {"HTTP_HOST", "localhost"}, /* HTTP/1.1 has it always: programs rely on it */
	    {"REMOTE_ADDR", "127.0.0.1"},
	    {"REQUEST_METHOD", "GET"},
	    {"REQUEST_URI", uri},
	    {"SCRIPT_NAME", path},
	    {"SCRIPT_FILENAME", path},
	    {"QUERY_STRING", *query == '?' ? query + 1 : query},
	};

	memcpy(path, uri, (size_t)(query - uri));
	path[query - uri] = '\0';
	memcpy(params, all, sizeof(all));
}

/* Returns where the next one goes. */
static uint8_t *
put_pair(uint8_t *out, const struct ownget_param *param)
{
	size_t name_len = strlen(param->name), value_len = strlen(param->value);

	fcgi_put_length(out, (uint32_t)name_len);
	fcgi_put_length(out + 4, (uint32_t)value_len);
	memcpy(out + PAIR_HEADER, param->name, name_len);
	memcpy(out + PAIR_HEADER + name_len, param->value, value_len);
	return out + PAIR_HEADER + name_len + value_len;
}

size_t
ownget_encode(const char *uri, uint16_t id, uint8_t *out, size_t size)
{
	struct ownget_param params[OWNGET_PARAMS];
	char *path = malloc(strlen(uri) + 1);
	size_t len = 0, padding;
	uint8_t *at = out;

	if (path == NULL)
		return 0;
	ownget_params(uri, path, params);
	for (size_t i = 0; i < OWNGET_PARAMS; i++)
		len += PAIR_HEADER + strlen(params[i].name) + strlen(params[i].value);
	padding = FCGI_PADDING(len);
	if (len <= FCGI_CONTENT_MAX &&
	    FCGI_SMALL_RECORD_LEN + 3 * FCGI_HEADER_LEN + len + padding <= size) {
		at += fcgi_put_begin(at, id, FCGI_RESPONDER, 0);
		at += fcgi_put_header(at, FCGI_PARAMS, id, (uint16_t)len, (uint8_t)padding);
		for (size_t i = 0; i < OWNGET_PARAMS; i++)
			at = put_pair(at, &params[i]);
		memset(at, 0, padding);
		at += padding;
		at += fcgi_put_header(at, FCGI_PARAMS, id, 0, 0);
		at += fcgi_put_header(at, FCGI_STDIN, id, 0, 0);
	}
	free(path);
	return (size_t)(at - out);
}
