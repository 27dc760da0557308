/* SPDX-License-Identifier: Apache-2.0 */
/* The door: what is in memory and may be served; what is not goes the way of
 * flight.c. */
#include "cache/cache.h"

#include <stddef.h>

#include "cache/cache_priv.h"
#include "common/clock.h"
#include "common/mem.h"

/* --- values --- */

static void drop_value(struct local_value *base)
{
    struct cache_value *v = LOOP_OWNER(base, struct cache_value, base);

    v->release(v->object);
    mem_free(v);
}

void cache_value_unref(struct cache_value *v)
{
    if (v)
        local_value_unref(&v->base);
}

static double unit(struct cache *c)
{
    double u;

    pthread_mutex_lock(&c->lock);
    u = rand_unit(&c->rand);
    pthread_mutex_unlock(&c->lock);
    return u;
}

struct cache_value *cache_value_new(struct cache *c, struct str key,
                                    struct str bytes,
                                    const struct cache_stamp *stamp,
                                    int64_t born_us)
{
    size_t cost = bytes.len;
    void *object = c->config.decode(key, bytes, &cost, c->config.arg);
    struct cache_value *v;

    if (!object)
        return NULL;
    v = MEM_NEW(struct cache_value);
    local_value_init(&v->base, cost + sizeof(*v), drop_value);
    v->object = object;
    v->release = c->config.release;
    v->stamp = *stamp;
    v->landed_us = clock_mono_us();
    v->times = policy_times(&c->config.policy, born_us, unit(c));
    return v;
}

bool cache_value_is_current(struct cache *c, struct str key,
                            const struct cache_value *v)
{
    return c->config.is_current(key, &v->stamp, c->config.arg);
}

bool cache_peek(struct cache *c, struct loop *loop, struct redis *redis,
                struct cache_get *get)
{
    struct local_value *base = local_get(c->local, get->key);
    struct cache_value *v;
    enum policy_state state;

    if (!base)
        return false;
    v = LOOP_OWNER(base, struct cache_value, base);
    state = policy_state(&v->times, loop_now_us(loop));
    if (state >= POLICY_OLD || !cache_value_is_current(c, get->key, v)) {
        cache_value_unref(v);
        return false;
    }
    if (state != POLICY_FRESH)
        flight_join(c, loop, redis, get->key, NULL);
    get->rc = RC_OK;
    get->value = v;
    get->source = state == POLICY_STALE ? CACHE_STALE : CACHE_LOCAL;
    return true;
}

void cache_get(struct cache *c, struct loop *loop, struct redis *redis,
               struct cache_get *get)
{
    if (!cache_peek(c, loop, redis, get)) {
        flight_join(c, loop, redis, get->key, get);
        return;
    }
    flight_deliver(get, loop);
}

/* --- life --- */

struct cache *cache_new(const struct cache_config *config)
{
    struct cache *c = MEM_NEW(struct cache);
    uint64_t seed;

    c->config = *config;
    c->prefix = mem_strdup(config->prefix);
    c->local = local_new(config->max_bytes);
    pthread_mutex_init(&c->lock, NULL);
    rand_bytes(&seed, sizeof(seed));
    rand_seed(&c->rand, seed);
    return c;
}

void cache_free(struct cache *c)
{
    if (!c)
        return;
    local_free(c->local);
    flight_free_unlocks(c);
    pthread_mutex_destroy(&c->lock);
    mem_free(c->prefix);
    mem_free(c);
}
