/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/bigquery/reshape.h"

#include "common/buf.h"
#include "common/mem.h"
#include "emulator/bigquery/fields.h"
#include "emulator/bigquery/sql/fn_bridge.h"

enum {
    VALUE_MAX = 64 << 20
};

static void reshape(struct buf *out, const struct sql_column *was,
                    const struct sql_column *is, const struct value *v,
                    bool element);

static void reshape_record(struct buf *out, const struct sql_column *was,
                           const struct sql_column *is, struct str encoded)
{
    struct buf scratch;

    buf_init(&scratch, VALUE_MAX);
    for (size_t i = 0; i < is->n_fields; i++) {
        int at = fields_find(was->fields, was->n_fields, is->fields[i].name);
        struct value v = {.kind = FN_NULL};

        buf_putc(out, i ? ',' : '[');
        if (at >= 0 && elems_at(encoded, at, &v, &scratch))
            reshape(out, &was->fields[at], &is->fields[i], &v, false);
        else
            buf_puts(out, is->fields[i].type->kind == T_ARRAY ? "[]" : "null");
    }
    buf_putc(out, ']');
    buf_fini(&scratch);
}

static void reshape(struct buf *out, const struct sql_column *was,
                    const struct sql_column *is, const struct value *v,
                    bool element)
{
    struct buf scratch;
    struct elems e;
    struct value item;

    if (v->kind != FN_TEXT || is->n_fields == 0) {
        value_put(out, v);
        return;
    }
    if (is->type->kind != T_ARRAY || element) {
        reshape_record(out, was, is, v->s);
        return;
    }
    buf_init(&scratch, VALUE_MAX);
    elems_init(&e, v->s);
    buf_putc(out, '[');
    for (int n = 0; elems_next(&e, &item, &scratch); n++) {
        buf_puts(out, n ? "," : "");
        reshape(out, was, is, &item, true);
    }
    buf_putc(out, ']');
    buf_fini(&scratch);
}

static int rewrite(struct db *w, const struct reshape *t,
                   const struct sql_column *was, const struct sql_column *is,
                   struct fail *f)
{
    char *read = mem_printf("SELECT %s, \"%.*s\" FROM %s", t->rowid,
                            STR_ARG(is->name), t->physical);
    char *write = mem_printf("UPDATE %s SET \"%.*s\" = ? WHERE %s = ?",
                             t->physical, STR_ARG(is->name), t->rowid);
    sqlite3_stmt *r = NULL, *u = NULL;
    struct err err = {0};
    struct buf text;
    int rc = sqlite3_prepare_v2(w->h, read, -1, &r, NULL) ||
             sqlite3_prepare_v2(w->h, write, -1, &u, NULL);

    buf_init(&text, VALUE_MAX);
    while (!rc && sqlite3_step(r) == SQLITE_ROW) {
        struct value v;

        value_from_sqlite(sqlite3_column_value(r, 1), &v);
        if (v.kind == FN_NULL)
            continue;
        v.nested = true;
        buf_reset(&text);
        reshape(&text, was, is, &v, false);
        sqlite3_bind_text64(u, 1, text.data, text.len, SQLITE_STATIC,
                            SQLITE_UTF8);
        sqlite3_bind_int64(u, 2, sqlite3_column_int64(r, 0));
        rc = text.failed || sqlite3_step(u) != SQLITE_DONE;
        sqlite3_reset(u);
    }
    if (rc)
        fail_from_err(f, (db_fail(w, "changing records", &err), &err));
    sqlite3_finalize(r);
    sqlite3_finalize(u);
    buf_fini(&text);
    mem_free(read);
    mem_free(write);
    return rc ? RC_INVALID : RC_OK;
}

bool reshape_is_alike(const struct sql_column *was, const struct sql_column *is)
{
    bool same = was->n_fields == is->n_fields;

    for (size_t i = 0; same && i < is->n_fields; i++)
        same = str_ieq(was->fields[i].name, is->fields[i].name) &&
               reshape_is_alike(&was->fields[i], &is->fields[i]);
    return same;
}

int reshape_columns(struct db *w, const struct reshape *was,
                    const struct sql_column *is, size_t n_is, struct fail *f)
{
    int rc = RC_OK;

    for (size_t i = 0; i < n_is && rc == RC_OK; i++) {
        int at = fields_find(was->columns, was->n, is[i].name);

        if (at >= 0 && !reshape_is_alike(&was->columns[at], &is[i]))
            rc = rewrite(w, was, &was->columns[at], &is[i], f);
    }
    return rc;
}

int reshape_rows(struct db *w, const struct table *was, const struct table *is,
                 struct fail *f)
{
    struct reshape rows = {was->physical, was->rowid, was->columns,
                           was->n_columns};

    return reshape_columns(w, &rows, is->columns, is->n_columns, f);
}
