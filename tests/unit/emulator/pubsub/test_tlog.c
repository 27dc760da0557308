/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "common/mem.h"
#include "emulator/pubsub/tlog.h"

enum {
    BATCHES = 10,
    EACH = 2, /* messages: of 3 and 5 bytes, each behind its length */
    BATCH_LEN = 10
};

static struct tlog logged;
static struct holder holder;

static void make(void)
{
    tlog_init(&logged, NULL);
    holder = (struct holder){0};
    ackset_init(&holder.done, 0);
    tlog_attach(&logged, &holder);
    for (uint64_t i = 0; i < BATCHES; i++) {
        struct batch *b =
            batch_new(mem_strndup("\3aaa\5bbbbb", BATCH_LEN), BATCH_LEN, EACH);

        b->first_seq = i * EACH;
        tlog_append(&logged, b);
    }
}

static void drop(void)
{
    tlog_detach(&logged, &holder);
    ackset_fini(&holder.done);
    tlog_fini(&logged);
}

static uint64_t bytes_within(size_t budget)
{
    return tlog_free_bytes(&logged, &holder.done, &budget);
}

START_TEST(bytes_of_what_is_not_done_are_exact_within_the_budget)
{
    size_t budget = 100;

    ck_assert_uint_eq(tlog_free_bytes(&logged, &holder.done, &budget), 100);
    ck_assert_uint_eq(budget, 90);
    tlog_done(&logged, &holder, NULL, 0); /* 3 bytes and their length */
    ck_assert_uint_eq(bytes_within(100), 96);
    tlog_done(&logged, &holder, NULL, 7);
    ck_assert_uint_eq(bytes_within(100), 90);
    tlog_done_range(&logged, &holder, 0, 6);
    ck_assert_uint_eq(bytes_within(100), 64);
    tlog_done_range(&logged, &holder, 6, BATCHES * EACH);
    ck_assert_uint_eq(bytes_within(100), 0);
}
END_TEST

START_TEST(beyond_the_budget_the_mean_counts)
{
    ck_assert_uint_eq(bytes_within(4), 100);
    ck_assert_uint_eq(bytes_within(0), 100);
    tlog_done_range(&logged, &holder, 10, 15);
    ck_assert_uint_eq(bytes_within(1), 75);
    ck_assert_uint_eq(bytes_within(0), 75);
    /* the same of a batch whose bytes are on disk only */
    batch_drop_bytes(tlog_find(&logged, 15));
    ck_assert_uint_eq(bytes_within(100), 75);
}
END_TEST

Suite *suite_tlog(void)
{
    Suite *s = suite_create("tlog");
    TCase *t = tcase_create("bytes");

    tcase_add_checked_fixture(t, make, drop);
    tcase_add_test(t, bytes_of_what_is_not_done_are_exact_within_the_budget);
    tcase_add_test(t, beyond_the_budget_the_mean_counts);
    suite_add_tcase(s, t);
    return s;
}
