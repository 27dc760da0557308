/* SPDX-License-Identifier: Apache-2.0 */
/* FORMAT(format, (type, value)...): printf's specifiers and %t, %T, %p. */
#include <math.h>
#include <stdio.h>

#include "emulator/bigquery/sql/fn.h"
#include "emulator/bigquery/sql/json_norm.h"
#include "emulator/bigquery/sql/show.h"
#include "emulator/bigquery/sql/utf8.h"

enum {
    WIDTH_MAX = 10000
};

struct spec {
    bool minus, plus, space, hash, zero, group;
    int width, precision; /* -1: none */
    char letter;
};

struct formatting {
    struct fn *f;
    int arg; /* the next descriptor's index */
    struct buf out;
    struct arena mem;
    bool null;
};

static void pad(struct formatting *x, const struct spec *s, struct str text)
{
    int n = (int)utf8_count(text);

    for (int i = n; !s->minus && i < s->width; i++)
        buf_putc(&x->out, ' ');
    buf_str(&x->out, text);
    for (int i = n; s->minus && i < s->width; i++)
        buf_putc(&x->out, ' ');
}

static void group_digits(char *text, size_t size)
{
    char copy[700];
    size_t start = strspn(text, "-+ "),
           whole = strspn(text + start, "0123456789");
    size_t n = 0;

    if (strlen(text) * 2 >= sizeof(copy))
        return;
    memcpy(copy, text, start);
    n = start;
    for (size_t i = 0; i < whole; i++) {
        if (i && (whole - i) % 3 == 0)
            copy[n++] = ',';
        copy[n++] = text[start + i];
    }
    snprintf(copy + n, sizeof(copy) - n, "%s", text + start + whole);
    snprintf(text, size, "%s", copy);
}

static void printf_spec(const struct spec *s, const char *length, char *fmt)
{
    int n = 0;

    fmt[n++] = '%';
    if (s->minus)
        fmt[n++] = '-';
    if (s->plus)
        fmt[n++] = '+';
    if (s->space)
        fmt[n++] = ' ';
    if (s->hash)
        fmt[n++] = '#';
    if (s->zero)
        fmt[n++] = '0';
    n += s->width ? snprintf(fmt + n, 16, "%d", s->width) : 0;
    n += s->precision >= 0 ? snprintf(fmt + n, 16, ".%d", s->precision) : 0;
    snprintf(fmt + n, 16, "%s%c", length,
             s->letter == 'i' || s->letter == 'u' ? 'd' : s->letter);
}

/* The formats are made above, of checked parts. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"

static void put_int(struct formatting *x, const struct spec *s, int64_t v)
{
    char fmt[64], text[700];

    if (strchr("oxX", s->letter) && v < 0) {
        struct spec bare = *s;
        char digits[40];
        bare.width = 0;
        printf_spec(&bare, "ll", fmt);
        digits[0] = '-';
        snprintf(digits + 1, sizeof(digits) - 1, fmt,
                 (long long)(0 - (uint64_t)v));
        pad(x, s, str_from(digits));
        return;
    }
    printf_spec(s, "ll", fmt);
    snprintf(text, sizeof(text), fmt, (long long)v);
    if (s->group)
        group_digits(text, sizeof(text));
    buf_puts(&x->out, text);
}

static void put_real_spec(struct formatting *x, const struct spec *s, double v)
{
    char fmt[64], text[700];

    if (!isfinite(v)) {
        snprintf(text, sizeof(text), "%s",
                 isnan(v) ? "nan"
                 : v > 0  ? (s->plus ? "+inf" : "inf")
                          : "-inf");
        pad(x, s, str_from(text));
        return;
    }
    printf_spec(s, "", fmt);
    snprintf(text, sizeof(text), fmt, v);
    if (s->group)
        group_digits(text, sizeof(text));
    buf_puts(&x->out, text);
}

#pragma GCC diagnostic pop

static void mismatch(struct formatting *x, const struct spec *s,
                     const struct sql_type *t)
{
    fn_fail(x->f, "Invalid type for FORMAT specifier %%%c: %s", s->letter,
            type_name(&x->mem, t));
}

static void put_shown(struct formatting *x, const struct spec *s,
                      const struct sql_type *t, const struct value *v)
{
    struct buf text;
    struct str shown;

    fn_buf(&text);
    if (s->letter == 'p' || s->letter == 'P') {
        struct buf json;
        fn_buf(&json);
        show_json(&json, t, v, SHOW_STRING);
        if (s->letter == 'P')
            json_pretty(buf_as_str(&json), &text);
        else
            buf_str(&text, buf_as_str(&json));
        buf_fini(&json);
    } else {
        show_text(&text, t, v, fn_zone(x->f, 0), s->letter == 'T');
    }
    shown = buf_as_str(&text);
    if (s->precision >= 0)
        shown.len = utf8_bytes(shown, (size_t)s->precision);
    pad(x, s, shown);
    buf_fini(&text);
}

static void put_arg(struct formatting *x, const struct spec *s)
{
    const struct sql_type *t;
    struct value v;

    if (x->arg + 1 >= fn_count(x->f)) {
        fn_fail(x->f, "Too few arguments to FORMAT for pattern \"%.*s\"",
                STR_ARG(fn_str(x->f, 1)));
        return;
    }
    t = type_from_descriptor(&x->mem, fn_str(x->f, x->arg));
    fn_get(x->f, x->arg + 1, &v, false);
    x->arg += 2;
    if (strchr("tTpP", s->letter)) {
        put_shown(x, s, t, &v);
        return;
    }
    if (v.kind == FN_NULL) {
        x->null = true;
        return;
    }
    if (strchr("diuoxX", s->letter)) {
        if (t->kind == T_INT64)
            put_int(x, s, v.i);
        else
            mismatch(x, s, t);
    } else if (strchr("fFeEgG", s->letter)) {
        double d = v.kind == FN_INT    ? (double)v.i
                   : v.kind == FN_REAL ? v.d
                                       : NAN;
        if (t->kind == T_NUMERIC || t->kind == T_BIGNUMERIC) {
            char digits[100];
            snprintf(digits, sizeof(digits), "%.*s", STR_ARG(v.s));
            sscanf(digits, "%lf", &d);
        } else if (t->kind != T_FLOAT64 && t->kind != T_INT64) {
            mismatch(x, s, t);
            return;
        }
        put_real_spec(x, s, d);
    } else if (s->letter == 's' && (t->kind == T_STRING || t->kind == T_BYTES ||
                                    t->kind == T_JSON)) {
        if (s->precision >= 0)
            v.s.len = utf8_bytes(v.s, (size_t)s->precision);
        pad(x, s, v.s);
    } else if (s->letter == 's') {
        mismatch(x, s, t);
    } else {
        fn_fail(x->f,
                "Invalid format specifier character \"%c\" in FORMAT "
                "string",
                s->letter);
    }
}

static int star(struct formatting *x)
{
    int64_t v;

    if (x->arg + 1 >= fn_count(x->f)) {
        fn_fail(x->f, "Too few arguments to FORMAT");
        return 0;
    }
    if (fn_is_null(x->f, x->arg + 1))
        x->null = true; /* as any other NULL argument */
    v = x->null ? 0 : fn_int(x->f, x->arg + 1);
    x->arg += 2;
    return v > WIDTH_MAX ? WIDTH_MAX : v < -WIDTH_MAX ? -WIDTH_MAX : (int)v;
}

static int read_number(struct formatting *x, struct str *s)
{
    int v = 0;

    if (s->len && s->p[0] == '*') {
        *s = str_of(s->p + 1, s->len - 1);
        return star(x);
    }
    while (s->len && s->p[0] >= '0' && s->p[0] <= '9') {
        v = v < WIDTH_MAX ? v * 10 + (s->p[0] - '0') : v;
        *s = str_of(s->p + 1, s->len - 1);
    }
    return v;
}

static void one_spec(struct formatting *x, struct str *fmt)
{
    struct spec s = {.precision = -1};

    for (; fmt->len && strchr("-+ #0'", fmt->p[0]);
         *fmt = str_of(fmt->p + 1, fmt->len - 1)) {
        s.minus |= fmt->p[0] == '-';
        s.plus |= fmt->p[0] == '+';
        s.space |= fmt->p[0] == ' ';
        s.hash |= fmt->p[0] == '#';
        s.zero |= fmt->p[0] == '0';
        s.group |= fmt->p[0] == '\'';
    }
    s.width = read_number(x, fmt);
    if (s.width < 0) {
        s.minus = true;
        s.width = -s.width;
    }
    if (fmt->len && fmt->p[0] == '.') {
        *fmt = str_of(fmt->p + 1, fmt->len - 1);
        s.precision = read_number(x, fmt);
    }
    if (!fmt->len) {
        fn_fail(x->f, "Invalid FORMAT string: it ends within a specifier");
        return;
    }
    if (s.width > 600 || s.precision > 300) {
        fn_fail(x->f, "FORMAT: width or precision is too large");
        return;
    }
    s.letter = fmt->p[0];
    *fmt = str_of(fmt->p + 1, fmt->len - 1);
    if (s.letter == '%')
        buf_putc(&x->out, '%');
    else
        put_arg(x, &s);
}

/* (zone, format, type, value, type, value ...) */
void rt_format(struct fn *f)
{
    struct formatting x = {.f = f, .arg = 2};
    struct str fmt;

    if (fn_is_null(f, 1)) {
        fn_null(f);
        return;
    }
    fmt = fn_str(f, 1);
    fn_buf(&x.out);
    arena_init(&x.mem);
    while (fmt.len && !fn_failed(f)) {
        char c = fmt.p[0];
        fmt = str_of(fmt.p + 1, fmt.len - 1);
        if (c == '%')
            one_spec(&x, &fmt);
        else
            buf_putc(&x.out, c);
    }
    if (!fn_failed(f) && x.arg < fn_count(f))
        fn_fail(f, "Too many arguments to FORMAT for pattern \"%.*s\"",
                STR_ARG(fn_str(f, 1)));
    arena_fini(&x.mem);
    if (fn_failed(f)) {
        buf_fini(&x.out);
    } else if (x.null) {
        buf_fini(&x.out);
        fn_null(f);
    } else {
        fn_set_buf(f, &x.out);
    }
}
