/* SPDX-License-Identifier: Apache-2.0 */
/* What comes back: leases changed, returned and expired, backoff, dead
 * letters, retention, seek. */
#include "emulator/pubsub/subcore.h"
#include "emulator/pubsub/subcore_priv.h"

int64_t backoff_us(int64_t min_us, int64_t max_us, unsigned fails)
{
    int64_t us = min_us;

    for (unsigned i = 1; i < fails && us > 0 && us < max_us; i++)
        us *= 2;
    return us < max_us ? us : max_us;
}

/* Without a policy, for those that no receiver has seen: they would be tried
 * again without end at once. */
#define FAULT_MIN_US 100000
#define FAULT_MAX_US 10000000

static int64_t ready_at(const struct subcore *s, const struct held *h,
                        int64_t now_us)
{
    if (s->rules.has_backoff)
        return now_us + backoff_us(s->rules.backoff_min_us,
                                   s->rules.backoff_max_us, h->fails);
    return h->at_fault
               ? now_us + backoff_us(FAULT_MIN_US, FAULT_MAX_US, h->fails)
               : now_us;
}

static bool is_worn_out(const struct subcore *s, const struct held *h)
{
    return s->rules.max_attempts && h->fails >= s->rules.max_attempts;
}

/* Out of attempts: leaves its key (those behind it go on) and waits for the
 * dead-letter topic. */
static void bury(struct subcore *s, struct held *h)
{
    if (h->key)
        okey_unlink(h->key, h);
    h->state = HELD_DEAD;
    h->is_listed = true;
    h->prev = s->last_dead;
    h->after = NULL;
    *(s->last_dead ? &s->last_dead->after : &s->dead) = h;
    s->last_dead = h;
}

static void fail_once(struct subcore *s, struct held *h)
{
    if (h->fails < UINT16_MAX)
        h->fails++;
    if (s->rules.max_attempts && s->attempts.is_kept)
        attempts_note(&s->attempts, h->seq, h->fails);
}

/* A keyed message is to be delivered again, and with it all behind it that
 * were, acknowledged or not. */
static void rewind_key(struct subcore *s, struct held *from, int64_t now_us)
{
    struct okey *k = from->key;
    struct held *next;
    int64_t not_before = ready_at(s, from, now_us);

    k->next_up = NULL;
    for (struct held *h = from; h; h = next) {
        next = h->after;
        if (!h->delivered) { /* nor is any behind it */
            if (!k->next_up)
                k->next_up = h;
            break;
        }
        if (h->state == HELD_LEASED) {
            bool expired = h != from && h->due_us <= now_us;

            subcore_unlease(s, h);
            if (expired) {
                fail_once(s, h);
                s->n_expired++;
            }
        } else if (h->state == HELD_ACKED) {
            tlog_undone(s->log, &s->holder, h->batch, h->seq);
        }
        h->state = HELD_WAITING;
        if (is_worn_out(s, h))
            bury(s, h);
        else if (!k->next_up)
            k->next_up = h;
    }
    k->not_before_us = not_before > now_us ? not_before : 0;
    okey_update(&s->keys, k, now_us);
}

static void make_due(struct subcore *s, struct held *h, int64_t at_us,
                     int64_t now_us)
{
    h->due_us = at_us;
    if (at_us > now_us) {
        h->state = HELD_BACKOFF;
        heap_set(&s->due, &h->timer, at_us);
    } else {
        h->state = HELD_READY;
        heap_set(&s->ready, &h->ready, (int64_t)h->seq);
    }
}

static void send_back(struct subcore *s, struct held *h, int64_t now_us)
{
    fail_once(s, h);
    if (h->key) {
        rewind_key(s, h, now_us);
        return;
    }
    subcore_unlease(s, h);
    if (is_worn_out(s, h))
        bury(s, h);
    else
        make_due(s, h, ready_at(s, h, now_us), now_us);
}

void subcore_fail(struct subcore *s, struct held *h, int64_t now_us)
{
    h->at_fault = true;
    s->n_nacked++;
    send_back(s, h, now_us);
}

enum sub_ack subcore_modack(struct subcore *s, uint64_t seq, uint32_t nonce,
                            int64_t lease_us, int64_t now_us)
{
    struct held *h = heldset_find(&s->held, seq);

    if (!h || h->state != HELD_LEASED || h->nonce != nonce ||
        h->due_us <= now_us)
        return s->rules.exactly_once ? SUB_ACK_REFUSED : SUB_ACK_STALE;
    if (lease_us > 0) {
        h->due_us = now_us + lease_us;
        heap_set(&s->due, &h->timer, h->due_us);
        return SUB_ACK_DONE;
    }
    s->n_nacked++;
    send_back(s, h, now_us);
    return SUB_ACK_DONE;
}

void subcore_pass_over(struct subcore *s, uint64_t from, uint64_t end,
                       int64_t now_us)
{
    for (uint64_t seq = from; s->held.n > 0 && seq < end; seq++) {
        struct held *h = heldset_find(&s->held, seq);

        if (h) {
            struct okey *k = h->key;

            subcore_drop(s, h);
            if (k)
                okey_update(&s->keys, k, now_us);
        }
    }
    tlog_done_range(s->log, &s->holder, from, end);
}

/* Messages older than the retention. */
static void drop_old(struct subcore *s, int64_t now_us)
{
    for (;;) {
        uint64_t from = s->holder.done.frontier;
        struct batch *b = tlog_find(s->log, from);
        uint64_t end;

        if (!b || b->publish_us + s->rules.retention_us > now_us)
            return;
        end = b->first_seq + b->n;
        subcore_pass_over(s, from, end, now_us);
        if (s->holder.done.frontier <= from)
            return;
    }
}

void subcore_tick(struct subcore *s, int64_t now_us)
{
    while (heap_first_key(&s->due) <= now_us) {
        struct held *h = (struct held *)(void *)heap_first(&s->due);

        if (h->state == HELD_LEASED) {
            s->n_expired++;
            send_back(s, h, now_us);
        } else {
            heap_remove(&s->due, &h->timer);
            make_due(s, h, now_us, now_us);
        }
    }
    okeys_wake(&s->keys, now_us);
    if (s->rules.retention_us)
        drop_old(s, now_us);
}

int64_t subcore_next_event(const struct subcore *s)
{
    int64_t at = heap_first_key(&s->due);
    int64_t oldest;

    if (heap_first_key(&s->keys.timers) < at)
        at = heap_first_key(&s->keys.timers);
    if (!s->rules.retention_us)
        return at;
    oldest = subcore_oldest_us(s);
    if (oldest != INT64_MAX && oldest + s->rules.retention_us < at)
        at = oldest + s->rules.retention_us;
    return at;
}

struct held *subcore_dead_next(struct subcore *s)
{
    struct held *h = s->dead;

    if (h)
        subcore_exhume(s, h);
    return h;
}

void subcore_dead_end(struct subcore *s, uint64_t seq, bool forwarded,
                      int64_t now_us)
{
    struct held *h = heldset_find(&s->held, seq);

    if (!h || h->state != HELD_DEAD)
        return;
    if (forwarded)
        subcore_settle(s, h, now_us);
    else
        make_due(s, h, ready_at(s, h, now_us), now_us);
}

void subcore_forget(struct subcore *s)
{
    subcore_drop_all(s);
    s->next = s->holder.done.frontier;
    s->at_batch = NULL;
}

void subcore_seek(struct subcore *s, struct ackset *set)
{
    subcore_drop_all(s);
    attempts_clear(&s->attempts);
    tlog_assign(s->log, &s->holder, set);
    s->next = s->holder.done.frontier;
    s->at_batch = NULL;
}

void subcore_save_attempts(const struct subcore *s, struct buf *out)
{
    const struct held *h;
    size_t at = 0;

    if (!s->rules.max_attempts)
        return;
    while ((h = heldset_walk(&s->held, &at)))
        if (h->fails && h->state != HELD_ACKED)
            attempts_put(out, h->seq, h->fails);
    attempts_put_rest(&s->attempts, &s->holder.done, out);
}
