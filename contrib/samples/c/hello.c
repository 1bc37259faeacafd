/* A FastCGI program in C, with libfcgi: says what it was asked, and counts the bytes of a body. */
#include <stdio.h>
#include <stdlib.h>

#include <fcgiapp.h>

static void
answer(FCGX_Request *request)
{
	const char *method = FCGX_GetParam("REQUEST_METHOD", request->envp);
	const char *uri = FCGX_GetParam("REQUEST_URI", request->envp);
	const char *length = FCGX_GetParam("CONTENT_LENGTH", request->envp);
	char chunk[65536];
	long bytes = 0;
	int n;

	while ((n = FCGX_GetStr(chunk, sizeof(chunk), request->in)) > 0)
		bytes += n;
	if (length != NULL && bytes < atol(length)) {
		FCGX_FPrintF(request->err, "hello: the body ends after %ld bytes\n", bytes);
		FCGX_PutS("Status: 400 Bad Request\r\n\r\n", request->out);
		return;
	}
	FCGX_FPrintF(request->out, "Content-Type: text/plain\r\n\r\n%s %s, %ld bytes\n",
	    method != NULL ? method : "-", uri != NULL ? uri : "-", bytes);
}

int
main(void)
{
	FCGX_Request request;

	/* What is the same for all requests is done here, once: settings, tables, a database. */
	if (FCGX_Init() != 0 || FCGX_InitRequest(&request, 0, 0) != 0) {
		fputs("hello: descriptor 0 is no listening socket\n", stderr);
		return 1;
	}
	/* libfcgi catches SIGTERM: the request in progress is answered, then this fails. It keeps
	 * the connection from one request to the next where it is asked to, as anyfpm does. */
	while (FCGX_Accept_r(&request) == 0) {
		answer(&request);
		FCGX_Finish_r(&request);
	}
	return 0;
}
