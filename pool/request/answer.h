/* answer.h: what goes back to the client: a worker's response, or one of our own. */
#ifndef ANYFPM_POOL_REQUEST_ANSWER_H
#define ANYFPM_POOL_REQUEST_ANSWER_H

#include "pool/core/pool.h"

/* FCGI_STDERR bytes that may come before the response's header block is complete. */
#define STDERR_BEFORE_HEAD_MAX (1024 * 1024)

enum answer_result {
	ANSWER_OK,
	ANSWER_HEAD_TOO_LARGE,	 /* no end of the header block within response_header_limit */
	ANSWER_HEAD_WRONG,	 /* a line of it is none, and is in the log: ending_wrong() */
	ANSWER_STDERR_TOO_LARGE, /* endless FCGI_STDERR before it */
	ANSWER_NO_MEMORY
};

/* Take STDOUT or STDERR content from the worker; what may go out is appended to r->answer.chain. */
enum answer_result answer_stdout(struct request *r, const uint8_t *data, size_t len);
enum answer_result answer_stderr(struct request *r, const uint8_t *data, size_t len);

/* End the answer as the worker did: the empty records, then END_REQUEST. */
enum answer_result answer_end(struct request *r, uint32_t app_status, uint8_t protocol_status);

/*
 * Answer with an error page (status, text a sentence in HTML), and END_REQUEST. Nothing of the
 * worker's STDOUT may have gone out (r->answer.head_done is false). It says to try again after so
 * many seconds, 0: nothing. Out of memory cuts the answer.
 */
void answer_error(struct request *r, unsigned int status, unsigned int retry_s, const char *text);

/*
 * Answer with a whole response of our own: len bytes, of which the first head_len are its header
 * block; a request with the method HEAD gets no more than these. Out of memory cuts the answer.
 */
void answer_whole(struct request *r, size_t head_len, const char *response, size_t len);

/* End the answer without END_REQUEST, so that nobody takes it for whole. */
void answer_cut(struct request *r);

/* Let go the header block that was kept for the access log. */
void answer_forget_head(struct request *r);

/* Let go what there is of a header block that is not complete. */
void answer_forget_incomplete(struct request *r);

#endif
