/* SPDX-License-Identifier: Apache-2.0 */
/* Query jobs: prepared on a reader; what changes something is prepared again
 * and run on the writer, in one transaction with its job. */
#include <stdio.h>

#include "common/clock.h"
#include "common/mem.h"
#include "emulator/bigquery/bigquery_priv.h"
#include "emulator/bigquery/fields.h"
#include "emulator/bigquery/member.h"
#include "emulator/bigquery/partition_stats.h"
#include "emulator/bigquery/query.h"

enum {
    MB = 1 << 20,
    BILLED_LEAST = 10 * MB
};

/* --- the request ---------------------------------------------------------- */

/* The first line may name the dialect. */
static bool has_prefix(const char *text, const char *prefix)
{
    while (*text == ' ' || *text == '\n' || *text == '\t' || *text == '\r')
        text++;
    return strncasecmp(text, prefix, strlen(prefix)) == 0;
}

/* Legacy SQL is not emulated. Where production would take a text for legacy
 * because nobody said otherwise, what both dialects understand is run. */
static int check_dialect(struct query *q)
{
    const json_t *flag = json_object_get(q->config, "useLegacySql");

    if (json_is_false(flag) || has_prefix(q->text, "#standardSQL"))
        return RC_OK;
    if (has_prefix(q->text, "#legacySQL") ||
        (json_is_true(flag) && strcasestr(q->text, "from")))
        return fail_set(&q->job->fail, "notImplemented",
                        "The emulator has no legacy SQL: set useLegacySql to "
                        "false");
    if (!strchr(q->text, '`'))
        return RC_OK;
    return fail_set(&q->job->fail, "invalidQuery",
                    "Invalid table name: backquotes belong to standard SQL, "
                    "and useLegacySql is true unless it is set to false [Try "
                    "using standard SQL (https://cloud.google.com/bigquery/"
                    "docs/reference/standard-sql/enabling-standard-sql)].");
}

/* What is no GoogleSQL may well be legacy SQL, if nobody denied it. */
static bool may_be_legacy(const struct query *q, const struct sql_error *why)
{
    return strncmp(why->text, "Syntax error", 12) == 0 &&
           !json_is_false(json_object_get(q->config, "useLegacySql")) &&
           !has_prefix(q->text, "#standardSQL");
}

static int sql_failed(struct query *q, const struct sql_error *why)
{
    if (may_be_legacy(q, why))
        return fail_set(&q->job->fail, "notImplemented",
                        "The emulator has no legacy SQL, as which the service "
                        "takes this query: set useLegacySql to false. (As "
                        "GoogleSQL: %.300s)",
                        why->text);
    fail_set(&q->job->fail, why->reason ? why->reason : "invalidQuery", "%s",
             why->text);
    if (strcmp(q->job->fail.reason, "invalidQuery") == 0)
        snprintf(q->job->fail.location, sizeof(q->job->fail.location), "query");
    return RC_INVALID;
}

static int read_request(struct query *q)
{
    const json_t *set = json_object_get(q->config, "defaultDataset");
    const json_t *params = json_object_get(q->config, "queryParameters");
    struct sql_error why;
    char *text;
    int rc;

    q->text = member_text(q->config, "query");
    if (!q->text || !*q->text)
        return fail_set(&q->job->fail, "required",
                        "Required parameter is missing: query");
    if (connection_read(json_object_get(q->config, "connectionProperties"),
                        &q->connection, &q->job->fail))
        return RC_INVALID;
    q->project = str_from(member_text(set, "projectId"));
    if (!q->project.p)
        q->project = str_from(q->connection.project ? q->connection.project
                                                    : q->job->project);
    q->dataset = str_from(member_text(set, "datasetId"));
    rc = check_dialect(q);
    if (rc || !json_array_size(params))
        return rc;
    text = json_dumps(params, JSON_COMPACT);
    rc = sql_params_parse(str_from(text), &q->params, &why);
    mem_free(text);
    return rc ? sql_failed(q, &why) : RC_OK;
}

/* --- preparing ------------------------------------------------------------ */

/* An alias may be any text, a result's column may not; nor may a STRUCT of it
 * have two fields of one name, or none. */
static int check_output(struct query *q)
{
    struct fail *f = &q->job->fail;
    struct sql_column *columns;
    json_t *schema;
    struct arena mem;
    size_t n;
    int rc;

    if (!q->stmt || q->stmt->kind != SQL_SELECT)
        return q->stmt ? RC_OK : RC_INVALID;
    schema = fields_json(q->stmt->columns, q->stmt->n_columns);
    arena_init(&mem);
    rc = fields_parse(schema, &mem, &columns, &n, f);
    arena_fini(&mem);
    json_decref(schema);
    if (rc) {
        f->reason = "invalidQuery";
        snprintf(f->location, sizeof(f->location), "query");
    }
    return rc;
}

int query_prepare(struct query *q, struct db *db)
{
    struct sql_options options = {.now_us = q->job->created_us,
                                  .zone = q->connection.zone,
                                  .dry_run = q->job->dry_run,
                                  .destination = q->destination != NULL};
    struct sql_error why;
    struct err err = {0};

    sql_stmt_free(q->stmt);
    q->stmt = NULL;
    if (db_use_sql(db, &err))
        return fail_from_err(&q->job->fail, &err);
    catalog_init(&q->catalog, db, q->project, q->dataset, job_place(q->job));
    q->catalog.parked = q->job->bq->parked;
    if (sql_prepare(str_from(q->text), q->params, &q->catalog.sql, &options,
                    &q->stmt, &why) ||
        sql_prune(q->stmt, db->h, &why))
        return sql_failed(q, &why);
    return check_output(q);
}

/* Counts what changed since it was counted last. True: something was. */
static bool count_tables(struct query *q, struct db *db)
{
    struct fail ignored;
    bool any = q->catalog.counted;

    for (size_t i = 0; q->stmt && i < q->stmt->n_refs; i++) {
        const struct sql_table *ref = &q->stmt->refs[i].table;
        struct table *t;

        if (table_load(db, ref->project, ref->dataset, ref->table, &t,
                       &ignored))
            continue;
        if (!t->view_sql && t->n_rows < 0) {
            any |= partition_keep(db, t, false, &ignored) == RC_OK;
        }
        table_free(t);
    }
    return any;
}

static int check_bytes(struct query *q)
{
    struct job *j = q->job;
    int64_t most = member_number(q->config, "maximumBytesBilled");
    int64_t billed = query_billed(j->bytes);

    if (most <= 0 || billed <= most)
        return RC_OK;
    return fail_set(&j->fail, "bytesBilledLimitExceeded",
                    "Query exceeded limit for bytes billed: %lld. %lld or "
                    "higher required.",
                    (long long)most, (long long)billed);
}

int64_t query_billed(int64_t bytes)
{
    if (bytes == 0)
        return 0;
    return bytes < BILLED_LEAST ? BILLED_LEAST : (bytes + MB - 1) / MB * MB;
}

/* --- the rows ------------------------------------------------------------- */

int query_add_row(struct query *q, struct db *db)
{
    struct job *j = q->job;

    buf_putc(&j->rows.text, '\n');
    j->rows.n++;
    j->rows.total++;
    if (j->rows.text.failed)
        return fail_set(&j->fail, "responseTooLarge",
                        "Response too large to return");
    if (j->rows.text.len < RESULTS_INLINE || !db)
        return RC_OK;
    return job_spill(j, db);
}

static int run_select(struct query *q, struct db *db)
{
    struct job *j = q->job;
    struct sql_limits limits = query_limits(q);
    struct sql_run *run = NULL;
    struct sql_error why;
    int rc, row = 0;

    for (size_t i = 0; q->stmt->may_be_wide && i < q->stmt->n_refs; i++)
        q->stmt->refs[i].wide = partition_is_wide(db, &q->stmt->refs[i]);
    if (sql_open(q->stmt, db->h, &limits, NULL, &run, &why))
        return sql_failed(q, &why);
    rc = RC_OK;
    while (rc == RC_OK && (row = sql_step(run, &why)) == 1) {
        sql_row_json(run, SQL_TS_INT64, &j->rows.text);
        rc = query_add_row(q, db);
    }
    sql_close(run);
    return rc == RC_OK && row < 0 ? sql_failed(q, &why) : rc;
}

struct sql_limits query_limits(const struct query *q)
{
    int64_t ms = member_number(q->job->config, "jobTimeoutMs");

    return (struct sql_limits){
        .cancel = &q->job->cancel,
        .deadline_us = ms > 0 ? clock_mono_us() + ms * US_PER_MS : 0};
}

/* --- what is told of it --------------------------------------------------- */

static void put_tables(struct query *q, json_t *stats)
{
    json_t *list = json_array();

    for (size_t i = 0; i < q->stmt->n_refs; i++) {
        const struct sql_table *t = &q->stmt->refs[i].table;
        json_t *one =
            json_pack("{s:o, s:o, s:o}", "projectId",
                      json_stringn(t->project.p, t->project.len), "datasetId",
                      json_stringn(t->dataset.p, t->dataset.len), "tableId",
                      json_stringn(t->table.p, t->table.len));
        bool there = false;

        for (size_t k = 0; k < json_array_size(list); k++)
            there |= json_equal(json_array_get(list, k), one);
        if (!there)
            json_array_append(list, one);
        json_decref(one);
    }
    if (json_array_size(list))
        json_object_set(stats, "referencedTables", list);
    json_decref(list);
}

/* Parameters that a dry run found without a value. */
static void put_undeclared(struct query *q, json_t *stats)
{
    json_t *list = json_array();

    for (size_t i = 0; i < q->stmt->n_undeclared; i++) {
        const struct sql_column *c = &q->stmt->undeclared[i];
        struct arena mem;
        json_t *one;

        arena_init(&mem);
        one = json_pack("{s:{s:s}}", "parameterType", "type",
                        type_name(&mem, c->type));
        if (c->name.len)
            json_object_set_new(one, "name",
                                json_stringn(c->name.p, c->name.len));
        json_array_append_new(list, one);
        arena_fini(&mem);
    }
    if (json_array_size(list))
        json_object_set(stats, "undeclaredQueryParameters", list);
    json_decref(list);
}

void query_put_stats(struct query *q)
{
    struct job *j = q->job;
    json_t *s = json_pack("{s:s, s:b, s:i, s:s}", "statementType",
                          sql_kind_name(q->stmt->kind), "cacheHit", 0,
                          "billingTier", 1, "totalSlotMs", "0");

    json_object_set_new(s, "totalBytesProcessed",
                        json_sprintf("%lld", (long long)j->bytes));
    json_object_set_new(
        s, "totalBytesBilled",
        json_sprintf("%lld",
                     (long long)(j->dry_run ? 0 : query_billed(j->bytes))));
    if (j->dry_run)
        json_object_set_new(s, "totalBytesProcessedAccuracy",
                            json_string("PRECISE"));
    put_tables(q, s);
    put_undeclared(q, s);
    if (q->stmt->n_columns && q->stmt->kind == SQL_SELECT) {
        json_t *schema = fields_json(q->stmt->columns, q->stmt->n_columns);

        mem_free(j->schema);
        j->schema = json_dumps(schema, JSON_COMPACT);
        json_object_set_new(s, "schema", schema);
    }
    json_decref(j->stats);
    j->stats = s;
}

/* --- the whole ------------------------------------------------------------ */

static bool is_query(const struct query *q)
{
    return q->stmt->kind == SQL_SELECT && !q->destination;
}

/* Prepared within a snapshot, whose tables are all counted. */
static int open_snapshot(struct query *q, struct db *db)
{
    struct err err = {0};
    int rc;

    for (int i = 0;; i++) {
        if (db_read_begin(db, &err))
            return fail_from_err(&q->job->fail, &err);
        rc = query_prepare(q, db);
        if (rc == RC_OK && i < 2 && count_tables(q, db)) {
            db_read_end(db);
            continue;
        }
        if (rc)
            db_read_end(db);
        return rc;
    }
}

static void run(struct query *q, struct db *db)
{
    struct job *j = q->job;
    int rc = open_snapshot(q, db);

    if (rc || !q->stmt)
        return;
    for (size_t i = 0; i < q->stmt->n_refs; i++)
        if (q->stmt->kind != SQL_INSERT || !q->stmt->refs[i].is_target)
            j->bytes += partition_bytes(db, &q->stmt->refs[i], j->dry_run);
    j->bytes_known = true;
    query_put_stats(q);
    rc = check_bytes(q);
    if (rc == RC_OK && !j->dry_run && is_query(q))
        (void)run_select(q, db);
    db_read_end(db);
    if (rc == RC_OK && !j->dry_run && !is_query(q))
        query_change(q, db);
}

/* An explicit destination; the anonymous ones are the service's own. */
static const json_t *destination_of(const json_t *config)
{
    const json_t *table = json_object_get(config, "destinationTable");
    const char *dataset = member_text(table, "datasetId");

    return dataset && dataset[0] != '_' ? table : NULL;
}

void query_run(struct job *j, struct db *db)
{
    struct query q = {.job = j, .config = json_object_get(j->config, "query")};

    atomic_fetch_add(&j->bq->counts.queries, 1);
    q.destination = destination_of(q.config);
    if (read_request(&q) == RC_OK)
        run(&q, db);
    if (j->fail.reason)
        atomic_fetch_add(&j->bq->counts.query_failures, 1);
    sql_stmt_free(q.stmt);
    sql_params_free(q.params);
}
