/* SPDX-License-Identifier: Apache-2.0 */
#include "pubsub/flow.h"

#include <check.h>

START_TEST(asks_for_what_a_pull_gives_at_most)
{
    struct flow f;

    flow_init(&f, 8000, 1 << 20);
    ck_assert_uint_eq(flow_next(&f), FLOW_PULL_MAX);
}
END_TEST

START_TEST(never_asks_for_more_than_there_is_room_for)
{
    struct flow f;

    flow_init(&f, 1500, 1 << 30);
    f.asked = 1000;
    ck_assert_uint_eq(flow_next(&f), 500);
    flow_received(&f, 500, 5000);
    ck_assert_uint_eq(flow_next(&f), 0);
}
END_TEST

START_TEST(waits_for_room_that_is_worth_a_request)
{
    struct flow f;

    flow_init(&f, 800, 1 << 30);
    flow_received(&f, 799, 7990);
    ck_assert_uint_eq(flow_next(&f), 0);
    f.held = 600;
    ck_assert_uint_eq(flow_next(&f), 200);
}
END_TEST

START_TEST(bytes_bound_it_too)
{
    struct flow f;

    flow_init(&f, 8000, 100000);
    flow_received(&f, 10, 10 * 999);
    ck_assert_uint_eq(f.average, 1000);
    ck_assert_uint_eq(flow_next(&f), 90);
    f.asked = 90;
    ck_assert_uint_eq(flow_next(&f), 0);
}
END_TEST

START_TEST(one_message_larger_than_all_room_still_comes)
{
    struct flow f;

    flow_init(&f, 8000, 1000);
    flow_received(&f, 1, 50000);
    f.held = 0;
    f.held_bytes = 0;
    ck_assert_uint_eq(flow_next(&f), 1);
}
END_TEST

START_TEST(asks_for_less_after_an_answer_that_was_too_large)
{
    struct flow f;

    flow_init(&f, 8000, 1 << 30);
    flow_too_large(&f, 1000);
    ck_assert_uint_eq(flow_next(&f), 500);
    for (int i = 0; i < 20; i++)
        flow_too_large(&f, flow_next(&f));
    ck_assert_uint_eq(flow_next(&f), 1);
    flow_received(&f, 1, 10);
    ck_assert_uint_eq(flow_next(&f), 2);
}
END_TEST

Suite *suite_flow(void)
{
    Suite *s = suite_create("flow");
    TCase *tc = tcase_create("flow");

    tcase_add_test(tc, asks_for_what_a_pull_gives_at_most);
    tcase_add_test(tc, never_asks_for_more_than_there_is_room_for);
    tcase_add_test(tc, waits_for_room_that_is_worth_a_request);
    tcase_add_test(tc, bytes_bound_it_too);
    tcase_add_test(tc, one_message_larger_than_all_room_still_comes);
    tcase_add_test(tc, asks_for_less_after_an_answer_that_was_too_large);
    suite_add_tcase(s, tc);
    return s;
}
