/* SPDX-License-Identifier: Apache-2.0 */
/* OVER: window functions, aggregates over windows, frames. */
#include "emulator/bigquery/sql/bind_agg.h"

static const struct signature windows[] = {
#define SIG(name, args, sql) {name, args, sql},
#include "emulator/bigquery/sql/windows.def"
#undef SIG
};
enum {
    N_WINDOWS = sizeof(windows) / sizeof(*windows)
};

/* What a window may add to the one it refers to: the standard's rules. */
static void check_base(struct binder *b, const struct ast_window *w,
                       const struct ast_window *base)
{
    if (w->partition)
        bind_fail(b, w->base_at,
                  "If a window has a PARTITION BY, it cannot reference a "
                  "named window");
    if ((w->order || w->unit) && base->unit)
        bind_fail(b, w->base_at,
                  "If a window has an inline ORDER BY or window frame clause, "
                  "it cannot reference another window that contains or "
                  "inherits a window frame clause");
    if (w->order && base->order)
        bind_fail(b, w->order_at,
                  "If a window inherits an ORDER BY from its referenced "
                  "window, it cannot have an inline ORDER BY");
}

/* A named window is written out where it is used. */
static struct ast_window resolve(struct binder *b, const struct ast_window *w,
                                 int depth)
{
    struct ast_window out = *w, base;

    if (!w->base.len)
        return out;
    for (struct ast_window *d = b->scope->windows; d; d = d->next) {
        if (!str_ieq(d->name, w->base) || depth > 20)
            continue;
        base = resolve(b, d, depth + 1);
        check_base(b, w, &base);
        out.partition = base.partition;
        if (!w->order)
            out.order = base.order;
        if (!w->unit) {
            out.unit = base.unit;
            out.from = base.from;
            out.to = base.to;
        }
        return out;
    }
    bind_fail(b, w->base_at, "Unrecognized window alias %.*s",
              STR_ARG(w->base));
}

static const char *bound_sql(struct binder *b, const struct ast_bound *f)
{
    static const char *const words[] = {"UNBOUNDED PRECEDING", " PRECEDING",
                                        "CURRENT ROW", " FOLLOWING",
                                        "UNBOUNDED FOLLOWING"};
    struct bexpr *e;

    if (!f->expr)
        return words[f->kind];
    e = bind_expr(b, f->expr);
    if (!e->constant || !is_numeric(e->type) || e->negative)
        bind_fail(b, f->expr->at,
                  "Window framing expression must be a "
                  "non-negative literal or parameter");
    return arena_cat(b->mem, e->sql, words[f->kind], NULL);
}

static void refuse_ungrouped(struct binder *b, const struct bexpr *e,
                             const char *clause)
{
    if (e->ungrouped)
        bind_fail(b, e->ungrouped_at,
                  "%s expression references column %s which is neither "
                  "grouped nor aggregated",
                  clause, e->ungrouped);
}

static const char *partition_sql(struct binder *b, const struct ast_window *w)
{
    const char *sql = "";

    for (const struct ast_expr *x = w->partition; x; x = x->next) {
        struct bexpr *e = bind_expr(b, x);
        if (!type_is_groupable(e->type) || e->type->kind == T_FLOAT64)
            bind_fail(b, x->at,
                      "Partitioning by expressions of type %s is "
                      "not allowed",
                      bind_type_name(b, e->type));
        refuse_ungrouped(b, e, "PARTITION BY");
        sql = arena_cat(b->mem, sql, *sql ? "," : "PARTITION BY ", e->sql,
                        e->constant ? "+0" : "", NULL);
    }
    return sql;
}

/* SQLite takes one term here, so none of what order_key_sql puts around it. */
static const char *range_key_sql(struct binder *b, const struct bexpr *e,
                                 const struct ast_order *o)
{
    return arena_cat(b->mem, e->sql, o->desc ? " DESC" : "",
                     o->nulls == 1   ? " NULLS FIRST"
                     : o->nulls == 2 ? " NULLS LAST"
                                     : "",
                     NULL);
}

const char *window_sql(struct binder *b, const struct ast_window *w,
                       const char *need_order, bool frame)
{
    struct ast_window r = resolve(b, w, 0);
    const char *sql = arena_cat(b->mem, "(", partition_sql(b, &r), NULL);
    bool range = r.unit && r.unit[1] == 'A' && (r.from.expr || r.to.expr);
    size_t n = 0;

    if (need_order && !r.order)
        bind_fail(b, w->at,
                  "Window ORDER BY is required for analytic function %s",
                  need_order);
    for (const struct ast_order *o = r.order; o; o = o->next, n++) {
        struct bexpr *e = bind_expr(b, o->expr);
        if (!type_is_orderable(e->type))
            bind_fail(b, o->expr->at,
                      "Ordering by expressions of type %s is "
                      "not allowed",
                      bind_type_name(b, e->type));
        refuse_ungrouped(b, e, "ORDER BY");
        if (range && is_decimal(e->type))
            bind_refuse(b, o->expr->at, "A RANGE frame with an offset over %s",
                        bind_type_name(b, e->type));
        if (range && (n || !is_numeric(e->type)))
            bind_fail(b, o->expr->at,
                      "Window frame with offset RANGE needs "
                      "one ORDER BY key of a numeric type");
        sql = arena_cat(b->mem, sql, n ? "," : " ORDER BY ",
                        range ? range_key_sql(b, e, o)
                              : order_key_sql(b, e, o->desc, o->nulls),
                        NULL);
    }
    if (r.unit && !frame)
        bind_fail(b, w->at,
                  "Window framing clause is not allowed for this "
                  "analytic function");
    if (r.unit && r.unit[1] == 'A' && !n && range)
        bind_fail(b, w->at, "Window ORDER BY is required for RANGE");
    if (r.unit)
        sql = arena_cat(b->mem, sql, " ", r.unit, " BETWEEN ",
                        bound_sql(b, &r.from), " AND ", bound_sql(b, &r.to),
                        NULL);
    return arena_cat(b->mem, sql, ")", NULL);
}

/* `list` is words with a blank between them. */
static bool is_one_of(struct str name, const char *list)
{
    struct str rest = str_from(list);

    while (rest.p) {
        if (str_eq(str_cut(&rest, ' '), name))
            return true;
    }
    return false;
}

/* FIRST_VALUE(x IGNORE NULLS) and its like: SQLite has none, bq_collect keeps
 * the frame's values. */
static const char *ignoring_nulls(struct binder *b, const struct ast_expr *x,
                                  struct bexpr **args)
{
    char letter = x->text.p[0] == 'F' ? 'F' : x->text.p[0] == 'L' ? 'L' : 'N';

    if (!is_one_of(x->text, "FIRST_VALUE LAST_VALUE NTH_VALUE"))
        bind_refuse(b, x->at, "%.*s with IGNORE NULLS", STR_ARG(x->text));
    return arena_printf(b->mem, "bq_collect('%csi',%s%s%s)", letter,
                        args[0]->sql, letter == 'N' ? "," : "",
                        letter == 'N' ? args[1]->sql : "");
}

/* The offset of LAG and LEAD: SQLite would read a negative one backwards. */
static struct bexpr *row_offset(struct binder *b, const struct ast_expr *x,
                                struct bexpr *e)
{
    struct bexpr *out = coerce(b, e, type_scalar(T_INT64));

    if (!out)
        return e; /* resolve_call tells it better */
    if (!e->constant || e->negative)
        bind_fail(b, e->at,
                  "The offset of %.*s must be a non-negative integer literal "
                  "or parameter",
                  STR_ARG(x->text));
    if (!out->lit)
        out = bexpr_new(b, out->type,
                        arena_cat(b->mem, "bq_limit(", out->sql, ")", NULL),
                        e->at);
    return out;
}

static const char *percentile(struct binder *b, const struct ast_expr *x,
                              const struct bexpr *e, struct bexpr **args)
{
    const struct ast_call *c = x->call;

    if (resolve(b, c->over, 0).order)
        bind_fail(b, x->at,
                  "Window ORDER BY is not allowed for analytic function %.*s",
                  STR_ARG(x->text));
    if (e->sql[1] == 'p' && is_decimal(args[0]->type))
        bind_refuse(b, x->at, "PERCENTILE_CONT of decimals");
    return arena_cat(b->mem, "bq_collect('", e->sql[1] == 'p' ? "p" : "d", "s",
                     c->nulls == 2 ? "" : "i",
                     is_decimal(args[0]->type) ? "n" : "", "',", args[0]->sql,
                     ",", args[1]->sql, ")", NULL);
}

static struct bexpr *window_function(struct binder *b, const struct ast_expr *x)
{
    const char *name = arena_strndup(b->mem, x->text.p, x->text.len);
    const struct ast_call *c = x->call;
    struct bexpr *args[4], *e;
    size_t n = 0, first, last;
    bool order, frame;

    if (!signature_find(windows, N_WINDOWS, x->text, &first, &last))
        bind_fail(b, x->at, "Function %s does not support an OVER clause",
                  name);
    if (c->distinct)
        bind_fail(b, x->at, "DISTINCT is not allowed for analytic function %s",
                  name);
    for (const struct ast_expr *a = x->list; a && n < 4; a = a->next)
        args[n++] = bind_expr(b, a);
    if (n > 1 && is_one_of(x->text, "LAG LEAD"))
        args[1] = row_offset(b, x, args[1]);
    if (n > 2 && is_one_of(x->text, "LAG LEAD") && !args[2]->constant)
        bind_fail(b, args[2]->at,
                  "Argument 3 to %s must be a literal or query parameter",
                  name);
    e = resolve_call(b, x, windows, N_WINDOWS, args, n, "");
    if (e->sql[0] == '!')
        e->sql = percentile(b, x, e, args);
    else if (c->nulls == 1)
        e->sql = ignoring_nulls(b, x, args);
    order = is_one_of(x->text, "RANK DENSE_RANK PERCENT_RANK CUME_DIST NTILE "
                               "LAG LEAD FIRST_VALUE LAST_VALUE NTH_VALUE");
    frame = is_one_of(x->text, "FIRST_VALUE LAST_VALUE NTH_VALUE");
    e->sql =
        arena_cat(b->mem, e->sql, " OVER ",
                  window_sql(b, c->over, order ? name : NULL, frame), NULL);
    return e;
}

/* SQLite has no DISTINCT over windows; bq_collect can leave out what it has.
 * There is no order then (page "Window function calls"). */
static void check_distinct(struct binder *b, const struct ast_expr *x)
{
    struct ast_window w = resolve(b, x->call->over, 0);

    if (w.order || w.unit)
        bind_fail(b, x->at, "Window %s is not allowed if DISTINCT is specified",
                  w.order ? "ORDER BY" : "framing clause");
}

/* "name(DISTINCT ": what stands behind it, or NULL. */
static const char *distinct_argument(const struct bexpr *e)
{
    static const char word[] = "(DISTINCT ";
    const char *open = strchr(e->sql, '(');

    if (!open || strncmp(open, word, sizeof(word) - 1) != 0)
        return NULL;
    return open + sizeof(word) - 1;
}

const struct total *total_of(const char *sql)
{
    static const struct total totals[] = {
        {"bq_isum(", "Is", false}, {"bq_fsum(", "Fs", false},
        {"bq_nsum(", "Ns", true},  {"bq_gsum(", "Gs", true},
        {"avg(", "Ia", false},     {"bq_favg(", "Fa", false},
        {"bq_navg(", "Na", true},  {"bq_gavg(", "Ga", true}};

    for (size_t i = 0; i < sizeof(totals) / sizeof(totals[0]); i++)
        if (strncmp(sql, totals[i].call, strlen(totals[i].call)) == 0)
            return &totals[i];
    return NULL;
}

static const char *distinct_over(struct binder *b, const struct ast_expr *x,
                                 const struct bexpr *e, const char *over)
{
    const struct total *t = total_of(e->sql);

    if (strncmp(e->sql, "count(", 6) == 0)
        return arena_cat(b->mem, "coalesce(bq_array_length(bq_collect('Asdi',",
                         distinct_argument(e), " OVER ", over, "),0)", NULL);
    if (t)
        return arena_cat(b->mem, "bq_total('", t->kind, "',bq_collect('Asdi",
                         t->decimal ? "n" : "", "',", distinct_argument(e),
                         " OVER ", over, ")", NULL);
    bind_refuse(b, x->at, "%.*s(DISTINCT) over a window", STR_ARG(x->text));
}

/* Windows need MIN to be SQLite's own, which takes NaN, a text, for greater
 * than numbers. So FLOAT64 asks for the greatest of the negated. */
static const char *over_sql(struct binder *b, const struct bexpr *e,
                            const char *over)
{
    static const char least[] = "bq_fmin_agg(";

    if (strncmp(e->sql, least, sizeof(least) - 1) != 0)
        return arena_cat(b->mem, e->sql, " OVER ", over, NULL);
    return arena_cat(b->mem, "bq_fneg(max(bq_fneg(", e->sql + sizeof(least) - 1,
                     ") OVER ", over, ")", NULL);
}

struct bexpr *bind_window_call(struct binder *b, const struct ast_expr *x)
{
    struct scope *s = b->scope;
    struct bexpr *e;

    if (!s || !s->window_allowed || s->in_agg)
        bind_fail(b, x->at, "Analytic function not allowed in %s",
                  s && s->in_agg   ? "an aggregate function"
                  : s && s->clause ? s->clause
                                   : "this place");
    if (s->in_window)
        bind_fail(b, x->at,
                  "Analytic function cannot be nested inside another "
                  "analytic function");
    if (x->call->safe)
        bind_refuse(b, x->at, "SAFE. before an analytic function");
    s->in_window = true;
    s->saw_window = true;
    if (is_aggregate_name(x->text)) {
        const char *over;
        if (x->call->distinct)
            check_distinct(b, x);
        e = aggregate_call(b, x);
        over = window_sql(b, x->call->over, NULL, true);
        e->sql = distinct_argument(e) ? distinct_over(b, x, e, over)
                                      : over_sql(b, e, over);
    } else {
        e = window_function(b, x);
    }
    s->in_window = false;
    e->is_window = true;
    e->literal = e->constant = false;
    return e;
}
