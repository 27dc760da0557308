/* SPDX-License-Identifier: Apache-2.0 */
/* IN, BETWEEN, LIKE, IS. */
#include "emulator/bigquery/sql/bind_interval.h"
#include "emulator/bigquery/sql/bind_query.h"

#include "common/buf.h"

static struct bexpr *truth(struct binder *b, const char *sql, bool negated,
                           size_t at)
{
    if (negated)
        sql = arena_cat(b->mem, "(NOT ", sql, ")", NULL);
    return bexpr_new(b, type_scalar(T_BOOL), sql, at);
}

static void merge3(struct bexpr *to, const struct bexpr *a,
                   const struct bexpr *b, const struct bexpr *c)
{
    to->constant = a->constant && b->constant && (!c || c->constant);
    bexpr_merge(to, a);
    bexpr_merge(to, b);
    if (c)
        bexpr_merge(to, c);
}

static struct bexpr *between(struct binder *b, const struct ast_expr *x)
{
    struct bexpr *e[3] = {bind_expr(b, x->a), bind_expr(b, x->b),
                          bind_expr(b, x->c)};
    const struct sql_type *t = super_of(b, e, 3);
    struct bexpr *out, *low, *high;

    if (!t)
        bind_fail(b, x->at,
                  "No matching signature for operator BETWEEN for "
                  "argument types: %s, %s, %s. Supported signature: "
                  "(ANY) BETWEEN (ANY) AND (ANY)",
                  bind_type_name(b, e[0]->type), bind_type_name(b, e[1]->type),
                  bind_type_name(b, e[2]->type));
    if (t->kind == T_FLOAT64 || !type_is_orderable(t)) {
        low = bind_compare(b, ">=", e[0], e[1], x->at);
        high = bind_compare(b, "<=", e[0], e[2], x->at);
        out = truth(
            b, arena_cat(b->mem, "(", low->sql, " AND ", high->sql, ")", NULL),
            x->flag, x->at);
    } else {
        for (int i = 0; i < 3; i++)
            e[i] = coerce(b, e[i], t);
        out =
            truth(b,
                  arena_cat(b->mem, "(", e[0]->sql,
                            is_decimal(t) ? " COLLATE bq_num" : "", " BETWEEN ",
                            e[1]->sql, " AND ", e[2]->sql, ")", NULL),
                  x->flag, x->at);
    }
    merge3(out, e[0], e[1], e[2]);
    return out;
}

/* NaN, stored as text, would be found among others; a BLOB never is. */
static const char *sought(struct binder *b, const struct bexpr *a)
{
    if (a->type->kind != T_FLOAT64 || a->lit)
        return a->sql;
    return arena_cat(b->mem, "CASE ", a->sql, " WHEN 'NaN' THEN x'00' ELSE ",
                     a->sql, " END", NULL);
}

/* SQLite has no IN for STRUCTs: TRUE if one is equal, NULL if one may be.
 * They are the column `name`, of type `t`, of `from`. */
static struct bexpr *struct_in(struct binder *b, const struct ast_expr *x,
                               struct bexpr *a, const struct sql_type *t,
                               const char *name, const char *from)
{
    const char *alias = arena_printf(b->mem, "s%d", ++b->next_id), *some;
    struct bexpr col = {.type = t,
                        .sql = arena_cat(b->mem, alias, ".", name, NULL)};
    struct bexpr *eq = bind_compare(b, "=", a, &col, x->at), *out;

    some = arena_cat(b->mem, "EXISTS(SELECT 1 FROM ", from, " AS ", alias,
                     " WHERE ", eq->sql, NULL);
    out = truth(b,
                arena_cat(b->mem, "(CASE WHEN ", some, ") THEN 1 WHEN ", some,
                          " IS NULL) THEN NULL ELSE 0 END)", NULL),
                x->flag, x->at);
    bexpr_merge(out, a);
    return out;
}

static struct bexpr *in_query(struct binder *b, const struct ast_expr *x,
                              struct bexpr *a)
{
    struct bquery *q = bind_subquery(b, x->query);
    struct bexpr col = {.sql = "c1"}, *pair[2] = {a, &col}, *right, *out;
    const struct sql_type *t;
    const char *sql = q->sql;

    if (q->n_cols != 1)
        bind_fail(b, x->at,
                  "Subquery of type IN must have only one output "
                  "column");
    col.type = q->cols[0].type;
    t = super_of(b, pair, 2);
    if (t && t->kind == T_STRUCT)
        return struct_in(b, x, a, col.type, "c1",
                         arena_cat(b->mem, "(", q->sql, ")", NULL));
    if (!t || t->kind == T_ARRAY || t->kind == T_JSON)
        bind_fail(b, x->at,
                  "Cannot execute IN subquery with uncomparable "
                  "types %s and %s",
                  bind_type_name(b, a->type), bind_type_name(b, col.type));
    right = coerce(b, &col, t);
    if (right != &col)
        sql = arena_cat(b->mem, "SELECT ", right->sql, " FROM (", q->sql, ")",
                        NULL);
    a = coerce(b, a, t);
    out =
        truth(b, arena_cat(b->mem, "(", sought(b, a), " IN (", sql, "))", NULL),
              x->flag, x->at);
    bexpr_merge(out, a);
    return out;
}

static struct bexpr *in_array(struct binder *b, const struct ast_expr *x,
                              struct bexpr *a)
{
    struct bexpr *array = bind_expr(b, x->b), elem = {.sql = ""},
                 *pair[2] = {a, &elem}, *out;
    const struct sql_type *t;

    if (array->type->kind == T_NULLTYPE)
        return coerce(b, array, type_scalar(T_BOOL));
    if (array->type->kind != T_ARRAY)
        bind_fail(b, x->b->at,
                  "Second argument of IN UNNEST must be an array "
                  "but was %s",
                  bind_type_name(b, array->type));
    elem.type = array->type->elem;
    elem.literal = array->literal;
    t = super_of(b, pair, 2);
    if (!t)
        bind_fail(b, x->at,
                  "Cannot execute IN UNNEST with uncomparable types "
                  "%s and %s",
                  bind_type_name(b, a->type), bind_type_name(b, elem.type));
    if (!type_eq(t, elem.type) && elem.type->kind != T_NULLTYPE)
        array = bind_cast(b, array, type_array(b->mem, t), false, x->at);
    a = coerce(b, a, t);
    if (t->kind == T_STRUCT) {
        out = struct_in(b, x, a, t, "v",
                        arena_cat(b->mem, "bq_unnest(", array->sql, ")", NULL));
        bexpr_merge(out, array);
        return out;
    }
    out = truth(b,
                arena_cat(b->mem, "bq_in_array(", sought(b, a), ",", array->sql,
                          ")", NULL),
                x->flag, x->at);
    merge3(out, a, array, NULL);
    return out;
}

static struct bexpr *in_list(struct binder *b, const struct ast_expr *x,
                             struct bexpr *a)
{
    struct bexpr **e, *out = truth(b, NULL, false, x->at);
    const struct sql_type *t;
    const char *sql = NULL;
    struct buf *text;
    bool numbers = true; /* literals, none of which is NaN */
    size_t n = 1;

    for (const struct ast_expr *i = x->list; i; i = i->next)
        n++;
    e = ARENA_ARRAY(b->mem, struct bexpr *, n);
    e[0] = a;
    n = 1;
    for (const struct ast_expr *i = x->list; i; i = i->next)
        e[n++] = bind_expr(b, i);
    for (size_t i = 1; i < n; i++)
        numbers &= e[i]->lit != NULL;
    t = super_of(b, e, n);
    if (!t)
        bind_fail(b, x->at,
                  "No matching signature for operator IN for "
                  "argument types %s and {%s}",
                  bind_type_name(b, a->type), bind_type_name(b, e[1]->type));
    out->constant = true;
    if (t->kind == T_STRUCT || t->kind == T_ARRAY || t->kind == T_JSON) {
        for (size_t i = 1; i < n; i++) {
            struct bexpr *c = bind_compare(b, "=", a, e[i], x->at);
            sql = arena_cat(b->mem, sql ? sql : "(", sql ? " OR " : "", c->sql,
                            NULL);
            merge3(out, out, c, NULL);
        }
        out->sql = arena_cat(b->mem, sql, ")", NULL);
    } else {
        text = arena_buf(b->mem);
        for (size_t i = 0; i < n; i++) {
            struct bexpr *c = coerce(b, e[i], t);
            buf_puts(text, i == 0 ? "(" : i == 1 ? " IN (" : ",");
            buf_puts(text, i || numbers ? c->sql : sought(b, c));
            merge3(out, out, c, NULL);
        }
        buf_puts(text, "))");
        out->sql = arena_buf_take(b->mem, text);
    }
    if (x->flag)
        out->sql = arena_cat(b->mem, "(NOT ", out->sql, ")", NULL);
    return out;
}

static struct bexpr *like_one(struct binder *b, struct bexpr *a,
                              const struct ast_expr *pattern, size_t at)
{
    struct bexpr *p = bind_expr(b, pattern), *pair[2] = {a, p}, *out;
    const struct sql_type *t = super_of(b, pair, 2);

    if (t && t->kind == T_NULLTYPE)
        t = type_scalar(T_STRING);
    if (!t || (t->kind != T_STRING && t->kind != T_BYTES))
        bind_fail(b, at,
                  "No matching signature for operator LIKE for "
                  "argument types: %s, %s. Supported signatures: "
                  "STRING LIKE STRING; BYTES LIKE BYTES",
                  bind_type_name(b, a->type), bind_type_name(b, p->type));
    a = coerce(b, a, t);
    p = coerce(b, p, t);
    out =
        truth(b, arena_cat(b->mem, "bq_like(", a->sql, ",", p->sql, ")", NULL),
              false, at);
    merge3(out, a, p, NULL);
    return out;
}

/* NOT is said of each pattern, not of the whole: NOT LIKE ANY is true where
 * one pattern does not match (page "Operators", quantified LIKE). */
static struct bexpr *like(struct binder *b, const struct ast_expr *x)
{
    struct bexpr *a = bind_expr(b, x->a), *e, *out;
    const char *sql = "(";

    if (!x->op) {
        out = like_one(b, a, x->b, x->at);
        if (x->flag)
            out->sql = arena_cat(b->mem, "(NOT ", out->sql, ")", NULL);
        return out;
    }
    if (!x->list)
        bind_refuse(b, x->at, "LIKE %s with a subquery or UNNEST", x->op);
    out = truth(b, NULL, false, x->at);
    for (const struct ast_expr *i = x->list; i; i = i->next) {
        e = like_one(b, a, i, x->at);
        bexpr_merge(out, e);
        sql = arena_cat(b->mem, sql,
                        i == x->list      ? ""
                        : x->op[1] == 'L' ? " AND "
                                          : " OR ",
                        x->flag ? "NOT " : "", e->sql, NULL);
    }
    out->sql = arena_cat(b->mem, sql, ")", NULL);
    return out;
}

static struct bexpr *is(struct binder *b, const struct ast_expr *x)
{
    struct bexpr *e = bind_expr(b, x->a), *out;

    if (x->op[0] != 'N') {
        struct bexpr *c = coerce(b, e, type_scalar(T_BOOL));
        if (!c)
            bind_fail(b, x->at,
                      "No matching signature for operator IS %s for "
                      "argument types: %s",
                      x->op, bind_type_name(b, e->type));
        e = c;
    }
    out = truth(b, arena_cat(b->mem, "(", e->sql, " IS ", x->op, ")", NULL),
                x->flag, x->at);
    bexpr_merge(out, e);
    out->constant = e->constant;
    return out;
}

static struct bexpr *is_distinct(struct binder *b, const struct ast_expr *x)
{
    struct bexpr *e[2] = {bind_expr(b, x->a), bind_expr(b, x->b)}, *out;
    const struct sql_type *t = super_of(b, e, 2);

    refuse_interval(b, t, x->at, "IS DISTINCT FROM over values");
    if (!t || t->kind == T_JSON || t->kind == T_ARRAY)
        bind_fail(b, x->at,
                  "No matching signature for operator IS DISTINCT "
                  "FROM for argument types: %s, %s",
                  bind_type_name(b, e[0]->type), bind_type_name(b, e[1]->type));
    e[0] = coerce(b, e[0], t);
    e[1] = coerce(b, e[1], t);
    out = truth(b,
                arena_cat(b->mem, "(", e[0]->sql, x->flag ? " IS " : " IS NOT ",
                          e[1]->sql, ")", NULL),
                false, x->at);
    merge3(out, e[0], e[1], NULL);
    return out;
}

struct bexpr *bind_predicate(struct binder *b, const struct ast_expr *x)
{
    struct bexpr *a;

    switch (x->kind) {
    case EX_BETWEEN:
        return between(b, x);
    case EX_LIKE:
        return like(b, x);
    case EX_IS:
        return is(b, x);
    case EX_IS_DISTINCT:
        return is_distinct(b, x);
    default:
        a = bind_expr(b, x->a);
        refuse_interval(b, a->type, x->at, "IN over values");
        if (x->query)
            return in_query(b, x, a);
        return x->b ? in_array(b, x, a) : in_list(b, x, a);
    }
}
