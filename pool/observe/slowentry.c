/* slowentry.c: how an entry of the slow log looks. */
#include "config.h"

#include "pool/observe/slowentry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/logline.h"
#include "conf/conf.h"

/* Write text so that no byte of it can end a line or steer a terminal. */
static void
put_escaped(const char *text, size_t len, FILE *out)
{
	char piece[1024];
	size_t used, n;

	for (; len > 0; text += used, len -= used) {
		n = logline_escape(piece, sizeof(piece), text, len, false, &used);
		fwrite(piece, 1, n, out);
	}
}

static void
put_header(const struct slow_entry *e, const char *pool, FILE *out)
{
	char when[32];
	struct tm tm;

	localtime_r(&e->at.tv_sec, &tm);
	strftime(when, sizeof(when), "%d-%b-%Y %H:%M:%S", &tm);
	fprintf(out, "\n[%s.%06ld]  [pool %s] pid %d\nscript_filename = ", when,
	    e->at.tv_nsec / 1000, pool, (int)e->pid);
	put_escaped(e->script, strlen(e->script), out);
	fputs("\nrequest = \"", out);
	put_escaped(e->request, strlen(e->request), out);
	fprintf(out, "\"\nduration = %.6f seconds\n", (double)e->duration_us / 1e6);
}

/* Whether a line, of what our helper writes, is to stand in the entry as it is. */
static bool
is_ours(const char *line, size_t len)
{
	static const char *const starts[] = {"[0x", "thread = ", "incomplete = "};

	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		if (len >= strlen(starts[i]) && memcmp(line, starts[i], strlen(starts[i])) == 0)
			return true;
	}
	return false;
}

/* Each line of text, marked as somebody else's words unless it is ours; empty ones, which separate
 * entries, are left out. */
static void
put_lines(const char *text, size_t len, bool from_helper, FILE *out)
{
	while (len > 0) {
		const char *nl = memchr(text, '\n', len);
		size_t n = nl != NULL ? (size_t)(nl - text) : len;

		if (n > 0) {
			if (!from_helper || !is_ours(text, n))
				fputs("| ", out);
			put_escaped(text, n, out);
			putc('\n', out);
		}
		n += nl != NULL;
		text += n;
		len -= n;
	}
}

char *
slowentry_format(const struct slow_entry *e, const struct slowentry_findings *f,
    const struct conf_pool *conf, size_t *len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, len);

	if (out == NULL)
		return NULL;
	put_header(e, conf->name, out);
	if (f->stopped_us >= 0)
		fprintf(out, "stopped = %.6f seconds\n", (double)f->stopped_us / 1e6);
	put_lines(f->lines, f->len, conf->slowlog_command == NULL, out);
	if (f->why != NULL) {
		fprintf(out, "stack = %s: ", f->len > 0 ? "incomplete" : "none");
		put_escaped(f->why, strlen(f->why), out);
		putc('\n', out);
	}
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}
