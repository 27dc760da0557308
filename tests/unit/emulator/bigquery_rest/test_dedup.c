/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdio.h>

#include "emulator/bigquery/dedup.h"

static struct dedup *d;

static void setup(void)
{
    d = dedup_new();
}

static void teardown(void)
{
    dedup_free(d);
}

static bool add(int64_t table, const char *id, int64_t at_us)
{
    return dedup_add(d, dedup_hash(table, str_from(id)), at_us);
}

START_TEST(an_id_counts_once_a_minute_and_table)
{
    ck_assert(add(1, "a", 1000));
    ck_assert(!add(1, "a", 1000));
    ck_assert(!add(1, "a", 1000 + DEDUP_US - 1));
    ck_assert(add(2, "a", 1000));
    ck_assert(add(1, "a", 1000 + DEDUP_US));
    ck_assert(!add(1, "a", 1000 + DEDUP_US));
}
END_TEST

/* The call that came first may get the writer last. */
START_TEST(an_id_of_a_moment_later_counts_too)
{
    int64_t at_us = 10 * DEDUP_US;

    ck_assert(add(1, "a", at_us));
    ck_assert(!add(1, "a", at_us - 1));
    ck_assert(!add(1, "a", at_us - DEDUP_US + 1));
    ck_assert(add(1, "a", at_us - DEDUP_US)); /* the clock was moved back */
}
END_TEST

START_TEST(a_removed_id_may_come_again)
{
    ck_assert(add(1, "a", 5));
    dedup_remove(d, dedup_hash(1, STR("a")));
    ck_assert(add(1, "a", 6));
}
END_TEST

START_TEST(ids_that_are_alike_are_not_the_same)
{
    static const char *const ids[] = {
        "a", "a ", "b", "12345678", "123456781", "12345678 ", "", "87654321"};

    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
        ck_assert_msg(add(1, ids[i], 1), "'%s'", ids[i]);
    ck_assert(dedup_add(d, dedup_hash(1, (struct str){"a\0", 2}), 1));
}
END_TEST

START_TEST(many_ids_over_minutes_are_each_remembered_for_one)
{
    char id[32];

    for (int64_t i = 0; i < 50000; i++) {
        snprintf(id, sizeof(id), "id-%lld", (long long)i);
        ck_assert(add(1, id, i * 10000));
    }
    /* the last minute holds 6000 of them */
    for (int64_t i = 44001; i < 50000; i += 97) {
        snprintf(id, sizeof(id), "id-%lld", (long long)i);
        ck_assert_msg(!add(1, id, 49999 * 10000LL), "%s", id);
    }
    ck_assert(add(1, "id-100", 49999 * 10000LL));
}
END_TEST

Suite *suite_dedup(void)
{
    Suite *s = suite_create("dedup");
    TCase *tc = tcase_create("dedup");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, an_id_counts_once_a_minute_and_table);
    tcase_add_test(tc, an_id_of_a_moment_later_counts_too);
    tcase_add_test(tc, a_removed_id_may_come_again);
    tcase_add_test(tc, ids_that_are_alike_are_not_the_same);
    tcase_add_test(tc, many_ids_over_minutes_are_each_remembered_for_one);
    suite_add_tcase(s, tc);
    return s;
}
