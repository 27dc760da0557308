/* SPDX-License-Identifier: Apache-2.0 */
/* Table of keys, lists of those that are deliverable. */
#include "emulator/pubsub/okey.h"

#include "common/mem.h"

void okeys_fini(struct okeys *t)
{
    for (size_t i = 0; i < t->n_buckets; i++)
        while (t->buckets[i]) {
            struct okey *k = t->buckets[i];

            t->buckets[i] = k->bucket;
            mem_free(k);
        }
    mem_free(t->buckets);
    heap_fini(&t->timers);
    *t = (struct okeys){0};
}

static struct okey **bucket_of(const struct okeys *t, struct str name)
{
    uint64_t h = str_hash(name);

    return &t->buckets[(h ^ h >> 32) & (t->n_buckets - 1)];
}

static struct str name_of(const struct okey *k)
{
    return str_of(k->name, k->name_len);
}

static void grow(struct okeys *t)
{
    struct okeys wider = *t;

    wider.n_buckets = t->n_buckets ? t->n_buckets * 2 : 16;
    wider.buckets = MEM_ARRAY(struct okey *, wider.n_buckets);
    for (size_t i = 0; i < t->n_buckets; i++)
        while (t->buckets[i]) {
            struct okey *k = t->buckets[i];
            struct okey **to = bucket_of(&wider, name_of(k));

            t->buckets[i] = k->bucket;
            k->bucket = *to;
            *to = k;
        }
    mem_free(t->buckets);
    t->buckets = wider.buckets;
    t->n_buckets = wider.n_buckets;
}

struct okey *okeys_find(const struct okeys *t, struct str name)
{
    struct okey *k = t->n ? *bucket_of(t, name) : NULL;

    while (k && !str_eq(name_of(k), name))
        k = k->bucket;
    return k;
}

struct okey *okeys_get(struct okeys *t, struct str name)
{
    struct okey *k = okeys_find(t, name);
    struct okey **at;

    if (k)
        return k;
    if (t->n >= t->n_buckets)
        grow(t);
    k = mem_alloc(sizeof(*k) + name.len);
    k->name_len = name.len;
    memcpy(k->name, name.p, name.len);
    at = bucket_of(t, name);
    k->bucket = *at;
    *at = k;
    t->n++;
    return k;
}

void okey_append(struct okey *k, struct held *h)
{
    h->key = k;
    h->after = NULL;
    h->prev = k->last;
    if (k->last)
        k->last->after = h;
    else
        k->first = h;
    k->last = h;
    if (!k->next_up && h->state == HELD_WAITING)
        k->next_up = h;
}

void okey_unlink(struct okey *k, struct held *h)
{
    if (k->next_up == h)
        k->next_up = h->after;
    if (h->prev)
        h->prev->after = h->after;
    else
        k->first = h->after;
    if (h->after)
        h->after->prev = h->prev;
    else
        k->last = h->prev;
    h->key = NULL;
    h->prev = h->after = NULL;
}

static void unlist(struct okey *k)
{
    struct okey_list *list = k->list;

    if (!list)
        return;
    if (k->prev)
        k->prev->next = k->next;
    else
        list->first = k->next;
    if (k->next)
        k->next->prev = k->prev;
    else
        list->last = k->prev;
    k->list = NULL;
    k->prev = k->next = NULL;
}

static void enlist(struct okey *k, struct okey_list *list)
{
    k->list = list;
    k->prev = list->last;
    if (list->last)
        list->last->next = k;
    else
        list->first = k;
    list->last = k;
}

static void set_owner(struct okey *k, struct taker *t)
{
    if (k->owner == t)
        return;
    if (k->owner) {
        if (k->own_prev)
            k->own_prev->own_next = k->own_next;
        else
            k->owner->owned = k->own_next;
        if (k->own_next)
            k->own_next->own_prev = k->own_prev;
    }
    k->owner = t;
    k->own_prev = k->own_next = NULL;
    if (t) {
        k->own_next = t->owned;
        if (t->owned)
            t->owned->own_prev = k;
        t->owned = k;
    }
}

void okey_leased(struct okey *k, struct held *h, struct taker *t)
{
    if (k->next_up == h)
        k->next_up = h->after;
    k->n_leased++;
    set_owner(k, t);
}

void okey_released(struct okey *k)
{
    if (--k->n_leased == 0)
        set_owner(k, NULL);
}

static void forget(struct okeys *t, struct okey *k)
{
    struct okey **at = bucket_of(t, name_of(k));

    while (*at != k)
        at = &(*at)->bucket;
    *at = k->bucket;
    t->n--;
    mem_free(k);
}

void okey_update(struct okeys *t, struct okey *k, int64_t now_us)
{
    struct okey_list *list = &t->ready;

    if (k->not_before_us && k->not_before_us <= now_us)
        k->not_before_us = 0;
    if (!k->first) {
        unlist(k);
        heap_remove(&t->timers, &k->timer);
        forget(t, k);
        return;
    }
    if (k->next_up && k->not_before_us)
        heap_set(&t->timers, &k->timer, k->not_before_us);
    else
        heap_remove(&t->timers, &k->timer);
    if (!k->next_up || k->not_before_us)
        list = NULL;
    else if (k->n_leased > 0 && k->owner)
        list = &k->owner->ready;
    else if (k->n_leased > 0 && !k->next_up->delivered)
        list = NULL;
    if (k->list != list) {
        unlist(k);
        if (list)
            enlist(k, list);
    }
}

void okeys_disown(struct okeys *t, struct taker *taker, int64_t now_us)
{
    while (taker->owned) {
        struct okey *k = taker->owned;

        set_owner(k, NULL);
        okey_update(t, k, now_us);
    }
}

void okeys_wake(struct okeys *t, int64_t now_us)
{
    while (heap_first_key(&t->timers) <= now_us)
        okey_update(t, (struct okey *)(void *)heap_first(&t->timers), now_us);
}
