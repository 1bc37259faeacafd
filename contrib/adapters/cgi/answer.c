/* answer.c: what we say ourselves: error pages, and lines for the log. */
#include "config.h"

#include "contrib/adapters/cgi/answer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A control character in the path would make another line of it. */
static void
blank_controls(char *line)
{
	for (; *line != '\0'; line++)
		if ((unsigned char)*line < ' ' || *line == 127)
			*line = '?';
}

void
answer_log(FCGX_Request *request, const char *path, const char *format, ...)
{
	char *text = NULL, *line = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) == -1)
		text = NULL;
	va_end(args);
	if (text != NULL && asprintf(&line, "anyfpm-cgi: %s: %s", path, text) != -1) {
		blank_controls(line);
		FCGX_PutS(line, request->err);
		FCGX_PutChar('\n', request->err);
		FCGX_FFlush(request->err);
		free(line);
	}
	free(text);
}

static const char *
title_of(int status)
{
	switch (status) {
	case 403:
		return "Forbidden";
	case 404:
		return "Not Found";
	case 503:
		return "Service Unavailable";
	default:
		return "Internal Server Error";
	}
}

void
answer_page(FCGX_Request *request, int status, const char *text)
{
	char page[512];

	snprintf(page, sizeof(page),
	    "Status: %d %s\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n%d %s\n%s\n", status,
	    title_of(status), status, title_of(status), text);
	FCGX_PutS(page, request->out);
}
