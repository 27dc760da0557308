/* SPDX-License-Identifier: Apache-2.0 */
/* The set against a plain array of flags, under random operations. */
#include "emulator/pubsub/ackset.h"

#include <check.h>

#include "common/buf.h"
#include "common/rand.h"
#include "emulator/pubsub/heap.h"

enum {
    SPAN = 20000
};

static bool model[SPAN];

static void check_same(const struct ackset *a, uint64_t from, uint64_t to)
{
    uint64_t frontier = 0, n_free = 0, first = to, wrong = 0, end = SPAN;

    while (frontier < SPAN && model[frontier])
        frontier++;
    while (end > 0 && !model[end - 1])
        end--;
    ck_assert_uint_eq(a->frontier, frontier);
    ck_assert_uint_eq(ackset_end(a), end);
    for (uint64_t i = from; i < to; i++) {
        wrong += ackset_has(a, i) != model[i];
        n_free += !model[i];
        if (!model[i] && first == to)
            first = i;
    }
    ck_assert_uint_eq(wrong, 0);
    ck_assert_uint_eq(ackset_count_free(a, from, to), n_free);
    ck_assert_uint_eq(ackset_next_free(a, from, to), first);
    ck_assert_int_eq(ackset_has_range(a, from, to), first == to);
}

static void random_step(struct ackset *a, struct rand *r)
{
    uint64_t from = rand_below(r, SPAN);
    uint64_t len = rand_below(r, rand_below(r, 4) ? 50 : 9000);
    uint64_t to = from + len < SPAN ? from + len : SPAN;
    unsigned what = (unsigned)rand_below(r, 10);

    if (what < 6) {
        if (rand_below(r, 2))
            from = a->frontier < SPAN ? a->frontier : from;
        ck_assert_int_eq(ackset_add(a, from), !model[from]);
        model[from] = true;
    } else if (what < 9) {
        ackset_add_range(a, from, to);
        memset(model + from, 1, to > from ? to - from : 0);
    } else {
        ackset_remove_range(a, from, to);
        memset(model + from, 0, to > from ? to - from : 0);
    }
}

START_TEST(agrees_with_an_array_of_flags)
{
    struct rand r;
    struct ackset a;

    rand_seed(&r, (uint64_t)_i);
    memset(model, 0, sizeof(model));
    ackset_init(&a, 0);
    for (int i = 0; i < 2000; i++) {
        uint64_t from = rand_below(&r, SPAN);

        random_step(&a, &r);
        check_same(&a, from, from + rand_below(&r, SPAN - from + 1));
        if (i % 100 == 0) {
            struct buf saved;
            struct ackset copy;

            buf_init(&saved, 1 << 20);
            ackset_save(&a, &saved);
            ackset_copy(&copy, &a);
            ackset_fini(&a);
            check_same(&copy, 0, SPAN);
            ackset_fini(&copy);
            ck_assert_int_eq(ackset_load(&a, buf_as_str(&saved)), RC_OK);
            check_same(&a, 0, SPAN);
            buf_fini(&saved);
        }
    }
    ackset_fini(&a);
}
END_TEST

START_TEST(starts_anywhere)
{
    struct ackset a;

    ackset_init(&a, 5000);
    ck_assert(ackset_has(&a, 4999));
    ck_assert(!ackset_has(&a, 5000));
    ck_assert(ackset_add(&a, 5001));
    ackset_remove_range(&a, 4990, 4995);
    ck_assert_uint_eq(a.frontier, 4990);
    ck_assert(ackset_has(&a, 4995));
    ck_assert(!ackset_has(&a, 4992));
    ck_assert(!ackset_has(&a, 5000));
    ackset_add_range(&a, 0, 4995);
    ck_assert_uint_eq(a.frontier, 5000);
    ackset_add(&a, 5000);
    ck_assert_uint_eq(a.frontier, 5002);
    ackset_fini(&a);
}
END_TEST

START_TEST(refuses_what_it_did_not_save)
{
    struct ackset a;

    ck_assert_int_eq(ackset_load(&a, STR("")), RC_MALFORMED);
    ck_assert_int_eq(ackset_load(&a, STR("\x05\x01")), RC_MALFORMED);
    ck_assert_int_eq(
        ackset_load(&a, STR("\x00\x01\xff\xff\xff\xff\xff\xff\xff\xff\x7f")),
        RC_MALFORMED);
}
END_TEST

struct thing {
    struct heap_item item;
    int64_t key;
};

START_TEST(heap_gives_the_smallest_whatever_moves)
{
    struct thing things[300] = {0};
    struct heap h = {0};
    struct rand r;

    rand_seed(&r, 7);
    for (int i = 0; i < 20000; i++) {
        struct thing *t = &things[rand_below(&r, 300)];
        int64_t least = INT64_MAX;

        if (rand_below(&r, 4) == 0) {
            heap_remove(&h, &t->item);
        } else {
            t->key = (int64_t)rand_below(&r, 1000);
            heap_set(&h, &t->item, t->key);
        }
        for (int k = 0; k < 300; k++)
            if (heap_holds(&things[k].item) && things[k].key < least)
                least = things[k].key;
        ck_assert_int_eq(heap_first_key(&h), least);
    }
    heap_fini(&h);
}
END_TEST

Suite *suite_ackset(void)
{
    Suite *s = suite_create("ackset");
    TCase *t = tcase_create("ackset");

    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, agrees_with_an_array_of_flags, 0, 8);
    tcase_add_test(t, starts_anywhere);
    tcase_add_test(t, refuses_what_it_did_not_save);
    tcase_add_test(t, heap_gives_the_smallest_whatever_moves);
    suite_add_tcase(s, t);
    return s;
}
