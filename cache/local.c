/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/local.h"

#include <pthread.h>

#include "common/mem.h"
#include "common/rand.h"

enum {
    SMALL_PART = 10, /* the small queue's share: one tenth */
    FREQUENCY_MAX = 3,
    GHOSTS = 4096,
    BUCKETS_FIRST = 64,
    ENTRY_COST = 128 /* our own bookkeeping, counted with each value */
};

enum queue_id {
    SMALL,
    MAIN,
    N_QUEUES
};

struct entry {
    struct entry *chain;         /* of its bucket */
    struct entry *older, *newer; /* of its queue */
    struct local_value *value;
    uint64_t hash;
    size_t cost;
    enum queue_id queue;
    unsigned frequency;
    size_t key_len;
    char key[];
};

struct queue {
    struct entry *oldest, *newest;
    size_t bytes;
};

struct local {
    pthread_mutex_t lock;
    size_t max_bytes;
    struct queue queues[N_QUEUES];
    struct entry **buckets;
    size_t n_buckets, n;
    uint64_t ghosts[GHOSTS]; /* hashes of keys that left the small queue */
    size_t next_ghost;
    uint64_t seed; /* keys are chosen by strangers */
};

/* --- values -----------------------------------------------------------------
 */

void local_value_init(struct local_value *v, size_t cost,
                      void (*drop)(struct local_value *value))
{
    v->refs = 1;
    v->cost = cost;
    v->drop = drop;
}

struct local_value *local_value_ref(struct local_value *v)
{
    __atomic_add_fetch(&v->refs, 1, __ATOMIC_RELAXED);
    return v;
}

void local_value_unref(struct local_value *v)
{
    if (v && __atomic_sub_fetch(&v->refs, 1, __ATOMIC_ACQ_REL) == 0)
        v->drop(v);
}

/* --- the table --- */

/* A seeded multiply-and-fold over 8 bytes a step: strangers do not know the
 * seed, so they cannot choose keys that collide. */
static uint64_t hash_of(const struct local *l, struct str key)
{
    uint64_t h = l->seed ^ key.len;

    for (size_t i = 0; i < key.len; i += 8) {
        uint64_t word = 0;
        unsigned __int128 wide;

        memcpy(&word, key.p + i, key.len - i < 8 ? key.len - i : 8);
        wide = (unsigned __int128)(h ^ word) * 0x9e3779b97f4a7c15ULL;
        h = (uint64_t)wide ^ (uint64_t)(wide >> 64) ^ (l->seed >> 7);
    }
    return h ? h : 1;
}

static struct entry **place(struct local *l, uint64_t hash, struct str key)
{
    struct entry **at = &l->buckets[hash & (l->n_buckets - 1)];

    while (*at && ((*at)->hash != hash ||
                   !str_eq(str_of((*at)->key, (*at)->key_len), key)))
        at = &(*at)->chain;
    return at;
}

static void grow(struct local *l)
{
    size_t n = l->n_buckets * 2;
    struct entry **buckets = MEM_ARRAY(struct entry *, n);

    for (size_t i = 0; i < l->n_buckets; i++) {
        while (l->buckets[i]) {
            struct entry *e = l->buckets[i];
            l->buckets[i] = e->chain;
            e->chain = buckets[e->hash & (n - 1)];
            buckets[e->hash & (n - 1)] = e;
        }
    }
    mem_free(l->buckets);
    l->buckets = buckets;
    l->n_buckets = n;
}

static void enqueue(struct local *l, struct entry *e, enum queue_id id)
{
    struct queue *q = &l->queues[id];

    e->queue = id;
    e->newer = NULL;
    e->older = q->newest;
    if (q->newest)
        q->newest->newer = e;
    else
        q->oldest = e;
    q->newest = e;
    q->bytes += e->cost;
}

static void dequeue(struct local *l, struct entry *e)
{
    struct queue *q = &l->queues[e->queue];

    if (e->older)
        e->older->newer = e->newer;
    else
        q->oldest = e->newer;
    if (e->newer)
        e->newer->older = e->older;
    else
        q->newest = e->older;
    q->bytes -= e->cost;
}

/* Out of table and queue. The value is handed back: it is released outside
 * the lock. */
static struct local_value *take_out(struct local *l, struct entry *e)
{
    struct entry **at = &l->buckets[e->hash & (l->n_buckets - 1)];
    struct local_value *value = e->value;

    while (*at != e)
        at = &(*at)->chain;
    *at = e->chain;
    dequeue(l, e);
    l->n--;
    mem_free(e);
    return value;
}

static bool is_ghost(const struct local *l, uint64_t hash)
{
    for (size_t i = 0; i < GHOSTS; i++) {
        if (l->ghosts[i] == hash)
            return true;
    }
    return false;
}

/* One step of S3-FIFO: the entry to evict, or NULL if one only moved. */
static struct entry *step(struct local *l)
{
    struct queue *small = &l->queues[SMALL], *main = &l->queues[MAIN];
    bool from_small =
        small->oldest &&
        (small->bytes >= l->max_bytes / SMALL_PART || !main->oldest);
    struct entry *e = from_small ? small->oldest : main->oldest;

    if (e->frequency == 0) {
        if (from_small) {
            l->ghosts[l->next_ghost] = e->hash;
            l->next_ghost = (l->next_ghost + 1) % GHOSTS;
        }
        return e;
    }
    /* asked for again: into main; or once more around main */
    e->frequency = from_small ? 0 : e->frequency - 1;
    dequeue(l, e);
    enqueue(l, e, MAIN);
    return NULL;
}

/* Evicts until `extra` more bytes fit; the values are chained for release. */
struct evicted {
    struct local_value *values[64];
    size_t n;
};

static bool make_room(struct local *l, size_t extra, struct evicted *out)
{
    while (l->queues[SMALL].bytes + l->queues[MAIN].bytes + extra >
           l->max_bytes) {
        struct entry *e;

        if (out->n == sizeof(out->values) / sizeof(out->values[0]))
            return false;
        e = step(l);
        if (e)
            out->values[out->n++] = take_out(l, e);
    }
    return true;
}

static void release(struct evicted *out)
{
    while (out->n)
        local_value_unref(out->values[--out->n]);
}

/* --- the door --- */

struct local *local_new(size_t max_bytes)
{
    struct local *l = MEM_NEW(struct local);

    pthread_mutex_init(&l->lock, NULL);
    l->max_bytes = max_bytes;
    l->n_buckets = BUCKETS_FIRST;
    l->buckets = MEM_ARRAY(struct entry *, l->n_buckets);
    rand_bytes(&l->seed, sizeof(l->seed));
    return l;
}

void local_free(struct local *l)
{
    if (!l)
        return;
    for (int q = 0; q < N_QUEUES; q++) {
        while (l->queues[q].oldest)
            local_value_unref(take_out(l, l->queues[q].oldest));
    }
    pthread_mutex_destroy(&l->lock);
    mem_free(l->buckets);
    mem_free(l);
}

struct local_value *local_get(struct local *l, struct str key)
{
    struct local_value *value = NULL;
    struct entry *e;

    pthread_mutex_lock(&l->lock);
    e = *place(l, hash_of(l, key), key);
    if (e) {
        if (e->frequency < FREQUENCY_MAX)
            e->frequency++;
        value = local_value_ref(e->value);
    }
    pthread_mutex_unlock(&l->lock);
    return value;
}

static void add(struct local *l, struct str key, uint64_t hash,
                struct local_value *value, size_t cost)
{
    struct entry *e = mem_alloc(sizeof(*e) + key.len);
    struct entry **bucket;

    if (l->n >= l->n_buckets)
        grow(l);
    bucket = &l->buckets[hash & (l->n_buckets - 1)];
    e->value = local_value_ref(value);
    e->hash = hash;
    e->cost = cost;
    e->key_len = key.len;
    if (key.len)
        memcpy(e->key, key.p, key.len);
    e->chain = *bucket;
    *bucket = e;
    l->n++;
    enqueue(l, e, is_ghost(l, hash) ? MAIN : SMALL);
}

void local_put(struct local *l, struct str key, struct local_value *value)
{
    size_t cost = value->cost + key.len + ENTRY_COST;
    struct local_value *old = NULL;
    struct evicted out = {.n = 0};
    bool fits = cost <= l->max_bytes;
    uint64_t hash = hash_of(l, key);
    struct entry *e;
    unsigned frequency = 0;

    pthread_mutex_lock(&l->lock);
    e = *place(l, hash, key);
    if (e) {
        frequency = e->frequency;
        old = take_out(l, e);
    }
    while (fits && !make_room(l, cost, &out)) {
        pthread_mutex_unlock(&l->lock);
        release(&out);
        pthread_mutex_lock(&l->lock);
    }
    /* another thread may have put it meanwhile */
    if (fits && !*place(l, hash, key)) {
        add(l, key, hash, value, cost);
        (*place(l, hash, key))->frequency = frequency;
    }
    pthread_mutex_unlock(&l->lock);
    local_value_unref(old);
    release(&out);
}

void local_remove(struct local *l, struct str key)
{
    struct local_value *old = NULL;
    struct entry *e;

    pthread_mutex_lock(&l->lock);
    e = *place(l, hash_of(l, key), key);
    if (e)
        old = take_out(l, e);
    pthread_mutex_unlock(&l->lock);
    local_value_unref(old);
}

size_t local_bytes(struct local *l)
{
    size_t n;

    pthread_mutex_lock(&l->lock);
    n = l->queues[SMALL].bytes + l->queues[MAIN].bytes;
    pthread_mutex_unlock(&l->lock);
    return n;
}

size_t local_count(struct local *l)
{
    size_t n;

    pthread_mutex_lock(&l->lock);
    n = l->n;
    pthread_mutex_unlock(&l->lock);
    return n;
}
