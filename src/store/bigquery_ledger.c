/* SPDX-License-Identifier: Apache-2.0 */
#include "store/bigquery_ledger.h"

#include <string.h>

#include "common/mem.h"

struct ledger {
    struct ledger_entry **buckets;
    size_t n_buckets; /* a power of two */
    size_t n, max;
    struct ledger_entry *oldest, *newest;
};

/* Owned entries at the old end are looked over no further than this: then the
 * table grows beyond its bound for a while. */
enum {
    EVICT_LOOK = 64,
    BUCKETS_MIN = 1024
};

/* Keys are pieces of a digest: any bytes of them are as good as a hash. */
static size_t bucket_of(const struct ledger *l, const unsigned char *key)
{
    uint64_t bits;

    memcpy(&bits, key, sizeof(bits));
    return (size_t)bits & (l->n_buckets - 1);
}

struct ledger *ledger_new(size_t max_entries)
{
    struct ledger *l = MEM_NEW(struct ledger);

    l->max = max_entries;
    l->n_buckets = BUCKETS_MIN;
    l->buckets = MEM_ARRAY(struct ledger_entry *, l->n_buckets);
    return l;
}

static void free_entries(struct ledger_entry *e)
{
    while (e) {
        struct ledger_entry *newer = e->newer;
        mem_free(e);
        e = newer;
    }
}

void ledger_free(struct ledger *l)
{
    if (!l)
        return;
    free_entries(l->oldest);
    mem_free(l->buckets);
    mem_free(l);
}

struct ledger_entry *ledger_find(const struct ledger *l,
                                 const unsigned char *key)
{
    struct ledger_entry *e = l->buckets[bucket_of(l, key)];

    while (e && memcmp(e->key, key, LEDGER_KEY_BYTES) != 0)
        e = e->chain;
    return e;
}

void ledger_remove(struct ledger *l, struct ledger_entry *e)
{
    struct ledger_entry **at = &l->buckets[bucket_of(l, e->key)];

    while (*at != e)
        at = &(*at)->chain;
    *at = e->chain;
    *(e->older ? &e->older->newer : &l->oldest) = e->newer;
    *(e->newer ? &e->newer->older : &l->newest) = e->older;
    l->n--;
    mem_free(e);
}

static void evict(struct ledger *l)
{
    struct ledger_entry *e = l->oldest;

    for (int i = 0; i < EVICT_LOOK && e && l->n >= l->max; i++) {
        struct ledger_entry *newer = e->newer;
        if (!e->owner)
            ledger_remove(l, e);
        e = newer;
    }
}

static void grow(struct ledger *l)
{
    mem_free(l->buckets);
    l->n_buckets *= 2;
    l->buckets = MEM_ARRAY(struct ledger_entry *, l->n_buckets);
    for (struct ledger_entry *e = l->oldest; e; e = e->newer) {
        struct ledger_entry **at = &l->buckets[bucket_of(l, e->key)];
        e->chain = *at;
        *at = e;
    }
}

struct ledger_entry *ledger_add(struct ledger *l, const unsigned char *key,
                                uint64_t hash, int64_t now_us)
{
    struct ledger_entry *e = MEM_NEW(struct ledger_entry), **at;

    if (l->n >= l->max)
        evict(l);
    if (l->n >= l->n_buckets)
        grow(l);
    memcpy(e->key, key, LEDGER_KEY_BYTES);
    e->hash = hash;
    e->since_us = now_us;
    at = &l->buckets[bucket_of(l, key)];
    e->chain = *at;
    *at = e;
    e->older = l->newest;
    *(l->newest ? &l->newest->newer : &l->oldest) = e;
    l->newest = e;
    l->n++;
    return e;
}

void ledger_clear(struct ledger *l)
{
    struct ledger_entry *e = l->oldest;

    while (e) {
        struct ledger_entry *newer = e->newer;
        if (!e->owner)
            ledger_remove(l, e);
        e = newer;
    }
}

size_t ledger_count(const struct ledger *l)
{
    return l->n;
}
