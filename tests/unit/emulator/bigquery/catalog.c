/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/buf.h"
#include "common/json.h"

static int get_table(void *arg, struct str project, struct str dataset,
                     struct str table, struct arena *mem, struct sql_table *out)
{
    struct fixture *f = arg;

    (void)mem;
    if (!str_eq(project, STR("p")) || !str_eq(dataset, STR("d")))
        return RC_NOT_FOUND;
    for (size_t i = 0; i < f->n_tables; i++) {
        if (str_eq(f->tables[i].table, table)) {
            *out = f->tables[i];
            return RC_OK;
        }
    }
    return RC_NOT_FOUND;
}

static int get_dataset(void *arg, struct str project, struct str dataset,
                       struct arena *mem, struct sql_dataset *out)
{
    (void)arg;
    (void)mem;
    *out = (struct sql_dataset){.project = project, .dataset = dataset};
    return str_eq(project, STR("p")) && str_eq(dataset, STR("d"))
               ? RC_OK
               : RC_NOT_FOUND;
}

static int each_table(void *arg, struct str project, struct str dataset,
                      struct arena *mem,
                      void (*visit)(void *, const struct sql_table *), void *to)
{
    struct fixture *f = arg;

    (void)project;
    (void)dataset;
    (void)mem;
    for (size_t i = 0; i < f->n_tables; i++)
        visit(to, &f->tables[i]);
    return RC_OK;
}

static int each_dataset(void *arg, struct str project, struct arena *mem,
                        void (*visit)(void *, const struct sql_dataset *),
                        void *to)
{
    struct sql_dataset d = {.project = project, .dataset = STR("d")};

    (void)arg;
    (void)mem;
    visit(to, &d);
    return RC_OK;
}

static int info(void *arg, const char *view, struct str project,
                struct str dataset, struct sql_info_sink *sink)
{
    static const char *const row[] = {"'p'",        "'d'", "'t'",
                                      "'20250101'", "3",   "96"};

    (void)arg;
    (void)project;
    (void)dataset;
    if (!strcmp(view, "PARTITIONS"))
        sql_info_row(sink, row, 6);
    return RC_OK;
}

void fixture_init(struct fixture *f)
{
    *f = (struct fixture){.now_us = 1735689600000000}; /* 2025-01-01 */
    arena_init(&f->mem);
    ck_assert_int_eq(sqlite3_open(":memory:", &f->db), SQLITE_OK);
    ck_assert_int_eq(sql_connect(f->db), RC_OK);
    f->catalog = (struct sql_catalog){.arg = f,
                                      .project = "p",
                                      .dataset = "d",
                                      .table = get_table,
                                      .dataset_get = get_dataset,
                                      .each_table = each_table,
                                      .each_dataset = each_dataset,
                                      .info = info};
}

void fixture_fini(struct fixture *f)
{
    sqlite3_close(f->db);
    arena_fini(&f->mem);
}

static const struct sql_type *copy_type(struct arena *a,
                                        const struct sql_type *t)
{
    struct sql_field *fields;

    if (t->kind == T_ARRAY)
        return type_array(a, copy_type(a, t->elem));
    if (t->kind != T_STRUCT)
        return type_scalar(t->kind);
    fields = ARENA_ARRAY(a, struct sql_field, t->n_fields);
    for (size_t i = 0; i < t->n_fields; i++) {
        fields[i].name = arena_str(a, t->fields[i].name);
        fields[i].type = copy_type(a, t->fields[i].type);
    }
    return type_struct(a, fields, t->n_fields);
}

static void make_physical(struct fixture *f, const struct sql_table *t)
{
    char sql[4000];
    int n = snprintf(sql, sizeof(sql), "CREATE TABLE \"%s\"(", t->physical);

    for (size_t i = 0; i < t->n_columns; i++)
        n += snprintf(sql + n, sizeof(sql) - (size_t)n, "%s\"%.*s\" %s",
                      i ? "," : "", STR_ARG(t->columns[i].name),
                      type_sqlite(t->columns[i].type));
    if (t->partition_by && !strcmp(t->partition_by, "_PARTITIONTIME"))
        n += snprintf(sql + n, sizeof(sql) - (size_t)n,
                      ",\"_PARTITIONTIME\" INTEGER");
    snprintf(sql + n, sizeof(sql) - (size_t)n, ")");
    ck_assert_int_eq(sqlite3_exec(f->db, sql, NULL, NULL, NULL), SQLITE_OK);
}

static void drop(struct fixture *f, struct str name)
{
    char sql[200];

    for (size_t i = 0; i < f->n_tables; i++) {
        if (!str_eq(f->tables[i].table, name))
            continue;
        snprintf(sql, sizeof(sql), "DROP TABLE IF EXISTS \"%s\"",
                 f->tables[i].physical);
        sqlite3_exec(f->db, sql, NULL, NULL, NULL);
        f->tables[i] = f->tables[--f->n_tables];
        return;
    }
}

static bool has_option(const struct sql_ddl *d, const char *name)
{
    for (size_t i = 0; i < d->n_options; i++) {
        if (str_eq(d->options[i].name, str_from(name)) &&
            str_eq(d->options[i].text, STR("true")))
            return true;
    }
    return false;
}

static struct sql_column *copy_columns(struct arena *a,
                                       const struct sql_column *c, size_t n)
{
    struct sql_column *out = ARENA_ARRAY(a, struct sql_column, n);

    for (size_t i = 0; i < n; i++) {
        out[i] = c[i];
        out[i].name = arena_str(a, c[i].name);
        out[i].type = copy_type(a, c[i].type);
        out[i].description = STR_NULL;
        out[i].fields = copy_columns(a, c[i].fields, c[i].n_fields);
        if (c[i].default_sql)
            out[i].default_sql = arena_cat(a, c[i].default_sql, NULL);
    }
    return out;
}

static void create(struct fixture *f, const struct sql_stmt *s)
{
    const struct sql_ddl *d = s->ddl;
    struct sql_table *t;

    drop(f, d->table);
    t = &f->tables[f->n_tables++];
    *t = (struct sql_table){.table = arena_str(&f->mem, d->table)};
    t->physical = arena_printf(&f->mem, "p:d.%.*s", STR_ARG(d->table));
    t->columns = copy_columns(&f->mem, d->columns, d->n_columns);
    t->n_columns = d->n_columns;
    t->created_us = 1000000 * (int64_t)f->n_tables;
    if (d->partition_by) {
        t->partition_by = arena_cat(&f->mem, d->partition_by, NULL);
        t->partition_type = arena_cat(&f->mem, d->partition_type, NULL);
    }
    t->require_partition_filter = has_option(d, "require_partition_filter");
    if (s->kind == SQL_CREATE_VIEW)
        t->view_sql = arena_strndup(&f->mem, d->query.p, d->query.len);
    else
        make_physical(f, t);
}

static const char *carry_out(struct fixture *f, const struct sql_stmt *s)
{
    switch (s->kind) {
    case SQL_CREATE_TABLE:
    case SQL_CREATE_VIEW:
        create(f, s);
        return NULL;
    case SQL_CREATE_TABLE_AS:
        create(f, s);
        return f->tables[f->n_tables - 1].physical;
    case SQL_DROP_TABLE:
    case SQL_DROP_VIEW:
        drop(f, s->ddl->table);
        return NULL;
    default:
        return NULL;
    }
}

/* REST's {"f":[{"v":...}]} as "a | b", arrays as [a, b], structs as (a, b). */
static void show(struct buf *out, struct json_scan *s, struct json_token *t,
                 const char *sep)
{
    char *text;
    size_t n;
    int i = 0;

    switch (t->kind) {
    case JSON_T_NULL:
        buf_puts(out, "NULL");
        return;
    case JSON_T_STRING:
        text = malloc(t->text.len + 1);
        n = json_decode(text, t->text);
        buf_append(out, text, n);
        free(text);
        return;
    case JSON_T_ARRAY:
        if (!sep)
            buf_putc(out, '[');
        while (json_scan_next(s, t) != JSON_T_ARRAY_END) {
            json_scan_next(s, t); /* "v" */
            json_scan_next(s, t);
            if (i++)
                buf_puts(out, sep ? sep : ", ");
            show(out, s, t, NULL);
            json_scan_next(s, t); /* } */
        }
        if (!sep)
            buf_putc(out, ']');
        return;
    case JSON_T_OBJECT:
        json_scan_next(s, t); /* "f" */
        json_scan_next(s, t);
        if (!sep)
            buf_putc(out, '(');
        show(out, s, t, sep ? sep : ", ");
        json_scan_next(s, t);
        if (!sep)
            buf_putc(out, ')');
        return;
    default:
        buf_puts(out, "?");
    }
}

static void put_row(struct sql_run *run, struct buf *rows)
{
    struct json_scan s;
    struct json_token t;
    struct buf json;

    buf_init(&json, 1 << 24);
    sql_row_json(run, SQL_TS_ISO8601, &json);
    json_scan_init(&s, buf_as_str(&json));
    json_scan_next(&s, &t);
    show(rows, &s, &t, " | ");
    buf_putc(rows, '\n');
    ck_assert_msg(json_scan_next(&s, &t) == JSON_T_DONE, "not JSON: %s",
                  json.data);
    json_scan_fini(&s);
    buf_fini(&json);
}

static void put_columns(const struct sql_stmt *s, struct buf *out)
{
    struct arena mem;

    arena_init(&mem);
    for (size_t i = 0; i < s->n_columns; i++)
        buf_printf(out, "%s%.*s %s", i ? ", " : "", STR_ARG(s->columns[i].name),
                   type_name(&mem, s->columns[i].type));
    arena_fini(&mem);
}

int fixture_run(struct fixture *f, const char *sql, const char *params,
                struct buf *columns, struct buf *rows,
                struct sql_counts *counts, struct sql_error *err)
{
    struct sql_options options = {.now_us = f->now_us};
    struct sql_params *ps = NULL;
    struct sql_stmt *stmt = NULL;
    struct sql_run *run = NULL;
    const char *into;
    int rc, row = 0;

    *counts = (struct sql_counts){0};
    rc = sql_params_parse(str_from(params), &ps, err);
    if (rc == RC_OK)
        rc = sql_prepare(str_from(sql), ps, &f->catalog, &options, &stmt, err);
    if (rc == RC_OK) {
        into = carry_out(f, stmt);
        if (!stmt->ddl || into)
            rc = sql_open(stmt, f->db, NULL, into, &run, err);
    }
    if (rc == RC_OK && run) {
        put_columns(stmt, columns);
        while ((row = sql_step(run, err)) == 1)
            put_row(run, rows);
        sql_get_counts(run, counts);
        rc = row;
    }
    sql_close(run);
    sql_stmt_free(stmt);
    sql_params_free(ps);
    return rc;
}
