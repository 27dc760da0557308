/* SPDX-License-Identifier: Apache-2.0 */
/* Values and names as SQLite text, and types as the run time's text. */
#include "emulator/bigquery/sql/bind.h"

#include <math.h>
#include <stdio.h>

static const char *quoted(struct arena *a, struct str s, char quote)
{
    size_t n = 0;
    char *out;

    for (size_t i = 0; i < s.len; i++)
        n += s.p[i] == quote ? 2 : 1;
    out = arena_alloc(a, n + 3);
    n = 0;
    out[n++] = quote;
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] == quote)
            out[n++] = quote;
        out[n++] = s.p[i];
    }
    out[n] = quote;
    return out;
}

static const char *hex(struct arena *a, struct str s)
{
    static const char digits[] = "0123456789abcdef";
    char *out = arena_alloc(a, 2 * s.len + 1);

    for (size_t i = 0; i < s.len; i++) {
        out[2 * i] = digits[(unsigned char)s.p[i] >> 4];
        out[2 * i + 1] = digits[s.p[i] & 15];
    }
    return out;
}

const char *quote_sql(struct arena *a, struct str s)
{
    /* SQLite's text literals end at a NUL. */
    if (s.len && memchr(s.p, '\0', s.len))
        return arena_cat(a, "CAST(x'", hex(a, s), "' AS TEXT)", NULL);
    return quoted(a, s, '\'');
}

const char *quote_name(struct arena *a, struct str s)
{
    return quoted(a, s, '"');
}

const char *quote_blob(struct arena *a, struct str s)
{
    return arena_cat(a, "x'", hex(a, s), "'", NULL);
}

const char *quote_real(struct arena *a, double v)
{
    char *out;

    if (isnan(v))
        return "'NaN'";
    if (isinf(v))
        return v > 0 ? "9e999" : "-9e999";
    out = arena_printf(a, "%.17g", v);
    return strpbrk(out, ".e") ? out : arena_cat(a, out, ".0", NULL);
}

static const char *name_text(struct arena *a, struct str s)
{
    size_t n = 0;
    char *out = arena_alloc(a, 2 * s.len + 3);

    out[n++] = '"';
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] == '"' || s.p[i] == '\\')
            out[n++] = '\\';
        out[n++] = s.p[i];
    }
    out[n] = '"';
    return out;
}

const char *type_descriptor(struct arena *a, const struct sql_type *t)
{
    const char *out = "{";
    char letter[2] = {type_letter(t), '\0'};

    if (t->kind == T_ARRAY)
        return arena_cat(a, "[", type_descriptor(a, t->elem), NULL);
    if (t->kind != T_STRUCT)
        return arena_cat(a, letter, NULL);
    for (size_t i = 0; i < t->n_fields; i++)
        out = arena_cat(a, out, name_text(a, t->fields[i].name), ":",
                        type_descriptor(a, t->fields[i].type), ",", NULL);
    return arena_cat(a, out, "}", NULL);
}
