/* SPDX-License-Identifier: Apache-2.0 */
/* Read-through: process-local level, then Redis, then the loader. It knows
 * neither store nor HTTP nor rows: values are bytes and the ready-made object
 * that its user decodes from them.
 *
 * - Single flight: of many readers of one missing key, one asks (across the
 *   process' loops, and by a lock in Redis across processes; the lock expires
 *   and its random token keeps a loader that came too late from writing).
 * - A value is stamped with what was known when it was loaded; `is_current`
 *   decides at each read whether a later commit touched it.
 * - Fresh for the TTL; then served while one refreshes; then waited for; kept
 *   for when the loader fails. See policy.h.
 *
 * Threads: any loop; `done` comes on the loop of the call. */
#ifndef CACHE_CACHE_H
#define CACHE_CACHE_H

#include "cache/channel.h"
#include "cache/local.h"
#include "cache/policy.h"
#include "common/loop.h"
#include "common/rc.h"

struct cache;
struct redis;

struct cache_stamp {
    uint64_t sequence;     /* of this process */
    struct generation gen; /* of the system; epoch 0: unknown */
};

struct cache_value {
    struct local_value base;
    struct cache_stamp stamp;
    int64_t landed_us; /* monotonic: when it came into this process */
    struct policy_times times;
    void *object; /* what decode made; immutable */
    void (*release)(void *object);
};
void cache_value_unref(struct cache_value *v); /* NULL is allowed */

/* One call of the loader. */
struct cache_load {
    struct str key;
    struct loop *loop; /* where it was called and must be finished */
};

struct cache_config {
    size_t max_bytes;
    const char *prefix; /* of keys in Redis; copied */
    struct policy policy;
    /* Finishes with cache_load_done, never before it returned. */
    void (*load)(struct cache_load *load, void *arg);
    /* Bytes -> object and its cost; NULL if they are none (of a newer
     * version). */
    void *(*decode)(struct str key, struct str bytes, size_t *cost, void *arg);
    void (*release)(void *object);
    struct cache_stamp (*stamp)(void *arg);
    bool (*is_current)(struct str key, const struct cache_stamp *stamp,
                       void *arg);
    void *arg;
};

struct cache *cache_new(const struct cache_config *config);
/* The loops have stopped, their Redis connections are closed: ends what still
 * waits (RC_CANCELLED, posted). Before the loops are freed. */
void cache_close(struct cache *cache);
void cache_free(struct cache *cache);

/* RC_OK: `bytes` are copied. Others: `err` is copied (NULL: rc's own text). */
void cache_load_done(struct cache_load *load, int rc, const struct err *err,
                     struct str bytes);

enum cache_source {
    CACHE_LOCAL,
    CACHE_REDIS,
    CACHE_LOADED,
    CACHE_STALE
};

/* Embedded by the caller and alive until `done`. */
struct cache_get {
    void (*done)(struct cache_get *get);
    struct str key; /* borrowed until done */
    /* out */
    int rc;
    struct err err;
    struct cache_value *value; /* RC_OK: a reference for the caller */
    enum cache_source source;
    /* private */
    struct loop *loop;
    struct loop_task task;
    struct cache_get *next;
};

/* At once, from this process' memory: true if it may be served (`value`,
 * `source` set); a refresh in the background is begun where it is due. */
bool cache_peek(struct cache *cache, struct loop *loop, struct redis *redis,
                struct cache_get *get);
/* `redis`: this loop's connection, or NULL. */
void cache_get(struct cache *cache, struct loop *loop, struct redis *redis,
               struct cache_get *get);

#endif
