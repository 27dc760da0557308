/* SPDX-License-Identifier: Apache-2.0 */
/* Aggregates: where they may stand, and their SQLite text. Those that sort,
 * cut or collect go through one function, bq_collect, steered by a text. */
#include "emulator/bigquery/sql/bind_expr.h"

#include "emulator/bigquery/sql/bind_agg.h"

static const struct signature aggregates[] = {
#define SIG(name, args, sql) {name, args, sql},
#include "emulator/bigquery/sql/aggregates.def"
#undef SIG
};
enum {
    N_AGGREGATES = sizeof(aggregates) / sizeof(*aggregates)
};

bool is_aggregate_name(struct str name)
{
    size_t first, last;
    return signature_find(aggregates, N_AGGREGATES, name, &first, &last);
}

static bool any_aggregate(const struct ast_expr *list)
{
    for (; list; list = list->next) {
        if (has_aggregate(list))
            return true;
    }
    return false;
}

bool has_aggregate(const struct ast_expr *x)
{
    if (!x)
        return false;
    if (x->kind == EX_CALL && !x->call->over && is_aggregate_name(x->text))
        return true;
    if (x->kind == EX_CALL && x->call->over) {
        const struct ast_window *w = x->call->over;
        if (any_aggregate(w->partition))
            return true;
        for (const struct ast_order *o = w->order; o; o = o->next) {
            if (has_aggregate(o->expr))
                return true;
        }
    }
    return has_aggregate(x->a) || has_aggregate(x->b) ||
           ((x->kind != EX_BINARY || !x->list) && has_aggregate(x->c)) ||
           any_aggregate(x->list);
}

const char *sort_sql(struct binder *b, const struct bexpr *e)
{
    if (e->constant || (e->type->kind == T_BOOL && !e->column))
        return arena_cat(b->mem, e->sql, "+0", NULL);
    return e->sql;
}

const char *order_key_sql(struct binder *b, const struct bexpr *e, bool desc,
                          int nulls)
{
    const char *tail = arena_cat(b->mem, desc ? " DESC" : "",
                                 nulls == 1   ? " NULLS FIRST"
                                 : nulls == 2 ? " NULLS LAST"
                                              : "",
                                 NULL);

    if (is_decimal(e->type))
        return arena_cat(b->mem, e->sql, " COLLATE bq_num", tail, NULL);
    if (e->type->kind != T_FLOAT64)
        return arena_cat(b->mem, sort_sql(b, e), tail, NULL);
    /* NaN, stored as text, comes before all numbers. */
    return arena_cat(b->mem, "CASE typeof(", e->sql,
                     ") WHEN 'null' THEN NULL WHEN 'text' THEN 0 ELSE 1 END",
                     tail, ",", e->sql, tail, NULL);
}

/* Options and keys of bq_collect: 'A' letter, 's'/'r' nested values, then
 * flags; each key is k, a/d, f/l (nulls), b/n (plain or decimal). */
static void collect_order(struct binder *b, const struct ast_call *c,
                          const char **options, const char **keys,
                          struct bexpr *out)
{
    for (const struct ast_order *o = c->order; o; o = o->next) {
        struct bexpr *e = bind_expr(b, o->expr);
        bool decimal = is_decimal(e->type);
        bool nulls_first = o->nulls ? o->nulls == 1 : !o->desc;
        if (!type_is_orderable(e->type))
            bind_fail(b, o->expr->at,
                      "ORDER BY does not support expressions "
                      "of type %s",
                      bind_type_name(b, e->type));
        *options =
            arena_cat(b->mem, *options, "k", o->desc ? "d" : "a",
                      nulls_first ? "f" : "l", decimal ? "n" : "b", NULL);
        *keys = arena_cat(b->mem, *keys, ",", e->sql, NULL);
        bexpr_merge(out, e);
    }
}

static const struct sql_type *top_type(struct binder *b,
                                       const struct sql_type *t, char letter)
{
    struct sql_field *f = ARENA_ARRAY(b->mem, struct sql_field, 2);

    f[0] = (struct sql_field){STR("value"), t};
    f[1] = (struct sql_field){letter == 'U' ? STR("sum") : STR("count"),
                              type_scalar(T_INT64)};
    return type_array(b->mem, type_struct(b->mem, f, 2));
}

static void check_separator(struct binder *b, const struct ast_expr *x,
                            const struct bexpr *e)
{
    if (x->kind == EX_NULL)
        bind_fail(b, x->at, "Argument 2 to STRING_AGG must be non-NULL");
    if (!e->constant)
        bind_fail(b, x->at,
                  "Argument 2 to STRING_AGG must be a literal or query "
                  "parameter");
}

struct bexpr *collect_call(struct binder *b, const struct ast_expr *x,
                           struct bexpr *base, struct bexpr **args, size_t n)
{
    const struct ast_call *c = x->call;
    char letter = base->sql[1];
    bool nested =
        args[0]->type->kind == T_STRUCT || args[0]->type->kind == T_ARRAY;
    bool decimal = is_decimal(args[0]->type);
    const char *options, *keys = "", *values = "";
    long limit;

    if (n == 2 && (letter == 'S' || letter == 'B'))
        check_separator(b, x->list->next, args[1]);
    options = arena_printf(b->mem, "%c%c%s%s%s", letter, nested ? 'r' : 's',
                           c->distinct ? "d" : "",
                           c->nulls == 1   ? "i"
                           : c->nulls == 2 ? "r"
                                           : "",
                           decimal ? "n" : "");
    if (c->limit) {
        struct bexpr *l = bind_as(b, c->limit, type_scalar(T_INT64), "LIMIT");
        if (!l->lit || l->negative)
            bind_fail(b, c->limit->at,
                      "LIMIT in an aggregate must be a "
                      "non-negative integer literal");
        limit = strtol(l->sql, NULL, 10);
        options = arena_printf(b->mem, "%sl%ld;", options, limit);
    }
    if (c->distinct && c->order)
        for (const struct ast_order *o = c->order; o; o = o->next) {
            if (strcmp(bind_expr(b, o->expr)->sql, args[0]->sql))
                bind_fail(b, o->expr->at,
                          "An aggregate function that has both DISTINCT and "
                          "ORDER BY arguments can only ORDER BY expressions "
                          "that are arguments to the function");
        }
    if (args[0]->type->kind == T_ARRAY && letter == 'A')
        bind_fail(b, x->at,
                  "The argument to ARRAY_AGG must not be an array "
                  "type but was %s",
                  bind_type_name(b, args[0]->type));
    collect_order(b, c, &options, &keys, base);
    for (size_t i = 0; i < n; i++)
        values = arena_cat(b->mem, values, ",", args[i]->sql, NULL);
    base->sql = arena_cat(b->mem, "bq_collect('", options, "'", values, keys,
                          ")", NULL);
    if (letter == 'T' || letter == 'U')
        base->type = top_type(b, args[0]->type, letter);
    return base;
}

static struct bexpr *count_star(struct binder *b, const struct ast_expr *x)
{
    return bexpr_new(b, type_scalar(T_INT64), "count(*)", x->at);
}

/* Over outer columns alone SQLite would aggregate in the outer query; the
 * argument then names a column of this one as well. */
static void keep_inside(struct binder *b, const struct ast_expr *x,
                        struct bexpr *e, unsigned own, unsigned outer)
{
    struct scope *s = b->scope;

    if (!s || s->own_refs != own || s->outer_refs == outer)
        return;
    if (!s->n_star)
        bind_refuse(b, x->at,
                    "An aggregate function of outer columns in a query "
                    "without FROM");
    e->sql = arena_cat(b->mem, "CASE WHEN 1 THEN ", e->sql, " ELSE ",
                       s->star[0]->sql, " END", NULL);
}

/* The value in the row where the key is greatest (or least). */
static struct bexpr *value_at(struct binder *b, const struct ast_expr *value,
                              const struct ast_expr *key, bool greatest,
                              size_t at)
{
    unsigned own = b->scope ? b->scope->own_refs : 0;
    unsigned outer = b->scope ? b->scope->outer_refs : 0;
    struct bexpr *v = bind_expr(b, value), *k = bind_expr(b, key);
    bool decimal = is_decimal(k->type);

    if (!type_is_orderable(k->type))
        bind_fail(b, key->at, "%s is not defined for arguments of type %s",
                  greatest ? "MAX" : "MIN", bind_type_name(b, k->type));
    keep_inside(b, value, v, own, outer);
    return bexpr_new(b, v->type,
                     arena_printf(b->mem, "bq_collect('1sk%cl%c',%s,%s)",
                                  greatest ? 'd' : 'a', decimal ? 'n' : 'b',
                                  v->sql, k->sql),
                     at);
}

/* ANY_VALUE(x HAVING MAX y), MAX_BY(x, y) and their like; else NULL. */
static struct bexpr *by_key(struct binder *b, const struct ast_expr *x)
{
    const struct ast_call *c = x->call;
    bool max_by = str_eq(x->text, STR("MAX_BY"));

    if (max_by || str_eq(x->text, STR("MIN_BY"))) {
        if (x->n != 2 || c->distinct || c->order || c->limit || c->having)
            bind_fail(b, x->at,
                      "No matching signature for aggregate function %.*s. "
                      "Supported signature: %.*s(ANY, ANY)",
                      STR_ARG(x->text), STR_ARG(x->text));
        return value_at(b, x->list, x->list->next, max_by, x->at);
    }
    if (!c->having || !str_eq(x->text, STR("ANY_VALUE")))
        return NULL;
    return value_at(b, x->list, c->having, c->having_max, x->at);
}

/* SUM(x HAVING MAX y) and its like, of the aggregate `e` as it is without: all
 * rows with the greatest y that is not NULL. */
static struct bexpr *having(struct binder *b, const struct ast_expr *x,
                            struct bexpr *e, struct bexpr *arg)
{
    const struct ast_call *c = x->call;
    const struct total *t = total_of(e->sql);
    bool count = str_eq(x->text, STR("COUNT")), nested;
    bool array = str_eq(x->text, STR("ARRAY_AGG"));
    struct bexpr *key = bind_expr(b, c->having);
    const char *all;

    if ((!t && !count && !array) || c->distinct || c->order || c->limit ||
        c->nulls || c->over)
        bind_refuse(b, x->at, "HAVING MAX/MIN in this %.*s", STR_ARG(x->text));
    if (array && arg->type->kind == T_ARRAY)
        bind_fail(b, x->at,
                  "The argument to ARRAY_AGG must not be an array type but "
                  "was %s",
                  bind_type_name(b, arg->type));
    if (!type_is_orderable(key->type))
        bind_fail(b, c->having->at,
                  "%s is not defined for arguments of type %s",
                  c->having_max ? "MAX" : "MIN", bind_type_name(b, key->type));
    nested = arg->type->kind == T_STRUCT || arg->type->kind == T_ARRAY;
    all = arena_printf(b->mem, "bq_collect('A%c%shk%cl%c',%s,%s)",
                       nested ? 'r' : 's', is_decimal(arg->type) ? "n" : "",
                       c->having_max ? 'd' : 'a',
                       is_decimal(key->type) ? 'n' : 'b', arg->sql, key->sql);
    if (count)
        e->sql =
            arena_cat(b->mem, "coalesce(bq_total('#c',", all, "),0)", NULL);
    else
        e->sql =
            t ? arena_cat(b->mem, "bq_total('", t->kind, "',", all, ")", NULL)
              : all;
    bexpr_merge(e, key);
    return e;
}

/* The call itself, with or without OVER behind it. */
struct bexpr *aggregate_call(struct binder *b, const struct ast_expr *x)
{
    const struct ast_call *c = x->call;
    unsigned own = b->scope ? b->scope->own_refs : 0;
    unsigned outer = b->scope ? b->scope->outer_refs : 0;
    struct bexpr *args[4], *e;
    size_t n = 0;

    e = by_key(b, x);
    if (e)
        return e;
    if (x->n == 1 && x->list->kind == EX_STAR) {
        if (!str_eq(x->text, STR("COUNT")) || c->distinct)
            bind_fail(b, x->list->at,
                      "Argument * can only be used in "
                      "COUNT(*)");
        return count_star(b, x);
    }
    for (const struct ast_expr *a = x->list; a; a = a->next) {
        if (n == 4)
            bind_fail(b, x->at,
                      "Too many arguments for aggregate function "
                      "%.*s",
                      STR_ARG(x->text));
        args[n++] = bind_expr(b, a);
    }
    if (n && b->scope)
        keep_inside(b, x, args[0], own, outer);
    if (c->distinct && n && !type_is_groupable(args[0]->type))
        bind_fail(b, x->at,
                  "Aggregate functions with DISTINCT cannot be used "
                  "with arguments of type %s",
                  bind_type_name(b, args[0]->type));
    e = resolve_call(b, x, aggregates, N_AGGREGATES, args, n,
                     c->distinct ? "DISTINCT " : "");
    if (c->having)
        return having(b, x, e, args[0]);
    if (e->sql[0] == '!')
        return collect_call(b, x, e, args, n);
    if (c->order || c->limit)
        bind_fail(b, x->at,
                  "%.*s does not support ORDER BY or LIMIT in "
                  "arguments",
                  STR_ARG(x->text));
    if (c->nulls && !str_eq(x->text, STR("ANY_VALUE")))
        bind_fail(b, x->at,
                  "IGNORE NULLS and RESPECT NULLS are not allowed "
                  "for aggregate function %.*s",
                  STR_ARG(x->text));
    if (c->distinct && str_eq(x->text, STR("COUNTIF")))
        bind_refuse(b, x->at, "COUNTIF(DISTINCT)");
    if ((str_eq(x->text, STR("MIN")) || str_eq(x->text, STR("MAX"))) &&
        !type_is_orderable(e->type))
        bind_fail(b, x->at, "%.*s is not defined for arguments of type %s",
                  STR_ARG(x->text), bind_type_name(b, e->type));
    return e;
}

struct bexpr *bind_aggregate(struct binder *b, const struct ast_expr *x)
{
    struct scope *s = b->scope;
    struct bexpr *e;

    if (s && s->in_agg)
        bind_fail(b, x->at, "Aggregations of aggregations are not allowed");
    if (!s || !s->agg_allowed)
        bind_fail(b, x->at, "Aggregate function %.*s not allowed in %s",
                  STR_ARG(x->text), s && s->clause ? s->clause : "this place");
    if (x->call->safe)
        bind_refuse(b, x->at, "SAFE. before an aggregate function");
    s->in_agg = true;
    e = aggregate_call(b, x);
    s->in_agg = false;
    e->ungrouped = NULL;
    e->is_agg = true;
    e->literal = e->constant = false;
    return e;
}
