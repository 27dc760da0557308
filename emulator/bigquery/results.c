/* SPDX-License-Identifier: Apache-2.0 */
/* Finished jobs asked for their rows: getQueryResults, and the anonymous
 * tables. */
#include "emulator/bigquery/results.h"

#include <stdio.h>

#include "common/mem.h"
#include "emulator/bigquery/fields.h"
#include "emulator/bigquery/handlers.h"
#include "emulator/bigquery/bigquery_priv.h"
#include "emulator/bigquery/job.h"
#include "emulator/bigquery/parked.h"

struct found {
    int64_t n, total;
    json_t *body, *schema;
    struct arena mem;
    struct sql_column *columns;
    size_t n_columns;
    bool is_parked;
    struct buf rows; /* if so, all of them */
};

static void found_fini(struct found *f)
{
    json_decref(f->body);
    json_decref(f->schema);
    arena_fini(&f->mem);
    buf_fini(&f->rows);
}

static void read_found(struct found *f, struct str body, struct str schema)
{
    struct fail ignored;

    f->body = json_loadb(body.p ? body.p : "", body.len, 0, NULL);
    if (schema.p)
        f->schema = json_loadb(schema.p, schema.len, 0, NULL);
    if (fields_parse(f->schema, &f->mem, &f->columns, &f->n_columns, &ignored))
        f->n_columns = 0;
}

struct wanted {
    const struct call *call;
    bool anonymous;
    struct str location;
    struct found *found;
};

static bool take_parked(void *arg, const struct parked_job *one)
{
    struct wanted *w = arg;
    struct found *f = w->found;

    if (w->anonymous
            ? !one->anon || !str_eq(str_from(one->anon), w->call->vars[2])
            : !parked_is(one, w->call->vars[1], w->location))
        return false;
    read_found(f, str_from(one->resource),
               one->schema ? str_from(one->schema) : STR_NULL);
    f->total = one->total;
    buf_init(&f->rows, one->rows.len + 1);
    buf_str(&f->rows, buf_as_str(&one->rows));
    f->is_parked = true;
    return true;
}

/* By its id, or by its anonymous table. */
static bool find_stored(struct call *c, bool anonymous, struct str location,
                        struct found *f)
{
    struct err err = {0};
    sqlite3_stmt *s =
        anonymous
            ? db_query(c->db, &err,
                       "SELECT n, body, schema, total_rows FROM jobs"
                       " WHERE anon = ? AND project = ?",
                       "ss", c->vars[2], c->vars[0])
            : db_query(c->db, &err,
                       "SELECT n, body, schema, total_rows FROM jobs"
                       " WHERE job = ? AND project = ?"
                       " AND (? = '' OR location = ? COLLATE NOCASE)",
                       "ssss", c->vars[1], c->vars[0], location, location);

    if (s && sqlite3_step(s) == SQLITE_ROW) {
        read_found(f, db_text(s, 1), db_text(s, 2));
        f->n = sqlite3_column_int64(s, 0);
        f->total = sqlite3_column_int64(s, 3);
    }
    if (s)
        db_done(s);
    return f->body != NULL;
}

static bool find(struct call *c, bool anonymous, struct found *f)
{
    struct str location = call_param(c, "location");
    struct wanted wanted = {c, anonymous, location.p ? location : STR(""), f};

    arena_init(&f->mem);
    buf_init(&f->rows, 0);
    if (parked_each(c->bq->parked, c->vars[0], take_parked, &wanted) ||
        find_stored(c, anonymous, wanted.location, f))
        return true;
    found_fini(f);
    if (anonymous)
        call_fail(c, "notFound", "Not found: Table %s:%s.%s", c->vars[0].p,
                  c->vars[1].p, c->vars[2].p);
    else
        call_fail(c, "notFound", "Not found: Job %s:%s", c->vars[0].p,
                  c->vars[1].p);
    return false;
}

/* --- pages ---------------------------------------------------------------- */

static int read_position(struct call *c, int64_t *from, int64_t *max)
{
    struct str token = call_param(c, "pageToken");

    if (call_number(c, "maxResults", PAGE_ROWS, max) ||
        call_number(c, "startIndex", 0, from))
        return RC_INVALID;
    if (token.len && (!str_to_i64(token, from) || *from < 0))
        return fail_set(&c->fail, "invalid", "Invalid page token");
    if (*max > PAGE_ROWS)
        *max = PAGE_ROWS;
    return RC_OK;
}

static void add_stored(struct call *c, const struct found *f, int64_t from,
                       struct results_page *page)
{
    struct err err = {0};
    sqlite3_stmt *s = db_query(c->db, &err,
                               "SELECT first, rows FROM results WHERE job = ?"
                               " AND first + n > ? ORDER BY first",
                               "ii", f->n, from);

    while (s && page->max > 0 && !page->full && sqlite3_step(s) == SQLITE_ROW) {
        int64_t first = sqlite3_column_int64(s, 0);

        page->skip = from + page->n - first;
        results_add(page, str_of(sqlite3_column_blob(s, 1),
                                 (size_t)sqlite3_column_bytes(s, 1)));
    }
    if (s)
        db_done(s);
}

/* Rows from `from` on, and the token of the next page. */
static void put_page(struct call *c, const struct found *f, int64_t from,
                     int64_t max)
{
    struct results_page page = {.out = &c->out,
                                .columns = f->columns,
                                .n_columns = f->n_columns,
                                .ts = list_ts_format(c),
                                .max = max};

    if (f->is_parked && max > 0) {
        page.skip = from;
        results_add(&page, buf_as_str(&f->rows));
    } else if (!f->is_parked) {
        add_stored(c, f, from, &page);
    }
    results_end(&page);
    if (max > 0 && from + page.n < f->total)
        buf_printf(&c->out, ",\"pageToken\":\"%lld\"",
                   (long long)from + page.n);
    c->n = (uint64_t)page.n;
}

/* --- getQueryResults ------------------------------------------------------ */

static void put_json(struct buf *out, const char *name, const json_t *v)
{
    char *text = v ? json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

    if (!text)
        return;
    buf_printf(out, ",\"%s\":%s", name, text);
    mem_free(text);
}

/* Asked by jobs.query, of a request that comes again. */
static bool is_query(const struct call *c)
{
    return strcmp(c->route->name, "jobs.query") == 0;
}

/* What only a queryResponse has. */
static void put_query(struct call *c, const struct found *f)
{
    static const char *const of_statistics[] = {"creationTime", "startTime",
                                                "endTime", "totalSlotMs"};
    static const char *const of_query[] = {"totalBytesBilled", "statementType",
                                           "dmlStats"};
    const json_t *s = json_object_get(f->body, "statistics");
    const json_t *query = json_object_get(s, "query");

    put_json(
        &c->out, "location",
        json_object_get(json_object_get(f->body, "jobReference"), "location"));
    for (size_t i = 0; i < 4; i++)
        put_json(&c->out, of_statistics[i],
                 json_object_get(s, of_statistics[i]));
    for (size_t i = 0; i < 3; i++)
        put_json(&c->out, of_query[i], json_object_get(query, of_query[i]));
    buf_puts(&c->out, ",\"jobCreationReason\":{\"code\":\"REQUESTED\"}");
}

/* The job failed: so does who asks for its rows. */
static bool tell_failure(struct call *c, const struct found *f)
{
    const json_t *e =
        json_object_get(json_object_get(f->body, "status"), "errorResult");
    const char *reason = json_string_value(json_object_get(e, "reason"));
    const char *text = json_string_value(json_object_get(e, "message"));
    const char *where = json_string_value(json_object_get(e, "location"));

    if (!reason)
        return false;
    fail_set(&c->fail, reason_name(reason), "%s", text ? text : "");
    snprintf(c->fail.location, sizeof(c->fail.location), "%s",
             where ? where : "");
    return true;
}

void results_get(struct call *c)
{
    const json_t *statistics, *query;
    int64_t from, max;
    struct found f = {0};

    if (read_position(c, &from, &max) || !find(c, false, &f))
        return;
    statistics = json_object_get(f.body, "statistics");
    query = json_object_get(statistics, "query");
    if (tell_failure(c, &f)) {
        found_fini(&f);
        return;
    }
    if (!query) {
        call_fail(c, "invalid",
                  "Cannot list the results of a job that is no query");
        found_fini(&f);
        return;
    }
    buf_printf(&c->out,
               "{\"kind\":\"bigquery#%s\",\"jobComplete\":true,"
               "\"cacheHit\":false,\"totalRows\":\"%lld\"",
               is_query(c) ? "queryResponse" : "getQueryResultsResponse",
               (long long)f.total);
    if (is_query(c))
        put_query(c, &f);
    else
        buf_printf(&c->out, ",\"etag\":\"%s\"", c->vars[1].p);
    put_json(&c->out, "jobReference", json_object_get(f.body, "jobReference"));
    put_json(&c->out, "schema", f.schema);
    put_json(&c->out, "totalBytesProcessed",
             json_object_get(query, "totalBytesProcessed"));
    put_json(&c->out, "numDmlAffectedRows",
             json_object_get(query, "numDmlAffectedRows"));
    put_page(c, &f, from, max);
    buf_putc(&c->out, '}');
    call_reply(c, 200);
    found_fini(&f);
}

/* --- anonymous tables ----------------------------------------------------- */

bool results_is_anonymous(struct str dataset)
{
    return dataset.len && dataset.p[0] == '_';
}

void results_table_get(struct call *c)
{
    const json_t *statistics;
    struct found f = {0};
    json_t *r;

    if (!find(c, true, &f))
        return;
    statistics = json_object_get(f.body, "statistics");
    r = json_pack(
        "{s:s, s:s, s:{s:s, s:s, s:s}, s:s, s:s, s:o, s:o*, s:O*, s:O*}",
        "kind", "bigquery#table", "etag", c->vars[2].p, "tableReference",
        "projectId", c->vars[0].p, "datasetId", c->vars[1].p, "tableId",
        c->vars[2].p, "type", "TABLE", "location", "US", "numRows",
        json_sprintf("%lld", (long long)f.total), "id",
        json_sprintf("%s:%s.%s", c->vars[0].p, c->vars[1].p, c->vars[2].p),
        "schema", f.schema, "creationTime",
        json_object_get(statistics, "creationTime"));
    call_reply_json(c, r);
    found_fini(&f);
}

void results_table_list(struct call *c)
{
    int64_t from, max;
    struct found f = {0};

    if (read_position(c, &from, &max) || !find(c, true, &f))
        return;
    buf_printf(&c->out,
               "{\"kind\":\"bigquery#tableDataList\",\"etag\":\"%s\","
               "\"totalRows\":\"%lld\"",
               c->vars[2].p, (long long)f.total);
    put_page(c, &f, from, max);
    buf_putc(&c->out, '}');
    call_reply(c, 200);
    found_fini(&f);
}
