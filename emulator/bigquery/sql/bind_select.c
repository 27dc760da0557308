/* SPDX-License-Identifier: Apache-2.0 */
/* SELECT: what each clause sees, and the pieces put together. */
#include "emulator/bigquery/sql/bind_expr.h"
#include "emulator/bigquery/sql/bind_query.h"

#include <stdlib.h>

#include "emulator/bigquery/sql/bind_select.h"

static void check_ungrouped(struct binder *b, const struct bexpr *e,
                            const char *clause)
{
    if (e->ungrouped)
        bind_fail(b, e->ungrouped_at,
                  "%s expression references column %s "
                  "which is neither grouped nor "
                  "aggregated",
                  clause, e->ungrouped);
}

static struct str item_name(const struct ast_item *i)
{
    if (i->alias.len)
        return i->alias;
    if (i->expr->kind == EX_NAME || i->expr->kind == EX_DOT)
        return i->expr->text;
    return STR_NULL;
}

static void put(struct select *s, struct str name, struct bexpr *e)
{
    if (s->n == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 16;
        struct out_item *grown = ARENA_ARRAY(s->b->mem, struct out_item, cap);
        if (s->n)
            memcpy(grown, s->items, s->n * sizeof(*grown));
        s->items = grown;
        s->cap = cap;
    }
    s->items[s->n++] = (struct out_item){name, e};
}

static const struct ast_item *replacement(const struct ast_item *i,
                                          struct str name)
{
    for (const struct ast_item *r = i->replace; r; r = r->next) {
        if (str_ieq(r->alias, name))
            return r;
    }
    return NULL;
}

static bool excepted(const struct ast_item *i, struct str name)
{
    for (const struct ast_name *n = i->except; n; n = n->next) {
        if (str_ieq(n->text, name))
            return true;
    }
    return false;
}

static void put_star(struct select *s, const struct ast_item *i,
                     struct str name, struct bexpr *e)
{
    const struct ast_item *r = replacement(i, name);

    if (excepted(i, name))
        return;
    put(s, name, r ? bind_expr(s->b, r->expr) : e);
}

static void check_star_names(struct select *s, const struct ast_item *i,
                             size_t from, size_t n_all,
                             struct str (*name_at)(void *, size_t), void *arg)
{
    for (const struct ast_name *n = i->except; n; n = n->next) {
        bool hit = false;
        for (size_t k = 0; k < n_all; k++)
            hit |= str_ieq(name_at(arg, k), n->text);
        if (!hit)
            bind_fail(s->b, n->at,
                      "Column %.*s in SELECT * EXCEPT list does "
                      "not exist",
                      STR_ARG(n->text));
    }
    for (const struct ast_item *r = i->replace; r; r = r->next) {
        bool hit = false;
        for (size_t k = 0; k < n_all; k++)
            hit |= str_ieq(name_at(arg, k), r->alias);
        if (!hit)
            bind_fail(s->b, r->at,
                      "Column %.*s in SELECT * REPLACE list does "
                      "not exist",
                      STR_ARG(r->alias));
    }
    if (s->n == from)
        bind_fail(s->b, i->at,
                  "SELECT * expands to zero columns after "
                  "applying EXCEPT");
}

static struct str scope_name(void *arg, size_t k)
{
    return ((struct scope *)arg)->star[k]->name;
}

static struct str field_name(void *arg, size_t k)
{
    return ((const struct sql_type *)arg)->fields[k].name;
}

static struct bexpr *star_col(struct select *s, struct col *c, size_t at)
{
    struct bexpr *e = bind_col(s->b, c, at);

    if (s->scope->grouped) {
        e->ungrouped = arena_strndup(s->b->mem, c->name.p, c->name.len);
        e->ungrouped_at = at;
        for (size_t i = 0; i < s->scope->n_keys; i++) {
            if (!strcmp(s->scope->keys[i].sql, c->sql)) {
                e->ungrouped = NULL;
                if (s->scope->keys[i].dropped)
                    e->sql = "NULL";
            }
        }
    }
    return e;
}

static struct rel *rel_named(struct scope *s, const struct ast_expr *x)
{
    if (x->kind != EX_NAME)
        return NULL;
    for (struct rel *r = s->rels; r; r = r->next) {
        if (str_ieq(r->alias, x->text) && !r->value_type)
            return r;
    }
    return NULL;
}

static void expand_star(struct select *s, const struct ast_item *i)
{
    struct scope *sc = s->scope;
    size_t from = s->n;
    struct bexpr *e;
    struct rel *r;

    if (!i->expr) {
        if (!sc->rels)
            bind_fail(s->b, i->at, "SELECT * must have a FROM clause");
        for (size_t k = 0; k < sc->n_star; k++)
            put_star(s, i, sc->star[k]->name, star_col(s, sc->star[k], i->at));
        check_star_names(s, i, from, sc->n_star, scope_name, sc);
        return;
    }
    r = rel_named(sc, i->expr);
    if (r) {
        struct scope only = {0};
        for (size_t k = 0; k < r->n_cols; k++) {
            if (r->cols[k].hidden)
                continue;
            scope_add_star(s->b, &only, &r->cols[k]);
            put_star(s, i, r->cols[k].name, star_col(s, &r->cols[k], i->at));
        }
        check_star_names(s, i, from, only.n_star, scope_name, &only);
        return;
    }
    e = bind_expr(s->b, i->expr);
    if (e->type->kind != T_STRUCT)
        bind_fail(s->b, i->at, "Dot-star is not supported for type %s",
                  bind_type_name(s->b, e->type));
    for (size_t k = 0; k < e->type->n_fields; k++)
        put_star(s, i, e->type->fields[k].name,
                 bind_field(s->b, e, e->type->fields[k].name, i->at));
    check_star_names(s, i, from, e->type->n_fields, field_name,
                     (void *)(uintptr_t)e->type);
}

static void bind_items(struct select *s, const struct ast_select *a)
{
    s->scope->clause = "SELECT list";
    for (const struct ast_item *i = a->items; i; i = i->next) {
        if (i->is_star)
            expand_star(s, i);
        else
            put(s, item_name(i), bind_expr(s->b, i->expr));
    }
    for (size_t k = 0; k < s->n; k++)
        check_ungrouped(s->b, s->items[k].expr, "SELECT list");
    if (s->n > 1500)
        bind_fail(s->b, a->at, "Query is too complex: more than 1500 columns");
}

static void show_aliases(struct select *s)
{
    struct scope *sc = s->scope;

    sc->aliases = ARENA_ARRAY(s->b->mem, struct select_alias, s->n);
    for (size_t k = 0; k < s->n; k++) {
        if (s->items[k].name.len)
            sc->aliases[sc->n_aliases++] = (struct select_alias){
                s->items[k].name, s->items[k].expr, (int)k + 1};
    }
    sc->aliases_first = true;
}

static bool any_aggregates(const struct ast_select *a,
                           const struct ast_query *q)
{
    for (const struct ast_item *i = a->items; i; i = i->next) {
        if (i->expr && has_aggregate(i->expr))
            return true;
    }
    for (const struct ast_order *o = q ? q->order : NULL; o; o = o->next) {
        if (has_aggregate(o->expr))
            return true;
    }
    return a->has_group || has_aggregate(a->having) ||
           has_aggregate(a->qualify);
}

static const char *bool_clause(struct select *s, const struct ast_expr *x,
                               const char *word, const char *clause)
{
    struct bexpr *e;

    if (!x)
        return "";
    s->scope->clause = clause;
    e = bind_as(s->b, x, type_scalar(T_BOOL), clause);
    check_ungrouped(s->b, e, clause);
    return arena_cat(s->b->mem, word, " ", e->sql, NULL);
}

static void bind_qualify(struct select *s, const struct ast_select *a)
{
    struct bexpr *e;

    if (!a->qualify)
        return;
    s->scope->clause = "QUALIFY clause";
    s->scope->window_allowed = true;
    e = bind_as(s->b, a->qualify, type_scalar(T_BOOL), "QUALIFY clause");
    check_ungrouped(s->b, e, "QUALIFY clause");
    if (!s->scope->saw_window)
        bind_fail(s->b, a->qualify->at,
                  "The QUALIFY clause requires analytic "
                  "function to be present");
    s->qualify = e->sql;
}

/* Of WHERE: a column of this FROM equal to what is known further out, and that
 * SQLite can look up. Equality of FLOAT64 is a function, for NaN. */
static bool is_lookup(struct binder *b, struct scope *sc,
                      const struct ast_expr *x)
{
    const struct ast_expr *side[2] = {x->a, x->b};
    struct bexpr *e[2];
    bool own[2];
    const struct sql_type *t;

    if (x->kind != EX_BINARY || x->list || strcmp(x->op, "=") != 0)
        return false;
    for (int i = 0; i < 2; i++) {
        unsigned before = sc->own_refs;

        if (side[i]->kind != EX_NAME && side[i]->kind != EX_DOT)
            return false;
        e[i] = bind_expr(b, side[i]);
        own[i] = sc->own_refs != before;
    }
    t = super_of(b, e, 2);
    if (own[0] == own[1] || !t || t->kind == T_FLOAT64 || t->kind == T_STRUCT)
        return false;
    e[0] = e[own[0] ? 0 : 1];
    return e[0]->column && e[0]->column->ref < 0 && coerce(b, e[0], t) == e[0];
}

static bool names_partition(const struct scope *sc, const char *sql)
{
    for (size_t i = 0; i < sc->rels->n_cols; i++) {
        if (sc->rels->cols[i].ref >= 0 && strstr(sql, sc->rels->cols[i].sql))
            return true;
    }
    return false;
}

/* SQLite thinks that a subquery runs once, and makes no automatic index for it;
 * of a correlated one that is a scan for each row outside. It does make one,
 * once, of what it cannot flatten. A partition column has an index already. */
static void index_lookup(struct select *s, const struct ast_select *a)
{
    const struct ast_expr *w = a->where;
    bool all = w->kind == EX_BINARY && w->list && w->op[0] == 'A', any = false;
    const char *table = s->from_sql + strlen(" FROM "), *alias;

    if (!s->scope->outer || !s->scope->saw_outer || s->b->recursion_seen ||
        !a->from || a->from->kind != FROM_TABLE || table[0] == '(' ||
        !strncmp(table, "bq_", 3) || s->scope->rels->next ||
        names_partition(s->scope, s->where_sql))
        return;
    for (const struct ast_expr *x = all ? w->list : w; x && !any;
         x = all ? x->next : NULL)
        any = is_lookup(s->b, s->scope, x);
    alias = strstr(table, " AS t");
    if (!any || !alias || strstr(alias + 1, " AS t"))
        return;
    s->from_sql =
        arena_cat(s->b->mem, " FROM (SELECT * FROM ",
                  arena_strndup(s->b->mem, table, (size_t)(alias - table)),
                  " LIMIT -1)", alias, NULL);
}

static void bind_clauses(struct select *s, const struct ast_select *a,
                         const struct ast_query *q)
{
    struct binder *b = s->b;
    struct scope *sc = s->scope;

    b->scope = sc;
    sc->clause = "FROM clause";
    s->from_sql = "";
    if (a->from)
        s->from_sql =
            arena_cat(b->mem, " FROM ", bind_from(b, a->from, sc), NULL);
    sc->windows = a->windows;
    s->where_sql = bool_clause(s, a->where, " WHERE", "WHERE clause");
    if (a->where) {
        note_filter(b, a->where);
        s->where_sql =
            index_filter(b, a->where, s->where_sql, any_aggregates(a, q));
        index_lookup(s, a);
    }
    bind_groups(s, a);
    sc->grouped = any_aggregates(a, q);
    if (a->having && !sc->grouped)
        bind_fail(b, a->having->at,
                  "The HAVING clause requires GROUP BY or aggregation to be "
                  "present");
    sc->agg_allowed = sc->window_allowed = true;
    bind_items(s, a);
    show_aliases(s);
    sc->window_allowed = false;
    s->having_sql = bool_clause(s, a->having, " HAVING", "HAVING clause");
    bind_qualify(s, a);
}

static bool is_recursive_step(const struct binder *b)
{
    return b->recursion_seen && b->recursion_counts;
}

static struct bquery *finish(struct select *s, const struct ast_select *a,
                             const struct ast_query *q,
                             const struct sql_type *const *want)
{
    struct binder *b = s->b;
    struct bquery *out = ARENA_NEW(b->mem, struct bquery);

    if (a->as_struct || a->as_value)
        select_as(s, a);
    for (size_t k = 0; want && k < s->n && want[k]; k++) {
        struct bexpr *e = coerce(b, s->items[k].expr, want[k]);
        if (!e)
            bind_fail(b, a->at,
                      "Column %zu of the recursive term has type "
                      "%s, which does not coerce to %s",
                      k + 1, bind_type_name(b, s->items[k].expr->type),
                      bind_type_name(b, want[k]));
        s->items[k].expr = e;
    }
    out->value_table = a->as_struct || a->as_value;
    out->n_cols = s->n;
    out->cols = ARENA_ARRAY(b->mem, struct out_col, s->n);
    for (size_t k = 0; k < s->n; k++) {
        struct bexpr *e = s->items[k].expr;
        out->cols[k] = (struct out_col){
            s->items[k].name, e->type, e->literal,
            e->column && !(q && q->limit) ? e->column->ref : -1};
        if (a->distinct && !type_is_groupable(e->type))
            bind_fail(b, a->at,
                      "Column %.*s of type %s cannot be used in "
                      "SELECT DISTINCT",
                      STR_ARG(s->items[k].name), bind_type_name(b, e->type));
    }
    out->sql = select_sql(s, a, q, want && is_recursive_step(b));
    out->correlated = s->scope->saw_outer;
    out->single_row = (s->scope->grouped && !s->scope->n_keys) ||
                      (!a->from && !a->where) ||
                      (q && q->limit && q->limit->kind == EX_INT &&
                       str_eq(q->limit->text, STR("1")));
    return out;
}

struct bquery *bind_select(struct binder *b, const struct ast_select *a,
                           const struct ast_query *q, struct scope *outer,
                           const struct sql_type *const *want)
{
    struct scope *saved = b->scope;
    struct select s = {.b = b, .keep = UINT64_MAX};
    struct bquery *out;

    if (a->sets) {
        out = bind_grouping_sets(b, a, q, outer);
    } else {
        s.scope = scope_new(b, outer);
        bind_clauses(&s, a, q);
        out = finish(&s, a, q, want);
    }
    b->scope = saved;
    return out;
}

struct bquery *bind_grouping_set(struct binder *b, const struct ast_select *a,
                                 struct scope *outer, uint64_t keep,
                                 struct select *s)
{
    *s = (struct select){.b = b, .keep = keep};
    s->scope = scope_new(b, outer);
    bind_clauses(s, a, NULL);
    return finish(s, a, NULL, NULL);
}
