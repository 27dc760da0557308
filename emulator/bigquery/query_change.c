/* SPDX-License-Identifier: Apache-2.0 */
/* What changes something: DML, DDL, and results that go into a table. One
 * transaction of the writer holds the change and the job that made it. */
#include <stdio.h>

#include "common/mem.h"
#include "emulator/bigquery/bigquery_priv.h"
#include "emulator/bigquery/fields.h"
#include "emulator/bigquery/partition_stats.h"
#include "emulator/bigquery/query.h"
#include "emulator/bigquery/sql/ddl.h"
#include "emulator/bigquery/sql/fn_bridge.h"
#include "emulator/bigquery/sql/show.h"
#include "emulator/bigquery/stream.h"
#include "emulator/bigquery/write_table.h"

static int sql_failed(struct query *q, const struct sql_error *why)
{
    fail_set(&q->job->fail, why->reason ? why->reason : "invalidQuery", "%s",
             why->text);
    return RC_INVALID;
}

/* --- DML ------------------------------------------------------------------ */

/* Rows in the streaming buffer must not be changed: the hook sees which are. */
struct guard {
    const char *physical;
    int64_t last_flushed;
    bool touched;
};

static void on_change(void *arg, int operation, const char *db,
                      const char *table, sqlite3_int64 rowid)
{
    struct guard *g = arg;

    (void)db;
    if (operation != SQLITE_INSERT && rowid > g->last_flushed &&
        strcmp(table, g->physical) == 0)
        g->touched = true;
}

static const struct sql_ref *target_of(const struct sql_stmt *stmt)
{
    for (size_t i = 0; i < stmt->n_refs; i++)
        if (stmt->refs[i].is_target)
            return &stmt->refs[i];
    return NULL;
}

static void put_counts(struct query *q, const struct sql_counts *n)
{
    json_t *s = q->job->stats;
    int64_t all = n->inserted + n->updated + n->deleted;

    json_object_set_new(s, "numDmlAffectedRows",
                        json_sprintf("%lld", (long long)all));
    json_object_set_new(s, "dmlStats",
                        json_pack("{s:o, s:o, s:o}", "insertedRowCount",
                                  json_sprintf("%lld", (long long)n->inserted),
                                  "updatedRowCount",
                                  json_sprintf("%lld", (long long)n->updated),
                                  "deletedRowCount",
                                  json_sprintf("%lld", (long long)n->deleted)));
}

static int run_dml(struct query *q, struct db *w, struct guard *guard)
{
    struct sql_limits limits = query_limits(q);
    struct sql_run *run = NULL;
    struct sql_counts counts;
    struct sql_error why;
    int rc;

    sqlite3_update_hook(w->h, on_change, guard);
    rc = sql_open(q->stmt, w->h, &limits, NULL, &run, &why);
    sqlite3_update_hook(w->h, NULL, NULL);
    if (rc)
        return sql_failed(q, &why);
    sql_get_counts(run, &counts);
    sql_close(run);
    put_counts(q, &counts);
    return RC_OK;
}

static int change_rows(struct query *q, struct db *w)
{
    const struct sql_ref *ref = target_of(q->stmt);
    struct fail *f = &q->job->fail;
    bool adds = q->stmt->kind == SQL_INSERT;
    struct guard guard = {0};
    int64_t last = INT64_MAX;
    struct table *t;
    int rc;

    if (!ref)
        return fail_set(f, "internalError", "The statement has no target");
    rc = table_load(w, ref->table.project, ref->table.dataset, ref->table.table,
                    &t, f);
    if (rc)
        return rc;
    guard.physical = t->physical;
    guard.last_flushed = stream_last_flushed(t, q->job->created_us);
    rc = adds ? table_last_row(w, t, &last, f) : RC_OK;
    if (rc == RC_OK)
        rc = run_dml(q, w, &guard);
    if (rc == RC_OK && guard.touched)
        rc = fail_set(f, "invalidQuery",
                      "UPDATE or DELETE statement over table %s.%s.%s would "
                      "affect rows in the streaming buffer, which is not "
                      "supported",
                      t->project.p, t->dataset.p, t->name.p);
    if (rc == RC_OK)
        rc = adds ? partition_grown(w, t, last, job_now_us(q->job), f)
                  : partition_forget(w, t, job_now_us(q->job), f);
    q->job->destination =
        json_pack("{s:s, s:s, s:s}", "projectId", t->project.p, "datasetId",
                  t->dataset.p, "tableId", t->name.p);
    table_free(t);
    return rc;
}

/* --- DDL ------------------------------------------------------------------ */

static void put_target(struct query *q, const char *operation)
{
    const struct sql_ddl *d = q->stmt->ddl;
    json_t *s = q->job->stats;
    json_t *ref = json_pack(
        "{s:o, s:o}", "projectId", json_stringn(d->project.p, d->project.len),
        "datasetId", json_stringn(d->dataset.p, d->dataset.len));

    json_object_set_new(s, "ddlOperationPerformed", json_string(operation));
    if (d->table.len) {
        json_object_set_new(ref, "tableId",
                            json_stringn(d->table.p, d->table.len));
        json_object_set(s, "ddlTargetTable", ref);
        json_decref(q->job->destination);
        q->job->destination = json_incref(ref);
    } else {
        json_object_set(s, "ddlTargetDataset", ref);
    }
    json_decref(ref);
}

static int fill(struct query *q, struct db *w, const char *physical)
{
    struct sql_limits limits = query_limits(q);
    struct sql_run *run = NULL;
    struct sql_error why;

    if (sql_open(q->stmt, w->h, &limits, physical, &run, &why))
        return sql_failed(q, &why);
    sql_close(run);
    return RC_OK;
}

/* CREATE TABLE ... COPY. */
static int copy_rows(struct query *q, struct db *w, const struct table *into)
{
    const struct sql_ddl *d = q->stmt->ddl;
    struct table *from;
    struct err err = {0};
    char *sql;
    int rc = table_load(w, d->like_project, d->like_dataset, d->like_table,
                        &from, &q->job->fail);

    if (rc)
        return rc;
    sql = mem_printf("INSERT INTO %s SELECT * FROM %s ORDER BY %s",
                     into->physical, from->physical, from->rowid);
    if (db_exec(w, &err, sql))
        rc = fail_from_err(&q->job->fail, &err);
    mem_free(sql);
    table_free(from);
    return rc;
}

static int change_tables(struct query *q, struct db *w)
{
    const char *operation = "CREATE";
    struct table *into = NULL;
    int rc = RC_OK;

    if (q->stmt->kind != SQL_CREATE_SCHEMA)
        rc = dataset_check_in(w, q->stmt->ddl->project, q->stmt->ddl->dataset,
                              job_place(q->job), &q->job->fail);
    if (rc == RC_OK)
        rc = ddl_apply(q, w, &into, &operation);
    if (rc == RC_OK && into && q->stmt->kind == SQL_CREATE_TABLE_AS) {
        rc = q->stmt->ddl->like_table.len ? copy_rows(q, w, into)
                                          : fill(q, w, into->physical);
        if (rc == RC_OK)
            rc = partition_forget(w, into, q->job->created_us, &q->job->fail);
    }
    if (rc == RC_OK && q->replaced)
        rc = table_drop(w, q->replaced, &q->job->fail);
    table_free(q->replaced);
    q->replaced = NULL;
    if (rc == RC_OK)
        put_target(q, operation);
    table_free(into);
    return rc;
}

/* --- results into a table ------------------------------------------------- */

/* The job's rows are those of the table then. */
static int read_back(struct query *q, struct db *w, const struct table *t)
{
    struct job *j = q->job;
    sqlite3_stmt *s = NULL;
    struct buf sql;
    int rc = RC_OK;

    buf_init(&sql, 4 << 20);
    buf_puts(&sql, "SELECT ");
    for (size_t i = 0; i < t->n_columns; i++)
        buf_printf(&sql, "%s\"%.*s\"", i ? "," : "",
                   STR_ARG(t->columns[i].name));
    buf_printf(&sql, " FROM %s ORDER BY %s", t->physical, t->rowid);
    if (sqlite3_prepare_v2(w->h, sql.data, -1, &s, NULL))
        rc = fail_set(&j->fail, "internalError", "%s", sqlite3_errmsg(w->h));
    buf_fini(&sql);
    while (rc == RC_OK && sqlite3_step(s) == SQLITE_ROW) {
        buf_puts(&j->rows.text, "{\"f\":[");
        for (size_t i = 0; i < t->n_columns; i++) {
            struct value v;

            value_from_sqlite(sqlite3_column_value(s, (int)i), &v);
            buf_puts(&j->rows.text, i ? ",{\"v\":" : "{\"v\":");
            show_rest(&j->rows.text, t->columns[i].type, &v, SQL_TS_INT64);
            buf_putc(&j->rows.text, '}');
        }
        buf_puts(&j->rows.text, "]}");
        rc = query_add_row(q, NULL);
    }
    sqlite3_finalize(s);
    return rc;
}

static int write_destination(struct query *q, struct db *w)
{
    struct write_target target = {
        .project = str_from(q->job->project),
        .location = job_place(q->job),
        .table = q->destination,
        .create = json_object_get(q->config, "createDisposition"),
        .write = json_object_get(q->config, "writeDisposition"),
        .write_default = "WRITE_EMPTY",
        .like = q->config,
        .now_us = q->job->created_us};
    json_t *schema = fields_json(q->stmt->columns, q->stmt->n_columns);
    struct write_stage stage = {0};
    int rc = write_table_open(w, &target, schema, &stage, &q->job->fail);

    json_decref(schema);
    if (rc == RC_OK)
        rc = fill(q, w, stage.physical);
    if (rc == RC_OK)
        rc = write_table_close(w, &stage, target.now_us, &q->job->fail);
    if (rc == RC_OK)
        rc = read_back(q, w, stage.table);
    write_table_fini(&stage);
    return rc;
}

/* --- the whole ------------------------------------------------------------ */

void query_change(struct query *q, struct db *db)
{
    struct job *j = q->job;
    struct err err = {0};
    struct db *w = db_begin(db->all, true, &err);
    int rc;

    if (!w) {
        fail_from_err(&j->fail, &err);
        return;
    }
    rc = query_prepare(q, w);
    if (rc == RC_OK && job_is_cancelled(j))
        rc = RC_INVALID;
    if (rc == RC_OK && q->destination && q->stmt->kind == SQL_SELECT)
        rc = write_destination(q, w);
    else if (rc == RC_OK && q->stmt->ddl)
        rc = change_tables(q, w);
    else if (rc == RC_OK)
        rc = change_rows(q, w);
    if (rc == RC_OK)
        rc = job_store(j, w);
    job_end(j, w, rc);
}
