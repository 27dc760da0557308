/* SPDX-License-Identifier: Apache-2.0 */
/* Delivery: the next message for a taker, and its acknowledgement. */
#include "emulator/pubsub/subcore.h"

#include "common/loop.h"
#include "common/mem.h"
#include "emulator/pubsub/filter.h"
#include "emulator/pubsub/message.h"
#include "emulator/pubsub/subcore_priv.h"

enum {
    SKIP_LIMIT = 20000,      /* messages passed over in one call */
    HELD_BACK_LIMIT = 100000 /* keyed messages waiting behind others */
};

void subcore_init(struct subcore *s, struct tlog *log, struct ackset *done,
                  uint32_t first_nonce)
{
    *s = (struct subcore){.log = log, .nonce = first_nonce};
    attempts_init(&s->attempts);
    s->holder.done = *done;
    tlog_attach(log, &s->holder);
    s->next = s->holder.done.frontier;
}

void subcore_fini(struct subcore *s)
{
    subcore_drop_all(s);
    tlog_detach(s->log, &s->holder);
    ackset_fini(&s->holder.done);
    heldset_fini(&s->held);
    heap_fini(&s->due);
    heap_fini(&s->ready);
    okeys_fini(&s->keys);
    attempts_fini(&s->attempts);
}

struct taker *taker_new(void)
{
    return MEM_NEW(struct taker);
}

static void taker_put(struct taker *t)
{
    if (t->closed && t->n_messages == 0)
        mem_free(t);
}

void subcore_close_taker(struct subcore *s, struct taker *t, int64_t now_us)
{
    okeys_disown(&s->keys, t, now_us);
    t->closed = true;
    taker_put(t);
}

void subcore_unlease(struct subcore *s, struct held *h)
{
    struct taker *t = h->taker;

    s->n_leased--;
    heap_remove(&s->due, &h->timer);
    if (h->key)
        okey_released(h->key);
    h->taker = NULL;
    t->n_messages--;
    t->n_bytes -= h->len;
    taker_put(t);
}

void subcore_exhume(struct subcore *s, struct held *h)
{
    if (!h->is_listed)
        return;
    *(h->prev ? &h->prev->after : &s->dead) = h->after;
    *(h->after ? &h->after->prev : &s->last_dead) = h->prev;
    h->prev = h->after = NULL;
    h->is_listed = false;
}

void subcore_drop(struct subcore *s, struct held *h)
{
    struct batch *b = h->batch;

    if (h->state == HELD_LEASED)
        subcore_unlease(s, h);
    if (h->state == HELD_DEAD)
        subcore_exhume(s, h);
    heap_remove(&s->due, &h->timer);
    heap_remove(&s->ready, &h->ready);
    if (h->key)
        okey_unlink(h->key, h);
    heldset_remove(&s->held, h);
    tlog_unpin(s->log, b);
}

void subcore_drop_all(struct subcore *s)
{
    size_t at = 0;
    struct held *h;

    while ((h = heldset_walk(&s->held, &at))) {
        struct okey *k = h->key;

        subcore_drop(s, h);
        if (k)
            okey_update(&s->keys, k, 0);
        at--; /* removal may have moved another entry here */
    }
}

static struct held *hold(struct subcore *s, struct batch *b, uint64_t seq,
                         uint32_t offset, uint32_t len)
{
    struct held *h = heldset_add(&s->held, seq);

    h->batch = b;
    h->offset = offset;
    h->len = len;
    if (s->attempts.n_left)
        h->fails = attempts_take(&s->attempts, seq);
    b->pins++;
    return h;
}

static bool has_room(const struct taker *t, uint32_t len)
{
    if (t->max_messages && t->n_messages >= t->max_messages)
        return false;
    if (t->n_frame && t->n_frame + len > TAKER_FRAME_MAX)
        return false;
    /* One message is let through however large it is. */
    return !t->max_bytes || t->n_messages == 0 ||
           t->n_bytes + len <= t->max_bytes;
}

static void lease(struct subcore *s, struct held *h, struct taker *t,
                  int64_t due_us)
{
    heap_remove(&s->ready, &h->ready);
    h->state = HELD_LEASED;
    h->taker = t;
    h->delivered = 1;
    h->due_us = due_us;
    h->nonce = ++s->nonce;
    heap_set(&s->due, &h->timer, due_us);
    s->n_leased++;
    s->n_delivered++;
    t->n_messages++;
    t->n_bytes += h->len;
    t->n_frame += h->len;
    if (h->key)
        okey_leased(h->key, h, t);
}

static void describe(const struct held *h, struct delivery *out)
{
    uint32_t next;

    *out = (struct delivery){
        .held = (struct held *)(uintptr_t)h,
        .message = batch_message_at(h->batch, h->offset, &next),
        .id = h->batch->first_id + (h->seq - h->batch->first_seq),
        .publish_us = h->batch->publish_us,
        .attempt = h->fails + 1U,
        .nonce = h->nonce,
        .seq = h->seq,
    };
}

/* What transforms made of the message, in place of it; SUB_GOT: it may go. */
static enum sub_got look(struct subcore *s, struct batch *b, uint64_t seq,
                         uint32_t offset, struct str *message,
                         enum view_got *how)
{
    struct sub_view *v = s->rules.view;

    *how = v ? v->find(v, b, seq, offset, message) : VIEW_KEPT;
    if (v && (*how == VIEW_DROPPED || *how == VIEW_FAILED))
        v->taken(v, seq);
    return *how == VIEW_KEPT   ? SUB_GOT
           : *how == VIEW_WAIT ? SUB_LOAD
                               : SUB_PASSED;
}

static void taken(struct subcore *s, uint64_t seq)
{
    if (s->rules.view)
        s->rules.view->taken(s->rules.view, seq);
}

/* Settles one that goes to nobody as if `t` had got and settled it. */
static void pass(struct subcore *s, struct held *h, struct taker *t,
                 enum view_got how, int64_t now_us)
{
    lease(s, h, t, now_us);
    s->n_delivered--;
    t->n_frame -= h->len;
    if (how == VIEW_DROPPED)
        subcore_settle(s, h, now_us);
    else
        subcore_fail(s, h, now_us);
}

/* Leases an entry that is due, if its bytes are here and there is room. */
static enum sub_got give(struct subcore *s, struct held *h, struct taker *t,
                         int64_t lease_us, int64_t now_us, struct delivery *out)
{
    struct str message = STR_NULL;
    enum view_got how;
    enum sub_got got;

    if (!has_room(t, h->len))
        return SUB_FULL;
    if (!h->batch->bytes)
        return SUB_LOAD;
    got = look(s, h->batch, h->seq, h->offset, &message, &how);
    if (got == SUB_PASSED)
        pass(s, h, t, how, now_us);
    if (got != SUB_GOT)
        return got;
    if (message.p && !has_room(t, (uint32_t)message.len))
        return SUB_FULL;
    if (message.p)
        h->len = (uint32_t)message.len;
    h->at_fault = false;
    lease(s, h, t, now_us + lease_us);
    describe(h, out);
    if (message.p)
        out->message = message;
    taken(s, h->seq);
    return SUB_GOT;
}

static enum sub_got give_key(struct subcore *s, struct okey *k, struct taker *t,
                             int64_t lease_us, int64_t now_us,
                             struct delivery *out, struct batch **load)
{
    struct held *h = k->next_up;
    enum sub_got got = give(s, h, t, lease_us, now_us, out);

    if (got == SUB_LOAD)
        *load = h->batch;
    if (got == SUB_GOT)
        okey_update(&s->keys, k, now_us);
    return got;
}

/* The cursor's batch and offset for s->next, which is in no gap. */
static struct batch *cursor(struct subcore *s)
{
    struct batch *b = s->at_batch;
    uint32_t i;

    if (!b || s->at_epoch != s->log->epoch || s->next < b->first_seq ||
        s->next >= b->first_seq + b->n) {
        b = tlog_find(s->log, s->next);
        s->at_batch = b;
        s->at_epoch = s->log->epoch;
        s->at_i = s->at_offset = 0;
    }
    if (!b || b->first_seq > s->next || !b->bytes)
        return b;
    i = (uint32_t)(s->next - b->first_seq);
    if (i < s->at_i)
        s->at_i = s->at_offset = 0;
    while (s->at_i < i) {
        (void)batch_message_at(b, s->at_offset, &s->at_offset);
        s->at_i++;
    }
    return b;
}

/* Moves the cursor to the next message that is not done; NULL at the end. */
static struct batch *seek_open(struct subcore *s)
{
    s->next = ackset_next_free(&s->holder.done, s->next, s->log->end_seq);
    return s->next < s->log->end_seq ? cursor(s) : NULL;
}

static bool refuse_filtered(struct subcore *s, struct batch *b,
                            struct str message)
{
    if (!s->rules.filter || filter_match(s->rules.filter, message))
        return false;
    tlog_done(s->log, &s->holder, b, s->next);
    s->next++;
    return true;
}

/* Files the message at the cursor under its key. */
static struct okey *file_keyed(struct subcore *s, struct batch *b,
                               struct str key, uint32_t len, int64_t now_us)
{
    struct okey *k = okeys_get(&s->keys, key);
    struct held *h = hold(s, b, s->next, s->at_offset, len);

    h->state = HELD_WAITING;
    okey_append(k, h);
    okey_update(&s->keys, k, now_us);
    s->next++;
    return k;
}

static bool is_free_for(const struct subcore *s, const struct okey *k,
                        const struct taker *t)
{
    return k->list == &s->keys.ready || k->list == &t->ready;
}

static enum sub_got from_cursor(struct subcore *s, struct taker *t,
                                int64_t lease_us, int64_t now_us,
                                struct delivery *out, struct batch **load)
{
    for (unsigned n = 0; n < SKIP_LIMIT; n++) {
        struct batch *b = seek_open(s);
        struct str message, key = STR_NULL;
        enum view_got how;
        uint32_t next_offset;
        enum sub_got got;
        struct held *h;

        if (!b)
            return SUB_NONE;
        if (!b->bytes) {
            *load = b;
            return SUB_LOAD;
        }
        message = batch_message_at(b, s->at_offset, &next_offset);
        if (refuse_filtered(s, b, message))
            continue;
        if (s->rules.ordered)
            key = message_ordering_key(message);
        if (key.len > 0) {
            struct okey *k;

            if (s->held.n - s->n_leased >= HELD_BACK_LIMIT)
                return SUB_NONE;
            k = file_keyed(s, b, key, (uint32_t)message.len, now_us);
            if (is_free_for(s, k, t))
                return give_key(s, k, t, lease_us, now_us, out, load);
            continue;
        }
        got = look(s, b, s->next, s->at_offset, &message, &how);
        if (got == SUB_LOAD)
            *load = b;
        if (got == SUB_LOAD)
            return got;
        if (how == VIEW_DROPPED) {
            s->n_done += tlog_done(s->log, &s->holder, b, s->next);
            s->next++;
            continue;
        }
        if (!has_room(t, (uint32_t)message.len))
            return SUB_FULL;
        h = hold(s, b, s->next, s->at_offset, (uint32_t)message.len);
        s->next++;
        s->at_i++;
        s->at_offset = next_offset;
        if (how == VIEW_FAILED) {
            pass(s, h, t, how, now_us);
            continue;
        }
        taken(s, h->seq);
        lease(s, h, t, now_us + lease_us);
        describe(h, out);
        out->message = message;
        return SUB_GOT;
    }
    return SUB_BUSY;
}

static enum sub_got next_one(struct subcore *s, struct taker *t,
                             int64_t lease_us, int64_t now_us,
                             struct delivery *out, struct batch **load)
{
    struct heap_item *first = heap_first(&s->ready);
    struct held *h = first ? LOOP_OWNER(first, struct held, ready) : NULL;

    if (t->max_messages && t->n_messages >= t->max_messages)
        return SUB_FULL;
    if (h) {
        enum sub_got got = give(s, h, t, lease_us, now_us, out);

        if (got == SUB_LOAD)
            *load = h->batch;
        return got;
    }
    if (t->ready.first)
        return give_key(s, t->ready.first, t, lease_us, now_us, out, load);
    if (s->keys.ready.first)
        return give_key(s, s->keys.ready.first, t, lease_us, now_us, out, load);
    return from_cursor(s, t, lease_us, now_us, out, load);
}

enum sub_got subcore_next(struct subcore *s, struct taker *t, int64_t lease_us,
                          int64_t now_us, struct delivery *out,
                          struct batch **load)
{
    for (unsigned n = 0; n < SKIP_LIMIT; n++) {
        enum sub_got got = next_one(s, t, lease_us, now_us, out, load);

        if (got != SUB_PASSED)
            return got;
    }
    return SUB_BUSY;
}

void subcore_skip_refused(struct subcore *s)
{
    struct batch *b;

    for (unsigned n = 0; s->rules.filter && n < SKIP_LIMIT; n++) {
        uint32_t next_offset;

        b = seek_open(s);
        if (!b || !b->bytes ||
            !refuse_filtered(s, b,
                             batch_message_at(b, s->at_offset, &next_offset)))
            return;
    }
}

/* Acknowledged entries at a key's front are done for good. */
static void trim_key(struct subcore *s, struct okey *k, int64_t now_us)
{
    while (k->first && k->first->state == HELD_ACKED)
        subcore_drop(s, k->first);
    okey_update(&s->keys, k, now_us);
}

void subcore_settle(struct subcore *s, struct held *h, int64_t now_us)
{
    struct okey *k = h->key;

    s->n_done += tlog_done(s->log, &s->holder, h->batch, h->seq);
    if (!k || k->first == h || h->state == HELD_DEAD) {
        subcore_drop(s, h);
    } else {
        if (h->state == HELD_LEASED)
            subcore_unlease(s, h);
        h->state = HELD_ACKED;
    }
    if (k)
        trim_key(s, k, now_us);
}

static enum sub_ack ack_not_held(struct subcore *s, uint64_t seq)
{
    if (s->rules.exactly_once)
        return SUB_ACK_REFUSED;
    /* Delivered before a restart or a seek, acknowledged after it. */
    if (seq >= s->log->end_seq || !tlog_done(s->log, &s->holder, NULL, seq))
        return SUB_ACK_STALE;
    s->n_done++;
    return SUB_ACK_DONE;
}

/* A redelivery of the earlier one would bring this one again, and what was
 * confirmed must not come back. */
static bool is_behind_another(const struct held *h)
{
    const struct held *p = h->key ? h->prev : NULL;

    while (p && p->state == HELD_ACKED)
        p = p->prev;
    return p != NULL;
}

enum sub_ack subcore_ack(struct subcore *s, uint64_t seq, uint32_t nonce,
                         int64_t now_us)
{
    struct held *h = heldset_find(&s->held, seq);
    bool current;

    if (!h)
        return ack_not_held(s, seq);
    current =
        h->state == HELD_LEASED && h->nonce == nonce && h->due_us > now_us;
    if (s->rules.exactly_once && !current)
        return SUB_ACK_REFUSED;
    if (s->rules.exactly_once && is_behind_another(h))
        return SUB_ACK_UNORDERED;
    if (h->state == HELD_ACKED || h->state == HELD_DEAD || !h->delivered)
        return SUB_ACK_STALE;
    /* Late, and of a key whose earlier message is to be delivered again: so
     * will this one. */
    if (h->state == HELD_WAITING && h->key && h->key->first != h)
        return SUB_ACK_STALE;
    subcore_settle(s, h, now_us);
    return SUB_ACK_DONE;
}

uint64_t subcore_backlog(const struct subcore *s)
{
    return ackset_count_free(&s->holder.done, 0, s->log->end_seq);
}

int64_t subcore_oldest_us(const struct subcore *s)
{
    const struct batch *b;

    if (s->holder.done.frontier >= s->log->end_seq)
        return INT64_MAX;
    b = tlog_find(s->log, s->holder.done.frontier);
    return b ? b->publish_us : INT64_MAX;
}
