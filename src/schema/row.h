/* SPDX-License-Identifier: Apache-2.0 */
/* One record of the table: checked, canonical, immutable, in one block.
 *
 * `json` is the record as the API shows it: columns in the schema's order,
 * NULL as null, times in UTC with +00:00. Two records are the same if these
 * bytes are. Threads: any; counted. */
#ifndef SCHEMA_ROW_H
#define SCHEMA_ROW_H

#include <stdint.h>

#include "schema/schema.h"

enum value_kind {
    VALUE_NULL,
    VALUE_TEXT,
    VALUE_INT,
    VALUE_REAL,
    VALUE_BLOB
};

/* TIMESTAMP is VALUE_INT (microseconds), BOOLEAN is VALUE_INT 0/1, RECORD,
 * REPEATED and JSON are VALUE_TEXT holding JSON. */
struct value {
    enum value_kind kind;
    union {
        int64_t i;
        double d;
        struct str s; /* VALUE_TEXT, VALUE_BLOB; points into the row */
    };
};

struct row {
    _Atomic unsigned refs;
    int64_t timestamp_us;
    struct str id;
    struct str json;
    size_t n_values;
    struct value values[]; /* in the schema's order */
};

struct row *row_ref(struct row *row);
void row_unref(struct row *row); /* NULL is allowed */

/* Newest first: timestamp descending, then id ascending bytewise. */
int row_order(const struct row *a, const struct row *b);
/* Stable over processes and versions: what the ledger compares. */
uint64_t row_content_hash(const struct row *row);

/* Why an input is no record. */
enum reject_kind {
    REJECT_MALFORMED, /* not one well-formed UTF-8 JSON text: 400 */
    REJECT_SCHEMA,    /* 422 */
    REJECT_TOO_LARGE  /* over 1 MiB: 413 / too_large */
};
struct reject {
    enum reject_kind kind;
    char field[256];  /* `timestamp`, `[1].timestamp`, or empty */
    char reason[320]; /* one sentence; may quote the field, never the data */
};
const char *reject_kind_name(enum reject_kind kind); /* malformed, ... */

#define ROW_MAX_BYTES (1024 * 1024)
#define ROW_ID_MAX    1024

/* The accepted window of timestamps (BigQuery's streaming window). */
struct row_window {
    int64_t oldest_us;
    int64_t newest_us;
};
struct row_window row_window_at(int64_t now_us, int64_t max_future_s);

/* One JSON object -> row. RC_OK with `*out` owned by the caller, or
 * RC_MALFORMED / RC_SCHEMA / RC_TOO_LARGE / RC_NOMEM with `*why` filled. */
RC_MUST_USE int row_parse(const struct schema *schema, struct str json,
                          const struct row_window *window, struct row **out,
                          struct reject *why);

/* A growing list of rows; owns one reference of each. */
struct row_list {
    struct row **rows;
    size_t n, cap;
    bool is_array; /* the input was an array or NDJSON, not one object */
};
void row_list_fini(struct row_list *list);
void row_list_push(struct row_list *list, struct row *row); /* takes */

/* A POST body: one object, an array of objects, or (ndjson) one a line. All
 * are checked; the first refusals (at most `max_why`) are told, `field` with
 * its index: `[1].timestamp`. */
RC_MUST_USE int row_parse_body(const struct schema *schema, struct str body,
                               bool ndjson, const struct row_window *window,
                               struct row_list *out, struct reject *why,
                               size_t max_why, size_t *n_why);

/* For the stores: a row from column values read back (`values` has one for
 * each column, borrowed); renders `json`. NULL if a value cannot be
 * rendered. */
struct row *row_from_values(const struct schema *schema,
                            const struct value *values);

#endif
