/* SPDX-License-Identifier: Apache-2.0 */
/* INTERVAL as a value: literals, operators, EXTRACT. Beside a date, INTERVAL
 * n part does not come here but to the functions of dates (bind_op.c). */
#include "emulator/bigquery/sql/bind_interval.h"

#include "emulator/bigquery/sql/interval.h"

bool type_has_interval(const struct sql_type *t)
{
    if (t->kind == T_ARRAY)
        return type_has_interval(t->elem);
    for (size_t i = 0; t->kind == T_STRUCT && i < t->n_fields; i++) {
        if (type_has_interval(t->fields[i].type))
            return true;
    }
    return t->kind == T_INTERVAL;
}

void refuse_interval(struct binder *b, const struct sql_type *t, size_t at,
                     const char *what)
{
    if (t && type_has_interval(t))
        bind_refuse(b, at, "%s of type %s", what, bind_type_name(b, t));
}

struct bexpr *interval_value(struct binder *b, const struct ast_expr *x)
{
    const struct sql_type *t = type_scalar(T_INTERVAL);
    struct interval one;
    struct bexpr *n;

    if (x->op) {
        if (!interval_is_range(x->text, str_from(x->op)))
            bind_fail(b, x->at,
                      "Invalid INTERVAL datetime part range: %.*s TO %s",
                      STR_ARG(x->text), x->op);
        n = bind_as(b, x->a, type_scalar(T_STRING), "INTERVAL");
        return bexpr_over(b, t,
                          arena_printf(b->mem,
                                       "bq_interval_text(%s,'%.*s','%s')",
                                       n->sql, STR_ARG(x->text), x->op),
                          n, NULL, x->at);
    }
    if (!interval_of(1, x->text, &one))
        bind_fail(b, x->at, "A valid date part name is required but found %.*s",
                  STR_ARG(x->text));
    if (x->a->kind == EX_STRING) {
        char text[INTERVAL_TEXT_MAX];
        if (!interval_parse_part(x->a->text, x->text, &one))
            bind_fail(b, x->a->at, "Invalid INTERVAL value '%.*s'",
                      STR_ARG(x->a->text));
        interval_format(text, &one);
        n = bexpr_new(b, t, arena_cat(b->mem, "'", text, "'", NULL), x->at);
        n->constant = true;
        return n;
    }
    n = bind_as(b, x->a, type_scalar(T_INT64), "INTERVAL");
    return bexpr_over(b, t,
                      arena_printf(b->mem, "bq_interval(%s,'%.*s')", n->sql,
                                   STR_ARG(x->text)),
                      n, NULL, x->at);
}

/* DATE, DATETIME or TIMESTAMP, moved. */
static struct bexpr *shifted(struct binder *b, struct bexpr *d,
                             const struct bexpr *v, bool minus, size_t at)
{
    const struct sql_type *t =
        d->type->kind == T_TIMESTAMP ? d->type : type_scalar(T_DATETIME);

    d = coerce(b, d, t);
    return bexpr_over(b, t,
                      arena_printf(b->mem, "bq_interval_shift(%s,%s,%d,'%c')",
                                   d->sql, v->sql, minus ? -1 : 1,
                                   type_letter(t)),
                      d, v, at);
}

static bool is_date(const struct bexpr *e)
{
    return e->type->kind == T_DATE || e->type->kind == T_DATETIME ||
           e->type->kind == T_TIMESTAMP;
}

static bool is_interval(const struct bexpr *e)
{
    return e->type->kind == T_INTERVAL;
}

struct bexpr *interval_arithmetic(struct binder *b, const char *op,
                                  struct bexpr *l, struct bexpr *r, size_t at)
{
    const struct sql_type *t = type_scalar(T_INTERVAL), *num;
    bool minus = op[0] == '-', sum = minus || op[0] == '+';
    struct bexpr *n, *v;

    if (sum && is_interval(l) && is_interval(r))
        return bexpr_over(b, t,
                          arena_printf(b->mem, "bq_interval_add(%s,%s,%d)",
                                       l->sql, r->sql, minus ? -1 : 1),
                          l, r, at);
    if (sum && is_date(l) && is_interval(r))
        return shifted(b, l, r, minus, at);
    if (op[0] == '+' && is_date(r) && is_interval(l))
        return shifted(b, r, l, false, at);
    if (minus && is_date(l) && l->type->kind == r->type->kind)
        return bexpr_over(b, t,
                          arena_printf(b->mem,
                                       "bq_interval_between(%s,%s,'%c')",
                                       l->sql, r->sql, type_letter(l->type)),
                          l, r, at);
    num = type_scalar(T_INT64);
    v = is_interval(l) ? l : r;
    n = coerce(b, is_interval(l) ? r : l, num);
    if (!n || !is_interval(v) || (op[0] != '*' && (op[0] != '/' || v != l)))
        return NULL;
    return bexpr_over(b, t,
                      arena_printf(b->mem, "bq_interval_%s(%s,%s)",
                                   op[0] == '*' ? "mul" : "div", v->sql,
                                   n->sql),
                      v, n, at);
}

struct bexpr *interval_negative(struct binder *b, struct bexpr *e, size_t at)
{
    return bexpr_over(
        b, e->type, arena_cat(b->mem, "bq_interval_mul(", e->sql, ",-1)", NULL),
        e, NULL, at);
}

struct bexpr *interval_extract(struct binder *b, struct bexpr *e,
                               const char *part, size_t at)
{
    static const char *const parts[] = {"YEAR",        "MONTH",      "DAY",
                                        "HOUR",        "MINUTE",     "SECOND",
                                        "MILLISECOND", "MICROSECOND"};

    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
        if (!strcmp(part, parts[i]))
            return bexpr_over(b, type_scalar(T_INT64),
                              arena_cat(b->mem, "bq_interval_part(", e->sql,
                                        ",'", part, "')", NULL),
                              e, NULL, at);
    }
    bind_fail(b, at, "EXTRACT from INTERVAL does not support the %s date part",
              part);
}

/* MAKE_INTERVAL([year][, month]..., [day => n]...) */
struct bexpr *make_interval(struct binder *b, const struct ast_expr *x)
{
    static const char *const names[] = {"year", "month",  "day",
                                        "hour", "minute", "second"};
    const char *sql[6] = {"0", "0", "0", "0", "0", "0"}, *text;
    struct bexpr *out = bexpr_new(b, type_scalar(T_INTERVAL), NULL, x->at);
    bool seen[6] = {false}, named = false;
    size_t n = 0;

    out->constant = true;
    for (const struct ast_expr *a = x->list; a; a = a->next, n++) {
        size_t i = a->kind == EX_NAMED ? 0 : n;
        struct bexpr *e;
        while (a->kind == EX_NAMED && i < 6 &&
               !str_ieq(a->text, str_from(names[i])))
            i++;
        if (i >= 6 || seen[i] || (named && a->kind != EX_NAMED))
            bind_fail(b, a->at,
                      "No matching signature for function MAKE_INTERVAL. "
                      "Supported signature: MAKE_INTERVAL([INT64 year], "
                      "[month], [day], [hour], [minute], [second])");
        named |= a->kind == EX_NAMED;
        seen[i] = true;
        e = bind_as(b, a->kind == EX_NAMED ? a->a : a, type_scalar(T_INT64),
                    "MAKE_INTERVAL");
        bexpr_merge(out, e);
        out->constant &= e->constant;
        sql[i] = e->sql;
    }
    text = x->call->safe ? "bqs_make_interval(" : "bq_make_interval(";
    out->sql = arena_cat(b->mem, text, sql[0], ",", sql[1], ",", sql[2], ",",
                         sql[3], ",", sql[4], ",", sql[5], ")", NULL);
    return out;
}
