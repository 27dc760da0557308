/* SPDX-License-Identifier: Apache-2.0 */
/* One cache, several loops on their own threads, commits from another: each
 * reader sees at least what was committed before it asked, and never less
 * than before. ThreadSanitizer watches. */
#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cache/cache.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"

enum {
    LOOPS = 4,
    KEYS = 5,
    READERS = 8, /* a loop's, at a time */
    ROUNDS = 600
};

static struct cache *cache;
static atomic_ullong n_commits, n_loads;
static atomic_uint n_idle; /* readers that have asked enough */

struct worker {
    struct loop *loop;
    pthread_t thread;
    struct reader {
        struct cache_get get;
        struct worker *worker;
        unsigned long long asked_at;
        char key[8];
    } readers[READERS];
    unsigned long long seen[KEYS];
    unsigned n, seed, wrong, failed;
    struct loop_task begin;
};
static struct worker workers[LOOPS];

/* The store answers a turn of the loop later, with what was committed when it
 * was asked. */
struct loading {
    struct loop_task task;
    struct cache_load *load;
    char text[32];
};

static void on_loaded(struct loop_task *task)
{
    struct loading *l = LOOP_OWNER(task, struct loading, task);

    cache_load_done(l->load, RC_OK, NULL, str_from(l->text));
    mem_free(l);
}

static void on_load(struct cache_load *load, void *arg)
{
    struct loading *l = MEM_NEW(struct loading);

    (void)arg;
    atomic_fetch_add(&n_loads, 1);
    l->load = load;
    l->task.run = on_loaded;
    snprintf(l->text, sizeof(l->text), "%llu", atomic_load(&n_commits));
    loop_post(load->loop, &l->task);
}

static void *decode(struct str key, struct str bytes, size_t *cost, void *arg)
{
    (void)key;
    (void)arg;
    *cost = bytes.len;
    return mem_strndup(bytes.p, bytes.len);
}

static struct cache_stamp stamp(void *arg)
{
    (void)arg;
    return (struct cache_stamp){atomic_load(&n_commits) + 1, {0, 0}};
}

static bool is_current(struct str key, const struct cache_stamp *s, void *arg)
{
    (void)key;
    (void)arg;
    return s->sequence == atomic_load(&n_commits) + 1;
}

static void ask(struct reader *r);

/* A loop serves the loads that others wait for until nobody asks any more. */
static void rest(void)
{
    if (atomic_fetch_add(&n_idle, 1) + 1 < LOOPS * READERS)
        return;
    for (int i = 0; i < LOOPS; i++)
        loop_stop(workers[i].loop);
}

static void on_done(struct cache_get *get)
{
    struct reader *r = LOOP_OWNER(get, struct reader, get);
    struct worker *w = r->worker;
    unsigned long long got = 0, *seen = &w->seen[r->key[1] - '0'];

    if (get->rc == RC_OK)
        got = strtoull(get->value->object, NULL, 10);
    else
        w->failed++;
    if (get->rc == RC_OK && got < r->asked_at)
        w->wrong++;
    if (got > *seen)
        *seen = got;
    cache_value_unref(get->value);
    if (++w->n >= ROUNDS)
        rest();
    else
        ask(r);
}

static void ask(struct reader *r)
{
    struct worker *w = r->worker;
    unsigned k;

    w->seed = w->seed * 1664525 + 1013904223;
    k = (w->seed >> 20) % KEYS;
    snprintf(r->key, sizeof(r->key), "k%u", k);
    r->get = (struct cache_get){.done = on_done, .key = str_of(r->key, 2)};
    r->asked_at = atomic_load(&n_commits);
    /* who asks after an answer never gets an older one */
    if (w->seen[k] > r->asked_at)
        w->wrong++;
    cache_get(cache, w->loop, NULL, &r->get);
}

static void on_begin(struct loop_task *task)
{
    struct worker *w = LOOP_OWNER(task, struct worker, begin);

    for (int i = 0; i < READERS; i++) {
        w->readers[i].worker = w;
        ask(&w->readers[i]);
    }
}

static void *run(void *arg)
{
    struct worker *w = arg;

    w->begin.run = on_begin;
    loop_post(w->loop, &w->begin);
    loop_run(w->loop);
    return NULL;
}

START_TEST(readers_on_all_loops_see_each_commit)
{
    const struct cache_config config = {
        .max_bytes = 100000,
        .prefix = "t:",
        .policy = {2 * US_PER_MS, 60 * US_PER_S},
        .load = on_load,
        .decode = decode,
        .release = mem_free,
        .stamp = stamp,
        .is_current = is_current,
    };
    int64_t end_us = clock_mono_us() + 20 * US_PER_S;
    unsigned total = 0;

    log_init(LOG_OFF, "test", "test");
    cache = cache_new(&config);
    for (int i = 0; i < LOOPS; i++)
        workers[i].loop = loop_new();
    for (int i = 0; i < LOOPS; i++) {
        workers[i].seed = (unsigned)i + 1;
        ck_assert_int_eq(
            pthread_create(&workers[i].thread, NULL, run, &workers[i]), 0);
    }
    for (unsigned i = 0; i < 3000 && clock_mono_us() < end_us; i++) {
        struct timespec little = {0, 20000};
        atomic_fetch_add(&n_commits, 1);
        if (i % 8 == 0)
            nanosleep(&little, NULL);
    }
    for (int i = 0; i < LOOPS; i++)
        pthread_join(workers[i].thread, NULL);
    cache_close(cache);
    for (int i = 0; i < LOOPS; i++) {
        ck_assert_uint_eq(workers[i].wrong, 0);
        ck_assert_uint_eq(workers[i].failed, 0);
        total += workers[i].n;
        loop_free(workers[i].loop);
    }
    cache_free(cache);
    ck_assert_uint_ge(total, LOOPS * ROUNDS);
    ck_assert_uint_lt(atomic_load(&n_loads), total);
}
END_TEST

Suite *suite_loops(void)
{
    Suite *s = suite_create("loops");
    TCase *t = tcase_create("loops");

    tcase_set_timeout(t, 90);
    tcase_add_test(t, readers_on_all_loops_see_each_commit);
    suite_add_tcase(s, t);
    return s;
}
