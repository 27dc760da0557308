/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_redis.h"

#include <check.h>
#include <stdio.h>

#include "cache/redis.h"
#include "cache/shared.h"
#include "common/mem.h"

enum {
    KEYS = 64,
    WORDS = 8
};

struct redis {
    bool up;
};

struct item {
    char *key, *value;
};

struct queued {
    struct queued *next;
    struct redis *redis;
    struct redis_command *command;
    char *words[WORDS];
    size_t n;
};

static struct item items[KEYS];
static struct queued *first, **last = &first;

struct redis *fake_connection(void)
{
    return MEM_NEW(struct redis);
}

/* --- the memory --- */

static struct item *find(const char *key)
{
    for (int i = 0; i < KEYS; i++) {
        if (items[i].key && strcmp(items[i].key, key) == 0)
            return &items[i];
    }
    return NULL;
}

static void forget(struct item *i)
{
    if (!i)
        return;
    mem_free(i->key);
    mem_free(i->value);
    *i = (struct item){NULL, NULL};
}

static void put(const char *key, const char *value)
{
    struct item *at = find(key);

    forget(at);
    for (int i = 0; !at && i < KEYS; i++)
        at = items[i].key ? NULL : &items[i];
    ck_assert_ptr_nonnull(at);
    *at = (struct item){mem_strdup(key), mem_strdup(value)};
}

void fake_flush(void)
{
    for (int i = 0; i < KEYS; i++)
        forget(&items[i]);
}

void fake_expire_locks(void)
{
    for (int i = 0; i < KEYS; i++) {
        if (items[i].key && str_ends(str_from(items[i].key), STR(":lock")))
            forget(&items[i]);
    }
}

/* --- the three scripts --- */

static bool holds(const char *lock, const char *token)
{
    const struct item *i = find(lock);

    return i && strcmp(i->value, token) == 0;
}

static struct redis_value number(int64_t n)
{
    return (struct redis_value){REDIS_NUMBER, STR_NULL, n, 0, NULL};
}

static struct redis_value run(char **w)
{
    const struct item *value;

    if (strcmp(w[1], SHARED_GET_OR_LOCK) == 0) {
        value = find(w[3]);
        if (value &&
            (!w[7][0] || !str_starts(str_from(value->value), str_from(w[7]))))
            return (struct redis_value){REDIS_TEXT, str_from(value->value), 0,
                                        0, NULL};
        if (find(w[4]))
            return number(0);
        put(w[4], w[5]);
        return number(1);
    }
    if (strcmp(w[1], SHARED_PUT) == 0) {
        if (!holds(w[4], w[5]))
            return number(0);
        put(w[3], w[6]);
        forget(find(w[4]));
        return number(1);
    }
    ck_assert_str_eq(w[1], SHARED_UNLOCK);
    if (!holds(w[3], w[4]))
        return number(0);
    forget(find(w[3]));
    return number(1);
}

/* --- the queue --- */

static void answer(struct queued *q, int rc, struct redis_value reply)
{
    struct redis_command *command = q->command;

    for (size_t i = 0; i < q->n; i++)
        mem_free(q->words[i]);
    mem_free(q);
    command->rc = rc;
    command->reply = reply;
    command->done(command);
}

static struct queued *take(struct queued **at)
{
    struct queued *q = *at;

    *at = q->next;
    if (last == &q->next)
        last = at;
    return q;
}

void fake_step(int lose)
{
    struct redis_value reply = {REDIS_NIL, STR_NULL, 0, 0, NULL};
    struct queued *q;

    if (!first)
        return;
    q = take(&first);
    if (lose != 1 && q->redis->up)
        reply = run(q->words);
    if (lose || !q->redis->up)
        answer(q, q->redis->up ? RC_TIMEOUT : RC_UNAVAILABLE, reply);
    else
        answer(q, RC_OK, reply);
}

bool fake_is_pending(void)
{
    return first != NULL;
}

void fake_set_up(struct redis *r, bool up)
{
    r->up = up; /* what is queued is answered in its turn */
}

void fake_connection_end(struct redis *r)
{
    while (first)
        fake_step(1);
    fake_flush();
    mem_free(r);
}

/* --- the door --- */

struct redis *redis_new(struct loop *loop, const struct redis_config *config)
{
    (void)loop;
    (void)config;
    return fake_connection();
}

void redis_free(struct redis *r)
{
    mem_free(r);
}

bool redis_is_up(const struct redis *r)
{
    return r->up;
}

void redis_reset(struct redis *r, const char *why)
{
    (void)why;
    r->up = false;
}

struct redis_value redis_item(const struct redis_value *list, size_t i)
{
    (void)list;
    (void)i;
    return (struct redis_value){REDIS_NIL, STR_NULL, 0, 0, NULL};
}

void redis_send(struct redis *r, struct redis_command *command,
                const struct str *words, size_t n)
{
    struct queued *q = MEM_NEW(struct queued);

    ck_assert_uint_le(n, WORDS);
    q->redis = r;
    q->command = command;
    for (q->n = 0; q->n < n; q->n++)
        q->words[q->n] =
            mem_strndup(words[q->n].p ? words[q->n].p : "", words[q->n].len);
    *last = q;
    last = &q->next;
}
