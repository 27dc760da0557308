/* SPDX-License-Identifier: Apache-2.0 */
/* Table schemas: what is read, what is refused and with which words. */
#include "schema/schema.h"

#include <check.h>
#include <stdio.h>

#include "common/buf.h"

#define OURS                                                                   \
    "{\"name\":\"id\",\"type\":\"STRING\",\"mode\":\"REQUIRED\"},"             \
    "{\"name\":\"timestamp\",\"type\":\"TIMESTAMP\",\"mode\":\"REQUIRED\"}"

START_TEST(the_shipped_schema_is_ours)
{
    struct schema *s = NULL;
    struct err err;

    ck_assert_int_eq(schema_load(NULL, &s, &err), RC_OK);
    ck_assert_uint_eq(s->n_fields, 3);
    ck_assert_uint_eq(s->id, 0);
    ck_assert_uint_eq(s->timestamp, 2);
    ck_assert(str_eq(s->fields[1].name, STR("contenido")));
    ck_assert(str_eq(s->fields[1].description, STR("Contenido del dato")));
    ck_assert_int_eq(s->fields[1].mode, SCHEMA_NULLABLE);
    schema_free(s);
}
END_TEST

static const struct {
    const char *json;
    const char *says; /* part of the error */
} refused[] = {
    {"", "no valid JSON"},
    {"[", "no valid JSON"},
    {"[]", "1 to 10000 fields"},
    {"3", "no valid JSON"},
    {"[3]", "field 1 is no object"},
    {"[" OURS ",{\"type\":\"STRING\"}]", "field 3 needs a \"name\""},
    {"[" OURS ",{\"name\":\"1a\",\"type\":\"STRING\"}]", "needs a \"name\""},
    {"[" OURS ",{\"name\":\"a b\",\"type\":\"STRING\"}]", "needs a \"name\""},
    {"[" OURS ",{\"name\":\"a\",\"type\":\"TEXT\"}]", "unknown type `TEXT`"},
    {"[" OURS ",{\"name\":\"a\",\"type\":\"STRING\",\"mode\":\"X\"}]",
     "unknown mode `X`"},
    {"[" OURS ",{\"name\":\"ID\",\"type\":\"STRING\"}]", "named twice"},
    {"[" OURS ",{\"name\":\"r\",\"type\":\"RECORD\"}]", "needs \"fields\""},
    {"[{\"name\":\"id\",\"type\":\"STRING\",\"mode\":\"REQUIRED\"}]",
     "needs the field `timestamp`"},
    {"[{\"name\":\"id\",\"type\":\"STRING\"},{\"name\":\"timestamp\","
     "\"type\":\"TIMESTAMP\",\"mode\":\"REQUIRED\"}]",
     "needs the field `id`"},
    {"[" OURS ",{\"name\":\"a\",\"type\":\"INTEGER\",\"maxLength\":\"3\"}]",
     "`a` has a \"maxLength\""},
    {"[" OURS ",{\"name\":\"a\",\"type\":\"NUMERIC\",\"precision\":\"40\"}]",
     "`a` has a \"maxLength\""},
    {"[" OURS ",{\"name\":\"a\",\"type\":\"NUMERIC\",\"precision\":\"x\"}]",
     "`a` has a \"maxLength\""},
};

START_TEST(refuses_and_says_where)
{
    struct schema *s = NULL;
    struct err err = {.text = ""};

    ck_assert_int_ne(
        schema_parse(str_from(refused[_i].json), "tabla.json", true, &s, &err),
        RC_OK);
    ck_assert_ptr_null(s);
    ck_assert_msg(strstr(err.text, refused[_i].says) &&
                      strstr(err.text, "tabla.json"),
                  "%s", err.text);
}
END_TEST

START_TEST(rendering_and_reading_again_is_the_same_table)
{
    static const char text[] =
        "{\"fields\":[" OURS ",{\"name\":\"n\",\"type\":\"NUMERIC\","
        "\"precision\":10,\"scale\":\"2\"}"
        ",{\"name\":\"s\",\"type\":\"string\",\"maxLength\":5}"
        ",{\"name\":\"r\",\"type\":\"STRUCT\",\"mode\":\"repeated\","
        "\"fields\":[{\"name\":\"x\",\"type\":\"INT64\"}]}]}";
    struct schema *a, *b;
    struct buf one, two;

    ck_assert_int_eq(schema_parse(str_from(text), "t", true, &a, NULL), RC_OK);
    buf_init(&one, 10000);
    buf_init(&two, 10000);
    schema_render(a, &one);
    ck_assert_int_eq(schema_parse(buf_as_str(&one), "t", true, &b, NULL),
                     RC_OK);
    schema_render(b, &two);
    ck_assert_str_eq(one.data, two.data);
    ck_assert(a->version == b->version);
    ck_assert_int_eq(b->fields[2].precision, 10);
    ck_assert_int_eq(b->fields[2].scale, 2);
    ck_assert_int_eq(b->fields[3].max_length, 5);
    ck_assert_int_eq(b->fields[4].fields[0].type, SCHEMA_INTEGER);
    buf_fini(&one);
    buf_fini(&two);
    schema_free(a);
    schema_free(b);
}
END_TEST

START_TEST(a_missing_file_is_named)
{
    struct schema *s;
    struct err err;

    ck_assert_int_eq(schema_load("/nonexistent/t.json", &s, &err), RC_IO);
    ck_assert_ptr_nonnull(strstr(err.text, "/nonexistent/t.json"));
}
END_TEST

Suite *suite_schema(void)
{
    Suite *s = suite_create("schema");
    TCase *tc = tcase_create("schema");

    tcase_add_test(tc, the_shipped_schema_is_ours);
    tcase_add_loop_test(tc, refuses_and_says_where, 0,
                        sizeof(refused) / sizeof(refused[0]));
    tcase_add_test(tc, rendering_and_reading_again_is_the_same_table);
    tcase_add_test(tc, a_missing_file_is_named);
    suite_add_tcase(s, tc);
    return s;
}
