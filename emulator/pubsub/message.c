/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of a message's bytes. */
#include "emulator/pubsub/message.h"

#include "grpc/wire.h"

static struct str last_bytes(struct str message, uint32_t number)
{
    struct wire w = wire_of(message);
    struct wire_field f;
    struct str found = STR_NULL;

    while (wire_next(&w, &f))
        if (f.number == number && f.type == WIRE_BYTES)
            found = f.bytes;
    return found;
}

struct str message_ordering_key(struct str message)
{
    return last_bytes(message, MESSAGE_ORDERING_KEY);
}

struct str message_data(struct str message)
{
    return last_bytes(message, MESSAGE_DATA);
}

bool message_next_attribute(struct wire *w, struct attribute *out)
{
    struct wire_field f;

    while (wire_next(w, &f)) {
        struct wire entry;

        if (f.number != MESSAGE_ATTRIBUTES || f.type != WIRE_BYTES)
            continue;
        *out = (struct attribute){STR(""), STR("")};
        entry = wire_of(f.bytes);
        while (wire_next(&entry, &f))
            if (f.type == WIRE_BYTES && f.number == 1)
                out->key = f.bytes;
            else if (f.type == WIRE_BYTES && f.number == 2)
                out->value = f.bytes;
        return true;
    }
    return false;
}

struct str message_attribute(struct str message, struct str key)
{
    struct wire w = wire_of(message);
    struct attribute a;
    struct str found = STR_NULL;

    while (message_next_attribute(&w, &a))
        if (str_eq(a.key, key))
            found = a.value;
    return found;
}

void message_put_attribute(struct buf *out, struct str key, struct str value)
{
    size_t len = 1 + wire_varint_len(key.len) + key.len + 1 +
                 wire_varint_len(value.len) + value.len;

    wire_put_varint(out, MESSAGE_ATTRIBUTES << 3 | WIRE_BYTES);
    wire_put_varint(out, len);
    wire_put_bytes(out, 1, key);
    wire_put_bytes(out, 2, value);
}

/* message_id and publish_time as bytes; at most 22 + 19. */
enum {
    TAIL_MAX = 48
};

static unsigned write_decimal(uint8_t *to, uint64_t v)
{
    uint8_t digits[20];
    unsigned n = 0;

    do {
        digits[n++] = (uint8_t)('0' + v % 10);
        v /= 10;
    } while (v);
    for (unsigned i = 0; i < n; i++)
        to[i] = digits[n - 1 - i];
    return n;
}

static size_t write_tail(uint8_t tail[TAIL_MAX], const struct received *r)
{
    int64_t seconds = r->publish_us / 1000000;
    /* whole milliseconds, as production tells them */
    uint32_t nanos = (uint32_t)(r->publish_us % 1000000 / 1000) * 1000000;
    uint8_t *p = tail, *len;

    *p++ = MESSAGE_ID << 3 | WIRE_BYTES;
    len = p++;
    *len = (uint8_t)write_decimal(p, r->id);
    p += *len;
    *p++ = MESSAGE_PUBLISH_TIME << 3 | WIRE_BYTES;
    len = p++;
    if (seconds) {
        *p++ = 1 << 3 | WIRE_VARINT;
        p = wire_write_varint(p, (uint64_t)seconds);
    }
    if (nanos) {
        *p++ = 2 << 3 | WIRE_VARINT;
        p = wire_write_varint(p, nanos);
    }
    *len = (uint8_t)(p - len - 1);
    return (size_t)(p - tail);
}

void message_put_whole(struct buf *out, const struct received *r)
{
    uint8_t tail[TAIL_MAX];
    size_t len = write_tail(tail, r);

    buf_append(out, r->message.p, r->message.len);
    buf_append(out, tail, len);
}

void message_put_received(struct buf *out, const struct received *r)
{
    uint8_t tail[TAIL_MAX], head[80], *p = head;
    size_t tail_len = write_tail(tail, r);
    size_t message_len = r->message.len + tail_len;
    size_t len = 2 + ACK_ID_LEN + 1 + wire_varint_len(message_len) +
                 message_len +
                 (r->attempt ? 1 + wire_varint_len(r->attempt) : 0);

    *p++ = 1 << 3 | WIRE_BYTES;
    p = wire_write_varint(p, len);
    *p++ = 1 << 3 | WIRE_BYTES;
    *p++ = ACK_ID_LEN;
    memcpy(p, r->ack_id, ACK_ID_LEN);
    p += ACK_ID_LEN;
    *p++ = 2 << 3 | WIRE_BYTES;
    p = wire_write_varint(p, message_len);
    if (!buf_reserve(out, len + 8))
        return;
    buf_append(out, head, (size_t)(p - head));
    buf_append(out, r->message.p, r->message.len);
    buf_append(out, tail, tail_len);
    if (r->attempt)
        wire_put_uint(out, 3, r->attempt);
}
