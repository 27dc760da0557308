/* SPDX-License-Identifier: Apache-2.0 */
/* Counting what is in a table's partitions, where SQL changed it. Rows are
 * read in the order in which they lie: a GROUP BY would sort each value of the
 * partition column, or look up each row by way of its index. */
#include "emulator/bigquery/partition_stats.h"

#include "common/buf.h"
#include "common/mem.h"

struct tally {
    int64_t id, rows, bytes;
};

/* Sorted by id; `last` is the one that was found last. */
struct count {
    struct tally *list;
    size_t n, cap, last;
    int64_t rows, bytes;
};

void partition_put_size(struct buf *sql, const struct sql_column *c)
{
    int fixed = c->type->kind == T_BOOL         ? 1
                : c->type->kind == T_NUMERIC    ? 16
                : c->type->kind == T_BIGNUMERIC ? 32
                                                : 8;
    bool text = c->type->kind == T_STRING || c->type->kind == T_BYTES ||
                c->type->kind == T_JSON || c->type->kind == T_ARRAY ||
                c->type->kind == T_STRUCT;

    buf_printf(sql, "CASE WHEN \"%.*s\" IS NULL THEN 0 ELSE ",
               STR_ARG(c->name));
    if (text)
        buf_printf(sql, "2+length(CAST(\"%.*s\" AS BLOB)) END",
                   STR_ARG(c->name));
    else
        buf_printf(sql, "%d END", fixed);
}

static char *count_sql(const struct table *t, int64_t after)
{
    struct buf sql;
    size_t len;

    buf_init(&sql, 4 << 20);
    buf_puts(&sql, "SELECT 0");
    for (size_t i = 0; i < t->n_columns; i++) {
        buf_putc(&sql, '+');
        partition_put_size(&sql, &t->columns[i]);
    }
    if (t->part.by)
        buf_printf(&sql, ",\"%s\"", t->part.by);
    buf_printf(&sql, " FROM %s", t->physical);
    if (after != INT64_MIN)
        buf_printf(&sql, " WHERE %s > %lld", t->rowid, (long long)after);
    return buf_take(&sql, &len);
}

/* NULL: no memory. */
static struct tally *tally_of(struct count *k, int64_t id)
{
    size_t low = 0, high = k->n;

    if (k->n && k->list[k->last].id == id)
        return &k->list[k->last];
    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (k->list[mid].id < id)
            low = mid + 1;
        else
            high = mid;
    }
    k->last = low;
    if (low < k->n && k->list[low].id == id)
        return &k->list[low];
    if (k->n == k->cap) {
        size_t cap = k->cap ? 2 * k->cap : 16;
        void *bigger = mem_try_realloc(k->list, cap * sizeof(*k->list));

        if (!bigger)
            return NULL;
        k->list = bigger;
        k->cap = cap;
    }
    memmove(k->list + low + 1, k->list + low, (k->n - low) * sizeof(*k->list));
    k->n++;
    k->list[low] = (struct tally){.id = id};
    return &k->list[low];
}

static int count_row(struct count *k, const struct table *t, sqlite3_stmt *s)
{
    struct tally *one;
    int64_t id = 0;

    if (t->part.by)
        id = sqlite3_column_type(s, 1) == SQLITE_NULL
                 ? PARTITION_NULL
                 : partition_of(&t->part, sqlite3_column_int64(s, 1));
    one = tally_of(k, id);
    if (!one)
        return SQLITE_NOMEM;
    one->rows++;
    one->bytes += sqlite3_column_int64(s, 0);
    return SQLITE_OK;
}

static int count_rows(struct db *w, const struct table *t, int64_t after,
                      struct count *k, struct err *err)
{
    char *sql = count_sql(t, after);
    sqlite3_stmt *s = NULL;
    int step = sqlite3_prepare_v2(w->h, sql, -1, &s, NULL), rc = RC_OK;

    mem_free(sql);
    while (step == SQLITE_OK && (step = sqlite3_step(s)) == SQLITE_ROW)
        step = count_row(k, t, s);
    if (step == SQLITE_NOMEM)
        rc = err_set(err, RC_NOMEM, "BigQuery's storage: no memory to count");
    else if (step != SQLITE_DONE)
        rc = db_fail(w, "counting", err);
    sqlite3_finalize(s);
    for (size_t i = 0; i < k->n; i++) {
        k->rows += k->list[i].rows;
        k->bytes += k->list[i].bytes;
    }
    return rc;
}

int partition_count(struct db *w, struct table *t, struct fail *f)
{
    struct count k = {0};
    struct err err = {0};
    int rc;

    if (t->view_sql || t->n_rows >= 0)
        return RC_OK;
    rc = db_run(w, &err, "DELETE FROM partitions WHERE table_id = ?", "i",
                t->id);
    if (rc == RC_OK)
        rc = count_rows(w, t, INT64_MIN, &k, &err);
    for (size_t i = 0; t->part.by && i < k.n && rc == RC_OK; i++)
        rc = db_run(w, &err, "INSERT INTO partitions VALUES(?,?,?,?,?)",
                    "iiiii", t->id, k.list[i].id, k.list[i].rows,
                    k.list[i].bytes, t->modified_us);
    if (rc == RC_OK)
        rc = db_run(w, &err,
                    "UPDATE tables SET n_rows = ?, n_bytes = ? WHERE id = ?",
                    "iii", k.rows, k.bytes, t->id);
    mem_free(k.list);
    if (rc)
        return fail_from_err(f, &err);
    t->n_rows = k.rows;
    t->n_bytes = k.bytes;
    return RC_OK;
}

int partition_look(struct db *db, struct table *t, struct fail *f)
{
    struct count k = {0};
    struct err err = {0};
    int rc = count_rows(db, t, INT64_MIN, &k, &err);

    mem_free(k.list);
    if (rc)
        return fail_from_err(f, &err);
    t->n_rows = k.rows;
    t->n_bytes = k.bytes;
    return RC_OK;
}

int partition_grown(struct db *w, const struct table *t, int64_t after,
                    int64_t now_us, struct fail *f)
{
    struct count k = {0};
    struct err err = {0};
    int rc;

    if (t->n_rows < 0 || after == INT64_MAX)
        return partition_forget(w, t, now_us, f);
    rc = count_rows(w, t, after, &k, &err);
    if (rc)
        rc = fail_from_err(f, &err);
    for (size_t i = 0; i < k.n && rc == RC_OK; i++)
        rc = partition_add(w, t, k.list[i].id, k.list[i].rows, k.list[i].bytes,
                           now_us, f);
    mem_free(k.list);
    return rc;
}
