/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "cache/breaker.h"

START_TEST(opens_at_a_failure_and_tries_once_when_due)
{
    struct breaker b = {0};
    int64_t delay = breaker_fail(&b, 1000, 0.5);

    ck_assert_int_eq(b.state, BREAKER_OPEN);
    ck_assert(!breaker_try(&b, 1000 + delay - 1));
    ck_assert(breaker_try(&b, 1000 + delay));
    ck_assert_int_eq(b.state, BREAKER_HALF_OPEN);
    ck_assert_msg(!breaker_try(&b, 1000 + delay), "one attempt at a time");
}
END_TEST

START_TEST(delay_doubles_up_to_its_bound_with_half_of_it_random)
{
    struct breaker b = {0};
    int64_t widest = BREAKER_FIRST_US;

    for (int i = 0; i < 40; i++) {
        struct breaker low = b, high = b;

        ck_assert_int_eq(breaker_fail(&low, 0, 0), widest / 2);
        ck_assert_int_le(breaker_fail(&high, 0, 0.999999), widest);
        breaker_fail(&b, 0, 0.5);
        widest = widest * 2 > BREAKER_MAX_US ? BREAKER_MAX_US : widest * 2;
    }
}
END_TEST

START_TEST(success_closes_and_forgets)
{
    struct breaker b = {0};

    for (int i = 0; i < 10; i++)
        breaker_fail(&b, 0, 0);
    breaker_succeed(&b);
    ck_assert_int_eq(b.state, BREAKER_CLOSED);
    ck_assert_int_eq(breaker_fail(&b, 0, 0), BREAKER_FIRST_US / 2);
}
END_TEST

Suite *suite_breaker(void)
{
    Suite *s = suite_create("breaker");
    TCase *t = tcase_create("breaker");

    tcase_add_test(t, opens_at_a_failure_and_tries_once_when_due);
    tcase_add_test(t, delay_doubles_up_to_its_bound_with_half_of_it_random);
    tcase_add_test(t, success_closes_and_forgets);
    suite_add_tcase(s, t);
    return s;
}
