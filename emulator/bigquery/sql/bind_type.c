/* SPDX-License-Identifier: Apache-2.0 */
/* Types meet: names in casts, supertypes, implicit coercion, CAST
 * (Conversion rules). */
#include "emulator/bigquery/sql/bind_expr.h"

#include <stdio.h>
#include <stdlib.h>

#include "emulator/bigquery/sql/decimal.h"

bool is_decimal(const struct sql_type *t)
{
    return t->kind == T_NUMERIC || t->kind == T_BIGNUMERIC;
}

bool is_numeric(const struct sql_type *t)
{
    return t->kind == T_INT64 || t->kind == T_NUMERIC ||
           t->kind == T_BIGNUMERIC || t->kind == T_FLOAT64;
}

const struct sql_type *bind_ast_type(struct binder *b, const struct ast_type *t)
{
    enum sql_type_kind kind = type_by_name(str_from(t->name));
    struct sql_field *fields;
    size_t n = 0;

    if (!strcmp(t->name, "ARRAY")) {
        const struct sql_type *elem = bind_ast_type(b, t->elem);
        if (elem->kind == T_ARRAY)
            bind_fail(b, t->at, "Arrays of arrays are not supported");
        return type_array(b->mem, elem);
    }
    if (!strcmp(t->name, "GEOGRAPHY") || !strcmp(t->name, "RANGE"))
        bind_refuse(b, t->at, "Type %s", t->name);
    if (kind == T_N || !strcmp(t->name, "FLOAT") || !strcmp(t->name, "RECORD"))
        bind_fail(b, t->at, "Type not found: %s", t->name);
    if (kind != T_STRUCT)
        return type_scalar(kind);
    for (const struct ast_type *f = t->fields; f; f = f->next)
        n++;
    fields = ARENA_ARRAY(b->mem, struct sql_field, n);
    n = 0;
    for (const struct ast_type *f = t->fields; f; f = f->next)
        fields[n++] = (struct sql_field){f->field_name, bind_ast_type(b, f)};
    return type_struct(b->mem, fields, n);
}

static const struct sql_type *super_struct(struct binder *b,
                                           const struct sql_type *x,
                                           const struct sql_type *y)
{
    struct sql_field *fields;

    if (x->n_fields != y->n_fields)
        return NULL;
    fields = ARENA_ARRAY(b->mem, struct sql_field, x->n_fields);
    for (size_t i = 0; i < x->n_fields; i++) {
        fields[i].name = x->fields[i].name;
        fields[i].type = super_type(b, x->fields[i].type, y->fields[i].type);
        if (!fields[i].type)
            return NULL;
    }
    return type_struct(b->mem, fields, x->n_fields);
}

const struct sql_type *super_type(struct binder *b, const struct sql_type *x,
                                  const struct sql_type *y)
{
    if (type_eq(x, y))
        return x;
    if (x->kind == T_NULLTYPE)
        return y;
    if (y->kind == T_NULLTYPE)
        return x;
    if (is_numeric(x) && is_numeric(y))
        return x->kind > y->kind ? x : y;
    if (x->kind == T_DATE && y->kind == T_DATETIME)
        return y;
    if (x->kind == T_DATETIME && y->kind == T_DATE)
        return x;
    if (x->kind == T_STRUCT && y->kind == T_STRUCT)
        return super_struct(b, x, y);
    if (x->kind == T_ARRAY && y->kind == T_ARRAY &&
        (x->elem->kind == T_NULLTYPE || y->elem->kind == T_NULLTYPE))
        return x->elem->kind == T_NULLTYPE ? y : x;
    return NULL;
}

/* Non-literals decide; literals then must fit. */
const struct sql_type *super_of(struct binder *b, struct bexpr *const *e,
                                size_t n)
{
    const struct sql_type *t = NULL, *all = NULL;

    for (size_t i = 0; i < n; i++) {
        if (e[i]->literal)
            continue;
        t = t ? super_type(b, t, e[i]->type) : e[i]->type;
        if (!t)
            return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        if (!e[i]->literal)
            continue;
        if (t && t->kind != T_NULLTYPE && coerce_cost(e[i], t) >= 0)
            continue;
        all = t ? super_type(b, t, e[i]->type) : e[i]->type;
        /* A string literal takes the type of a date, whichever is first. */
        if (!all && coerce_cost(e[i], t) >= 0)
            all = t;
        if (!all)
            return NULL;
        t = all;
    }
    for (size_t i = 0; t && i < n; i++) {
        if (coerce_cost(e[i], t) < 0)
            return NULL;
    }
    return t ? t : type_scalar(T_NULLTYPE);
}

/* INT64 alone becomes FLOAT64 (ROUND, SAFE_DIVIDE of integers), but beside a
 * decimal argument the decimal overload costs less. */
static int widening(enum sql_type_kind from, enum sql_type_kind to)
{
    if (from == T_INT64 &&
        (to == T_NUMERIC || to == T_BIGNUMERIC || to == T_FLOAT64))
        return to == T_FLOAT64 ? 2 : to == T_NUMERIC ? 3 : 4;
    if (from == T_NUMERIC && (to == T_BIGNUMERIC || to == T_FLOAT64))
        return to == T_FLOAT64 ? 5 : 2;
    if (from == T_BIGNUMERIC && to == T_FLOAT64)
        return 4;
    if (from == T_DATE && to == T_DATETIME)
        return 3;
    return -1;
}

int coerce_cost(const struct bexpr *e, const struct sql_type *t)
{
    enum sql_type_kind from = e->type->kind, to = t->kind;

    if (type_eq(e->type, t))
        return 0;
    if (from == T_NULLTYPE)
        return 1;
    if (e->type->kind == T_ARRAY && to == T_ARRAY)
        return e->type->elem->kind == T_NULLTYPE ? 1
               : e->literal && widening(e->type->elem->kind, t->elem->kind) > 0
                   ? 5
                   : -1;
    if (from == T_STRUCT && to == T_STRUCT &&
        e->type->n_fields == t->n_fields) {
        for (size_t i = 0; i < t->n_fields; i++) {
            struct bexpr f = {.type = e->type->fields[i].type, .literal = true};
            if (coerce_cost(&f, t->fields[i].type) < 0)
                return -1;
        }
        return 1;
    }
    if (widening(from, to) > 0)
        return widening(from, to);
    if (!e->literal)
        return -1;
    if (from == T_STRING &&
        (to == T_DATE || to == T_TIMESTAMP || to == T_DATETIME || to == T_TIME))
        return to == T_DATE ? 6 : 7;
    if (from == T_STRING && to == T_BYTES && !e->lit)
        return 8; /* parameters only */
    if (from == T_FLOAT64 && (to == T_NUMERIC || to == T_BIGNUMERIC))
        return 5;
    return -1;
}

/* Number literals become literals of the wider type at once. */
static struct bexpr *coerce_number(struct binder *b, struct bexpr *e,
                                   const struct sql_type *t)
{
    const char *sign = e->negative ? "-" : "";
    char *text = arena_strndup(b->mem, e->lit->text.p, e->lit->text.len);
    struct bexpr *out;

    if (t->kind == T_FLOAT64) {
        double v = e->lit->kind == EX_INT && (text[0] == '0')
                       ? (double)strtoull(text, NULL, 0)
                       : strtod(text, NULL);
        out = bexpr_new(b, t, quote_real(b->mem, e->negative ? -v : v), e->at);
    } else {
        if (e->lit->kind == EX_INT && (text[0] == '0') && text[1])
            text = arena_printf(b->mem, "%llu", strtoull(text, NULL, 0));
        out = bind_typed_text(b, str_from(arena_cat(b->mem, sign, text, NULL)),
                              t, e->at);
    }
    out->literal = out->constant = true;
    return out;
}

static struct bexpr *convert(struct binder *b, struct bexpr *e,
                             const struct sql_type *t, const char *sql)
{
    struct bexpr *out = bexpr_new(b, t, sql, e->at);

    bexpr_merge(out, e);
    out->constant = e->constant;
    return out;
}

const char *bind_zone(struct binder *b)
{
    return b->options->zone ? quote_sql(b->mem, str_from(b->options->zone))
                            : "'UTC'";
}

/* In a zone of the statement's own a TIMESTAMP has another date and text. */
static const char *cast_text(struct binder *b, const char *sql,
                             const struct sql_type *from,
                             const struct sql_type *to, bool safe)
{
    static const struct {
        char from, to;
        const char *name;
    } zoned[] = {{'S', 'T', "ts_text"}, {'D', 'T', "date_ts"},
                 {'M', 'T', "dt_ts"},   {'T', 'S', "ts_string"},
                 {'T', 'D', "ts_date"}, {'T', 'M', "ts_dt"},
                 {'T', 'C', "ts_time"}};
    char f = type_letter(from), t = type_letter(to);

    for (size_t i = 0; b->options->zone && i < sizeof(zoned) / sizeof(*zoned);
         i++)
        if (zoned[i].from == f && zoned[i].to == t)
            return arena_printf(b->mem, "bq%s_%s(%s,%s)", safe ? "s" : "",
                                zoned[i].name, sql, bind_zone(b));
    return arena_printf(b->mem, "bq%s_cast(%s,'%c','%c')", safe ? "s" : "", sql,
                        f, t);
}

static const char *cast_sql(struct binder *b, const struct bexpr *e,
                            const struct sql_type *t, bool safe)
{
    return cast_text(b, e->sql, e->type, t, safe);
}

static struct bexpr *cast_struct(struct binder *b, struct bexpr *e,
                                 const struct sql_type *t, bool safe, size_t at)
{
    struct bexpr **fields = ARENA_ARRAY(b->mem, struct bexpr *, t->n_fields);
    const char *sql;

    for (size_t i = 0; i < t->n_fields; i++) {
        struct bexpr *f =
            bexpr_new(b, e->type->fields[i].type,
                      arena_printf(b->mem, "bq_field(%s,%zu)", e->sql, i), at);
        fields[i] = bind_cast(b, f, t->fields[i].type, safe, at);
    }
    sql = struct_sql(b, fields, t->n_fields);
    return convert(b, e, t,
                   arena_printf(b->mem, "CASE WHEN %s IS NOT NULL THEN %s END",
                                e->sql, sql));
}

struct bexpr *coerce(struct binder *b, struct bexpr *e,
                     const struct sql_type *t)
{
    int cost = coerce_cost(e, t);
    struct bexpr *out;

    if (e->param && t->kind != T_NULLTYPE)
        b->undeclared[e->param - 1].type = t;
    if (cost == 0)
        return e;
    if (cost < 0)
        return NULL;
    if (e->type->kind == T_NULLTYPE || e->type->kind == T_ARRAY) {
        if (e->type->kind == T_ARRAY && e->type->elem->kind != T_NULLTYPE)
            return bind_cast(b, e, t, false, e->at);
        out = convert(b, e, t, e->sql);
        out->literal = e->literal;
        out->lit = NULL;
        out->param = e->param;
        return out;
    }
    if (e->lit && is_numeric(t))
        return coerce_number(b, e, t);
    if (e->lit && e->type->kind == T_STRING) {
        out = bind_typed_text(b, e->lit->text, t, e->at);
        out->literal = false;
        return out;
    }
    if (e->type->kind == T_STRUCT)
        return cast_struct(b, e, t, false, e->at);
    if (t->kind == T_FLOAT64 && e->type->kind == T_INT64)
        return convert(b, e, t,
                       arena_cat(b->mem, "CAST(", e->sql, " AS REAL)", NULL));
    return convert(b, e, t, cast_sql(b, e, t, false));
}

/* Of a decimal literal all digits count, not those that FLOAT64 keeps; NULL:
 * it is none, or the cast must fail when it runs. */
static const char *exact_decimal(struct binder *b, const struct bexpr *e,
                                 const struct sql_type *t)
{
    int scale = t->kind == T_NUMERIC ? DEC_NUMERIC : DEC_BIGNUMERIC;
    char out[DEC_TEXT_MAX];
    struct dec d;

    if (!e->lit || e->lit->kind != EX_FLOAT || !is_decimal(t) ||
        dec_parse(&d, e->lit->text, scale))
        return NULL;
    if (e->negative && !dec_is_zero(&d))
        d.neg = !d.neg;
    dec_format(out, &d, scale);
    return arena_cat(b->mem, "'", out, "'", NULL);
}

/* The matrix of CAST (Conversion rules): may `from` become `to`? */
static bool castable(enum sql_type_kind from, enum sql_type_kind to)
{
    static const struct {
        enum sql_type_kind from;
        const char *to;
    } matrix[] = {{T_INT64, "IBFNGS"},     {T_BOOL, "BIS"},
                  {T_FLOAT64, "IFNGS"},    {T_NUMERIC, "INGFS"},
                  {T_BIGNUMERIC, "INGFS"}, {T_STRING, "SIFNGBYDTMCV"},
                  {T_BYTES, "YS"},         {T_DATE, "SDMT"},
                  {T_DATETIME, "SDMCT"},   {T_TIME, "SC"},
                  {T_TIMESTAMP, "SDMCT"},  {T_JSON, "J"},
                  {T_INTERVAL, "VS"}};
    struct sql_type t = {.kind = to};

    for (size_t i = 0; i < sizeof(matrix) / sizeof(*matrix); i++) {
        if (matrix[i].from == from)
            return strchr(matrix[i].to, type_letter(&t)) != NULL;
    }
    return false;
}

struct bexpr *bind_cast(struct binder *b, struct bexpr *e,
                        const struct sql_type *t, bool safe, size_t at)
{
    struct bexpr *out;
    const char *exact;

    if (type_eq(e->type, t)) {
        out = convert(b, e, t, e->sql);
        return out;
    }
    if (e->param)
        b->undeclared[e->param - 1].type = t;
    if (e->type->kind == T_NULLTYPE)
        return convert(b, e, t, e->sql);
    exact = exact_decimal(b, e, t);
    if (exact)
        return convert(b, e, t, exact);
    if (e->type->kind == T_ARRAY && t->kind == T_ARRAY) {
        if (e->type->elem->kind == T_NULLTYPE)
            return convert(b, e, t, e->sql);
        if (castable(e->type->elem->kind, t->elem->kind))
            return convert(
                b, e, t,
                arena_printf(b->mem,
                             "CASE WHEN %s IS NOT NULL THEN coalesce((SELECT "
                             "bq_collect('As',%s) FROM bq_unnest(%s)),'[]') "
                             "END",
                             e->sql,
                             cast_text(b, "v", e->type->elem, t->elem, safe),
                             e->sql));
    }
    if (e->type->kind == T_STRUCT && t->kind == T_STRUCT &&
        e->type->n_fields == t->n_fields)
        return cast_struct(b, e, t, safe, at);
    if (!castable(e->type->kind, t->kind))
        bind_fail(b, at, "Invalid cast from %s to %s",
                  bind_type_name(b, e->type), bind_type_name(b, t));
    if (t->kind == T_FLOAT64 && e->type->kind == T_INT64)
        return convert(b, e, t,
                       arena_cat(b->mem, "CAST(", e->sql, " AS REAL)", NULL));
    return convert(b, e, t, cast_sql(b, e, t, safe));
}
