/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "cache/policy.h"

static const struct policy usual = {1000000, 86400000000};

START_TEST(goes_through_its_states_in_order)
{
    static const struct {
        int64_t at_us;
        enum policy_state state;
    } cases[] = {
        {0, POLICY_FRESH},          {799999, POLICY_FRESH},
        {800000, POLICY_EARLY},     {999999, POLICY_EARLY},
        {1000000, POLICY_STALE},    {1999999, POLICY_STALE},
        {2000000, POLICY_OLD},      {86400999999, POLICY_OLD},
        {86401000000, POLICY_DEAD},
    };
    struct policy_times t = policy_times(&usual, 5000, 0);

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        ck_assert_msg(policy_state(&t, 5000 + cases[i].at_us) == cases[i].state,
                      "at %lld", (long long)cases[i].at_us);
}
END_TEST

START_TEST(jitter_only_shortens_and_by_a_tenth_at_most)
{
    for (double unit = 0; unit < 1; unit += 0.01) {
        struct policy_times t = policy_times(&usual, 0, unit);

        ck_assert_int_le(t.fresh_us, 1000000);
        ck_assert_int_ge(t.fresh_us, 900000);
        ck_assert_int_lt(t.refresh_us, t.fresh_us);
    }
}
END_TEST

START_TEST(short_limit_of_staleness_ends_what_is_served_meanwhile)
{
    const struct policy p = {1000000, 100};
    struct policy_times t = policy_times(&p, 0, 0);

    ck_assert_int_eq(policy_state(&t, 1000050), POLICY_STALE);
    ck_assert_int_eq(policy_state(&t, 1000100), POLICY_DEAD);
}
END_TEST

START_TEST(no_time_to_live_is_never_fresh)
{
    const struct policy p = {0, 1000};
    struct policy_times t = policy_times(&p, 100, 0.5);

    ck_assert_int_ne(policy_state(&t, 100), POLICY_FRESH);
    ck_assert_int_ne(policy_state(&t, 100), POLICY_EARLY);
}
END_TEST

Suite *suite_policy(void)
{
    Suite *s = suite_create("policy");
    TCase *t = tcase_create("policy");

    tcase_add_test(t, goes_through_its_states_in_order);
    tcase_add_test(t, jitter_only_shortens_and_by_a_tenth_at_most);
    tcase_add_test(t, short_limit_of_staleness_ends_what_is_served_meanwhile);
    tcase_add_test(t, no_time_to_live_is_never_fresh);
    suite_add_tcase(s, t);
    return s;
}
