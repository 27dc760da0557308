/* SPDX-License-Identifier: Apache-2.0 */
/* Extract jobs: a table's rows into a file, as CSV or NDJSON. */
#include <stdio.h>

#include "common/base64.h"
#include "common/mem.h"
#include "emulator/bigquery/bigquery_priv.h"
#include "emulator/bigquery/files.h"
#include "emulator/bigquery/job_source.h"
#include "emulator/bigquery/member.h"
#include "emulator/bigquery/sql/fn_bridge.h"
#include "emulator/bigquery/sql/show.h"
#include "grpc/gzip.h"

enum {
    FILE_MAX = 1 << 30
};

struct extract {
    struct job *job;
    const json_t *config;
    struct job_source from;
    bool json, header, zip;
    char delimiter;
    struct buf out;
    int64_t rows;
};

static int read_config(struct extract *x, struct db *db)
{
    const char *format = member_text(x->config, "destinationFormat");
    const char *zip = member_text(x->config, "compression");
    const char *comma = member_text(x->config, "fieldDelimiter");

    x->json = format && strcmp(format, "NEWLINE_DELIMITED_JSON") == 0;
    if (format && !x->json && strcmp(format, "CSV") != 0)
        return fail_set(&x->job->fail, "notImplemented",
                        "The emulator extracts CSV and "
                        "NEWLINE_DELIMITED_JSON, not %.40s",
                        format);
    x->zip = zip && strcmp(zip, "GZIP") == 0;
    if (zip && !x->zip && strcmp(zip, "NONE") != 0)
        return fail_set(&x->job->fail, "notImplemented",
                        "The emulator compresses with GZIP, not %.40s", zip);
    x->delimiter = comma && *comma ? *comma : ',';
    if (comma && (strcmp(comma, "\\t") == 0 || strcmp(comma, "tab") == 0))
        x->delimiter = '\t';
    else if (comma && strlen(comma) > 1)
        return fail_set(&x->job->fail, "invalid",
                        "Invalid field delimiter: %.40s; it is one character, "
                        "\\t or tab",
                        comma);
    x->header = !json_is_false(json_object_get(x->config, "printHeader"));
    return job_source_open(x->job, db,
                           json_object_get(x->config, "sourceTable"),
                           "extract.sourceTable", &x->from);
}

/* --- rows ----------------------------------------------------------------- */

static void put_csv_text(struct extract *x, struct str s)
{
    bool quote = memchr(s.p, x->delimiter, s.len) || memchr(s.p, '"', s.len) ||
                 memchr(s.p, '\n', s.len) || memchr(s.p, '\r', s.len) ||
                 s.len == 0;

    if (!quote) {
        buf_str(&x->out, s);
        return;
    }
    buf_putc(&x->out, '"');
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] == '"')
            buf_putc(&x->out, '"');
        buf_putc(&x->out, s.p[i]);
    }
    buf_putc(&x->out, '"');
}

static void put_csv(struct extract *x, sqlite3_stmt *s)
{
    struct buf text;

    buf_init(&text, FILE_MAX);
    for (size_t i = 0; i < x->from.t->n_columns; i++) {
        struct value v;

        if (i)
            buf_putc(&x->out, x->delimiter);
        value_from_sqlite(sqlite3_column_value(s, (int)i), &v);
        if (v.kind == FN_NULL)
            continue;
        buf_reset(&text);
        if (x->from.t->columns[i].type->kind == T_BYTES)
            base64_append(&text, v.s); /* as loads read them */
        else
            show_text(&text, x->from.t->columns[i].type, &v, tz_utc(), false);
        put_csv_text(x, buf_as_str(&text));
    }
    buf_fini(&text);
}

/* 64 bits are texts in JSON; NULLs are left out. */
static void put_json(struct extract *x, sqlite3_stmt *s)
{
    int n = 0;

    buf_putc(&x->out, '{');
    for (size_t i = 0; i < x->from.t->n_columns; i++) {
        const struct sql_column *c = &x->from.t->columns[i];
        struct value v;

        value_from_sqlite(sqlite3_column_value(s, (int)i), &v);
        if (v.kind == FN_NULL)
            continue;
        buf_puts(&x->out, n++ ? "," : "");
        buf_json_str(&x->out, c->name);
        buf_putc(&x->out, ':');
        if (c->type->kind == T_INT64)
            buf_printf(&x->out, "\"%lld\"", (long long)v.i);
        else
            show_json(&x->out, c->type, &v, false);
    }
    buf_putc(&x->out, '}');
}

static void put_header(struct extract *x)
{
    for (size_t i = 0; i < x->from.t->n_columns; i++) {
        if (i)
            buf_putc(&x->out, x->delimiter);
        put_csv_text(x, x->from.t->columns[i].name);
    }
    buf_putc(&x->out, '\n');
}

static int check_source(struct extract *x)
{
    const struct table *t = x->from.t;

    if (!t->view_sql)
        return RC_OK;
    return fail_set(&x->job->fail, "invalid",
                    "Using table %.*s:%.*s.%.*s is not allowed for this "
                    "operation because of its type. Try using a different "
                    "table that is of type TABLE.",
                    STR_ARG(t->project), STR_ARG(t->dataset), STR_ARG(t->name));
}

static int check_csv(struct extract *x)
{
    for (size_t i = 0; !x->json && i < x->from.t->n_columns; i++) {
        enum sql_type_kind kind = x->from.t->columns[i].type->kind;

        if (kind == T_ARRAY || kind == T_STRUCT)
            return fail_set(&x->job->fail, "invalid",
                            "Operation cannot be performed on a nested schema. "
                            "Field: %.*s",
                            STR_ARG(x->from.t->columns[i].name));
    }
    return RC_OK;
}

static int put_rows(struct extract *x, struct db *db)
{
    sqlite3_stmt *s = NULL;
    struct buf sql;
    int rc = RC_OK, step = SQLITE_DONE;

    buf_init(&sql, 8 << 20);
    buf_puts(&sql, "SELECT ");
    job_source_columns(&x->from, &sql);
    job_source_rows(&x->from, x->job, &sql);
    if (sqlite3_prepare_v2(db->h, sql.data, -1, &s, NULL))
        rc = fail_set(&x->job->fail, "internalError", "%s",
                      sqlite3_errmsg(db->h));
    buf_fini(&sql);
    if (!x->json && x->header)
        put_header(x);
    while (rc == RC_OK && (step = sqlite3_step(s)) == SQLITE_ROW) {
        if (x->json)
            put_json(x, s);
        else
            put_csv(x, s);
        buf_putc(&x->out, '\n');
        x->rows++;
        if (x->out.failed)
            rc = fail_set(&x->job->fail, "resourcesExceeded",
                          "The table is too large for one file");
        else if (job_is_cancelled(x->job))
            rc = RC_CANCELLED;
    }
    if (rc == RC_OK && step != SQLITE_DONE)
        rc = fail_set(&x->job->fail, "backendError",
                      "The table cannot be read to its end: %s",
                      sqlite3_errmsg(db->h));
    sqlite3_finalize(s);
    return rc;
}

/* --- files ---------------------------------------------------------------- */

static int write_files(struct extract *x)
{
    const json_t *uris = json_object_get(x->config, "destinationUris"), *one;
    const char *state = x->job->bq->e->state_dir;
    struct buf packed;
    struct grpc_gzip *z = grpc_gzip_new();
    json_t *counts = json_array();
    size_t i;
    int rc = RC_OK;

    buf_init(&packed, FILE_MAX + (FILE_MAX >> 8));
    if (x->zip && !grpc_gzip_any(z, buf_as_str(&x->out), &packed))
        rc = fail_set(&x->job->fail, "resourcesExceeded",
                      "There is no memory to compress the file");
    else if (!json_array_size(uris))
        rc = fail_set(&x->job->fail, "required",
                      "Required parameter is missing: "
                      "extract.destinationUris");
    json_array_foreach(uris, i, one)
    {
        const char *uri = json_string_value(one);

        if (rc == RC_OK)
            rc = files_write(state, uri ? uri : "", x->zip ? &packed : &x->out,
                             &x->job->fail);
        json_array_append_new(counts, json_string("1"));
    }
    x->job->stats = json_pack("{s:o}", "destinationUriFileCounts", counts);
    grpc_gzip_free(z);
    buf_fini(&packed);
    return rc;
}

void extract_run(struct job *j, struct db *db)
{
    struct extract x = {.job = j,
                        .config = json_object_get(j->config, "extract")};
    int rc = read_config(&x, db);

    buf_init(&x.out, FILE_MAX);
    if (rc == RC_OK)
        rc = check_source(&x);
    if (rc == RC_OK)
        rc = check_csv(&x);
    if (rc == RC_OK)
        rc = put_rows(&x, db);
    if (rc == RC_OK)
        rc = write_files(&x);
    (void)rc; /* it is in the job */
    buf_fini(&x.out);
    job_source_fini(&x.from);
}
