/* SPDX-License-Identifier: Apache-2.0 */
/* One expression: which file binds it, and what is true of all of them. */
#include "emulator/bigquery/sql/bind_interval.h"
#include "emulator/bigquery/sql/bind_query.h"

struct bexpr *bexpr_new(struct binder *b, const struct sql_type *t,
                        const char *sql, size_t at)
{
    struct bexpr *e = ARENA_NEW(b->mem, struct bexpr);

    e->type = t;
    e->sql = sql;
    e->at = at;
    return e;
}

void bexpr_merge(struct bexpr *to, const struct bexpr *from)
{
    to->is_agg |= from->is_agg;
    to->is_window |= from->is_window;
    if (from->ungrouped && !to->ungrouped) {
        to->ungrouped = from->ungrouped;
        to->ungrouped_at = from->ungrouped_at;
    }
}

struct bexpr *bexpr_over(struct binder *b, const struct sql_type *t,
                         const char *sql, const struct bexpr *l,
                         const struct bexpr *r, size_t at)
{
    struct bexpr *e = bexpr_new(b, t, sql, at);

    bexpr_merge(e, l);
    if (r)
        bexpr_merge(e, r);
    e->constant = l->constant && (!r || r->constant);
    return e;
}

/* Of a dry run: known by name, or by its number. */
static struct bexpr *undeclared(struct binder *b, const struct ast_expr *x)
{
    size_t n = b->n_undeclared, u = (size_t)x->n;
    struct sql_column *grown;
    struct bexpr *e;

    for (u = x->text.len ? 0 : u; x->text.len && u < n; u++) {
        if (str_ieq(b->undeclared[u].name, x->text))
            break;
    }
    if (u >= n) {
        grown = ARENA_ARRAY(b->mem, struct sql_column, u + 1);
        if (n)
            memcpy(grown, b->undeclared, n * sizeof(*grown));
        for (size_t i = n; i <= u; i++)
            grown[i].type = type_scalar(T_NULLTYPE);
        grown[u].name = x->text;
        b->undeclared = grown;
        b->n_undeclared = u + 1;
    }
    e = bexpr_new(b, b->undeclared[u].type, "NULL", x->at);
    e->param = (int)u + 1;
    e->literal = e->constant = true;
    return e;
}

static struct bexpr *bind_param(struct binder *b, const struct ast_expr *x)
{
    const struct sql_params *ps = b->params;
    struct bexpr *e;
    size_t i;

    for (i = 0; ps && i < ps->n; i++) {
        if (x->text.len ? str_ieq(ps->list[i].name, x->text)
                        : !ps->named && i == (size_t)x->n)
            break;
    }
    if (!ps || i == ps->n) {
        if (b->options->dry_run)
            return undeclared(b, x);
        if (x->text.len)
            bind_fail(b, x->at, "Query parameter '%.*s' not found",
                      STR_ARG(x->text));
        bind_fail(b, x->at, "Query parameter number %d not found: %zu given",
                  x->n + 1, ps ? ps->n : 0);
    }
    e = bexpr_new(b, ps->list[i].type, arena_printf(b->mem, "?%zu", i + 1),
                  x->at);
    e->literal = e->constant = true;
    return e;
}

static struct bexpr *scalar_subquery(struct binder *b, const struct ast_expr *x)
{
    struct bquery *q = bind_subquery(b, x->query);

    if (q->n_cols != 1)
        bind_fail(b, x->at,
                  "Scalar subquery cannot have more than one column unless "
                  "using SELECT AS STRUCT to build STRUCT values");
    /* SQLite takes the first of several rows; BigQuery refuses them. */
    return bexpr_new(
        b, q->cols[0].type,
        arena_cat(b->mem, "(SELECT bq_scalar(c1) FROM (", q->sql, "))", NULL),
        x->at);
}

static struct bexpr *array_subquery(struct binder *b, const struct ast_expr *x)
{
    struct bquery *q = bind_subquery(b, x->query);
    const struct sql_type *t;

    if (q->n_cols != 1)
        bind_fail(b, x->at,
                  "ARRAY subquery cannot have more than one column unless "
                  "using SELECT AS STRUCT to build STRUCT values");
    t = q->cols[0].type;
    if (t->kind == T_ARRAY)
        bind_fail(b, x->at,
                  "Cannot use array subquery with column of type "
                  "%s because nested arrays are not supported",
                  bind_type_name(b, t));
    return bexpr_new(
        b, type_array(b->mem, t),
        arena_printf(b->mem,
                     "(SELECT coalesce(bq_collect('A%c',c1),'[]') FROM (%s))",
                     t->kind == T_STRUCT ? 'r' : 's', q->sql),
        x->at);
}

static struct bexpr *exists(struct binder *b, const struct ast_expr *x)
{
    struct bquery *q = bind_subquery(b, x->query);

    return bexpr_new(b, type_scalar(T_BOOL),
                     arena_cat(b->mem, "EXISTS(", q->sql, ")", NULL), x->at);
}

static struct bexpr *bind_case(struct binder *b, const struct ast_expr *x)
{
    struct bexpr *when[400], *then[401], *operand = NULL, *out;
    const struct sql_type *t;
    const char *sql = "CASE";
    size_t n = 0, n_then;

    if (x->a)
        operand = bind_expr(b, x->a);
    for (const struct ast_expr *w = x->list; w; w = w->next->next, n++) {
        if (n == 400)
            bind_fail(b, w->at,
                      "Query is too complex: CASE of more than 400 "
                      "branches");
        when[n] = operand
                      ? bind_compare(b, "=", operand, bind_expr(b, w), w->at)
                      : bind_as(b, w, type_scalar(T_BOOL), "CASE");
        then[n] = bind_expr(b, w->next);
    }
    n_then = n;
    if (x->b)
        then[n_then++] = bind_expr(b, x->b);
    t = super_of(b, then, n_then);
    if (!t)
        bind_fail(b, x->at,
                  "No matching signature for operator CASE; all "
                  "THEN/ELSE arguments must be coercible to a "
                  "common type but found: %s and %s",
                  bind_type_name(b, then[0]->type),
                  bind_type_name(b, then[n_then - 1]->type));
    out = bexpr_new(b, t, NULL, x->at);
    out->constant = true;
    for (size_t i = 0; i < n_then; i++) {
        then[i] = coerce(b, then[i], t);
        bexpr_merge(out, then[i]);
        out->constant &= then[i]->constant;
    }
    for (size_t i = 0; i < n; i++) {
        bexpr_merge(out, when[i]);
        out->constant &= when[i]->constant;
        sql = arena_cat(b->mem, sql, " WHEN ", when[i]->sql, " THEN ",
                        then[i]->sql, NULL);
    }
    if (n_then > n && then[n]->is_case)
        sql = arena_cat(b->mem, sql, then[n]->sql + 4, NULL);
    else if (n_then > n)
        sql = arena_cat(b->mem, sql, " ELSE ", then[n]->sql, " END", NULL);
    else
        sql = arena_cat(b->mem, sql, " END", NULL);
    out->sql = sql;
    out->is_case = true;
    return out;
}

static bool has_parameters(const struct ast_type *t)
{
    if (!t)
        return false;
    for (const struct ast_type *f = t->fields; f; f = f->next) {
        if (has_parameters(f))
            return true;
    }
    return t->p1 >= 0 || has_parameters(t->elem);
}

/* NUMERIC(p, s) rounds, and all of them fail on what does not fit. */
static struct bexpr *fit(struct binder *b, struct bexpr *e,
                         const struct ast_type *t, bool safe)
{
    const char *call = safe ? "bqs" : "bq";
    long long scale = t->p2 > 0 ? t->p2 : 0;
    struct bexpr *out = bexpr_new(b, e->type, NULL, e->at);

    if (is_decimal(e->type)) {
        bool wide = e->type->kind == T_BIGNUMERIC;

        if (t->p1 < 1 || scale > (wide ? 38 : 9) || scale > t->p1 ||
            t->p1 - scale > (wide ? 38 : 29))
            bind_fail(b, t->at, "Invalid precision or scale of %s",
                      bind_type_name(b, e->type));
        out->sql = arena_printf(b->mem, "%s_fit_decimal(%s,%lld,%lld,'')", call,
                                e->sql, (long long)t->p1, scale);
    } else if (e->type->kind == T_STRING || e->type->kind == T_BYTES) {
        out->sql = arena_printf(b->mem, "%s_max_length(%s,%lld,'')", call,
                                e->sql, (long long)t->p1);
    } else {
        bind_fail(b, t->at, "%s does not support type parameters",
                  bind_type_name(b, e->type));
    }
    out->constant = e->constant;
    bexpr_merge(out, e);
    return out;
}

/* BYTES to STRING or back; NULL: not by this model. */
static struct bexpr *cast_bytes(struct binder *b, const struct ast_expr *x,
                                struct bexpr *e, const struct sql_type *t)
{
    struct str model = x->b->text;
    const char *to = t->kind == T_BYTES ? "from" : "to", *what = NULL;
    struct bexpr *out;

    if (x->b->kind != EX_STRING)
        return NULL;
    if (str_ieq(model, STR("UTF-8")) || str_ieq(model, STR("UTF8")))
        return bind_cast(b, e, t, x->flag, x->at);
    if (str_ieq(model, STR("HEX")))
        what = "hex";
    else if (str_ieq(model, STR("BASE64")))
        what = "base64";
    if (!what)
        return NULL;
    out = bexpr_new(b, t,
                    arena_printf(b->mem, "%s_%s_%s(%s)", x->flag ? "bqs" : "bq",
                                 to, what, e->sql),
                    x->at);
    out->constant = e->constant;
    bexpr_merge(out, e);
    return out;
}

static struct bexpr *cast_format(struct binder *b, const struct ast_expr *x,
                                 struct bexpr *e, const struct sql_type *t)
{
    static const char letters[] = "DMCT";
    static const enum sql_type_kind kinds[] = {T_DATE, T_DATETIME, T_TIME,
                                               T_TIMESTAMP};
    struct bexpr *model = coerce(b, bind_expr(b, x->b), type_scalar(T_STRING));
    struct bexpr *zone =
        x->c ? coerce(b, bind_expr(b, x->c), type_scalar(T_STRING)) : NULL;
    struct bexpr *out = NULL;
    char letter = 0;

    for (size_t i = 0; i < 4; i++)
        if (e->type->kind == kinds[i] && t->kind == T_STRING)
            letter = letters[i];
    if (!model || (x->c && !zone))
        bind_fail(b, x->b->at, "FORMAT and AT TIME ZONE take a STRING");
    if (zone && letter != 'T')
        bind_fail(b, x->c->at, "AT TIME ZONE is for a TIMESTAMP alone");
    if ((e->type->kind == T_BYTES && t->kind == T_STRING) ||
        (e->type->kind == T_STRING && t->kind == T_BYTES))
        out = cast_bytes(b, x, e, t);
    if (out)
        return out;
    if (!letter || x->type->p1 >= 0)
        bind_refuse(b, x->b->at, "CAST of %s to %s with this FORMAT",
                    bind_type_name(b, e->type), bind_type_name(b, t));
    out = bexpr_new(b, t,
                    arena_printf(b->mem, "%s_cast_format('%c',%s,%s,%s)",
                                 x->flag ? "bqs" : "bq", letter, model->sql,
                                 e->sql, zone ? zone->sql : bind_zone(b)),
                    x->at);
    out->constant = e->constant && model->constant && (!zone || zone->constant);
    bexpr_merge(out, e);
    bexpr_merge(out, model);
    if (zone)
        bexpr_merge(out, zone);
    return out;
}

static struct bexpr *cast(struct binder *b, const struct ast_expr *x)
{
    struct bexpr *e = bind_expr(b, x->a);
    const struct sql_type *t = bind_ast_type(b, x->type);

    if (x->b)
        return cast_format(b, x, e, t);
    if (x->type->p1 < 0 && has_parameters(x->type))
        bind_refuse(b, x->type->at,
                    "CAST to an ARRAY or STRUCT of a parameterized type");
    e = bind_cast(b, e, t, x->flag, x->at);
    return x->type->p1 < 0 ? e : fit(b, e, x->type, x->flag);
}

static struct bexpr *tuple(struct binder *b, const struct ast_expr *x)
{
    struct ast_expr s = *x;

    s.kind = EX_STRUCT;
    return bind_struct(b, &s);
}

static struct bexpr *dispatch(struct binder *b, const struct ast_expr *x)
{
    switch (x->kind) {
    case EX_NULL:
    case EX_BOOL:
    case EX_INT:
    case EX_FLOAT:
    case EX_STRING:
    case EX_BYTES:
    case EX_TYPED:
        return bind_literal(b, x);
    case EX_PARAM:
        return bind_param(b, x);
    case EX_NAME:
    case EX_DOT:
        return bind_name(b, x);
    case EX_INDEX:
        return bind_index(b, x);
    case EX_CALL:
    case EX_EXTRACT:
        return bind_call(b, x);
    case EX_CAST:
        return cast(b, x);
    case EX_CASE:
        return bind_case(b, x);
    case EX_UNARY:
        return bind_unary(b, x);
    case EX_BINARY:
        return bind_binary(b, x);
    case EX_BETWEEN:
    case EX_IN:
    case EX_LIKE:
    case EX_IS:
    case EX_IS_DISTINCT:
        return bind_predicate(b, x);
    case EX_EXISTS:
        return exists(b, x);
    case EX_SUBQUERY:
        return scalar_subquery(b, x);
    case EX_ARRAY_QUERY:
        return array_subquery(b, x);
    case EX_ARRAY:
        return bind_array(b, x);
    case EX_STRUCT:
        return bind_struct(b, x);
    case EX_TUPLE:
        return tuple(b, x);
    case EX_INTERVAL:
        return interval_value(b, x);
    case EX_DEFAULT:
        bind_fail(b, x->at, "Unexpected keyword DEFAULT");
    default:
        bind_fail(b, x->at, "Unexpected expression");
    }
}

static const struct group_key *group_key(const struct scope *s,
                                         const struct bexpr *e)
{
    const struct group_key *found = NULL;

    for (size_t i = 0; i < s->n_keys; i++) {
        if (!strcmp(s->keys[i].sql, e->sql))
            found = &s->keys[i];
    }
    return found;
}

/* A number or an alias in GROUP BY made just this item a key. */
static bool is_named_key(const struct scope *s, const struct ast_expr *x)
{
    for (size_t i = 0; i < s->n_keys; i++) {
        if (s->keys[i].from == x)
            return true;
    }
    return false;
}

/* With keys left out of the grouping set: the whole expression may be a key,
 * and only if it is none are its parts looked at. An expression whose columns
 * are all keys themselves is made of those, though it be a key as well. */
static struct bexpr *as_whole_key(struct binder *b, const struct ast_expr *x)
{
    struct scope *s = b->scope;
    unsigned own = s->own_refs, bare = s->bare_refs;
    const struct group_key *key;
    struct bexpr *e;

    s->raw = true;
    e = dispatch(b, x);
    s->raw = false;
    key = group_key(s, e);
    if (!key)
        return NULL;
    if (x->kind != EX_NAME && x->kind != EX_DOT && s->own_refs != own &&
        s->bare_refs == bare && !is_named_key(s, x))
        return NULL;
    if (key->dropped)
        return bexpr_new(b, e->type, "NULL", e->at);
    e->ungrouped = NULL;
    return e;
}

struct bexpr *bind_expr(struct binder *b, const struct ast_expr *x)
{
    struct scope *s = b->scope;
    bool keyed = s && s->grouped && !s->in_agg && s->n_keys;
    struct bexpr *e = NULL;

    if (++b->depth > 600)
        bind_fail(b, x->at, "Query is too complex: nested too deeply");
    if (keyed && s->any_dropped && !s->raw && !has_aggregate(x))
        e = as_whole_key(b, x);
    if (!e) {
        e = dispatch(b, x);
        if (keyed && group_key(s, e))
            e->ungrouped = NULL;
    }
    b->depth--;
    return e;
}

struct bexpr *bind_as(struct binder *b, const struct ast_expr *x,
                      const struct sql_type *t, const char *what)
{
    struct bexpr *e = bind_expr(b, x), *out = coerce(b, e, t);

    if (!out)
        bind_fail(b, x->at, "%s should return type %s, but returns %s", what,
                  bind_type_name(b, t), bind_type_name(b, e->type));
    return out;
}
