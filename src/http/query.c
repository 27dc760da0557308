/* SPDX-License-Identifier: Apache-2.0 */
/* Queries and forms (application/x-www-form-urlencoded). */
#include "common/buf.h"
#include "http/http.h"

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int decode(struct buf *out, struct str in)
{
    for (size_t i = 0; i < in.len; i++) {
        char c = in.p[i];

        if (c == '+') {
            c = ' ';
        } else if (c == '%') {
            int high = i + 2 < in.len ? hex_value(in.p[i + 1]) : -1;
            int low = i + 2 < in.len ? hex_value(in.p[i + 2]) : -1;
            if (high < 0 || low < 0)
                return RC_MALFORMED;
            c = (char)(high * 16 + low);
            i += 2;
        }
        buf_putc(out, c);
    }
    return out->failed ? RC_TOO_LARGE : RC_OK;
}

bool http_query_next(struct str *rest, struct buf *scratch, struct str *name,
                     struct str *value, int *rc)
{
    struct str pair = {"", 0}, key;
    size_t name_at, name_len;

    *rc = RC_OK;
    while (rest->p && pair.len == 0)
        pair = str_cut(rest, '&');
    if (pair.len == 0)
        return false;
    key = str_cut(&pair, '=');
    /* The result lies in `scratch` until the next call. */
    buf_reset(scratch);
    name_at = scratch->len;
    *rc = decode(scratch, key);
    name_len = scratch->len - name_at;
    if (*rc == RC_OK && pair.p)
        *rc = decode(scratch, pair);
    if (*rc != RC_OK)
        return false;
    *name = str_of(buf_as_str(scratch).p + name_at, name_len);
    *value = str_of(buf_as_str(scratch).p + name_len, scratch->len - name_len);
    return true;
}
