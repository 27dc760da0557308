/* SPDX-License-Identifier: Apache-2.0 */
#include "store/bigquery_wire.h"

#include <check.h>
#include <stdio.h>

#include "common/mem.h"

static struct schema *schema;

static void load(const char *json)
{
    struct err err;

    ck_assert_msg(schema_parse(str_from(json), "test", true, &schema, &err) ==
                      RC_OK,
                  "%s", err.text);
}

#define OURS                                                                   \
    "{\"name\":\"id\",\"type\":\"STRING\",\"mode\":\"REQUIRED\"},"             \
    "{\"name\":\"timestamp\",\"type\":\"TIMESTAMP\",\"mode\":\"REQUIRED\"}"

static struct row *parse(const char *json)
{
    struct row *row = NULL;
    struct reject why;

    ck_assert_msg(row_parse(schema, str_from(json), NULL, &row, &why) == RC_OK,
                  "%s %s", why.field, why.reason);
    return row;
}

/* --- rows in --- */

static void expect_element(const char *record, const char *json)
{
    unsigned char key[BIGQUERY_KEY_BYTES];
    struct row *row = parse(record);
    struct buf out;
    char want[1000];

    bigquery_key(row->id, key);
    buf_init(&out, 10000);
    bigquery_put_row(&out, schema, bigquery_schema_is_plain(schema), row, key);
    /* sha256("a"), the first half */
    snprintf(want, sizeof(want),
             "{\"insertId\":\"ca978112ca1bbdcafac231b39a23dc4d\",\"json\":%s}",
             json);
    ck_assert_str_eq(out.data, want);
    buf_fini(&out);
    row_unref(row);
    schema_free(schema);
}

START_TEST(a_plain_row_goes_as_it_is)
{
    load("[" OURS "]");
    ck_assert(bigquery_schema_is_plain(schema));
    expect_element(
        "{\"id\":\"a\",\"timestamp\":\"2025-01-14T10:00:00Z\"}",
        "{\"id\":\"a\",\"timestamp\":\"2025-01-14T10:00:00+00:00\"}");
}
END_TEST

START_TEST(a_json_column_goes_as_text)
{
    load(
        "[" OURS ",{\"name\":\"j\",\"type\":\"JSON\"},{\"name\":\"l\","
        "\"type\":\"JSON\",\"mode\":\"REPEATED\"},{\"name\":\"r\",\"type\":"
        "\"RECORD\",\"fields\":[{\"name\":\"x\",\"type\":\"JSON\"},{\"name\":"
        "\"n\",\"type\":\"INTEGER\"}]},{\"name\":\"none\",\"type\":\"JSON\"}]");
    ck_assert(!bigquery_schema_is_plain(schema));
    expect_element(
        "{\"id\":\"a\",\"timestamp\":\"2025-01-14T10:00:00Z\",\"j\":{\"k\":"
        "\"v\"},\"l\":[1,[2]],\"r\":{\"x\":\"t\",\"n\":5}}",
        "{\"id\":\"a\",\"timestamp\":\"2025-01-14T10:00:00+00:00\",\"j\":"
        "\"{\\\"k\\\":\\\"v\\\"}\",\"l\":[\"1\",\"[2]\"],\"r\":{\"x\":"
        "\"\\\"t\\\"\",\"n\":5},\"none\":null}");
}
END_TEST

/* --- insertErrors --- */

struct told {
    char text[2000];
};

static void tell(const struct bigquery_row_error *e, void *arg)
{
    struct told *t = arg;
    size_t at = strlen(t->text);

    snprintf(t->text + at, sizeof(t->text) - at, "%zu%c(%s) ", e->index,
             "sar"[e->verdict], e -> text);
}

static const struct {
    const char *body, *told; /* NULL: malformed */
} answers[] = {
    {"{\"kind\":\"bigquery#tableDataInsertAllResponse\"}", ""},
    {"{}", ""},
    {"{\"insertErrors\":[{\"index\":1,\"errors\":[{\"reason\":\"invalid\","
     "\"location\":\"x\",\"debugInfo\":\"\",\"message\":\"no such field: "
     "x.\"}]},{\"index\":0,\"errors\":[{\"reason\":\"stopped\",\"location\":"
     "\"\",\"debugInfo\":\"\",\"message\":\"\"}]}]}",
     "1r(x: no such field: x.) 0s() "},
    {"{\"insertErrors\":[{\"errors\":[{\"reason\":\"timeout\"}]},{\"index\":"
     "\"3\",\"errors\":[{\"reason\":\"backendError\",\"message\":\"a\\nb\"},"
     "{\"reason\":\"stopped\"}]}]}",
     "0a() 3a(a b) "},
    {"{\"insertErrors\":[{\"index\":2,\"errors\":[]}]}", "2s() "},
    {"{\"insertErrors\":[{\"index\":2,\"errors\":[{\"reason\":\"newWord\"}]}]}",
     "2r() "},
    {"{\"insertErrors\":[{\"index\":0,\"errors\":[{\"reason\":\"invalid\"",
     NULL},
    {"[]", NULL},
    {"<html>", NULL},
    {"", NULL},
};

START_TEST(each_row_of_insertErrors_has_a_verdict)
{
    struct told t = {""};
    int rc = bigquery_read_insert(str_from(answers[_i].body), tell, &t);

    ck_assert_int_eq(rc, answers[_i].told ? RC_OK : RC_MALFORMED);
    ck_assert_str_eq(t.text, answers[_i].told ? answers[_i].told : "");
}
END_TEST

/* --- rows out --- */

static void expect_row(const char *cells, const char *json)
{
    struct bigquery_result r;
    struct row_list rows = {.rows = NULL};
    char *body = mem_printf("{\"jobComplete\":true,\"rows\":[{\"f\":[{\"v\":"
                            "\"a\"},{\"v\":\"1736848800000000\"}%s]}]}",
                            cells);

    ck_assert_int_eq(bigquery_read_result(str_from(body), schema, &r, &rows),
                     RC_OK);
    ck_assert(r.is_complete);
    if (json) {
        char want[1000];
        int len = snprintf(want, sizeof(want),
                           "{\"id\":\"a\",\"timestamp\":\"2025-01-14T10:00:00+"
                           "00:00\"%s}",
                           json);
        ck_assert_uint_eq(rows.n, 1);
        ck_assert_msg(str_eq(rows.rows[0]->json, str_of(want, (size_t)len)),
                      "%.*s", STR_ARG(rows.rows[0]->json));
    } else {
        ck_assert_uint_eq(rows.n, 0);
        ck_assert_uint_eq(r.n_strange, 1);
    }
    row_list_fini(&rows);
    bigquery_result_fini(&r);
    mem_free(body);
    schema_free(schema);
}

static const struct {
    const char *type, *cell, *json; /* NULL: strange */
} scalars[] = {
    {"STRING", "\"a\\\"\\u00e9\\n\"", "\"a\\\"\xc3\xa9\\n\""},
    {"STRING", "\"\"", "\"\""},
    {"STRING", "null", "null"},
    {"STRING", "7", NULL},
    {"INTEGER", "\"-9223372036854775808\"", "-9223372036854775808"},
    {"INTEGER", "\"x\"", NULL},
    {"FLOAT", "\"1.5E10\"", "15000000000"},
    {"FLOAT", "\"NaN\"", "\"NaN\""},
    {"FLOAT", "\"-Infinity\"", "\"-Infinity\""},
    {"FLOAT", "\"\"", NULL},
    {"BOOLEAN", "\"true\"", "true"},
    {"BOOLEAN", "\"TRUE\"", NULL},
    {"BYTES", "\"AAECAw==\"", "\"AAECAw==\""},
    {"BYTES", "\"?\"", NULL},
    {"NUMERIC", "\"1.10\"", "\"1.1\""},
    {"DATE", "\"2025-02-28\"", "\"2025-02-28\""},
    {"DATE", "\"2025-02-30\"", NULL},
    {"DATETIME", "\"2025-02-28T01:02:03\"", "\"2025-02-28T01:02:03\""},
    {"TIME", "\"01:02:03.5\"", "\"01:02:03.5\""},
    {"TIMESTAMP", "\"1\"", "\"1970-01-01T00:00:00.000001+00:00\""},
    {"TIMESTAMP", "\"1.7E9\"", NULL},
    {"JSON", "\"{\\\"k\\\":[1,null]}\"", "{\"k\":[1,null]}"},
};

START_TEST(each_type_comes_back_in_its_canonical_form)
{
    char text[300], json[300];

    snprintf(text, sizeof(text), "[" OURS ",{\"name\":\"c\",\"type\":\"%s\"}]",
             scalars[_i].type);
    load(text);
    snprintf(text, sizeof(text), ",{\"v\":%s}", scalars[_i].cell);
    snprintf(json, sizeof(json), ",\"c\":%s",
             scalars[_i].json ? scalars[_i].json : "");
    /* a TIME's fraction may be padded: both are canonical */
    if (strcmp(scalars[_i].type, "TIME") == 0)
        snprintf(json, sizeof(json), ",\"c\":\"01:02:03.500000\"");
    expect_row(text, scalars[_i].json ? json : NULL);
}
END_TEST

START_TEST(records_and_arrays_come_back)
{
    load(
        "[" OURS ",{\"name\":\"r\",\"type\":\"RECORD\",\"fields\":[{\"name\":"
        "\"t\",\"type\":\"TIMESTAMP\"},{\"name\":\"l\",\"type\":\"INTEGER\","
        "\"mode\":\"REPEATED\"},{\"name\":\"b\",\"type\":\"BOOLEAN\"},"
        "{\"name\":\"s\",\"type\":\"STRING\"}]},{\"name\":\"e\",\"type\":"
        "\"STRING\",\"mode\":\"REPEATED\"},{\"name\":\"m\",\"type\":"
        "\"RECORD\",\"mode\":\"REPEATED\",\"fields\":[{\"name\":\"j\",\"type\":"
        "\"JSON\"}]}]");
    expect_row(
        ",{\"v\":{\"f\":[{\"v\":\"0\"},{\"v\":[{\"v\":\"1\"},{\"v\":\"2\"}]},"
        "{\"v\":\"false\"},{\"v\":null}]}},{\"v\":[]},{\"v\":[{\"v\":{\"f\":[{"
        "\"v\":\"[3]\"}]}}]}",
        ",\"r\":{\"t\":\"1970-01-01T00:00:00+00:00\",\"l\":[1,2],\"b\":false,"
        "\"s\":null},\"e\":[],\"m\":[{\"j\":[3]}]");
}
END_TEST

START_TEST(an_answer_tells_job_page_and_strange_rows)
{
    struct bigquery_result r;
    struct row_list rows = {.rows = NULL};

    load("[" OURS "]");
    ck_assert_int_eq(
        bigquery_read_result(
            STR("{\"rows\":[{\"f\":[{\"v\":\"a\"}]},{\"f\":[{\"v\":\"b\"},{"
                "\"v\":\"5\"}]}],\"jobReference\":{\"projectId\":\"p\","
                "\"jobId\":\"j\\u0021\",\"location\":\"EU\"},\"pageToken\":"
                "\"t=\",\"jobComplete\":true,\"totalRows\":\"9\"}"),
            schema, &r, &rows),
        RC_OK);
    ck_assert_str_eq(r.job, "j!");
    ck_assert_str_eq(r.location, "EU");
    ck_assert_str_eq(r.page_token, "t=");
    ck_assert_uint_eq(r.n_strange, 1);
    ck_assert_uint_eq(rows.n, 1);
    bigquery_result_fini(&r);
    row_list_fini(&rows);
    ck_assert_int_eq(
        bigquery_read_result(STR("{\"jobComplete\":false}"), schema, &r, &rows),
        RC_OK);
    ck_assert(!r.is_complete && !r.job && !r.page_token);
    ck_assert_int_eq(
        bigquery_read_result(STR("{\"rows\":[{\"f\":"), schema, &r, &rows),
        RC_MALFORMED);
    row_list_fini(&rows);
    schema_free(schema);
}
END_TEST

Suite *suite_bigquery_wire(void)
{
    Suite *s = suite_create("bigquery_wire");
    TCase *tc = tcase_create("bigquery_wire");

    tcase_add_test(tc, a_plain_row_goes_as_it_is);
    tcase_add_test(tc, a_json_column_goes_as_text);
    tcase_add_loop_test(tc, each_row_of_insertErrors_has_a_verdict, 0,
                        sizeof(answers) / sizeof(answers[0]));
    tcase_add_loop_test(tc, each_type_comes_back_in_its_canonical_form, 0,
                        sizeof(scalars) / sizeof(scalars[0]));
    tcase_add_test(tc, records_and_arrays_come_back);
    tcase_add_test(tc, an_answer_tells_job_page_and_strange_rows);
    suite_add_tcase(s, tc);
    return s;
}
