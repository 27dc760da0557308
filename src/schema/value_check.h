/* SPDX-License-Identifier: Apache-2.0 */
/* One JSON value against one column: is it allowed, and what is its canonical
 * form? Private to src/schema. Pure; threads: any. */
#ifndef SCHEMA_VALUE_CHECK_H
#define SCHEMA_VALUE_CHECK_H

#include "common/buf.h"
#include "common/json.h"
#include "schema/row.h"

/* Where in a record we are, for messages: `a.b[2].c`. */
struct value_path {
    char text[256];
    size_t len;
};
size_t value_path_push(struct value_path *p, struct str name); /* a.b */
size_t value_path_index(struct value_path *p, size_t index);   /* a[2] */
void value_path_pop(struct value_path *p, size_t len);

struct value_check {
    struct json_scan *scan;
    struct value_path path;
    struct reject *why; /* `n_why` refusals, in room for `max_why` (>= 1) */
    size_t n_why, max_why;
};

/* Remembers a refusal, one a field, while there is room; scanning goes on, for
 * malformed wins. */
void value_refuse(struct value_check *c, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Checks the value that begins with `t` (consuming it) and appends its
 * canonical JSON to `out`. False only if the text is malformed or memory is
 * gone (see the scanner); refusals are in `c`. */
bool value_check_put(struct value_check *c, const struct schema_field *f,
                     const struct json_token *t, struct buf *out);

/* Scalars of the hot path: true, or a refusal is noted. */
bool value_check_string(struct value_check *c, const struct schema_field *f,
                        const struct json_token *t);
bool value_check_integer(struct value_check *c, const struct json_token *t,
                         int64_t *out);
bool value_check_timestamp(struct value_check *c, const struct json_token *t,
                           int64_t *out);

/* Shortest JSON text that reads back as the same double. */
void value_put_double(struct buf *out, double d);

#endif
