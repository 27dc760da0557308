/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "common/clock.h"
#include "common/loop.h"
#include "emulator/clock.h"

#define NOON 1736856000000000

static struct loop *loop;
static struct vclock *c;

static void setup(void)
{
    loop = loop_new();
    c = vclock_new(loop);
}

static void teardown(void)
{
    vclock_free(c);
    loop_free(loop);
}

START_TEST(starts_at_the_machines_time)
{
    int64_t apart = vclock_now_us(c) - clock_wall_us();

    ck_assert(apart > -US_PER_S && apart < US_PER_S);
    ck_assert(!vclock_is_frozen(c));
    ck_assert(!vclock_is_moved(c));
}
END_TEST

START_TEST(stands_still_while_frozen_and_moves_by_hand)
{
    vclock_freeze(c, true);
    ck_assert_int_eq(vclock_set(c, NOON), RC_OK);
    ck_assert_int_eq(vclock_now_us(c), NOON);
    ck_assert_int_eq(vclock_advance(c, 600 * US_PER_S), RC_OK);
    ck_assert_int_eq(vclock_now_us(c), NOON + 600 * US_PER_S);
    ck_assert_int_eq(vclock_delay_us(c, NOON), 0);
    ck_assert_int_gt(vclock_delay_us(c, NOON + 601 * US_PER_S),
                     3600 * US_PER_S);
}
END_TEST

START_TEST(goes_on_from_where_it_was_frozen)
{
    int64_t now;

    vclock_freeze(c, true);
    ck_assert_int_eq(vclock_set(c, NOON), RC_OK);
    vclock_freeze(c, false);
    now = vclock_now_us(c);
    ck_assert(now >= NOON && now < NOON + 10 * US_PER_S);
    ck_assert_int_le(vclock_delay_us(c, now + US_PER_S), US_PER_S);
    ck_assert(vclock_is_moved(c));
    vclock_reset(c);
    ck_assert(!vclock_is_moved(c));
    ck_assert_int_gt(vclock_now_us(c), NOON + US_PER_S);
}
END_TEST

START_TEST(refuses_times_that_no_calendar_has)
{
    int64_t before = vclock_now_us(c);

    ck_assert_int_eq(vclock_set(c, INT64_MAX), RC_INVALID);
    ck_assert_int_eq(vclock_advance(c, INT64_MAX), RC_INVALID);
    ck_assert_int_eq(vclock_advance(c, INT64_MIN / 2), RC_INVALID);
    ck_assert_int_ge(vclock_now_us(c), before);
}
END_TEST

static int told;

static void on_change(struct vclock_watch *watch)
{
    (void)watch;
    told++;
    loop_stop(loop);
}

START_TEST(tells_later_and_once_for_several_changes)
{
    struct vclock_watch watch = {.changed = on_change};

    told = 0;
    vclock_watch(c, &watch);
    vclock_freeze(c, true);
    ck_assert_int_eq(vclock_advance(c, 1), RC_OK);
    ck_assert_int_eq(told, 0);
    loop_run(loop);
    ck_assert_int_eq(told, 1);
    vclock_unwatch(c, &watch);
}
END_TEST

Suite *suite_clock(void);
Suite *suite_clock(void)
{
    Suite *s = suite_create("clock");
    TCase *tc = tcase_create("clock");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, starts_at_the_machines_time);
    tcase_add_test(tc, stands_still_while_frozen_and_moves_by_hand);
    tcase_add_test(tc, goes_on_from_where_it_was_frozen);
    tcase_add_test(tc, refuses_times_that_no_calendar_has);
    tcase_add_test(tc, tells_later_and_once_for_several_changes);
    suite_add_tcase(s, tc);
    return s;
}
