/* SPDX-License-Identifier: Apache-2.0 */
/* Ordering keys: order, redelivery of what follows, one owner at a time. */
#include <check.h>

#include "core.h"

static struct core c;

static void setup(void)
{
    core_init(&c);
    c.sub.rules.ordered = true;
}

static void teardown(void)
{
    core_fini(&c);
}

START_TEST(one_pull_may_take_several_of_a_key)
{
    core_publish(&c, "abc", "kkk");
    core_publish(&c, "def", "kk.");
    ck_assert_str_eq(core_pull(&c, NULL, 2), "ab");
    ck_assert_str_eq(core_pull(&c, NULL, 9), "f");
    core_ack(&c, 'a');
    ck_assert_str_eq(core_pull(&c, NULL, 9), "");
    core_nack(&c, 'b');
    ck_assert_str_eq(core_pull(&c, NULL, 9), "bcde");
}
END_TEST

START_TEST(a_stream_gets_all_of_its_keys_in_order)
{
    struct taker *t = taker_new(), *other = taker_new();

    core_publish(&c, "abcd", "kkqk");
    ck_assert_str_eq(core_pull(&c, t, 2), "ab");
    ck_assert_str_eq(core_pull(&c, other, 9), "c");
    ck_assert_str_eq(core_pull(&c, t, 9), "d");
    core_ack(&c, 'a');
    core_ack(&c, 'b');
    core_ack(&c, 'd');
    core_publish(&c, "e", "k");
    ck_assert_str_eq(core_pull(&c, other, 9), "e");
    subcore_close_taker(&c.sub, t, c.now);
    subcore_close_taker(&c.sub, other, c.now);
}
END_TEST

START_TEST(a_nack_brings_back_what_follows_even_acknowledged)
{
    struct taker *t = taker_new();

    core_publish(&c, "abcd", "kkkk");
    ck_assert_str_eq(core_pull(&c, t, 9), "abcd");
    ck_assert_int_eq(core_ack(&c, 'c'), SUB_ACK_DONE);
    ck_assert_uint_eq(subcore_backlog(&c.sub), 3);
    core_nack(&c, 'b');
    ck_assert_uint_eq(subcore_backlog(&c.sub), 4);
    /* what was out with the old lease is not settled by it any more */
    ck_assert_int_eq(core_ack(&c, 'd'), SUB_ACK_STALE);
    ck_assert_str_eq(core_pull(&c, t, 9), "bcd");
    ck_assert_uint_eq(core_attempt('b'), 2);
    ck_assert_uint_eq(core_attempt('c'), 1);
    for (const char *p = "abcd"; *p; p++)
        ck_assert_int_eq(core_ack(&c, *p), SUB_ACK_DONE);
    ck_assert_uint_eq(c.n_gone, 1);
    ck_assert_uint_eq(c.sub.keys.n, 0);
    subcore_close_taker(&c.sub, t, c.now);
}
END_TEST

START_TEST(expiry_brings_back_the_whole_key_in_order)
{
    struct taker *t = taker_new();

    core_publish(&c, "abc", "kkk");
    ck_assert_str_eq(core_pull(&c, t, 9), "abc");
    subcore_close_taker(&c.sub, t, c.now);
    t = taker_new();
    ck_assert_str_eq(core_pull(&c, t, 9), "");
    core_advance(&c, 10 * S);
    ck_assert_str_eq(core_pull(&c, t, 9), "abc");
    ck_assert_uint_eq(core_attempt('a'), 2);
    ck_assert_uint_eq(core_attempt('c'), 2);
    subcore_close_taker(&c.sub, t, c.now);
}
END_TEST

START_TEST(backoff_holds_the_whole_key)
{
    struct taker *t = taker_new();

    c.sub.rules.has_backoff = true;
    c.sub.rules.backoff_min_us = 5 * S;
    c.sub.rules.backoff_max_us = 60 * S;
    core_publish(&c, "abx", "kkq");
    ck_assert_str_eq(core_pull(&c, t, 9), "abx");
    core_nack(&c, 'a');
    core_publish(&c, "c", "k");
    ck_assert_str_eq(core_pull(&c, t, 9), "");
    ck_assert_int_eq(subcore_next_event(&c.sub), c.now + 5 * S);
    core_advance(&c, 5 * S);
    ck_assert_str_eq(core_pull(&c, t, 9), "abc");
    subcore_close_taker(&c.sub, t, c.now);
}
END_TEST

START_TEST(a_dead_letter_lets_the_key_go_on)
{
    struct held *h;

    c.sub.rules.max_attempts = 5;
    core_publish(&c, "ab", "kk");
    for (int i = 0; i < 5; i++) {
        ck_assert_str_eq(core_pull(&c, NULL, 1), "a");
        core_nack(&c, 'a');
    }
    h = subcore_dead_next(&c.sub);
    ck_assert(h && h->seq == 0);
    ck_assert_str_eq(core_pull(&c, NULL, 1), "b");
    subcore_dead_end(&c.sub, 0, true, c.now);
    core_ack(&c, 'b');
    ck_assert_uint_eq(c.n_gone, 1);
}
END_TEST

START_TEST(a_thousand_of_one_key_come_in_order)
{
    struct taker *t = taker_new();
    char letter = 'a';

    t->max_messages = 7;
    for (int i = 0; i < 1000; i++)
        core_publish(&c, (char[2]){(char)('a' + i % 26), 0}, "k");
    for (int n = 0; n < 1000;) {
        char got[16] = {0};

        strncpy(got, core_pull(&c, t, 9), sizeof(got) - 1);
        ck_assert(got[0]);
        for (char *p = got; *p; p++, n++) {
            ck_assert_int_eq(*p, letter);
            letter = letter == 'z' ? 'a' : (char)(letter + 1);
            ck_assert_int_eq(core_ack(&c, *p), SUB_ACK_DONE);
        }
    }
    ck_assert_uint_eq(c.n_gone, 1000);
    subcore_close_taker(&c.sub, t, c.now);
}
END_TEST

Suite *suite_subcore_ordered(void)
{
    Suite *s = suite_create("subcore_ordered");
    TCase *t = tcase_create("ordering");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, one_pull_may_take_several_of_a_key);
    tcase_add_test(t, a_stream_gets_all_of_its_keys_in_order);
    tcase_add_test(t, a_nack_brings_back_what_follows_even_acknowledged);
    tcase_add_test(t, expiry_brings_back_the_whole_key_in_order);
    tcase_add_test(t, backoff_holds_the_whole_key);
    tcase_add_test(t, a_dead_letter_lets_the_key_go_on);
    tcase_add_test(t, a_thousand_of_one_key_come_in_order);
    suite_add_tcase(s, t);
    return s;
}
