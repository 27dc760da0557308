/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "emulator/bigquery/fields.h"

#define ONE(more) "{\"fields\":[{\"name\":\"a\"," more "}]}"

static const struct {
    const char *sent, *shown; /* NULL: refused */
} cases[] = {
    {ONE("\"type\":\"int64\""),
     ONE("\"type\":\"INTEGER\",\"mode\":\"NULLABLE\"")},
    {ONE("\"type\":\"BOOL\",\"mode\":\"required\",\"description\":\"x\""),
     ONE("\"type\":\"BOOLEAN\",\"mode\":\"REQUIRED\",\"description\":\"x\"")},
    {ONE("\"type\":\"STRING\",\"maxLength\":7,\"defaultValueExpression\":"
         "\"'b'\""),
     ONE("\"type\":\"STRING\",\"mode\":\"NULLABLE\",\"defaultValueExpression\":"
         "\"'b'\",\"maxLength\":\"7\"")},
    {ONE("\"type\":\"NUMERIC\",\"precision\":\"10\",\"scale\":\"2\""),
     ONE("\"type\":\"NUMERIC\",\"mode\":\"NULLABLE\",\"precision\":\"10\","
         "\"scale\":\"2\"")},
    {ONE("\"type\":\"STRUCT\",\"mode\":\"REPEATED\",\"fields\":[{\"name\":"
         "\"b\",\"type\":\"FLOAT64\"}]"),
     ONE("\"type\":\"RECORD\",\"mode\":\"REPEATED\",\"fields\":[{\"name\":\"b\""
         ",\"type\":\"FLOAT\",\"mode\":\"NULLABLE\"}]")},
    {ONE("\"type\":\"TEXT\""), NULL},
    {ONE("\"type\":\"RECORD\""), NULL},
    {ONE("\"type\":\"STRING\",\"mode\":\"OPTIONAL\""), NULL},
    {ONE("\"mode\":\"NULLABLE\""), NULL},
    {"{\"fields\":[{\"name\":\"a\",\"type\":\"STRING\"},{\"name\":\"A\","
     "\"type\":\"STRING\"}]}",
     NULL},
    {"{\"fields\":[{\"name\":\"\",\"type\":\"STRING\"}]}", NULL},
    {"{\"fields\":[{\"name\":\"a\\\"b\",\"type\":\"STRING\"}]}", NULL},
    {"{\"fields\":[{\"name\":\"_partitiontime\",\"type\":\"STRING\"}]}", NULL},
    {"{\"fields\":7}", NULL},
    {"{\"fields\":[]}", "{\"fields\":[]}"},
};

START_TEST(a_schema_is_shown_in_its_normal_form)
{
    json_t *sent = json_loads(cases[_i].sent, 0, NULL), *shown;
    struct sql_column *columns;
    struct fail f = {0};
    struct arena mem;
    char *text;
    size_t n;
    int rc;

    ck_assert_ptr_nonnull(sent);
    arena_init(&mem);
    rc = fields_parse(sent, &mem, &columns, &n, &f);
    ck_assert_msg((rc == RC_OK) == (cases[_i].shown != NULL), "%s: %s",
                  cases[_i].sent, f.text);
    if (rc == RC_OK) {
        shown = fields_json(columns, n);
        text = json_dumps(shown, JSON_COMPACT);
        ck_assert_str_eq(text, cases[_i].shown);
        free(text);
        json_decref(shown);
    } else {
        ck_assert_str_eq(f.reason, "invalid");
    }
    arena_fini(&mem);
    json_decref(sent);
}
END_TEST

Suite *suite_fields(void)
{
    Suite *s = suite_create("fields");
    TCase *tc = tcase_create("fields");

    tcase_add_loop_test(tc, a_schema_is_shown_in_its_normal_form, 0,
                        sizeof(cases) / sizeof(cases[0]));
    suite_add_tcase(s, tc);
    return s;
}
