/* SPDX-License-Identifier: Apache-2.0 */
/* Chunked bodies (RFC 9112 section 7.1), strictly: no blanks around the size,
 * bounded extensions, CR LF everywhere, trailers checked and dropped. */
#include "http/chars.h"
#include "http/http1.h"

enum {
    EXTENSION_MAX = 256,
    DIGITS_MAX = 15
};

enum state {
    SIZE,
    EXTENSION,
    SIZE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    TRAILER_START, /* of a line */
    TRAILER_NAME,
    TRAILER_VALUE,
    TRAILER_LF,
    LAST_LF
};

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int on_size(struct http1_chunks *c, char ch)
{
    int digit = hex_digit(ch);

    if (digit >= 0) {
        if (++c->n_digits > DIGITS_MAX)
            return -1;
        c->left = c->left * 16 + (uint64_t)digit;
        return SIZE;
    }
    if (c->n_digits == 0)
        return -1;
    if (ch == ';')
        return EXTENSION;
    return ch == '\r' ? SIZE_LF : -1;
}

static int on_size_lf(struct http1_chunks *c, char ch)
{
    if (ch != '\n')
        return -1;
    c->n_line = 0;
    c->n_digits = 0;
    return c->left ? DATA : TRAILER_START;
}

static int on_trailer(const struct http1_chunks *c, char ch)
{
    unsigned char u = (unsigned char)ch;

    switch ((enum state)c->state) {
    case TRAILER_START:
        if (ch == '\r')
            return LAST_LF;
        return http_is(u, HTTP_CH_TOKEN) ? TRAILER_NAME : -1;
    case TRAILER_NAME:
        if (ch == ':')
            return TRAILER_VALUE;
        return http_is(u, HTTP_CH_TOKEN) ? TRAILER_NAME : -1;
    case TRAILER_VALUE:
        if (ch == '\r')
            return TRAILER_LF;
        return http_is(u, HTTP_CH_VALUE) ? TRAILER_VALUE : -1;
    default:
        return ch == '\n' ? TRAILER_START : -1;
    }
}

static int next_state(struct http1_chunks *c, char ch)
{
    switch ((enum state)c->state) {
    case SIZE:
        return on_size(c, ch);
    case EXTENSION:
        if (ch == '\r')
            return SIZE_LF;
        if (++c->n_line > EXTENSION_MAX)
            return -1;
        return http_is((unsigned char)ch, HTTP_CH_VALUE) ? EXTENSION : -1;
    case SIZE_LF:
        return on_size_lf(c, ch);
    case DATA_CR:
        return ch == '\r' ? DATA_LF : -1;
    case DATA_LF:
        return ch == '\n' ? SIZE : -1;
    default:
        return on_trailer(c, ch);
    }
}

ptrdiff_t http1_chunks_feed(struct http1_chunks *c, const char *p, size_t len,
                            size_t trailer_limit, struct str *data, bool *end)
{
    *end = false;
    *data = STR_NULL;
    for (size_t i = 0; i < len; i++) {
        int next;

        if (c->state == DATA) {
            size_t n = len - i < c->left ? len - i : (size_t)c->left;
            c->left -= n;
            if (c->left == 0)
                c->state = DATA_CR;
            *data = str_of(p + i, n);
            return (ptrdiff_t)(i + n);
        }
        if (c->state == LAST_LF) {
            if (p[i] != '\n')
                return -1;
            *end = true;
            return (ptrdiff_t)i + 1;
        }
        if (c->state >= TRAILER_START && ++c->n_line > trailer_limit)
            return -2;
        next = next_state(c, p[i]);
        if (next < 0)
            return -1;
        c->state = (uint8_t)next;
    }
    return (ptrdiff_t)len;
}
