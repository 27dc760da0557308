/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <jansson.h>

#include "common/mem.h"
#include "emulator/pubsub/export_decode.h"
#include "emulator/pubsub/proto_schema.h"

static const char schema[] =
    "syntax = \"proto3\"; message M { uint64 u = 1; fixed64 x = 2; "
    "int64 i = 3; double d = 4; string s = 5; bytes y = 6; "
    "enum E { A = 0; B = 1; } E e = 7; M m = 8; repeated int32 r = 9; "
    "map<int32, string> p = 10; bool b = 11; map<string, int64> k = 12; "
    "int64 long_name = 13; }";

static const char columns[] =
    "[{\"name\":\"u\",\"type\":\"NUMERIC\"},"
    "{\"name\":\"x\",\"type\":\"BIGNUMERIC\"},"
    "{\"name\":\"i\",\"type\":\"INTEGER\"},"
    "{\"name\":\"d\",\"type\":\"FLOAT\"},"
    "{\"name\":\"s\",\"type\":\"STRING\"},"
    "{\"name\":\"y\",\"type\":\"BYTES\"},"
    "{\"name\":\"e\",\"type\":\"STRING\"},"
    "{\"name\":\"m\",\"type\":\"RECORD\",\"fields\":["
    "{\"name\":\"i\",\"type\":\"INTEGER\"}]},"
    "{\"name\":\"r\",\"type\":\"INTEGER\",\"mode\":\"REPEATED\"},"
    "{\"name\":\"p\",\"type\":\"RECORD\",\"mode\":\"REPEATED\",\"fields\":["
    "{\"name\":\"key\",\"type\":\"INTEGER\"},"
    "{\"name\":\"value\",\"type\":\"STRING\"}]},"
    "{\"name\":\"b\",\"type\":\"BOOLEAN\"},"
    "{\"name\":\"k\",\"type\":\"RECORD\",\"mode\":\"REPEATED\",\"fields\":["
    "{\"name\":\"value\",\"type\":\"INTEGER\"}]},"
    "{\"name\":\"long_name\",\"type\":\"INTEGER\"}]";

static const struct {
    const char *message, *row; /* NULL: refused, `why` */
    const char *why;
} cases[] = {
    {"{}", "{}", NULL},
    {"{\"u\":18446744073709551615}", "{\"u\":\"18446744073709551615\"}", NULL},
    {"{\"u\":\"18446744073709551615\"}", "{\"u\":\"18446744073709551615\"}",
     NULL},
    {"{\"x\":9223372036854775808}", "{\"x\":\"9223372036854775808\"}", NULL},
    {"{\"i\":-9223372036854775808}", "{\"i\":-9223372036854775808}", NULL},
    {"{\"i\":9007199254740993.0}", "{\"i\":9007199254740993}", NULL},
    {"{\"i\":\"1e3\",\"u\":1.5e1}", "{\"i\":1000,\"u\":\"15\"}", NULL},
    {"{\"i\":1E3}", "{\"i\":1000}", NULL},
    {"{\"d\":123456789012345678901234567890}", "{\"d\":1.2345678901234568e29}",
     NULL},
    {"{\"d\":\"NaN\"}", "{\"d\":\"NaN\"}", NULL},
    {"{\"d\":\"-Infinity\"}", "{\"d\":\"-Infinity\"}", NULL},
    {"{\"d\":0.5}", "{\"d\":0.5}", NULL},
    {"{\"s\":\"a\\u00e9\\\"b\"}", "{\"s\":\"a\xc3\xa9\\\"b\"}", NULL},
    {"{\"y\":\"aG9sYQ==\"}", "{\"y\":\"aG9sYQ==\"}", NULL},
    {"{\"e\":\"B\"}", "{\"e\":\"B\"}", NULL},
    {"{\"e\":1}", "{\"e\":\"B\"}", NULL},
    {"{\"b\":true}", "{\"b\":true}", NULL},
    {"{\"b\":false}", "{\"b\":false}", NULL},
    {"{\"r\":[1,-2],\"i\":null}", "{\"r\":[1,-2]}", NULL},
    {"{\"r\":[]}", "{}", NULL},
    {"{\"m\":{\"i\":5,\"s\":\"not a column\",\"r\":[1,[2]]}}",
     "{\"m\":{\"i\":5}}", NULL},
    {"{\"p\":{\"7\":\"x\",\"-8\":\"y\"}}",
     "{\"p\":[{\"key\":7,\"value\":\"x\"},{\"key\":-8,\"value\":\"y\"}]}",
     NULL},
    {"{\"k\":{\"left out\":7},\"i\":1}", "{\"k\":[{\"value\":7}],\"i\":1}",
     NULL},
    {"{\"longName\":1}", "{\"long_name\":1}", NULL},
    {"{\"d\":1e400}", NULL, "field d: not a value of the field's type"},
    {"{\"i\":{}}", NULL, "field i: not a value of the field's type"},
    {"{\"r\":1}", NULL, "field r: not a value of the field's type"},
    {"{\"p\":1}", NULL, "field p: not a value of the field's type"},
    {"{\"m\":[]}", NULL, "field m: not a value of the field's type"},
    {"{\"y\":\"!\"}", NULL, "field y: not base64"},
    {"{\"e\":\"C\"}", NULL, "field e: not a value of the field's type"},
    {"{\"r\":[1", NULL, "not JSON: "},
    {"{\"p\":{\"1\":\"x\"", NULL, "not JSON: "},
    {"{\"unknown\":[1", NULL, "not JSON: "},
    {"{\"i\":1", NULL, "not JSON: "},
    {"[]", NULL, "field M: not a value of the field's type"},
    {"", NULL, "not JSON: "},
};

START_TEST(a_message_of_a_schema_becomes_a_row_digit_by_digit)
{
    json_t *list = json_loads(columns, 0, NULL), *row = NULL;
    const struct export_into into = {list, true, false};
    struct proto_schema *s = NULL;
    struct err err = {0};
    char *text;
    int rc;

    ck_assert_int_eq(proto_parse(str_from(schema), &s, &err), RC_OK);
    rc = export_proto_json(s, str_from(cases[_i].message), true, &into, &row,
                           &err);
    if (cases[_i].row) {
        ck_assert_msg(rc == RC_OK, "%s: %s", cases[_i].message, err.text);
        text = json_dumps(row, JSON_COMPACT);
        ck_assert_str_eq(text, cases[_i].row);
        mem_free(text);
        json_decref(row);
    } else {
        ck_assert_int_eq(rc, RC_INVALID);
        ck_assert_msg(strncmp(err.text, cases[_i].why, strlen(cases[_i].why)) ==
                          0,
                      "%s: %s", cases[_i].message, err.text);
    }
    proto_free(s);
    json_decref(list);
}
END_TEST

START_TEST(a_field_without_a_column_is_named)
{
    json_t *list = json_array(), *row = NULL;
    const struct export_into into = {list, false, false};
    struct proto_schema *s = NULL;
    struct err err = {0};

    ck_assert_int_eq(proto_parse(str_from(schema), &s, &err), RC_OK);
    ck_assert_int_eq(
        export_proto_json(s, STR("{\"m\":{\"i\":1}}"), true, &into, &row, &err),
        RC_SCHEMA);
    ck_assert_str_eq(err.text, "field m: the table has no column of this name");
    proto_free(s);
    json_decref(list);
}
END_TEST

Suite *suite_export_proto(void);
Suite *suite_export_proto(void)
{
    Suite *s = suite_create("export_proto");
    TCase *t = tcase_create("rows");

    tcase_add_loop_test(t, a_message_of_a_schema_becomes_a_row_digit_by_digit,
                        0, sizeof(cases) / sizeof(cases[0]));
    tcase_add_test(t, a_field_without_a_column_is_named);
    suite_add_tcase(s, t);
    return s;
}
