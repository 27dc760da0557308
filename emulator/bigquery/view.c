/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/bigquery/view.h"

#include <stdio.h>

#include "emulator/bigquery/catalog.h"
#include "emulator/bigquery/fields.h"
#include "emulator/bigquery/sql/sql.h"

static void keep_names(const struct table *named, struct sql_column *columns,
                       size_t n)
{
    for (size_t i = 0; named && named->n_columns == n && i < n; i++)
        columns[i].name = named->columns[i].name;
}

static void keep_descriptions(const struct table *t, struct sql_column *columns,
                              size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int at = fields_find(t->columns, t->n_columns, columns[i].name);

        if (at >= 0)
            columns[i].description = t->columns[at].description;
    }
}

int view_check(struct db *db, struct table *t, const struct table *named,
               int64_t now_us, struct fail *f)
{
    const json_t *view = json_object_get(t->body, "view");
    struct sql_options options = {.now_us = now_us};
    struct sql_error why;
    struct catalog catalog;
    struct sql_stmt *stmt;
    int rc;

    if (json_is_true(json_object_get(view, "useLegacySql")))
        return fail_set(f, "notImplemented",
                        "The emulator has no legacy SQL: set "
                        "view.useLegacySql to false");
    catalog_init(&catalog, db, t->project, t->dataset, NULL);
    rc = sql_prepare(str_from(t->view_sql), NULL, &catalog.sql, &options, &stmt,
                     &why);
    if (rc)
        return fail_set(f, why.reason, "%s", why.text);
    if (stmt->kind != SQL_SELECT) {
        rc = fail_set(f, "invalidQuery", "A view's query must be a SELECT");
    } else {
        keep_names(named, stmt->columns, stmt->n_columns);
        keep_descriptions(t, stmt->columns, stmt->n_columns);
        json_object_set_new(t->body, "schema",
                            fields_json(stmt->columns, stmt->n_columns));
    }
    sql_stmt_free(stmt);
    return rc ? rc : table_derive(t, f);
}
