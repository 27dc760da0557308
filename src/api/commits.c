/* SPDX-License-Identifier: Apache-2.0 */
#include "api/commits.h"

#include <pthread.h>

#include "common/mem.h"

enum {
    RING = 2048,
    CLOCKS_US = 2000000, /* machines' clocks differ */
    ONE_BY_ONE = 32,     /* a commit of more rows is kept as one range */
    ECHO_DEPTH = 256     /* so far back an echo is looked for: it comes soon */
};

struct commit {
    uint64_t sequence;
    struct generation gen;
    int64_t at_us;           /* when it was told here */
    int64_t low_us, high_us; /* timestamps, both inclusive */
    uint64_t id_hash;        /* 0: any id */
};

struct commits {
    pthread_mutex_t lock;
    int64_t life_us;       /* no value of others lives longer */
    uint64_t sequence;     /* of the newest entry */
    uint64_t floor;        /* older stamps are not judged any more */
    struct generation gen; /* newest seen */
    uint64_t gen_floor;    /* smallest counter that the ring still judges */
    size_t n, next;
    struct commit ring[RING];
};

struct commits *commits_new(int64_t ttl_us)
{
    struct commits *c = MEM_NEW(struct commits);

    c->life_us = ttl_us + CLOCKS_US;
    pthread_mutex_init(&c->lock, NULL);
    c->sequence = 1; /* 0 in a stamp: not of this process */
    return c;
}

void commits_free(struct commits *c)
{
    if (!c)
        return;
    pthread_mutex_destroy(&c->lock);
    mem_free(c);
}

static void push(struct commits *c, struct commit entry)
{
    struct commit *at = &c->ring[c->next];

    if (c->n == RING) {
        c->floor = at->sequence;
        if (!at->gen.epoch)
            c->gen_floor = c->gen.counter;
        else if (at->gen.epoch == c->gen.epoch &&
                 at->gen.counter > c->gen_floor)
            c->gen_floor = at->gen.counter;
    } else {
        c->n++;
    }
    entry.sequence = ++c->sequence;
    *at = entry;
    c->next = (c->next + 1) % RING;
}

/* Is this the channel's echo of a commit that this process made? Then that
 * entry is told its generation, and none is added: values of other processes
 * that are newer than it stay usable. */
static bool is_echo(struct commits *c, const struct commit *one)
{
    size_t depth = c->n < ECHO_DEPTH ? c->n : ECHO_DEPTH;

    if (!one->gen.epoch)
        return false;
    for (size_t i = 0; i < depth; i++) {
        struct commit *e = &c->ring[(c->next + RING - 1 - i) % RING];

        if (e->gen.epoch == 0 && e->id_hash == one->id_hash &&
            e->low_us == one->low_us && e->high_us == one->high_us) {
            e->gen = one->gen;
            return true;
        }
    }
    return false;
}

static uint64_t id_hash(struct str id)
{
    uint64_t h = str_hash(id);

    return h ? h : 1;
}

void commits_add(struct commits *c, struct row *const *rows, size_t n,
                 struct generation gen, int64_t now_us)
{
    struct commit all = {
        .gen = gen, .at_us = now_us, .low_us = INT64_MAX, .high_us = INT64_MIN};

    pthread_mutex_lock(&c->lock);
    if (gen.epoch && gen.epoch != c->gen.epoch)
        c->gen_floor = gen.counter ? gen.counter - 1 : 0;
    if (gen.epoch)
        c->gen = gen;
    for (size_t i = 0; i < n; i++) {
        int64_t us = rows[i]->timestamp_us;
        struct commit one = {.gen = gen,
                             .at_us = now_us,
                             .low_us = us,
                             .high_us = us,
                             .id_hash = id_hash(rows[i]->id)};
        if (n <= ONE_BY_ONE && !is_echo(c, &one))
            push(c, one);
        if (us < all.low_us)
            all.low_us = us;
        if (us > all.high_us)
            all.high_us = us;
    }
    if (n > ONE_BY_ONE && !is_echo(c, &all))
        push(c, all);
    pthread_mutex_unlock(&c->lock);
}

void commits_forget(struct commits *c, struct generation gen)
{
    pthread_mutex_lock(&c->lock);
    c->floor = ++c->sequence;
    if (gen.epoch == c->gen.epoch && gen.counter < c->gen.counter)
        gen = c->gen;
    c->gen = gen;
    c->gen_floor = gen.counter;
    pthread_mutex_unlock(&c->lock);
}

void commits_lose_generation(struct commits *c)
{
    pthread_mutex_lock(&c->lock);
    c->gen = (struct generation){0};
    pthread_mutex_unlock(&c->lock);
}

struct cache_stamp commits_stamp(struct commits *c)
{
    struct cache_stamp s;

    pthread_mutex_lock(&c->lock);
    s = (struct cache_stamp){c->sequence, c->gen};
    pthread_mutex_unlock(&c->lock);
    return s;
}

/* Can a row of this commit be in q's answer? */
static bool touches(const struct commit *e, const struct query *q)
{
    if (q->has_id)
        return e->id_hash == 0 || e->id_hash == id_hash(query_id(q));
    if (q->has_since && e->high_us < q->since_us)
        return false;
    if (q->has_until && e->low_us >= q->until_us)
        return false;
    return !q->has_after || e->low_us <= q->after_us;
}

/* Is the entry younger than the stamp, or not known to be older? For a value
 * of another process: by the generations; an entry that the channel never
 * counted is later than all that may have been loaded before it. */
static bool is_later(const struct commit *e, const struct cache_stamp *s,
                     int64_t now_us, int64_t life_us)
{
    if (s->sequence)
        return e->sequence > s->sequence;
    if (!e->gen.epoch)
        return now_us - e->at_us < life_us;
    /* the stamp is of the present epoch */
    return e->gen.epoch == s->gen.epoch && e->gen.counter > s->gen.counter;
}

bool commits_is_current(struct commits *c, const struct query *q,
                        const struct cache_stamp *stamp, int64_t now_us)
{
    bool ok;

    pthread_mutex_lock(&c->lock);
    if (stamp->sequence)
        ok = stamp->sequence >= c->floor;
    else
        ok = stamp->gen.epoch && stamp->gen.epoch == c->gen.epoch &&
             stamp->gen.counter >= c->gen_floor;
    /* newest first: most answers are young */
    for (size_t i = 0; ok && i < c->n; i++) {
        const struct commit *e = &c->ring[(c->next + RING - 1 - i) % RING];

        if (stamp->sequence && e->sequence <= stamp->sequence)
            break;
        if (is_later(e, stamp, now_us, c->life_us) && touches(e, q))
            ok = false;
    }
    pthread_mutex_unlock(&c->lock);
    return ok;
}
