/* SPDX-License-Identifier: Apache-2.0 */
#include "net/retry.h"

#include <check.h>

static const struct retry_policy policy = {.first_us = 100, .max_us = 1000};

START_TEST(widens_by_two_up_to_the_maximum)
{
    static const int64_t wanted[] = {50, 100, 200, 400, 500, 500, 500};
    struct retry r = {0};
    int64_t delay;

    for (unsigned i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        ck_assert(retry_next(&r, &policy, 10, 0.5, 0, &delay));
        ck_assert_int_eq(delay, wanted[i]);
    }
}
END_TEST

START_TEST(jitter_is_full)
{
    struct retry r = {.failures = 40};
    int64_t delay;

    ck_assert(retry_next(&r, &policy, 10, 0, 0, &delay));
    ck_assert_int_eq(delay, 0);
    ck_assert(retry_next(&r, &policy, 10, 0.999, 0, &delay));
    ck_assert_int_eq(delay, 999);
}
END_TEST

START_TEST(never_sooner_than_the_server_asked)
{
    struct retry r = {0};
    int64_t delay;

    ck_assert(retry_next(&r, &policy, 10, 0.5, 7000, &delay));
    ck_assert_int_eq(delay, 7000);
}
END_TEST

START_TEST(ends_at_the_deadline)
{
    struct retry_policy p = policy;
    struct retry r = {0};
    int64_t delay = -1;

    p.deadline_us = 300;
    retry_begin(&r, 1000);
    ck_assert(retry_next(&r, &p, 1100, 1, 0, &delay));
    ck_assert(!retry_next(&r, &p, 1200, 1, 0, &delay));
    retry_reset(&r);
    retry_begin(&r, 1000);
    ck_assert(!retry_next(&r, &p, 1100, 1, 301, &delay));
}
END_TEST

START_TEST(ends_after_so_many_attempts)
{
    struct retry_policy p = policy;
    struct retry r = {0};
    int64_t delay;

    p.attempts = 3;
    ck_assert(retry_next(&r, &p, 1, 0, 0, &delay));
    ck_assert(retry_next(&r, &p, 1, 0, 0, &delay));
    ck_assert(!retry_next(&r, &p, 1, 0, 0, &delay));
}
END_TEST

START_TEST(does_not_overflow)
{
    struct retry_policy p = {.first_us = INT64_MAX / 3, .max_us = INT64_MAX};
    struct retry r = {.failures = 4000000};
    int64_t delay;

    ck_assert(retry_next(&r, &p, 1, 0.25, 0, &delay));
    ck_assert_int_gt(delay, 0);
}
END_TEST

Suite *suite_retry(void)
{
    Suite *s = suite_create("retry");
    TCase *tc = tcase_create("retry");

    tcase_add_test(tc, widens_by_two_up_to_the_maximum);
    tcase_add_test(tc, jitter_is_full);
    tcase_add_test(tc, never_sooner_than_the_server_asked);
    tcase_add_test(tc, ends_at_the_deadline);
    tcase_add_test(tc, ends_after_so_many_attempts);
    tcase_add_test(tc, does_not_overflow);
    suite_add_tcase(s, tc);
    return s;
}
