/* SPDX-License-Identifier: Apache-2.0 */
/* tables.*: insert, get, list, patch, update, delete. */
#include <stdio.h>

#include "common/mem.h"
#include "emulator/bigquery/handlers.h"
#include "emulator/bigquery/list_pick.h"
#include "emulator/bigquery/partition_stats.h"
#include "emulator/bigquery/resource.h"
#include "emulator/bigquery/results.h"
#include "emulator/bigquery/shape.h"
#include "emulator/bigquery/stream.h"

enum {
    LIST_PAGE = 1000
};

/* The table as it is now, told to the client. */
static void reply_with(struct call *c, struct str name)
{
    struct table *t;

    if (table_load(c->db, c->vars[0], c->vars[1], name, &t, &c->fail))
        return;
    if (partition_known(c->db, t, &c->fail) == RC_OK) {
        table_count_buffer(c->db, t);
        call_reply_json(c, table_resource(t, c->now_us));
    }
    table_free(t);
}

void tables_insert(struct call *c)
{
    json_t *body = shape_body(c, "Table", "table");
    struct table *t = NULL;
    struct db *w;
    int rc;

    if (!body)
        return;
    if (!json_string_value(json_object_get(
            json_object_get(body, "tableReference"), "tableId"))) {
        call_fail(c, "required",
                  "Required parameter is missing: tableReference.tableId");
        json_decref(body);
        return;
    }
    w = call_begin(c);
    rc = w ? table_create(w, c->vars[0], c->vars[1], body, c->now_us, &t,
                          &c->fail)
           : RC_INVALID;
    json_decref(body);
    if (w && call_end(c, w, rc))
        reply_with(c, t->name);
    table_free(t);
}

/* `selectedFields` of tables.get: only these fields of the schema. */
static void select_fields(struct call *c, json_t *resource)
{
    const json_t *schema = json_object_get(resource, "schema");
    json_t *some = list_pick_schema(json_object_get(schema, "fields"),
                                    call_param(c, "selectedFields"));

    json_object_set_new(resource, "schema", json_pack("{s:o}", "fields", some));
}

static int check_view(struct call *c)
{
    static const char *const views[] = {"TABLE_METADATA_VIEW_UNSPECIFIED",
                                        "BASIC", "STORAGE_STATS", "FULL"};
    struct str view = call_param(c, "view");

    for (size_t i = 0; view.len && i < sizeof(views) / sizeof(views[0]); i++)
        if (str_eq(view, str_from(views[i])))
            return RC_OK;
    if (!view.len)
        return RC_OK;
    return fail_set(&c->fail, "badRequest",
                    "Invalid value at 'view' "
                    "(type.googleapis.com/"
                    "google.cloud.bigquery.v2.GetTableRequest."
                    "TableMetadataView), \"%.*s\"",
                    (int)(view.len > 80 ? 80 : view.len), view.p);
}

void tables_get(struct call *c)
{
    struct str name, decorator;
    struct table *t;
    char etag[40];
    json_t *r;

    if (check_view(c))
        return;
    if (results_is_anonymous(c->vars[1])) {
        results_table_get(c);
        return;
    }
    partition_split(c->vars[2], &name, &decorator);
    if (decorator.p && str_eq(decorator, STR("__PARTITIONS_SUMMARY__"))) {
        call_fail(c, "notImplemented",
                  "The emulator has no partition summary of legacy SQL: query "
                  "INFORMATION_SCHEMA.PARTITIONS");
        return;
    }
    if (table_load(c->db, c->vars[0], c->vars[1], name, &t, &c->fail))
        return;
    table_etag(t, etag);
    if (!resource_not_modified(c, etag) &&
        partition_known(c->db, t, &c->fail) == RC_OK) {
        table_count_buffer(c->db, t);
        r = table_resource(t, c->now_us);
        if (call_param(c, "selectedFields").len)
            select_fields(c, r);
        if (str_eq(call_param(c, "view"), STR("BASIC"))) {
            json_object_del(r, "numRows");
            json_object_del(r, "numBytes");
            json_object_del(r, "streamingBuffer");
        }
        call_reply_json(c, r);
    }
    table_free(t);
}

void tables_delete(struct call *c)
{
    struct db *w = call_begin(c);
    struct table *t = NULL;
    int rc;

    if (!w)
        return;
    rc = table_load(w, c->vars[0], c->vars[1], c->vars[2], &t, &c->fail);
    if (rc == RC_OK)
        rc = table_drop(w, t, &c->fail);
    table_free(t);
    if (call_end(c, w, rc))
        call_reply(c, 204);
}

/* --- patch and update ----------------------------------------------------- */

/* A PUT replaces what users may set; what cannot change may be left out. */
static json_t *replaced(const struct table *t, json_t *sent, struct fail *f)
{
    static const char *const fixed[] = {"schema", "timePartitioning",
                                        "rangePartitioning", "view"};
    json_t *body = table_body(sent, f);

    for (size_t i = 0; body && i < sizeof(fixed) / sizeof(fixed[0]); i++) {
        json_t *was = json_object_get(t->body, fixed[i]);

        if (was && !json_object_get(body, fixed[i]))
            json_object_set(body, fixed[i], was);
    }
    return body;
}

static json_t *patched(const struct table *t, json_t *sent, struct fail *f)
{
    json_t *whole = resource_merge(t->body, sent);
    json_t *body = table_body(whole, f);

    json_decref(whole);
    return body;
}

static void change(struct call *c, bool merge)
{
    json_t *sent = shape_body(c, "Table", "table"), *body;
    struct db *w = sent ? call_begin(c) : NULL;
    struct table *t = NULL;
    char etag[40];
    int rc;

    if (!w) {
        json_decref(sent);
        return;
    }
    rc = table_load(w, c->vars[0], c->vars[1], c->vars[2], &t, &c->fail);
    if (rc == RC_OK) {
        table_etag(t, etag);
        if (!resource_if_match(c, etag))
            rc = RC_INVALID;
    }
    if (rc == RC_OK) {
        body = merge ? patched(t, sent, &c->fail) : replaced(t, sent, &c->fail);
        rc = body ? table_change(w, t, body, c->now_us, &c->fail) : RC_INVALID;
    }
    json_decref(sent);
    table_free(t);
    if (call_end(c, w, rc))
        reply_with(c, c->vars[2]);
}

void tables_patch(struct call *c)
{
    change(c, true);
}

void tables_update(struct call *c)
{
    change(c, false);
}

/* --- list ----------------------------------------------------------------- */

static json_t *list_item(struct call *c, sqlite3_stmt *s)
{
    static const char *const shown[] = {
        "friendlyName",          "labels",     "timePartitioning",
        "rangePartitioning",     "clustering", "expirationTime",
        "requirePartitionFilter"};
    struct str name = db_text(s, 0), text = db_text(s, 3);
    json_t *body = json_loadb(text.p, text.len, 0, NULL);
    json_t *item = json_pack(
        "{s:s, s:o, s:{s:s, s:s, s:o}, s:s}", "kind", "bigquery#table", "id",
        json_sprintf("%s:%s.%.*s", c->vars[0].p, c->vars[1].p, STR_ARG(name)),
        "tableReference", "projectId", c->vars[0].p, "datasetId", c->vars[1].p,
        "tableId", json_stringn(name.p, name.len), "type",
        (const char *)sqlite3_column_text(s, 1));

    resource_put_time(item, "creationTime", sqlite3_column_int64(s, 2));
    for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
        json_t *v = json_object_get(body, shown[i]);

        if (v)
            json_object_set(item, shown[i], v);
    }
    if (json_object_get(body, "view"))
        json_object_set_new(item, "view",
                            json_pack("{s:b}", "useLegacySql", 0));
    json_decref(body);
    return item;
}

void tables_list(struct call *c)
{
    json_t *list = json_array(), *reply;
    struct err err = {0};
    struct page page;
    int64_t total = 0;
    sqlite3_stmt *s;

    if (resource_page(c, LIST_PAGE, &page) ||
        dataset_check(c->db, c->vars[0], c->vars[1], &c->fail)) {
        json_decref(list);
        return;
    }
    s = db_query(c->db, &err,
                 "SELECT name, kind, created_us, body FROM tables"
                 " WHERE project = ? AND dataset = ? ORDER BY name"
                 " LIMIT ? OFFSET ?",
                 "ssii", c->vars[0], c->vars[1], page.max, page.from);
    while (s && sqlite3_step(s) == SQLITE_ROW)
        json_array_append_new(list, list_item(c, s));
    if (s)
        db_done(s);
    if (db_int(c->db, &err, &total,
               "SELECT count(*) FROM tables WHERE project = ? AND dataset = ?",
               "ss", c->vars[0], c->vars[1]))
        fail_from_err(&c->fail, &err);
    reply = json_pack("{s:s, s:I}", "kind", "bigquery#tableList", "totalItems",
                      (json_int_t)total);
    if (page.from + page.max < total)
        json_object_set_new(
            reply, "nextPageToken",
            json_sprintf("%lld", (long long)page.from + page.max));
    if (json_array_size(list))
        json_object_set(reply, "tables", list);
    json_decref(list);
    call_reply_json(c, reply);
}
