/* SPDX-License-Identifier: Apache-2.0 */
/* tables.patch and tables.update: which changes of a schema are allowed, and
 * what they do to the rows. */
#include <stdio.h>

#include "common/buf.h"
#include "common/mem.h"
#include "emulator/bigquery/fields.h"
#include "emulator/bigquery/reshape.h"
#include "emulator/bigquery/table.h"
#include "emulator/bigquery/view.h"

static const char *mode_of(const struct sql_column *c)
{
    return c->type->kind == T_ARRAY ? "REPEATED"
           : c->required            ? "REQUIRED"
                                    : "NULLABLE";
}

static int mismatch(const struct table *t, struct fail *f, const char *what,
                    const char *field)
{
    return fail_set(f, "invalid",
                    "Provided Schema does not match Table %s:%s.%s. Field %s "
                    "%s",
                    t->project.p, t->dataset.p, t->name.p, field, what);
}

static int check_columns(const struct table *t, const struct sql_column *was,
                         size_t n_was, const struct sql_column *is, size_t n_is,
                         struct fail *f);

static int check_one(const struct table *t, const struct sql_column *was,
                     const struct sql_column *is, struct fail *f)
{
    const struct sql_type *a = was->type, *b = is->type;
    char what[120], name[320];

    snprintf(name, sizeof(name), "%.*s", STR_ARG(was->name));
    a = a->kind == T_ARRAY ? a->elem : a;
    b = b->kind == T_ARRAY ? b->elem : b;
    if (a->kind != b->kind) {
        snprintf(what, sizeof(what), "has changed type from %s to %s",
                 type_legacy_name(a->kind), type_legacy_name(b->kind));
        return mismatch(t, f, what, name);
    }
    if (strcmp(mode_of(was), mode_of(is)) != 0 &&
        !(was->required && b == is->type && !is->required)) {
        snprintf(what, sizeof(what), "has changed mode from %s to %s",
                 mode_of(was), mode_of(is));
        return mismatch(t, f, what, name);
    }
    return check_columns(t, was->fields, was->n_fields, is->fields,
                         is->n_fields, f);
}

static int check_columns(const struct table *t, const struct sql_column *was,
                         size_t n_was, const struct sql_column *is, size_t n_is,
                         struct fail *f)
{
    char name[320];

    for (size_t i = 0; i < n_was; i++) {
        int at = fields_find(is, n_is, was[i].name);
        int rc;

        snprintf(name, sizeof(name), "%.*s", STR_ARG(was[i].name));
        if (at < 0)
            return mismatch(t, f, "is missing in new schema", name);
        rc = check_one(t, &was[i], &is[at], f);
        if (rc)
            return rc;
    }
    for (size_t i = 0; i < n_is; i++)
        if (is[i].required && fields_find(was, n_was, is[i].name) < 0)
            return fail_set(f, "invalid",
                            "Provided Schema does not match Table %s:%s.%s. "
                            "Cannot add required fields to an existing schema. "
                            "(field: %.*s)",
                            t->project.p, t->dataset.p, t->name.p,
                            STR_ARG(is[i].name));
    return RC_OK;
}

static int check_partitioning(const struct table *was, const struct table *is,
                              struct fail *f)
{
    const struct partitioning *a = &was->part, *b = &is->part;

    if (!a->by == !b->by &&
        (!a->by || (strcasecmp(a->by, b->by) == 0 &&
                    strcmp(a->type, b->type) == 0 && a->start == b->start &&
                    a->end == b->end && a->interval == b->interval)))
        return RC_OK;
    return fail_set(f, "invalid",
                    "Cannot change the partitioning of table %s:%s.%s",
                    was->project.p, was->dataset.p, was->name.p);
}

/* --- the rows ------------------------------------------------------------- */

static int add_columns(struct db *w, const struct table *was,
                       const struct table *is, struct fail *f)
{
    struct err err = {0};
    int rc = RC_OK;

    for (size_t i = 0; i < is->n_columns && rc == RC_OK; i++) {
        const struct sql_column *c = &is->columns[i];
        char *sql;

        if (fields_find(was->columns, was->n_columns, c->name) >= 0)
            continue;
        sql = mem_printf("ALTER TABLE %s ADD COLUMN \"%.*s\" %s", was->physical,
                         STR_ARG(c->name), type_sqlite(c->type));
        rc = db_exec(w, &err, sql);
        mem_free(sql);
    }
    if (rc)
        return fail_from_err(f, &err);
    return reshape_rows(w, was, is, f);
}

int table_store(struct db *w, const struct table *t, int64_t now_us,
                struct fail *f)
{
    char *text = json_dumps(t->body, JSON_COMPACT);
    struct err err = {0};
    int rc = db_run(w, &err,
                    "UPDATE tables SET body = ?, modified_us = ?, kind = ?"
                    " WHERE id = ?",
                    "zizi", text, now_us, t->kind, t->id);

    mem_free(text);
    return rc ? fail_from_err(f, &err) : RC_OK;
}

static bool same_query(const struct table *was, const struct table *is)
{
    return was->view_sql && is->view_sql &&
           strcmp(was->view_sql, is->view_sql) == 0;
}

int table_change(struct db *w, struct table *t, json_t *body, int64_t now_us,
                 struct fail *f)
{
    struct table is = *t;
    int rc;

    is.body = body;
    /* a schema that nobody sent is the one there is */
    if (!json_object_get(body, "schema") && !t->view_sql)
        json_object_set(body, "schema", json_object_get(t->body, "schema"));
    rc = table_derive(&is, f);
    if (rc == RC_OK && !is.view_sql != !t->view_sql)
        rc = fail_set(f, "invalid", "Cannot turn a %s into a %s", t->kind,
                      is.kind);
    if (rc == RC_OK && is.view_sql)
        rc = view_check(w, &is, same_query(t, &is) ? t : NULL, now_us, f);
    if (rc == RC_OK && !is.view_sql)
        rc = check_columns(t, t->columns, t->n_columns, is.columns,
                           is.n_columns, f);
    if (rc == RC_OK && !is.view_sql)
        rc = check_partitioning(t, &is, f);
    if (rc == RC_OK && !is.view_sql)
        rc = add_columns(w, t, &is, f);
    if (rc == RC_OK && !is.view_sql)
        rc = table_make_indexes(w, &is, f);
    if (rc == RC_OK)
        rc = table_store(w, &is, now_us, f);
    t->mem = is.mem; /* it grew */
    json_decref(body);
    return rc;
}
