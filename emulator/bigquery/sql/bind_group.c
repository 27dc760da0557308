/* SPDX-License-Identifier: Apache-2.0 */
/* GROUP BY: its keys, and the grouping sets of ROLLUP, CUBE and GROUPING
 * SETS. */
#include "emulator/bigquery/sql/bind_expr.h"
#include "emulator/bigquery/sql/bind_query.h"
#include "emulator/bigquery/sql/bind_select.h"

#include <stdlib.h>

#include "common/buf.h"

static long count_items(const struct ast_select *a)
{
    long n = 0;

    for (const struct ast_item *i = a->items; i; i = i->next)
        n++;
    return n;
}

/* GROUP BY names select items by number or alias, or is an expression. */
static const struct ast_expr *group_target(struct binder *b,
                                           const struct ast_select *a,
                                           const struct ast_expr *x)
{
    const struct ast_item *i = a->items;
    long n = x->kind == EX_INT ? strtol(x->text.p, NULL, 10) : 0;

    if (x->kind == EX_INT) {
        for (long k = 1; i && k < n && !i->is_star; k++)
            i = i->next;
        if (!i || n < 1)
            bind_fail(b, x->at,
                      "GROUP BY column number item is out of range. "
                      "Expected a number between 1 and %ld",
                      count_items(a));
        if (i->is_star)
            bind_refuse(b, x->at, "GROUP BY a number behind a star");
        if (has_aggregate(i->expr))
            bind_fail(b, x->at,
                      "Column %ld contains an aggregation function, "
                      "which is not allowed in GROUP BY",
                      n);
        return i->expr;
    }
    for (; x->kind == EX_NAME && i; i = i->next) {
        if (!i->is_star && i->alias.len && str_ieq(i->alias, x->text)) {
            if (has_aggregate(i->expr))
                bind_fail(b, x->at,
                          "Column %.*s contains an aggregation "
                          "function, which is not allowed in GROUP "
                          "BY",
                          STR_ARG(x->text));
            return i->expr;
        }
    }
    return x;
}

static void add_key(struct select *s, const struct ast_expr *x, size_t at)
{
    struct scope *sc = s->scope;
    struct bexpr *e = bind_expr(s->b, x);
    bool kept = sc->n_keys >= 64 || s->keep >> sc->n_keys & 1;

    if (!type_is_groupable(e->type))
        bind_fail(s->b, at,
                  "Grouping by expressions of type %s is not "
                  "allowed",
                  bind_type_name(s->b, e->type));
    sc->keys[sc->n_keys++] = (struct group_key){
        .sql = e->sql, .type = e->type, .from = x, .dropped = !kept};
    if (kept)
        s->group_sql = arena_cat(s->b->mem, s->group_sql,
                                 *s->group_sql ? "," : " GROUP BY ",
                                 sort_sql(s->b, e), NULL);
}

/* The same expression may stand in several sets: it is there if one is. */
static void settle_dropped(struct scope *sc)
{
    for (size_t i = 0; i < sc->n_keys; i++) {
        for (size_t k = 0; k < sc->n_keys; k++) {
            if (!sc->keys[k].dropped &&
                !strcmp(sc->keys[i].sql, sc->keys[k].sql))
                sc->keys[i].dropped = false;
        }
        sc->any_dropped |= sc->keys[i].dropped;
    }
}

static bool is_window(const struct ast_expr *x)
{
    return x->kind == EX_CALL && x->call->over;
}

static bool is_name(const struct ast_expr *x)
{
    return x->kind == EX_NAME || x->kind == EX_SUBQUERY || x->kind == EX_EXISTS;
}

static bool holds(const struct ast_expr *x,
                  bool (*is)(const struct ast_expr *x))
{
    if (!x)
        return false;
    for (const struct ast_expr *i = x->list; i; i = i->next) {
        if (holds(i, is))
            return true;
    }
    return is(x) || holds(x->a, is) || holds(x->b, is) ||
           ((x->kind != EX_BINARY || !x->list) && holds(x->c, is));
}

/* GROUP BY ALL leaves out what has an aggregate or a window function, or
 * names nothing of FROM. */
static bool is_inferred(const struct ast_expr *x)
{
    return holds(x, is_name) && !holds(x, is_window) && !has_aggregate(x);
}

void bind_groups(struct select *s, const struct ast_select *a)
{
    size_t n = 0;

    s->group_sql = "";
    s->scope->clause = "GROUP BY clause";
    for (const struct ast_expr *x = a->group; x; x = x->next)
        n++;
    for (const struct ast_item *i = a->items; a->group_all && i; i = i->next)
        n++;
    s->scope->keys = ARENA_ARRAY(s->b->mem, struct group_key, n);
    for (const struct ast_expr *x = a->group; x; x = x->next)
        add_key(s, group_target(s->b, a, x), x->at);
    for (const struct ast_item *i = a->items; a->group_all && i; i = i->next) {
        if (i->is_star)
            bind_refuse(s->b, i->at, "GROUP BY ALL with a star");
        if (is_inferred(i->expr))
            add_key(s, i->expr, i->at);
    }
    settle_dropped(s->scope);
}

/* The number is followed by the key's own mark, so that two calls whose
 * values happen to be equal are not taken for one expression. */
struct bexpr *bind_grouping(struct binder *b, const struct ast_expr *x)
{
    struct scope *sc = b->scope;
    struct bexpr *e;

    if (x->n != 1)
        bind_fail(b, x->at,
                  "Number of arguments does not match for aggregate function "
                  "GROUPING. Supported signature: GROUPING(ANY)");
    if (!sc || !sc->agg_allowed || sc->in_agg)
        bind_fail(b, x->at, "Aggregate function GROUPING not allowed in %s",
                  sc && sc->clause ? sc->clause : "this place");
    sc->in_agg = true; /* the key itself, also where it is dropped */
    e = bind_expr(b, x->list);
    sc->in_agg = false;
    for (size_t i = 0; i < sc->n_keys; i++) {
        if (!strcmp(sc->keys[i].sql, e->sql))
            return bexpr_new(
                b, type_scalar(T_INT64),
                arena_printf(b->mem, "%d/*g%zu*/", sc->keys[i].dropped, i),
                x->at);
    }
    bind_fail(b, x->at,
              "GROUPING must have an argument that exists within the group-by "
              "expression list.");
}

/* A SELECT for each grouping set, one behind the other. The whole list of
 * expressions is bound first: it knows the columns and the ORDER BY. */
struct bquery *bind_grouping_sets(struct binder *b, const struct ast_select *a,
                                  const struct ast_query *q,
                                  struct scope *outer)
{
    struct select whole, part;
    struct bquery *out;
    struct order_key *keys;
    struct buf *text;
    const char *sep = "SELECT * FROM (";
    size_t n_keys = 0;

    if (a->distinct || a->qualify || a->as_struct || a->as_value)
        bind_refuse(b, a->at,
                    "ROLLUP, CUBE or GROUPING SETS with DISTINCT, QUALIFY or "
                    "SELECT AS");
    out = bind_grouping_set(b, a, outer, UINT64_MAX, &whole);
    if (whole.scope->saw_window && a->sets->next)
        bind_refuse(b, a->at,
                    "ROLLUP, CUBE or GROUPING SETS with analytic functions");
    if (q && q->order)
        n_keys = bind_order_keys(&whole, a, q, &keys);
    for (size_t k = 0; k < n_keys; k++) {
        if (!keys[k].item)
            bind_refuse(b, keys[k].order->expr->at,
                        "ORDER BY of ROLLUP, CUBE or GROUPING SETS by what is "
                        "not in the SELECT list");
    }
    text = arena_buf(b->mem);
    for (const struct ast_group_set *g = a->sets; g; g = g->next) {
        struct bquery *set = bind_grouping_set(b, a, outer, g->mask, &part);
        out->correlated |= set->correlated;
        buf_printf(text, "%sSELECT * FROM %s", sep, lift(b, set));
        sep = " UNION ALL ";
    }
    buf_putc(text, ')');
    if (n_keys)
        put_order(&whole, text, keys, n_keys, true);
    buf_puts(text, limit_sql(b, q));
    out->sql = arena_buf_take(b->mem, text);
    out->single_row = false;
    for (size_t k = 0; k < out->n_cols; k++)
        out->cols[k].ref = -1;
    return out;
}
