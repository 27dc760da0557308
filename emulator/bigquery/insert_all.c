/* SPDX-License-Identifier: Apache-2.0 */
/* tabledata.insertAll: all or nothing unless skipInvalidRows, one row an
 * insertId and minute, template tables, partition decorators. */
#include <stdio.h>

#include "common/mem.h"
#include "emulator/bigquery/batch.h"
#include "emulator/bigquery/bigquery_priv.h"
#include "emulator/bigquery/handlers.h"
#include "emulator/bigquery/partition_stats.h"
#include "emulator/bigquery/stream.h"

enum {
    ROWS_MAX = 50000,
    INSERT_ID_MAX = 128,
    TRIES = 4 /* while the table changes under us */
};

struct request {
    struct call *call;
    struct str rows; /* the array, as it came */
    bool skip_invalid, ignore_unknown;
    char suffix[260];
    struct table *table;
    struct batch batch;
    bool *repeated; /* a flag a row: its insertId was there */
};

/* --- the body ------------------------------------------------------------- */

static int malformed(struct call *c, const struct json_scan *s)
{
    if (s->no_memory)
        return fail_set(&c->fail, "backendError", "Out of memory");
    return fail_set(
        &c->fail, "parseError", "Invalid JSON payload received. %s at byte %zu",
        s->error ? s->error : "Unexpected token", (size_t)(s->p - s->start));
}

static int unknown(struct call *c, struct str name, const char *where)
{
    return fail_set(&c->fail, "badRequest",
                    "Invalid JSON payload received. Unknown name \"%.*s\"%s: "
                    "Cannot find field.",
                    (int)(name.len < 60 ? name.len : 60), name.p, where);
}

/* A boolean, or its text as older clients write it; null is false. */
static int read_flag(struct call *c, const char *name,
                     const struct json_token *t, bool *out)
{
    bool text = t->kind == JSON_T_STRING;

    *out = t->kind == JSON_T_TRUE || (text && str_ieq(t->text, STR("true")));
    if (*out || t->kind == JSON_T_FALSE || t->kind == JSON_T_NULL ||
        (text && str_ieq(t->text, STR("false"))))
        return RC_OK;
    return fail_set(&c->fail, "badRequest", "Invalid value at '%s' (TYPE_BOOL)",
                    name);
}

/* One member; the value of rows is kept by who reads the body. */
static int read_member(struct request *q, struct str key,
                       const struct json_token *t)
{
    struct call *c = q->call;

    if (str_eq(key, STR("skipInvalidRows")))
        return read_flag(c, "skip_invalid_rows", t, &q->skip_invalid);
    if (str_eq(key, STR("ignoreUnknownValues")))
        return read_flag(c, "ignore_unknown_values", t, &q->ignore_unknown);
    if (str_eq(key, STR("templateSuffix")) && t->kind != JSON_T_NULL) {
        if (t->kind != JSON_T_STRING)
            return fail_set(&c->fail, "badRequest",
                            "Invalid value at 'template_suffix' (TYPE_STRING)");
        snprintf(q->suffix, sizeof(q->suffix), "%.*s", STR_ARG(t->text));
        return RC_OK;
    }
    if (str_eq(key, STR("rows")) || str_eq(key, STR("kind")) ||
        str_eq(key, STR("traceId")) || str_eq(key, STR("templateSuffix")))
        return RC_OK;
    return unknown(c, key, "");
}

static int read_body(struct request *q)
{
    struct call *c = q->call;
    struct json_token t;
    struct json_scan s;
    struct str value;
    int rc = RC_OK;

    json_scan_init(&s, c->body);
    if (json_scan_next(&s, &t) != JSON_T_OBJECT)
        rc = malformed(c, &s);
    while (rc == RC_OK && json_scan_next(&s, &t) != JSON_T_OBJECT_END) {
        struct str key = t.text;

        if (t.kind != JSON_T_KEY || json_scan_next(&s, &t) == JSON_T_ERROR) {
            rc = malformed(c, &s);
            break;
        }
        rc = read_member(q, key, &t);
        if (rc)
            break;
        if (!json_scan_skip(&s, &t, &value))
            rc = malformed(c, &s);
        else if (str_eq(key, STR("rows")) && t.kind == JSON_T_ARRAY)
            q->rows = value;
    }
    if (rc == RC_OK && json_scan_next(&s, &t) != JSON_T_DONE)
        rc = malformed(c, &s);
    json_scan_fini(&s);
    return rc;
}

/* --- the table ------------------------------------------------------------ */

/* Makes the table of a template's suffix if it is not there. */
static int from_template(struct request *q, struct str name)
{
    struct call *c = q->call;
    struct table *made = NULL;
    struct fail found = {0};
    json_t *resource;
    struct db *w;
    char *full;
    int rc;

    for (const char *p = q->suffix; *p; p++)
        if (*p != '_' && !(*p >= '0' && *p <= '9') &&
            !((*p | 0x20) >= 'a' && (*p | 0x20) <= 'z'))
            return fail_set(&c->fail, "invalid",
                            "Invalid templateSuffix: only letters, numbers "
                            "and underscores are allowed");
    full = mem_printf("%.*s%s", STR_ARG(name), q->suffix);
    rc = table_load(c->db, c->vars[0], c->vars[1], str_from(full), &made,
                    &found);
    if (rc == RC_NOT_FOUND) {
        resource = json_deep_copy(q->table->body);
        json_object_set_new(resource, "tableReference",
                            json_pack("{s:s}", "tableId", full));
        w = call_begin(c);
        rc = w ? table_create(w, c->vars[0], c->vars[1], resource, c->now_us,
                              &made, &c->fail)
               : RC_INVALID;
        if (w && !call_end(c, w, rc) && rc == RC_OK) {
            table_free(made);
            rc = RC_INVALID;
        }
        json_decref(resource);
    } else if (rc) {
        c->fail = found;
    }
    mem_free(full);
    if (rc)
        return rc;
    table_free(q->table);
    q->table = made;
    return RC_OK;
}

static int find_table(struct request *q)
{
    struct call *c = q->call;
    struct str name, decorator;
    int rc;

    partition_split(c->vars[2], &name, &decorator);
    rc = table_load(c->db, c->vars[0], c->vars[1], name, &q->table, &c->fail);
    if (rc == RC_OK && q->suffix[0])
        rc = from_template(q, name);
    if (rc)
        return rc;
    if (q->table->view_sql)
        return fail_set(&c->fail, "invalid",
                        "Cannot add rows to a table of type VIEW.");
    batch_init(&q->batch, q->table, c->now_us);
    q->batch.ignore_unknown = q->ignore_unknown;
    q->batch.streamed = true;
    q->batch.db = c->db;
    if (!decorator.p)
        return RC_OK;
    q->batch.has_part = true;
    return partition_decorator(&q->table->part, decorator, &q->batch.part,
                               &c->fail);
}

/* --- the rows ------------------------------------------------------------- */

static void read_insert_id(struct request *q, struct batch_row *row,
                           const struct json_token *t)
{
    if (t->kind != JSON_T_STRING || !t->text.len)
        return;
    if (t->text.len > INSERT_ID_MAX && !t->escaped) {
        batch_refuse(&q->batch, row, "insertId",
                     "Maximum allowed insertId length is 128 characters");
        return;
    }
    row->has_id = true;
    row->id = dedup_hash(q->table->id, t->text);
}

static bool read_row(struct request *q, struct batch_row *row,
                     struct json_scan *s, const struct json_token *first)
{
    bool has_json = false, ok = true;
    struct json_token key, t;

    if (first->kind != JSON_T_OBJECT) {
        batch_refuse(&q->batch, row, "", "A row must be an object");
        return cell_skip(s, first);
    }
    while (ok && json_scan_next(s, &key) != JSON_T_OBJECT_END) {
        if (key.kind != JSON_T_KEY)
            return false;
        json_scan_next(s, &t);
        if (str_eq(key.text, STR("json")) && t.kind != JSON_T_NULL) {
            has_json = true;
            ok = batch_read_json(&q->batch, row, s, &t);
            continue;
        }
        if (str_eq(key.text, STR("insertId"))) {
            read_insert_id(q, row, &t);
        } else if (!str_eq(key.text, STR("json"))) {
            char where[40];
            snprintf(where, sizeof(where), " at 'rows[%zu]'",
                     q->batch.n_rows - 1);
            return unknown(q->call, key.text, where) == RC_OK;
        }
        ok = cell_skip(s, &t);
    }
    if (ok && !has_json)
        batch_refuse(&q->batch, row, "", "Missing row data: json");
    batch_end_row(&q->batch, row);
    return ok;
}

static int read_rows(struct request *q)
{
    struct call *c = q->call;
    struct batch_row *row;
    struct json_token t;
    struct json_scan s;
    int rc = RC_OK;

    batch_reset(&q->batch);
    json_scan_init(&s, q->rows.p ? q->rows : STR("[]"));
    json_scan_next(&s, &t);
    while (rc == RC_OK && json_scan_next(&s, &t) != JSON_T_ARRAY_END) {
        row = q->batch.n_rows < ROWS_MAX ? batch_row(&q->batch) : NULL;
        if (!row && q->batch.n_rows >= ROWS_MAX)
            rc = fail_set(&c->fail, "invalid",
                          "Too many rows present in the request, limit: %d",
                          ROWS_MAX);
        else if (!row)
            rc = fail_set(&c->fail, "backendError", "Out of memory");
        else if (!read_row(q, row, &s, &t))
            rc = c->fail.reason ? RC_INVALID : malformed(c, &s);
        else if (c->refuses_rows && q->batch.n_rows % 2)
            batch_refuse(&q->batch, row, "", c->fault.message);
    }
    json_scan_fini(&s);
    if (rc == RC_OK && q->batch.n_rows == 0)
        rc = fail_set(&c->fail, "invalid", "No rows present in the request.");
    return rc;
}

/* --- the answer ----------------------------------------------------------- */

static void put_error(struct buf *out, size_t index, const char *reason,
                      const struct cell_error *e)
{
    buf_printf(out,
               "{\"index\":%zu,\"errors\":[{\"reason\":\"%s\","
               "\"location\":",
               index, reason);
    buf_json_str(out, str_from(e ? e->path : ""));
    buf_puts(out, ",\"debugInfo\":\"\",\"message\":");
    buf_json_str(out, str_from(e ? e->text : ""));
    buf_puts(out, "}]}");
}

static void answer(struct request *q)
{
    struct call *c = q->call;
    bool stopped = q->batch.n_bad && !q->skip_invalid;
    size_t n = 0;

    buf_puts(&c->out, "{\"kind\":\"bigquery#tableDataInsertAllResponse\"");
    for (size_t i = 0; q->batch.n_bad && i < q->batch.n_rows; i++) {
        const struct batch_row *row = &q->batch.rows[i];

        if (!row->error && !stopped)
            continue;
        buf_puts(&c->out, n++ ? "," : ",\"insertErrors\":[");
        put_error(&c->out, i, row->error ? "invalid" : "stopped", row->error);
    }
    buf_puts(&c->out, n ? "]}" : "}");
    c->n = q->batch.n_rows;
    call_reply(c, 200);
}

/* --- the insertion -------------------------------------------------------- */

/* Marks the rows that are here already, and remembers the others. */
static int remember(struct request *q, struct db *w)
{
    size_t n = q->batch.n_rows, n_ids = 0;
    struct dedup_id *ids = mem_try_alloc((n + 1) * sizeof(*ids));
    struct dedup *dedup = q->call->bq->dedup;
    struct err err = {0};
    int rc;

    q->repeated = mem_try_alloc(n + 1);
    if (!ids || !q->repeated) {
        mem_free(ids);
        return fail_set(&q->call->fail, "backendError", "Out of memory");
    }
    for (size_t i = 0; i < n; i++) {
        const struct batch_row *row = &q->batch.rows[i];

        q->repeated[i] = row->has_id && !row->error &&
                         !dedup_add(dedup, row->id, q->call->now_us);
        if (row->has_id && !row->error && !q->repeated[i])
            ids[n_ids++] = row->id;
        if (q->repeated[i])
            atomic_fetch_add(&q->call->bq->counts.rows_repeated, 1);
    }
    rc = dedup_store(w, q->table->id, ids, n_ids, q->call->now_us, &err);
    mem_free(ids);
    return rc ? fail_from_err(&q->call->fail, &err) : RC_OK;
}

static void forget(struct request *q)
{
    for (size_t i = 0; q->repeated && i < q->batch.n_rows; i++)
        if (q->batch.rows[i].has_id && !q->batch.rows[i].error &&
            !q->repeated[i])
            dedup_remove(q->call->bq->dedup, q->batch.rows[i].id);
    mem_free(q->repeated);
    q->repeated = NULL;
}

/* RC_CONFLICT: the table is not what it was when the rows were read. */
static int insert(struct request *q)
{
    struct call *c = q->call;
    struct db *w = call_begin(c);
    struct table *fresh = NULL;
    int rc;

    if (!w)
        return RC_INVALID;
    rc = table_load(w, q->table->project, q->table->dataset, q->table->name,
                    &fresh, &c->fail);
    if (rc == RC_OK &&
        (fresh->id != q->table->id || !json_equal(fresh->body, q->table->body)))
        rc = RC_CONFLICT;
    if (rc == RC_OK && c->bq->e->profile == PROFILE_STRICT)
        rc = stream_mark(w, fresh, c->now_us, &c->fail);
    if (rc == RC_OK)
        rc = partition_count(w, fresh, &c->fail);
    if (rc == RC_OK)
        rc = remember(q, w);
    if (rc == RC_OK)
        rc = batch_insert(&q->batch, w, q->repeated, &c->fail);
    if (rc == RC_OK && c->twice)
        rc = batch_insert(&q->batch, w, NULL, &c->fail);
    if (!call_end(c, w, rc)) {
        rc = rc ? rc : RC_INVALID;
        forget(q);
    }
    table_free(fresh);
    return rc;
}

static int attempt(struct request *q)
{
    struct call *c = q->call;
    int rc = find_table(q);

    if (rc == RC_OK)
        rc = read_rows(q);
    if (rc == RC_OK && q->batch.n_bad < q->batch.n_rows &&
        (q->batch.n_bad == 0 || q->skip_invalid))
        rc = insert(q);
    if (rc == RC_OK) {
        atomic_fetch_add(&c->bq->counts.rows_inserted,
                         q->batch.n_rows - q->batch.n_bad);
        atomic_fetch_add(&c->bq->counts.rows_refused, q->batch.n_bad);
        answer(q);
    }
    return rc;
}

void tabledata_insert_all(struct call *c)
{
    struct request q = {.call = c};
    int rc = read_body(&q);

    for (int i = 0; rc == RC_OK && i < TRIES; i++) {
        rc = attempt(&q);
        if (q.batch.seen)
            batch_fini(&q.batch);
        mem_free(q.repeated);
        table_free(q.table);
        q.batch = (struct batch){0};
        q.repeated = NULL;
        q.table = NULL;
        if (rc != RC_CONFLICT)
            return;
        rc = RC_OK;
    }
    if (!c->fail.reason)
        call_fail(c, "backendError", "The table changes too often, try again");
}
