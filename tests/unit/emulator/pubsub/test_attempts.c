/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "core.h"
#include "emulator/pubsub/ackset.h"
#include "emulator/pubsub/attempts.h"

static void load(struct attempts *a, const uint64_t *pairs, size_t n)
{
    struct buf bytes;

    buf_init(&bytes, 4096);
    for (size_t i = 0; i < n; i += 2)
        attempts_put(&bytes, pairs[i], (uint16_t)pairs[i + 1]);
    ck_assert_int_eq(attempts_load(a, buf_as_str(&bytes)), RC_OK);
    buf_fini(&bytes);
}

START_TEST(the_last_count_of_what_is_not_done_is_found_once)
{
    static const uint64_t first[] = {7, 1, 3, 2, 300, 1};
    static const uint64_t second[] = {7, 4, 300, 2};
    struct attempts a;
    struct ackset done;

    attempts_init(&a);
    ackset_init(&done, 4); /* 3 is done */
    load(&a, first, 6);
    load(&a, second, 4);
    attempts_loaded(&a, &done);
    ck_assert_uint_eq(a.n_left, 2);
    ck_assert_uint_eq(attempts_take(&a, 3), 0);
    ck_assert_uint_eq(attempts_take(&a, 8), 0);
    ck_assert_uint_eq(attempts_take(&a, 7), 4);
    ck_assert_uint_eq(attempts_take(&a, 7), 0);
    ck_assert_uint_eq(attempts_take(&a, 300), 2);
    ck_assert_uint_eq(a.n_left, 0);
    ck_assert_uint_eq(attempts_take(&a, 300), 0);
    ackset_fini(&done);
    attempts_fini(&a);
}
END_TEST

START_TEST(what_is_no_pairs_is_refused)
{
    static const char *const bad[] = {"\x01", "\x01\x00", "\x80", "\x01\x80",
                                      "\x01\x80\x80\x04"};
    static const size_t len[] = {1, 2, 1, 2, 4};
    struct attempts a;

    attempts_init(&a);
    ck_assert_int_eq(attempts_load(&a, str_of(bad[_i], len[_i])), RC_MALFORMED);
    attempts_fini(&a);
}
END_TEST

START_TEST(a_subscription_goes_on_from_an_earlier_count)
{
    static const uint64_t earlier[] = {1, 3, 9, 1};
    struct core c;
    struct buf saved;
    struct attempts again;

    core_init(&c);
    c.sub.rules.max_attempts = 5;
    c.sub.attempts.is_kept = true;
    load(&c.sub.attempts, earlier, 4);
    attempts_loaded(&c.sub.attempts, &c.sub.holder.done);
    core_publish(&c, "ab", NULL);
    ck_assert_str_eq(core_pull(&c, NULL, 10), "ab");
    ck_assert_uint_eq(core_attempt('a'), 1);
    ck_assert_uint_eq(core_attempt('b'), 4);
    ck_assert(attempts_is_empty(&c.sub.attempts));
    ck_assert_int_eq(core_nack(&c, 'a'), SUB_ACK_DONE);
    ck_assert(!attempts_is_empty(&c.sub.attempts));
    /* what is written whole: a's, b's, and that of 9, which is not out */
    buf_init(&saved, 4096);
    subcore_save_attempts(&c.sub, &saved);
    attempts_init(&again);
    ck_assert_int_eq(attempts_load(&again, buf_as_str(&saved)), RC_OK);
    attempts_loaded(&again, &c.sub.holder.done);
    ck_assert_uint_eq(attempts_take(&again, 0), 1);
    ck_assert_uint_eq(attempts_take(&again, 1), 3);
    ck_assert_uint_eq(attempts_take(&again, 9), 1);
    attempts_fini(&again);
    buf_fini(&saved);
    core_fini(&c);
}
END_TEST

START_TEST(without_a_dead_letter_topic_nothing_is_written)
{
    struct core c;

    core_init(&c);
    c.sub.attempts.is_kept = true;
    core_publish(&c, "a", NULL);
    ck_assert_str_eq(core_pull(&c, NULL, 10), "a");
    ck_assert_int_eq(core_nack(&c, 'a'), SUB_ACK_DONE);
    ck_assert(attempts_is_empty(&c.sub.attempts));
    core_fini(&c);
}
END_TEST

Suite *suite_attempts(void);
Suite *suite_attempts(void)
{
    Suite *s = suite_create("attempts");
    TCase *t = tcase_create("attempts");

    tcase_add_test(t, the_last_count_of_what_is_not_done_is_found_once);
    tcase_add_loop_test(t, what_is_no_pairs_is_refused, 0, 5);
    tcase_add_test(t, a_subscription_goes_on_from_an_earlier_count);
    tcase_add_test(t, without_a_dead_letter_topic_nothing_is_written);
    suite_add_tcase(s, t);
    return s;
}
