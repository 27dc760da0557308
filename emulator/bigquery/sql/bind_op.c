/* SPDX-License-Identifier: Apache-2.0 */
/* Operators between two operands (Operators). SQLite's own are used where it
 * agrees: comparisons of everything but FLOAT64, AND, OR, ||, &, |. */
#include "emulator/bigquery/sql/bind_interval.h"

static _Noreturn void no_signature(struct binder *b, const char *op,
                                   const struct bexpr *l, const struct bexpr *r,
                                   size_t at)
{
    bind_fail(b, at,
              "No matching signature for operator %s for argument "
              "types: %s, %s",
              op, bind_type_name(b, l->type), bind_type_name(b, r->type));
}

/* Long chains as a tree of small depth: SQLite refuses 1000 levels. */
static const char *logic_sql(struct binder *b, const char *op, struct bexpr **e,
                             size_t n)
{
    const char *sql = "(";

    if (n > 64)
        return arena_cat(b->mem, "(", logic_sql(b, op, e, n / 2), " ", op, " ",
                         logic_sql(b, op, e + n / 2, n - n / 2), ")", NULL);
    for (size_t i = 0; i < n; i++)
        sql = arena_cat(b->mem, sql, i ? " " : "", i ? op : "", i ? " " : "",
                        e[i]->sql, NULL);
    return arena_cat(b->mem, sql, ")", NULL);
}

static struct bexpr *logic(struct binder *b, const struct ast_expr *x)
{
    const struct sql_type *t = type_scalar(T_BOOL);
    struct bexpr **e, *out;
    size_t n = 0;

    for (const struct ast_expr *i = x->list; i; i = i->next)
        n++;
    e = ARENA_ARRAY(b->mem, struct bexpr *, n);
    n = 0;
    out = bexpr_new(b, t, NULL, x->at);
    out->constant = true;
    for (const struct ast_expr *i = x->list; i; i = i->next, n++) {
        struct bexpr *raw = bind_expr(b, i);
        e[n] = coerce(b, raw, t);
        if (!e[n])
            bind_fail(b, x->at,
                      "No matching signature for operator %s for "
                      "argument types: %s. Supported signature: "
                      "BOOL %s (BOOL)",
                      x->op, bind_type_name(b, raw->type), x->op);
        bexpr_merge(out, e[n]);
        out->constant &= e[n]->constant;
    }
    out->sql = logic_sql(b, x->op, e, n);
    return out;
}

static struct bexpr *struct_equal(struct binder *b, struct bexpr *l,
                                  struct bexpr *r, size_t at)
{
    struct bexpr *out = NULL;

    for (size_t i = 0; i < l->type->n_fields; i++) {
        struct bexpr *f =
            bexpr_new(b, l->type->fields[i].type,
                      arena_printf(b->mem, "bq_field(%s,%zu)", l->sql, i), at);
        struct bexpr *g =
            bexpr_new(b, r->type->fields[i].type,
                      arena_printf(b->mem, "bq_field(%s,%zu)", r->sql, i), at);
        struct bexpr *c = bind_compare(b, "=", f, g, at);
        out = out ? bexpr_over(b, c->type,
                               arena_cat(b->mem, "(", out->sql, " AND ", c->sql,
                                         ")", NULL),
                               out, c, at)
                  : c;
    }
    if (!out)
        bind_fail(b, at,
                  "Equality is not defined for arguments of type "
                  "STRUCT<>");
    bexpr_merge(out, l);
    bexpr_merge(out, r);
    return out;
}

/* NaN is stored as text and compares unlike SQLite would: only comparisons
 * of a column with a number literal can stay native. */
static const char *float_compare(struct binder *b, const char *op,
                                 struct bexpr *l, struct bexpr *r)
{
    if (r->lit && l->column && op[0] == '>')
        return arena_cat(b->mem, "(", l->sql, op, r->sql, " AND ", l->sql,
                         "<=9e999)", NULL);
    if (r->lit && l->column)
        return arena_cat(b->mem, "(", l->sql, op, r->sql, ")", NULL);
    return arena_cat(b->mem, "bq_fcmp('", op, "',", l->sql, ",", r->sql, ")",
                     NULL);
}

struct bexpr *bind_compare(struct binder *b, const char *op, struct bexpr *l,
                           struct bexpr *r, size_t at)
{
    const struct sql_type *bool_type = type_scalar(T_BOOL), *t;
    struct bexpr *pair[2] = {l, r};
    bool equality;
    const char *sql;

    if (!strcmp(op, "<>"))
        op = "!=";
    equality = op[0] == '=' || op[0] == '!';
    t = super_of(b, pair, 2);
    if (!t)
        bind_fail(b, at,
                  "No matching signature for operator %s for argument "
                  "types: %s, %s. Supported signature: ANY %s ANY",
                  op, bind_type_name(b, l->type), bind_type_name(b, r->type),
                  op);
    if (t->kind == T_JSON || t->kind == T_ARRAY)
        bind_fail(b, at, "%s is not defined for arguments of type %s",
                  equality       ? "Equality"
                  : op[0] == '<' ? "Less than"
                                 : "Greater than",
                  bind_type_name(b, t));
    if (t->kind == T_STRUCT && !equality)
        bind_fail(b, at, "%s is not defined for arguments of type %s",
                  op[0] == '<' ? "Less than" : "Greater than",
                  bind_type_name(b, t));
    if (t->kind == T_FLOAT64) {
        /* An INT64 column beside a literal stays bare, for its index. */
        sql = float_compare(b, op, l->column && r->lit ? l : coerce(b, l, t),
                            r->lit ? r : coerce(b, r, t));
        return bexpr_over(b, bool_type, sql, l, r, at);
    }
    l = coerce(b, l, t);
    r = coerce(b, r, t);
    if (t->kind == T_INTERVAL)
        return bexpr_over(b, bool_type,
                          arena_cat(b->mem, "(bq_interval_us(", l->sql, ")", op,
                                    "bq_interval_us(", r->sql, "))", NULL),
                          l, r, at);
    if (t->kind == T_STRUCT) {
        struct bexpr *e = struct_equal(b, l, r, at);
        if (op[0] == '!')
            e = bexpr_over(b, bool_type,
                           arena_cat(b->mem, "(NOT ", e->sql, ")", NULL), e,
                           NULL, at);
        return e;
    }
    sql = arena_cat(b->mem, "(", l->sql, op, r->sql,
                    !equality && is_decimal(t) ? " COLLATE bq_num" : "", ")",
                    NULL);
    return bexpr_over(b, bool_type, sql, l, r, at);
}

/* bq_add(a,b) and c become bq_add(a,b,c). */
static struct bexpr *chained(struct binder *b, const char *fn,
                             const struct sql_type *t, struct bexpr *l,
                             struct bexpr *r, size_t at)
{
    const char *sql;
    struct bexpr *e;

    if (l->chain && !strcmp(l->chain, fn) && l->n_chain < 100)
        sql =
            arena_cat(b->mem, arena_strndup(b->mem, l->sql, strlen(l->sql) - 1),
                      ",", r->sql, ")", NULL);
    else
        sql = arena_cat(b->mem, fn, "(", l->sql, ",", r->sql, ")", NULL);
    e = bexpr_over(b, t, sql, l, r, at);
    e->chain = fn;
    e->n_chain =
        sql[0] && l->chain == fn && l->n_chain < 100 ? l->n_chain + 1 : 2;
    return e;
}

static struct bexpr *interval_add(struct binder *b, struct bexpr *l,
                                  const struct ast_expr *x, bool minus)
{
    struct bexpr *n;
    const char *fn;
    enum sql_type_kind kind = l->type->kind;
    const struct sql_type *t = l->type;

    n = bind_as(b, x->a, type_scalar(T_INT64), "INTERVAL");
    if (kind == T_DATE) {
        t = type_scalar(T_DATETIME);
        l = coerce(b, l, t);
    }
    fn = kind == T_TIMESTAMP ? "bq_ts_add"
         : kind == T_TIME    ? "bq_time_add"
                             : "bq_dt_add";
    return bexpr_over(b, t,
                      arena_printf(b->mem, "%s(%s,%s%s%s,'%.*s')", fn, l->sql,
                                   minus ? "bq_neg(" : "", n->sql,
                                   minus ? ")" : "", STR_ARG(x->text)),
                      l, n, x->at);
}

static struct bexpr *date_add(struct binder *b, const char *op, struct bexpr *l,
                              struct bexpr *r, size_t at)
{
    if (op[0] == '+' && r->type->kind == T_DATE) {
        struct bexpr *swap = l;
        l = r;
        r = swap;
    }
    if (l->type->kind != T_DATE || r->type->kind != T_INT64)
        no_signature(b, op, l, r, at);
    return bexpr_over(b, l->type,
                      arena_printf(b->mem, "bq_date_add(%s,%s%s%s,'DAY')",
                                   l->sql, op[0] == '-' ? "bq_neg(" : "",
                                   r->sql, op[0] == '-' ? ")" : ""),
                      l, r, at);
}

static struct bexpr *arithmetic(struct binder *b, const struct ast_expr *x,
                                struct bexpr *l, struct bexpr *r)
{
    static const struct {
        char op;
        const char *fn[4]; /* INT64, NUMERIC, BIGNUMERIC, FLOAT64 */
    } table[] = {
        {'+', {"bq_add", "bq_nadd", "bq_gadd", "bq_fadd"}},
        {'-', {"bq_sub", "bq_nsub", "bq_gsub", "bq_fsub"}},
        {'*', {"bq_mul", "bq_nmul", "bq_gmul", "bq_fmul"}},
        {'/', {NULL, "bq_ndiv", "bq_gdiv", "bq_fdiv"}},
    };
    struct bexpr *pair[2] = {l, r};
    const struct sql_type *t = super_of(b, pair, 2);
    struct bexpr *e;
    size_t i = 0;

    e = interval_arithmetic(b, x->op, l, r, x->at);
    if (e)
        return e;
    if (l->type->kind == T_DATE || r->type->kind == T_DATE ||
        l->type->kind == T_TIMESTAMP)
        return date_add(b, x->op, l, r, x->at);
    if (t && t->kind == T_NULLTYPE)
        t = type_scalar(T_INT64);
    if (!t || !is_numeric(t))
        no_signature(b, x->op, l, r, x->at);
    if (x->op[0] == '/' && t->kind == T_INT64)
        t = type_scalar(T_FLOAT64);
    while (table[i].op != x->op[0])
        i++;
    return chained(b, table[i].fn[t->kind - T_INT64], t, coerce(b, l, t),
                   coerce(b, r, t), x->at);
}

static struct bexpr *concat(struct binder *b, struct bexpr *l, struct bexpr *r,
                            size_t at)
{
    struct bexpr *pair[2] = {l, r}, *e;
    const struct sql_type *t = super_of(b, pair, 2);
    const char *left;

    if (t && t->kind == T_NULLTYPE)
        t = type_scalar(T_STRING);
    if (!t || (t->kind != T_STRING && t->kind != T_BYTES && t->kind != T_ARRAY))
        no_signature(b, "||", l, r, at);
    l = coerce(b, l, t);
    r = coerce(b, r, t);
    if (t->kind == T_BYTES)
        return chained(b, "bq_concat", t, l, r, at);
    if (t->kind == T_ARRAY)
        return chained(b, "bq_array_concat", t, l, r, at);
    left = l->sql;
    if (l->chain && !strcmp(l->chain, "||"))
        left = arena_strndup(b->mem, left + 1, strlen(left) - 2);
    e = bexpr_over(b, t, arena_cat(b->mem, "(", left, "||", r->sql, ")", NULL),
                   l, r, at);
    e->chain = "||";
    return e;
}

static struct bexpr *bits(struct binder *b, const char *op, struct bexpr *l,
                          struct bexpr *r, size_t at)
{
    const struct sql_type *t = type_scalar(T_INT64);
    struct bexpr *i = coerce(b, l, t), *j = coerce(b, r, t);
    const char *fn = op[0] == '^'   ? "bq_xor("
                     : op[0] == '<' ? "bq_shl("
                                    : "bq_shr(";

    if (l->type->kind == T_BYTES)
        bind_refuse(b, at, "Operator %s on BYTES", op);
    if (!i || !j)
        no_signature(b, op, l, r, at);
    if (op[0] == '&' || op[0] == '|')
        return bexpr_over(b, t,
                          arena_cat(b->mem, "(", i->sql, op, j->sql, ")", NULL),
                          i, j, at);
    return bexpr_over(
        b, t, arena_cat(b->mem, fn, i->sql, ",", j->sql, ")", NULL), i, j, at);
}

/* INTERVAL n part beside a date: what adds the part to it does it. */
static bool moves(const struct ast_expr *interval, const struct bexpr *date)
{
    enum sql_type_kind k = date->type->kind;

    return interval->kind == EX_INTERVAL && !interval->op &&
           interval->a->kind != EX_STRING &&
           (k == T_DATE || k == T_TIMESTAMP || k == T_DATETIME || k == T_TIME);
}

struct bexpr *bind_binary(struct binder *b, const struct ast_expr *x)
{
    const char *op = x->op;
    struct bexpr *l, *r;

    if (op[0] == 'A' || op[0] == 'O')
        return logic(b, x);
    if (x->a->kind == EX_INTERVAL && op[0] == '+') {
        r = bind_expr(b, x->b);
        if (moves(x->a, r))
            return interval_add(b, r, x->a, false);
        return arithmetic(b, x, bind_expr(b, x->a), r);
    }
    l = bind_expr(b, x->a);
    if (moves(x->b, l) && (op[0] == '+' || op[0] == '-'))
        return interval_add(b, l, x->b, op[0] == '-');
    r = bind_expr(b, x->b);
    if (!strcmp(op, "||"))
        return concat(b, l, r, x->at);
    if (strchr("&|^", op[0]) || !strcmp(op, "<<") || !strcmp(op, ">>"))
        return bits(b, op, l, r, x->at);
    if (strchr("+-*/", op[0]))
        return arithmetic(b, x, l, r);
    return bind_compare(b, op, l, r, x->at);
}

static struct bexpr *negative(struct binder *b, const struct ast_expr *x)
{
    struct bexpr *e, *out;
    const char *fn;

    if (x->a->kind == EX_INT && str_eq(x->a->text, STR("9223372036854775808")))
        e = bexpr_new(b, type_scalar(T_INT64), "9223372036854775808", x->at);
    else
        e = bind_expr(b, x->a);
    if (e->lit == NULL && e->type->kind == T_NULLTYPE)
        return e;
    if (e->type->kind == T_INTERVAL)
        return interval_negative(b, e, x->at);
    if (!is_numeric(e->type))
        bind_fail(b, x->at,
                  "No matching signature for operator - for "
                  "argument types: %s",
                  bind_type_name(b, e->type));
    if ((e->lit && !e->negative) ||
        !strncmp(e->sql, "9223372036854775808", 19)) {
        out =
            bexpr_new(b, e->type, arena_cat(b->mem, "-", e->sql, NULL), x->at);
        out->lit = e->lit;
        out->negative = true;
        out->literal = out->constant = true;
        return out;
    }
    fn = e->type->kind == T_INT64     ? "bq_neg("
         : e->type->kind == T_FLOAT64 ? "bq_fneg("
                                      : "bq_nneg(";
    return bexpr_over(b, e->type, arena_cat(b->mem, fn, e->sql, ")", NULL), e,
                      NULL, x->at);
}

struct bexpr *bind_unary(struct binder *b, const struct ast_expr *x)
{
    struct bexpr *e, *c;

    if (x->op[0] == '-')
        return negative(b, x);
    e = bind_expr(b, x->a);
    if (x->op[0] == '+') {
        if (!is_numeric(e->type) && e->type->kind != T_NULLTYPE)
            bind_fail(b, x->at,
                      "No matching signature for operator + for "
                      "argument types: %s",
                      bind_type_name(b, e->type));
        return e;
    }
    c = coerce(b, e, type_scalar(x->op[0] == '~' ? T_INT64 : T_BOOL));
    if (!c)
        bind_fail(b, x->at,
                  "No matching signature for operator %s for "
                  "argument types: %s",
                  x->op, bind_type_name(b, e->type));
    if (x->op[0] == '~')
        return bexpr_over(b, c->type,
                          arena_cat(b->mem, "(~", c->sql, ")", NULL), c, NULL,
                          x->at);
    return bexpr_over(b, c->type, arena_cat(b->mem, "(NOT ", c->sql, ")", NULL),
                      c, NULL, x->at);
}
