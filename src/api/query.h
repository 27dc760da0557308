/* SPDX-License-Identifier: Apache-2.0 */
/* The parameters of GET /datos; every 400 of a query is decided here.
 * Pure; threads: any. */
#ifndef API_QUERY_H
#define API_QUERY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/rc.h"
#include "common/str.h"
#include "schema/row.h"

struct buf;

enum {
    QUERY_LIMIT_DEFAULT = 10,
    QUERY_LIMIT_MAX = 1000
};

struct query {
    size_t limit;
    bool has_since, has_until, has_after, has_id;
    bool single; /* /datos/{id}: the record itself */
    int64_t since_us, until_us, after_us;
    size_t id_len, after_id_len;
    char id[ROW_ID_MAX]; /* filter */
    char after_id[ROW_ID_MAX];
};

/* Why a query is refused: which parameter, one sentence. */
struct query_error {
    char field[32];
    const char *reason; /* a constant */
};

/* `raw`: without the question mark, may be STR_NULL. RC_INVALID. */
RC_MUST_USE int query_parse(struct str raw, struct query *out,
                            struct query_error *why);
/* /datos/{id}: the encoded path segment. */
RC_MUST_USE int query_parse_id(struct str segment, struct query *out,
                               struct query_error *why);

/* The canonical form: equal queries give equal bytes. Also what the loader
 * parses again (query_from_key). */
void query_put_key(const struct query *q, struct buf *out);
RC_MUST_USE int query_from_key(struct str key, struct query *out);

/* `</datos?limit=N&cursor=...>; rel="next"`: strictly after `last`. */
void query_put_link(const struct query *q, const struct row *last,
                    struct buf *out);

/* Does a row belong to the answer's range (not: to this page)? */
bool query_matches(const struct query *q, int64_t timestamp_us, struct str id);
struct str query_id(const struct query *q);
struct str query_after_id(const struct query *q);

/* Appends `s` percent-encoded as a path segment or a query value. */
void query_put_encoded(struct buf *out, struct str s);
/* Does this id survive in a path (/datos/ID) on its way through clients? */
bool query_id_fits_path(struct str id);

#endif
