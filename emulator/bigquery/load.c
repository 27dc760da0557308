/* SPDX-License-Identifier: Apache-2.0 */
/* Load jobs: NDJSON and CSV, uploaded or from files, into a table. */
#include "emulator/bigquery/load.h"

#include <stdio.h>

#include "common/mem.h"
#include "emulator/bigquery/csv.h"
#include "emulator/bigquery/fields.h"
#include "emulator/bigquery/load_source.h"
#include "emulator/bigquery/member.h"

enum {
    BATCH_ROWS = 1000,
    ERRORS_TOLD = 5
};

/* --- what was asked for --------------------------------------------------- */

static char delimiter_of(const char *text)
{
    if (!text || !*text)
        return ',';
    return strcmp(text, "\\t") == 0 || strcmp(text, "tab") == 0 ? '\t' : *text;
}

static int read_config(struct load *l)
{
    const char *format = member_text(l->config, "sourceFormat");
    const char *quote = member_text(l->config, "quote");
    const char *encoding = member_text(l->config, "encoding");

    l->csv = !format || !*format || strcmp(format, "CSV") == 0;
    if (!l->csv && strcmp(format, "NEWLINE_DELIMITED_JSON") != 0)
        return fail_set(&l->job->fail, "notImplemented",
                        "The emulator loads CSV and NEWLINE_DELIMITED_JSON, "
                        "not %.40s",
                        format);
    l->latin1 = encoding && strcmp(encoding, "ISO-8859-1") == 0;
    if (encoding && *encoding && !l->latin1 && strcmp(encoding, "UTF-8") != 0 &&
        strcmp(encoding, "UTF8") != 0)
        return fail_set(&l->job->fail, "notImplemented",
                        "The emulator loads UTF-8 and ISO-8859-1, not %.40s",
                        encoding);
    if (l->latin1 && !l->csv)
        return fail_set(&l->job->fail, "invalid",
                        "The encoding of NEWLINE_DELIMITED_JSON is UTF-8, not "
                        "%.40s",
                        encoding);
    l->delimiter = delimiter_of(member_text(l->config, "fieldDelimiter"));
    l->quote = quote ? *quote : '"';
    l->null_marker = member_text(l->config, "nullMarker");
    l->newlines =
        json_is_true(json_object_get(l->config, "allowQuotedNewlines"));
    l->jagged = json_is_true(json_object_get(l->config, "allowJaggedRows"));
    l->ignore_unknown =
        json_is_true(json_object_get(l->config, "ignoreUnknownValues"));
    l->skip = member_number(l->config, "skipLeadingRows");
    l->max_bad = member_number(l->config, "maxBadRecords");
    return RC_OK;
}

/* A schema of the job's own says nothing of the table's DEFAULTs, and may
 * leave such columns out; fields of CSV go by position, so none is added. */
static void inherit_defaults(struct load *l, const json_t *schema)
{
    json_t *fields = json_object_get(l->schema, "fields");
    const json_t *theirs = json_object_get(schema, "fields");
    json_t *field;
    size_t i;

    json_array_foreach(theirs, i, field)
    {
        const char *name = member_text(field, "name");
        json_t *expression = json_object_get(field, "defaultValueExpression");
        json_t *own = NULL;

        for (size_t k = 0; k < json_array_size(fields) && !own; k++) {
            const char *n = member_text(json_array_get(fields, k), "name");

            if (n && name && strcasecmp(n, name) == 0)
                own = json_array_get(fields, k);
        }
        if (expression && own)
            json_object_set(own, "defaultValueExpression", expression);
        else if (expression && !l->csv)
            json_array_append_new(fields, json_deep_copy(field));
    }
}

/* The job's own schema, the table's, or what the data suggests. */
static int find_schema(struct load *l, struct db *db)
{
    const json_t *given = json_object_get(l->config, "schema");
    const json_t *ref = json_object_get(l->config, "destinationTable");
    const char *project = member_text(ref, "projectId");
    const char *dataset = member_text(ref, "datasetId");
    const char *id = member_text(ref, "tableId");
    struct str name, decorator;
    struct fail found = {0};
    struct table *t = NULL;

    if (dataset && id) {
        partition_split(str_from(id), &name, &decorator);
        (void)!table_load(db, str_from(project ? project : l->job->project),
                          str_from(dataset), name, &t, &found);
    }
    if (json_array_size(json_object_get(given, "fields"))) {
        l->schema = json_deep_copy(given);
        if (t)
            inherit_defaults(l, json_object_get(t->body, "schema"));
        table_free(t);
        return RC_OK;
    }
    if (t && t->n_columns &&
        !json_is_true(json_object_get(l->config, "autodetect")))
        l->schema = json_deep_copy(json_object_get(t->body, "schema"));
    else if (t && t->n_columns && !l->csv)
        l->schema = json_deep_copy(json_object_get(t->body, "schema"));
    table_free(t);
    if (!l->schema)
        l->schema = load_detect(l);
    return l->schema ? RC_OK : RC_INVALID;
}

/* --- rows ----------------------------------------------------------------- */

/* One bad row more. RC_INVALID when there are too many. */
static int note_bad(struct load *l, size_t line, const char *path,
                    const char *text)
{
    json_t *e;

    l->bad++;
    if (json_array_size(l->errors) < ERRORS_TOLD) {
        e = json_pack("{s:s, s:o}", "reason", "invalid", "message",
                      json_sprintf("Error while reading data, error message: "
                                   "%s Row starting at line: %zu%s%s",
                                   text, line, *path ? "; Field: " : "", path));
        json_array_append_new(l->errors, e);
    }
    if (l->bad <= l->max_bad)
        return RC_OK;
    return fail_set(&l->job->fail, "invalid",
                    "Error while reading data, error message: %s table "
                    "encountered too many errors, giving up. Rows: %lld; "
                    "errors: %lld. Please look into the errors[] collection "
                    "for more details.",
                    l->csv ? "CSV" : "JSON", (long long)l->rows + l->bad,
                    (long long)l->bad);
}

static int flush(struct load *l, struct batch *b, struct db *w)
{
    int rc = batch_insert(b, w, NULL, &l->job->fail);

    l->rows += (int64_t)(b->n_rows - b->n_bad);
    batch_reset(b);
    return rc ? rc : (job_is_cancelled(l->job) ? RC_INVALID : RC_OK);
}

/* A row is in the batch: good, or told as bad. */
static int end_row(struct load *l, struct batch *b, struct batch_row *row,
                   size_t line, struct db *w)
{
    int rc = RC_OK;

    batch_end_row(b, row);
    if (row->error)
        rc = note_bad(l, line, row->error->path, row->error->text);
    return rc || b->n_rows < BATCH_ROWS ? rc : flush(l, b, w);
}

static int no_memory(struct load *l)
{
    return fail_set(&l->job->fail, "backendError", "Out of memory");
}

static int load_json(struct load *l, struct batch *b, struct db *w)
{
    struct str rest = l->data;
    size_t line = 0;
    int rc = RC_OK;

    while (rc == RC_OK && rest.p && rest.len) {
        struct str one = str_cut(&rest, '\n');
        struct batch_row *row;
        struct json_token t;
        struct json_scan s;

        line++;
        one = str_trim(one);
        if (one.len && one.p[one.len - 1] == '\r')
            one.len--;
        if (!one.len)
            continue;
        row = batch_row(b);
        if (!row)
            return no_memory(l);
        json_scan_init(&s, one);
        json_scan_next(&s, &t);
        if (!batch_read_json(b, row, &s, &t) ||
            json_scan_next(&s, &t) != JSON_T_DONE)
            batch_refuse(b, row, "",
                         "Failed to parse JSON: the line is no JSON object.");
        json_scan_fini(&s);
        rc = end_row(l, b, row, line, w);
    }
    return rc;
}

static bool is_null(const struct load *l, const struct csv *c, size_t i)
{
    struct str text = csv_field(c, i);

    if (c->fields[i].quoted)
        return false;
    return l->null_marker && *l->null_marker
               ? str_eq(text, str_from(l->null_marker))
               : text.len == 0;
}

static int read_field(struct load *l, struct batch *b, struct batch_row *row,
                      const struct csv *c, size_t i)
{
    const struct sql_column *col = &b->table->columns[i];
    struct cell cell = {0};
    struct buf scratch;
    const char *bad = NULL;
    struct str text = csv_field(c, i);
    char why[400], name[320];
    char *copy;

    if (is_null(l, c, i))
        return RC_OK;
    copy = cell_mem_take(&b->mem, text.len + 1);
    if (!copy)
        return no_memory(l);
    memcpy(copy, text.p, text.len);
    copy[text.len] = '\0';
    buf_init(&scratch, 1 << 24);
    if (col->type->kind == T_ARRAY || col->type->kind == T_STRUCT)
        bad = "CSV cannot hold nested or repeated fields.";
    else if (!json_is_utf8(str_of(copy, text.len)))
        bad = "Bad character (ASCII 0 or invalid UTF-8) encountered.";
    else
        bad = cell_from_text(col, str_of(copy, text.len), &b->mem, &scratch,
                             &cell, why);
    buf_fini(&scratch);
    snprintf(name, sizeof(name), "%.*s", STR_ARG(col->name));
    if (bad)
        batch_refuse(b, row, name, bad);
    else if (!batch_cell(b, row, (uint32_t)i, cell))
        return no_memory(l);
    return RC_OK;
}

static int load_csv(struct load *l, struct batch *b, struct db *w)
{
    int64_t skip = l->skip;
    size_t n = b->table->n_columns;
    struct csv c;
    int rc = RC_OK;

    csv_init(&c, l->data);
    c.delimiter = l->delimiter;
    c.quote = l->quote;
    c.newlines = l->newlines;
    while (rc == RC_OK && csv_next(&c)) {
        struct batch_row *row;

        if (skip-- > 0)
            continue;
        row = batch_row(b);
        if (!row) {
            rc = no_memory(l);
            break;
        }
        if (c.error)
            batch_refuse(b, row, "", c.error);
        else if (c.n > n && !l->ignore_unknown)
            batch_refuse(b, row, "", "Too many values in row.");
        else if (c.n < n && !l->jagged)
            batch_refuse(b, row, "",
                         "CSV table references column position beyond the "
                         "row's end.");
        for (size_t i = 0; i < c.n && i < n && rc == RC_OK && !row->error; i++)
            rc = read_field(l, b, row, &c, i);
        if (rc == RC_OK)
            rc = end_row(l, b, row, c.line, w);
    }
    if (rc == RC_OK && c.no_memory)
        rc = no_memory(l);
    csv_fini(&c);
    return rc;
}

/* --- the whole ------------------------------------------------------------ */

/* The stage as a table that a batch can fill. */
static int fill_stage(struct load *l, struct db *w,
                      const struct write_stage *stage)
{
    struct table as = {.id = -1, .physical = stage->physical};
    struct batch b;
    int rc;

    arena_init(&as.mem);
    as.project = as.dataset = as.name = STR("");
    rc = fields_parse(stage->schema, &as.mem, &as.columns, &as.n_columns,
                      &l->job->fail);
    if (rc == RC_OK) {
        batch_init(&b, &as, l->job->created_us);
        b.json_objects = true;
        b.ignore_unknown = l->ignore_unknown;
        b.db = l->jagged ? NULL : w; /* short rows of CSV end in NULLs */
        rc = l->csv ? load_csv(l, &b, w) : load_json(l, &b, w);
        if (rc == RC_OK)
            rc = flush(l, &b, w);
        batch_fini(&b);
    }
    arena_fini(&as.mem);
    return rc;
}

static void put_stats(struct load *l)
{
    struct job *j = l->job;

    json_decref(j->stats);
    j->stats = json_pack("{s:s, s:o, s:o, s:o, s:o}", "inputFiles", "1",
                         "inputFileBytes", json_sprintf("%zu", l->data.len),
                         "outputRows", json_sprintf("%lld", (long long)l->rows),
                         "outputBytes", json_sprintf("%zu", l->data.len),
                         "badRecords", json_sprintf("%lld", (long long)l->bad));
    j->errors = l->errors;
    l->errors = NULL;
}

static int write_rows(struct load *l, struct db *w)
{
    struct write_target target = {
        .project = str_from(l->job->project),
        .location = job_place(l->job),
        .table = json_object_get(l->config, "destinationTable"),
        .create = json_object_get(l->config, "createDisposition"),
        .write = json_object_get(l->config, "writeDisposition"),
        .write_default = "WRITE_APPEND",
        .like = l->config,
        .now_us = l->job->created_us};
    struct write_stage stage = {0};
    int rc = write_table_open(w, &target, l->schema, &stage, &l->job->fail);

    if (rc == RC_OK)
        rc = fill_stage(l, w, &stage);
    if (rc == RC_OK)
        rc = write_table_close(w, &stage, target.now_us, &l->job->fail);
    write_table_fini(&stage);
    put_stats(l);
    return rc;
}

static void load_all(struct load *l, struct db *db)
{
    struct job *j = l->job;
    struct err err = {0};
    struct db *w = db_begin(db->all, true, &err);
    int rc;

    if (!w) {
        fail_from_err(&j->fail, &err);
        return;
    }
    rc = write_rows(l, w);
    if (rc == RC_OK)
        rc = job_store(j, w);
    job_end(j, w, rc);
}

void load_run(struct job *j, struct db *db)
{
    struct load l = {.job = j, .config = json_object_get(j->config, "load")};
    struct load_source source = {0};
    int rc = read_config(&l);

    l.errors = json_array();
    if (rc == RC_OK)
        rc = load_source_open(&source, j, l.config);
    if (rc == RC_OK && l.latin1)
        rc = load_source_recode(&source, j);
    l.data = source.data;
    if (rc == RC_OK)
        rc = find_schema(&l, db);
    if (rc == RC_OK)
        load_all(&l, db);
    json_decref(l.errors);
    json_decref(l.schema);
    load_source_close(&source);
}
