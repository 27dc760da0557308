/* SPDX-License-Identifier: Apache-2.0 */
/* MERGE: one join into a temporary table that says for each pair of rows which
 * WHEN clause it falls to, then one statement a clause. */
#include "emulator/bigquery/sql/bind_dml.h"

#define TEMP_TABLE "temp.bq_merge"

struct merge {
    struct binder *b;
    struct sql_table *target;
    struct rel *target_rel, *source_rel;
    const char *table, *source; /* SQLite names */
    struct col **source_cols;
    size_t n_source;
    int n_changes; /* clauses that have changed the target by now */
};

/* The source as a lifted query of c1.. and a mark that is never NULL. */
static void bind_source(struct merge *m, const struct ast_stmt *s)
{
    struct binder *b = m->b;
    struct scope *sc = scope_new(b, NULL);
    struct bquery q = {0};
    const char *from, *sql = "SELECT 1 AS mark";
    struct rel *r;

    b->scope = sc;
    from = bind_from(b, s->from, sc);
    r = ARENA_NEW(b->mem, struct rel);
    *r = *sc->rels;
    r->next = NULL;
    r->cols = ARENA_ARRAY(b->mem, struct col, sc->n_star);
    r->n_cols = sc->n_star;
    m->source_cols = ARENA_ARRAY(b->mem, struct col *, sc->n_star);
    m->n_source = sc->n_star;
    for (size_t i = 0; i < sc->n_star; i++) {
        sql =
            arena_printf(b->mem, "%s,%s AS c%zu", sql, sc->star[i]->sql, i + 1);
        r->cols[i] = *sc->star[i];
        r->cols[i].sql = arena_printf(b->mem, "s.c%zu", i + 1);
        m->source_cols[i] = &r->cols[i];
    }
    /* UNNEST's alias is its element; a STRUCT is made of its columns again */
    if (r->value_type && r->value_type->kind != T_STRUCT)
        r->value_sql = r->cols[0].sql;
    else
        r->value_type = NULL;
    q.sql = arena_cat(b->mem, sql, " FROM ", from, NULL);
    m->source = lift(b, &q);
    m->source_rel = r;
}

static void show_rel(struct binder *b, struct scope *s, struct rel *r)
{
    struct rel *copy = scope_add_rel(b, s, r->alias);

    copy->cols = r->cols;
    copy->n_cols = r->n_cols;
    copy->value_type = r->value_type;
    copy->value_sql = r->value_sql;
    for (size_t i = 0; i < r->n_cols; i++) {
        if (!r->cols[i].hidden)
            scope_add_star(b, s, &r->cols[i]);
    }
}

static struct scope *scope_of(struct merge *m, bool target, bool source)
{
    struct scope *s = scope_new(m->b, NULL);

    if (target)
        show_rel(m->b, s, m->target_rel);
    if (source)
        show_rel(m->b, s, m->source_rel);
    m->b->scope = s;
    return s;
}

static void when_scope(struct merge *m, const struct ast_when *w)
{
    scope_of(m, w->match != WHEN_NOT_MATCHED,
             w->match != WHEN_NOT_MATCHED_BY_SOURCE)
        ->clause = "MERGE clause";
}

static const char *action_case(struct merge *m, const struct ast_stmt *s)
{
    static const char *const tests[] = {
        "t0._rowid_ IS NOT NULL AND s.mark IS NOT NULL", "t0._rowid_ IS NULL",
        "s.mark IS NULL"};
    const char *sql = "CASE";
    int n = 0;

    for (const struct ast_when *w = s->whens; w; w = w->next) {
        const char *condition = "";
        when_scope(m, w);
        if (w->condition) {
            condition = arena_cat(
                m->b->mem, " AND ",
                bind_as(m->b, w->condition, type_scalar(T_BOOL), "WHEN clause")
                    ->sql,
                NULL);
            note_merge_filter(m->b, w->condition, false);
        }
        sql = arena_printf(m->b->mem, "%s WHEN %s%s THEN %d", sql,
                           tests[w->match], condition, ++n);
    }
    return arena_cat(m->b->mem, sql, " END", NULL);
}

static void join_step(struct merge *m, const struct ast_stmt *s)
{
    struct binder *b = m->b;
    const char *on, *act, *cols = "", *join = "LEFT";

    for (const struct ast_when *w = s->whens; w; w = w->next) {
        if (w->match == WHEN_NOT_MATCHED_BY_SOURCE)
            join = "FULL";
    }
    scope_of(m, true, true)->clause = "MERGE ON clause";
    on = bind_as(b, s->where, type_scalar(T_BOOL), "MERGE ON clause")->sql;
    /* FULL: what ON leaves out of the target is NOT MATCHED BY SOURCE */
    note_merge_filter(b, s->where, join[0] == 'L');
    act = action_case(m, s);
    for (size_t i = 0; i < m->n_source; i++)
        cols = arena_printf(b->mem, "%s,s.c%zu AS c%zu", cols, i + 1, i + 1);
    add_step(b, STEP_EXEC, "DROP TABLE IF EXISTS " TEMP_TABLE, NULL);
    add_step(b, STEP_EXEC,
             arena_cat(b->mem, "CREATE TEMP TABLE bq_merge AS ", with_sql(b),
                       "SELECT t0._rowid_ AS tid,", act, " AS act", cols,
                       " FROM ", m->source, " AS s ", join, " JOIN ", m->table,
                       " AS t0 ON ", on, NULL),
             NULL);
}

static void check_step(struct merge *m, const struct ast_stmt *s)
{
    const char *acts = "";
    int n = 0;

    for (const struct ast_when *w = s->whens; w; w = w->next) {
        n++;
        if (w->action != DO_INSERT)
            acts = arena_printf(m->b->mem, "%s%s%d", acts, *acts ? "," : "", n);
    }
    if (*acts)
        add_step(m->b, STEP_CHECK,
                 arena_cat(m->b->mem,
                           "SELECT 1 FROM " TEMP_TABLE " WHERE act IN (", acts,
                           ") GROUP BY tid HAVING count(*)>1 LIMIT 1", NULL),
                 DML_ONE_ROW);
}

static const char *insert_values(struct merge *m, const struct ast_when *w,
                                 const struct sql_column *const *cols, size_t n)
{
    const struct ast_expr *v = w->values;
    struct binder *b = m->b;
    const char *sql = "";
    size_t given = w->insert_row ? m->n_source : 0;

    for (const struct ast_expr *x = v; x; x = x->next)
        given++;
    if (given != n)
        bind_fail(b, w->at,
                  "Inserted row has wrong column count; Has %zu, "
                  "expected %zu",
                  given, n);
    for (size_t i = 0; i < n; i++) {
        struct bexpr *e;
        if (w->insert_row) {
            struct bexpr *raw = bind_col(b, m->source_cols[i], w->at);
            e = coerce(b, raw, cols[i]->type);
            if (!e)
                bind_fail(b, w->at,
                          "Value has type %s which cannot be "
                          "inserted into column %.*s, which has "
                          "type %s",
                          bind_type_name(b, raw->type), STR_ARG(cols[i]->name),
                          bind_type_name(b, cols[i]->type));
        } else {
            e = assign(b, cols[i], v);
            v = v->next;
        }
        sql = arena_cat(b->mem, sql, i ? "," : "", assign_sql(b, cols[i], e),
                        NULL);
    }
    return sql;
}

static void insert_step(struct merge *m, const struct ast_when *w, int act)
{
    struct binder *b = m->b;
    const struct sql_column **cols = ARENA_ARRAY(
        b->mem, const struct sql_column *, m->target->n_columns + 1);
    size_t n = insert_columns(b, m->target, w->columns, cols);
    const char *names = names_sql(b, cols, n), *rest, *values;

    values = insert_values(m, w, cols, n);
    rest = unlisted_values(b, m->target, cols, n, &names, w->at);
    add_step(b, STEP_INSERT,
             arena_printf(b->mem,
                          "%sINSERT INTO %s(%s) SELECT %s%s FROM " TEMP_TABLE
                          " AS s WHERE act=%d",
                          with_sql(b), m->table, names, values, rest, act),
             NULL);
}

static void when_step(struct merge *m, const struct ast_stmt *s,
                      const struct ast_when *w, int act)
{
    struct binder *b = m->b;
    struct str name = s->alias.len ? s->alias : s->target.part[s->target.n - 1];
    size_t first;

    when_scope(m, w);
    first = b->stmt->n_refs;
    if (w->action == DO_INSERT) {
        insert_step(m, w, act);
    } else if (w->action == DO_DELETE) {
        add_step(b, STEP_DELETE,
                 arena_printf(b->mem,
                              "DELETE FROM %s WHERE _rowid_ IN (SELECT tid "
                              "FROM " TEMP_TABLE " WHERE act=%d)",
                              m->table, act),
                 NULL);
    } else {
        const char *sets = sets_sql(b, m->target, w->sets, name, "t0");
        add_step(b, STEP_UPDATE,
                 arena_printf(b->mem,
                              "%sUPDATE %s AS t0 SET %s FROM " TEMP_TABLE
                              " AS s WHERE s.tid=t0._rowid_ AND s.act=%d",
                              with_sql(b), m->table, sets, act),
                 NULL);
    }
    /* Steps run one behind the other, BigQuery's clauses all at once. */
    if (m->n_changes++ && reads_target(b, first))
        bind_refuse(b, w->at,
                    "A subquery on MERGE's target in the second WHEN clause or "
                    "later");
}

/* Deletes and updates first: what is inserted must not meet them. */
void bind_merge(struct binder *b, const struct ast_stmt *s)
{
    struct scope *sc = scope_new(b, NULL);
    struct merge m = {.b = b};

    m.target = dml_target(b, &s->target, sc, s->alias, "t0");
    m.target_rel = sc->rels;
    m.table = quote_name(b->mem, str_from(m.target->physical));
    bind_source(&m, s);
    join_step(&m, s);
    check_step(&m, s);
    for (int inserts = 0; inserts < 2; inserts++) {
        int act = 0;
        for (const struct ast_when *w = s->whens; w; w = w->next) {
            act++;
            if ((w->action == DO_INSERT) == inserts)
                when_step(&m, s, w, act);
        }
    }
    add_step(b, STEP_EXEC, "DROP TABLE IF EXISTS " TEMP_TABLE, NULL);
    check_partition_filters(b, 0, s->at);
}
