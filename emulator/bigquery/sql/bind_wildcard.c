/* SPDX-License-Identifier: Apache-2.0 */
/* `dataset.prefix*`: all tables of that prefix as one, with _TABLE_SUFFIX
 * (Querying multiple tables using a wildcard table). The newest table gives
 * the columns; where another lacks one, it is NULL. A view among them is an
 * error, whatever a filter on _TABLE_SUFFIX leaves. */
#include "emulator/bigquery/sql/bind_query.h"

enum {
    WILDCARD_MAX = 490
}; /* SQLite's compound limit is 500 */

struct wildcard {
    struct binder *b;
    struct str prefix;
    struct sql_table *tables;
    size_t n;
    bool too_many;
    struct str view; /* the first that matches */
};

static void visit(void *to, const struct sql_table *t)
{
    struct wildcard *w = to;

    if (!str_starts(t->table, w->prefix))
        return;
    if (t->view_sql) {
        if (!w->view.len)
            w->view = t->table;
        return;
    }
    if (w->n == WILDCARD_MAX) {
        w->too_many = true;
        return;
    }
    w->tables[w->n++] = *t;
}

static const struct sql_column *column(const struct sql_table *t,
                                       struct str name)
{
    for (size_t i = 0; i < t->n_columns; i++) {
        if (str_ieq(t->columns[i].name, name))
            return &t->columns[i];
    }
    return NULL;
}

static const char *member_sql(struct binder *b, const struct wildcard *w,
                              const struct sql_table *newest,
                              const struct sql_table *t)
{
    struct str suffix =
        str_of(t->table.p + w->prefix.len, t->table.len - w->prefix.len);
    const char *sql = "SELECT ";

    for (size_t i = 0; i < newest->n_columns; i++) {
        const struct sql_column *want = &newest->columns[i];
        const struct sql_column *has = column(t, want->name);
        if (has && !type_eq(has->type, want->type))
            bind_error(b, "invalidQuery", -1,
                       arena_printf(b->mem,
                                    "Cannot read field '%.*s' of type %s as "
                                    "%s",
                                    STR_ARG(want->name),
                                    bind_type_name(b, has->type),
                                    bind_type_name(b, want->type)));
        sql = arena_printf(b->mem, "%s%s AS c%zu,", sql,
                           has ? quote_name(b->mem, has->name) : "NULL", i + 1);
    }
    return arena_cat(b->mem, sql, quote_sql(b->mem, suffix), " AS suffix FROM ",
                     quote_name(b->mem, str_from(t->physical)), NULL);
}

const char *bind_wildcard(struct binder *b, const struct ast_path *path,
                          struct rel *r, struct str alias)
{
    struct wildcard w = {.b = b};
    struct str project, dataset, table;
    const struct sql_table *newest;
    struct bquery q = {0};
    const char *sql = "";

    resolve_path(b, path, &project, &dataset, &table);
    w.prefix = str_of(table.p, table.len - 1);
    w.tables = ARENA_ARRAY(b->mem, struct sql_table, WILDCARD_MAX);
    if (b->catalog->each_table)
        b->catalog->each_table(b->catalog->arg, project, dataset, b->mem, visit,
                               &w);
    if (w.view.len)
        bind_error(b, "invalidQuery", -1,
                   arena_printf(b->mem,
                                "Views cannot be queried through prefix. First "
                                "view %.*s:%.*s.%.*s.",
                                STR_ARG(project), STR_ARG(dataset),
                                STR_ARG(w.view)));
    if (w.too_many)
        bind_error(b, "resourcesExceeded", (long)path->at,
                   "Wildcard table matches more than 490 tables");
    if (!w.n)
        bind_error(b, "notFound", (long)path->at,
                   arena_printf(b->mem,
                                "%.*s:%.*s.%.*s does not match any "
                                "table.",
                                STR_ARG(project), STR_ARG(dataset),
                                STR_ARG(table)));
    newest = &w.tables[0];
    for (size_t i = 1; i < w.n; i++) {
        if (w.tables[i].created_us >= newest->created_us)
            newest = &w.tables[i];
    }
    for (size_t i = 0; i < w.n; i++) {
        add_ref(b, &w.tables[i], false);
        sql = arena_cat(b->mem, sql, i ? " UNION ALL " : "",
                        member_sql(b, &w, newest, &w.tables[i]), NULL);
    }
    r->cols = ARENA_ARRAY(b->mem, struct col, newest->n_columns + 1);
    for (size_t i = 0; i < newest->n_columns; i++)
        r->cols[r->n_cols++] = (struct col){
            newest->columns[i].name,
            newest->columns[i].type,
            arena_printf(b->mem, "%.*s.c%zu", STR_ARG(alias), i + 1),
            false,
            -1,
            false};
    r->cols[r->n_cols++] =
        (struct col){STR("_TABLE_SUFFIX"),
                     type_scalar(T_STRING),
                     arena_printf(b->mem, "%.*s.suffix", STR_ARG(alias)),
                     true,
                     -1,
                     false};
    q.sql = sql;
    return lift(b, &q);
}
