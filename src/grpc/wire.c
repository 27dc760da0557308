/* SPDX-License-Identifier: Apache-2.0 */
/* Varints and fields, bounds checked. */
#include "grpc/wire.h"

bool wire_varint_slow(struct wire *w, uint64_t *out)
{
    uint64_t value = 0;
    const uint8_t *p = w->p;

    for (unsigned shift = 0; shift < 70 && p < w->end; shift += 7) {
        uint8_t byte = *p++;

        value |= shift < 64 ? (uint64_t)(byte & 0x7f) << shift : 0;
        if (byte < 0x80) {
            w->p = p;
            *out = value;
            return true;
        }
    }
    return false;
}

static uint64_t little_endian(const uint8_t *p, unsigned n)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < n; i++)
        v |= (uint64_t)p[i] << (8 * i);
    return v;
}

/* The value behind a tag; moves `r` only over what is whole. */
static bool value_of(struct wire *r, struct wire_field *f)
{
    size_t left = (size_t)(r->end - r->p);
    uint64_t len;

    switch ((int)f->type) {
    case WIRE_VARINT:
        return wire_varint(r, &f->value);
    case WIRE_I64:
    case WIRE_I32:
        len = f->type == WIRE_I64 ? 8 : 4;
        if (left < len)
            return false;
        f->value = little_endian(r->p, (unsigned)len);
        break;
    case WIRE_BYTES:
        if (!wire_varint(r, &len) || len > (uint64_t)(r->end - r->p))
            return false;
        f->bytes = str_of((const char *)r->p, (size_t)len);
        break;
    default:
        return false;
    }
    r->p += len;
    return true;
}

bool wire_next(struct wire *w, struct wire_field *f)
{
    struct wire r = *w;
    uint64_t tag;

    if (r.p == r.end || !wire_varint(&r, &tag) || tag >> 32 || tag < 8)
        return false;
    *f = (struct wire_field){.number = (uint32_t)(tag >> 3),
                             .type = (enum wire_type)(tag & 7),
                             .from = w->p};
    if (!value_of(&r, f))
        return false;
    w->p = r.p;
    return true;
}

void wire_put_varint(struct buf *out, uint64_t v)
{
    uint8_t bytes[10];

    buf_append(out, bytes, (size_t)(wire_write_varint(bytes, v) - bytes));
}

void wire_put_uint(struct buf *out, uint32_t number, uint64_t v)
{
    if (v == 0)
        return;
    wire_put_varint(out, (uint64_t)number << 3 | WIRE_VARINT);
    wire_put_varint(out, v);
}

void wire_put_bytes(struct buf *out, uint32_t number, struct str bytes)
{
    wire_put_varint(out, (uint64_t)number << 3 | WIRE_BYTES);
    wire_put_varint(out, bytes.len);
    buf_append(out, bytes.p, bytes.len);
}
