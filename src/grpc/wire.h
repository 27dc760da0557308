/* SPDX-License-Identifier: Apache-2.0 */
/* Protocol buffers' wire format by hand, for the paths where a message's
 * bytes are looked at and passed on, never unpacked
 * (protobuf.dev/programming-guides/encoding).
 * Pure; threads: any. */
#ifndef GRPC_WIRE_H
#define GRPC_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/str.h"

enum wire_type {
    WIRE_VARINT = 0,
    WIRE_I64 = 1,
    WIRE_BYTES = 2,
    WIRE_I32 = 5
};

/* A reader over borrowed bytes. */
struct wire {
    const uint8_t *p, *end;
};

struct wire_field {
    uint32_t number;
    enum wire_type type;
    uint64_t value;      /* WIRE_VARINT, WIRE_I32, WIRE_I64 */
    struct str bytes;    /* WIRE_BYTES */
    const uint8_t *from; /* where the field's tag stands */
};

static inline struct wire wire_of(struct str s)
{
    const uint8_t *p = (const uint8_t *)s.p;

    return (struct wire){p, p + s.len};
}

bool wire_varint_slow(struct wire *w, uint64_t *out);

static inline bool wire_varint(struct wire *w, uint64_t *out)
{
    if (w->p < w->end && *w->p < 0x80) {
        *out = *w->p++;
        return true;
    }
    return wire_varint_slow(w, out);
}

/* Next field. False at the end (then w->p == w->end) and when the bytes are
 * no fields (then w->p < w->end). Groups are refused. */
bool wire_next(struct wire *w, struct wire_field *f);
static inline bool wire_is_bad(const struct wire *w)
{
    return w->p != w->end;
}

/* How many bytes a varint takes. */
static inline unsigned wire_varint_len(uint64_t v)
{
    return (unsigned)(64 - __builtin_clzll(v | 1) + 6) / 7;
}

/* Writes at `p`, returns the byte behind. */
static inline uint8_t *wire_write_varint(uint8_t *p, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        *p++ = (uint8_t)(v | 0x80);
    *p++ = (uint8_t)v;
    return p;
}

void wire_put_varint(struct buf *out, uint64_t v);
void wire_put_uint(struct buf *out, uint32_t number, uint64_t v);
void wire_put_bytes(struct buf *out, uint32_t number, struct str bytes);

#endif
