/* SPDX-License-Identifier: Apache-2.0 */
/* What cache.c (values, the door) and flight.c (getting what is missing)
 * share. */
#ifndef CACHE_CACHE_PRIV_H
#define CACHE_CACHE_PRIV_H

#include <pthread.h>

#include "cache/cache.h"
#include "common/rand.h"

struct flight;
struct unlock;

struct cache {
    struct cache_config config;
    char *prefix;
    struct local *local;
    pthread_mutex_t lock; /* guards flights, their waiters, rand */
    struct flight *flights;
    struct unlock *unlocks; /* not yet said to Redis */
    unsigned n_unlocks;
    struct rand rand;
    bool closing;
};

/* NULL: the bytes are none of this version's. */
struct cache_value *cache_value_new(struct cache *c, struct str key,
                                    struct str bytes,
                                    const struct cache_stamp *stamp,
                                    int64_t born_us);
bool cache_value_is_current(struct cache *c, struct str key,
                            const struct cache_value *v);

/* Joins the flight of `key`, or begins one. `get` NULL: a refresh. */
void flight_join(struct cache *c, struct loop *loop, struct redis *redis,
                 struct str key, struct cache_get *get);
/* At the end of all. */
void flight_free_unlocks(struct cache *c);
/* Calls `done` of a result that is set, on its loop. */
void flight_deliver(struct cache_get *get, struct loop *loop);

#endif
