/* SPDX-License-Identifier: Apache-2.0 */
/* The head against a naive model: a list of all rows, sorted each time. */
#include <check.h>
#include <stdlib.h>

#include "api/head.h"
#include "common/mem.h"
#include "rows.h"

enum {
    IDS = 3000,
    CHECKS = 40
};

static struct schema *schema;
static struct head *head;
/* the store: one row an id, the first one written */
static struct row *stored[IDS];
static unsigned seed;

static unsigned pick(unsigned n)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 16) % n;
}

static void setup(void)
{
    schema = rows_schema();
    head = head_new(0);
}

static void teardown(void)
{
    head_free(head);
    for (int i = 0; i < IDS; i++)
        row_unref(stored[i]);
    schema_free(schema);
}

static struct row *commit(unsigned i)
{
    char id[16];

    if (stored[i])
        return NULL;
    snprintf(id, sizeof(id), "r%04u", i);
    stored[i] = rows_make(schema, id, pick(60), "x");
    return stored[i];
}

static void announce(struct row *row)
{
    head_add(head, &row, 1, 1000, NULL);
}

static int by_order(const void *a, const void *b)
{
    return row_order(*(struct row *const *)a, *(struct row *const *)b);
}

/* The newest rows of the store, as it answers a query. */
static size_t newest(struct row **out)
{
    static struct row *all[IDS];
    size_t n = 0;

    for (int i = 0; i < IDS; i++) {
        if (stored[i])
            all[n++] = stored[i];
    }
    qsort(all, n, sizeof(all[0]), by_order);
    if (n > HEAD_ROWS)
        n = HEAD_ROWS;
    memcpy(out, all, n * sizeof(all[0]));
    return n;
}

static void compare(void)
{
    static struct row *rows[HEAD_ROWS];
    struct row_list added = {NULL, 0, 0, false};
    size_t removed, n;

    head_check_begin(head, 2000);
    n = newest(rows);
    head_check_end(head, rows, n, n < HEAD_ROWS, &added, &removed);
    row_list_fini(&added);
}

static void expect_newest(void)
{
    static struct row *rows[HEAD_ROWS];
    struct head_view *v = head_view(head);
    size_t n = newest(rows);

    ck_assert_uint_eq(v->n, n);
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(v->rows[i] == rows[i] ||
                          str_eq(v->rows[i]->json, rows[i]->json),
                      "row %zu", i);
    head_view_unref(v);
}

START_TEST(announced_rows_are_merged_as_the_store_would_show_them)
{
    seed = (unsigned)_i * 31 + 1;
    compare();
    for (int k = 0; k < CHECKS; k++) {
        for (unsigned n = pick(120); n; n--) {
            struct row *row = commit(pick(IDS));
            if (row)
                announce(row);
        }
        expect_newest();
        if (pick(4) == 0)
            compare();
        expect_newest();
    }
}
END_TEST

START_TEST(row_announced_during_a_comparison_stays)
{
    struct row_list added = {NULL, 0, 0, false};
    struct head_view *v;
    size_t removed;

    compare();
    head_check_begin(head, 500);
    announce(commit(1)); /* the store was read before that */
    head_check_end(head, NULL, 0, true, &added, &removed);
    ck_assert_uint_eq(removed, 0);
    v = head_view(head);
    ck_assert_uint_eq(v->n, 1);
    head_view_unref(v);
    row_list_fini(&added);
}
END_TEST

START_TEST(comparison_finds_what_others_wrote_and_removed)
{
    struct row_list added = {NULL, 0, 0, false};
    struct row *only;
    size_t removed;

    announce(commit(1));
    compare();
    only = commit(2);
    head_check_begin(head, 3000);
    head_check_end(head, &only, 1, true, &added, &removed);
    ck_assert_uint_eq(added.n, 1);
    ck_assert_ptr_eq(added.rows[0], only);
    ck_assert_uint_eq(removed, 1);
    row_list_fini(&added);
}
END_TEST

START_TEST(adopted_rows_show_when_asked_for_with_what_came_since)
{
    struct row *before = commit(1), *since = commit(2);
    struct head_view *v;

    head_adopt(head, &before, 1, true);
    announce(since);
    v = head_view(head);
    ck_assert(!v->loaded);
    head_view_unref(v);
    head_show_adopted(head);
    v = head_view(head);
    ck_assert(v->loaded && v->complete);
    ck_assert_uint_eq(v->n, 2);
    head_view_unref(v);
    compare();
    expect_newest();
}
END_TEST

START_TEST(adopted_rows_never_replace_what_the_store_said)
{
    struct row *only = commit(1);

    compare();
    (void)commit(2);
    compare();
    head_adopt(head, &only, 1, true);
    head_show_adopted(head);
    expect_newest();
}
END_TEST

START_TEST(first_of_equal_times_and_greater_of_two_times_shows)
{
    struct row *a = rows_make(schema, "same", 5, "first");
    struct row *b = rows_make(schema, "same", 5, "second");
    struct row *c = rows_make(schema, "same", 6, "later");
    struct row_list fresh = {NULL, 0, 0, false};
    struct head_view *v;

    compare();
    announce(a);
    head_add(head, &b, 1, 1000, &fresh);
    ck_assert_uint_eq(fresh.n, 0);
    v = head_view(head);
    ck_assert_uint_eq(v->n, 1);
    ck_assert_ptr_eq(v->rows[0], a);
    head_view_unref(v);
    head_add(head, &c, 1, 1000, &fresh);
    ck_assert_uint_eq(fresh.n, 1);
    v = head_view(head);
    ck_assert_uint_eq(v->n, 1);
    ck_assert_ptr_eq(v->rows[0], c);
    head_view_unref(v);
    row_list_fini(&fresh);
    row_unref(a);
    row_unref(b);
    row_unref(c);
}
END_TEST

START_TEST(version_grows_with_each_change_and_only_then)
{
    uint64_t version;
    struct row *row;

    compare();
    row = commit(1);
    version = head_version(head);
    announce(row);
    ck_assert_uint_gt(head_version(head), version);
    version = head_version(head);
    announce(row);
    compare();
    ck_assert_uint_eq(head_version(head), version);
    head_touch(head);
    ck_assert_uint_gt(head_version(head), version);
}
END_TEST

START_TEST(view_that_is_held_never_changes)
{
    struct head_view *v;

    compare();
    announce(commit(1));
    v = head_view(head);
    announce(commit(2));
    head_view_unref(head_view(head));
    ck_assert_uint_eq(v->n, 1);
    head_view_unref(v);
}
END_TEST

/* Each query answered by the view is answered as by filtering the store. */
START_TEST(selection_is_that_of_a_filter)
{
    static const char *const raws[] = {
        "limit=10",
        "limit=1000",
        "limit=5&since=2025-01-01T00:00:30Z",
        "limit=1000&until=2025-01-01T00:00:30Z",
        "limit=50&since=2025-01-01T00:00:10Z&until=2025-01-01T00:00:12Z",
        "id=r0007",
        "id=none",
    };
    static struct row *all[HEAD_ROWS], *got[QUERY_LIMIT_MAX];
    size_t n_all;
    struct head_view *v;

    seed = 5;
    for (unsigned i = 0; i < 600; i++)
        (void)commit(i);
    compare();
    n_all = newest(all);
    v = head_view(head);
    for (size_t r = 0; r < sizeof(raws) / sizeof(raws[0]); r++) {
        struct query_error why;
        struct query q;
        size_t n, expected = 0;
        bool more;

        ck_assert_int_eq(query_parse(str_from(raws[r]), &q, &why), RC_OK);
        ck_assert(head_select(v, &q, got, &n, &more));
        for (size_t i = 0; i < n_all; i++) {
            if (!query_matches(&q, all[i]->timestamp_us, all[i]->id))
                continue;
            if (expected < n)
                ck_assert_ptr_eq(got[expected], all[i]);
            expected++;
        }
        ck_assert_uint_eq(n, expected < q.limit ? expected : q.limit);
        ck_assert_int_eq(more, expected > n);
    }
    head_view_unref(v);
}
END_TEST

START_TEST(incomplete_head_leaves_what_it_cannot_know)
{
    struct query q;
    struct query_error why;
    static struct row *got[QUERY_LIMIT_MAX];
    struct head_view *v;
    size_t n;
    bool more;

    seed = 9;
    for (unsigned i = 0; i < 1500; i++)
        (void)commit(i);
    compare();
    v = head_view(head);
    ck_assert_uint_eq(v->n, HEAD_ROWS);
    ck_assert_int_eq(query_parse(STR("limit=1000"), &q, &why), RC_OK);
    ck_assert(head_select(v, &q, got, &n, &more));
    ck_assert(n == 1000 && more);
    ck_assert_int_eq(query_parse(STR("id=none"), &q, &why), RC_OK);
    ck_assert(!head_select(v, &q, got, &n, &more));
    ck_assert_int_eq(query_parse(STR("until=2025-01-01T00:00:02Z"), &q, &why),
                     RC_OK);
    ck_assert(!head_select(v, &q, got, &n, &more));
    head_view_unref(v);
}
END_TEST

Suite *suite_head(void)
{
    Suite *s = suite_create("head");
    TCase *t = tcase_create("head");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(
        t, announced_rows_are_merged_as_the_store_would_show_them, 0, 8);
    tcase_add_test(t, row_announced_during_a_comparison_stays);
    tcase_add_test(t, comparison_finds_what_others_wrote_and_removed);
    tcase_add_test(t, adopted_rows_show_when_asked_for_with_what_came_since);
    tcase_add_test(t, adopted_rows_never_replace_what_the_store_said);
    tcase_add_test(t, first_of_equal_times_and_greater_of_two_times_shows);
    tcase_add_test(t, version_grows_with_each_change_and_only_then);
    tcase_add_test(t, view_that_is_held_never_changes);
    tcase_add_test(t, selection_is_that_of_a_filter);
    tcase_add_test(t, incomplete_head_leaves_what_it_cannot_know);
    suite_add_tcase(s, t);
    return s;
}
