/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 by one table; see the header. */
#include "common/base64.h"

#include "common/buf.h"

static const char standard[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_safe[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* Value + 1 of a character in either alphabet, 0 for none. */
static const unsigned char values[256] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,
    ['G'] = 7,  ['H'] = 8,  ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12,
    ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16, ['Q'] = 17, ['R'] = 18,
    ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30,
    ['e'] = 31, ['f'] = 32, ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36,
    ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40, ['o'] = 41, ['p'] = 42,
    ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54,
    ['2'] = 55, ['3'] = 56, ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60,
    ['8'] = 61, ['9'] = 62, ['+'] = 63, ['/'] = 64, ['-'] = 63, ['_'] = 64,
};

/* The last two or three characters: one or two bytes. */
static bool decode_tail(const unsigned char *p, size_t len, unsigned char *out)
{
    unsigned bits = 0;

    for (size_t i = 0; i < len; i++) {
        if (!values[p[i]])
            return false;
        bits = bits << 6 | (unsigned)(values[p[i]] - 1);
    }
    if (len == 2) {
        out[0] = (unsigned char)(bits >> 4);
        return (bits & 15) == 0;
    }
    out[0] = (unsigned char)(bits >> 10);
    out[1] = (unsigned char)(bits >> 2);
    return (bits & 3) == 0;
}

bool base64_decode(struct str in, void *out, size_t *out_len)
{
    const unsigned char *p = (const unsigned char *)in.p;
    unsigned char *to = out;
    size_t len = in.len;

    if (len && p[len - 1] == '=') {
        if (len % 4)
            return false;
        len -= p[len - 2] == '=' ? 2 : 1;
    }
    if (len % 4 == 1)
        return false;
    for (; len >= 4; len -= 4, p += 4, to += 3) {
        unsigned a = values[p[0]], b = values[p[1]];
        unsigned c = values[p[2]], d = values[p[3]];
        unsigned bits;
        if (!a || !b || !c || !d)
            return false;
        bits = (a - 1) << 18 | (b - 1) << 12 | (c - 1) << 6 | (d - 1);
        to[0] = (unsigned char)(bits >> 16);
        to[1] = (unsigned char)(bits >> 8);
        to[2] = (unsigned char)bits;
    }
    if (len) {
        if (!decode_tail(p, len, to))
            return false;
        to += len - 1;
    }
    *out_len = (size_t)(to - (unsigned char *)out);
    return true;
}

static size_t encode(char *out, const unsigned char *in, size_t len,
                     const char *alphabet, bool pad)
{
    char *to = out;

    for (; len >= 3; len -= 3, in += 3, to += 4) {
        unsigned bits = (unsigned)in[0] << 16 | (unsigned)in[1] << 8 | in[2];
        to[0] = alphabet[bits >> 18];
        to[1] = alphabet[bits >> 12 & 63];
        to[2] = alphabet[bits >> 6 & 63];
        to[3] = alphabet[bits & 63];
    }
    if (len) {
        unsigned bits = (unsigned)in[0] << 16;
        if (len == 2)
            bits |= (unsigned)in[1] << 8;
        *to++ = alphabet[bits >> 18];
        *to++ = alphabet[bits >> 12 & 63];
        if (len == 2)
            *to++ = alphabet[bits >> 6 & 63];
        else if (pad)
            *to++ = '=';
        if (pad)
            *to++ = '=';
    }
    return (size_t)(to - out);
}

size_t base64_encode(char *out, const void *in, size_t len)
{
    return encode(out, in, len, standard, true);
}

size_t base64_encode_url(char *out, const void *in, size_t len)
{
    return encode(out, in, len, url_safe, false);
}

void base64_append(struct buf *out, struct str bytes)
{
    if (!buf_reserve(out, base64_encoded_max(bytes.len)))
        return;
    out->len += base64_encode(out->data + out->len, bytes.p, bytes.len);
    out->data[out->len] = '\0';
}
