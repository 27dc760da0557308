/* SPDX-License-Identifier: Apache-2.0 */
/* Which answers a commit touches, for values of this process and of others. */
#include <check.h>

#include "api/commits.h"
#include "rows.h"

static struct schema *schema;
static struct commits *commits;
static int64_t now_us = 1000;

static void setup(void)
{
    schema = rows_schema();
    commits = commits_new(1000000);
}

static void teardown(void)
{
    commits_free(commits);
    schema_free(schema);
}

static void add(const char *id, unsigned second, uint64_t epoch,
                uint64_t counter)
{
    struct row *row = rows_make(schema, id, second, "x");

    commits_add(commits, &row, 1, (struct generation){epoch, counter}, now_us);
    row_unref(row);
}

static bool current(const char *raw, struct cache_stamp s)
{
    struct query q;
    struct query_error why;

    ck_assert_int_eq(query_parse(str_from(raw), &q, &why), RC_OK);
    return commits_is_current(commits, &q, &s, now_us);
}

/* A value of another process, by its generation alone. */
static struct cache_stamp foreign(uint64_t epoch, uint64_t counter)
{
    return (struct cache_stamp){0, {epoch, counter}};
}

START_TEST(commit_touches_its_range_and_its_id)
{
    static const struct {
        const char *raw;
        bool touched;
    } cases[] = {
        {"limit=5", true},
        {"since=2025-01-01T00:00:30Z", true},
        {"since=2025-01-01T00:00:31Z", false},
        {"until=2025-01-01T00:00:30Z", false},
        {"until=2025-01-01T00:00:31Z", true},
        {"id=a", true},
        {"id=b", false},
    };
    struct cache_stamp before = commits_stamp(commits);

    add("a", 30, 0, 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ck_assert_msg(current(cases[i].raw, before) != cases[i].touched, "%s",
                      cases[i].raw);
        ck_assert(current(cases[i].raw, commits_stamp(commits)));
    }
}
END_TEST

START_TEST(value_of_another_process_is_judged_by_its_generation)
{
    add("a", 30, 7, 5);
    ck_assert(current("limit=5", foreign(7, 5)));
    add("b", 31, 7, 6);
    ck_assert(!current("limit=5", foreign(7, 5)));
    ck_assert(current("id=z", foreign(7, 5)));
    ck_assert(!current("limit=5", foreign(8, 6)));
    ck_assert(!current("limit=5", foreign(0, 0)));
    ck_assert_msg(!current("id=z", foreign(7, 3)), "before what is known");
}
END_TEST

START_TEST(own_commit_is_later_until_its_echo_tells_its_generation)
{
    add("a", 30, 7, 5);
    add("own", 31, 0, 0);
    ck_assert(!current("limit=5", foreign(7, 5)));
    ck_assert(!current("limit=5", foreign(7, 6)));
    add("own", 31, 7, 6);
    ck_assert(!current("limit=5", foreign(7, 5)));
    ck_assert(current("limit=5", foreign(7, 6)));
}
END_TEST

START_TEST(uncounted_commit_outlives_a_gap_and_every_value_of_before)
{
    add("own", 31, 0, 0);
    commits_forget(commits, (struct generation){7, 6});
    ck_assert(!current("limit=5", foreign(7, 6)));
    ck_assert(current("id=z", foreign(7, 6)));
    now_us += 4000000;
    ck_assert(current("limit=5", foreign(7, 6)));
}
END_TEST

START_TEST(commits_of_an_earlier_epoch_touch_nothing_of_this_one)
{
    add("a", 30, 7, 500);
    commits_forget(commits, (struct generation){8, 1});
    ck_assert(current("limit=5", foreign(8, 1)));
    ck_assert(!current("limit=5", foreign(7, 501)));
}
END_TEST

START_TEST(gap_forgets_own_values_and_keeps_later_ones_of_others)
{
    struct cache_stamp before = commits_stamp(commits);

    add("a", 30, 7, 5);
    commits_forget(commits, (struct generation){7, 9});
    ck_assert(!current("id=z", before));
    ck_assert(!current("id=z", foreign(7, 8)));
    ck_assert(current("id=z", foreign(7, 9)));
    ck_assert(current("id=z", commits_stamp(commits)));
    commits_forget(commits, (struct generation){7, 8});
    ck_assert_msg(!current("id=z", foreign(7, 8)), "never backwards");
}
END_TEST

START_TEST(without_the_channel_only_own_values_count)
{
    struct cache_stamp own;

    add("a", 30, 7, 5);
    own = commits_stamp(commits);
    commits_lose_generation(commits);
    ck_assert(current("limit=5", own));
    ck_assert(!current("limit=5", foreign(7, 5)));
    ck_assert_uint_eq(commits_stamp(commits).gen.epoch, 0);
}
END_TEST

START_TEST(large_commit_is_one_range)
{
    struct row *rows[100];
    struct cache_stamp before = commits_stamp(commits);

    for (unsigned i = 0; i < 100; i++) {
        char id[8];
        snprintf(id, sizeof(id), "r%u", i);
        rows[i] = rows_make(schema, id, 20 + i % 10, "x");
    }
    commits_add(commits, rows, 100, (struct generation){7, 1}, now_us);
    ck_assert(!current("id=anything", before));
    ck_assert(current("until=2025-01-01T00:00:20Z", before));
    ck_assert(!current("until=2025-01-01T00:00:21Z", before));
    for (unsigned i = 0; i < 100; i++)
        row_unref(rows[i]);
}
END_TEST

START_TEST(what_left_the_ring_is_not_judged)
{
    struct cache_stamp before = commits_stamp(commits);

    for (unsigned i = 0; i < 3000; i++) {
        char id[8];
        snprintf(id, sizeof(id), "r%u", i);
        add(id, 30, 7, i + 1);
    }
    ck_assert(!current("until=2025-01-01T00:00:00Z", before));
    ck_assert(!current("until=2025-01-01T00:00:00Z", foreign(7, 1)));
    ck_assert(current("until=2025-01-01T00:00:00Z", foreign(7, 2999)));
}
END_TEST

Suite *suite_commits(void)
{
    Suite *s = suite_create("commits");
    TCase *t = tcase_create("commits");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, commit_touches_its_range_and_its_id);
    tcase_add_test(t, value_of_another_process_is_judged_by_its_generation);
    tcase_add_test(t, own_commit_is_later_until_its_echo_tells_its_generation);
    tcase_add_test(t,
                   uncounted_commit_outlives_a_gap_and_every_value_of_before);
    tcase_add_test(t, commits_of_an_earlier_epoch_touch_nothing_of_this_one);
    tcase_add_test(t, gap_forgets_own_values_and_keeps_later_ones_of_others);
    tcase_add_test(t, without_the_channel_only_own_values_count);
    tcase_add_test(t, large_commit_is_one_range);
    tcase_add_test(t, what_left_the_ring_is_not_judged);
    suite_add_tcase(s, t);
    return s;
}
