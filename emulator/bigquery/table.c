/* SPDX-License-Identifier: Apache-2.0 */
/* Records of tables: found, read, made, dropped. */
#include "emulator/bigquery/table.h"

#include <stdio.h>

#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"
#include "emulator/bigquery/fields.h"
#include "emulator/bigquery/sql/re.h"
#include "emulator/bigquery/view.h"

int dataset_check(struct db *db, struct str project, struct str dataset,
                  struct fail *f)
{
    struct err err = {0};
    int64_t there = 0;
    int rc = db_int(db, &err, &there,
                    "SELECT 1 FROM datasets WHERE project = ? AND dataset = ?",
                    "ss", project, dataset);

    if (rc)
        return fail_from_err(f, &err);
    if (there)
        return RC_OK;
    fail_set(f, "notFound", "Not found: Dataset %.*s:%.*s", STR_ARG(project),
             STR_ARG(dataset));
    return RC_NOT_FOUND;
}

int dataset_check_in(struct db *db, struct str project, struct str dataset,
                     const char *location, struct fail *f)
{
    struct err err = {0};
    int64_t elsewhere = 0;
    int rc = location ? db_int(db, &err, &elsewhere,
                               "SELECT 1 FROM datasets WHERE project = ? AND"
                               " dataset = ? AND json_extract(body,"
                               " '$.location') <> ? COLLATE NOCASE",
                               "ssz", project, dataset, location)
                      : RC_OK;

    if (rc)
        return fail_from_err(f, &err);
    if (!elsewhere)
        return RC_OK;
    fail_set(f, "notFound",
             "Not found: Dataset %.*s:%.*s was not found in location %s",
             STR_ARG(project), STR_ARG(dataset), location);
    return RC_NOT_FOUND;
}

/* --- what follows from the body ------------------------------------------- */

static const char *rowid_name(const struct table *t)
{
    static const char *const names[] = {"rowid", "_rowid_", "oid"};

    for (size_t i = 0; i < 3; i++)
        if (fields_find(t->columns, t->n_columns, str_from(names[i])) < 0)
            return names[i];
    return "rowid";
}

static int derive_clustering(struct table *t, struct fail *f)
{
    const json_t *list =
        json_object_get(json_object_get(t->body, "clustering"), "fields");
    size_t n = json_array_size(list);
    const char **names = ARENA_ARRAY(&t->mem, const char *, n + 1);

    if (n > 4)
        return fail_set(f, "invalid",
                        "Too many clustering fields: at most 4 are allowed");
    for (size_t i = 0; i < n; i++) {
        const char *name = json_string_value(json_array_get(list, i));
        int at = fields_find(t->columns, t->n_columns, str_from(name));

        if (at < 0)
            return fail_set(f, "invalid",
                            "The field specified for clustering cannot be "
                            "found in the schema: %.80s",
                            name ? name : "");
        if (t->columns[at].type->kind == T_ARRAY ||
            t->columns[at].type->kind == T_STRUCT ||
            t->columns[at].type->kind == T_FLOAT64)
            return fail_set(f, "invalid",
                            "Field %s has type %s, which is not supported for "
                            "clustering",
                            name, type_legacy_name(t->columns[at].type->kind));
        names[i] = arena_strndup(&t->mem, name, strlen(name));
    }
    t->clustering = names;
    t->n_clustering = n;
    return RC_OK;
}

int table_derive(struct table *t, struct fail *f)
{
    const json_t *view = json_object_get(t->body, "view");
    const char *query = json_string_value(json_object_get(view, "query"));
    int rc = fields_parse(json_object_get(t->body, "schema"), &t->mem,
                          &t->columns, &t->n_columns, f);

    if (rc == RC_OK)
        rc = partition_parse(t->body, &t->mem, t->columns, t->n_columns,
                             &t->part, f);
    if (rc == RC_OK)
        rc = derive_clustering(t, f);
    if (rc)
        return rc;
    t->view_sql = query ? arena_strndup(&t->mem, query, strlen(query)) : NULL;
    t->kind = query ? "VIEW" : "TABLE";
    t->rowid = rowid_name(t);
    return RC_OK;
}

/* --- finding -------------------------------------------------------------- */

static struct table *table_new(struct str project, struct str dataset,
                               struct str name)
{
    struct table *t = MEM_NEW(struct table);

    arena_init(&t->mem);
    t->project = arena_str(&t->mem, project);
    t->dataset = arena_str(&t->mem, dataset);
    t->name = arena_str(&t->mem, name);
    t->buffered = -1;
    return t;
}

void table_free(struct table *t)
{
    if (!t)
        return;
    json_decref(t->body);
    arena_fini(&t->mem);
    mem_free(t);
}

static struct table *from_row(struct str project, struct str dataset,
                              struct str name, sqlite3_stmt *s, struct fail *f)
{
    struct table *t = table_new(project, dataset, name);
    struct str body = db_text(s, 3);

    t->id = sqlite3_column_int64(s, 0);
    t->created_us = sqlite3_column_int64(s, 1);
    t->modified_us = sqlite3_column_int64(s, 2);
    t->n_rows = sqlite3_column_int64(s, 4);
    t->n_bytes = sqlite3_column_int64(s, 5);
    if (sqlite3_column_type(s, 6) != SQLITE_NULL)
        t->buffered = sqlite3_column_int64(s, 6);
    t->buffered_us = sqlite3_column_int64(s, 7);
    t->physical = arena_printf(&t->mem, "t%lld", (long long)t->id);
    t->body = json_loadb(body.p, body.len, 0, NULL);
    if (t->body && table_derive(t, f) == RC_OK)
        return t;
    fail_set(f, "internalError", "The record of table %.*s is damaged",
             STR_ARG(name));
    table_free(t);
    return NULL;
}

int table_load(struct db *db, struct str project, struct str dataset,
               struct str name, struct table **out, struct fail *f)
{
    struct err err = {0};
    sqlite3_stmt *s = db_query(
        db, &err,
        "SELECT id, created_us, modified_us, body, n_rows, n_bytes, buffered,"
        " buffered_us FROM tables"
        " WHERE project = ? AND dataset = ? AND name = ?",
        "sss", project, dataset, name);
    int step = s ? sqlite3_step(s) : SQLITE_ERROR;

    *out = NULL;
    if (step == SQLITE_ROW)
        *out = from_row(project, dataset, name, s, f);
    else if (step != SQLITE_DONE)
        fail_from_err(f, (db_fail(db, "finding a table", &err), &err));
    if (s)
        db_done(s);
    if (*out)
        return RC_OK;
    if (step != SQLITE_DONE)
        return RC_INTERNAL;
    if (dataset_check(db, project, dataset, f) == RC_OK)
        fail_set(f, "notFound", "Not found: Table %.*s:%.*s.%.*s",
                 STR_ARG(project), STR_ARG(dataset), STR_ARG(name));
    return RC_NOT_FOUND;
}

void table_count_buffer(struct db *db, struct table *t)
{
    sqlite3_stmt *s = NULL;
    char *sql;

    if (t->buffered < 0)
        return;
    sql = mem_printf("SELECT count(*) FROM %s WHERE %s > %lld", t->physical,
                     t->rowid, (long long)t->buffered);
    if (sqlite3_prepare_v2(db->h, sql, -1, &s, NULL) == SQLITE_OK &&
        sqlite3_step(s) == SQLITE_ROW)
        t->buffered_rows = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    mem_free(sql);
}

int table_last_row(struct db *db, const struct table *t, int64_t *out,
                   struct fail *f)
{
    char *sql = mem_printf("SELECT max(%s) FROM %s", t->rowid, t->physical);
    struct err err = {0};
    sqlite3_stmt *s = NULL;
    int rc = RC_OK;

    if (fields_find(t->columns, t->n_columns, str_from(t->rowid)) >= 0)
        *out = INT64_MAX;
    else if (sqlite3_prepare_v2(db->h, sql, -1, &s, NULL) == SQLITE_OK &&
             sqlite3_step(s) == SQLITE_ROW)
        *out = sqlite3_column_int64(s, 0);
    else
        rc = fail_from_err(f, (db_fail(db, "the last row", &err), &err));
    sqlite3_finalize(s);
    mem_free(sql);
    return rc;
}

/* --- making and dropping -------------------------------------------------- */

/* Letters, marks, numbers, connectors, dashes, spaces (Google's page "Creating
 * and using tables", table naming). */
static bool is_name(struct str name)
{
    static const char pattern[] =
        "^[\\p{L}\\p{M}\\p{N}\\p{Pc}\\p{Pd}\\p{Zs}]+$";
    char error[RE_ERROR_MAX];
    bool plain = true, ok;
    struct re *re;

    for (size_t i = 0; plain && i < name.len; i++)
        plain = (name.p[i] >= '0' && name.p[i] <= '9') || name.p[i] == '_' ||
                ((name.p[i] | 0x20) >= 'a' && (name.p[i] | 0x20) <= 'z');
    if (plain)
        return true;
    re = re_compile(str_from(pattern), error);
    ok = re && re_search(re, name, 0, NULL);
    re_free(re);
    return ok;
}

int table_check_name(struct str name, struct fail *f)
{
    if (name.len && name.len <= TABLE_NAME_MAX && json_is_utf8(name) &&
        is_name(name))
        return RC_OK;
    return fail_set(f, "invalid",
                    "Invalid table ID \"%.*s\". Table IDs must be alphanumeric "
                    "(plus underscores, dashes and spaces) and must be at most "
                    "1024 characters long.",
                    (int)(name.len > 80 ? 80 : name.len), name.p);
}

static int store_new(struct db *w, struct table *t, struct fail *f)
{
    char *text = json_dumps(t->body, JSON_COMPACT);
    struct err err = {0};
    int rc = db_run(w, &err,
                    "INSERT INTO tables(project, dataset, name, kind,"
                    " created_us, modified_us, body) VALUES(?,?,?,?,?,?,?)",
                    "ssszii"
                    "z",
                    t->project, t->dataset, t->name, t->kind, t->created_us,
                    t->modified_us, text);

    mem_free(text);
    if (rc == RC_EXISTS) {
        fail_set(f, "duplicate", "Already Exists: Table %.*s:%.*s.%.*s",
                 STR_ARG(t->project), STR_ARG(t->dataset), STR_ARG(t->name));
        return RC_EXISTS;
    }
    if (rc)
        return fail_from_err(f, &err);
    t->id = sqlite3_last_insert_rowid(w->h);
    t->physical = arena_printf(&t->mem, "t%lld", (long long)t->id);
    return RC_OK;
}

/* Tables that say nothing of their end have that of their dataset. Where it
 * has an expiration for partitions, that alone counts for partitioned tables
 * (REST reference, Dataset.defaultPartitionExpirationMs). */
static int inherit_expiration(struct db *w, struct table *t, struct fail *f)
{
    json_t *time = json_object_get(t->body, "timePartitioning");
    struct err err = {0};
    int64_t table_ms = 0, part_ms = 0, ends_ms;
    int rc = db_int(w, &err, &table_ms,
                    "SELECT CAST(json_extract(body,"
                    " '$.defaultTableExpirationMs') AS INTEGER) FROM datasets"
                    " WHERE project = ? AND dataset = ?",
                    "ss", t->project, t->dataset);

    if (rc == RC_OK)
        rc = db_int(w, &err, &part_ms,
                    "SELECT CAST(json_extract(body,"
                    " '$.defaultPartitionExpirationMs') AS INTEGER) FROM"
                    " datasets WHERE project = ? AND dataset = ?",
                    "ss", t->project, t->dataset);
    if (rc)
        return fail_from_err(f, &err);
    if (time && part_ms > 0) {
        if (!json_object_get(time, "expirationMs"))
            json_object_set_new(time, "expirationMs",
                                json_sprintf("%lld", (long long)part_ms));
    } else if (table_ms > 0 && !json_object_get(t->body, "expirationTime")) {
        ends_ms = t->created_us / 1000 + table_ms;
        json_object_set_new(t->body, "expirationTime",
                            json_sprintf("%lld", (long long)ends_ms));
    }
    return RC_OK;
}

int table_create(struct db *w, struct str project, struct str dataset,
                 const json_t *resource, int64_t now_us, struct table **out,
                 struct fail *f)
{
    const json_t *reference = json_object_get(resource, "tableReference");
    const char *name = json_string_value(json_object_get(reference, "tableId"));
    struct table *t = table_new(project, dataset, str_from(name ? name : ""));
    int rc = table_check_name(t->name, f);

    if (rc == RC_OK)
        rc = dataset_check(w, project, dataset, f);
    t->created_us = t->modified_us = now_us;
    t->body = rc ? NULL : table_body(resource, f);
    if (rc == RC_OK)
        rc = t->body ? inherit_expiration(w, t, f) : RC_INVALID;
    if (rc == RC_OK)
        rc = table_derive(t, f);
    if (rc == RC_OK && t->view_sql)
        rc = view_check(w, t, t, now_us, f);
    if (rc == RC_OK)
        rc = store_new(w, t, f);
    if (rc == RC_OK && !t->view_sql)
        rc = table_make_physical(w, t, f);
    if (rc) {
        table_free(t);
        return rc;
    }
    *out = t;
    return RC_OK;
}

int table_drop(struct db *w, const struct table *t, struct fail *f)
{
    struct err err = {0};
    char drop[64];
    int rc = db_run(w, &err, "DELETE FROM tables WHERE id = ?", "i", t->id);

    snprintf(drop, sizeof(drop), "DROP TABLE IF EXISTS %s", t->physical);
    if (rc == RC_OK)
        rc = db_run(w, &err, "DELETE FROM partitions WHERE table_id = ?", "i",
                    t->id);
    if (rc == RC_OK)
        rc = db_run(w, &err, "DELETE FROM policies WHERE table_id = ?", "i",
                    t->id);
    if (rc == RC_OK)
        rc = db_exec(w, &err, drop);
    return rc ? fail_from_err(f, &err) : RC_OK;
}

/* --- the SQLite table ----------------------------------------------------- */

static void put_name(struct buf *sql, struct str name)
{
    buf_putc(sql, '"');
    for (size_t i = 0; i < name.len; i++) {
        if (name.p[i] == '"')
            buf_putc(sql, '"');
        buf_putc(sql, name.p[i]);
    }
    buf_putc(sql, '"');
}

static int run_sql(struct db *w, struct buf *sql, struct fail *f)
{
    struct err err = {0};
    int rc = sql->failed ? err_set(&err, RC_NOMEM, "out of memory")
                         : db_exec(w, &err, sql->data ? sql->data : "");

    buf_fini(sql);
    return rc ? fail_from_err(f, &err) : RC_OK;
}

int table_make_indexes(struct db *w, const struct table *t, struct fail *f)
{
    struct buf sql;

    buf_init(&sql, 1 << 20);
    buf_printf(&sql, "DROP INDEX IF EXISTS p%lld; DROP INDEX IF EXISTS c%lld;",
               (long long)t->id, (long long)t->id);
    if (t->part.by) {
        buf_printf(&sql, "CREATE INDEX p%lld ON %s(", (long long)t->id,
                   t->physical);
        put_name(&sql, str_from(t->part.by));
        buf_puts(&sql, ");");
    }
    for (size_t i = 0; i < t->n_clustering; i++) {
        if (i == 0)
            buf_printf(&sql, "CREATE INDEX c%lld ON %s(", (long long)t->id,
                       t->physical);
        put_name(&sql, str_from(t->clustering[i]));
        buf_puts(&sql, i + 1 < t->n_clustering ? "," : ");");
    }
    return run_sql(w, &sql, f);
}

int table_make_physical(struct db *w, const struct table *t, struct fail *f)
{
    struct buf sql;
    size_t n = 0;
    int rc;

    buf_init(&sql, 4 << 20);
    buf_printf(&sql, "CREATE TABLE %s(", t->physical);
    for (size_t i = 0; i < t->n_columns; i++) {
        buf_puts(&sql, n++ ? "," : "");
        put_name(&sql, t->columns[i].name);
        buf_putc(&sql, ' ');
        buf_puts(&sql, type_sqlite(t->columns[i].type));
    }
    if (partition_is_ingestion(&t->part))
        buf_printf(&sql, "%s\"_PARTITIONTIME\" INTEGER", n++ ? "," : "");
    if (n == 0) /* SQLite wants one */
        buf_puts(&sql, "\"_EMPTY\" INTEGER");
    buf_putc(&sql, ')');
    rc = run_sql(w, &sql, f);
    return rc ? rc : table_make_indexes(w, t, f);
}
