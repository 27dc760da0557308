/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of several records: arrays and NDJSON, and where a refusal is. */
#include <check.h>

#include "schema/row.h"

#define R(id)   "{\"id\":\"" id "\",\"timestamp\":\"2025-01-14T10:00:00Z\"}"
#define BAD(id) "{\"id\":\"" id "\",\"timestamp\":\"x\"}"

static struct schema *schema;

static void setup(void)
{
    ck_assert_int_eq(schema_load(NULL, &schema, NULL), RC_OK);
}

static void teardown(void)
{
    schema_free(schema);
}

static const struct {
    const char *body;
    bool ndjson;
    int rc;
    bool is_array;
    size_t n; /* rows, or refusals told */
    const char *fields[3];
} cases[] = {
    {R("a"), false, RC_OK, false, 1, {NULL}},
    {"[" R("a") "]", false, RC_OK, true, 1, {NULL}},
    {" [ " R("a") " , " R("b") " ] ", false, RC_OK, true, 2, {NULL}},
    {R("a") "\n" R("b"), true, RC_OK, true, 2, {NULL}},
    {R("a") "\r\n\r\n" R("b") "\n\n", true, RC_OK, true, 2, {NULL}},
    {"", false, RC_MALFORMED, false, 1, {""}},
    {"", true, RC_MALFORMED, true, 1, {""}},
    {"\n\n", true, RC_MALFORMED, true, 1, {""}},
    {"[]", false, RC_SCHEMA, true, 1, {""}},
    {"7", false, RC_SCHEMA, false, 1, {""}},
    {"[" R("a") "," BAD("b") "]", false, RC_SCHEMA, true, 1, {"[1].timestamp"}},
    {"[" BAD("a") ",7," BAD("b") "]",
     false,
     RC_SCHEMA,
     true,
     3,
     {"[0].timestamp", "[1]", "[2].timestamp"}},
    {"[" BAD("a") ",{]", false, RC_MALFORMED, true, 1, {""}},
    {"[" R("a") "]]", false, RC_MALFORMED, true, 1, {""}},
    {"[" R("a") "," R("b"), false, RC_MALFORMED, true, 1, {""}},
    {R("a") "\n{\n", true, RC_MALFORMED, true, 1, {"[1]"}},
    {BAD("a") "\n" R("b"), true, RC_SCHEMA, true, 1, {"[0].timestamp"}},
    {R("a") R("b"), true, RC_MALFORMED, true, 1, {"[0]"}},
    {R("a") "\n" R("b"), false, RC_MALFORMED, false, 1, {""}},
};

START_TEST(bodies_of_several_records)
{
    struct row_list rows;
    struct reject why[4];
    size_t n_why;
    int rc = row_parse_body(schema, str_from(cases[_i].body), cases[_i].ndjson,
                            NULL, &rows, why, 4, &n_why);

    ck_assert_msg(rc == cases[_i].rc, "%s: %d", cases[_i].body, rc);
    ck_assert_msg(rows.is_array == cases[_i].is_array, "%s", cases[_i].body);
    if (rc == RC_OK) {
        ck_assert_uint_eq(n_why, 0);
        ck_assert_uint_eq(rows.n, cases[_i].n);
        ck_assert(str_eq(rows.rows[0]->id, STR("a")));
    } else {
        ck_assert_uint_eq(rows.n, 0);
        ck_assert_uint_eq(n_why, cases[_i].n);
        for (size_t i = 0; i < n_why; i++)
            ck_assert_str_eq(why[i].field, cases[_i].fields[i]);
    }
    row_list_fini(&rows);
}
END_TEST

START_TEST(no_more_refusals_than_asked_for)
{
    struct row_list rows;
    struct reject why[2];
    size_t n_why;

    ck_assert_int_eq(row_parse_body(schema, STR("[1,2,3,4]"), false, NULL,
                                    &rows, why, 2, &n_why),
                     RC_SCHEMA);
    ck_assert_uint_eq(n_why, 2);
    ck_assert_str_eq(why[1].field, "[1]");
    row_list_fini(&rows);
}
END_TEST

Suite *suite_row_body(void)
{
    Suite *s = suite_create("row_body");
    TCase *tc = tcase_create("row_body");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, bodies_of_several_records, 0,
                        sizeof(cases) / sizeof(cases[0]));
    tcase_add_test(tc, no_more_refusals_than_asked_for);
    suite_add_tcase(s, tc);
    return s;
}
