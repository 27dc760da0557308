/* SPDX-License-Identifier: Apache-2.0 */
/* Rows to and from BigQuery's JSON: the body of tabledata.insertAll and its
 * insertErrors, the answers of queries. Pure; threads: any. */
#ifndef STORE_BIGQUERY_WIRE_H
#define STORE_BIGQUERY_WIRE_H

#include "common/buf.h"
#include "schema/row.h"

enum {
    BIGQUERY_KEY_BYTES = 16,  /* what stands for an id elsewhere */
    BIGQUERY_ROW_EXTRA = 64,  /* around a row's own JSON, at most */
    BIGQUERY_ERROR_TEXT = 160 /* of one refused row */
};

/* The id's key: half of its SHA-256. A stranger cannot find two ids with one
 * key, which would make BigQuery take the second for a repeat. */
void bigquery_key(struct str id, unsigned char out[BIGQUERY_KEY_BYTES]);

/* Do rows need work beyond their own JSON? (A JSON column travels as text.) */
bool bigquery_schema_is_plain(const struct schema *schema);

/* One element of `rows`: {"insertId":...,"json":...}; the key is the
 * insertId. */
void bigquery_put_row(struct buf *out, const struct schema *schema,
                      bool is_plain, const struct row *row,
                      const unsigned char key[BIGQUERY_KEY_BYTES]);

enum bigquery_verdict {
    BIGQUERY_STOPPED, /* innocent: send it again */
    BIGQUERY_AGAIN,   /* the service's trouble: send it again, later */
    BIGQUERY_REFUSED  /* this row is not wanted */
};

/* A row of insertErrors. */
struct bigquery_row_error {
    size_t index;
    enum bigquery_verdict verdict;
    char text[BIGQUERY_ERROR_TEXT]; /* column and reason, printable */
};

/* Tells each row of the answer's insertErrors, in its order, perhaps one twice.
 * RC_MALFORMED if it is no answer of insertAll (nothing is known then). */
RC_MUST_USE int bigquery_read_insert(
    struct str body,
    void (*each)(const struct bigquery_row_error *e, void *arg), void *arg);

/* What a query's answer says beside its rows. Owns its texts. */
struct bigquery_result {
    bool is_complete;
    char *job, *location; /* NULL: no job was made */
    char *page_token;     /* NULL: this is the last page */
    size_t n_strange;     /* rows that do not fit the schema: left out */
};
void bigquery_result_fini(struct bigquery_result *r);

/* Rows are appended to `rows`, in the answer's order; their columns are the
 * schema's. RC_MALFORMED, RC_NOMEM (some may have been appended). */
RC_MUST_USE int bigquery_read_result(struct str body,
                                     const struct schema *schema,
                                     struct bigquery_result *out,
                                     struct row_list *rows);

#endif
