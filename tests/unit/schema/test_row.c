/* SPDX-License-Identifier: Apache-2.0 */
/* One message against the shipped schema: canonical form, refusals, and which
 * of malformed (400) and schema (422) they are. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/mem.h"
#include "schema/row.h"

#define T ",\"timestamp\":\"2025-01-14T10:00:00Z\"}"

static struct schema *schema;
/* 2025-06-01T00:00:00Z */
static const int64_t now_us = 1748736000000000;

static void setup(void)
{
    ck_assert_int_eq(schema_load(NULL, &schema, NULL), RC_OK);
}

static void teardown(void)
{
    schema_free(schema);
}

static int parse(const char *json, struct row **row, struct reject *why)
{
    struct row_window window = row_window_at(now_us, 31536000);
    /* an exact copy on the heap: a read past the end is found */
    size_t len = strlen(json);
    char *copy = mem_dup(json, len);
    int rc = row_parse(schema, str_of(copy, len), &window, row, why);

    mem_free(copy);
    return rc;
}

static const struct {
    const char *json, *canonical;
} good[] = {
    {"{\"id\":\"123\",\"contenido\":\"Este es un mensaje de prueba\"" T,
     "{\"id\":\"123\",\"contenido\":\"Este es un mensaje de prueba\","
     "\"timestamp\":\"2025-01-14T10:00:00+00:00\"}"},
    {" {\"timestamp\" : \"2025-01-14T12:00:00.5+02:00\" ,\n\"id\":\"a\"}\t",
     "{\"id\":\"a\",\"contenido\":null,"
     "\"timestamp\":\"2025-01-14T10:00:00.500000+00:00\"}"},
    {"{\"id\":\"a\",\"contenido\":null" T,
     "{\"id\":\"a\",\"contenido\":null,"
     "\"timestamp\":\"2025-01-14T10:00:00+00:00\"}"},
    /* escapes that need not be are gone, those that must be stay */
    {"{\"id\":\"\\u0061\\/\",\"contenido\":\"\\u00e1\\ud83d\\ude00\\n\\u000a"
     "\\\"\\\\\\u0001\"" T,
     "{\"id\":\"a/\",\"contenido\":\"á😀\\n\\n\\\"\\\\\\u0001\","
     "\"timestamp\":\"2025-01-14T10:00:00+00:00\"}"},
    /* names as BigQuery compares them: without case; and decoded */
    {"{\"ID\":\"a\",\"Contenido\":\"\",\"\\u0074imestamp\":"
     "\"2025-01-14T10:00:00Z\"}",
     "{\"id\":\"a\",\"contenido\":\"\","
     "\"timestamp\":\"2025-01-14T10:00:00+00:00\"}"},
    {"{\"id\":\"a\",\"timestamp\":\"2025-01-14\\u005410:00:00Z\"}",
     "{\"id\":\"a\",\"contenido\":null,"
     "\"timestamp\":\"2025-01-14T10:00:00+00:00\"}"},
};

START_TEST(a_good_message_has_one_canonical_form)
{
    struct row *row = NULL, *again = NULL;
    struct reject why;
    char *json;

    ck_assert_msg(parse(good[_i].json, &row, &why) == RC_OK, "%s: %s",
                  why.field, why.reason);
    json = mem_strndup(row->json.p, row->json.len);
    ck_assert_str_eq(json, good[_i].canonical);
    ck_assert_int_eq(parse(json, &again, &why), RC_OK);
    ck_assert(str_eq(again->json, row->json));
    row_unref(again);
    again = row_from_values(schema, row->values);
    ck_assert(str_eq(again->json, row->json));
    ck_assert(str_eq(again->id, row->id));
    ck_assert(again->timestamp_us == row->timestamp_us);
    ck_assert(row_content_hash(again) == row_content_hash(row));
    row_unref(again);
    row_unref(row);
    mem_free(json);
}
END_TEST

static const struct {
    const char *json;
    int rc;
    const char *field;
    const char *says;
} bad[] = {
    {"", RC_MALFORMED, "", "empty"},
    {"  ", RC_MALFORMED, "", "empty"},
    {"nope", RC_MALFORMED, "", "JSON"},
    {"\xef\xbb\xbf{}", RC_MALFORMED, "", "byte order mark"},
    {"{\"id\":\"a\"" T "x", RC_MALFORMED, "", "behind"},
    {"{\"id\":\"a\"" T "{}", RC_MALFORMED, "", "behind"},
    {"{\"id\":\"a\",\"id\":\"a\"" T, RC_MALFORMED, "", "twice"},
    {"{\"id\":\"a\",\"\\u0069d\":\"a\"" T, RC_MALFORMED, "", "twice"},
    {"{\"id\":\"\\ud800\"" T, RC_MALFORMED, "", "surrogate"},
    {"{\"id\":\"\xff\"" T, RC_MALFORMED, "", "UTF-8"},
    {"{\"id\":\"\xc0\x80\"" T, RC_MALFORMED, "", "UTF-8"},
    {"{\"id\":\"a\nb\"" T, RC_MALFORMED, "", "control"},
    /* malformed wins over the schema, wherever it stands */
    {"{\"id\":1,\"x\":2" T "]", RC_MALFORMED, "", "behind"},
    {"{\"id\":1,", RC_MALFORMED, "", "key"},
    {"3", RC_SCHEMA, "", "object"},
    {"null", RC_SCHEMA, "", "object"},
    {"\"a\"", RC_SCHEMA, "", "object"},
    {"[{\"id\":\"a\"" T "]", RC_SCHEMA, "", "object"},
    {"{}", RC_SCHEMA, "id", "required"},
    {"{\"id\":\"a\"}", RC_SCHEMA, "timestamp", "required"},
    {"{\"id\":null" T, RC_SCHEMA, "id", "null"},
    {"{\"id\":3" T, RC_SCHEMA, "id", "string"},
    {"{\"id\":\"a\",\"contenido\":{\"a\":1}" T, RC_SCHEMA, "contenido",
     "string"},
    {"{\"id\":\"a\",\"otro\":1" T, RC_SCHEMA, "otro", "column"},
    {"{\"id\":\"a\",\"ID\":\"a\"" T, RC_SCHEMA, "id", "twice"},
    {"{\"id\":\"\"" T, RC_SCHEMA, "id", "1 to 1024 bytes"},
    {"{\"id\":\"a\\u0000\"" T, RC_SCHEMA, "id", "U+0000"},
    {"{\"id\":\"a\",\"contenido\":\"\\u0000\"" T, RC_SCHEMA, "contenido",
     "U+0000"},
    {"{\"id\":\"a\\n\"" T, RC_SCHEMA, "id", "control"},
    {"{\"id\":\"a\x7f\"" T, RC_SCHEMA, "id", "control"},
    {"{\"id\":\"a\xc2\x85\"" T, RC_SCHEMA, "id", "control"},
    {"{\"id\":\"a\\u0085\"" T, RC_SCHEMA, "id", "control"},
    {"{\"id\":\"a\",\"timestamp\":17}", RC_SCHEMA, "timestamp", "RFC 3339"},
    {"{\"id\":\"a\",\"timestamp\":\"ayer\"}", RC_SCHEMA, "timestamp",
     "RFC 3339"},
    {"{\"id\":\"a\",\"timestamp\":\"2025-02-30T00:00:00Z\"}", RC_SCHEMA,
     "timestamp", "date"},
    {"{\"id\":\"a\",\"timestamp\":\"2015-05-31T11:59:59Z\"}", RC_SCHEMA,
     "timestamp", "10 years"},
    {"{\"id\":\"a\",\"timestamp\":\"2026-06-01T00:00:01Z\"}", RC_SCHEMA,
     "timestamp", "future"},
};

START_TEST(a_bad_message_is_refused_with_its_reason)
{
    struct row *row = (struct row *)1;
    struct reject why = {.reason = ""};
    int rc = parse(bad[_i].json, &row, &why);

    ck_assert_msg(rc == bad[_i].rc, "%s: %d, not %d (%s)", bad[_i].json, rc,
                  bad[_i].rc, why.reason);
    ck_assert_ptr_null(row);
    ck_assert_str_eq(why.field, bad[_i].field);
    ck_assert_msg(strstr(why.reason, bad[_i].says) != NULL, "%s: %s",
                  bad[_i].json, why.reason);
    ck_assert_int_eq(why.kind,
                     rc == RC_MALFORMED ? REJECT_MALFORMED : REJECT_SCHEMA);
}
END_TEST

START_TEST(the_bounds_of_window_id_and_size_are_exact)
{
    static char json[3 * ROW_MAX_BYTES];
    struct row *row = NULL;
    struct reject why;
    int n;

    ck_assert_int_eq(parse("{\"id\":\"a\",\"timestamp\":"
                           "\"2026-06-01T00:00:00Z\"}",
                           &row, &why),
                     RC_OK);
    row_unref(row);
    for (int len = 1024; len <= 1025; len++) {
        snprintf(json, sizeof(json), "{\"id\":\"%0*d\"" T, len, 7);
        ck_assert_int_eq(parse(json, &row, &why),
                         len == 1024 ? RC_OK : RC_SCHEMA);
        row_unref(row);
    }
    n = snprintf(json, sizeof(json), "{\"id\":\"a\",\"contenido\":\"");
    memset(json + n, 'x', ROW_MAX_BYTES - 200);
    strcpy(json + n + ROW_MAX_BYTES - 200, "\"" T);
    ck_assert_int_eq(parse(json, &row, &why), RC_OK);
    row_unref(row);
    memset(json + n, 'x', ROW_MAX_BYTES);
    strcpy(json + n + ROW_MAX_BYTES, "\"" T);
    ck_assert_int_eq(parse(json, &row, &why), RC_TOO_LARGE);
    ck_assert_int_eq(why.kind, REJECT_TOO_LARGE);
    ck_assert_ptr_null(row);
}
END_TEST

START_TEST(a_long_field_name_is_cut_at_a_character)
{
    char json[2000];
    struct row *row;
    struct reject why;
    size_t at = (size_t)snprintf(json, sizeof(json), "{\"x");

    for (int i = 0; i < 400; i++, at += 2)
        memcpy(json + at, "é", 2);
    strcpy(json + at, "\":1,\"id\":\"a\"" T);
    ck_assert_int_eq(parse(json, &row, &why), RC_SCHEMA);
    ck_assert_uint_eq(strlen(why.field), 255);
}
END_TEST

START_TEST(memory_that_fails_is_told_and_leaks_nothing)
{
    struct row *row;
    struct reject why;
    int rc = RC_NOMEM;

    for (unsigned long n = 1; n < 100 && rc != RC_OK; n++) {
        mem_fail_after(n, 0);
        rc = parse(good[3].json, &row, &why);
        mem_fail_after(0, 0);
        ck_assert(rc == RC_OK || rc == RC_NOMEM);
    }
    ck_assert_int_eq(rc, RC_OK);
    row_unref(row);
}
END_TEST

START_TEST(order_is_newest_first_then_id)
{
    struct row *a, *b, *c;
    struct reject why;

    ck_assert_int_eq(parse("{\"id\":\"a\"" T, &a, &why), RC_OK);
    ck_assert_int_eq(parse("{\"id\":\"ab\"" T, &b, &why), RC_OK);
    ck_assert_int_eq(
        parse("{\"id\":\"0\",\"timestamp\":\"2024-01-14T10:00:00Z\"}", &c,
              &why),
        RC_OK);
    ck_assert_int_lt(row_order(a, b), 0);
    ck_assert_int_gt(row_order(c, b), 0);
    ck_assert_int_eq(row_order(a, a), 0);
    row_unref(a);
    row_unref(b);
    row_unref(c);
}
END_TEST

Suite *suite_row(void)
{
    Suite *s = suite_create("row");
    TCase *tc = tcase_create("row");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, a_good_message_has_one_canonical_form, 0,
                        sizeof(good) / sizeof(good[0]));
    tcase_add_loop_test(tc, a_bad_message_is_refused_with_its_reason, 0,
                        sizeof(bad) / sizeof(bad[0]));
    tcase_add_test(tc, the_bounds_of_window_id_and_size_are_exact);
    tcase_add_test(tc, a_long_field_name_is_cut_at_a_character);
    tcase_add_test(tc, memory_that_fails_is_told_and_leaks_nothing);
    tcase_add_test(tc, order_is_newest_first_then_id);
    suite_add_tcase(s, tc);
    return s;
}
