/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/bigquery/sql/utf8.h"

#include "common/buf.h"

static bool is_tail(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

size_t utf8_count(struct str s)
{
    size_t n = 0;

    for (size_t i = 0; i < s.len; i++)
        n += !is_tail(s.p[i]);
    return n;
}

size_t utf8_bytes(struct str s, size_t n)
{
    size_t i = 0;

    while (i < s.len && n > 0) {
        i++;
        while (i < s.len && is_tail(s.p[i]))
            i++;
        n--;
    }
    return i;
}

uint32_t utf8_next(struct str *s)
{
    unsigned char c = (unsigned char)s->p[0];
    size_t n = c < 0x80 ? 1 : c < 0xc0 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    uint32_t v = n <= 1 ? c : n == 2 ? c & 31 : n == 3 ? c & 15 : c & 7;

    if (n == 0 || n > s->len) {
        s->p++;
        s->len--;
        return 0xfffd;
    }
    for (size_t i = 1; i < n; i++) {
        if (!is_tail(s->p[i])) {
            s->p++;
            s->len--;
            return 0xfffd;
        }
        v = v << 6 | ((unsigned char)s->p[i] & 63);
    }
    s->p += n;
    s->len -= n;
    return v;
}

size_t utf8_len(uint32_t c)
{
    return c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
}

void utf8_put(struct buf *out, uint32_t c)
{
    size_t n = utf8_len(c);
    char o[4];

    if (n == 1) {
        o[0] = (char)c;
    } else {
        static const unsigned char head[] = {0, 0, 0xc0, 0xe0, 0xf0};
        o[0] = (char)(head[n] | c >> (6 * (n - 1)));
        for (size_t i = 1; i < n; i++)
            o[i] = (char)(0x80 | (c >> (6 * (n - 1 - i)) & 63));
    }
    buf_append(out, o, n);
}

/* Simple case pairs of Latin, Greek, Cyrillic, Armenian: ranges at a fixed
 * distance, or alternating upper and lower. */
static const struct {
    uint32_t from, to; /* of the upper case letters */
    int32_t distance;  /* 1: alternating */
} pairs[] = {{'A', 'Z', 32},       {0xc0, 0xd6, 32},      {0xd8, 0xde, 32},
             {0x100, 0x12f, 1},    {0x132, 0x137, 1},     {0x14a, 0x177, 1},
             {0x386, 0x386, 38},   {0x388, 0x38a, 37},    {0x38c, 0x38c, 64},
             {0x38e, 0x38f, 63},   {0x391, 0x3a1, 32},    {0x3a3, 0x3ab, 32},
             {0x400, 0x40f, 80},   {0x410, 0x42f, 32},    {0x460, 0x481, 1},
             {0x48a, 0x4bf, 1},    {0x4d0, 0x52f, 1},     {0x531, 0x556, 48},
             {0x1e00, 0x1e95, 1},  {0x1ea0, 0x1eff, 1},   {0x24b6, 0x24cf, 26},
             {0xff21, 0xff3a, 32}, {0x10400, 0x10427, 40}};

/* Odd letters are the upper ones in these alternating blocks. */
static const struct {
    uint32_t from, to;
} odd[] = {{0x139, 0x148}, {0x179, 0x17e}, {0x4c1, 0x4ce}};

uint32_t utf8_lower(uint32_t c)
{
    for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
        if (c < pairs[i].from || c > pairs[i].to)
            continue;
        if (pairs[i].distance == 1)
            return c | 1;
        return c + (uint32_t)pairs[i].distance;
    }
    for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
        if (c >= odd[i].from && c <= odd[i].to && c % 2)
            return c + 1;
    }
    return c == 0x178 ? 0xff : c == 0x130 ? 'i' : c;
}

uint32_t utf8_upper(uint32_t c)
{
    for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
        uint32_t d = (uint32_t)pairs[i].distance;
        if (d == 1) {
            if (c >= pairs[i].from && c <= pairs[i].to && c % 2)
                return c - 1;
        } else if (c >= pairs[i].from + d && c <= pairs[i].to + d) {
            return c - d;
        }
    }
    for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
        if (c >= odd[i].from && c <= odd[i].to && c % 2 == 0)
            return c - 1;
    }
    return c == 0xff ? 0x178 : c == 0x3c2 ? 0x3a3 : c == 0xb5 ? 0x39c : c;
}

void utf8_put_upper(struct buf *out, uint32_t c)
{
    static const struct {
        uint32_t from;
        uint16_t to[3];
    } table[] = {
#define UPPER(from, a, b, c) {from, {a, b, c}},
#include "emulator/bigquery/sql/utf8_upper.def"
#undef UPPER
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(*table) && table[i].from <= c;
         i++) {
        if (table[i].from != c)
            continue;
        for (size_t k = 0; k < 3 && table[i].to[k]; k++)
            utf8_put(out, table[i].to[k]);
        return;
    }
    utf8_put(out, utf8_upper(c));
}

void utf8_put_lower(struct buf *out, uint32_t c)
{
    utf8_put(out, utf8_lower(c));
    if (c == 0x130) /* the dot stays */
        utf8_put(out, 0x307);
}

bool utf8_is_space(uint32_t c)
{
    return (c >= 9 && c <= 13) || c == ' ' || c == 0x85 || c == 0xa0 ||
           c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 ||
           c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}
