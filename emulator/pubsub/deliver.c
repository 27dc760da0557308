/* SPDX-License-Identifier: Apache-2.0 */
/* Which subscriptions have something to give or to take back, and when. All
 * entries mark what may have changed as due and end in deliver_due: so much
 * that happens at once costs one look. */
#include "emulator/pubsub/export.h"
#include "emulator/pubsub/pubsub_priv.h"
#include "emulator/pubsub/push.h"

void sub_due(struct sub *sub)
{
    struct pubsub *s = sub->service;

    if (sub->is_due)
        return;
    sub->is_due = true;
    sub->next_due = NULL;
    *s->last_due = sub;
    s->last_due = &sub->next_due;
}

void topic_due(struct topic *t)
{
    for (struct sub *sub = t->subs; sub; sub = sub->next)
        sub_due(sub);
}

void sub_touch(struct sub *sub)
{
    sub->active_us = pubsub_now(sub->service);
}

enum sub_got deliver_next(struct sub *sub, struct taker *t, int64_t lease_us,
                          int64_t now_us, struct delivery *out)
{
    struct batch *load = NULL;
    enum sub_got got =
        subcore_next(&sub->core, t, lease_us, now_us, out, &load);

    sub->is_loading = got == SUB_LOAD;
    sub->again = sub->again || got == SUB_BUSY;
    if (got == SUB_LOAD)
        resident_load(sub->topic, load);
    sub->n_pulled += got == SUB_GOT;
    return got;
}

bool deliver_fill(struct sub *sub, struct taker *t, int64_t lease_us,
                  unsigned max_messages, size_t max_bytes, struct buf *out,
                  unsigned *n)
{
    int64_t now_us = pubsub_now(sub->service);
    bool tells_attempt = sub->core.rules.max_attempts > 0;

    t->n_frame = 0;
    for (*n = 0; *n < max_messages && out->len < max_bytes;) {
        struct delivery d;
        char ack_id[ACK_ID_LEN];

        if (deliver_next(sub, t, lease_us, now_us, &d) != SUB_GOT)
            break;
        ack_id_write(ack_id, sub->secret, d.seq, d.nonce);
        message_put_received(
            out, &(struct received){.ack_id = ack_id,
                                    .message = d.message,
                                    .id = d.id,
                                    .publish_us = d.publish_us,
                                    .attempt = tells_attempt ? d.attempt : 0});
        ++*n;
    }
    return *n > 0;
}

void deliver_again(struct buf *out)
{
    size_t len = out->len;

    if (buf_reserve(out, len))
        buf_append(out, out->data, len);
}

int64_t hold_left_us(struct sub *sub)
{
    int64_t left_us;

    if (!sub->hold_us)
        return 0;
    left_us = sub->hold_us - loop_now_us(sub->service->e->loop);
    if (left_us > 0)
        return left_us;
    sub->hold_us = 0;
    return 0;
}

static void arm(struct sub *sub)
{
    int64_t at_us = subcore_next_event(&sub->core);
    int64_t push_us = push_next_event(sub), wait_us = INT64_MAX;
    int64_t hold_us = hold_left_us(sub);

    at_us = push_us < at_us ? push_us : at_us;
    if (at_us != INT64_MAX)
        wait_us = vclock_delay_us(sub->service->e->clock, at_us);
    if (hold_us && sub->streams && hold_us < wait_us)
        wait_us = hold_us;
    if (sub->again)
        wait_us = 0;
    if (wait_us == INT64_MAX)
        loop_timer_cancel(&sub->timer);
    else
        loop_timer_arm(&sub->timer, wait_us);
}

static void pump(struct sub *sub)
{
    sub->again = false;
    subcore_tick(&sub->core, pubsub_now(sub->service));
    dead_letters_forward(sub);
    export_serve(sub);
    push_serve(sub);
    pulls_serve(sub);
    streams_serve(sub);
    /* What the filter refuses must not fill the log of one nobody pulls. */
    subcore_skip_refused(&sub->core);
    keep_changed(sub);
    arm(sub);
}

void deliver_due(struct pubsub *s)
{
    if (s->settling)
        return; /* called from within: the outer one goes on */
    s->settling = true;
    while (s->due) {
        struct sub *sub = s->due;

        s->due = sub->next_due;
        if (!s->due)
            s->last_due = &s->due;
        sub->is_due = false;
        pump(sub);
    }
    s->settling = false;
    keep_later(s, NULL);
}
