/* SPDX-License-Identifier: Apache-2.0 */
/* Strings seen as something else: code points, hex, base64, parts; LIKE and
 * case-blind search. */
#include <stdio.h>

#include "common/base64.h"
#include "common/json.h"
#include "common/rand.h"
#include "emulator/bigquery/sql/fn.h"
#include "emulator/bigquery/sql/utf8.h"

void rt_ascii(struct fn *f)
{
    struct str s = fn_str(f, 0);

    if (s.len && (unsigned char)s.p[0] > 127)
        fn_fail(f, "Non-ASCII character at the start of the argument of "
                   "ASCII");
    else
        fn_set_int(f, s.len ? s.p[0] : 0);
}

void rt_unicode(struct fn *f)
{
    struct str s = fn_str(f, 0);
    fn_set_int(f, s.len ? utf8_next(&s) : 0);
}

static bool is_code_point(int64_t c)
{
    return c >= 0 && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);
}

void rt_chr(struct fn *f)
{
    int64_t c = fn_int(f, 0);
    struct buf out;

    if (!is_code_point(c)) {
        fn_fail(f, "Invalid codepoint %lld", (long long)c);
        return;
    }
    fn_buf(&out);
    if (c)
        utf8_put(&out, (uint32_t)c);
    fn_set_buf(f, &out);
}

void rt_to_code_points(struct fn *f)
{
    bool bytes = fn_kind(f, 0) == FN_BLOB;
    struct str s = fn_str(f, 0);
    struct buf out;

    fn_buf(&out);
    buf_putc(&out, '[');
    for (int n = 0; s.len; n++) {
        if (n)
            buf_putc(&out, ',');
        if (bytes) {
            buf_u64(&out, (unsigned char)*s.p);
            s = str_of(s.p + 1, s.len - 1);
        } else {
            buf_u64(&out, utf8_next(&s));
        }
    }
    buf_putc(&out, ']');
    fn_set_buf(f, &out);
}

static void from_code_points(struct fn *f, bool bytes)
{
    struct value v;
    struct elems e;
    struct buf out, scratch;

    fn_buf(&out);
    fn_buf(&scratch);
    elems_init(&e, fn_str(f, 0));
    while (elems_next(&e, &v, &scratch) && !fn_failed(f)) {
        if (v.kind == FN_NULL) {
            fn_null(f);
            buf_fini(&out);
            buf_fini(&scratch);
            return;
        }
        if (bytes ? v.i < 0 || v.i > 255 : !is_code_point(v.i))
            fn_fail(f, "Invalid %s %lld",
                    bytes ? "extended ASCII character" : "codepoint",
                    (long long)v.i);
        else if (bytes)
            buf_putc(&out, (char)v.i);
        else if (v.i) /* 0 stands for no character */
            utf8_put(&out, (uint32_t)v.i);
    }
    buf_fini(&scratch);
    if (fn_failed(f))
        buf_fini(&out);
    else if (bytes)
        fn_set_buf_blob(f, &out);
    else
        fn_set_buf(f, &out);
}

void rt_code_points_to_string(struct fn *f)
{
    from_code_points(f, false);
}

void rt_code_points_to_bytes(struct fn *f)
{
    from_code_points(f, true);
}

void rt_to_hex(struct fn *f)
{
    static const char digits[] = "0123456789abcdef";
    struct str s = fn_str(f, 0);
    struct buf out;

    fn_buf(&out);
    for (size_t i = 0; i < s.len; i++) {
        buf_putc(&out, digits[(unsigned char)s.p[i] >> 4]);
        buf_putc(&out, digits[s.p[i] & 15]);
    }
    fn_set_buf(f, &out);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void rt_from_hex(struct fn *f)
{
    struct str s = fn_str(f, 0);
    int high = 0, d;
    struct buf out;

    fn_buf(&out);
    for (size_t i = 0; i < s.len; i++) {
        d = hex_digit(s.p[i]);
        if (d < 0) {
            buf_fini(&out);
            fn_fail(f, "Failed to decode invalid hexadecimal string: %.*s",
                    STR_ARG(s));
            return;
        }
        if ((s.len - i) % 2)
            buf_putc(&out, (char)(high << 4 | d));
        high = (s.len - i) % 2 ? 0 : d;
    }
    fn_set_buf_blob(f, &out);
}

void rt_to_base64(struct fn *f)
{
    struct str s = fn_str(f, 0);
    struct buf out;

    fn_buf(&out);
    if (buf_reserve(&out, base64_encoded_max(s.len)))
        out.len = base64_encode(out.data, s.p, s.len);
    fn_set_buf(f, &out);
}

void rt_from_base64(struct fn *f)
{
    struct str s = fn_str(f, 0);
    struct buf out;

    fn_buf(&out);
    if (buf_reserve(&out, base64_decoded_max(s.len)) &&
        !base64_decode(s, out.data, &out.len)) {
        buf_fini(&out);
        fn_fail(f, "Failed to decode invalid base64 string");
        return;
    }
    fn_set_buf_blob(f, &out);
}

void rt_safe_bytes_to_string(struct fn *f)
{
    struct str s = fn_str(f, 0);
    struct buf out;

    fn_buf(&out);
    while (s.len)
        utf8_put(&out, utf8_next(&s));
    fn_set_buf(f, &out);
}

static void put_part(struct buf *out, bool bytes, struct str s)
{
    struct value v = {bytes ? FN_BLOB : FN_TEXT, 0, 0, s, false};

    if (out->len > 1)
        buf_putc(out, ',');
    value_put(out, &v);
}

/* An empty delimiter splits into characters; an empty value is one part. */
void rt_split(struct fn *f)
{
    bool bytes = fn_kind(f, 0) == FN_BLOB;
    struct str s = fn_str(f, 0), sep = STR(",");
    const char *hit;
    struct buf out;

    if (fn_count(f) > 1)
        sep = fn_str(f, 1);
    fn_buf(&out);
    buf_putc(&out, '[');
    if (sep.len == 0 && s.len) {
        while (s.len) {
            size_t n = bytes ? 1 : utf8_bytes(s, 1);
            put_part(&out, bytes, str_of(s.p, n));
            s = str_of(s.p + n, s.len - n);
        }
    } else {
        while (s.len && sep.len && (hit = memmem(s.p, s.len, sep.p, sep.len))) {
            size_t n = (size_t)(hit - s.p);
            put_part(&out, bytes, str_of(s.p, n));
            s = str_of(hit + sep.len, s.len - n - sep.len);
        }
        put_part(&out, bytes, s);
    }
    buf_putc(&out, ']');
    fn_set_buf(f, &out);
}

/* One step of LIKE: a literal character, or what % and _ stand for. */
static bool like(struct fn *f, struct str s, struct str p, bool bytes)
{
    struct str star_p = STR_NULL, star_s = STR_NULL;

    for (;;) {
        if (p.len && p.p[0] == '%') {
            p = str_of(p.p + 1, p.len - 1);
            star_p = p;
            star_s = s;
            continue;
        }
        if (s.len == 0 && p.len == 0)
            return true;
        if (p.len && s.len) {
            size_t n = bytes ? 1 : utf8_bytes(s, 1);
            if (p.p[0] == '_') {
                s = str_of(s.p + n, s.len - n);
                p = str_of(p.p + 1, p.len - 1);
                continue;
            }
            if (p.p[0] == '\\' && p.len > 1)
                p = str_of(p.p + 1, p.len - 1);
            if (p.p[0] == s.p[0]) {
                s = str_of(s.p + 1, s.len - 1);
                p = str_of(p.p + 1, p.len - 1);
                continue;
            }
        }
        if (!star_p.p || star_s.len == 0)
            return false;
        star_s = str_of(star_s.p + 1, star_s.len - 1);
        while (!bytes && star_s.len &&
               ((unsigned char)star_s.p[0] & 0xc0) == 0x80)
            star_s = str_of(star_s.p + 1, star_s.len - 1);
        s = star_s;
        p = star_p;
        if (fn_failed(f))
            return false;
    }
}

void rt_like(struct fn *f)
{
    struct str p = fn_str(f, 1);
    size_t slashes = 0;

    while (slashes < p.len && p.p[p.len - 1 - slashes] == '\\')
        slashes++;
    if (slashes % 2) {
        fn_fail(f, "LIKE pattern ends with a backslash");
        return;
    }
    fn_set_bool(f, like(f, fn_str(f, 0), p, fn_kind(f, 0) == FN_BLOB));
}

void rt_uuid(struct fn *f)
{
    unsigned char b[16];
    char text[40];

    rand_bytes(b, sizeof(b));
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    snprintf(text, sizeof(text),
             "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x"
             "%02x",
             b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10],
             b[11], b[12], b[13], b[14], b[15]);
    fn_set_str(f, str_of(text, 36));
}

void rt_error(struct fn *f)
{
    struct str s = fn_str(f, 0);
    fn_fail(f, "%.*s", STR_ARG(s));
}

/* LIMIT and OFFSET by parameter: NULL and negative numbers are errors. */
void rt_limit(struct fn *f)
{
    if (fn_is_null(f, 0) || fn_int(f, 0) < 0)
        fn_fail(f, "LIMIT, OFFSET and the offset of LAG and LEAD must be "
                   "non-negative");
    else
        fn_set_arg(f, 0);
}

/* The rounds of a recursive CTE. */
void rt_depth(struct fn *f)
{
    if (fn_int(f, 0) > 500)
        fn_fail(f, "A recursive CTE has reached the maximum of 500 "
                   "iterations");
    else
        fn_set_arg(f, 0);
}

/* A value for a REQUIRED column: (value, column). */
void rt_required(struct fn *f)
{
    struct str column = fn_str(f, 1);

    if (fn_is_null(f, 0))
        fn_fail(f, "Required field %.*s cannot be null", STR_ARG(column));
    else
        fn_set_arg(f, 0);
}

/* STRING(n), BYTES(n): (value, n, column or '' in a cast). */
void rt_max_length(struct fn *f)
{
    struct str s, column = fn_str(f, 2);
    size_t n;

    if (fn_is_null(f, 0)) {
        fn_null(f);
        return;
    }
    s = fn_str(f, 0);
    n = fn_kind(f, 0) == FN_BLOB ? s.len : utf8_count(s);
    if ((int64_t)n > fn_int(f, 1))
        fn_fail(f,
                "%s%.*s%s%s(%lld) has maximum length %lld but got a value "
                "with length %zu",
                column.len ? "Field " : "", STR_ARG(column),
                column.len ? ": " : "",
                fn_kind(f, 0) == FN_BLOB ? "BYTES" : "STRING",
                (long long)fn_int(f, 1), (long long)fn_int(f, 1), n);
    else
        fn_set_arg(f, 0);
}
