/* SPDX-License-Identifier: Apache-2.0 */
/* A subscription's delivery: what is due to whom, leases, redelivery with
 * backoff, ordering by key, dead letters, flow control, retention: functions
 * of state and `now`. Names, requests, storage and sockets are others'.
 *
 * What a subscription keeps: the set of what is done, a cursor behind which
 * nothing was looked at yet, and an entry for each message that is out. So a
 * million messages that nobody asked for cost it nothing.
 * Pure. Threads: one at a time. */
#ifndef EMULATOR_PUBSUB_SUBCORE_H
#define EMULATOR_PUBSUB_SUBCORE_H

#include <stdbool.h>
#include <stdint.h>

#include "emulator/pubsub/attempts.h"
#include "emulator/pubsub/okey.h"
#include "emulator/pubsub/tlog.h"

struct filter;

/* What a subscription's transforms make of messages. */
enum view_got {
    VIEW_KEPT,
    VIEW_DROPPED, /* done with, undelivered */
    VIEW_FAILED,  /* as if its receiver had returned it */
    VIEW_WAIT     /* not known yet: the owner will say when to look again */
};
struct sub_view {
    /* The message of that number, at `offset` in its batch, whose bytes are
     * here; VIEW_KEPT: *out is valid as delivery.message. */
    enum view_got (*find)(struct sub_view *view, struct batch *b, uint64_t seq,
                          uint32_t offset, struct str *out);
    /* Its outcome has been made use of; the next find makes it anew. */
    void (*taken)(struct sub_view *view, uint64_t seq);
};

struct sub_rules {
    int64_t lease_us;
    int64_t backoff_min_us, backoff_max_us;
    bool has_backoff;
    bool ordered;
    bool exactly_once;
    unsigned max_attempts; /* 0: no dead-letter topic */
    int64_t retention_us;
    const struct filter *filter; /* NULL: everything; borrowed */
    struct sub_view *view;       /* NULL: messages as they are; borrowed */
};

struct subcore {
    struct holder holder;
    struct tlog *log; /* borrowed */
    struct sub_rules rules;
    struct heldset held;
    struct heap due;   /* leases and backoffs by time */
    struct heap ready; /* HELD_READY by sequence */
    struct okeys keys;
    struct attempts attempts;      /* where a dead-letter topic counts them */
    struct held *dead, *last_dead; /* HELD_DEAD, not yet taken */
    uint64_t next;                 /* nothing at or behind it was looked at */
    uint32_t nonce;
    uint64_t n_leased;
    /* cursor's place in its batch, valid while log->epoch is the same */
    struct batch *at_batch;
    uint64_t at_epoch;
    uint32_t at_offset;
    uint32_t at_i;
    /* for metrics */
    uint64_t n_delivered, n_done, n_expired, n_nacked;
};

/* Attaches to the log, done with everything that `done` holds (taken). */
void subcore_init(struct subcore *s, struct tlog *log, struct ackset *done,
                  uint32_t first_nonce);
void subcore_fini(struct subcore *s); /* detaches */

struct delivery {
    struct held *held; /* until the next call that changes the subscription */
    struct str message;
    uint64_t id;
    int64_t publish_us;
    unsigned attempt; /* 1: the first */
    uint32_t nonce;
    uint64_t seq;
};

enum sub_got {
    SUB_NONE,  /* nothing is due to this taker */
    SUB_GOT,   /* leased */
    SUB_LOAD,  /* *load's bytes must be brought back first, or transformed */
    SUB_BUSY,  /* much was skipped; call again soon */
    SUB_FULL,  /* the taker's flow control */
    SUB_PASSED /* private: one was settled undelivered */
};

/* Leases the next message to `t` for `lease_us`. */
enum sub_got subcore_next(struct subcore *s, struct taker *t, int64_t lease_us,
                          int64_t now_us, struct delivery *out,
                          struct batch **load);

enum sub_ack {
    SUB_ACK_DONE,     /* it was not done before */
    SUB_ACK_STALE,    /* nothing to do: done, expired, or never out */
    SUB_ACK_REFUSED,  /* exactly-once: no longer this delivery's to settle */
    SUB_ACK_UNORDERED /* exactly-once: an earlier one of its key comes first */
};
enum sub_ack subcore_ack(struct subcore *s, uint64_t seq, uint32_t nonce,
                         int64_t now_us);
/* A lease from now on; 0 returns the message. */
enum sub_ack subcore_modack(struct subcore *s, uint64_t seq, uint32_t nonce,
                            int64_t lease_us, int64_t now_us);

/* Messages of [from, end) are done with, delivered or not: nobody can have
 * them any more. */
void subcore_pass_over(struct subcore *s, uint64_t from, uint64_t end,
                       int64_t now_us);
/* Expires leases, ends backoffs, drops what is out of retention. */
void subcore_tick(struct subcore *s, int64_t now_us);
/* When subcore_tick has something to do next; INT64_MAX: never. */
int64_t subcore_next_event(const struct subcore *s);

/* Dead letters: takes the next one that waits (it stays unsettled), then
 * tells the outcome: forwarded, or back to the subscription. What a seek or
 * the retention took away in between is not there any more. */
struct held *subcore_dead_next(struct subcore *s);
void subcore_dead_end(struct subcore *s, uint64_t seq, bool forwarded,
                      int64_t now_us);

/* Seek: everything is done that `set` holds (taken); nothing is out. */
void subcore_seek(struct subcore *s, struct ackset *set);
/* Drops leases and what was held back: after a change of rules' `ordered`. */
void subcore_forget(struct subcore *s);
/* Passes over what the filter refuses at the cursor; cheap when nothing new
 * came. Bytes that are not here end it. */
void subcore_skip_refused(struct subcore *s);

/* Appends what attempts_load takes: all that failed and are not done. */
void subcore_save_attempts(const struct subcore *s, struct buf *out);

/* A stream, or one unary pull, which closes its taker when it is answered. */
struct taker *taker_new(void);
/* The owner's last call. Its leases stay out until their deadlines. */
void subcore_close_taker(struct subcore *s, struct taker *t, int64_t now_us);

/* Messages not done with, and the publish time of the oldest (INT64_MAX). */
uint64_t subcore_backlog(const struct subcore *s);
int64_t subcore_oldest_us(const struct subcore *s);

/* min * 2^(fails-1), at most max. */
int64_t backoff_us(int64_t min_us, int64_t max_us, unsigned fails);

#endif
