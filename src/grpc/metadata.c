/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/metadata.h"

#include "common/base64.h"
#include "common/buf.h"

bool grpc_timeout_parse(struct str text, int64_t *out_us)
{
    enum {
        MAX_DIGITS = 8
    };
    uint64_t value;

    if (text.len < 2 || text.len > MAX_DIGITS + 1 ||
        !str_to_u64(str_of(text.p, text.len - 1), &value))
        return false;
    switch (text.p[text.len - 1]) {
    case 'H':
        value *= 3600 * 1000000ULL;
        break;
    case 'M':
        value *= 60 * 1000000ULL;
        break;
    case 'S':
        value *= 1000000ULL;
        break;
    case 'm':
        value *= 1000;
        break;
    case 'u':
        break;
    case 'n':
        value = (value + 999) / 1000;
        break;
    default:
        return false;
    }
    *out_us = value ? (int64_t)value : 1;
    return true;
}

void grpc_message_encode(struct buf *out, struct str text)
{
    static const char hex[] = "0123456789ABCDEF";

    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.p[i];

        if (c >= 0x20 && c <= 0x7e && c != '%') {
            buf_putc(out, (char)c);
            continue;
        }
        buf_putc(out, '%');
        buf_putc(out, hex[c >> 4]);
        buf_putc(out, hex[c & 15]);
    }
}

void grpc_binary_encode(struct buf *out, struct str bytes)
{
    base64_append(out, bytes);
    if (out->failed)
        return;
    while (out->len && out->data[out->len - 1] == '=')
        out->len--;
    out->data[out->len] = '\0';
}

bool grpc_list_has(struct str list, struct str word)
{
    struct str rest = list;

    while (rest.p)
        if (str_ieq(str_trim(str_cut(&rest, ',')), word))
            return true;
    return false;
}
