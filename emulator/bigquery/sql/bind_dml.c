/* SPDX-License-Identifier: Apache-2.0 */
/* INSERT, UPDATE, DELETE, TRUNCATE. */
#include "emulator/bigquery/sql/bind_dml.h"

#include <stdlib.h>

#include "common/buf.h"
#include "emulator/bigquery/sql/civil.h"
#include "emulator/bigquery/sql/part.h"

struct sql_table *dml_target(struct binder *b, const struct ast_path *path,
                             struct scope *s, struct str alias,
                             const char *sql_alias)
{
    struct sql_table *t = find_table(b, path);
    struct rel *r;

    if (t->view_sql)
        bind_fail(b, path->at,
                  "%.*s:%.*s.%.*s is not allowed for this "
                  "operation because it is currently a VIEW.",
                  STR_ARG(t->project), STR_ARG(t->dataset), STR_ARG(t->table));
    r = scope_add_rel(b, s, alias.len ? alias : path->part[path->n - 1]);
    table_rel(b, r, t, sql_alias, add_ref(b, t, true));
    for (size_t i = 0; i < r->n_cols; i++) {
        if (!r->cols[i].hidden)
            scope_add_star(b, s, &r->cols[i]);
    }
    return t;
}

static bool is_ingestion(const struct sql_table *t)
{
    return t->partition_by && !strcmp(t->partition_by, "_PARTITIONTIME");
}

/* _PARTITIONTIME can be written, though it is no column. */
static const struct sql_column *written_column(struct binder *b,
                                               const struct sql_table *t,
                                               const struct ast_name *name)
{
    struct sql_column *c;

    if (!is_ingestion(t) || !str_ieq(name->text, STR("_PARTITIONTIME")))
        return target_column(b, t, name->text, name->at);
    c = ARENA_NEW(b->mem, struct sql_column);
    c->name = STR("_PARTITIONTIME");
    c->type = type_scalar(T_TIMESTAMP);
    c->required = true;
    return c;
}

/* Columns of an INSERT in the table's order of writing. */
size_t insert_columns(struct binder *b, const struct sql_table *t,
                      const struct ast_name *names,
                      const struct sql_column **out)
{
    size_t n = 0;

    if (!names) {
        for (size_t i = 0; i < t->n_columns; i++)
            out[n++] = &t->columns[i];
        return n;
    }
    for (const struct ast_name *c = names; c; c = c->next) {
        const struct sql_column *col = written_column(b, t, c);
        for (size_t i = 0; i < n; i++) {
            if (str_ieq(out[i]->name, col->name))
                bind_fail(b, c->at,
                          "INSERT has columns with duplicate name: "
                          "%.*s",
                          STR_ARG(c->text));
        }
        out[n++] = col;
    }
    return n;
}

static bool is_listed(const struct sql_column *const *cols, size_t n,
                      struct str name)
{
    for (size_t i = 0; i < n; i++) {
        if (str_ieq(cols[i]->name, name))
            return true;
    }
    return false;
}

/* Values of the columns that the statement leaves out, and of the ingestion
 * time: the same for each row. */
const char *unlisted_values(struct binder *b, const struct sql_table *t,
                            const struct sql_column *const *cols, size_t n,
                            const char **names, size_t at)
{
    const char *values = "";

    for (size_t i = 0; i < t->n_columns; i++) {
        const struct sql_column *c = &t->columns[i];
        if (is_listed(cols, n, c->name))
            continue;
        *names =
            arena_cat(b->mem, *names, ",", quote_name(b->mem, c->name), NULL);
        values = arena_cat(b->mem, values, ",",
                           assign_sql(b, c, default_value(b, c, at)), NULL);
    }
    if (is_ingestion(t) && !is_listed(cols, n, STR("_PARTITIONTIME"))) {
        int64_t us = b->options->now_us;
        part_trunc(us, str_from(t->partition_type ? t->partition_type : "DAY"),
                   &us);
        *names = arena_cat(b->mem, *names, ",\"_PARTITIONTIME\"", NULL);
        values = arena_printf(b->mem, "%s,%lld", values, (long long)us);
    }
    return values;
}

const char *names_sql(struct binder *b, const struct sql_column *const *cols,
                      size_t n)
{
    const char *sql = "";

    for (size_t i = 0; i < n; i++)
        sql = arena_cat(b->mem, sql, i ? "," : "",
                        quote_name(b->mem, cols[i]->name), NULL);
    return sql;
}

static const char *row_values(struct binder *b, const struct ast_row *r,
                              const struct sql_column *const *cols, size_t n)
{
    const struct ast_expr *v = r->values;
    const char *sql = "";
    size_t given = 0;

    for (const struct ast_expr *x = v; x; x = x->next)
        given++;
    if (given != n)
        bind_fail(b, r->at,
                  "Inserted row has wrong column count; Has %zu, "
                  "expected %zu",
                  given, n);
    for (size_t i = 0; i < n; i++, v = v->next)
        sql = arena_cat(b->mem, sql, i ? "," : "",
                        assign_sql(b, cols[i], assign(b, cols[i], v)), NULL);
    return sql;
}

const char *query_values(struct binder *b, const struct bquery *q, size_t at,
                         const struct sql_column *const *cols, size_t n)
{
    const char *sql = "";

    for (size_t i = 0; i < n; i++) {
        struct bexpr e = {.type = q->cols[i].type,
                          .sql = arena_printf(b->mem, "c%zu", i + 1),
                          .literal = q->cols[i].literal};
        struct bexpr *c = coerce(b, &e, cols[i]->type);
        if (!c)
            bind_fail(b, at,
                      "Query column %zu has type %s which "
                      "cannot be inserted into column %.*s, "
                      "which has type %s",
                      i + 1, bind_type_name(b, e.type), STR_ARG(cols[i]->name),
                      bind_type_name(b, cols[i]->type));
        sql = arena_cat(b->mem, sql, i ? "," : "", assign_sql(b, cols[i], c),
                        NULL);
    }
    return sql;
}

static void insert(struct binder *b, const struct ast_stmt *s)
{
    struct scope *dummy = scope_new(b, NULL);
    struct sql_table *t = dml_target(b, &s->target, dummy, STR_NULL, "t0");
    const struct sql_column **cols =
        ARENA_ARRAY(b->mem, const struct sql_column *, t->n_columns + 1);
    size_t n = insert_columns(b, t, s->columns, cols);
    const char *names = names_sql(b, cols, n), *rest;
    struct buf *out;

    b->scope = NULL;
    rest = unlisted_values(b, t, cols, n, &names, s->at);
    out = arena_buf(b->mem);
    if (s->query) {
        const struct bquery *q = bind_query(b, s->query, NULL, NULL);
        if (q->n_cols != n)
            bind_fail(b, s->query->at,
                      "Inserted row has wrong column count; Has %zu, "
                      "expected %zu",
                      q->n_cols, n);
        buf_puts(out, "SELECT ");
        buf_puts(out, query_values(b, q, s->query->at, cols, n));
        buf_puts(out, rest);
        buf_printf(out, " FROM %s", lift(b, q));
    } else {
        buf_puts(out, "VALUES ");
        for (const struct ast_row *r = s->rows; r; r = r->next) {
            buf_puts(out, r == s->rows ? "(" : ",(");
            buf_puts(out, row_values(b, r, cols, n));
            buf_puts(out, rest);
            buf_putc(out, ')');
        }
    }
    add_step(b, STEP_INSERT,
             arena_cat(b->mem, with_sql(b), "INSERT INTO ",
                       quote_name(b->mem, str_from(t->physical)), "(", names,
                       ") ", arena_buf_take(b->mem, out), NULL),
             NULL);
}

static struct bexpr *where_clause(struct binder *b, struct scope *s,
                                  const struct ast_expr *x)
{
    struct bexpr *e;

    s->clause = "WHERE clause";
    e = bind_as(b, x, type_scalar(T_BOOL), "WHERE clause");
    note_filter(b, x);
    return e;
}

bool reads_target(const struct binder *b, size_t first)
{
    const struct sql_stmt *s = b->stmt;

    for (size_t i = first; i < s->n_refs; i++) {
        if (!strcmp(s->refs[i].table.physical, s->refs[0].table.physical))
            return true;
    }
    return false;
}

static void update(struct binder *b, const struct ast_stmt *s)
{
    struct scope *sc = scope_new(b, NULL);
    const char *alias = "t0", *from = "", *sets, *table;
    struct str name = s->alias.len ? s->alias : s->target.part[s->target.n - 1];
    struct bexpr *where;
    struct sql_table *t = dml_target(b, &s->target, sc, s->alias, alias);

    b->scope = sc;
    if (s->from)
        from = arena_cat(b->mem, " FROM ", bind_from(b, s->from, sc), NULL);
    where = where_clause(b, sc, s->where);
    sc->clause = "SET clause";
    sets = sets_sql(b, t, s->sets, name, alias);
    table = quote_name(b->mem, str_from(t->physical));
    if (s->from)
        add_step(b, STEP_CHECK,
                 arena_cat(b->mem, with_sql(b), "SELECT 1 FROM ", table,
                           " AS t0,", from + 6, " WHERE ", where->sql,
                           " GROUP BY t0._rowid_ HAVING count(*)>1 LIMIT 1",
                           NULL),
                 DML_ONE_ROW);
    /* With FROM all new values are there before the first is written; without,
     * a subquery would see the rows changed before. */
    if (!s->from && reads_target(b, 1))
        from = " FROM (SELECT 1)";
    add_step(b, STEP_UPDATE,
             arena_cat(b->mem, with_sql(b), "UPDATE ", table, " AS t0 SET ",
                       sets, from, " WHERE ", where->sql, NULL),
             NULL);
}

static void delete (struct binder *b, const struct ast_stmt *s)
{
    struct scope *sc = scope_new(b, NULL);
    struct sql_table *t = dml_target(b, &s->target, sc, s->alias, "t0");
    const char *where = "1";

    b->scope = sc;
    if (s->where)
        where = where_clause(b, sc, s->where)->sql;
    add_step(b, STEP_DELETE,
             arena_cat(b->mem, with_sql(b), "DELETE FROM ",
                       quote_name(b->mem, str_from(t->physical)),
                       " AS t0 WHERE ", where, NULL),
             NULL);
}

void bind_dml(struct binder *b, const struct ast_stmt *s)
{
    if (s->kind == SQL_INSERT)
        insert(b, s);
    else if (s->kind == SQL_UPDATE)
        update(b, s);
    else
        delete (b, s);
    if (s->kind == SQL_UPDATE || s->kind == SQL_DELETE)
        check_partition_filters(b, 0, s->at);
    else
        check_partition_filters(b, 1, s->at);
}
