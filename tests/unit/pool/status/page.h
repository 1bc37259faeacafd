/* page.h: the status page of a pool, as text. */
#ifndef ANYFPM_TESTS_POOL_STATUS_PAGE_H
#define ANYFPM_TESTS_POOL_STATUS_PAGE_H

#include <check.h>
#include <string.h>

#include "pool/status/format.h"

/* What write() makes of it, with all its workers or as many as it chooses; the caller frees it. */
static inline char *
page_of(struct pool *pool, void (*write)(struct text_out *, const struct status_view *, bool),
    bool full)
{
	struct text_out out = { 0 };
	struct status_view view;
	char *text;

	ck_assert(status_view_gather(&view, pool, true));
	write(&out, &view, full);
	status_view_free(&view);
	ck_assert(!out.failed);
	ck_assert_ptr_null(memchr(out.data, '\0', out.len));
	text = strndup(out.data, out.len);
	text_out_free(&out);
	return text;
}

#endif
