/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/bigquery/sql/bind_pivot.h"

#include <errno.h>
#include <stdlib.h>

#include "common/buf.h"
#include "common/timefmt.h"
#include "emulator/bigquery/sql/civil.h"
#include "emulator/bigquery/sql/decimal.h"

/* Digits of a number: `minus` stood before them, or stands in them. */
static void put_number(struct buf *out, struct str digits, bool minus)
{
    if (digits.len && digits.p[0] == '-') {
        minus = !minus;
        digits = str_of(digits.p + 1, digits.len - 1);
    }
    buf_puts(out, minus ? "minus_" : "_");
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.p[i] == '.')
            buf_puts(out, "_point_");
        else
            buf_putc(out, digits.p[i]);
    }
}

static bool put_int(struct binder *b, struct buf *out, struct str text,
                    bool minus)
{
    char *copy = arena_strndup(b->mem, text.p, text.len);
    bool hex = copy[0] == '0' && (copy[1] | 32) == 'x';
    unsigned long long v;

    errno = 0;
    v = strtoull(copy, NULL, hex ? 16 : 10);
    if (errno)
        return false;
    copy = arena_printf(b->mem, "%llu", v);
    put_number(out, str_from(copy), minus);
    return true;
}

static bool put_decimal(struct buf *out, struct str text)
{
    char digits[DEC_TEXT_MAX];
    struct dec d;

    if (dec_parse(&d, text, DEC_BIGNUMERIC))
        return false;
    dec_format(digits, &d, DEC_BIGNUMERIC);
    put_number(out, str_from(digits), false);
    return true;
}

static bool put_numeric(struct binder *b, struct buf *out,
                        const struct ast_expr *x)
{
    bool minus = false;

    while (x->kind == EX_UNARY && (x->op[0] == '-' || x->op[0] == '+')) {
        minus ^= x->op[0] == '-';
        x = x->a;
    }
    if (x->kind == EX_INT)
        return put_int(b, out, x->text, minus);
    if (x->kind == EX_FLOAT) {
        for (size_t i = 0; i < x->text.len; i++) {
            if ((x->text.p[i] | 32) == 'e')
                return false;
        }
        put_number(out, x->text, minus);
        return true;
    }
    return x->kind == EX_TYPED && !minus && put_decimal(out, x->text);
}

static bool put_date(struct buf *out, const struct ast_expr *x)
{
    int64_t days, year;
    unsigned month, day;

    if ((x->kind != EX_TYPED && x->kind != EX_STRING) ||
        !civil_parse_date(x->text, &days))
        return false;
    timefmt_civil_from_days(days, &year, &month, &day);
    buf_printf(out, "_%04lld_%02u_%02u", (long long)year, month, day);
    return true;
}

static bool put_name(struct binder *b, struct buf *out,
                     const struct ast_expr *x, const struct sql_type *t);

static bool put_struct(struct binder *b, struct buf *out,
                       const struct ast_expr *x, const struct sql_type *t)
{
    const struct ast_expr *e = x->list;

    if ((x->kind != EX_STRUCT && x->kind != EX_TUPLE) || !e)
        return false;
    for (size_t i = 0; i < t->n_fields && e; i++, e = e->next) {
        buf_puts(out, i ? "_" : "");
        if (t->fields[i].name.len)
            buf_printf(out, "%.*s_", STR_ARG(t->fields[i].name));
        if (!put_name(b, out, e, t->fields[i].type))
            return false;
    }
    return true;
}

static bool put_name(struct binder *b, struct buf *out,
                     const struct ast_expr *x, const struct sql_type *t)
{
    if (x->kind == EX_NULL) {
        buf_puts(out, "NULL");
        return true;
    }
    switch (t->kind) {
    case T_BOOL:
        buf_puts(out, x->flag ? "TRUE" : "FALSE");
        return x->kind == EX_BOOL;
    case T_STRING:
        buf_str(out, x->text);
        return x->kind == EX_STRING;
    case T_INT64:
    case T_NUMERIC:
    case T_BIGNUMERIC:
        return put_numeric(b, out, x);
    case T_DATE:
        return put_date(out, x);
    case T_STRUCT:
        return put_struct(b, out, x, t);
    default:
        return false;
    }
}

bool pivot_column_name(struct binder *b, const struct ast_expr *value,
                       const struct sql_type *t, struct str *out)
{
    struct buf *name = arena_buf(b->mem);
    bool ok = put_name(b, name, value, t);
    const char *text = arena_buf_take(b->mem, name);

    if (ok)
        *out = str_from(text);
    return ok && out->len;
}
