/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "common/buf.h"
#include "store/writer.h"

static struct schema *schema;

static void set_up(void)
{
    ck_assert_int_eq(schema_load(NULL, &schema, NULL), RC_OK);
}

static void tear_down(void)
{
    schema_free(schema);
}

static struct row *row_of(const char *json)
{
    struct reject why;
    struct row *row = NULL;

    ck_assert_int_eq(row_parse(schema, str_from(json), NULL, &row, &why),
                     RC_OK);
    return row;
}

START_TEST(carries_rows_and_publish_time)
{
    struct row *in[] = {
        row_of("{\"id\":\"a\",\"timestamp\":\"2025-01-14T10:00:00Z\"}"),
        row_of("{\"id\":\"b\",\"contenido\":\"l\\u00ednea\\n\\\"dos\\\"\","
               "\"timestamp\":\"2025-01-14T10:00:00.5-03:00\"}")};
    struct row_list out = {.rows = NULL};
    struct buf b;
    int64_t published = 0;
    bool part = true;

    buf_init(&b, 4096);
    notice_encode(&b, in, 2, 1234567);
    ck_assert(!b.failed);
    ck_assert_int_eq(
        notice_decode(buf_as_str(&b), schema, &out, &published, &part), RC_OK);
    ck_assert(!part);
    ck_assert_int_eq(published, 1234567);
    ck_assert_uint_eq(out.n, 2);
    for (size_t i = 0; i < 2; i++) {
        ck_assert(str_eq(out.rows[i]->json, in[i]->json));
        ck_assert_int_eq(row_order(out.rows[i], in[i]), 0);
        row_unref(in[i]);
    }
    row_list_fini(&out);
    buf_fini(&b);
}
END_TEST

START_TEST(says_so_when_not_all_fits)
{
    struct row *in = row_of("{\"id\":\"a\",\"contenido\":\"0123456789012345678"
                            "9\",\"timestamp\":\"2025-01-14T10:00:00Z\"}");
    struct row *rows[] = {in, in, in};
    struct row_list out = {.rows = NULL};
    struct buf b;
    int64_t published;
    bool part = false;

    buf_init(&b, 64 + 2 * (in->json.len + 1));
    notice_encode(&b, rows, 3, 0);
    ck_assert(!b.failed);
    ck_assert_int_eq(
        notice_decode(buf_as_str(&b), schema, &out, &published, &part), RC_OK);
    ck_assert(part);
    ck_assert_uint_eq(out.n, 2);
    row_list_fini(&out);
    row_unref(in);
    buf_fini(&b);
}
END_TEST

static const char *const bad[] = {
    "",
    "datos1 5 all",
    "datos1 x all\n",
    "datos2 5 all\n",
    "datos1 5\n",
    "datos1 5 all\n{\"id\":\"a\"}\n",
    "datos1 5 all\n{\"id\":\"a\",\"timestamp\":\"2025-01-14T10:00:00Z\"}\nx\n",
};

START_TEST(refuses_anything_else)
{
    struct row_list out = {.rows = NULL};
    int64_t published;
    bool part;

    ck_assert_int_eq(
        notice_decode(str_from(bad[_i]), schema, &out, &published, &part),
        RC_MALFORMED);
    ck_assert_uint_eq(out.n, 0);
    row_list_fini(&out);
}
END_TEST

Suite *suite_notice(void)
{
    Suite *s = suite_create("notice");
    TCase *tc = tcase_create("notice");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, carries_rows_and_publish_time);
    tcase_add_test(tc, says_so_when_not_all_fits);
    tcase_add_loop_test(tc, refuses_anything_else, 0,
                        sizeof(bad) / sizeof(bad[0]));
    suite_add_tcase(s, tc);
    return s;
}
