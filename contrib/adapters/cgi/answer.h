/* answer.h: what we say ourselves: error pages, and lines for the log. */
#ifndef ANYFPM_CGI_ANSWER_H
#define ANYFPM_CGI_ANSWER_H

#include <fcgiapp.h>

/* A line in the request's log: "anyfpm-cgi: PATH: " and the text. */
void answer_log(FCGX_Request *request, const char *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The status for an errno: 503 where the system lacks something at present, else 500. */
int answer_status(int error);

/* A page with this status, 403, 404, 500 or 503, that says to whoever asked what is wrong. */
void answer_page(FCGX_Request *request, int status);

#endif
