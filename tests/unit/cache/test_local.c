/* SPDX-License-Identifier: Apache-2.0 */
/* The process-local level: bounded, fair under floods, safe from threads. */
#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "cache/local.h"
#include "common/mem.h"

struct thing {
    struct local_value base;
    unsigned number;
};

static atomic_int alive;

static void drop(struct local_value *base)
{
    atomic_fetch_sub(&alive, 1);
    mem_free(base);
}

static struct local_value *thing(unsigned number, size_t cost)
{
    struct thing *t = MEM_NEW(struct thing);

    atomic_fetch_add(&alive, 1);
    t->number = number;
    local_value_init(&t->base, cost, drop);
    return &t->base;
}

static struct str key_of(char *out, unsigned n)
{
    snprintf(out, 32, "key-%u", n);
    return str_from(out);
}

static void put_as(struct local *l, const char *key, unsigned n)
{
    struct local_value *v = thing(n, 10);

    local_put(l, str_from(key), v);
    local_value_unref(v);
}

static void put(struct local *l, unsigned n, size_t cost)
{
    char key[32];
    struct local_value *v = thing(n, cost);

    local_put(l, key_of(key, n), v);
    local_value_unref(v);
}

/* -1: not there */
static int get(struct local *l, unsigned n)
{
    char key[32];
    struct local_value *v = local_get(l, key_of(key, n));
    int number = v ? (int)((struct thing *)v)->number : -1;

    local_value_unref(v);
    return number;
}

START_TEST(keeps_replaces_and_removes)
{
    struct local *l = local_new(100000);
    struct local_value *held;

    ck_assert_int_eq(get(l, 1), -1);
    put(l, 1, 10);
    put(l, 2, 10);
    held = local_get(l, STR("key-1"));
    put_as(l, "key-1", 7);
    ck_assert_int_eq(get(l, 1), 7);
    ck_assert_uint_eq(((struct thing *)held)->number, 1);
    local_value_unref(held);
    local_remove(l, STR("key-1"));
    local_remove(l, STR("none"));
    ck_assert_int_eq(get(l, 1), -1);
    ck_assert_int_eq(get(l, 2), 2);
    ck_assert_uint_eq(local_count(l), 1);
    local_free(l);
    ck_assert_int_eq(atomic_load(&alive), 0);
}
END_TEST

START_TEST(stays_within_its_bound)
{
    struct local *l = local_new(50000);

    for (unsigned i = 0; i < 5000; i++) {
        put(l, i, i % 700);
        ck_assert_uint_le(local_bytes(l), 50000);
        if (i % 3 == 0)
            (void)get(l, i / 2);
    }
    ck_assert_uint_gt(local_count(l), 20);
    local_free(l);
    ck_assert_int_eq(atomic_load(&alive), 0);
}
END_TEST

START_TEST(too_large_alone_is_not_kept_and_drops_its_forerunner)
{
    struct local *l = local_new(10000);

    put(l, 1, 10);
    put(l, 2, 10);
    put(l, 1, 20000);
    ck_assert_int_eq(get(l, 1), -1);
    ck_assert_int_eq(get(l, 2), 2);
    local_free(l);
}
END_TEST

START_TEST(flood_of_keys_asked_for_once_leaves_what_is_read)
{
    struct local *l = local_new(200000);

    for (unsigned i = 0; i < 100; i++)
        put(l, i, 500);
    for (int round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 100; i++)
            (void)get(l, i);
    }
    for (unsigned i = 1000; i < 50000; i++)
        put(l, i, 500);
    for (unsigned i = 0; i < 100; i++)
        ck_assert_int_eq(get(l, i), (int)i);
    local_free(l);
}
END_TEST

/* Each thread's own generator: results must not depend on shared state. */
static void *hammer(void *arg)
{
    struct local *l = arg;
    unsigned x = (unsigned)(uintptr_t)&x | 1;

    for (int i = 0; i < 30000; i++) {
        unsigned n;

        x = x * 1664525 + 1013904223;
        n = x >> 16 & 255;
        switch (x >> 28 & 3) {
        case 0:
            put(l, n, n * 7);
            break;
        case 1:
            if ((x >> 8 & 15) == 0) {
                char key[32];
                local_remove(l, key_of(key, n));
                break;
            }
            /* fall through */
        default: {
            int got = get(l, n);
            if (got != -1 && got != (int)n)
                return (void *)1;
        }
        }
    }
    return NULL;
}

START_TEST(threads_see_whole_values_only)
{
    struct local *l = local_new(60000);
    pthread_t threads[4];
    void *bad;

    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, hammer, l), 0);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], &bad);
        ck_assert_ptr_null(bad);
    }
    local_free(l);
    ck_assert_int_eq(atomic_load(&alive), 0);
}
END_TEST

Suite *suite_local(void)
{
    Suite *s = suite_create("local");
    TCase *t = tcase_create("local");

    tcase_set_timeout(t, 60);
    tcase_add_test(t, keeps_replaces_and_removes);
    tcase_add_test(t, stays_within_its_bound);
    tcase_add_test(t, too_large_alone_is_not_kept_and_drops_its_forerunner);
    tcase_add_test(t, flood_of_keys_asked_for_once_leaves_what_is_read);
    tcase_add_test(t, threads_see_whole_values_only);
    suite_add_tcase(s, t);
    return s;
}
