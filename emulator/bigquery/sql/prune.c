/* SPDX-License-Identifier: Apache-2.0 */
/* Partition pruning: what WHERE's constants leave of a partition column
 * (Querying partitioned tables). Bounds are kept as SQLite expressions, since
 * constants may be calls and parameters; sql_prune has SQLite work them out.
 */
#include "emulator/bigquery/sql/bind_expr.h"
#include "emulator/bigquery/sql/bind_query.h"
#include "emulator/bigquery/sql/wide.h"

struct range {
    int ref; /* -1: says nothing */
    const char *low, *high;
};

static const struct range nothing = {-1, NULL, NULL};

/* DAY in DATE_TRUNC(x, DAY), MONDAY in WEEK(MONDAY): a name, but of no column.
 * What else stands there, binding tells. */
static bool is_part(const struct ast_expr *call, const struct ast_expr *arg)
{
    return arg->kind == EX_NAME &&
           (arg != call->list || str_eq(call->text, STR("WEEK")));
}

bool is_constant(const struct ast_expr *x)
{
    switch (x->kind) {
    case EX_NULL:
    case EX_BOOL:
    case EX_INT:
    case EX_FLOAT:
    case EX_STRING:
    case EX_BYTES:
    case EX_TYPED:
    case EX_PARAM:
        return true;
    case EX_NAME:
        return x->text.len > 8 &&
               str_ieq(str_of(x->text.p, 8), STR("CURRENT_"));
    case EX_ARRAY:
        for (const struct ast_expr *e = x->list; e; e = e->next) {
            if (!is_constant(e))
                return false;
        }
        return true;
    case EX_CALL:
        if (x->call->over || is_aggregate_name(x->text))
            return false;
        for (const struct ast_expr *a = x->list; a; a = a->next) {
            if (!is_constant(a) && !is_part(x, a))
                return false;
        }
        return true;
    case EX_CAST:
        return is_constant(x->a) && (!x->b || is_constant(x->b)) &&
               (!x->c || is_constant(x->c));
    case EX_UNARY:
    case EX_INTERVAL:
        return is_constant(x->a);
    case EX_BINARY:
        return !x->list && is_constant(x->a) && is_constant(x->b);
    default:
        return false;
    }
}

/* A partition column, or a call that keeps its order and cuts days. */
struct side {
    const struct col *col;
    const struct sql_type *type; /* of the whole side */
    const char *unit;            /* part that TRUNC or DATE cut to, or NULL */
};

static bool column_side(struct binder *b, const struct ast_expr *x,
                        struct side *out)
{
    struct bexpr *e;

    *out = (struct side){NULL};
    if (x->kind == EX_NAME || x->kind == EX_DOT) {
        if (is_constant(x))
            return false;
        e = bind_expr(b, x);
        if (!e->column || e->column->ref < 0)
            return false;
        out->col = e->column;
        out->type = e->type;
        out->unit = e->column->is_date_alias ? "DAY" : NULL;
        return true;
    }
    if (x->kind == EX_CALL && x->list && x->n == 1 &&
        str_eq(x->text, STR("DATE"))) {
        if (!column_side(b, x->list, out) || out->unit)
            return false;
        out->type = type_scalar(T_DATE);
        out->unit = "DAY";
        return true;
    }
    if (x->kind == EX_CAST && column_side(b, x->a, out) && !out->unit &&
        !strcmp(x->type->name, "DATE")) {
        out->type = type_scalar(T_DATE);
        out->unit = "DAY";
        return true;
    }
    if (x->kind == EX_CALL && x->n == 2 && x->list &&
        x->list->next->kind == EX_NAME &&
        str_ieq(x->list->next->text, STR("DAY")) &&
        (str_eq(x->text, STR("TIMESTAMP_TRUNC")) ||
         str_eq(x->text, STR("DATETIME_TRUNC")))) {
        if (!column_side(b, x->list, out) || out->unit)
            return false;
        out->unit = "DAY";
        return true;
    }
    return false;
}

/* How a bound that falls within a day is moved to where one begins. */
enum day {
    DAY_ITS,  /* not at all */
    DAY_NEXT, /* the next, if it is not one itself */
    DAY_LAST  /* that day's last moment */
};

/* The constant in the column's stored unit. Dates are days already; a moment
 * beside TIMESTAMP_TRUNC(column, DAY) may be within one. */
static const char *bound(struct binder *b, const struct side *s,
                         const struct ast_expr *x, enum day day)
{
    struct bexpr *e = bind_expr(b, x), *c = coerce(b, e, s->type);
    enum sql_type_kind stored =
        s->col->is_date_alias ? T_TIMESTAMP : s->col->type->kind;
    const char *sql, *rest;

    if (!c || !e->constant)
        return NULL;
    sql = c->sql;
    if (!s->unit || stored == T_DATE)
        return sql;
    if (s->type->kind == T_DATE) {
        sql = arena_cat(b->mem, "(", sql, ")*86400000000", NULL);
    } else if (day != DAY_ITS) {
        rest = arena_cat(b->mem, "((", sql, ")%86400000000+86400000000)", NULL);
        sql = day == DAY_NEXT
                  ? arena_cat(b->mem, "((", sql, ")+(86400000000-", rest,
                              "%86400000000)%86400000000)", NULL)
                  : arena_cat(b->mem, "((", sql, ")-", rest, "%86400000000)",
                              NULL);
    }
    return day == DAY_LAST ? arena_cat(b->mem, "(", sql, ")+86399999999", NULL)
                           : sql;
}

static struct range compare(struct binder *b, const char *op,
                            const struct ast_expr *l, const struct ast_expr *r)
{
    struct side s;
    struct range out;

    if (!is_constant(r) || !column_side(b, l, &s))
        return nothing;
    out = (struct range){s.col->ref, NULL, NULL};
    if (op[0] == '=' || op[0] == '>')
        out.low = bound(b, &s, r,
                        op[0] == '=' ? DAY_ITS
                        : op[1]      ? DAY_NEXT
                                     : DAY_LAST);
    if (op[0] == '=' || op[0] == '<')
        out.high = bound(b, &s, r, op[0] == '=' || op[1] ? DAY_LAST : DAY_NEXT);
    if (!out.low && !out.high)
        return nothing;
    if (op[0] == '>' && !op[1])
        out.low = arena_cat(b->mem, "(", out.low, ")+1", NULL);
    if (op[0] == '<' && !op[1])
        out.high = arena_cat(b->mem, "(", out.high, ")-1", NULL);
    return out;
}

static const char *flipped(const char *op)
{
    return !strcmp(op, "<")    ? ">"
           : !strcmp(op, "<=") ? ">="
           : !strcmp(op, ">")  ? "<"
           : !strcmp(op, ">=") ? "<="
                               : op;
}

static const char *both(struct binder *b, const char *fn, const char *x,
                        const char *y)
{
    return arena_cat(b->mem, fn, "(", x, ",", y, ")", NULL);
}

static struct range conjunction(struct binder *b, struct range x,
                                struct range y)
{
    if (x.ref < 0 || y.ref < 0 || x.ref != y.ref)
        return x.ref < 0 ? y : x;
    x.low = x.low && y.low ? both(b, "max", x.low, y.low)
            : x.low        ? x.low
                           : y.low;
    x.high = x.high && y.high ? both(b, "min", x.high, y.high)
             : x.high         ? x.high
                              : y.high;
    return x;
}

static struct range disjunction(struct binder *b, struct range x,
                                struct range y)
{
    if (x.ref < 0 || y.ref < 0 || x.ref != y.ref)
        return nothing;
    x.low = x.low && y.low ? both(b, "min", x.low, y.low) : NULL;
    x.high = x.high && y.high ? both(b, "max", x.high, y.high) : NULL;
    return x;
}

static struct range analyse(struct binder *b, const struct ast_expr *x)
{
    struct range out = nothing;
    struct side s;

    if (x->kind == EX_BINARY && x->list) {
        for (const struct ast_expr *i = x->list; i; i = i->next) {
            struct range r = analyse(b, i);
            out = i == x->list      ? r
                  : x->op[0] == 'A' ? conjunction(b, out, r)
                                    : disjunction(b, out, r);
        }
        return out;
    }
    if (x->kind == EX_BINARY && strchr("<>=", x->op[0]) &&
        strcmp(x->op, "<>") && strcmp(x->op, "<<") && strcmp(x->op, ">>"))
        return is_constant(x->b) ? compare(b, x->op, x->a, x->b)
                                 : compare(b, flipped(x->op), x->b, x->a);
    if (x->kind == EX_BETWEEN && !x->flag)
        return conjunction(b, compare(b, ">=", x->a, x->b),
                           compare(b, "<=", x->a, x->c));
    if (x->kind == EX_IN && !x->flag && x->list) {
        for (const struct ast_expr *i = x->list; i; i = i->next) {
            struct range r = compare(b, "=", x->a, i);
            out = i == x->list ? r : disjunction(b, out, r);
        }
        return out;
    }
    /* a filter, though which partitions it leaves is not worked out */
    if (x->kind == EX_IN && !x->flag && x->b && is_constant(x->b) &&
        bind_expr(b, x->b)->constant && column_side(b, x->a, &s))
        return (struct range){s.col->ref, NULL, NULL};
    if (x->kind == EX_IS && x->op[0] == 'N' && column_side(b, x->a, &s))
        return (struct range){s.col->ref, NULL, NULL};
    return nothing;
}

/* The table that a filter narrows. It is a filter in any case, for those that
 * require one. */
enum narrows {
    NARROWS_NONE,
    NARROWS_TARGET,
    NARROWS_ALL
};

static void narrow(struct binder *b, struct sql_ref *ref, struct range r,
                   enum narrows narrows)
{
    struct range old = {r.ref, ref->prune_low, ref->prune_high};

    ref->filtered = true;
    if (narrows == NARROWS_NONE ||
        (narrows == NARROWS_TARGET && !ref->is_target))
        return;
    r = conjunction(b, old, r);
    ref->prune_low = r.low;
    ref->prune_high = r.high;
}

/* The tables of a wildcard are partitioned by the same column. */
static void note_range(struct binder *b, struct range r, enum narrows narrows)
{
    const struct sql_group *g = b->stmt->refs[r.ref].group;

    for (size_t i = 0; i < (g ? g->n : 1); i++)
        narrow(b, &b->stmt->refs[(size_t)r.ref + i], r, narrows);
}

/* Only top-level conditions that all must hold can name different tables. */
static void note(struct binder *b, const struct ast_expr *where,
                 enum narrows narrows)
{
    bool all = where->kind == EX_BINARY && where->list && where->op[0] == 'A';
    const struct ast_expr *x = all ? where->list : where;
    struct sql_ref *refs = b->stmt->refs;
    bool any = false;

    for (size_t i = 0; i < b->stmt->n_refs; i++)
        any |= refs[i].table.partition_by || refs[i].group;
    if (!any)
        return;
    for (; x; x = all ? x->next : NULL) {
        struct range r = analyse(b, x);

        if (r.ref >= 0)
            note_range(b, r, narrows);
        else if (narrows == NARROWS_ALL)
            note_suffix(b, x);
    }
}

void note_filter(struct binder *b, const struct ast_expr *where)
{
    note(b, where, NARROWS_ALL);
}

/* A row of the source that ON leaves out is one WHEN NOT MATCHED can take. */
void note_merge_filter(struct binder *b, const struct ast_expr *x,
                       bool narrows_target)
{
    note(b, x, narrows_target ? NARROWS_TARGET : NARROWS_NONE);
}

/* --- what SQLite's planner is told ---------------------------------------- */

/* A condition that names one partition column, once, beside constants. */
struct term {
    struct side side;
    struct range range;
    const char *stored; /* the column under the side */
};

static bool is_term(struct binder *b, const struct ast_expr *x, struct term *t)
{
    bool binary = x->kind == EX_BINARY && !x->list;
    const struct ast_expr *of = binary && is_constant(x->a) ? x->b : x->a;

    if (!binary && x->kind != EX_BETWEEN && x->kind != EX_IN &&
        x->kind != EX_IS)
        return false;
    if (x->kind == EX_IN && !x->list) /* its index is better left alone */
        return false;
    t->range = analyse(b, x);
    /* a wildcard's column is one of many tables */
    if (t->range.ref < 0 || b->stmt->refs[t->range.ref].group ||
        !column_side(b, of, &t->side))
        return false;
    t->stored = t->side.col->sql;
    if (t->side.col->is_date_alias) /* add_pseudo puts it behind its column */
        t->stored = t->side.col[-1].sql;
    return true;
}

/* DATE(ts) = d finds nothing in an index; the range of its day does. A bound
 * that is NULL is right too: the condition is NULL then. */
static const char *add_range(struct binder *b, const char *sql,
                             const struct term *t)
{
    if (t->range.low)
        sql = arena_cat(b->mem, sql, " AND ", t->stored, ">=(", t->range.low,
                        ")", NULL);
    if (t->range.high)
        sql = arena_cat(b->mem, sql, " AND ", t->stored, "<=(", t->range.high,
                        ")", NULL);
    return sql;
}

static size_t terms_on(struct binder *b, const struct ast_expr *first, bool all,
                       const char *column)
{
    struct term t;
    size_t n = 0;

    for (const struct ast_expr *x = first; x; x = all ? x->next : NULL)
        n += is_term(b, x, &t) && !strcmp(t.stored, column);
    return n;
}

/* Marked are columns that stand in nothing but such terms: in a comparison
 * with another column (a join, a correlated subquery) the index is needed. */
const char *index_filter(struct binder *b, const struct ast_expr *where,
                         const char *sql, bool all_rows)
{
    bool all = where->kind == EX_BINARY && where->list && where->op[0] == 'A';
    const struct ast_expr *first = all ? where->list : where;
    const char *out = sql, *marked = NULL;
    struct term t;

    for (const struct ast_expr *x = first; x; x = all ? x->next : NULL) {
        if (is_term(b, x, &t) && t.side.unit && x->kind != EX_IN)
            out = add_range(b, out, &t);
    }
    for (const struct ast_expr *x = first; x; x = all ? x->next : NULL) {
        if (!is_term(b, x, &t) || (marked && !strcmp(marked, t.stored)) ||
            terms_on(b, first, all, t.stored) != wide_count(sql, t.stored))
            continue;
        out = wide_mark(b->mem, out, t.stored, t.range.ref, all_rows);
        marked = t.stored;
        b->stmt->may_be_wide |= all_rows;
        b->marked |= !all_rows;
    }
    return out;
}

void check_partition_filters(struct binder *b, size_t first_ref, size_t at)
{
    (void)at;
    for (size_t i = first_ref; i < b->stmt->n_refs; i++) {
        const struct sql_ref *r = &b->stmt->refs[i];
        const struct sql_table *t = &r->table;
        bool ingestion =
            t->partition_by && !strcmp(t->partition_by, "_PARTITIONTIME");
        if (!t->require_partition_filter || r->filtered)
            continue;
        bind_error(b, "invalidQuery", -1,
                   arena_printf(b->mem,
                                "Cannot query over table '%.*s.%.*s.%.*s' "
                                "without a filter over column(s) %s that can "
                                "be used for partition elimination",
                                STR_ARG(t->project), STR_ARG(t->dataset),
                                STR_ARG(t->table),
                                ingestion
                                    ? "'_PARTITION_LOAD_TIME', "
                                      "'_PARTITIONDATE', "
                                      "'_PARTITIONTIME'"
                                    : arena_cat(b->mem, "'", t->partition_by,
                                                "'", NULL)));
    }
}
