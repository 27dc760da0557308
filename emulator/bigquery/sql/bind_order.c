/* SPDX-License-Identifier: Apache-2.0 */
/* ORDER BY of a SELECT, and its text from all of its parts. */
#include "emulator/bigquery/sql/bind_expr.h"
#include "emulator/bigquery/sql/bind_select.h"

#include <stdlib.h>

#include "common/buf.h"

/* The select item that an ORDER BY expression is, or 0. */
static size_t order_item(struct select *s, const struct ast_expr *x,
                         const struct bexpr *e)
{
    if (x->kind == EX_INT) {
        long n = strtol(e->sql, NULL, 10);
        if (n < 1 || (size_t)n > s->n)
            bind_fail(s->b, x->at,
                      "ORDER BY column number item is out of "
                      "range. Expected a number between 1 and "
                      "%zu",
                      s->n);
        return (size_t)n;
    }
    for (size_t k = 0; k < s->n; k++) {
        if (!strcmp(s->items[k].expr->sql, e->sql))
            return k + 1;
    }
    return 0;
}

/* "column x", where it is just that. */
static const char *column_text(struct binder *b, const struct bexpr *e)
{
    if (!e->column)
        return "a column";
    return arena_printf(b->mem, "column %.*s", STR_ARG(e->column->name));
}

size_t bind_order_keys(struct select *s, const struct ast_select *a,
                       const struct ast_query *q, struct order_key **out)
{
    size_t n = 0;

    for (const struct ast_order *o = q ? q->order : NULL; o; o = o->next)
        n++;
    *out = ARENA_ARRAY(s->b->mem, struct order_key, n);
    n = 0;
    s->scope->clause = "ORDER BY clause";
    s->scope->window_allowed = true;
    for (const struct ast_order *o = q ? q->order : NULL; o; o = o->next) {
        struct order_key *k = &(*out)[n++];
        k->order = o;
        k->expr = bind_expr(s->b, o->expr);
        k->item = order_item(s, o->expr, k->expr);
        if (k->item)
            k->expr = s->items[k->item - 1].expr;
        else if (a->distinct || a->as_struct || a->as_value)
            if (a->distinct)
                bind_fail(s->b, o->expr->at,
                          "ORDER BY clause expression references %s which is "
                          "not visible after SELECT DISTINCT",
                          column_text(s->b, k->expr));
        if (k->expr->ungrouped)
            bind_fail(s->b, k->expr->ungrouped_at,
                      "ORDER BY clause expression references column %s which "
                      "is neither grouped nor aggregated",
                      k->expr->ungrouped);
        if (!type_is_orderable(k->expr->type))
            bind_fail(s->b, o->expr->at,
                      "ORDER BY does not support "
                      "expressions of type %s",
                      bind_type_name(s->b, k->expr->type));
    }
    return n;
}

void put_order(struct select *s, struct buf *out, struct order_key *keys,
               size_t n, bool wrapped)
{
    static const struct col by_name = {.ref = -1};

    for (size_t k = 0; k < n; k++) {
        struct bexpr e = *keys[k].expr;
        const struct ast_order *o = keys[k].order;
        if (wrapped && keys[k].item)
            e.sql = arena_printf(s->b->mem, "c%zu", keys[k].item);
        else if (wrapped)
            e.sql = arena_printf(s->b->mem, "o%zu", k);
        else if (keys[k].item && e.type->kind != T_FLOAT64 && !e.constant)
            e.sql = arena_printf(s->b->mem, "%zu", keys[k].item);
        e.constant &= !wrapped;
        if (wrapped || keys[k].item)
            e.column = &by_name; /* a name or a number, not an expression */
        buf_puts(out, k ? "," : " ORDER BY ");
        buf_puts(out, order_key_sql(s->b, &e, o->desc, o->nulls));
    }
}

/* One group, though no item says so: SQLite needs an aggregate to see it. */
static bool is_one_group(const struct select *s)
{
    bool agg = !s->scope->grouped || *s->group_sql;

    for (size_t k = 0; k < s->n && !agg; k++)
        agg = s->items[k].expr->is_agg &&
              !strstr(s->items[k].expr->sql, " AND "); /* 0 AND max(x) is 0 */
    return !agg;
}

static void put_item(const struct select *s, struct buf *out, size_t k)
{
    const char *sql = s->items[k].expr->sql;

    if (k == 0 && is_one_group(s))
        buf_printf(out, "CASE WHEN count(*)>=0 THEN %s END AS c1", sql);
    else
        buf_printf(out, "%s%s AS c%zu", k ? "," : "", sql, k + 1);
}

const char *select_sql(struct select *s, const struct ast_select *a,
                       const struct ast_query *q, bool recursive_step)
{
    struct order_key *keys;
    size_t n_keys = bind_order_keys(s, a, q, &keys);
    bool wrap = s->qualify || (a->distinct && n_keys);
    struct buf *out;
    char *copy;

    out = arena_buf(s->b->mem);
    if (wrap) {
        buf_puts(out,
                 s->qualify && a->distinct ? "SELECT DISTINCT " : "SELECT ");
        for (size_t k = 0; k < s->n; k++)
            buf_printf(out, "%sc%zu", k ? "," : "", k + 1);
        buf_puts(out, " FROM (");
    }
    buf_puts(out, a->distinct && !s->qualify ? "SELECT DISTINCT " : "SELECT ");
    for (size_t k = 0; k < s->n; k++)
        put_item(s, out, k);
    for (size_t k = 0; wrap && k < n_keys; k++) {
        if (!keys[k].item)
            buf_printf(out, ",%s AS o%zu", keys[k].expr->sql, k);
    }
    if (s->qualify)
        buf_printf(out, ",%s AS q", s->qualify);
    if (recursive_step)
        buf_puts(out, ",bq_depth(depth+1)");
    buf_puts(out, s->from_sql);
    buf_puts(out, s->where_sql);
    buf_puts(out, s->group_sql);
    buf_puts(out, s->having_sql);
    if (wrap)
        buf_puts(out, s->qualify ? ") WHERE q" : ")");
    put_order(s, out, keys, n_keys, wrap);
    buf_puts(out, limit_sql(s->b, q));
    copy = arena_buf_take(s->b->mem, out);
    return copy;
}

void select_as(struct select *s, const struct ast_select *a)
{
    struct bexpr **e;
    struct sql_field *types;
    struct bexpr *value;

    if (a->as_value) {
        if (s->n != 1)
            bind_fail(s->b, a->at,
                      "SELECT AS VALUE query must have exactly "
                      "one column");
        return;
    }
    e = ARENA_ARRAY(s->b->mem, struct bexpr *, s->n);
    types = ARENA_ARRAY(s->b->mem, struct sql_field, s->n);
    for (size_t k = 0; k < s->n; k++) {
        e[k] = s->items[k].expr;
        types[k].name = s->items[k].name;
        types[k].type = type_settled(s->b->mem, e[k]->type);
    }
    value = bexpr_new(s->b, type_struct(s->b->mem, types, s->n),
                      struct_sql(s->b, e, s->n), a->at);
    s->items[0] = (struct out_item){STR_NULL, value};
    s->n = 1;
}
