/* SPDX-License-Identifier: Apache-2.0 */
/* An expression is a query of one row. Its value goes the way of all values,
 * as the JSON in which extract jobs write it: one set of checks for all. */
#include "emulator/bigquery/batch_default.h"

#include <stdio.h>

#include "common/mem.h"
#include "emulator/bigquery/catalog.h"

struct batch_defaults {
    struct catalog catalog;
    struct sql_stmt *stmts[]; /* one a column, or NULL */
};

void batch_defaults_free(struct batch_defaults *d)
{
    if (!d)
        return;
    for (size_t i = 0; d->stmts[i] != (void *)d; i++)
        sql_stmt_free(d->stmts[i]);
    mem_free(d);
}

/* The list ends in the object's own address: columns without an expression
 * are NULL. */
static struct batch_defaults *defaults_new(struct batch *b)
{
    size_t n = b->table->n_columns;
    struct batch_defaults *d =
        mem_try_alloc(sizeof(*d) + (n + 1) * sizeof(struct sql_stmt *));

    if (!d)
        return NULL;
    catalog_init(&d->catalog, b->db, b->table->project, STR_NULL, NULL);
    for (size_t i = 0; i < n; i++)
        d->stmts[i] = NULL;
    d->stmts[n] = (void *)d;
    return d;
}

static struct sql_stmt *prepared(struct batch *b, size_t column,
                                 struct sql_error *why)
{
    const struct sql_column *c = &b->table->columns[column];
    struct sql_options options = {.now_us = b->now_us};
    bool whole = c->type->kind == T_ARRAY;
    struct err err = {0};
    struct arena mem;
    char *text;

    if (b->defaults->stmts[column])
        return b->defaults->stmts[column];
    if (db_use_sql(b->db, &err)) {
        snprintf(why->text, sizeof(why->text), "%s", err.text);
        return NULL;
    }
    arena_init(&mem);
    text = whole ? mem_printf("SELECT %s AS v", c->default_sql)
                 : mem_printf("SELECT CAST((%s) AS %s) AS v", c->default_sql,
                              type_name(&mem, c->type));
    if (sql_prepare(str_from(text), NULL, &b->defaults->catalog.sql, &options,
                    &b->defaults->stmts[column], why))
        b->defaults->stmts[column] = NULL;
    mem_free(text);
    arena_fini(&mem);
    return b->defaults->stmts[column];
}

/* The value as {"v":...}, or {} for NULL. */
static bool evaluate(struct batch *b, size_t column, struct buf *out,
                     struct sql_error *why)
{
    struct sql_stmt *stmt = prepared(b, column, why);
    struct sql_limits limits = {0};
    struct sql_run *run = NULL;
    bool ok;

    if (!stmt || sql_open(stmt, b->db->h, &limits, NULL, &run, why))
        return false;
    ok = sql_step(run, why) == 1;
    if (ok)
        sql_row_object(run, out);
    sql_close(run);
    return ok;
}

static bool read_value(struct batch *b, struct batch_row *row, size_t column,
                       struct str json)
{
    const struct sql_column *c = &b->table->columns[column];
    struct cell_error error = {0};
    struct cell cell = {0};
    struct json_token t;
    struct json_scan scan;
    struct cell_reader r;
    bool ok = true;

    json_scan_init(&scan, json);
    json_scan_next(&scan, &t);
    if (json_scan_next(&scan, &t) == JSON_T_KEY) {
        json_scan_next(&scan, &t);
        cell_reader_init(&r, &scan, &b->mem, &error);
        r.json_objects = true;
        ok = cell_read(&r, c, &t, &cell);
        if (r.refused)
            batch_refuse(b, row, c->name.p, error.text);
        cell_reader_fini(&r);
        if (ok)
            ok = batch_cell(b, row, (uint32_t)column, cell);
    }
    json_scan_fini(&scan);
    return ok;
}

bool batch_default(struct batch *b, struct batch_row *row, size_t column)
{
    struct sql_error why = {0};
    struct buf text;
    char *kept = NULL;
    bool ok = true;

    if (!b->defaults)
        b->defaults = defaults_new(b);
    if (!b->defaults)
        return false;
    buf_init(&text, 16 << 20);
    if (!evaluate(b, column, &text, &why)) {
        batch_refuse(b, row, b->table->columns[column].name.p, why.text);
    } else {
        kept = text.failed ? NULL : cell_mem_take(&b->mem, text.len + 1);
        ok = kept != NULL;
    }
    if (kept) { /* cells borrow from it */
        memcpy(kept, text.data, text.len);
        ok = read_value(b, row, column, str_of(kept, text.len));
    }
    buf_fini(&text);
    return ok;
}
