/* SPDX-License-Identifier: Apache-2.0 */
/* Binary heap with the places written back into the items. */
#include "emulator/pubsub/heap.h"

#include "common/mem.h"

void heap_fini(struct heap *h)
{
    mem_free(h->slots);
    *h = (struct heap){0};
}

static void place(struct heap *h, uint32_t at, struct heap_slot slot)
{
    h->slots[at] = slot;
    slot.item->place = at + 1;
}

static void sift_up(struct heap *h, uint32_t at, struct heap_slot slot)
{
    while (at > 0 && h->slots[(at - 1) / 2].key > slot.key) {
        place(h, at, h->slots[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    place(h, at, slot);
}

static void sift_down(struct heap *h, uint32_t at, struct heap_slot slot)
{
    for (;;) {
        uint32_t child = 2 * at + 1;

        if (child + 1 < h->n && h->slots[child + 1].key < h->slots[child].key)
            child++;
        if (child >= h->n || h->slots[child].key >= slot.key)
            break;
        place(h, at, h->slots[child]);
        at = child;
    }
    place(h, at, slot);
}

void heap_set(struct heap *h, struct heap_item *item, int64_t key)
{
    struct heap_slot slot = {key, item};

    if (item->place) {
        if (key < h->slots[item->place - 1].key)
            sift_up(h, item->place - 1, slot);
        else
            sift_down(h, item->place - 1, slot);
        return;
    }
    if (h->n == h->cap) {
        h->cap = h->cap ? h->cap * 2 : 16;
        h->slots = mem_realloc(h->slots, h->cap * sizeof(*h->slots));
    }
    sift_up(h, h->n++, slot);
}

void heap_remove(struct heap *h, struct heap_item *item)
{
    struct heap_slot last;
    uint32_t at;

    if (!item->place)
        return;
    at = item->place - 1;
    item->place = 0;
    last = h->slots[--h->n];
    if (last.item == item)
        return;
    if (at > 0 && h->slots[(at - 1) / 2].key > last.key)
        sift_up(h, at, last);
    else
        sift_down(h, at, last);
}
