/* SPDX-License-Identifier: Apache-2.0 */
/* The encoding of ARRAY and STRUCT: a JSON array by position. Integers are
 * digits, floats carry a point or exponent (9e999 is infinity, the text "NaN"
 * stands for itself), BYTES are {"b":"base64"}, nested values arrays again:
 * each value tells its own kind. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base64.h"
#include "common/json.h"
#include "emulator/bigquery/sql/fn.h"

void put_real(struct buf *out, double v)
{
    char text[40];

    if (isnan(v)) {
        buf_puts(out, "\"NaN\"");
        return;
    }
    if (isinf(v)) {
        buf_puts(out, v > 0 ? "9e999" : "-9e999");
        return;
    }
    snprintf(text, sizeof(text), "%.17g", v);
    buf_puts(out, text);
    if (!strpbrk(text, ".e"))
        buf_puts(out, ".0");
}

static void put_bytes(struct buf *out, struct str s)
{
    buf_puts(out, "{\"b\":\"");
    base64_append(out, s);
    buf_puts(out, "\"}");
}

void value_put(struct buf *out, const struct value *v)
{
    switch (v->kind) {
    case FN_NULL:
        buf_puts(out, "null");
        break;
    case FN_INT:
        buf_i64(out, v->i);
        break;
    case FN_REAL:
        put_real(out, v->d);
        break;
    case FN_TEXT:
        if (v->nested)
            buf_str(out, v->s);
        else
            buf_json_str(out, v->s);
        break;
    case FN_BLOB:
        put_bytes(out, v->s);
        break;
    }
}

void elems_init(struct elems *e, struct str s)
{
    e->p = s.p + 1;
    e->end = s.len < 2 ? s.p : s.p + s.len - 1;
    if (s.len < 2)
        e->p = e->end;
}

/* Behind the closing quote of a string that opens at p. */
static const char *skip_string(const char *p, const char *end)
{
    for (p++; p < end && *p != '"'; p++) {
        if (*p == '\\' && p + 1 < end)
            p++;
    }
    return p < end ? p + 1 : end;
}

static const char *skip_value(const char *p, const char *end)
{
    int depth = 0;

    while (p < end) {
        if (*p == '"') {
            p = skip_string(p, end);
        } else {
            if (*p == '[' || *p == '{')
                depth++;
            else if (*p == ']' || *p == '}')
                depth--;
            else if (*p == ',' && depth == 0)
                return p;
            p++;
        }
    }
    return end;
}

static void decode_string(struct value *v, struct str raw, struct buf *scratch)
{
    v->kind = FN_TEXT;
    v->s = raw;
    if (!raw.len || !memchr(raw.p, '\\', raw.len))
        return;
    buf_reset(scratch);
    if (buf_reserve(scratch, raw.len))
        scratch->len = json_decode(scratch->data, raw);
    v->s = buf_as_str(scratch);
}

static void decode_bytes(struct value *v, struct str raw, struct buf *scratch)
{
    struct str inner = raw.len > 8 ? str_of(raw.p + 6, raw.len - 8) : STR("");

    v->kind = FN_BLOB;
    buf_reset(scratch);
    if (!buf_reserve(scratch, base64_decoded_max(inner.len)) ||
        !base64_decode(inner, scratch->data, &scratch->len))
        scratch->len = 0;
    v->s = str_of(scratch->data ? scratch->data : "", scratch->len);
}

static void decode_number(struct value *v, struct str raw)
{
    char text[64];
    size_t n = raw.len < sizeof(text) - 1 ? raw.len : sizeof(text) - 1;

    memcpy(text, raw.p, n);
    text[n] = '\0';
    if (strpbrk(text, ".eE")) {
        v->kind = FN_REAL;
        v->d = strtod(text, NULL);
    } else {
        v->kind = FN_INT;
        v->i = strtoll(text, NULL, 10);
    }
}

static void decode(struct str raw, struct value *v, struct buf *scratch)
{
    *v = (struct value){FN_NULL, 0, 0, STR_NULL, false};
    if (raw.len == 0 || raw.p[0] == 'n')
        return;
    if (raw.p[0] == '"') {
        decode_string(v, str_of(raw.p + 1, raw.len < 2 ? 0 : raw.len - 2),
                      scratch);
    } else if (raw.p[0] == '[') {
        v->kind = FN_TEXT;
        v->s = raw;
        v->nested = true;
    } else if (raw.p[0] == '{') {
        decode_bytes(v, raw, scratch);
    } else if (raw.p[0] == 't' || raw.p[0] == 'f') {
        v->kind = FN_INT;
        v->i = raw.p[0] == 't';
    } else {
        decode_number(v, raw);
    }
}

bool elems_raw(struct elems *e, struct str *raw)
{
    const char *from = e->p, *to;

    if (from >= e->end)
        return false;
    to = skip_value(from, e->end);
    *raw = str_of(from, (size_t)(to - from));
    e->p = to + 1;
    return true;
}

bool elems_next(struct elems *e, struct value *v, struct buf *scratch)
{
    struct str raw;

    if (!elems_raw(e, &raw))
        return false;
    decode(raw, v, scratch);
    return true;
}

bool elems_at(struct str encoded, int64_t i, struct value *v,
              struct buf *scratch)
{
    struct elems e;
    struct str raw;

    elems_init(&e, encoded);
    while (elems_raw(&e, &raw)) {
        if (i-- == 0) {
            decode(raw, v, scratch);
            return true;
        }
    }
    return false;
}

int64_t elems_count(struct str encoded)
{
    struct elems e;
    struct str raw;
    int64_t n = 0;

    elems_init(&e, encoded);
    while (elems_raw(&e, &raw))
        n++;
    return n;
}

void fn_get(const struct fn *f, int i, struct value *v, bool nested)
{
    *v = (struct value){fn_kind(f, i), 0, 0, STR_NULL, nested};
    if (v->kind == FN_INT)
        v->i = fn_int(f, i);
    else if (v->kind == FN_REAL)
        v->d = fn_real(f, i);
    else if (v->kind != FN_NULL)
        v->s = fn_str(f, i);
}

void fn_set_value(struct fn *f, const struct value *v)
{
    switch (v->kind) {
    case FN_NULL:
        fn_null(f);
        break;
    case FN_INT:
        fn_set_int(f, v->i);
        break;
    case FN_REAL:
        fn_set_real(f, v->d);
        break;
    case FN_TEXT:
        fn_set_str(f, v->s);
        break;
    case FN_BLOB:
        fn_set_blob(f, v->s);
        break;
    }
}

/* NULL first; a number's NaN, which is text, before numbers only where the
 * other side is a number. */
int value_cmp(const struct value *a, const struct value *b)
{
    bool a_number = a->kind == FN_INT || a->kind == FN_REAL;
    bool b_number = b->kind == FN_INT || b->kind == FN_REAL;

    if (a->kind == FN_NULL || b->kind == FN_NULL)
        return (a->kind != FN_NULL) - (b->kind != FN_NULL);
    if (a->kind == FN_INT && b->kind == FN_INT)
        return (a->i > b->i) - (a->i < b->i);
    if (a_number && b_number) {
        double x = a->kind == FN_INT ? (double)a->i : a->d;
        double y = b->kind == FN_INT ? (double)b->i : b->d;
        return (x > y) - (x < y);
    }
    if (a_number != b_number)
        return a_number ? 1 : -1;
    return str_cmp(a->s, b->s);
}
