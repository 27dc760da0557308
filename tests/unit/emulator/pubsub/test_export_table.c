/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <jansson.h>

#include "common/mem.h"
#include "emulator/pubsub/export_table.h"
#include "common/buf.h"

static const char columns[] =
    "[{\"name\":\"i\",\"type\":\"INTEGER\"},{\"name\":\"n\",\"type\":"
    "\"NUMERIC\"},{\"name\":\"s\",\"type\":\"STRING\"},{\"name\":\"at\","
    "\"type\":\"TIMESTAMP\"},{\"name\":\"d\",\"type\":\"DATE\"},{\"name\":"
    "\"list\",\"type\":\"INTEGER\",\"mode\":\"REPEATED\"},{\"name\":\"r\","
    "\"type\":\"RECORD\",\"fields\":[{\"name\":\"n\",\"type\":\"NUMERIC\"},{"
    "\"name\":\"days\",\"type\":\"DATE\",\"mode\":\"REPEATED\"}]}]";

static const struct {
    const char *data, *members; /* NULL: refused, `why` */
    const char *why;
} cases[] = {
    {"{}", "", NULL},
    {" { \"i\" : 9223372036854775807 } ", "\"i\":9223372036854775807", NULL},
    {"{\"n\":0.1000000000000000055511151231257827,\"n2\":1e400}",
     "\"n\":0.1000000000000000055511151231257827,\"n2\":1e400", NULL},
    {"{\"N\":99999999999999999999999999999}",
     "\"N\":99999999999999999999999999999", NULL},
    {"{\"at\":1736848800000001}", "\"at\":\"2025-01-14T10:00:00.000001Z\"",
     NULL},
    {"{\"at\":1.5,\"d\":20102}", "\"at\":1.5,\"d\":\"2025-01-14\"", NULL},
    {"{\"list\":[1,18446744073709551616],\"s\":\"\\u00e9\"}",
     "\"list\":[1,18446744073709551616],\"s\":\"\xc3\xa9\"", NULL},
    {"{\"list\":null,\"r\":null}", "\"list\":[],\"r\":null", NULL},
    {"{\"r\":{\"n\":1.0,\"days\":[0,\"2025-01-14\"],\"x\":[{}]}}",
     "\"r\":{\"n\":1.0,\"days\":[\"1970-01-01\",\"2025-01-14\"],\"x\":[{}]}",
     NULL},
    {"{\"r\":{\"days\":1}}", NULL, "column days is REPEATED: it takes an"},
    {"{\"i\":\"5\"}", NULL, "column i is an integer: it takes a number"},
    {"{\"list\":[\"5\"]}", NULL, "column list is an integer"},
    {"{\"at\":99999999999999999999}", NULL, "column at takes no number of"},
    {"{\"d\":9000000}", NULL, "column d: 9000000 is no DATE"},
    {"{\"i\":1,\"i\":2}", NULL, "the same key twice"},
    {"{\"i\":1", NULL, "the data is no JSON object: the text ends too early"},
    {"{\"i\":1}x", NULL, "something stands behind the value"},
    {"{\"r\":{\"n\":[1}}", NULL, "the data is no JSON object"},
    {"[1]", NULL, "the data is no JSON object"},
    {"", NULL, "the data is no JSON object: it is empty"},
    {"{\"s\":\"\xff\"}", NULL, "not UTF-8"},
};

START_TEST(data_becomes_the_members_of_a_row_digit_by_digit)
{
    json_t *list = json_loads(columns, 0, NULL);
    struct err err = {0};
    struct buf out;
    int rc;

    buf_init(&out, 4096);
    rc = export_table_put(&out, list, str_from(cases[_i].data), &err);
    if (cases[_i].members) {
        ck_assert_msg(rc == RC_OK, "%s", err.text);
        ck_assert_str_eq(buf_as_str(&out).p, cases[_i].members);
    } else {
        ck_assert_int_eq(rc, RC_INVALID);
        ck_assert_msg(strstr(err.text, cases[_i].why) != NULL, "%s", err.text);
    }
    buf_fini(&out);
    json_decref(list);
}
END_TEST

Suite *suite_export_table(void)
{
    Suite *s = suite_create("export_table");
    TCase *t = tcase_create("rows");

    tcase_add_loop_test(t, data_becomes_the_members_of_a_row_digit_by_digit, 0,
                        sizeof(cases) / sizeof(cases[0]));
    suite_add_tcase(s, t);
    return s;
}
