/* SPDX-License-Identifier: Apache-2.0 */
/* Ordering keys of one subscription that have messages out or held back, and
 * the rule which of them may be delivered to whom.
 *
 * The entries of a key are listed by sequence: first those delivered (leased,
 * or acknowledged behind one that is not), then those waiting. While any is
 * leased the key belongs to the stream that has it; one that a unary pull has
 * is not delivered to anybody else until it is settled, except for what was
 * delivered before and is to be again.
 * Pure. Threads: one at a time. */
#ifndef EMULATOR_PUBSUB_OKEY_H
#define EMULATOR_PUBSUB_OKEY_H

#include <stdint.h>

#include "common/str.h"
#include "emulator/pubsub/heldset.h"

struct okey_list {
    struct okey *first, *last;
};

struct okey {
    struct heap_item timer; /* first: waits for `not_before_us` */
    struct okey *bucket;
    struct held *first, *last;
    struct held *next_up; /* first HELD_WAITING */
    uint32_t n_leased;
    struct taker *owner;
    struct okey *own_prev, *own_next;
    struct okey *prev, *next; /* in `list` */
    struct okey_list *list;
    int64_t not_before_us; /* 0: now */
    size_t name_len;
    char name[];
};

struct okeys {
    struct okey **buckets;
    size_t n_buckets, n;
    struct okey_list ready; /* deliverable to anybody */
    struct heap timers;
};

/* What goes into one answer, but for a single larger message: some clients
 * receive no more than 4 MiB at a time. The rest is for ids and times. */
enum {
    TAKER_FRAME_MAX = (4 << 20) - (256 << 10)
};

/* Who takes messages: a stream, a push endpoint, one unary pull. Lives until
 * it is closed and none of its leases is out. */
struct taker {
    uint64_t max_messages, max_bytes; /* 0: no limit */
    uint64_t n_messages, n_bytes;     /* out now */
    uint64_t n_frame; /* bytes in the answer that is being filled */
    bool closed;
    struct okey_list ready; /* keys that only it may get */
    struct okey *owned;
};

void okeys_fini(struct okeys *t);
/* The key's entry, made when new. */
struct okey *okeys_get(struct okeys *t, struct str name);
struct okey *okeys_find(const struct okeys *t, struct str name);

/* Entries in and out; the caller updates afterwards. */
void okey_append(struct okey *k, struct held *h);
void okey_unlink(struct okey *k, struct held *h);
/* Leased to `t`, or no longer. */
void okey_leased(struct okey *k, struct held *h, struct taker *t);
void okey_released(struct okey *k);
/* Puts the key where its state says; frees it when it has no entries. */
void okey_update(struct okeys *t, struct okey *k, int64_t now_us);
/* Leaves the keys of a taker that is no more to others. */
void okeys_disown(struct okeys *t, struct taker *taker, int64_t now_us);
/* Keys whose backoff is over become deliverable. */
void okeys_wake(struct okeys *t, int64_t now_us);

#endif
