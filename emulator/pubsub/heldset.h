/* SPDX-License-Identifier: Apache-2.0 */
/* The messages of a subscription that are out: leased, waiting for their next
 * delivery, or held back behind others of their ordering key. Found by
 * sequence number in a table with open addressing; nothing is kept for
 * messages that were never looked at or are done with.
 * Pure. Threads: one at a time. */
#ifndef EMULATOR_PUBSUB_HELDSET_H
#define EMULATOR_PUBSUB_HELDSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "emulator/pubsub/heap.h"

struct batch;
struct okey;
struct taker;

enum held_state {
    HELD_WAITING, /* keyed: never delivered, or to be delivered again */
    HELD_READY,   /* not keyed: to be delivered again, now */
    HELD_BACKOFF, /* not keyed: to be delivered again at `due_us` */
    HELD_LEASED,  /* out until `due_us` */
    HELD_ACKED,   /* keyed: acknowledged behind one that is not */
    HELD_DEAD     /* out of attempts: waits for its dead-letter topic */
};

struct held {
    struct heap_item timer; /* first: heap of leases and backoff */
    struct heap_item ready; /* heap of HELD_READY by sequence */
    uint64_t seq;
    struct batch *batch; /* pinned */
    uint32_t offset;     /* of the message in its batch */
    uint32_t len;
    uint32_t nonce; /* of the newest delivery */
    uint16_t fails; /* nacks and expiries so far */
    uint8_t state;
    bool delivered : 1; /* at least once */
    bool is_listed : 1; /* HELD_DEAD: in the list of those */
    bool at_fault : 1;  /* a transform failed on it last */
    int64_t due_us;
    struct taker *taker;       /* who has it leased */
    struct okey *key;          /* NULL: not ordered */
    struct held *prev, *after; /* of the same key, by sequence; free list;
                                  dead ones */
};

struct heldset {
    struct held **slots;
    size_t cap; /* a power of two */
    size_t n;
    struct held *spare; /* chained by `after` */
    struct held_slab *slabs;
};

void heldset_fini(struct heldset *t);
/* A zeroed entry for `seq`, which must not be in. */
struct held *heldset_add(struct heldset *t, uint64_t seq);
struct held *heldset_find(const struct heldset *t, uint64_t seq);
/* Takes out and frees. */
void heldset_remove(struct heldset *t, struct held *h);
/* Slot by slot: next entry at or behind slot *at, NULL at the end. */
struct held *heldset_walk(const struct heldset *t, size_t *at);

#endif
