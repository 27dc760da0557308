/* SPDX-License-Identifier: Apache-2.0 */
/* Every type and mode: accepted forms, canonical text, refusals with paths. */
#include <check.h>
#include <stdio.h>

#include "common/mem.h"
#include "schema/row.h"

static const char table[] =
    "[{\"name\":\"id\",\"type\":\"STRING\",\"mode\":\"REQUIRED\"},"
    "{\"name\":\"timestamp\",\"type\":\"TIMESTAMP\",\"mode\":\"REQUIRED\"},"
    "{\"name\":\"i\",\"type\":\"INTEGER\"},"
    "{\"name\":\"f\",\"type\":\"FLOAT\"},"
    "{\"name\":\"b\",\"type\":\"BOOLEAN\"},"
    "{\"name\":\"y\",\"type\":\"BYTES\"},"
    "{\"name\":\"n\",\"type\":\"NUMERIC\"},"
    "{\"name\":\"g\",\"type\":\"BIGNUMERIC\"},"
    "{\"name\":\"p\",\"type\":\"NUMERIC\",\"precision\":5,\"scale\":2},"
    "{\"name\":\"d\",\"type\":\"DATE\"},"
    "{\"name\":\"t\",\"type\":\"TIME\"},"
    "{\"name\":\"w\",\"type\":\"DATETIME\"},"
    "{\"name\":\"z\",\"type\":\"TIMESTAMP\"},"
    "{\"name\":\"j\",\"type\":\"JSON\"},"
    "{\"name\":\"s\",\"type\":\"STRING\",\"maxLength\":3},"
    "{\"name\":\"l\",\"type\":\"INTEGER\",\"mode\":\"REPEATED\"},"
    "{\"name\":\"a\",\"type\":\"RECORD\",\"fields\":["
    " {\"name\":\"x\",\"type\":\"STRING\",\"mode\":\"REQUIRED\"},"
    " {\"name\":\"b\",\"type\":\"RECORD\",\"mode\":\"REPEATED\",\"fields\":["
    "  {\"name\":\"c\",\"type\":\"DATE\"}]}]}]";

static struct schema *schema;

static void setup(void)
{
    ck_assert_int_eq(schema_parse(STR(""), "t", true, &schema, NULL),
                     RC_MALFORMED);
    ck_assert_int_eq(schema_parse(str_from(table), "t", true, &schema, NULL),
                     RC_OK);
}

static void teardown(void)
{
    schema_free(schema);
}

#define NINES29 "99999999999999999999999999999"
#define BIGMAX                                                                 \
    "578960446186580977117854925043439539266."                                 \
    "34992332820282019728792003956564819967"

static const struct {
    const char *column, *value;
    const char *canonical; /* NULL: refused */
    const char *field;     /* of the refusal, if not the column */
} cases[] = {
    {"i", "0", "0", NULL},
    {"i", "-0", "0", NULL},
    {"i", "9223372036854775807", "9223372036854775807", NULL},
    {"i", "-9223372036854775808", "-9223372036854775808", NULL},
    {"i", "9223372036854775808", NULL, NULL},
    {"i", "\"-12\"", "-12", NULL},
    {"i", "1.0", "1", NULL},
    {"i", "12e2", "1200", NULL},
    {"i", "1.5", NULL, NULL},
    {"i", "\"1.0\"", NULL, NULL},
    {"i", "\"\"", NULL, NULL},
    {"i", "true", NULL, NULL},
    {"f", "1.5", "1.5", NULL},
    {"f", "-0.0", "0", NULL},
    {"f", "0.1", "0.1", NULL},
    {"f", "1e300", "1e+300", NULL},
    {"f", "\"2.50\"", "2.5", NULL},
    {"f", "\"nan\"", "\"NaN\"", NULL},
    {"f", "\"-inf\"", "\"-Infinity\"", NULL},
    {"f", "\"Infinity\"", "\"Infinity\"", NULL},
    {"f", "1e400", NULL, NULL},
    {"f", "\"0x10\"", NULL, NULL},
    {"f", "\" 1\"", NULL, NULL},
    {"b", "true", "true", NULL},
    {"b", "false", "false", NULL},
    {"b", "\"true\"", NULL, NULL},
    {"b", "1", NULL, NULL},
    {"y", "\"AP8=\"", "\"AP8=\"", NULL},
    {"y", "\"-_8\"", "\"+/8=\"", NULL},
    {"y", "\"\"", "\"\"", NULL},
    {"y", "\"A\"", NULL, NULL},
    {"y", "\"AP9=\"", NULL, NULL},
    {"n", "12.5000", "\"12.5\"", NULL},
    {"n", "\"-0012.50\"", "\"-12.5\"", NULL},
    {"n", "-0", "\"0\"", NULL},
    {"n", "1e-9", "\"0.000000001\"", NULL},
    {"n", "0.0000000001", NULL, NULL},
    {"n", NINES29 ".999999999", "\"" NINES29 ".999999999\"", NULL},
    {"n", "1" NINES29, NULL, NULL},
    {"n", "1e28", "\"10000000000000000000000000000\"", NULL},
    {"n", "1e29", NULL, NULL},
    {"n", "\"1,5\"", NULL, NULL},
    {"n", "\"NaN\"", NULL, NULL},
    {"g", BIGMAX, "\"" BIGMAX "\"", NULL},
    {"g", "-" BIGMAX, "\"-" BIGMAX "\"", NULL},
    {"g", "578960446186580977117854925043439539266.4", NULL, NULL},
    {"g", "6e38", NULL, NULL},
    {"p", "123.45", "\"123.45\"", NULL},
    {"p", "1234", NULL, NULL},
    {"p", "0.001", NULL, NULL},
    {"d", "\"2024-02-29\"", "\"2024-02-29\"", NULL},
    {"d", "\"2023-02-29\"", NULL, NULL},
    {"d", "\"2024-2-1\"", NULL, NULL},
    {"d", "20240201", NULL, NULL},
    {"t", "\"10:00:00\"", "\"10:00:00\"", NULL},
    {"t", "\"10:00:00.5\"", "\"10:00:00.500000\"", NULL},
    {"t", "\"24:00:00\"", NULL, NULL},
    {"t", "\"10:00:00Z\"", NULL, NULL},
    {"w", "\"2024-02-29 10:00:00\"", "\"2024-02-29T10:00:00\"", NULL},
    {"w", "\"2024-02-29T10:00:00.25\"", "\"2024-02-29T10:00:00.250000\"", NULL},
    {"w", "\"2024-02-29T10:00:00+01:00\"", NULL, NULL},
    {"z", "\"0001-01-01T00:00:00Z\"", "\"0001-01-01T00:00:00+00:00\"", NULL},
    {"j", "{ \"b\" : [ 1 , 1.50, \"\\u0061\" ], \"a\": null }",
     "{\"b\":[1,1.50,\"a\"],\"a\":null}", NULL},
    {"j", "\"x\"", "\"x\"", NULL},
    {"j", "123456789012345678901234567890", "123456789012345678901234567890",
     NULL},
    {"j", "[\"\\u0000\"]", NULL, NULL},
    {"j", "[\"\\\\u0000\"]", "[\"\\\\u0000\"]", NULL},
    {"j", "null", "null", NULL},
    {"s", "\"ñññ\"", "\"ñññ\"", NULL},
    {"s", "\"\\ud83d\\ude00\\n\\u00e1\"", "\"😀\\n\u00e1\"", NULL},
    {"s", "\"abcd\"", NULL, NULL},
    {"l", "[]", "[]", NULL},
    {"l", "[1, \"2\",-3]", "[1,2,-3]", NULL},
    {"l", "null", NULL, NULL},
    {"l", "1", NULL, NULL},
    {"l", "[1,null]", NULL, "l[1]"},
    {"l", "[1,2,\"x\"]", NULL, "l[2]"},
    {"a", "{\"x\":\"1\"}", "{\"x\":\"1\",\"b\":[]}", NULL},
    {"a", "{\"b\":[{},{\"C\":\"2024-01-01\"}],\"x\":\"\"}",
     "{\"x\":\"\",\"b\":[{\"c\":null},{\"c\":\"2024-01-01\"}]}", NULL},
    {"a", "null", "null", NULL},
    {"a", "{}", NULL, "a.x"},
    {"a", "3", NULL, NULL},
    {"a", "{\"x\":\"\",\"q\":[{}]}", NULL, "a.q"},
    {"a", "{\"x\":\"\",\"X\":\"\"}", NULL, "a.x"},
    {"a", "{\"x\":\"\",\"b\":[{},{},{\"c\":\"?\"}]}", NULL, "a.b[2].c"},
};

static size_t column_of(const char *name)
{
    return (size_t)schema_find(schema->fields, schema->n_fields,
                               str_from(name));
}

static void shown(const struct row *row, const char *column, char *out,
                  size_t size)
{
    char key[32];
    const char *at, *json;
    char *copy = mem_strndup(row->json.p, row->json.len);
    size_t next = column_of(column) + 1;

    snprintf(key, sizeof(key), "\"%s\":", column);
    at = strstr(copy, key) + strlen(key);
    json = copy + row->json.len - 1;
    if (next < schema->n_fields) {
        snprintf(key, sizeof(key),
                 ",\"%.*s\":", STR_ARG(schema->fields[next].name));
        json = strstr(at, key);
    }
    snprintf(out, size, "%.*s", (int)(json - at), at);
    mem_free(copy);
}

START_TEST(every_type_has_one_canonical_text)
{
    char json[700], text[400];
    struct row *row = NULL, *again;
    struct reject why;
    int rc;

    snprintf(json, sizeof(json),
             "{\"id\":\"1\",\"timestamp\":\"2025-01-14T10:00:00Z\",\"%s\":%s}",
             cases[_i].column, cases[_i].value);
    rc = row_parse(schema, str_from(json), NULL, &row, &why);
    if (!cases[_i].canonical) {
        ck_assert_msg(rc == RC_SCHEMA, "%s gave %d", json, rc);
        ck_assert_str_eq(why.field,
                         cases[_i].field ? cases[_i].field : cases[_i].column);
        ck_assert_str_ne(why.reason, "");
        return;
    }
    ck_assert_msg(rc == RC_OK, "%s: %s", json, why.reason);
    shown(row, cases[_i].column, text, sizeof(text));
    ck_assert_str_eq(text, cases[_i].canonical);
    /* what a store reads back is the same record */
    again = row_from_values(schema, row->values);
    ck_assert_ptr_nonnull(again);
    ck_assert(str_eq(again->json, row->json));
    row_unref(again);
    /* and so is the canonical text, given in */
    ck_assert_int_eq(row_parse(schema, row->json, NULL, &again, &why), RC_OK);
    ck_assert(str_eq(again->json, row->json));
    row_unref(again);
    row_unref(row);
}
END_TEST

START_TEST(values_that_a_store_cannot_have_from_us_are_no_row)
{
    struct value v[17];
    struct row *row;

    for (size_t i = 0; i < 17; i++)
        v[i] = (struct value){.kind = VALUE_NULL};
    v[0] = (struct value){VALUE_TEXT, {.s = STR("a")}};
    v[1] = (struct value){VALUE_INT, {.i = 0}};
    row = row_from_values(schema, v);
    ck_assert_ptr_nonnull(row);
    row_unref(row);
    v[0].s = STR("\xff");
    ck_assert_ptr_null(row_from_values(schema, v));
    v[0].s = STR("a");
    v[1].i = INT64_MAX;
    ck_assert_ptr_null(row_from_values(schema, v));
    v[1] = (struct value){VALUE_TEXT, {.s = STR("2024-01-01")}};
    ck_assert_ptr_null(row_from_values(schema, v));
    v[1] = (struct value){VALUE_INT, {.i = 0}};
    v[2] = (struct value){VALUE_TEXT, {.s = STR("x")}};
    ck_assert_ptr_null(row_from_values(schema, v));
    v[2] = (struct value){.kind = VALUE_NULL};
    v[13] = (struct value){VALUE_TEXT, {.s = STR("{")}};
    ck_assert_ptr_null(row_from_values(schema, v));
}
END_TEST

START_TEST(memory_that_fails_is_told_for_every_type)
{
    static const char json[] =
        "{\"id\":\"1\",\"timestamp\":\"2025-01-14T10:00:00Z\",\"y\":\"AP8=\","
        "\"n\":1.5,\"j\":{\"a\":[1,2,{\"b\":\"\\n\"}]},\"l\":[1,2,3],"
        "\"a\":{\"x\":\"q\",\"b\":[{\"c\":\"2024-01-01\"}]},\"i\":1e2}";
    struct row *row;
    struct reject why;

    for (int forever = 0; forever <= 1; forever++) {
        int rc = RC_NOMEM;
        for (unsigned long n = 1; n < 200 && rc != RC_OK; n++) {
            mem_fail_after(n, forever);
            rc = row_parse(schema, str_from(json), NULL, &row, &why);
            mem_fail_after(0, 0);
            ck_assert_msg(rc == RC_OK || rc == RC_NOMEM, "%lu: %d %s %s", n, rc,
                          why.field, why.reason);
        }
        ck_assert_int_eq(rc, RC_OK);
        row_unref(row);
    }
}
END_TEST

Suite *suite_row_types(void)
{
    Suite *s = suite_create("row_types");
    TCase *tc = tcase_create("row_types");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, every_type_has_one_canonical_text, 0,
                        sizeof(cases) / sizeof(cases[0]));
    tcase_add_test(tc, values_that_a_store_cannot_have_from_us_are_no_row);
    tcase_add_test(tc, memory_that_fails_is_told_for_every_type);
    suite_add_tcase(s, tc);
    return s;
}
