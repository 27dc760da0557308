/* SPDX-License-Identifier: Apache-2.0 */
/* A flight is one undertaking to get one key: it belongs to the loop of its
 * first reader and collects the others. It asks Redis (value or lock), then
 * the loader, then writes to both levels.
 *
 *   ASKING -> value there: landed
 *          -> lock is ours, or Redis is no help: LOADING -> landed
 *          -> somebody else loads: WAITING, and ASKING again soon
 */
#include "cache/cache.h"

#include <inttypes.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>

#include "cache/frame.h"
#include "cache/redis.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/mem.h"
#include "common/rand.h"

enum {
    LOCK_MS = 3000, /* a loader that is slower than this is not alone */
    POLL_US = 5000, /* while another process loads */
    LOADS_MAX = 4,  /* in a row, under commits that overtake them */
    TOKEN = 16,
    HEAD_MAX = 80,
    VALUE_MAX = 12 * 1024 * 1024
};

#define SCRIPT_GET_OR_LOCK                                                     \
    "local v=redis.call('GET',KEYS[1]) if v then return v end "                \
    "if redis.call('SET',KEYS[2],ARGV[1],'NX','PX',ARGV[2]) then return 1 "    \
    "end return 0"
#define SCRIPT_PUT                                                             \
    "if redis.call('GET',KEYS[2])==ARGV[1] then "                              \
    "redis.call('SET',KEYS[1],ARGV[2],'PX',ARGV[3]) "                          \
    "redis.call('DEL',KEYS[2]) return 1 end return 0"
#define SCRIPT_UNLOCK                                                          \
    "if redis.call('GET',KEYS[1])==ARGV[1] then redis.call('DEL',KEYS[1]) "    \
    "return 1 end return 0"

struct flight {
    struct cache_load load;
    struct cache *cache;
    struct flight *next;
    struct redis *redis;
    struct redis_command command;
    struct loop_timer timer; /* while WAITING */
    bool waiting, has_lock;
    int64_t began_us, born_us, born_wall_us;
    unsigned tries;
    struct cache_stamp stamp;
    struct cache_get *waiters;
    char token[TOKEN + 1];
    char *key;
};

/* Writes to Redis that nobody waits for. */
struct after {
    struct redis_command command;
};

struct cache {
    struct cache_config config;
    char *prefix;
    struct local *local;
    pthread_mutex_t lock; /* guards flights, their waiters, rand */
    struct flight *flights;
    struct rand rand;
    bool closing;
};

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

/* NULL: the bytes are none of this version's. */
static struct cache_value *value_new(struct cache *c, struct str key,
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
    v->times = policy_times(&c->config.policy, born_us, unit(c));
    return v;
}

static bool is_current(struct cache *c, struct str key,
                       const struct cache_value *v)
{
    return c->config.is_current(key, &v->stamp, c->config.arg);
}

/* --- flights: the list --- */

static void ask(struct flight *f);

static void post_result(struct cache_get *get)
{
    loop_post(get->loop, &get->task);
}

static void deliver(struct loop_task *task)
{
    struct cache_get *get = LOOP_OWNER(task, struct cache_get, task);

    get->done(get);
}

/* Joins the flight of `key`, or begins one. `get` NULL: a refresh. */
static void join_or_begin(struct cache *c, struct loop *loop,
                          struct redis *redis, struct str key,
                          struct cache_get *get)
{
    struct flight *f;
    uint64_t random;

    if (get) {
        get->loop = loop;
        get->task.run = deliver;
        get->value = NULL;
    }
    pthread_mutex_lock(&c->lock);
    for (f = c->flights; f && !str_eq(f->load.key, key);)
        f = f->next;
    if (f) {
        if (get) {
            get->next = f->waiters;
            f->waiters = get;
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

static struct cache_get *take_off(struct flight *f)
{
    struct cache *c = f->cache;
    struct flight **at = &c->flights;
    struct cache_get *waiters;

    pthread_mutex_lock(&c->lock);
    while (*at != f)
        at = &(*at)->next;
    *at = f->next;
    waiters = f->waiters;
    pthread_mutex_unlock(&c->lock);
    return waiters;
}

/* Ends the flight. `value` may be NULL (`rc` tells why); takes it. */
static void land(struct flight *f, int rc, const struct err *err,
                 struct cache_value *value, enum cache_source source)
{
    struct cache *c = f->cache;
    struct cache_get *get;

    if (value && source != CACHE_STALE)
        local_put(c->local, f->load.key, &value->base);
    /* after the put: who comes now finds the value or begins a flight */
    get = take_off(f);
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
        post_result(get);
        get = next;
    }
    cache_value_unref(value);
    mem_free(f->key);
    mem_free(f);
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

/* `1 EPOCH COUNTER BORN\n` and the bytes. */
static void put_in_redis(struct flight *f, struct str bytes)
{
    struct buf key, lock, text;
    char epoch[FRAME_EPOCH + 1], ttl[24];
    struct str words[8];

    make_key(&key, f, "");
    make_key(&lock, f, ":lock");
    buf_init(&text, bytes.len + HEAD_MAX);
    frame_put_epoch(epoch, f->stamp.gen.epoch);
    buf_printf(&text, "1 %s %" PRIu64 " %" PRId64 "\n", epoch,
               f->stamp.gen.counter, f->born_wall_us);
    buf_str(&text, bytes);
    snprintf(ttl, sizeof(ttl), "%lld",
             f->cache->config.policy.ttl_us / US_PER_MS + 1);
    words[0] = STR("EVAL");
    words[1] = STR(SCRIPT_PUT);
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

static void unlock_in_redis(struct flight *f)
{
    struct buf lock;
    struct str words[5] = {STR("EVAL"), STR(SCRIPT_UNLOCK), STR("1")};

    make_key(&lock, f, ":lock");
    words[3] = buf_as_str(&lock);
    words[4] = str_of(f->token, TOKEN);
    send_after(f, words, 5);
    buf_fini(&lock);
}

/* A value of Redis, if it is of this version and still true. */
static struct cache_value *read_value(struct flight *f, struct str text)
{
    struct cache *c = f->cache;
    struct str rest = text, head = str_cut(&rest, '\n'), word;
    struct cache_stamp stamp = {0};
    int64_t born_wall_us, age_us;
    struct cache_value *v;

    if (!rest.p || head.len > HEAD_MAX || !str_starts(head, STR("1 ")))
        return NULL;
    (void)str_cut(&head, ' ');
    word = str_cut(&head, ' ');
    if (!head.p || !frame_parse_epoch(word, &stamp.gen.epoch))
        return NULL;
    word = str_cut(&head, ' ');
    if (!head.p || !str_to_u64(word, &stamp.gen.counter) ||
        !str_to_i64(head, &born_wall_us))
        return NULL;
    /* clocks of machines differ: never younger than now, never forever */
    age_us = clock_wall_us() - born_wall_us;
    if (age_us < 0)
        age_us = 0;
    if (age_us >= c->config.policy.ttl_us ||
        !c->config.is_current(f->load.key, &stamp, c->config.arg))
        return NULL;
    /* from here on this process' own sequence tells what touches it */
    stamp.sequence = f->stamp.sequence;
    v = value_new(c, f->load.key, rest, &stamp,
                  loop_now_us(f->load.loop) - age_us);
    return v;
}

/* --- the way --- */

static void load(struct flight *f)
{
    struct cache *c = f->cache;

    f->stamp = c->config.stamp(c->config.arg);
    f->born_us = loop_now_us(f->load.loop);
    f->born_wall_us = clock_wall_us();
    f->tries++;
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

static void on_asked(struct redis_command *command)
{
    struct flight *f = LOOP_OWNER(command, struct flight, command);
    struct cache_value *v;
    int64_t waited_us = loop_now_us(f->load.loop) - f->began_us;

    if (command->rc == RC_CANCELLED) {
        land(f, RC_CANCELLED, NULL, NULL, CACHE_REDIS);
        return;
    }
    if (command->rc == RC_OK && command->reply.type == REDIS_TEXT) {
        v = read_value(f, command->reply.text);
        if (v) {
            land(f, RC_OK, NULL, v, CACHE_REDIS);
            return;
        }
    } else if (command->rc == RC_OK && command->reply.type == REDIS_NUMBER) {
        f->has_lock = command->reply.number == 1;
        if (!f->has_lock && waited_us < LOCK_MS * US_PER_MS) {
            wait_a_little(f);
            return;
        }
    }
    load(f);
}

static void ask(struct flight *f)
{
    struct cache *c = f->cache;
    struct buf key, lock;
    struct str words[7] = {STR("EVAL"), STR(SCRIPT_GET_OR_LOCK), STR("2")};
    char ms[16];

    if (!f->redis || !redis_is_up(f->redis)) {
        load(f);
        return;
    }
    /* what is committed after this moment is newer than what comes */
    f->stamp = c->config.stamp(c->config.arg);
    make_key(&key, f, "");
    make_key(&lock, f, ":lock");
    snprintf(ms, sizeof(ms), "%d", LOCK_MS);
    words[3] = buf_as_str(&key);
    words[4] = buf_as_str(&lock);
    words[5] = str_of(f->token, TOKEN);
    words[6] = str_from(ms);
    f->command = (struct redis_command){.done = on_asked};
    redis_send(f->redis, &f->command, words, 7);
    buf_fini(&key);
    buf_fini(&lock);
}

void cache_load_done(struct cache_load *l, int rc, const struct err *err,
                     struct str bytes)
{
    struct flight *f = LOOP_OWNER(l, struct flight, load);
    struct cache *c = f->cache;
    struct cache_value *v = NULL;
    struct local_value *old;

    if (rc == RC_OK) {
        v = value_new(c, f->load.key, bytes, &f->stamp, f->born_us);
        /* A commit overtook it: who asked after that commit must see it. */
        if (v && !c->closing && f->tries < LOADS_MAX &&
            !is_current(c, f->load.key, v)) {
            cache_value_unref(v);
            load(f);
            return;
        }
        if (v && f->has_lock && bytes.len <= VALUE_MAX)
            put_in_redis(f, bytes);
        else if (f->has_lock)
            unlock_in_redis(f);
        land(f, v ? RC_OK : RC_INTERNAL, NULL, v, CACHE_LOADED);
        return;
    }
    if (f->has_lock)
        unlock_in_redis(f);
    /* stale if error */
    old = rc_is_retryable(rc) ? local_get(c->local, f->load.key) : NULL;
    if (old) {
        v = LOOP_OWNER(old, struct cache_value, base);
        if (policy_state(&v->times, loop_now_us(l->loop)) == POLICY_DEAD) {
            cache_value_unref(v);
            v = NULL;
        }
    }
    land(f, rc, err, v, CACHE_STALE);
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
    if (state >= POLICY_OLD || !is_current(c, get->key, v)) {
        cache_value_unref(v);
        return false;
    }
    if (state != POLICY_FRESH)
        join_or_begin(c, loop, redis, get->key, NULL);
    get->rc = RC_OK;
    get->value = v;
    get->source = state == POLICY_STALE ? CACHE_STALE : CACHE_LOCAL;
    return true;
}

void cache_get(struct cache *c, struct loop *loop, struct redis *redis,
               struct cache_get *get)
{
    if (!cache_peek(c, loop, redis, get)) {
        join_or_begin(c, loop, redis, get->key, get);
        return;
    }
    get->loop = loop;
    get->task.run = deliver;
    post_result(get);
}

/* --- life
 * ---------------------------------------------------------------------------------
 */

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

void cache_close(struct cache *c)
{
    struct flight *f = c->flights;

    c->closing = true;
    while (f) {
        struct flight *next = f->next;

        f->redis = NULL;
        if (f->waiting) {
            loop_timer_fini(&f->timer);
            land(f, RC_CANCELLED, NULL, NULL, CACHE_REDIS);
        }
        f = next;
    }
}

void cache_free(struct cache *c)
{
    if (!c)
        return;
    local_free(c->local);
    pthread_mutex_destroy(&c->lock);
    mem_free(c->prefix);
    mem_free(c);
}
