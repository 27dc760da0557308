/* SPDX-License-Identifier: Apache-2.0 */
/* Open addressing with linear probing and backward shift; entries come from
 * slabs, since they are born and die at the rate of deliveries. */
#include "emulator/pubsub/heldset.h"

#include "common/mem.h"

enum {
    SLAB_ENTRIES = 64,
    LEAST_CAP = 64
};

struct held_slab {
    struct held_slab *next;
    struct held entries[SLAB_ENTRIES];
};

static size_t home(const struct heldset *t, uint64_t seq)
{
    /* Fibonacci hashing keeps runs of numbers apart. */
    return (size_t)(seq * 0x9e3779b97f4a7c15ULL >> 32) & (t->cap - 1);
}

void heldset_fini(struct heldset *t)
{
    while (t->slabs) {
        struct held_slab *next = t->slabs->next;

        mem_free(t->slabs);
        t->slabs = next;
    }
    mem_free(t->slots);
    *t = (struct heldset){0};
}

static void put(struct heldset *t, struct held *h)
{
    size_t at = home(t, h->seq);

    while (t->slots[at])
        at = (at + 1) & (t->cap - 1);
    t->slots[at] = h;
}

static void resize(struct heldset *t, size_t cap)
{
    struct held **old = t->slots;
    size_t old_cap = t->cap;

    t->slots = MEM_ARRAY(struct held *, cap);
    t->cap = cap;
    for (size_t i = 0; i < old_cap; i++)
        if (old[i])
            put(t, old[i]);
    mem_free(old);
}

static struct held *take_spare(struct heldset *t)
{
    struct held *h;

    if (!t->spare) {
        struct held_slab *slab = MEM_NEW(struct held_slab);

        slab->next = t->slabs;
        t->slabs = slab;
        for (size_t i = 0; i < SLAB_ENTRIES; i++) {
            slab->entries[i].after = t->spare;
            t->spare = &slab->entries[i];
        }
    }
    h = t->spare;
    t->spare = h->after;
    *h = (struct held){0};
    return h;
}

struct held *heldset_add(struct heldset *t, uint64_t seq)
{
    struct held *h = take_spare(t);

    if ((t->n + 1) * 2 > t->cap)
        resize(t, t->cap ? t->cap * 2 : LEAST_CAP);
    h->seq = seq;
    put(t, h);
    t->n++;
    return h;
}

static size_t slot_of(const struct heldset *t, uint64_t seq)
{
    size_t at = home(t, seq);

    while (t->slots[at] && t->slots[at]->seq != seq)
        at = (at + 1) & (t->cap - 1);
    return at;
}

struct held *heldset_find(const struct heldset *t, uint64_t seq)
{
    return t->n ? t->slots[slot_of(t, seq)] : NULL;
}

void heldset_remove(struct heldset *t, struct held *h)
{
    size_t mask = t->cap - 1;
    size_t hole = slot_of(t, h->seq);

    for (size_t at = (hole + 1) & mask; t->slots[at]; at = (at + 1) & mask) {
        size_t want = home(t, t->slots[at]->seq);

        /* Would the one at `at` still be found if it stood in the hole? */
        if (((at - want) & mask) >= ((at - hole) & mask)) {
            t->slots[hole] = t->slots[at];
            hole = at;
        }
    }
    t->slots[hole] = NULL;
    t->n--;
    h->after = t->spare;
    t->spare = h;
    /* Give the memory of a great backlog of leases back when it is over. */
    if (t->n == 0 && t->cap > 4096)
        heldset_fini(t);
}

struct held *heldset_walk(const struct heldset *t, size_t *at)
{
    while (*at < t->cap) {
        struct held *h = t->slots[(*at)++];

        if (h)
            return h;
    }
    return NULL;
}
