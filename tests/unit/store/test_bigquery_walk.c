/* SPDX-License-Identifier: Apache-2.0 */
/* The spans that a read asks for: whole partitions, each at most once. */
#include <check.h>
#include <stdio.h>

#include "common/clock.h"
#include "store/bigquery_walk.h"

#define DAY_US (86400 * US_PER_S)
/* 2025-01-14, and a moment of it */
#define TODAY_US (20102 * DAY_US)
#define NOW_US   (TODAY_US + 10 * 3600 * US_PER_S + 7)

/* Where the spans of `op` begin, in days before today, while nothing is found:
 * "0 1 7 90 all". They leave no gap. */
static const char *spans(struct store_query op, int64_t now_us,
                         int64_t head_span_us)
{
    static char text[100];
    struct bigquery_walk w;
    int64_t behind = BIGQUERY_TIME_MAX;
    size_t n = 0;
    bool more;

    op.limit = 10;
    text[0] = '\0';
    for (more = bigquery_walk_begin(&w, &op, now_us, head_span_us); more;
         more = bigquery_walk_next(&w, false)) {
        int64_t oldest = w.span.oldest_us;
        if (n)
            ck_assert_int_eq(w.span.newest_us, behind - 1);
        behind = oldest;
        if (oldest == BIGQUERY_TIME_MIN) {
            n += (size_t)snprintf(text + n, sizeof(text) - n, "all ");
            continue;
        }
        ck_assert_int_eq(oldest % DAY_US, 0);
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%d ",
                              (int)((TODAY_US - oldest) / DAY_US));
        ck_assert_uint_lt(n, sizeof(text));
    }
    bigquery_walk_fini(&w);
    return text;
}

START_TEST(newest_rows_are_looked_for_by_whole_days)
{
    const struct store_query any = {.limit = 10};

    ck_assert_str_eq(spans(any, NOW_US, 0), "0 1 7 90 all ");
    ck_assert_str_eq(spans(any, TODAY_US, 0), "0 1 7 90 all ");
    ck_assert_str_eq(spans(any, TODAY_US - 1, 0), "1 2 8 91 all ");
}
END_TEST

START_TEST(what_sufficed_last_is_asked_for_first)
{
    const struct store_query any = {.limit = 10};

    ck_assert_str_eq(spans(any, NOW_US, 3600 * US_PER_S), "0 1 7 90 all ");
    /* ten hours of today are not enough: one call with yesterday in it */
    ck_assert_str_eq(spans(any, NOW_US, 11 * 3600 * US_PER_S), "1 7 90 all ");
    ck_assert_str_eq(spans(any, TODAY_US + 5, 10), "1 7 90 all ");
    ck_assert_str_eq(spans(any, NOW_US, 5 * DAY_US), "7 90 all ");
    ck_assert_str_eq(spans(any, NOW_US, 60 * DAY_US), "90 all ");
    ck_assert_str_eq(spans(any, NOW_US, INT64_MAX), "all ");
}
END_TEST

START_TEST(an_id_is_looked_for_in_two_calls)
{
    ck_assert_str_eq(spans((struct store_query){.id = STR("a")}, NOW_US, 0),
                     "7 all ");
}
END_TEST

START_TEST(bounds_of_a_query_end_the_way)
{
    struct store_query q = {.has_until = true,
                            .until_us = TODAY_US - 3 * DAY_US + 1};

    ck_assert_str_eq(spans(q, NOW_US, INT64_MAX), "3 4 10 93 all ");
    q.has_since = true;
    q.since_us = TODAY_US - 4 * DAY_US;
    ck_assert_str_eq(spans(q, NOW_US, 0), "3 4 ");
    q.since_us = q.until_us;
    ck_assert_str_eq(spans(q, NOW_US, 0), "");
}
END_TEST

START_TEST(days_before_1970_begin_at_midnight_too)
{
    const struct store_query q = {.has_until = true, .until_us = 0};

    ck_assert_str_eq(spans(q, NOW_US, 0), "20103 20104 20110 20193 all ");
}
END_TEST

Suite *suite_bigquery_walk(void)
{
    Suite *s = suite_create("bigquery_walk");
    TCase *t = tcase_create("all");

    tcase_add_test(t, newest_rows_are_looked_for_by_whole_days);
    tcase_add_test(t, what_sufficed_last_is_asked_for_first);
    tcase_add_test(t, an_id_is_looked_for_in_two_calls);
    tcase_add_test(t, bounds_of_a_query_end_the_way);
    tcase_add_test(t, days_before_1970_begin_at_midnight_too);
    suite_add_tcase(s, t);
    return s;
}
