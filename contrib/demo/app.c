/*
 * app.c: the demo, an ordinary libfcgi program that knows nothing of anyfpm.
 *
 * One request at a time, as every libfcgi program: accept, answer, accept. The tests and the
 * benchmark use it too, so its large and upload pages are exact: pattern byte i of /large is
 * (7 * j + j / 256) % 256 with j = i % 65521, and /upload prints the CRC-32 of what it read.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <fastcgi.h>
#include <fcgiapp.h>

#define PATTERN_SIZE 65521 /* a prime, so that no buffer size divides it */
#define SLOW_MS_MAX 600000
#define LARGE_BYTES_MAX (INT64_C(1) << 40)

static const char page_head[] =
    "Content-Type: text/html; charset=utf-8\r\nCache-Control: no-store\r\n\r\n"
    "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>anyfpm demo</title>"
    "<meta name=\"viewport\" content=\"width=device-width\"><style>"
    ":root{color-scheme:light dark;--line:#8884;--dim:#666}"
    "@media(prefers-color-scheme:dark){:root{--dim:#aaa}}"
    "body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%;font-size:.875rem}"
    "td,th{border-bottom:1px solid var(--line);padding:.25rem .5rem;text-align:left;"
    "vertical-align:top;word-break:break-all}th{white-space:nowrap;font-weight:500}"
    "nav a{margin-right:1rem}.n{color:var(--dim)}</style></head><body><h1>anyfpm demo</h1>";

static const char page_nav[] =
    "<nav><a href=\"/\">parameters</a> <a href=\"/slow?ms=1000\">slow, 1 s</a> "
    "<a href=\"/large?bytes=1000000\">large, 1 MB</a> <a href=\"/upload\">upload</a></nav>";

static void
put_escaped(const char *s, FCGX_Stream *out)
{
	for (;;) {
		int plain = (int)strcspn(s, "&<>\"'");

		FCGX_PutStr(s, plain, out);
		s += plain;
		switch (*s++) {
		case '\0':
			return;
		case '&':
			FCGX_PutS("&amp;", out);
			break;
		case '<':
			FCGX_PutS("&lt;", out);
			break;
		case '>':
			FCGX_PutS("&gt;", out);
			break;
		case '"':
			FCGX_PutS("&quot;", out);
			break;
		default:
			FCGX_PutS("&#39;", out);
		}
	}
}

/* The number that follows "name=" in the query string, or fallback; never outside 0 to max. */
static int64_t
query_number(const FCGX_Request *req, const char *name, int64_t fallback, int64_t max)
{
	const char *query = FCGX_GetParam("QUERY_STRING", req->envp);
	size_t len = strlen(name);

	while (query != NULL && *query != '\0') {
		if (strncmp(query, name, len) == 0 && query[len] == '=') {
			int64_t value = strtoll(query + len + 1, NULL, 10);

			return value < 0 ? 0 : value > max ? max : value;
		}
		query = strchr(query, '&');
		if (query != NULL)
			query++;
	}
	return fallback;
}

/* The last component of the path, so that the demo works below any location. */
static void
page_name(const FCGX_Request *req, char *name, size_t size)
{
	const char *uri = FCGX_GetParam("REQUEST_URI", req->envp), *p;
	size_t len;

	if (uri == NULL)
		uri = FCGX_GetParam("SCRIPT_NAME", req->envp);
	if (uri == NULL)
		uri = "";
	len = strcspn(uri, "?");
	for (p = uri + len; p > uri && p[-1] != '/'; p--)
		;
	len = (size_t)(uri + len - p);
	if (len >= size)
		len = size - 1;
	memcpy(name, p, len);
	name[len] = '\0';
}

static void
put_head(FCGX_Stream *out, uint64_t number)
{
	FCGX_PutS(page_head, out);
	FCGX_FPrintF(out, "<p class=\"n\">worker %ld, its request number %lu</p>",
	    (long)getpid(), (unsigned long)number);
	FCGX_PutS(page_nav, out);
}

static void
put_foot(FCGX_Stream *out)
{
	FCGX_PutS("</body></html>\n", out);
}

static void
page_params(FCGX_Request *req, uint64_t number)
{
	put_head(req->out, number);
	FCGX_PutS("<h2>Parameters of this request</h2><table>", req->out);
	for (char **env = req->envp; *env != NULL; env++) {
		const char *value = strchr(*env, '=');
		char name[256];
		size_t len = value != NULL ? (size_t)(value - *env) : strlen(*env);

		if (len >= sizeof(name))
			len = sizeof(name) - 1;
		memcpy(name, *env, len);
		name[len] = '\0';
		FCGX_PutS("<tr><th>", req->out);
		put_escaped(name, req->out);
		FCGX_PutS("</th><td>", req->out);
		put_escaped(value != NULL ? value + 1 : "", req->out);
		FCGX_PutS("</td></tr>\n", req->out);
	}
	FCGX_PutS("</table>", req->out);
	put_foot(req->out);
}

static void
page_slow(FCGX_Request *req, uint64_t number)
{
	int64_t ms = query_number(req, "ms", 1000, SLOW_MS_MAX);
	struct timespec left = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };

	while (nanosleep(&left, &left) == -1 && errno == EINTR)
		;
	put_head(req->out, number);
	FCGX_FPrintF(req->out, "<p>Slept %ld ms.</p>", (long)ms);
	put_foot(req->out);
}

static void
page_large(FCGX_Request *req)
{
	static unsigned char pattern[PATTERN_SIZE];
	int64_t left = query_number(req, "bytes", 1000000, LARGE_BYTES_MAX);

	if (pattern[1] == 0)
		for (unsigned int j = 0; j < PATTERN_SIZE; j++)
			pattern[j] = (unsigned char)(7 * j + j / 256);
	FCGX_FPrintF(req->out,
	    "Content-Type: application/octet-stream\r\nContent-Length: %ld\r\n\r\n", (long)left);
	while (left > 0) {
		int n = left < PATTERN_SIZE ? (int)left : PATTERN_SIZE;

		if (FCGX_PutStr((const char *)pattern, n, req->out) != n)
			return;
		left -= n;
	}
}

static uint32_t
crc32_add(uint32_t crc, const unsigned char *p, size_t len)
{
	static uint32_t table[256];

	if (table[1] == 0)
		for (uint32_t i = 0; i < 256; i++) {
			uint32_t c = i;

			for (int bit = 0; bit < 8; bit++)
				c = (c & 1) != 0 ? (c >> 1) ^ UINT32_C(0xedb88320) : c >> 1;
			table[i] = c;
		}
	crc = ~crc;
	while (len-- > 0)
		crc = table[(crc ^ *p++) & 0xff] ^ (crc >> 8);
	return ~crc;
}

static void
page_upload(FCGX_Request *req, uint64_t number)
{
	const char *method = FCGX_GetParam("REQUEST_METHOD", req->envp);
	static char chunk[65536];
	char crc_text[9];
	uint64_t bytes = 0;
	uint32_t crc = 0;
	int n;

	if (method != NULL && strcmp(method, "GET") == 0) {
		put_head(req->out, number);
		FCGX_PutS("<h2>Upload</h2><form method=\"post\" enctype=\"multipart/form-data\">"
			  "<input type=\"file\" name=\"file\"> <button>Send</button></form>",
		    req->out);
		put_foot(req->out);
		return;
	}
	while ((n = FCGX_GetStr(chunk, sizeof(chunk), req->in)) > 0) {
		crc = crc32_add(crc, (const unsigned char *)chunk, (size_t)n);
		bytes += (uint64_t)n;
	}
	for (int i = 7; i >= 0; i--, crc >>= 4)
		crc_text[i] = "0123456789abcdef"[crc & 15];
	crc_text[8] = '\0';
	FCGX_FPrintF(req->out, "Content-Type: text/plain\r\n\r\nbytes %ld\ncrc32 %s\n", (long)bytes,
	    crc_text);
}

/* The least that a program can say: for benchmarks, where the page itself should not count. */
static void
page_hello(FCGX_Request *req)
{
	FCGX_PutS("Content-Type: text/plain\r\n\r\nhello\n", req->out);
}

int
main(void)
{
	FCGX_Request req;
	uint64_t number = 0;

	if (FCGX_Init() != 0 || FCGX_InitRequest(&req, FCGI_LISTENSOCK_FILENO, 0) != 0)
		return 1;
	/* libfcgi catches SIGTERM and SIGUSR1 itself: accept fails then, after the answer. */
	while (FCGX_Accept_r(&req) == 0) {
		char name[64];

		number++;
		page_name(&req, name, sizeof(name));
		if (strcmp(name, "slow") == 0)
			page_slow(&req, number);
		else if (strcmp(name, "large") == 0)
			page_large(&req);
		else if (strcmp(name, "hello") == 0)
			page_hello(&req);
		else if (strcmp(name, "upload") == 0)
			page_upload(&req, number);
		else
			page_params(&req, number);
		FCGX_Finish_r(&req);
	}
	return 0;
}
