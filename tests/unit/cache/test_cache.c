/* SPDX-License-Identifier: Apache-2.0 */
/* Read-through: single flight, what a commit overtakes, what is served while
 * the loader fails. The loader answers when the test
 * says so. */
#include <check.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "cache/cache.h"
#include "cache/redis.h"
#include "common/buf.h"
#include "common/log.h"
#include "common/mem.h"
#include "real_redis.h"
#include "spin.h"

static struct loop *loop;
static struct cache *cache;
static struct cache_config config;
static struct cache_load *loads[64];
static unsigned n_loads;
/* commits so far; a value is current if none came after its stamp */
static atomic_ullong n_commits;

static void on_load(struct cache_load *load, void *arg)
{
    (void)arg;
    ck_assert_uint_lt(n_loads, 64);
    loads[n_loads++] = load;
}

static void *decode(struct str key, struct str bytes, size_t *cost, void *arg)
{
    (void)key;
    (void)arg;
    *cost = bytes.len;
    return bytes.len && bytes.p[0] == '!' ? NULL
                                          : mem_strndup(bytes.p, bytes.len);
}

static struct cache_stamp stamp(void *arg)
{
    (void)arg;
    return (struct cache_stamp){atomic_load(&n_commits) + 1,
                                {7, atomic_load(&n_commits)}};
}

static bool is_current(struct str key, const struct cache_stamp *s, void *arg)
{
    (void)key;
    (void)arg;
    return s->sequence ? s->sequence == atomic_load(&n_commits) + 1
                       : s->gen.counter == atomic_load(&n_commits);
}

static void setup(void)
{
    log_init(LOG_OFF, "test", "test");
    signal(SIGPIPE, SIG_IGN);
    loop = loop_new();
    config = (struct cache_config){
        .max_bytes = 1000000,
        .prefix = "t:",
        .policy = {60 * US_PER_S, 60 * US_PER_S},
        .load = on_load,
        .decode = decode,
        .release = mem_free,
        .stamp = stamp,
        .is_current = is_current,
    };
    cache = cache_new(&config);
}

static void renew(int64_t ttl_ms, int64_t stale_ms)
{
    cache_free(cache);
    config.policy = (struct policy){ttl_ms * US_PER_MS, stale_ms * US_PER_MS};
    cache = cache_new(&config);
}

static void teardown(void)
{
    cache_close(cache);
    loop_free(loop);
    cache_free(cache);
}

struct reader {
    struct cache_get get;
    unsigned n_done;
    char text[32];
};

static void on_done(struct cache_get *get)
{
    struct reader *r = LOOP_OWNER(get, struct reader, get);

    r->n_done++;
    if (get->rc == RC_OK)
        snprintf(r->text, sizeof(r->text), "%s", (char *)get->value->object);
    cache_value_unref(get->value);
}

static void ask(struct reader *r, const char *key, struct redis *redis)
{
    *r = (struct reader){.get = {.done = on_done, .key = str_from(key)}};
    cache_get(cache, loop, redis, &r->get);
    ck_assert_msg(r->n_done == 0, "done came before the call returned");
}

static bool is_done(void *arg)
{
    return ((struct reader *)arg)->n_done > 0;
}

static void answered(struct reader *r)
{
    ck_assert(spin_until(loop, is_done, r, PATIENCE_MS));
}

static void loaded(unsigned i, const char *text)
{
    cache_load_done(loads[i], RC_OK, NULL, str_from(text));
    spin_for(loop, 2);
}

static void failed(unsigned i, int rc)
{
    cache_load_done(loads[i], rc, NULL, STR_NULL);
    spin_for(loop, 2);
}

START_TEST(many_readers_of_one_key_are_one_load)
{
    struct reader r[100], other;

    for (int i = 0; i < 100; i++)
        ask(&r[i], "k", NULL);
    ask(&other, "o", NULL);
    ck_assert_uint_eq(n_loads, 2);
    loaded(0, "v");
    for (int i = 0; i < 100; i++) {
        ck_assert_uint_eq(r[i].n_done, 1);
        ck_assert_str_eq(r[i].text, "v");
        ck_assert_int_eq(r[i].get.source, CACHE_LOADED);
    }
    ck_assert_uint_eq(other.n_done, 0);
    loaded(1, "w");
    ck_assert_str_eq(other.text, "w");
    ask(&r[0], "k", NULL);
    answered(&r[0]);
    ck_assert_int_eq(r[0].get.source, CACHE_LOCAL);
    ck_assert_uint_eq(n_loads, 2);
}
END_TEST

START_TEST(commit_makes_the_kept_value_useless)
{
    struct reader r;

    ask(&r, "k", NULL);
    loaded(0, "old");
    atomic_fetch_add(&n_commits, 1);
    ask(&r, "k", NULL);
    ck_assert_uint_eq(n_loads, 2);
    loaded(1, "new");
    ck_assert_str_eq(r.text, "new");
}
END_TEST

START_TEST(who_joined_after_a_commit_waits_for_another_load)
{
    struct reader before, after;

    ask(&before, "k", NULL);
    atomic_fetch_add(&n_commits, 1);
    ask(&after, "k", NULL);
    loaded(0, "old");
    ck_assert_str_eq(before.text, "old");
    ck_assert_uint_eq(after.n_done, 0);
    ck_assert_uint_eq(n_loads, 2);
    loaded(1, "new");
    ck_assert_str_eq(after.text, "new");
    ask(&before, "k", NULL);
    spin_for(loop, 2);
    ck_assert_str_eq(before.text, "new");
    ck_assert_uint_eq(n_loads, 2);
}
END_TEST

START_TEST(commits_without_end_starve_nobody)
{
    struct reader r[10];

    for (unsigned i = 0; i < 10; i++) {
        char text[16];

        ask(&r[i], "k", NULL);
        atomic_fetch_add(&n_commits, 1);
        if (!i)
            continue;
        snprintf(text, sizeof(text), "v%u", i);
        loaded(i - 1, text);
        ck_assert_msg(r[i - 1].n_done == 1, "reader %u", i - 1);
    }
    loaded(9, "end");
    ck_assert_str_eq(r[9].text, "end");
}
END_TEST

START_TEST(overtaken_refresh_that_nobody_waits_for_just_ends)
{
    struct reader r;

    renew(1000, 60000);
    ask(&r, "k", NULL);
    loaded(0, "one");
    spin_for(loop, 810); /* its last fifth: served, and refreshed ahead */
    ask(&r, "k", NULL);
    answered(&r);
    ck_assert_str_eq(r.text, "one");
    ck_assert_uint_eq(n_loads, 2);
    atomic_fetch_add(&n_commits, 1);
    loaded(1, "two");
    ck_assert_uint_eq(n_loads, 2);
    ask(&r, "k", NULL);
    ck_assert_uint_eq(n_loads, 3);
    loaded(2, "three");
    ck_assert_str_eq(r.text, "three");
}
END_TEST

START_TEST(expired_value_is_served_once_more_while_one_refreshes)
{
    struct reader r;

    renew(500, 60000);
    ask(&r, "k", NULL);
    loaded(0, "one");
    spin_for(loop, 510);
    for (int i = 0; i < 3; i++) {
        ask(&r, "k", NULL);
        answered(&r);
        ck_assert_str_eq(r.text, "one");
        ck_assert_int_eq(r.get.source, CACHE_STALE);
    }
    ck_assert_uint_eq(n_loads, 2);
    loaded(1, "two");
    ask(&r, "k", NULL);
    answered(&r);
    ck_assert_str_eq(r.text, "two");
}
END_TEST

START_TEST(failing_store_is_answered_with_what_is_left)
{
    struct reader r, missing;

    renew(20, 2000);
    ask(&r, "k", NULL);
    loaded(0, "kept");
    spin_for(loop, 60); /* beyond twice the TTL: waits for the load */
    ask(&r, "k", NULL);
    ck_assert_uint_eq(r.n_done, 0);
    failed(1, RC_UNAVAILABLE);
    ck_assert_str_eq(r.text, "kept");
    ck_assert_int_eq(r.get.source, CACHE_STALE);
    ask(&missing, "none", NULL);
    failed(2, RC_UNAVAILABLE);
    ck_assert_int_eq(missing.get.rc, RC_UNAVAILABLE);
    ck_assert_ptr_null(missing.get.value);
    spin_for(loop, 2050);
    ask(&r, "k", NULL);
    failed(3, RC_UNAVAILABLE);
    ck_assert_msg(r.get.rc == RC_UNAVAILABLE, "its time is over");
}
END_TEST

START_TEST(refused_query_is_not_answered_with_what_is_left)
{
    struct reader r;

    renew(10, 60000);
    ask(&r, "k", NULL);
    loaded(0, "kept");
    spin_for(loop, 30);
    ask(&r, "k", NULL);
    failed(1, RC_INVALID);
    ck_assert_int_eq(r.get.rc, RC_INVALID);
    ask(&r, "j", NULL);
    loaded(2, "!not to be decoded");
    ck_assert_int_eq(r.get.rc, RC_INTERNAL);
}
END_TEST

/* --- over a real Redis: two caches are two processes --- */

static struct real_redis server;
static struct redis_url url;
static struct redis *redis;

static bool is_up(void *arg)
{
    (void)arg;
    return redis_is_up(redis);
}

static void setup_redis(void)
{
    /* the 8 ms of a connection are short for a test on a busy machine */
    struct redis_config c = {
        .url = &url, .what = "test", .command_us = 300 * US_PER_MS};
    struct err err;

    setup();
    real_redis_start(&server, NULL);
    ck_assert_int_eq(redis_url_parse(str_from(server.url), &url, &err), RC_OK);
    redis = redis_new(loop, &c);
    ck_assert(spin_until(loop, is_up, NULL, PATIENCE_MS));
}

static void teardown_redis(void)
{
    redis_free(redis);
    redis_url_fini(&url);
    teardown();
    real_redis_end(&server);
}

static bool has_loads(void *arg)
{
    return n_loads >= *(unsigned *)arg;
}

static void wait_loads(unsigned n)
{
    ck_assert_msg(spin_until(loop, has_loads, &n, PATIENCE_MS), "load %u", n);
}

static void ask_other(struct cache *other, struct reader *r, const char *key)
{
    *r = (struct reader){.get = {.done = on_done, .key = str_from(key)}};
    cache_get(other, loop, redis, &r->get);
}

START_TEST(second_process_waits_for_the_first_and_takes_its_value)
{
    struct cache *other = cache_new(&config);
    struct reader one, two;

    ask(&one, "k", redis);
    wait_loads(1);
    ask_other(other, &two, "k");
    spin_for(loop, 50);
    ck_assert_uint_eq(n_loads, 1);
    ck_assert_uint_eq(two.n_done, 0);
    loaded(0, "shared");
    answered(&two);
    ck_assert_str_eq(two.text, "shared");
    ck_assert_int_eq(two.get.source, CACHE_REDIS);
    cache_close(other);
    cache_free(other);
}
END_TEST

START_TEST(value_that_a_commit_overtook_is_loaded_again_by_one)
{
    struct cache *other = cache_new(&config);
    struct reader one, two;

    ask(&one, "k", redis);
    wait_loads(1);
    loaded(0, "old");
    spin_for(loop, 10);
    atomic_fetch_add(&n_commits, 1);
    ask(&one, "k", redis);
    ask_other(other, &two, "k");
    wait_loads(2);
    spin_for(loop, 50);
    ck_assert_uint_eq(n_loads, 2);
    loaded(1, "new");
    answered(&one);
    answered(&two);
    ck_assert_str_eq(one.text, "new");
    ck_assert_str_eq(two.text, "new");
    cache_close(other);
    cache_free(other);
}
END_TEST

START_TEST(own_value_in_redis_is_no_refresh)
{
    struct reader r;

    renew(1000, 60000);
    ask(&r, "k", redis);
    wait_loads(1);
    loaded(0, "one");
    spin_for(loop, 810); /* early refresh is due; Redis still holds it */
    ask(&r, "k", redis);
    wait_loads(2);
    loaded(1, "two");
    ask(&r, "k", redis);
    answered(&r);
    ck_assert_str_eq(r.text, "two");
}
END_TEST

START_TEST(loader_that_died_with_the_lock_does_not_block_for_good)
{
    struct reader r;
    int64_t began = clock_mono_us();

    real_redis_tell(&server, "SET t:k:lock somebody PX 100");
    ask(&r, "k", redis);
    wait_loads(1);
    ck_assert_int_ge(clock_mono_us() - began, 80000);
    loaded(0, "v");
    ck_assert_str_eq(r.text, "v");
}
END_TEST

START_TEST(nonsense_in_redis_is_replaced)
{
    struct reader r;

    real_redis_tell(&server, "SET t:k nonsense");
    real_redis_tell(&server, "SET t:e \"\"");
    ask(&r, "k", redis);
    wait_loads(1);
    loaded(0, "v");
    ck_assert_str_eq(r.text, "v");
    ask(&r, "e", redis);
    wait_loads(2);
    loaded(1, "w");
    ck_assert_str_eq(r.text, "w");
}
END_TEST

START_TEST(paused_redis_costs_a_reader_milliseconds)
{
    struct reader r;
    int64_t began;

    real_redis_pause(&server);
    began = clock_mono_us();
    ask(&r, "k", redis);
    wait_loads(1);
    ck_assert_int_lt(clock_mono_us() - began, 5000000);
    loaded(0, "v");
    ck_assert_str_eq(r.text, "v");
    real_redis_go_on(&server);
}
END_TEST

START_TEST(closing_answers_who_waits)
{
    struct reader r;

    real_redis_tell(&server, "SET t:k:lock somebody");
    ask(&r, "k", redis);
    spin_for(loop, 20);
    redis_free(redis);
    redis = NULL;
    cache_close(cache);
    spin_for(loop, 5);
    ck_assert_uint_eq(r.n_done, 1);
    ck_assert_int_eq(r.get.rc, RC_CANCELLED);
}
END_TEST

Suite *suite_cache(void)
{
    Suite *s = suite_create("cache");
    TCase *t = tcase_create("process");
    TCase *shared = tcase_create("shared");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, many_readers_of_one_key_are_one_load);
    tcase_add_test(t, commit_makes_the_kept_value_useless);
    tcase_add_test(t, who_joined_after_a_commit_waits_for_another_load);
    tcase_add_test(t, commits_without_end_starve_nobody);
    tcase_add_test(t, overtaken_refresh_that_nobody_waits_for_just_ends);
    tcase_add_test(t, expired_value_is_served_once_more_while_one_refreshes);
    tcase_add_test(t, failing_store_is_answered_with_what_is_left);
    tcase_add_test(t, refused_query_is_not_answered_with_what_is_left);
    suite_add_tcase(s, t);
    tcase_add_checked_fixture(shared, setup_redis, teardown_redis);
    tcase_set_timeout(shared, 60);
    tcase_add_test(shared,
                   second_process_waits_for_the_first_and_takes_its_value);
    tcase_add_test(shared, value_that_a_commit_overtook_is_loaded_again_by_one);
    tcase_add_test(shared, own_value_in_redis_is_no_refresh);
    tcase_add_test(shared,
                   loader_that_died_with_the_lock_does_not_block_for_good);
    tcase_add_test(shared, nonsense_in_redis_is_replaced);
    tcase_add_test(shared, paused_redis_costs_a_reader_milliseconds);
    tcase_add_test(shared, closing_answers_who_waits);
    suite_add_tcase(s, shared);
    return s;
}
