/* SPDX-License-Identifier: Apache-2.0 */
/* Queries around SELECT: WITH, set operations, their ORDER BY, LIMIT. */
#include "emulator/bigquery/sql/bind_expr.h"
#include "emulator/bigquery/sql/bind_query.h"

#include <stdlib.h>

const char *lift(struct binder *b, const struct bquery *q)
{
    struct lifted *l;

    if (q->correlated)
        return arena_cat(b->mem, "(", q->sql, ")", NULL);
    l = ARENA_NEW(b->mem, struct lifted);
    l->name = arena_printf(b->mem, "q%d", ++b->next_id);
    l->sql = q->sql;
    *b->lifted_tail = l;
    b->lifted_tail = &l->next;
    return l->name;
}

static const char *limit_value(struct binder *b, const struct ast_expr *x,
                               const char *what)
{
    struct bexpr *e;

    if (x->kind != EX_INT && x->kind != EX_PARAM && x->kind != EX_CAST &&
        x->kind != EX_UNARY)
        bind_fail(b, x->at,
                  "Syntax error: %s expects an integer literal or "
                  "parameter",
                  what);
    e = bind_as(b, x, type_scalar(T_INT64), what);
    if (e->negative)
        bind_fail(b, x->at,
                  "%s expects a non-negative integer literal or "
                  "parameter",
                  what);
    return e->lit ? e->sql : arena_cat(b->mem, "bq_limit(", e->sql, ")", NULL);
}

const char *limit_sql(struct binder *b, const struct ast_query *q)
{
    const char *sql;

    if (!q || !q->limit)
        return "";
    b->stmt->limited = true;
    sql = arena_cat(b->mem, " LIMIT ", limit_value(b, q->limit, "LIMIT"), NULL);
    if (q->offset)
        sql = arena_cat(b->mem, sql, " OFFSET ",
                        limit_value(b, q->offset, "OFFSET"), NULL);
    return sql;
}

static struct bquery *bind_body(struct binder *b, const struct ast_body *body,
                                const struct ast_query *q, struct scope *outer,
                                const struct sql_type *const *want);

/* The side with its columns made of the types that both sides share. */
static const char *side_sql(struct binder *b, struct bquery *side,
                            const struct out_col *cols, size_t n)
{
    const char *sql = "SELECT ";
    bool same = true;

    for (size_t i = 0; i < n; i++) {
        struct bexpr e = {.type = side->cols[i].type,
                          .sql = arena_printf(b->mem, "c%zu", i + 1),
                          .literal = side->cols[i].literal};
        struct bexpr *c = coerce(b, &e, cols[i].type);
        if (!c)
            return NULL;
        same &= c == &e || e.type->kind == T_NULLTYPE;
        sql = arena_cat(b->mem, sql, i ? "," : "", c->sql, " AS ", e.sql, NULL);
    }
    if (same)
        return arena_cat(b->mem, "SELECT * FROM ", lift(b, side), NULL);
    return arena_cat(b->mem, sql, " FROM ", lift(b, side), NULL);
}

static void common_columns(struct binder *b, const struct ast_body *body,
                           const struct bquery *l, const struct bquery *r,
                           struct out_col *cols)
{
    if (l->n_cols != r->n_cols)
        bind_fail(
            b, body->right->at,
            "Queries in %s have mismatched column "
            "count; query 1 has %zu column%s, query "
            "2 has %zu column%s",
            arena_cat(b->mem, body->op, body->all ? " ALL" : " DISTINCT", NULL),
            l->n_cols, l->n_cols == 1 ? "" : "s", r->n_cols,
            r->n_cols == 1 ? "" : "s");
    for (size_t i = 0; i < l->n_cols; i++) {
        struct bexpr x = {.type = l->cols[i].type,
                          .literal = l->cols[i].literal};
        struct bexpr y = {.type = r->cols[i].type,
                          .literal = r->cols[i].literal};
        struct bexpr *pair[2] = {&x, &y};
        cols[i] = l->cols[i];
        cols[i].ref = -1;
        cols[i].literal = x.literal && y.literal;
        cols[i].type = super_of(b, pair, 2);
        if (!cols[i].type)
            bind_fail(b, body->right->at,
                      "Column %zu in %s has incompatible "
                      "types: %s, %s",
                      i + 1,
                      arena_cat(b->mem, body->op,
                                body->all ? " ALL" : " DISTINCT", NULL),
                      bind_type_name(b, x.type), bind_type_name(b, y.type));
        if (!body->all && !type_is_groupable(cols[i].type))
            bind_fail(b, body->right->at,
                      "Column %zu in %s DISTINCT has type "
                      "that does not support set "
                      "operation comparisons: %s",
                      i + 1, body->op, bind_type_name(b, cols[i].type));
    }
}

static struct bquery *bind_set(struct binder *b, const struct ast_body *body,
                               struct scope *outer)
{
    struct bquery *l = bind_body(b, body->left, NULL, outer, NULL);
    struct bquery *r = bind_body(b, body->right, NULL, outer, NULL);
    struct bquery *out = ARENA_NEW(b->mem, struct bquery);
    const char *ls, *rs;

    out->cols = ARENA_ARRAY(b->mem, struct out_col, l->n_cols);
    out->n_cols = l->n_cols;
    out->value_table = l->value_table && r->value_table;
    common_columns(b, body, l, r, out->cols);
    out->correlated = l->correlated || r->correlated;
    ls = side_sql(b, l, out->cols, l->n_cols);
    rs = side_sql(b, r, out->cols, l->n_cols);
    if (!ls || !rs)
        bind_fail(b, body->at, "Queries in %s have incompatible types",
                  body->op);
    out->sql = arena_cat(b->mem, ls, " ", body->op, body->all ? " ALL " : " ",
                         rs, NULL);
    return out;
}

static struct bquery *bind_body(struct binder *b, const struct ast_body *body,
                                const struct ast_query *q, struct scope *outer,
                                const struct sql_type *const *want)
{
    struct bquery *out;

    if (++b->depth > 400)
        bind_fail(b, body->at, "Query is too complex: nested too deeply");
    if (body->kind == BODY_SELECT)
        out = bind_select(b, body->select, q, outer, want);
    else if (body->kind == BODY_QUERY)
        out = bind_query(b, body->query, outer, want);
    else
        out = bind_set(b, body, outer);
    b->depth--;
    return out;
}

/* What such an ORDER BY sees: the columns, or the fields of a value table. */
static struct rel *ordered_rel(struct binder *b, struct scope *s,
                               const struct bquery *q)
{
    const struct sql_type *t = q->cols[0].type;
    bool fields = q->value_table && t->kind == T_STRUCT;
    struct rel *r = scope_add_rel(b, s, STR_NULL);

    r->n_cols = fields ? t->n_fields : q->n_cols;
    r->cols = ARENA_ARRAY(b->mem, struct col, r->n_cols);
    if (fields) {
        r->value_type = t;
        r->value_sql = "c1";
    }
    for (size_t i = 0; i < r->n_cols; i++) {
        struct col *c = &r->cols[i];
        *c = (struct col){.ref = -1};
        c->name = fields ? t->fields[i].name : q->cols[i].name;
        c->type = fields ? t->fields[i].type : q->cols[i].type;
        c->sql = fields ? arena_printf(b->mem, "bq_field(c1,%zu)", i)
                        : arena_printf(b->mem, "c%zu", i + 1);
        scope_add_star(b, s, c);
    }
    return r;
}

/* ORDER BY and LIMIT of what is not one plain SELECT. */
static void outer_order(struct binder *b, const struct ast_query *q,
                        struct bquery *out, struct scope *outer)
{
    struct scope *s = scope_new(b, outer), *saved = b->scope;
    const char *sql = arena_cat(b->mem, "SELECT * FROM ", lift(b, out), NULL);
    struct rel *r = ordered_rel(b, s, out);
    int n = 0;

    s->clause = "ORDER BY clause after a set operation";
    b->scope = s;
    for (const struct ast_order *o = q->order; o; o = o->next) {
        struct bexpr *e = bind_expr(b, o->expr);
        if (o->expr->kind == EX_INT) {
            long at = strtol(e->sql, NULL, 10);
            if (at < 1 || (size_t)at > out->n_cols)
                bind_fail(b, o->expr->at,
                          "ORDER BY column number item is out "
                          "of range. Expected a number "
                          "between 1 and %zu",
                          out->n_cols);
            e = r->value_type ? rel_value(b, r, o->expr->at)
                              : bind_col(b, &r->cols[at - 1], o->expr->at);
        }
        if (!type_is_orderable(e->type))
            bind_fail(b, o->expr->at,
                      "ORDER BY does not support expressions "
                      "of type %s",
                      bind_type_name(b, e->type));
        sql = arena_cat(b->mem, sql, n++ ? "," : " ORDER BY ",
                        order_key_sql(b, e, o->desc, o->nulls), NULL);
    }
    b->scope = saved;
    out->sql = arena_cat(b->mem, sql, limit_sql(b, q), NULL);
}

static void add_cte(struct binder *b, const struct ast_cte *c,
                    const struct bquery *q, const char *name)
{
    struct cte *n = ARENA_NEW(b->mem, struct cte);

    n->name = c->name;
    n->cols = q->cols;
    n->n_cols = q->n_cols;
    n->sql_name = name;
    n->value_table = q->value_table;
    n->next = b->ctes;
    b->ctes = n;
}

static bool refers(const struct ast_from *f, struct str name)
{
    if (!f)
        return false;
    if (f->kind == FROM_TABLE && f->path.n == 1 &&
        str_ieq(f->path.part[0], name))
        return true;
    if (f->kind == FROM_JOIN)
        return refers(f->left, name) || refers(f->right, name);
    return false;
}

/* base UNION ALL step. A hidden column counts the rounds, so that a recursion
 * without an end is refused at 500 as BigQuery does. */
static void recursive_cte(struct binder *b, const struct ast_cte *c,
                          struct scope *outer)
{
    const struct ast_body *body = c->query->body;
    const char *name = arena_printf(b->mem, "r%d", ++b->next_id), *cols = "";
    const struct sql_type **want;
    struct bquery *base, *step, named;
    struct lifted *l;
    struct cte *self;

    if (body->kind != BODY_SET || body->op[0] != 'U' || c->query->order ||
        c->query->limit)
        bind_refuse(b, c->at,
                    "A recursive CTE that is not one non-recursive "
                    "term UNION ALL one recursive term");
    base = bind_body(b, body->left, NULL, outer, NULL);
    want = ARENA_ARRAY(b->mem, const struct sql_type *, base->n_cols + 1);
    for (size_t i = 0; i < base->n_cols; i++) {
        base->cols[i].type = type_settled(b->mem, base->cols[i].type);
        want[i] = base->cols[i].type;
        cols = arena_printf(b->mem, "%s%sc%zu", cols, i ? "," : "", i + 1);
    }
    named = *base;
    for (size_t i = 0; i < base->n_cols; i++)
        named.cols[i].literal = false;
    add_cte(b, c, &named, name);
    self = b->ctes;
    self->recursive_open = true;
    if (body->right->kind != BODY_SELECT ||
        !refers(body->right->select->from, c->name) ||
        body->right->select->distinct || body->right->select->qualify)
        bind_refuse(b, c->at,
                    "A recursive term that does not read %.*s in "
                    "the FROM of one plain SELECT",
                    STR_ARG(c->name));
    b->recursion_seen = false;
    b->recursion_counts = body->all;
    step = bind_body(b, body->right, NULL, outer, want);
    b->recursion_seen = false;
    if (step->n_cols != base->n_cols)
        bind_fail(b, body->right->at,
                  "Queries in UNION ALL have mismatched "
                  "column count; query 1 has %zu columns, "
                  "query 2 has %zu columns",
                  base->n_cols, step->n_cols);
    self->recursive_open = false;
    b->recursive = true;
    l = ARENA_NEW(b->mem, struct lifted);
    l->name =
        arena_printf(b->mem, "%s(%s%s)", name, cols, body->all ? ",depth" : "");
    l->sql = arena_cat(b->mem, "SELECT *", body->all ? ",0" : "", " FROM (",
                       base->sql, ") UNION ", body->all ? "ALL " : "",
                       step->sql, NULL);
    *b->lifted_tail = l;
    b->lifted_tail = &l->next;
}

static bool reads_itself(const struct ast_cte *c)
{
    const struct ast_body *body = c->query->body;

    return body->kind == BODY_SET && body->right->kind == BODY_SELECT &&
           refers(body->right->select->from, c->name);
}

static void bind_with(struct binder *b, const struct ast_query *q,
                      struct scope *outer)
{
    for (const struct ast_cte *c = q->with; c; c = c->next) {
        struct bquery *body;
        for (const struct ast_cte *d = q->with; d != c; d = d->next) {
            if (str_ieq(d->name, c->name))
                bind_fail(b, c->at, "Duplicate alias %.*s for WITH subquery",
                          STR_ARG(c->name));
        }
        if (q->recursive && reads_itself(c)) {
            recursive_cte(b, c, outer);
            continue;
        }
        body = bind_query(b, c->query, outer, NULL);
        add_cte(b, c, body, lift(b, body));
    }
}

struct bquery *bind_query(struct binder *b, const struct ast_query *q,
                          struct scope *outer,
                          const struct sql_type *const *want)
{
    struct cte *saved = b->ctes;
    bool seen = b->recursion_seen, plain = q->body->kind == BODY_SELECT;
    struct bquery *out;

    b->recursion_seen = false;
    bind_with(b, q, outer);
    out = bind_body(b, q->body, plain ? q : NULL, outer, want);
    if (!plain && (q->order || q->limit))
        outer_order(b, q, out, outer);
    if (b->recursion_seen)
        out->correlated = true; /* must stay inside the recursive term */
    b->recursion_seen |= seen;
    b->ctes = saved;
    return out;
}

struct bquery *bind_subquery(struct binder *b, const struct ast_query *q)
{
    struct str text = str_of(b->text.p + q->at, q->end - q->at);
    struct scope *s = b->scope;
    struct memo *m;

    for (m = s ? s->memo : NULL; m; m = m->next) {
        if (str_eq(m->text, text) && m->saw_aliases == (s->n_aliases > 0))
            return m->bound;
    }
    m = ARENA_NEW(b->mem, struct memo);
    m->text = text;
    m->saw_aliases = s && s->n_aliases;
    m->bound = bind_query(b, q, s, NULL);
    if (s) {
        m->next = s->memo;
        s->memo = m;
    }
    return m->bound;
}
