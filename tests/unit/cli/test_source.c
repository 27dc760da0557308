/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of `datos publish`. */
#include "cli/source.h"

#include <check.h>
#include <string.h>

static struct buf out;
static struct err err;

static void setup(void)
{
    buf_init(&out, SOURCE_MAX_BYTES);
}

static void teardown(void)
{
    buf_fini(&out);
}

START_TEST(flags_make_one_message)
{
    struct source s = {.id = "1", .contenido = "a\"b", .count = -1};

    ck_assert_int_eq(source_total(&s), 1);
    ck_assert_int_eq(source_next(&s, 0, &out, &err), 0);
    ck_assert_str_eq(out.data, "{\"id\":\"1\",\"contenido\":\"a\\\"b\","
                               "\"timestamp\":\"1970-01-01T00:00:00Z\"}");
    ck_assert_int_eq(source_next(&s, 0, &out, &err), RC_NOT_FOUND);
}
END_TEST

START_TEST(absent_contenido_is_left_out_and_timestamp_kept)
{
    struct source s = {.id = "1", .timestamp = "t", .count = -1};

    ck_assert_int_eq(source_next(&s, 0, &out, &err), 0);
    ck_assert_str_eq(out.data, "{\"id\":\"1\",\"timestamp\":\"t\"}");
}
END_TEST

START_TEST(generated_ids_differ_within_and_between_runs)
{
    struct source a = {.count = 2}, b = {.count = 1};
    char first[200], second[200];

    ck_assert_int_eq(source_next(&a, 0, &out, &err), 0);
    snprintf(first, sizeof(first), "%s", out.data);
    ck_assert_int_eq(source_next(&a, 0, &out, &err), 0);
    snprintf(second, sizeof(second), "%s", out.data);
    ck_assert_int_eq(source_next(&a, 0, &out, &err), RC_NOT_FOUND);
    ck_assert_int_eq(source_next(&b, 0, &out, &err), 0);
    ck_assert_str_ne(first, second);
    ck_assert_str_ne(first, out.data);
}
END_TEST

START_TEST(lines_go_out_unchanged_and_blank_ones_not_at_all)
{
    char text[] = "{\"id\":\"1\"}\n\n  \r\nno json\r\nlast";
    struct source s = {.count = -1,
                       .lines = fmemopen(text, sizeof(text) - 1, "r")};
    static const char *const want[] = {"{\"id\":\"1\"}", "no json", "last"};

    ck_assert_int_eq(source_total(&s), -1);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(source_next(&s, 0, &out, &err), 0);
        ck_assert_uint_eq(out.len, strlen(want[i]));
        ck_assert_int_eq(memcmp(out.data, want[i], out.len), 0);
    }
    ck_assert_int_eq(source_next(&s, 0, &out, &err), RC_NOT_FOUND);
    fclose(s.lines);
}
END_TEST

START_TEST(line_too_large_is_refused_with_its_number)
{
    char text[] =
        "ok\naaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n";
    struct source s = {.count = -1,
                       .lines = fmemopen(text, sizeof(text) - 1, "r")};
    struct buf small;

    buf_init(&small, 10);
    ck_assert_int_eq(source_next(&s, 0, &small, &err), 0);
    ck_assert_int_eq(source_next(&s, 0, &small, &err), RC_TOO_LARGE);
    ck_assert_ptr_nonnull(strstr(err.text, "line 2"));
    buf_fini(&small);
    fclose(s.lines);
}
END_TEST

Suite *suite_source(void);
Suite *suite_source(void)
{
    Suite *suite = suite_create("source");
    TCase *t = tcase_create("source");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, flags_make_one_message);
    tcase_add_test(t, absent_contenido_is_left_out_and_timestamp_kept);
    tcase_add_test(t, generated_ids_differ_within_and_between_runs);
    tcase_add_test(t, lines_go_out_unchanged_and_blank_ones_not_at_all);
    tcase_add_test(t, line_too_large_is_refused_with_its_number);
    suite_add_tcase(suite, t);
    return suite;
}
