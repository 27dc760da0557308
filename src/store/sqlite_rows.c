/* SPDX-License-Identifier: Apache-2.0 */
/* Rows into the table and out of it. */
#include <math.h>
#include <stdio.h>

#include "common/log.h"
#include "store/sqlite_priv.h"

static void bind_value(sqlite3_stmt *stmt, int at, const struct value *v)
{
    switch (v->kind) {
    case VALUE_NULL:
        sqlite3_bind_null(stmt, at);
        break;
    case VALUE_TEXT:
        sqlite3_bind_text(stmt, at, v->s.p, (int)v->s.len, SQLITE_STATIC);
        break;
    case VALUE_INT:
        sqlite3_bind_int64(stmt, at, v->i);
        break;
    case VALUE_REAL:
        if (isnan(v->d)) /* SQLite would make it NULL */
            sqlite3_bind_text(stmt, at, "NaN", 3, SQLITE_STATIC);
        else
            sqlite3_bind_double(stmt, at, v->d);
        break;
    case VALUE_BLOB:
        if (v->s.len)
            sqlite3_bind_blob(stmt, at, v->s.p, (int)v->s.len, SQLITE_STATIC);
        else
            sqlite3_bind_zeroblob(stmt, at, 0);
        break;
    }
}

static void read_value(sqlite3_stmt *stmt, int at, struct value *v)
{
    switch (sqlite3_column_type(stmt, at)) {
    case SQLITE_INTEGER:
        v->kind = VALUE_INT;
        v->i = sqlite3_column_int64(stmt, at);
        break;
    case SQLITE_FLOAT:
        v->kind = VALUE_REAL;
        v->d = sqlite3_column_double(stmt, at);
        break;
    case SQLITE_TEXT:
        v->kind = VALUE_TEXT;
        v->s.p = (const char *)sqlite3_column_text(stmt, at);
        v->s.len = (size_t)sqlite3_column_bytes(stmt, at);
        break;
    case SQLITE_BLOB:
        v->kind = VALUE_BLOB;
        v->s.p = sqlite3_column_blob(stmt, at);
        v->s.len = (size_t)sqlite3_column_bytes(stmt, at);
        break;
    default:
        v->kind = VALUE_NULL;
        break;
    }
}

/* The row under the cursor; NULL if it is none of ours (or memory is gone). */
static struct row *read_row(struct sqlite_table *t, sqlite3_stmt *stmt)
{
    for (size_t i = 0; i < t->schema->n_fields; i++)
        read_value(stmt, (int)i, &t->values[i]);
    return row_from_values(t->schema, t->values);
}

/* The id is taken: by the same record? */
static int compare(struct sqlite_table *t, const struct row *row,
                   enum store_result *result, struct err *err)
{
    sqlite3_stmt *find = sqlite_statement(t, STMT_FIND, err);
    struct row *there;
    int code;

    if (!find)
        return RC_UNAVAILABLE;
    sqlite3_bind_text(find, 1, row->id.p, (int)row->id.len, SQLITE_STATIC);
    code = sqlite3_step(find);
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        return sqlite_fail(t, code, "read", err);
    there = code == SQLITE_ROW ? read_row(t, find) : NULL;
    *result = there && str_eq(there->json, row->json) ? STORE_DUPLICATE
                                                      : STORE_CONFLICT;
    row_unref(there);
    sqlite3_reset(find);
    return RC_OK;
}

/* Errors that are this row's alone: the statement is undone, the transaction
 * goes on. */
static bool is_of_row(int code)
{
    code &= 0xff;
    return code == SQLITE_CONSTRAINT || code == SQLITE_TOOBIG ||
           code == SQLITE_MISMATCH;
}

int sqlite_table_put(struct sqlite_table *t, const struct row *row,
                     enum store_result *result, char *detail, size_t size,
                     struct err *err)
{
    sqlite3_stmt *insert = sqlite_statement(t, STMT_INSERT, err);
    int code;

    if (!insert)
        return RC_UNAVAILABLE;
    for (size_t i = 0; i < row->n_values; i++)
        bind_value(insert, (int)i + 1, &row->values[i]);
    code = sqlite3_step(insert);
    if (is_of_row(code)) {
        *result = STORE_REJECTED;
        if (!detail[0])
            snprintf(detail, size, "%s", sqlite3_errmsg(t->db));
        sqlite3_reset(insert);
        return RC_OK;
    }
    if (code != SQLITE_DONE)
        return sqlite_fail(t, code, "write", err);
    sqlite3_reset(insert);
    if (sqlite3_changes(t->db) == 0)
        return compare(t, row, result, err);
    *result = STORE_STORED;
    return RC_OK;
}

/* --- reading -------------------------------------------------------------- */

struct reading {
    struct sqlite_table *t;
    struct store_query *q;
    int64_t oldest, newest; /* both inclusive */
    size_t bytes;
};

static bool passes(const struct reading *r, const struct row *row)
{
    const struct store_query *q = r->q;

    if (row->timestamp_us < r->oldest || row->timestamp_us > r->newest)
        return false;
    if (!q->has_after || row->timestamp_us != q->after_us)
        return true;
    return str_cmp(row->id, q->after_id) > 0;
}

/* Steps until the query is full or the statement is over. */
static int collect(struct reading *r, sqlite3_stmt *stmt)
{
    struct store_query *q = r->q;
    int code = SQLITE_DONE;

    while (!q->cut && q->rows.n < q->limit &&
           (code = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct row *row = read_row(r->t, stmt);
        if (!row) {
            LOG_W("%s holds a row that does not fit the schema: it is not "
                  "shown (was it written by other hands?)",
                  r->t->path);
            continue;
        }
        if (!passes(r, row)) { /* only a search by id gets here */
            row_unref(row);
            continue;
        }
        r->bytes += row->json.len;
        row_list_push(&q->rows, row);
        q->cut = r->bytes >= STORE_QUERY_MAX_BYTES && q->rows.n < q->limit;
    }
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        return sqlite_fail(r->t, code, "read", &q->err);
    sqlite3_reset(stmt);
    return RC_OK;
}

static int collect_by_id(struct reading *r)
{
    sqlite3_stmt *stmt = sqlite_statement(r->t, STMT_FIND, &r->q->err);

    if (!stmt)
        return RC_UNAVAILABLE;
    sqlite3_bind_text(stmt, 1, r->q->id.p, (int)r->q->id.len, SQLITE_STATIC);
    return collect(r, stmt);
}

/* Ids behind after_id at its own timestamp: a search of its own, so that many
 * rows of one instant cost no walk over those already shown. */
static int collect_ties(struct reading *r)
{
    sqlite3_stmt *stmt;

    if (r->q->after_us < r->oldest || r->q->after_us > r->newest)
        return RC_OK;
    stmt = sqlite_statement(r->t, STMT_TIES, &r->q->err);
    if (!stmt)
        return RC_UNAVAILABLE;
    sqlite3_bind_int64(stmt, 1, r->q->after_us);
    sqlite3_bind_text(stmt, 2, r->q->after_id.p, (int)r->q->after_id.len,
                      SQLITE_STATIC);
    return collect(r, stmt);
}

static int collect_newest(struct reading *r, int64_t newest)
{
    sqlite3_stmt *stmt;

    if (r->oldest > newest)
        return RC_OK;
    stmt = sqlite_statement(r->t, STMT_NEWEST, &r->q->err);
    if (!stmt)
        return RC_UNAVAILABLE;
    sqlite3_bind_int64(stmt, 1, r->oldest);
    sqlite3_bind_int64(stmt, 2, newest);
    return collect(r, stmt);
}

int sqlite_table_select(struct sqlite_table *t, struct store_query *q)
{
    struct reading r = {.t = t,
                        .q = q,
                        .oldest = q->has_since ? q->since_us : INT64_MIN,
                        .newest = INT64_MAX};
    int rc = t->db ? RC_OK : sqlite_table_ready(t, &q->err);

    if (rc != RC_OK)
        return rc;
    if (q->has_until) {
        if (q->until_us == INT64_MIN)
            return RC_OK;
        r.newest = q->until_us - 1;
    }
    if (q->has_after && q->after_us < r.newest)
        r.newest = q->after_us;
    if (r.oldest > r.newest)
        return RC_OK;
    if (q->id.p)
        return collect_by_id(&r);
    if (!q->has_after)
        return collect_newest(&r, r.newest);
    rc = collect_ties(&r);
    if (rc != RC_OK || q->cut || q->rows.n == q->limit)
        return rc;
    if (r.newest < q->after_us) /* `until` lies before the position */
        return collect_newest(&r, r.newest);
    if (q->after_us == INT64_MIN)
        return RC_OK;
    return collect_newest(&r, q->after_us - 1);
}
