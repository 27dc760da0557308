/* SPDX-License-Identifier: Apache-2.0 */
/* String, bytes and backtick literals: where they end and what they hold. */
#include "emulator/bigquery/sql/lex_string.h"

#include "common/json.h"

struct reader {
    struct lexer *lx;
    const char *p, *end;
    bool bytes;
    char *out;
    size_t len;
};

static int fail(struct reader *r, const char *at, const char *why)
{
    r->lx->error = why;
    r->lx->error_at = (size_t)(at - r->lx->text.p);
    return -1;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void put_utf8(struct reader *r, uint32_t c)
{
    char *o = r->out + r->len;

    if (c < 0x80) {
        o[0] = (char)c;
        r->len += 1;
    } else if (c < 0x800) {
        o[0] = (char)(0xc0 | c >> 6);
        o[1] = (char)(0x80 | (c & 63));
        r->len += 2;
    } else if (c < 0x10000) {
        o[0] = (char)(0xe0 | c >> 12);
        o[1] = (char)(0x80 | (c >> 6 & 63));
        o[2] = (char)(0x80 | (c & 63));
        r->len += 3;
    } else {
        o[0] = (char)(0xf0 | c >> 18);
        o[1] = (char)(0x80 | (c >> 12 & 63));
        o[2] = (char)(0x80 | (c >> 6 & 63));
        o[3] = (char)(0x80 | (c & 63));
        r->len += 4;
    }
}

/* `n` digits of base 8 or 16 after the escape's letter. */
static int numeric_escape(struct reader *r, const char *from, int n, int base,
                          bool is_char)
{
    uint32_t v = 0;

    for (int i = 0; i < n; i++, r->p++) {
        int d = r->p < r->end ? hex_digit(*r->p) : -1;
        if (d < 0 || d >= base)
            return fail(r, from,
                        base == 8 ? "Illegal escape sequence: octal escape "
                                    "must be followed by 3 octal digits"
                                  : "Illegal escape sequence: hex escape "
                                    "must be followed by hex digits");
        v = v * (uint32_t)base + (uint32_t)d;
    }
    if (is_char && (v > 0x10ffff || (v >= 0xd800 && v < 0xe000)))
        return fail(r, from,
                    "Illegal escape sequence: not a valid Unicode code point");
    if (!is_char && v > 255)
        return fail(r, from, "Illegal escape sequence: value exceeds 255");
    if (r->bytes && !is_char)
        r->out[r->len++] = (char)v;
    else
        put_utf8(r, v);
    return 0;
}

static int escape(struct reader *r)
{
    static const char from[] = "abfnrtv\\?\"'`";
    static const char to[] = "\a\b\f\n\r\t\v\\?\"'`";
    const char *start = r->p - 1, *hit;
    char c;

    if (r->p == r->end)
        return fail(r, start, "Illegal escape sequence");
    c = *r->p;
    hit = c ? strchr(from, c) : NULL;
    if (hit) {
        r->p++;
        r->out[r->len++] = to[hit - from];
        return 0;
    }
    if (c >= '0' && c <= '7')
        return numeric_escape(r, start, 3, 8, false);
    r->p++;
    if (c == 'x' || c == 'X')
        return numeric_escape(r, start, 2, 16, false);
    if (!r->bytes && (c == 'u' || c == 'U'))
        return numeric_escape(r, start, c == 'u' ? 4 : 8, 16, true);
    return fail(r, start,
                arena_printf(r->lx->mem, "Illegal escape sequence: \\%c", c));
}

static bool at_close(const struct reader *r, char quote, int n_quotes)
{
    if (r->end - r->p < n_quotes)
        return false;
    for (int i = 0; i < n_quotes; i++) {
        if (r->p[i] != quote)
            return false;
    }
    return true;
}

/* Bytes up to the closing quote, escapes unread: room for what it decodes to,
 * as no escape grows. */
static size_t span(const struct reader *r, char quote, int n_quotes)
{
    struct reader at = *r;

    while (at.p < at.end && !at_close(&at, quote, n_quotes))
        at.p += *at.p == '\\' && at.p + 1 < at.end ? 2 : 1;
    return (size_t)(at.p - r->p);
}

/* One character of a raw literal: a backslash keeps the next quote inside. */
static void raw_char(struct reader *r)
{
    if (*r->p == '\\' && r->p + 1 < r->end)
        r->out[r->len++] = *r->p++;
    r->out[r->len++] = *r->p++;
}

int lex_quoted(struct lexer *lx, size_t open, enum quoted_flags flags,
               struct str *value)
{
    const char *base = lx->text.p + open;
    char quote = *base;
    struct reader r = {
        lx, base, lx->text.p + lx->text.len, flags & QUOTED_BYTES, NULL, 0};
    int n = 1;

    if (quote != '`' && r.end - base >= 3 && base[1] == quote &&
        base[2] == quote)
        n = 3;
    r.p += n;
    r.out = arena_alloc(lx->mem, span(&r, quote, n) + 5);
    while (!at_close(&r, quote, n)) {
        if (r.p == r.end || (n == 1 && *r.p == '\n'))
            return fail(&r, lx->text.p + lx->at,
                        quote == '`' ? "Unclosed identifier literal"
                        : n == 3     ? "Unclosed triple-quoted string literal"
                        : r.bytes    ? "Unclosed bytes literal"
                                     : "Unclosed string literal");
        if (*r.p != '\\') {
            r.out[r.len++] = *r.p++;
        } else if (flags & QUOTED_RAW) {
            raw_char(&r);
        } else {
            r.p++;
            if (escape(&r))
                return -1;
        }
    }
    *value = str_of(r.out, r.len);
    if (!r.bytes && !json_is_utf8(*value))
        return fail(&r, base, "String literal is not valid UTF-8");
    if (quote == '`' && r.len == 0)
        return fail(&r, base, "Invalid empty identifier");
    lx->at = (size_t)(r.p + n - lx->text.p);
    return 0;
}
