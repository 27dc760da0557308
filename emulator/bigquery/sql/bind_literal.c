/* SPDX-License-Identifier: Apache-2.0 */
/* Literals, and the constructors and readers of ARRAY and STRUCT. */
#include "emulator/bigquery/sql/bind_expr.h"

#include <errno.h>
#include <stdlib.h>

#include "emulator/bigquery/sql/civil.h"
#include "emulator/bigquery/sql/decimal.h"
#include "emulator/bigquery/sql/json_norm.h"
#include "common/buf.h"
#include "common/json.h"

static struct bexpr *constant(struct binder *b, const struct sql_type *t,
                              const char *sql, size_t at)
{
    struct bexpr *e = bexpr_new(b, t, sql, at);

    e->constant = true;
    return e;
}

static struct bexpr *int_literal(struct binder *b, const struct ast_expr *x)
{
    const char *text = arena_strndup(b->mem, x->text.p, x->text.len);
    struct bexpr *e;
    unsigned long long v;

    errno = 0;
    v = strtoull(text, NULL, text[0] == '0' && (text[1] | 32) == 'x' ? 16 : 10);
    if (errno || v > (unsigned long long)INT64_MAX)
        bind_fail(b, x->at, "Invalid integer literal: %s", text);
    e = constant(b, type_scalar(T_INT64), arena_printf(b->mem, "%llu", v),
                 x->at);
    e->literal = true;
    e->lit = x;
    return e;
}

static struct bexpr *json_literal(struct binder *b, struct str text, size_t at)
{
    struct str number;
    const char *why;
    struct buf *out;
    const char *sql;
    size_t where;

    if (json_check_same_keys(text, &why, &where) != RC_OK)
        bind_fail(b, at, "Invalid JSON literal: %s", why);
    if (json_number_lost(text, &number))
        bind_fail(b, at,
                  "Invalid JSON literal: Input number: %.*s cannot round-trip "
                  "through string representation",
                  (int)(number.len < 80 ? number.len : 80), number.p);
    out = arena_buf(b->mem);
    json_normalize(text, out);
    sql = quote_sql(b->mem, str_from(arena_buf_take(b->mem, out)));
    return constant(b, type_scalar(T_JSON), sql, at);
}

static struct bexpr *decimal_literal(struct binder *b, struct str text,
                                     const struct sql_type *t, size_t at)
{
    int scale = t->kind == T_NUMERIC ? DEC_NUMERIC : DEC_BIGNUMERIC;
    char out[DEC_TEXT_MAX];
    struct dec d;

    if (dec_parse(&d, text, scale))
        bind_fail(b, at, "Invalid %s literal: %.*s", bind_type_name(b, t),
                  STR_ARG(text));
    dec_format(out, &d, scale);
    return constant(b, t, arena_cat(b->mem, "'", out, "'", NULL), at);
}

/* Without a zone in the text: the statement's. */
static bool parse_timestamp(struct binder *b, struct str text, int64_t *us)
{
    const char *name = b->options->zone;
    struct tz_set zones = {NULL};
    const struct tz *zone = name ? tz_find(&zones, str_from(name)) : NULL;
    bool ok = civil_parse_timestamp(text, zone, &zones, us);

    tz_set_fini(&zones);
    return ok;
}

struct bexpr *bind_typed_text(struct binder *b, struct str text,
                              const struct sql_type *t, size_t at)
{
    int64_t v = 0;
    bool ok = false;

    switch (t->kind) {
    case T_NUMERIC:
    case T_BIGNUMERIC:
        return decimal_literal(b, text, t, at);
    case T_JSON:
        return json_literal(b, text, at);
    case T_BYTES:
        return constant(b, t, quote_blob(b->mem, text), at);
    case T_DATE:
        ok = civil_parse_date(text, &v);
        break;
    case T_TIME:
        ok = civil_parse_time(text, &v);
        break;
    case T_DATETIME:
        ok = civil_parse_datetime(text, &v);
        break;
    case T_TIMESTAMP:
        ok = parse_timestamp(b, text, &v);
        break;
    default:
        break;
    }
    if (!ok)
        bind_fail(b, at, "Could not cast literal \"%.*s\" to type %s",
                  STR_ARG(text), bind_type_name(b, t));
    return constant(b, t, arena_printf(b->mem, "%lld", (long long)v), at);
}

static struct bexpr *typed(struct binder *b, const struct ast_expr *x)
{
    const struct sql_type *t = type_scalar(type_by_name(str_from(x->op)));
    int64_t v;
    bool bad = (t->kind == T_DATE && !civil_parse_date(x->text, &v)) ||
               (t->kind == T_TIME && !civil_parse_time(x->text, &v)) ||
               (t->kind == T_DATETIME && !civil_parse_datetime(x->text, &v)) ||
               (t->kind == T_TIMESTAMP && !parse_timestamp(b, x->text, &v));

    if (bad)
        bind_fail(b, x->at, "Invalid %s literal", x->op);
    return bind_typed_text(b, x->text, t, x->at);
}

struct bexpr *bind_literal(struct binder *b, const struct ast_expr *x)
{
    struct bexpr *e;
    double v;

    switch (x->kind) {
    case EX_INT:
        return int_literal(b, x);
    case EX_FLOAT:
        v = strtod(arena_strndup(b->mem, x->text.p, x->text.len), NULL);
        if (v > 1.7976931348623157e308)
            bind_fail(b, x->at, "Invalid floating point literal: %.*s",
                      STR_ARG(x->text));
        e = constant(b, type_scalar(T_FLOAT64), quote_real(b->mem, v), x->at);
        e->lit = x;
        break;
    case EX_STRING:
        e = constant(b, type_scalar(T_STRING), quote_sql(b->mem, x->text),
                     x->at);
        e->lit = x;
        break;
    case EX_BYTES:
        e = constant(b, type_scalar(T_BYTES), quote_blob(b->mem, x->text),
                     x->at);
        break;
    case EX_BOOL:
        e = constant(b, type_scalar(T_BOOL), x->flag ? "1" : "0", x->at);
        break;
    case EX_NULL:
        e = constant(b, type_scalar(T_NULLTYPE), "NULL", x->at);
        break;
    default:
        return typed(b, x);
    }
    e->literal = true;
    return e;
}

static bool is_nested(const struct sql_type *t)
{
    return t->kind == T_ARRAY || t->kind == T_STRUCT;
}

/* SQLite's functions take 127 arguments: longer lists go in pieces. */
static const char *array_sql(struct binder *b, struct bexpr *const *e, size_t n,
                             bool nested)
{
    struct buf *out;
    char *copy;

    out = arena_buf(b->mem);
    if (n > 100)
        buf_puts(out, "bq_array_concat(");
    for (size_t i = 0; i < n; i++) {
        if (i % 100 == 0)
            buf_printf(out, "%sbq_array('%c'", i ? ")," : "",
                       nested ? 'r' : 's');
        buf_putc(out, ',');
        buf_puts(out, e[i]->sql);
    }
    buf_puts(out, n > 100 ? "))" : ")");
    copy = arena_buf_take(b->mem, out);
    return copy;
}

struct bexpr *bind_array(struct binder *b, const struct ast_expr *x)
{
    const struct sql_type *t = NULL;
    struct bexpr **e, *out;
    bool literal = true;
    size_t n = 0;

    for (const struct ast_expr *i = x->list; i; i = i->next)
        n++;
    if (n > 10000)
        bind_fail(b, x->at,
                  "Query is too complex: array of more than 10000 "
                  "elements");
    e = ARENA_ARRAY(b->mem, struct bexpr *, n);
    n = 0;
    for (const struct ast_expr *i = x->list; i; i = i->next)
        e[n++] = bind_expr(b, i);
    if (x->type)
        t = bind_ast_type(b, x->type)->elem;
    else if (n)
        t = super_of(b, e, n);
    else
        t = type_scalar(T_NULLTYPE);
    if (!t)
        bind_fail(b, x->at,
                  "Array elements of types {%s, %s} do not have a "
                  "common supertype",
                  bind_type_name(b, e[0]->type),
                  bind_type_name(b, e[n - 1]->type));
    if (t->kind == T_ARRAY)
        bind_fail(b, x->at,
                  "Cannot construct array with element type %s "
                  "because nested arrays are not supported",
                  bind_type_name(b, t));
    out = bexpr_new(b, type_array(b->mem, t), "'[]'", x->at);
    out->constant = true;
    for (size_t i = 0; i < n; i++) {
        struct bexpr *c = coerce(b, e[i], t);
        if (!c)
            bind_fail(b, e[i]->at,
                      "Array element type %s does not coerce to "
                      "%s",
                      bind_type_name(b, e[i]->type), bind_type_name(b, t));
        literal &= e[i]->literal;
        e[i] = c;
        bexpr_merge(out, c);
        out->constant &= c->constant;
    }
    if (n)
        out->sql = array_sql(b, e, n, is_nested(t));
    out->literal = literal && !x->type;
    return out;
}

const char *struct_sql(struct binder *b, struct bexpr *const *fields, size_t n)
{
    char *format = arena_alloc(b->mem, n + 1);
    const char *sql;

    for (size_t i = 0; i < n; i++)
        format[i] = is_nested(fields[i]->type) ? 'r' : 's';
    if (n > 100)
        bind_error(b, "resourcesExceeded", -1,
                   "Query is too complex: STRUCT of more than 100 fields");
    sql = arena_cat(b->mem, "bq_struct('", format, "'", NULL);
    for (size_t i = 0; i < n; i++)
        sql = arena_cat(b->mem, sql, ",", fields[i]->sql, NULL);
    return arena_cat(b->mem, sql, ")", NULL);
}

static struct str field_name(const struct ast_expr *x)
{
    if (x->alias.len)
        return x->alias;
    if (x->kind == EX_NAME || x->kind == EX_DOT)
        return x->text;
    return STR_NULL;
}

struct bexpr *bind_struct(struct binder *b, const struct ast_expr *x)
{
    const struct sql_type *t = x->type ? bind_ast_type(b, x->type) : NULL;
    struct bexpr **e, *out;
    struct sql_field *fields;
    size_t n = 0;

    for (const struct ast_expr *i = x->list; i; i = i->next)
        n++;
    e = ARENA_ARRAY(b->mem, struct bexpr *, n);
    fields = ARENA_ARRAY(b->mem, struct sql_field, n);
    if (t && n != t->n_fields)
        bind_fail(b, x->at,
                  "STRUCT type has %zu fields but constructor call "
                  "has %zu fields",
                  t->n_fields, n);
    out = bexpr_new(b, t, NULL, x->at);
    out->constant = true;
    n = 0;
    for (const struct ast_expr *i = x->list; i; i = i->next, n++) {
        e[n] = t ? bind_as(b, i, t->fields[n].type, "STRUCT field")
                 : bind_expr(b, i);
        fields[n].name = x->kind == EX_TUPLE ? STR_NULL : field_name(i);
        fields[n].type = e[n]->type;
        bexpr_merge(out, e[n]);
        out->constant &= e[n]->constant;
    }
    if (!t)
        out->type = type_struct(b->mem, fields, n);
    out->sql = struct_sql(b, e, n);
    return out;
}

static struct bexpr *json_index(struct binder *b, struct bexpr *a,
                                struct bexpr *i, size_t at)
{
    struct bexpr *out;

    if (i->type->kind != T_STRING && i->type->kind != T_INT64)
        bind_fail(b, at,
                  "Subscript access of JSON needs INT64 or STRING, not "
                  "%s",
                  bind_type_name(b, i->type));
    out = bexpr_new(
        b, a->type,
        arena_cat(b->mem, "bq_json_member(", a->sql, ",", i->sql, ")", NULL),
        at);
    bexpr_merge(out, a);
    bexpr_merge(out, i);
    return out;
}

struct bexpr *bind_index(struct binder *b, const struct ast_expr *x)
{
    struct bexpr *a = bind_expr(b, x->a), *i = bind_expr(b, x->b), *out, *n;
    bool safe = x->op && x->op[0] == 'S';
    bool ordinal = x->op && strstr(x->op, "ORDINAL");

    if (a->type->kind == T_JSON && !x->op)
        return json_index(b, a, i, x->at);
    if (a->type->kind == T_STRUCT && (!x->op || !strcmp(x->op, "OFFSET")) &&
        i->lit && i->type->kind == T_INT64) {
        long at = strtol(i->sql, NULL, 10);
        if (at < 0 || (size_t)at >= a->type->n_fields)
            bind_fail(b, x->at, "Field ordinal out of bounds in %s",
                      bind_type_name(b, a->type));
        out = bexpr_new(b, a->type->fields[at].type,
                        arena_printf(b->mem, "bq_field(%s,%ld)", a->sql, at),
                        x->at);
        bexpr_merge(out, a);
        return out;
    }
    if (a->type->kind != T_ARRAY)
        bind_fail(b, x->at,
                  "Element access using [] is not supported on "
                  "values of type %s",
                  bind_type_name(b, a->type));
    n = coerce(b, i, type_scalar(T_INT64));
    if (!n)
        bind_fail(b, x->b->at,
                  "Array position in [] must be coercible to "
                  "INT64 type, but has type %s",
                  bind_type_name(b, i->type));
    out = bexpr_new(b, a->type->elem,
                    arena_printf(b->mem, "bq%s_elem(%s,%s,%d)", safe ? "s" : "",
                                 a->sql, n->sql, ordinal),
                    x->at);
    bexpr_merge(out, a);
    bexpr_merge(out, n);
    out->constant = a->constant && n->constant;
    return out;
}
