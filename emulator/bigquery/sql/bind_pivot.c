/* SPDX-License-Identifier: Apache-2.0 */
/* PIVOT and UNPIVOT (page "Query syntax"), as the SELECT that says the same:
 * grouped aggregates of CASE, and a row for each number of an array.
 *
 * The table is bound once, as SELECT *, and stands under a name of its own in
 * the new SELECT. */
#include "emulator/bigquery/sql/bind_expr.h"
#include "emulator/bigquery/sql/bind_pivot.h"
#include "emulator/bigquery/sql/bind_query.h"

struct ast_expr *pivot_node(struct pivoting *r, enum expr_kind kind, size_t at)
{
    struct ast_expr *x = ARENA_NEW(r->b->mem, struct ast_expr);

    x->kind = kind;
    x->at = x->end = at;
    return x;
}

struct ast_expr *pivot_text(struct pivoting *r, enum expr_kind kind,
                            struct str text, size_t at)
{
    struct ast_expr *x = pivot_node(r, kind, at);

    x->text = text;
    return x;
}

struct ast_expr *pivot_int(struct pivoting *r, size_t v, size_t at)
{
    return pivot_text(r, EX_INT, str_from(arena_printf(r->b->mem, "%zu", v)),
                      at);
}

void pivot_add_item(struct pivoting *r, struct ast_expr *x, struct str alias)
{
    struct ast_item *i = ARENA_NEW(r->b->mem, struct ast_item);

    i->at = x->at;
    i->expr = x;
    i->alias = alias;
    *r->tail = i;
    r->tail = &i->next;
    r->n_items++;
}

static struct str column_alias(const struct ast_from *f)
{
    if (f->alias.len)
        return f->alias;
    return f->kind == FROM_TABLE ? f->path.part[f->path.n - 1] : STR_NULL;
}

/* What has no name or shares it cannot be named, so it gets one that no text
 * holds. */
static void name_columns(struct pivoting *r, const struct bquery *q)
{
    r->input = ARENA_ARRAY(r->b->mem, struct out_col, q->n_cols);
    r->names = ARENA_ARRAY(r->b->mem, struct str, q->n_cols);
    r->n_input = q->n_cols;
    for (size_t i = 0; i < q->n_cols; i++) {
        bool hidden = q->cols[i].name.len == 0;
        for (size_t k = 0; k < q->n_cols; k++)
            hidden |= k != i && str_ieq(q->cols[i].name, q->cols[k].name);
        r->names[i] = q->cols[i].name;
        r->input[i] = q->cols[i];
        if (hidden)
            r->input[i].name =
                str_from(arena_printf(r->b->mem, "\001column%zu", i));
    }
}

/* Binds the table, and makes it a CTE of the new SELECT. */
static void bind_input(struct pivoting *r, struct scope *s,
                       struct ast_from *input)
{
    struct ast_item star = {.at = input->at, .is_star = true};
    struct ast_select select = {.at = input->at, .items = &star, .from = input};
    struct ast_body body = {
        .kind = BODY_SELECT, .at = input->at, .select = &select};
    struct ast_query query = {.at = input->at, .body = &body};
    struct scope *saved = r->b->scope;
    struct cte *c = ARENA_NEW(r->b->mem, struct cte);
    struct bquery *q;

    r->b->scope = s->outer;
    q = bind_query(r->b, &query, s->outer, NULL);
    r->b->scope = saved;
    if (q->correlated && s->outer)
        s->saw_outer = true;
    name_columns(r, q);
    c->name = str_from(arena_printf(r->b->mem, "\001input%d", ++r->b->next_id));
    c->cols = r->input;
    c->n_cols = r->n_input;
    c->sql_name = lift(r->b, q);
    c->next = r->b->ctes;
    r->b->ctes = c;
    r->from = ARENA_NEW(r->b->mem, struct ast_from);
    r->from->kind = FROM_TABLE;
    r->from->at = input->at;
    r->from->alias = column_alias(input);
    r->from->path.n = 1;
    r->from->path.part[0] = c->name;
}

struct str pivot_join_names(struct pivoting *r, struct str head,
                            struct str tail)
{
    return str_from(arena_printf(r->b->mem, "%.*s%s%.*s", STR_ARG(head),
                                 head.len ? "_" : "", STR_ARG(tail)));
}

/* Those that take no notice of NULL, which stands where the row is another
 * column's. */
static bool ignores_nulls(const struct ast_expr *x)
{
    static const char *const heeds[] = {"APPROX_TOP_COUNT", "APPROX_TOP_SUM",
                                        "MAX_BY", "MIN_BY"};

    for (size_t i = 0; i < sizeof(heeds) / sizeof(*heeds); i++) {
        if (str_eq(x->text, str_from(heeds[i])))
            return false;
    }
    return !str_eq(x->text, STR("ARRAY_AGG")) || x->call->nulls == 1;
}

static void check_call(struct pivoting *r, const struct ast_expr *x)
{
    if (x->kind != EX_CALL || x->call->over || !is_aggregate_name(x->text))
        bind_fail(r->b, x->at,
                  "PIVOT expression must be an aggregate function call");
    if (x->call->having)
        bind_refuse(r->b, x->at, "HAVING MAX/MIN in PIVOT");
    if (x->n == 0 || x->call->nulls == 2 || !ignores_nulls(x))
        bind_refuse(
            r->b, x->at, "Use of aggregate function %.*s as PIVOT expression%s",
            STR_ARG(x->text),
            str_eq(x->text, STR("ARRAY_AGG")) ? " without IGNORE NULLS" : "");
}

static void check_values(struct pivoting *r, const struct bexpr *input)
{
    struct binder *b = r->b;

    for (const struct ast_pivot_value *p = r->v->values; p; p = p->next) {
        struct bexpr *e = bind_expr(b, p->expr);
        if (!e->constant)
            bind_fail(b, p->expr->at,
                      "IN expression in PIVOT clause must be "
                      "constant");
        if (!coerce(b, e, input->type))
            bind_fail(b, p->expr->at,
                      "PIVOT IN value of type %s does not match the type %s "
                      "of the FOR expression",
                      bind_type_name(b, e->type),
                      bind_type_name(b, input->type));
    }
}

/* Binds the clause for its errors and types, and tells which of the table's
 * columns it reads: the others are grouped by. */
static const struct sql_type *try_clause(struct pivoting *r, struct scope *s,
                                         bool *read)
{
    struct binder *b = r->b;
    struct scope *trial = scope_new(b, s->outer), *saved = b->scope;
    struct bexpr *input;
    size_t n_calls = 0;

    b->scope = trial;
    trial->clause = "PIVOT clause";
    bind_from(b, r->from, trial);
    for (size_t i = 0; i < r->n_input; i++)
        trial->rels->cols[i].used = &read[i];
    input = bind_expr(b, r->v->input);
    if (!type_is_groupable(input->type))
        bind_fail(b, r->v->input->at,
                  "FOR expression in PIVOT clause must be groupable, but it "
                  "is of type %s",
                  bind_type_name(b, input->type));
    for (const struct ast_pivot_value *p = r->v->calls; p; p = p->next) {
        check_call(r, p->expr);
        trial->agg_allowed = true;
        bind_expr(b, p->expr);
        trial->agg_allowed = false;
        n_calls++;
    }
    for (const struct ast_pivot_value *p = r->v->calls; p; p = p->next) {
        if (n_calls > 1 && !p->alias.len)
            bind_fail(b, p->expr->at,
                      "PIVOT expression must have an alias: there is more "
                      "than one");
    }
    check_values(r, input);
    b->scope = saved;
    return input->type;
}

/* input IS NOT DISTINCT FROM value */
static struct ast_expr *match(struct pivoting *r, struct ast_expr *value)
{
    struct ast_expr *x = pivot_node(r, EX_IS_DISTINCT, value->at);

    x->a = r->v->input;
    x->b = value;
    x->flag = true;
    return x;
}

static struct ast_expr *where_match(struct pivoting *r, struct ast_expr *value,
                                    const struct ast_expr *x)
{
    struct ast_expr *then = ARENA_NEW(r->b->mem, struct ast_expr);
    struct ast_expr *e = pivot_node(r, EX_CASE, x->at);

    *then = *x;
    then->next = NULL;
    e->list = match(r, value);
    e->list->next = then;
    e->n = 2;
    return e;
}

static struct ast_order *ordered(struct pivoting *r, struct ast_expr *value,
                                 const struct ast_order *o)
{
    struct ast_order *out;

    if (!o)
        return NULL;
    out = ARENA_NEW(r->b->mem, struct ast_order);
    *out = *o;
    out->expr = where_match(r, value, o->expr);
    out->next = ordered(r, value, o->next);
    return out;
}

/* The call over the rows of one column alone. */
static struct ast_expr *restricted(struct pivoting *r, struct ast_expr *value,
                                   const struct ast_expr *call)
{
    struct ast_expr *x = ARENA_NEW(r->b->mem, struct ast_expr);

    *x = *call;
    x->next = NULL;
    if (call->list->kind == EX_STAR) {
        x->text = STR("COUNTIF");
        x->list = match(r, value);
        return x;
    }
    x->list = where_match(r, value, call->list);
    x->list->next = call->list->next;
    if (call->call->distinct && call->call->order) {
        x->call = ARENA_NEW(r->b->mem, struct ast_call);
        *x->call = *call->call;
        x->call->order = ordered(r, value, call->call->order);
    }
    return x;
}

static void group_by_rest(struct pivoting *r, const bool *read)
{
    struct binder *b = r->b;

    for (size_t i = 0; i < r->n_input; i++) {
        if (read[i])
            continue;
        if (!type_is_groupable(r->input[i].type))
            bind_fail(b, r->v->at,
                      "Column %.*s of type %s cannot be used as an implicit "
                      "grouping column of a PIVOT clause",
                      STR_ARG(r->names[i]),
                      bind_type_name(b, r->input[i].type));
        pivot_add_item(r, pivot_text(r, EX_NAME, r->input[i].name, r->v->at),
                       STR_NULL);
        *r->group_tail = pivot_int(r, r->n_items, r->v->at);
        r->group_tail = &(*r->group_tail)->next;
    }
}

static void pivot_items(struct pivoting *r, const struct sql_type *type)
{
    for (struct ast_pivot_value *v = r->v->values; v; v = v->next) {
        struct str name = v->alias;
        if (!name.len && !pivot_column_name(r->b, v->expr, type, &name))
            bind_fail(r->b, v->expr->at,
                      "PIVOT column for a value of type %s must have an alias",
                      bind_type_name(r->b, type));
        for (struct ast_pivot_value *c = r->v->calls; c; c = c->next)
            pivot_add_item(r, restricted(r, v->expr, c->expr),
                           pivot_join_names(r, c->alias, name));
    }
}

/* Names made up for the table's columns do not show. */
static void restore_names(struct pivoting *r, struct bquery *q)
{
    for (size_t i = 0; i < q->n_cols; i++) {
        for (size_t k = 0; k < r->n_input; k++) {
            if (str_eq(q->cols[i].name, r->input[k].name))
                q->cols[i].name = r->names[k];
        }
    }
}

struct bquery *bind_pivot(struct binder *b, const struct ast_from *f,
                          struct scope *s)
{
    struct pivoting r = {.b = b, .v = f->pivot};
    struct cte *saved = b->ctes;
    struct ast_select select = {.at = f->at};
    struct ast_body body = {
        .kind = BODY_SELECT, .at = f->at, .select = &select};
    struct ast_query query = {.at = f->at, .body = &body};
    struct scope *scope = b->scope;
    struct bquery *q;

    r.tail = &r.items;
    r.group_tail = &r.group;
    bind_input(&r, s, f->left);
    if (f->pivot->unpivot) {
        select.where = unpivot_items(&r);
    } else {
        bool *read = ARENA_ARRAY(b->mem, bool, r.n_input);
        const struct sql_type *type = try_clause(&r, s, read);
        group_by_rest(&r, read);
        pivot_items(&r, type);
    }
    select.items = r.items;
    select.from = r.from;
    select.group = r.group;
    select.has_group = r.group != NULL;
    b->scope = s->outer;
    q = bind_query(b, &query, s->outer, NULL);
    b->scope = scope;
    b->ctes = saved;
    restore_names(&r, q);
    return q;
}
