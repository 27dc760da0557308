/* SPDX-License-Identifier: Apache-2.0 */
/* A binary heap of items that their owners embed: smallest key first, any
 * item can be moved or taken out in O(log n). Keys stand beside the pointers,
 * so that sifting touches few cache lines.
 * Owns its array only. Threads: one at a time. */
#ifndef EMULATOR_PUBSUB_HEAP_H
#define EMULATOR_PUBSUB_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_item {
    uint32_t place; /* 1 + index in the heap; 0: in none */
};

struct heap_slot {
    int64_t key;
    struct heap_item *item;
};

struct heap {
    struct heap_slot *slots;
    uint32_t n, cap;
};

void heap_fini(struct heap *h); /* does not touch the items */

static inline bool heap_holds(const struct heap_item *item)
{
    return item->place != 0;
}
/* Puts an item in, or gives one that is in another key. */
void heap_set(struct heap *h, struct heap_item *item, int64_t key);
void heap_remove(struct heap *h, struct heap_item *item); /* if it is in */
static inline struct heap_item *heap_first(const struct heap *h)
{
    return h->n ? h->slots[0].item : NULL;
}
/* INT64_MAX when empty. */
static inline int64_t heap_first_key(const struct heap *h)
{
    return h->n ? h->slots[0].key : INT64_MAX;
}

#endif
