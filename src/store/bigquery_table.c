/* SPDX-License-Identifier: Apache-2.0 */
/* The table itself, by tables.get, which is free: is it there (ping), has it
 * our schema (or can it be given our new columns), and is it the table that
 * the ledger's ids were written to (its time of creation). */
#include <stdio.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "schema/ddl.h"
#include "store/bigquery_priv.h"

enum {
    LOOK_US = 2000000, /* /health has three seconds to notice */
    PATCH_US = 30000000,
    /* Google: a table that is made anew under a running system is rare */
    KNOWN_US = 30000000,
    FIELDS_MAX = 4 * 1024 * 1024
};

static void end_look(struct bigquery *b, int rc, const struct err *err)
{
    struct bigquery_watch *w = &b->watch;
    struct store_ping *op = w->pings;
    bool puts_wait = w->puts_wait;

    w->is_running = false;
    w->puts_wait = false;
    w->rc = rc;
    if (rc == RC_OK)
        w->seen_us = w->began_us;
    else
        w->err = *err;
    w->pings = NULL;
    w->last_ping = &w->pings;
    while (op) {
        struct store_ping *next = op->next;
        op->rc = rc;
        op->err = w->err;
        store_answer_ping(op);
        op = next;
    }
    if (w->on_first)
        w->on_first(b);
    w->on_first = NULL;
    if (puts_wait)
        bigquery_puts_go_on(b, rc, &w->err);
    bigquery_check_idle(b);
}

/* --- its schema -------------------------------------------------------------
 */

static void on_patched(struct google_call *call)
{
    struct bigquery *b = LOOP_OWNER(call, struct bigquery, watch.call);
    struct err err = call->err;

    b->watch.is_patching = false;
    buf_fini(&b->watch.patch);
    if (call->rc == RC_OK)
        b->watch.is_ours = true;
    else
        err_set(&err, (enum rc)call->rc,
                "%s lacks columns of the schema and they cannot be added: "
                "%.300s",
                b->name, call->err.text);
    google_call_fini(call);
    end_look(b, call->rc, &err);
}

/* `fields` is the array that the table has now. */
static void add_columns(struct bigquery *b, struct str fields,
                        const size_t *added, size_t n)
{
    struct schema_field *list = MEM_ARRAY(struct schema_field, n);
    struct schema more = {.fields = list, .n_fields = n};
    struct bigquery_watch *w = &b->watch;
    struct buf text;

    for (size_t i = 0; i < n; i++) {
        list[i] = b->schema->fields[added[i]];
        LOG_I("%s gets the column `%.*s`", b->name, STR_ARG(list[i].name));
    }
    buf_init(&text, FIELDS_MAX);
    schema_render(&more, &text);
    buf_init(&w->patch, FIELDS_MAX);
    buf_puts(&w->patch, "{\"schema\":{\"fields\":");
    buf_append(&w->patch, fields.p, fields.len - 1);
    buf_putc(&w->patch, ',');
    buf_append(&w->patch, text.data + 1, text.len - 1);
    buf_puts(&w->patch, "}}");
    buf_fini(&text);
    mem_free(list);
    w->is_patching = true;
    w->call.method = "PATCH";
    w->call.body = buf_as_str(&w->patch);
    w->call.total_us = PATCH_US;
    w->call.done = on_patched;
    google_start(b->google, &w->call);
}

/* True: the table is given our columns, and the look ends with that. */
static bool agree(struct bigquery *b, struct str schema, struct str fields,
                  struct err *err)
{
    size_t *added = MEM_ARRAY(size_t, b->schema->n_fields), n = 0;
    struct schema *have = NULL;
    bool grows = false;
    int rc = schema_parse(schema, b->name, false, &have, err);

    err->rc = RC_OK;
    if (rc == RC_OK)
        rc = ddl_compare(have, b->schema, b->name, added, &n, err);
    if (rc == RC_OK && n && fields.len > 2) {
        add_columns(b, fields, added, n);
        grows = true;
    } else if (rc == RC_OK) {
        b->watch.is_ours = true;
    } else {
        err->rc = (enum rc)rc;
    }
    schema_free(have);
    mem_free(added);
    return grows;
}

/* --- a look ------------------------------------------------------------------
 */

struct table {
    struct str created, schema, fields;
};

static bool read_schema(struct json_scan *s, struct table *t)
{
    struct json_token token;
    struct str whole;

    while (json_scan_next(s, &token) == JSON_T_KEY) {
        bool is_fields = json_text_eq(&token, STR("fields"));
        if (json_scan_next(s, &token) == JSON_T_ERROR ||
            !json_scan_skip(s, &token, &whole))
            return false;
        if (is_fields && token.kind == JSON_T_ARRAY)
            t->fields = whole;
    }
    return token.kind == JSON_T_OBJECT_END;
}

static bool read_table(struct str body, struct table *t)
{
    struct json_scan s;
    struct json_token key, token;
    struct str whole;
    bool fine;

    *t = (struct table){.created = STR("")};
    json_scan_init(&s, body);
    fine = json_scan_next(&s, &token) == JSON_T_OBJECT;
    while (fine && json_scan_next(&s, &key) == JSON_T_KEY) {
        json_scan_next(&s, &token);
        if (json_text_eq(&key, STR("creationTime")))
            t->created = token.text;
        if (json_text_eq(&key, STR("schema")) && token.kind == JSON_T_OBJECT) {
            const char *from = token.text.p;
            fine = read_schema(&s, t);
            t->schema = str_of(from, (size_t)(s.p - from));
            continue;
        }
        fine = token.kind != JSON_T_ERROR && json_scan_skip(&s, &token, &whole);
    }
    json_scan_fini(&s);
    return fine && key.kind == JSON_T_OBJECT_END;
}

static void note_identity(struct bigquery *b, const struct table *t)
{
    struct buf text;
    uint64_t identity;

    buf_init(&text, 1024);
    buf_puts(&text, b->name);
    buf_putc(&text, '@');
    buf_str(&text, t->created);
    identity = str_hash(buf_as_str(&text)) | 1;
    buf_fini(&text);
    if (identity == b->watch.identity)
        return;
    if (b->watch.identity) {
        LOG_I("%s was made anew: its ids are free again", b->name);
        ledger_clear(b->ledger);
        b->watch.is_ours = false;
    }
    b->watch.identity = identity;
}

static void on_table(struct google_call *call)
{
    struct bigquery *b = LOOP_OWNER(call, struct bigquery, watch.call);
    struct err err = call->err;
    struct table table;
    int rc = call->rc;
    bool grows = false;

    if (rc == RC_OK && !read_table(buf_as_str(&call->http.response), &table))
        rc = err_set(&err, RC_MALFORMED,
                     "%s answers tables.get with what is no table",
                     google_endpoint(b->google)->base);
    if (rc == RC_OK) {
        note_identity(b, &table);
        if (!b->watch.is_ours && table.schema.p) {
            grows = agree(b, table.schema, table.fields, &err);
            rc = err.rc;
        } else if (!b->watch.is_ours) {
            rc = err_set(&err, RC_INVALID,
                         "%s has no schema: make it with DATOS_SCHEMA's",
                         b->name);
        }
    }
    if (!grows) {
        google_call_fini(call);
        end_look(b, rc, &err);
    }
}

void bigquery_table_look(struct bigquery *b)
{
    struct bigquery_watch *w = &b->watch;

    if (w->is_running)
        return;
    w->is_running = true;
    w->began_us = loop_now_us(b->loop);
    w->call = (struct google_call){
        .method = "GET",
        .path = b->table_path,
        .max_response = FIELDS_MAX,
        .total_us = LOOK_US,
        .done = on_table,
    };
    google_start(b->google, &w->call);
}

void bigquery_table_ping(struct bigquery *b, struct store_ping *op)
{
    op->next = NULL;
    *b->watch.last_ping = op;
    b->watch.last_ping = &op->next;
    bigquery_table_look(b);
}

bool bigquery_table_is_known(const struct bigquery *b, int64_t since_us)
{
    const struct bigquery_watch *w = &b->watch;

    if (!w->identity)
        return false;
    return w->seen_us >= since_us ||
           (!google_endpoint(b->google)->is_emulator &&
            loop_now_us(b->loop) - w->seen_us < KNOWN_US);
}
