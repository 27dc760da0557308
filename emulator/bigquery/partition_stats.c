/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/bigquery/partition_stats.h"

#include <stdio.h>

#include "common/buf.h"
#include "common/mem.h"
#include "emulator/bigquery/sql/sql.h"

enum {
    SAMPLED_ROWS = 256 /* of a query; a dry run looks at all */
};

int partition_add(struct db *w, const struct table *t, int64_t id,
                  int64_t n_rows, int64_t n_bytes, int64_t now_us,
                  struct fail *f)
{
    struct err err = {0};
    int rc = db_run(w, &err,
                    "UPDATE tables SET n_rows = n_rows + ?,"
                    " n_bytes = n_bytes + ?, modified_us = ? WHERE id = ?"
                    " AND n_rows >= 0",
                    "iiii", n_rows, n_bytes, now_us, t->id);

    if (rc == RC_OK && t->part.by)
        rc = db_run(w, &err,
                    "INSERT INTO partitions VALUES(?,?,?,?,?)"
                    " ON CONFLICT DO UPDATE SET n_rows = n_rows +"
                    " excluded.n_rows, n_bytes = n_bytes + excluded.n_bytes,"
                    " modified_us = excluded.modified_us",
                    "iiiii", t->id, id, n_rows, n_bytes, now_us);
    return rc ? fail_from_err(f, &err) : RC_OK;
}

int partition_forget(struct db *w, const struct table *t, int64_t now_us,
                     struct fail *f)
{
    struct err err = {0};
    int rc = db_run(w, &err,
                    "UPDATE tables SET n_rows = -1, n_bytes = -1,"
                    " modified_us = ? WHERE id = ?",
                    "ii", now_us, t->id);

    return rc ? fail_from_err(f, &err) : RC_OK;
}

int partition_keep(struct db *db, struct table *t, bool wait, struct fail *f)
{
    struct err err = {0};
    struct table *fresh;
    struct db *w;
    int rc;

    w = wait ? db_begin(db->all, false, &err)
             : db_begin_soon(db->all, false, &err);
    if (!w && err.rc == RC_BUSY)
        return RC_BUSY;
    if (!w)
        return fail_from_err(f, &err);
    rc = table_load(w, t->project, t->dataset, t->name, &fresh, f);
    if (rc == RC_OK) {
        rc = partition_count(w, fresh, f);
        t->n_rows = fresh->n_rows;
        t->n_bytes = fresh->n_bytes;
        table_free(fresh);
    }
    if (rc) {
        db_rollback(w);
        return rc;
    }
    return db_commit(w, &err) ? fail_from_err(f, &err) : RC_OK;
}

int partition_known(struct db *db, struct table *t, struct fail *f)
{
    int rc;

    if (t->view_sql || t->n_rows >= 0)
        return RC_OK;
    rc = partition_keep(db, t, false, f);
    return rc == RC_BUSY ? partition_look(db, t, f) : rc;
}

/* --- asking --------------------------------------------------------------- */

/* " WHERE ..." of what pruning left, whole partitions. */
static void put_range(struct buf *sql, const struct table *t,
                      const struct sql_ref *ref)
{
    int64_t last;

    if (!ref->pruned || !t->part.by)
        return;
    last = partition_of(&t->part, ref->high);
    buf_printf(sql, " WHERE \"%s\" IS NOT NULL", t->part.by);
    if (ref->low != INT64_MIN)
        buf_printf(sql, " AND \"%s\" >= %lld", t->part.by,
                   (long long)partition_of(&t->part, ref->low));
    if (ref->high != INT64_MAX && last != PARTITION_BEYOND)
        buf_printf(sql, " AND \"%s\" < %lld", t->part.by,
                   (long long)partition_next(&t->part, last));
}

/* Bytes of the columns that are used, and of all; `most` rows are looked at. */
static int sum_columns(struct db *db, const struct table *t,
                       const struct sql_ref *ref, int64_t most, int64_t sums[2])
{
    sqlite3_stmt *s = NULL;
    struct buf sql;
    int rc = RC_INTERNAL;

    buf_init(&sql, 4 << 20);
    for (int all = 0; all < 2; all++) {
        buf_puts(&sql, all ? ", 0" : "SELECT 0");
        for (size_t i = 0; i < t->n_columns; i++) {
            if (!all && !(ref->used && ref->used[i]))
                continue;
            buf_puts(&sql, "+coalesce(sum(");
            partition_put_size(&sql, &t->columns[i]);
            buf_puts(&sql, "),0)");
        }
    }
    buf_printf(&sql, " FROM (SELECT * FROM %s", t->physical);
    put_range(&sql, t, ref);
    buf_printf(&sql, " LIMIT %lld)", (long long)most);
    if (!sql.failed &&
        sqlite3_prepare_v2(db->h, sql.data, -1, &s, NULL) == SQLITE_OK &&
        sqlite3_step(s) == SQLITE_ROW) {
        sums[0] = sqlite3_column_int64(s, 0);
        sums[1] = sqlite3_column_int64(s, 1);
        rc = RC_OK;
    }
    sqlite3_finalize(s);
    buf_fini(&sql);
    return rc;
}

/* What of `bytes`, those of all columns, the used ones make up. */
static int64_t share(struct db *db, const struct table *t,
                     const struct sql_ref *ref, bool exact, int64_t bytes)
{
    bool all = true, any = false;
    int64_t sums[2] = {0, 0};

    for (size_t i = 0; ref->used && i < t->n_columns; i++) {
        all &= ref->used[i];
        any |= ref->used[i];
    }
    if (!ref->used || ref->is_target || all || bytes <= 0)
        return bytes;
    if (!any)
        return 0;
    exact |= t->n_rows <= SAMPLED_ROWS;
    if (sum_columns(db, t, ref, exact ? INT64_MAX : SAMPLED_ROWS, sums))
        return bytes;
    if (exact || sums[1] == 0)
        return sums[0];
    return (int64_t)((double)bytes * (double)sums[0] / (double)sums[1]);
}

/* Of a table that nobody could count: all rows that are left are looked at. */
static int64_t look(struct db *db, const struct table *t,
                    const struct sql_ref *ref)
{
    int64_t sums[2] = {0, 0};

    if ((ref->pruned && ref->low > ref->high) ||
        sum_columns(db, t, ref, INT64_MAX, sums))
        return 0;
    return sums[!ref->used || ref->is_target];
}

int64_t partition_bytes(struct db *db, const struct sql_ref *ref, bool exact)
{
    struct err ignored;
    struct fail no;
    struct table *t;
    int64_t bytes = 0, id;

    if (table_load(db, ref->table.project, ref->table.dataset, ref->table.table,
                   &t, &no))
        return 0;
    bytes = t->n_bytes;
    id = t->id;
    if (t->n_bytes < 0) {
        bytes = look(db, t, ref);
    } else if (ref->pruned && t->part.by && ref->low <= ref->high) {
        int64_t low = ref->low == INT64_MIN ? PARTITION_BEYOND
                                            : partition_of(&t->part, ref->low);
        if (db_int(db, &ignored, &bytes,
                   "SELECT coalesce(sum(n_bytes), 0) FROM partitions"
                   " WHERE table_id = ? AND part BETWEEN ? AND ?",
                   "iii", id, low, ref->high))
            bytes = 0;
    } else if (ref->pruned && ref->low > ref->high) {
        bytes = 0;
    }
    if (t->n_bytes >= 0)
        bytes = share(db, t, ref, exact, bytes);
    table_free(t);
    return bytes;
}

static void info_row(struct sql_info_sink *sink, sqlite3_stmt *s,
                     const struct table *t)
{
    char name[PARTITION_NAME_MAX], id[PARTITION_NAME_MAX + 2];
    const char *row[8];
    char *text[4];

    name[0] = '\0';
    if (t->part.by)
        partition_name(&t->part, sqlite3_column_int64(s, 1), name);
    snprintf(id, sizeof(id), "'%s'", name);
    text[0] = mem_printf("'%s'", t->project.p);
    text[1] = mem_printf("'%s'", t->dataset.p);
    text[2] = mem_printf("'%s'", t->name.p);
    text[3] = mem_printf("%lld", (long long)sqlite3_column_int64(s, 4));
    row[0] = text[0];
    row[1] = text[1];
    row[2] = text[2];
    row[3] = t->part.by ? id : "NULL";
    row[4] = (const char *)sqlite3_column_text(s, 2);
    row[5] = (const char *)sqlite3_column_text(s, 3);
    row[6] = text[3];
    row[7] = "'ACTIVE'";
    sql_info_row(sink, row, 8);
    for (size_t i = 0; i < 4; i++)
        mem_free(text[i]);
}

/* Names of the tables whose rows are not counted, a line each. */
static int put_unknown(struct db *db, struct str project, struct str dataset,
                       struct buf *names)
{
    struct err err = {0};
    sqlite3_stmt *s =
        db_query(db, &err,
                 "SELECT name FROM tables WHERE project = ? AND dataset = ?"
                 " AND kind = 'TABLE' AND n_rows < 0",
                 "ss", project, dataset);

    if (!s)
        return RC_INTERNAL;
    while (sqlite3_step(s) == SQLITE_ROW) {
        buf_str(names, db_text(s, 0));
        buf_putc(names, '\n');
    }
    db_done(s);
    return names->failed ? RC_NOMEM : RC_OK;
}

/* The writer counts within its own transaction, a reader asks for one. */
static int count_all(struct db *db, struct str project, struct str dataset,
                     bool *counted)
{
    struct buf names;
    struct str rest;
    int rc;

    buf_init(&names, 64 << 20);
    rc = put_unknown(db, project, dataset, &names);
    rest = buf_as_str(&names);
    while (rc == RC_OK && rest.p && rest.len) {
        struct str name = str_cut(&rest, '\n');
        struct fail no;
        struct table *t;

        if (table_load(db, project, dataset, name, &t, &no))
            continue;
        rc = db_is_writer(db) ? partition_count(db, t, &no)
                              : partition_keep(db, t, true, &no);
        *counted |= !db_is_writer(db);
        table_free(t);
    }
    buf_fini(&names);
    return rc;
}

int partition_info(struct db *db, struct str project, struct str dataset,
                   struct sql_info_sink *sink, bool *counted)
{
    struct table *t = NULL;
    struct err err = {0};
    sqlite3_stmt *s;
    int rc = count_all(db, project, dataset, counted);

    if (rc)
        return rc;
    s = db_query(db, &err,
                 "SELECT t.name, p.part, coalesce(p.n_rows, t.n_rows),"
                 " coalesce(p.n_bytes, t.n_bytes), coalesce(p.modified_us,"
                 " t.modified_us) FROM tables t LEFT JOIN partitions p ON"
                 " p.table_id = t.id WHERE t.project = ? AND t.dataset = ?"
                 " AND t.kind = 'TABLE' ORDER BY t.name, p.part",
                 "ss", project, dataset);
    if (!s)
        return RC_INTERNAL;
    while (sqlite3_step(s) == SQLITE_ROW) {
        struct str name = db_text(s, 0);
        struct fail no;

        if (!t || !str_eq(t->name, name)) {
            table_free(t);
            t = NULL;
            if (table_load(db, project, dataset, name, &t, &no))
                continue;
        }
        /* a partitioned table that is empty has no partition */
        if (!t->part.by || sqlite3_column_type(s, 1) != SQLITE_NULL)
            info_row(sink, s, t);
    }
    table_free(t);
    db_done(s);
    return RC_OK;
}
