/* SPDX-License-Identifier: Apache-2.0 */
/* A ready-made answer of GET /datos or /datos/{id}: rendered once, shared by
 * all loops, sent many times.
 *
 * Immutable (the gzip form is added once, when it is first asked for) and
 * counted. Threads: any. */
#ifndef API_ANSWER_H
#define API_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

#include "api/query.h"
#include "common/str.h"
#include "schema/row.h"

struct buf;
struct http_prepared;

struct answer {
    unsigned refs; /* atomic */
    int status;    /* 200, or 404: such a record is not there */
    char etag[40], gzip_etag[48];
    struct http_prepared *plain;
    struct http_prepared *gzip; /* atomic; NULL: not made yet */
    bool gzip_useless;          /* atomic: too small, or no gain */
    char *link;                 /* NULL: none */
};

/* Takes what fits a page out of `rows` (already in order and within the
 * query); `more`: others follow them in the store. NULL when memory is
 * gone. */
struct answer *answer_render(const struct query *q, struct row *const *rows,
                             size_t n, bool more);
struct answer *answer_ref(struct answer *a);
void answer_unref(struct answer *a); /* NULL is allowed */

/* The form for this client; borrowed. */
struct http_prepared *answer_form(struct answer *a, bool accepts_gzip);
/* Does If-None-Match name it (RFC 9110 section 13.1.2, weak comparison)? */
bool answer_is_known(const struct answer *a, struct str if_none_match);
struct str answer_body(const struct answer *a);

/* As bytes for the second level, and back (NULL: of another version). */
void answer_encode(const struct answer *a, struct buf *out);
struct answer *answer_decode(struct str bytes);

enum {
    ANSWER_PAGE_MAX = 10 * 1024 * 1024
};

#endif
