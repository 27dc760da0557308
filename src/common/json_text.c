/* SPDX-License-Identifier: Apache-2.0 */
/* Strings and values as the scanner gave them: decoding, comparing, writing
 * in the one canonical form. All input is known to be well-formed. */
#include "common/json.h"

#include "common/buf.h"

/* A walk over the bytes of a text's value. */
struct walk {
    const char *p, *end;
    unsigned char bytes[4]; /* of a decoded escape, not yet given out */
    unsigned char n, at;
};

static uint32_t hex4(const char *p)
{
    uint32_t v = 0;

    for (int i = 0; i < 4; i++) {
        unsigned char c = (unsigned char)p[i];
        v = v << 4 | (c <= '9' ? (uint32_t)c - '0' : (c | 0x20u) - 'a' + 10u);
    }
    return v;
}

static size_t put_utf8(unsigned char *out, uint32_t c)
{
    if (c < 0x80) {
        out[0] = (unsigned char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (unsigned char)(0xc0 | c >> 6);
        out[1] = (unsigned char)(0x80 | (c & 63));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (unsigned char)(0xe0 | c >> 12);
        out[1] = (unsigned char)(0x80 | (c >> 6 & 63));
        out[2] = (unsigned char)(0x80 | (c & 63));
        return 3;
    }
    out[0] = (unsigned char)(0xf0 | c >> 18);
    out[1] = (unsigned char)(0x80 | (c >> 12 & 63));
    out[2] = (unsigned char)(0x80 | (c >> 6 & 63));
    out[3] = (unsigned char)(0x80 | (c & 63));
    return 4;
}

static unsigned char short_value(char c)
{
    switch (c) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return (unsigned char)c; /* " \ / */
    }
}

/* Decodes the escape at `*p` and moves behind it; returns the bytes' number
 * (at most 4, and never more than the escape had). */
static size_t take_escape(const char **p, unsigned char *out)
{
    const char *at = *p;
    uint32_t c;

    if (at[1] != 'u') {
        out[0] = short_value(at[1]);
        *p = at + 2;
        return 1;
    }
    c = hex4(at + 2);
    at += 6;
    if (c >= 0xd800 && c <= 0xdbff) {
        c = 0x10000 + ((c - 0xd800) << 10) + (hex4(at + 2) - 0xdc00);
        at += 6;
    }
    *p = at;
    return put_utf8(out, c);
}

size_t json_decode(char *out, struct str text)
{
    const char *p = text.p, *end = text.p + text.len;
    char *to = out;

    while (p < end) {
        const char *slash = memchr(p, '\\', (size_t)(end - p));
        size_t n = (size_t)((slash ? slash : end) - p);
        unsigned char bytes[4];
        memmove(to, p, n); /* `out` may be the text itself */
        to += n;
        p += n;
        if (!slash)
            break;
        n = take_escape(&p, bytes);
        memcpy(to, bytes, n);
        to += n;
    }
    return (size_t)(to - out);
}

/* The next byte of the value, or -1. */
static int walk_next(struct walk *w)
{
    if (w->at < w->n)
        return w->bytes[w->at++];
    if (w->p == w->end)
        return -1;
    if (*w->p != '\\')
        return (unsigned char)*w->p++;
    w->n = (unsigned char)take_escape(&w->p, w->bytes);
    w->at = 1;
    return w->bytes[0];
}

int json_text_cmp(struct str a, struct str b)
{
    struct walk x = {.p = a.p, .end = a.p + a.len};
    struct walk y = {.p = b.p, .end = b.p + b.len};

    for (;;) {
        int c = walk_next(&x), d = walk_next(&y);
        if (c != d)
            return c < d ? -1 : 1;
        if (c < 0)
            return 0;
    }
}

bool json_text_eq(const struct json_token *t, struct str value)
{
    struct walk w = {.p = t->text.p, .end = t->text.p + t->text.len};

    if (!t->escaped)
        return str_eq(t->text, value);
    for (size_t i = 0; i < value.len; i++) {
        if (walk_next(&w) != (unsigned char)value.p[i])
            return false;
    }
    return walk_next(&w) < 0;
}

static void put_escaped(struct buf *out, unsigned char c)
{
    static const char letters[32] = {
        ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};
    static const char hex[] = "0123456789abcdef";
    char text[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};

    if (c < 0x20 && !letters[c]) {
        buf_append(out, text, 6);
        return;
    }
    text[1] = c < 0x20 ? letters[c] : (char)c;
    buf_append(out, text, 2);
}

void json_put_text(struct buf *out, const struct json_token *t)
{
    const char *p = t->text.p, *end = t->text.p + t->text.len;

    if (!buf_reserve(out, t->text.len + 2))
        return;
    buf_putc(out, '"');
    while (t->escaped && p < end) {
        const char *slash = memchr(p, '\\', (size_t)(end - p));
        unsigned char bytes[4];
        size_t n;
        if (!slash)
            break;
        buf_append(out, p, (size_t)(slash - p));
        p = slash;
        n = take_escape(&p, bytes);
        if (n == 1 && (bytes[0] < 0x20 || bytes[0] == '"' || bytes[0] == '\\'))
            put_escaped(out, bytes[0]);
        else
            buf_append(out, bytes, n);
    }
    buf_append(out, p, (size_t)(end - p));
    buf_putc(out, '"');
}

void json_put_compact(struct buf *out, struct str value)
{
    struct json_scan s;
    struct json_token t;
    bool first = true; /* no comma before the next value or key */

    json_scan_init(&s, value);
    s.same_keys = true; /* whether keys may come twice is not asked here */
    while (json_scan_next(&s, &t) > JSON_T_DONE) {
        bool closes = t.kind == JSON_T_OBJECT_END || t.kind == JSON_T_ARRAY_END;
        if (!first && !closes)
            buf_putc(out, ',');
        if (t.kind == JSON_T_KEY || t.kind == JSON_T_STRING)
            json_put_text(out, &t);
        else
            buf_str(out, t.text);
        if (t.kind == JSON_T_KEY)
            buf_putc(out, ':');
        first = t.kind == JSON_T_KEY || t.kind == JSON_T_OBJECT ||
                t.kind == JSON_T_ARRAY;
    }
    if (t.kind == JSON_T_ERROR)
        out->failed = true; /* memory; the text itself is well-formed */
    json_scan_fini(&s);
}

struct str json_cut_utf8(struct str s, size_t max)
{
    if (s.len <= max)
        return s;
    while (max > 0 && ((unsigned char)s.p[max] & 0xc0) == 0x80)
        max--;
    return str_of(s.p, max);
}
