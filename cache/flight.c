/* SPDX-License-Identifier: Apache-2.0 */
/* A flight is one undertaking to get one key: it belongs to the loop of its
 * first reader and collects the others. It asks Redis (value or lock), then
 * the loader, then writes to both levels.
 *
 *   ASKING -> value there: landed
 *          -> lock is ours, or Redis is no help: LOADING -> landed
 *          -> somebody else loads: WAITING, and ASKING again soon
 *
 * Who joined before a load began may have its result. Who joined later may
 * have it only if no commit came between: else it waits for another load.
 */
#include "cache/cache_priv.h"

#include <inttypes.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>

#include "cache/frame.h"
#include "cache/redis.h"
#include "cache/shared.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/mem.h"
#include "common/rand.h"

enum {
    LOCK_MS = 3000,    /* a loader that is slower than this is not alone */
    POLL_US = 5000,    /* while another process loads */
    UNLOCKS_MAX = 256, /* kept for when Redis is back; the rest expire */
    TOKEN = 16,
    VALUE_MAX = 12 * 1024 * 1024,
    CLOCKS_US = 1000 /* two clocks are read one after the other */
};

struct flight {
    struct cache_load load;
    struct cache *cache;
    struct flight *next;
    struct redis *redis;
    struct redis_command command;
    struct loop_timer timer; /* while WAITING */
    bool waiting, has_lock;
    int64_t began_us, born_us, born_wall_us;
    struct cache_stamp stamp;
    /* guarded by the cache's lock */
    bool loading;
    struct cache_get *waiters;
    struct cache_get *late; /* joined after the load began */
    char token[TOKEN + 1];
    size_t refused_len;
    char refused[SHARED_HEAD_MAX]; /* head of a value of no use */
    char *key;
};

/* Writes to Redis that nobody waits for. */
struct after {
    struct redis_command command;
};

/* --- flights: the list --- */

static void ask(struct flight *f);

static void deliver(struct loop_task *task)
{
    struct cache_get *get = LOOP_OWNER(task, struct cache_get, task);

    get->done(get);
}

void flight_deliver(struct cache_get *get, struct loop *loop)
{
    get->loop = loop;
    get->task.run = deliver;
    loop_post(loop, &get->task);
}

void flight_join(struct cache *c, struct loop *loop, struct redis *redis,
                 struct str key, struct cache_get *get)
{
    struct flight *f;
    uint64_t random;

    if (get) {
        get->loop = loop;
        get->value = NULL;
    }
    pthread_mutex_lock(&c->lock);
    for (f = c->flights; f && !str_eq(f->load.key, key);)
        f = f->next;
    if (f) {
        if (get) {
            struct cache_get **list = f->loading ? &f->late : &f->waiters;
            get->next = *list;
            *list = get;
        }
        pthread_mutex_unlock(&c->lock);
        return;
    }
    f = MEM_NEW(struct flight);
    f->key = mem_strndup(key.p ? key.p : "", key.len);
    f->load.key = str_of(f->key, key.len);
    f->load.loop = loop;
    f->cache = c;
    f->redis = redis;
    f->waiters = get;
    if (get)
        get->next = NULL;
    f->next = c->flights;
    c->flights = f;
    pthread_mutex_unlock(&c->lock);
    rand_bytes(&random, sizeof(random));
    frame_put_epoch(f->token, random);
    f->began_us = loop_now_us(loop);
    ask(f);
}

/* The lock is held. */
static void unlink_flight(struct flight *f)
{
    struct flight **at = &f->cache->flights;

    while (*at != f)
        at = &(*at)->next;
    *at = f->next;
}

static void answer(struct cache_get *get, int rc, const struct err *err,
                   struct cache_value *value, enum cache_source source)
{
    while (get) {
        struct cache_get *next = get->next;

        get->rc = value ? RC_OK : rc;
        get->source = source;
        if (value)
            get->value = LOOP_OWNER(local_value_ref(&value->base),
                                    struct cache_value, base);
        else if (err)
            get->err = *err;
        else
            err_set(&get->err, (enum rc)rc, "%s", rc_text(rc));
        flight_deliver(get, get->loop);
        get = next;
    }
}

static void flight_free(struct flight *f)
{
    mem_free(f->key);
    mem_free(f);
}

/* Ends the flight without a current value: `value` may be NULL (`rc` tells
 * why) or a stale one; takes it. */
static void land(struct flight *f, int rc, const struct err *err,
                 struct cache_value *value)
{
    struct cache *c = f->cache;

    pthread_mutex_lock(&c->lock);
    unlink_flight(f);
    pthread_mutex_unlock(&c->lock);
    answer(f->waiters, rc, err, value, CACHE_STALE);
    answer(f->late, rc, err, value, CACHE_STALE);
    cache_value_unref(value);
    flight_free(f);
}

/* Ends it with a value that nothing overtook; takes it. False: a commit did
 * while nobody looked: the value is still the caller's. The question and the
 * end are one step: who joins after that commit is not given this value. */
static bool land_current(struct flight *f, struct cache_value *value,
                         enum cache_source source)
{
    struct cache *c = f->cache;
    bool ok;

    /* before the end: who comes then finds the value or begins a flight */
    local_put(c->local, f->load.key, &value->base);
    pthread_mutex_lock(&c->lock);
    ok = c->closing || cache_value_is_current(c, f->load.key, value);
    if (ok)
        unlink_flight(f);
    pthread_mutex_unlock(&c->lock);
    if (!ok)
        return false;
    answer(f->waiters, RC_OK, NULL, value, source);
    answer(f->late, RC_OK, NULL, value, source);
    cache_value_unref(value);
    flight_free(f);
    return true;
}

/* --- Redis --- */

static void make_key(struct buf *b, const struct flight *f, const char *suffix)
{
    buf_init(b, f->load.key.len + strlen(f->cache->prefix) + 16);
    buf_puts(b, f->cache->prefix);
    buf_str(b, f->load.key);
    buf_puts(b, suffix);
}

static void on_after(struct redis_command *command)
{
    mem_free(LOOP_OWNER(command, struct after, command));
}

static void send_after(struct flight *f, const struct str *words, size_t n)
{
    struct after *a;

    if (!f->redis || !redis_is_up(f->redis))
        return;
    a = MEM_NEW(struct after);
    a->command.done = on_after;
    redis_send(f->redis, &a->command, words, n);
}

static void put_in_redis(struct flight *f, struct str bytes)
{
    struct buf key, lock, text;
    char ttl[24];
    struct str words[8];

    make_key(&key, f, "");
    make_key(&lock, f, ":lock");
    buf_init(&text, bytes.len + SHARED_HEAD_MAX);
    shared_put_head(&text, f->stamp.gen, f->born_wall_us);
    buf_str(&text, bytes);
    snprintf(ttl, sizeof(ttl), "%lld",
             f->cache->config.policy.ttl_us / US_PER_MS + 1);
    words[0] = STR("EVAL");
    words[1] = STR(SHARED_PUT);
    words[2] = STR("2");
    words[3] = buf_as_str(&key);
    words[4] = buf_as_str(&lock);
    words[5] = str_of(f->token, TOKEN);
    words[6] = buf_as_str(&text);
    words[7] = str_from(ttl);
    if (!text.failed)
        send_after(f, words, 8);
    buf_fini(&key);
    buf_fini(&lock);
    buf_fini(&text);
}

/* A lock to give back. It may not even be ours: a question that timed out is
 * carried out once Redis goes on, and would leave a lock that nobody holds and
 * everybody waits for. */
struct unlock {
    struct redis_command command;
    struct cache *cache;
    struct unlock *next;
    char token[TOKEN + 1];
    size_t key_len;
    char key[];
};

static void on_unlocked(struct redis_command *command)
{
    struct unlock *u = LOOP_OWNER(command, struct unlock, command);
    struct cache *c = u->cache;
    bool kept = false;

    /* on its way behind the question (a time-out), or to be said again */
    if (command->rc == RC_UNAVAILABLE) {
        pthread_mutex_lock(&c->lock);
        kept = c->n_unlocks < UNLOCKS_MAX && !c->closing;
        if (kept) {
            u->next = c->unlocks;
            c->unlocks = u;
            c->n_unlocks++;
        }
        pthread_mutex_unlock(&c->lock);
    }
    if (!kept)
        mem_free(u);
}

static void send_unlock(struct redis *redis, struct unlock *u)
{
    const struct str words[5] = {STR("EVAL"), STR(SHARED_UNLOCK), STR("1"),
                                 str_of(u->key, u->key_len),
                                 str_of(u->token, TOKEN)};

    u->command = (struct redis_command){.done = on_unlocked};
    redis_send(redis, &u->command, words, 5);
}

static void unlock_in_redis(struct flight *f)
{
    struct unlock *u;
    struct buf lock;

    if (!f->redis)
        return;
    make_key(&lock, f, ":lock");
    u = mem_alloc(sizeof(*u) + lock.len);
    *u = (struct unlock){.cache = f->cache, .key_len = lock.len};
    memcpy(u->token, f->token, TOKEN);
    memcpy(u->key, lock.data, lock.len);
    buf_fini(&lock);
    send_unlock(f->redis, u);
}

/* What could not be said while Redis was away, before anything is asked. */
static void send_kept_unlocks(struct cache *c, struct redis *redis)
{
    struct unlock *u;

    pthread_mutex_lock(&c->lock);
    u = c->unlocks;
    c->unlocks = NULL;
    c->n_unlocks = 0;
    pthread_mutex_unlock(&c->lock);
    while (u) {
        struct unlock *next = u->next;
        send_unlock(redis, u);
        u = next;
    }
}

void flight_free_unlocks(struct cache *c)
{
    while (c->unlocks) {
        struct unlock *u = c->unlocks;
        c->unlocks = u->next;
        mem_free(u);
    }
}

/* May this process have shown a younger answer? Two loads that overlap may
 * have read the store in either order: only one that began after ours had
 * ended is surely the younger. */
static bool is_outdated(struct flight *f, int64_t born_us)
{
    struct local_value *base = local_get(f->cache->local, f->load.key);
    bool is;

    if (!base)
        return false;
    is = LOOP_OWNER(base, struct cache_value, base)->landed_us + CLOCKS_US >=
         born_us;
    local_value_unref(base);
    return is;
}

/* A value of Redis, if it is of this version, still true, and younger than
 * what is known here: never an older answer after a newer one, and a refresh
 * refreshes. */
static struct cache_value *read_value(struct flight *f, struct str text)
{
    struct cache *c = f->cache;
    struct cache_stamp stamp = {0};
    int64_t born_wall_us, age_us, born_us;
    struct str bytes;

    if (!shared_parse(text, &stamp.gen, &born_wall_us, &bytes))
        return NULL;
    /* clocks of machines differ: never younger than now, never forever */
    age_us = clock_wall_us() - born_wall_us;
    if (age_us < 0)
        age_us = 0;
    born_us = loop_now_us(f->load.loop) - age_us;
    if (age_us >= c->config.policy.ttl_us || is_outdated(f, born_us) ||
        !c->config.is_current(f->load.key, &stamp, c->config.arg))
        return NULL;
    /* from here on this process' own sequence tells what touches it */
    stamp.sequence = f->stamp.sequence;
    return cache_value_new(c, f->load.key, bytes, &stamp, born_us);
}

/* --- the way --- */

static void load(struct flight *f)
{
    struct cache *c = f->cache;
    struct cache_get **end = &f->waiters;

    pthread_mutex_lock(&c->lock);
    while (*end)
        end = &(*end)->next;
    *end = f->late;
    f->late = NULL;
    f->loading = true;
    pthread_mutex_unlock(&c->lock);
    f->stamp = c->config.stamp(c->config.arg);
    f->born_us = loop_now_us(f->load.loop);
    f->born_wall_us = clock_wall_us();
    c->config.load(&f->load, c->config.arg);
}

static void on_wait_over(struct loop_timer *t)
{
    struct flight *f = LOOP_OWNER(t, struct flight, timer);

    loop_timer_fini(t);
    f->waiting = false;
    ask(f);
}

static void wait_a_little(struct flight *f)
{
    f->waiting = true;
    loop_timer_init(&f->timer, f->load.loop, on_wait_over);
    loop_timer_arm(&f->timer, POLL_US);
}

/* The value of Redis is of no use here: from now on it counts as absent, so
 * that of many processes that refuse it one loads. */
static void refuse_value(struct flight *f, struct str text)
{
    struct str head = shared_head(text);

    f->refused_len = head.len;
    if (head.len) {
        memcpy(f->refused, head.p, head.len);
        ask(f);
    } else { /* none of ours, and nothing to know it by */
        load(f);
    }
}

static void on_asked(struct redis_command *command)
{
    struct flight *f = LOOP_OWNER(command, struct flight, command);
    bool may_wait =
        loop_now_us(f->load.loop) - f->began_us < LOCK_MS * US_PER_MS;
    struct cache_value *v;

    if (command->rc == RC_CANCELLED) {
        land(f, RC_CANCELLED, NULL, NULL);
        return;
    }
    if (command->rc == RC_OK && command->reply.type == REDIS_TEXT) {
        v = read_value(f, command->reply.text);
        if (v && land_current(f, v, CACHE_REDIS))
            return;
        cache_value_unref(v);
        if (may_wait) {
            refuse_value(f, command->reply.text);
            return;
        }
    } else if (command->rc == RC_OK && command->reply.type == REDIS_NUMBER) {
        f->has_lock = command->reply.number == 1;
        if (!f->has_lock && may_wait) {
            wait_a_little(f);
            return;
        }
    } else if (command->rc != RC_OK) {
        unlock_in_redis(f);
    }
    load(f);
}

static void ask(struct flight *f)
{
    struct cache *c = f->cache;
    struct buf key, lock;
    struct str words[8] = {STR("EVAL"), STR(SHARED_GET_OR_LOCK), STR("2")};
    char ms[16];

    if (!f->redis || !redis_is_up(f->redis)) {
        load(f);
        return;
    }
    send_kept_unlocks(c, f->redis);
    /* what is committed after this moment is newer than what comes */
    f->stamp = c->config.stamp(c->config.arg);
    make_key(&key, f, "");
    make_key(&lock, f, ":lock");
    snprintf(ms, sizeof(ms), "%d", LOCK_MS);
    words[3] = buf_as_str(&key);
    words[4] = buf_as_str(&lock);
    words[5] = str_of(f->token, TOKEN);
    words[6] = str_from(ms);
    words[7] = str_of(f->refused, f->refused_len);
    f->command = (struct redis_command){.done = on_asked};
    redis_send(f->redis, &f->command, words, 8);
    buf_fini(&key);
    buf_fini(&lock);
}

/* A commit overtook the load. Who asked before it began is served; who came
 * later must not miss that commit: for them it is loaded again. */
static void land_overtaken(struct flight *f, struct cache_value *v)
{
    struct cache *c = f->cache;
    struct cache_get *early = f->waiters;
    bool again;

    /* not to be served from there, but so that nothing older is taken next */
    local_put(c->local, f->load.key, &v->base);
    pthread_mutex_lock(&c->lock);
    again = f->late != NULL;
    f->waiters = NULL;
    if (!again)
        unlink_flight(f);
    pthread_mutex_unlock(&c->lock);
    answer(early, RC_OK, NULL, v, CACHE_LOADED);
    cache_value_unref(v);
    if (again) {
        load(f);
        return;
    }
    if (f->has_lock)
        unlock_in_redis(f);
    flight_free(f);
}

/* What is left of the last good answer, while the store is down. */
static struct cache_value *stale_value(struct flight *f)
{
    struct local_value *old = local_get(f->cache->local, f->load.key);
    struct cache_value *v;

    if (!old)
        return NULL;
    v = LOOP_OWNER(old, struct cache_value, base);
    if (policy_state(&v->times, loop_now_us(f->load.loop)) != POLICY_DEAD)
        return v;
    cache_value_unref(v);
    return NULL;
}

void cache_load_done(struct cache_load *l, int rc, const struct err *err,
                     struct str bytes)
{
    struct flight *f = LOOP_OWNER(l, struct flight, load);
    struct cache *c = f->cache;
    struct cache_value *v = NULL;

    if (rc == RC_OK) {
        v = cache_value_new(c, f->load.key, bytes, &f->stamp, f->born_us);
        if (!v)
            rc = RC_INTERNAL;
    }
    if (rc) {
        if (f->has_lock)
            unlock_in_redis(f);
        land(f, rc, err, rc_is_retryable(rc) ? stale_value(f) : NULL);
        return;
    }
    if (!c->closing && !cache_value_is_current(c, f->load.key, v)) {
        land_overtaken(f, v);
        return;
    }
    if (f->has_lock && bytes.len <= VALUE_MAX)
        put_in_redis(f, bytes);
    else if (f->has_lock)
        unlock_in_redis(f);
    f->has_lock = false;
    if (!land_current(f, v, CACHE_LOADED))
        land_overtaken(f, v);
}

void cache_close(struct cache *c)
{
    struct flight *f = c->flights;

    c->closing = true;
    while (f) {
        struct flight *next = f->next;

        f->redis = NULL;
        if (f->waiting) {
            loop_timer_fini(&f->timer);
            land(f, RC_CANCELLED, NULL, NULL);
        }
        f = next;
    }
}
