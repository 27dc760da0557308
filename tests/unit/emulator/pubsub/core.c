/* SPDX-License-Identifier: Apache-2.0 */
#include "core.h"

#include <check.h>

#include "common/mem.h"
#include "emulator/pubsub/message.h"
#include "grpc/wire.h"

static struct delivery seen[256];
static char pulled[4096];

static void on_gone(struct tlog *log, struct batch *b, void *arg)
{
    (void)log;
    (void)b;
    ((struct core *)arg)->n_gone++;
}

void core_init(struct core *c)
{
    struct ackset done;
    struct tlog_events *events = MEM_NEW(struct tlog_events);

    *c = (struct core){.now = 1000 * (int64_t)S};
    events->on_gone = on_gone;
    events->arg = c;
    memset(seen, 0, sizeof(seen));
    tlog_init(&c->log, events);
    ackset_init(&done, 0);
    subcore_init(&c->sub, &c->log, &done, 100);
    c->sub.rules.lease_us = 10 * S;
}

void core_fini(struct core *c)
{
    const struct tlog_events *events = c->log.events;

    subcore_fini(&c->sub);
    tlog_fini(&c->log);
    mem_free((void *)(uintptr_t)events);
}

void core_publish(struct core *c, const char *letters, const char *keys)
{
    struct buf bytes, message;
    struct batch *b;
    size_t len;
    char *data;

    buf_init(&bytes, 1 << 20);
    buf_init(&message, 4096);
    for (size_t i = 0; letters[i]; i++) {
        buf_reset(&message);
        wire_put_bytes(&message, MESSAGE_DATA, str_of(letters + i, 1));
        if (keys && keys[i] != '.')
            wire_put_bytes(&message, MESSAGE_ORDERING_KEY, str_of(keys + i, 1));
        message_put_attribute(&message, STR("letter"), str_of(letters + i, 1));
        wire_put_varint(&bytes, message.len);
        buf_str(&bytes, buf_as_str(&message));
    }
    data = buf_take(&bytes, &len);
    b = batch_new(data, (uint32_t)len, (uint32_t)strlen(letters));
    b->first_seq = c->next_seq;
    b->first_id = 1000 + c->next_seq;
    b->publish_us = c->now;
    c->next_seq += b->n;
    tlog_append(&c->log, b);
    buf_fini(&message);
}

const char *core_pull(struct core *c, struct taker *t, unsigned max)
{
    unsigned n = 0;
    struct delivery d;
    struct batch *load;
    struct taker *own = t ? NULL : taker_new();

    t = t ? t : own;
    while (n < max && subcore_next(&c->sub, t, c->sub.rules.lease_us, c->now,
                                   &d, &load) == SUB_GOT) {
        struct str data = message_data(d.message);

        ck_assert_uint_eq(data.len, 1);
        ck_assert_uint_eq(d.id, 1000 + d.seq);
        pulled[n++] = data.p[0];
        seen[(unsigned char)data.p[0]] = d;
    }
    pulled[n] = '\0';
    if (own)
        subcore_close_taker(&c->sub, own, c->now);
    return pulled;
}

enum sub_ack core_ack(struct core *c, char letter)
{
    struct delivery *d = &seen[(unsigned char)letter];

    return subcore_ack(&c->sub, d->seq, d->nonce, c->now);
}

enum sub_ack core_nack(struct core *c, char letter)
{
    struct delivery *d = &seen[(unsigned char)letter];

    return subcore_modack(&c->sub, d->seq, d->nonce, 0, c->now);
}

void core_advance(struct core *c, int64_t us)
{
    c->now += us;
    subcore_tick(&c->sub, c->now);
    tlog_expire(&c->log, c->now);
}

unsigned core_attempt(char letter)
{
    return seen[(unsigned char)letter].attempt;
}

uint64_t core_seq(char letter)
{
    return seen[(unsigned char)letter].seq;
}
