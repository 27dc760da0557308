/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "api/feed.h"
#include "rows.h"

static struct schema *schema;
static struct feed *feed;

static void setup(void)
{
    schema = rows_schema();
    feed = feed_new();
}

static void teardown(void)
{
    feed_free(feed);
    schema_free(schema);
}

static void add(unsigned i)
{
    char id[16];
    struct row *row;

    snprintf(id, sizeof(id), "r%u", i);
    row = rows_make(schema, id, i % 60, "x");
    feed_add(feed, &row, 1);
    row_unref(row);
}

START_TEST(rows_are_read_in_order_in_pieces)
{
    struct row_list rows = {NULL, 0, 0, false};
    uint64_t at = feed_end(feed);

    for (unsigned i = 0; i < 10; i++)
        add(i);
    ck_assert(feed_read(feed, &at, &rows, 4));
    ck_assert_uint_eq(rows.n, 4);
    ck_assert(feed_read(feed, &at, &rows, 100));
    ck_assert_uint_eq(rows.n, 10);
    ck_assert(str_eq(rows.rows[9]->id, STR("r9")));
    ck_assert(feed_read(feed, &at, &rows, 100));
    ck_assert_uint_eq(rows.n, 10);
    row_list_fini(&rows);
}
END_TEST

START_TEST(reader_that_fell_behind_is_told)
{
    struct row_list rows = {NULL, 0, 0, false};
    uint64_t at = feed_end(feed);

    for (unsigned i = 0; i < 5000; i++)
        add(i);
    ck_assert(!feed_read(feed, &at, &rows, 100));
    ck_assert_uint_eq(rows.n, 0);
    ck_assert_uint_eq(at, feed_end(feed));
    row_list_fini(&rows);
}
END_TEST

START_TEST(event_id_finds_its_place_again)
{
    struct row_list rows = {NULL, 0, 0, false};
    struct row *row = rows_make(schema, "r7", 7, "x");
    char id[FEED_EVENT_ID];
    uint64_t at = 0;

    for (unsigned i = 0; i < 10; i++)
        add(i);
    feed_event_id(row, id);
    ck_assert(feed_find(feed, str_from(id), &at));
    ck_assert(feed_read(feed, &at, &rows, 1));
    ck_assert(str_eq(rows.rows[0]->id, STR("r8")));
    ck_assert(!feed_find(feed, STR("x"), &at));
    ck_assert(!feed_find(feed, STR_NULL, &at));
    row_list_fini(&rows);
    row_unref(row);
}
END_TEST

Suite *suite_feed(void)
{
    Suite *s = suite_create("feed");
    TCase *t = tcase_create("feed");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, rows_are_read_in_order_in_pieces);
    tcase_add_test(t, reader_that_fell_behind_is_told);
    tcase_add_test(t, event_id_finds_its_place_again);
    suite_add_tcase(s, t);
    return s;
}
