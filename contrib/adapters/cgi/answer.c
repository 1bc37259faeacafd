/* answer.c: what we say ourselves: error pages, and lines for the log. */
#include "config.h"

#include "contrib/adapters/cgi/answer.h"

#include <errno.h>
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

int
answer_status(int error)
{
	switch (error) {
	case EAGAIN:
	case EMFILE:
	case ENFILE:
	case ENOMEM:
		return 503;
	default:
		return 500;
	}
}

void
answer_page(FCGX_Request *request, int status)
{
	static const struct {
		int status;
		const char *title, *text;
	} pages[] = {
	    {403, "Forbidden", "This script may not be run."},
	    {404, "Not Found", "There is no such script."},
	    {503, "Service Unavailable", "The script needs more than there is for it."},
	    {500, "Internal Server Error", "The script cannot be executed, or gave no answer."},
	};
	size_t i = 0;
	char page[512];

	while (pages[i].status != status && pages[i].status != 500)
		i++;
	snprintf(page, sizeof(page),
	    "Status: %d %s\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n%d %s\n%s\n", status,
	    pages[i].title, status, pages[i].title, pages[i].text);
	FCGX_PutS(page, request->out);
}
