/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdio.h>

#include "emulator/bigquery/batch.h"
#include "emulator/bigquery/fields.h"

static struct table t;
static struct batch b;

/* A table of the columns that `schema` lists. */
static void make_table(const char *schema)
{
    json_t *json = json_loads(schema, 0, NULL);
    struct fail f = {0};

    ck_assert_ptr_nonnull(json);
    t = (struct table){.physical = "t1"};
    arena_init(&t.mem);
    t.project = t.dataset = t.name = STR("x");
    ck_assert_msg(fields_parse(json, &t.mem, &t.columns, &t.n_columns, &f) ==
                      RC_OK,
                  "%s", f.text);
    json_decref(json);
    batch_init(&b, &t, 1700000000000000);
}

static void teardown(void)
{
    batch_fini(&b);
    arena_fini(&t.mem);
}

static struct batch_row *read_row(const char *json)
{
    struct batch_row *row = batch_row(&b);
    struct json_token token;
    struct json_scan scan;

    json_scan_init(&scan, str_from(json));
    json_scan_next(&scan, &token);
    ck_assert_msg(batch_read_json(&b, row, &scan, &token), "malformed: %s",
                  json);
    json_scan_fini(&scan);
    batch_end_row(&b, row);
    return row;
}

/* What is stored, as text. */
static void show(const struct cell *c, char *out, size_t size)
{
    if (c->kind == CELL_NULL)
        snprintf(out, size, "NULL");
    else if (c->kind == CELL_INT)
        snprintf(out, size, "%lld", (long long)c->i);
    else if (c->kind == CELL_REAL)
        snprintf(out, size, "%g", c->d);
    else
        snprintf(out, size, "%.*s", STR_ARG(c->s));
}

static const struct {
    const char *type, *json, *stored; /* NULL: refused */
} scalars[] = {
    {"STRING", "\"a\\u00e9\\n\"", "a\xc3\xa9\n"},
    {"STRING", "12.50", "12.50"},
    {"STRING", "true", "true"},
    {"STRING", "[1]", NULL},
    {"STRING", "{}", NULL},
    {"STRING", "null", "NULL"},
    {"INTEGER", "12", "12"},
    {"INTEGER", "\"-9223372036854775808\"", "-9223372036854775808"},
    {"INTEGER", "9223372036854775808", NULL},
    {"INTEGER", "1.0", "1"},
    {"INTEGER", "1.5", NULL},
    {"INTEGER", "\"\"", NULL},
    {"INTEGER", "true", NULL},
    {"FLOAT", "\"1e3\"", "1000"},
    {"FLOAT", "\"NaN\"", "NaN"},
    {"FLOAT", "\"-inf\"", "-inf"},
    {"FLOAT", "\"0x10\"", NULL},
    {"BOOLEAN", "true", "1"},
    {"BOOLEAN", "\"False\"", "0"},
    {"BOOLEAN", "\"maybe\"", NULL},
    {"BYTES", "\"YWI=\"", "ab"},
    {"BYTES", "\"!\"", NULL},
    {"BYTES", "7", NULL},
    {"DATE", "\"1970-01-11\"", "10"},
    {"DATE", "\"2025-02-30\"", NULL},
    {"DATE", "20250101", NULL},
    {"TIME", "\"00:00:01.5\"", "1500000"},
    {"DATETIME", "\"1970-01-01T00:00:01\"", "1000000"},
    {"DATETIME", "\"1970-01-01 00:00:01\"", "1000000"},
    {"TIMESTAMP", "\"1970-01-01T01:00:00+01:00\"", "0"},
    {"TIMESTAMP", "\"1970-01-01 00:00:01 UTC\"", "1000000"},
    {"TIMESTAMP", "1.5", "1500000"},
    {"TIMESTAMP", "-0.000001", "-1"},
    {"TIMESTAMP", "\"1408452095.22\"", "1408452095220000"},
    {"TIMESTAMP", "\"2025-01-01T00:00:00.1234567Z\"", NULL},
    {"TIMESTAMP", "1e20", NULL},
    {"NUMERIC", "\"1.50\"", "1.5"},
    {"NUMERIC", "123456789012345678901234567890", NULL},
    {"BIGNUMERIC", "\"0.00000000000000000000000000000000000001\"",
     "0.00000000000000000000000000000000000001"},
    {"JSON", "\"{\\\"b\\\":1, \\\"a\\\":[ ]}\"", "{\"a\":[],\"b\":1}"},
    {"JSON", "\"{\"", NULL},
    {"JSON", "{\"a\":1}", NULL}, /* insertAll wants a text */
};

START_TEST(a_scalar_is_stored_or_refused_by_its_column)
{
    const char *want = scalars[_i].stored;
    char schema[200], json[200], got[200];
    struct batch_row *row;

    snprintf(schema, sizeof(schema),
             "{\"fields\":[{\"name\":\"c\",\"type\":\"%s\"}]}",
             scalars[_i].type);
    make_table(schema);
    snprintf(json, sizeof(json), "{\"c\":%s}", scalars[_i].json);
    row = read_row(json);
    if (!want) {
        ck_assert_msg(row->error != NULL, "%s takes %s", scalars[_i].type,
                      scalars[_i].json);
        ck_assert_str_eq(row->error->path, "c");
        return;
    }
    ck_assert_msg(!row->error, "%s: %s", scalars[_i].json,
                  row->error ? row->error->text : "");
    show(&b.cells[row->first], got, sizeof(got));
    ck_assert_str_eq(got, want);
}
END_TEST

#define DEEP                                                                   \
    "{\"fields\":[{\"name\":\"id\",\"type\":\"STRING\",\"mode\":\"REQUIRED\"}" \
    ","                                                                        \
    "{\"name\":\"n\",\"type\":\"NUMERIC\",\"precision\":\"4\",\"scale\":"      \
    "\"2\"},"                                                                  \
    "{\"name\":\"s\",\"type\":\"STRING\",\"maxLength\":\"2\"},"                \
    "{\"name\":\"r\",\"type\":\"RECORD\",\"mode\":\"REPEATED\",\"fields\":["   \
    "{\"name\":\"x\",\"type\":\"FLOAT\"},"                                     \
    "{\"name\":\"y\",\"type\":\"BYTES\",\"mode\":\"REQUIRED\"}]}]}"

static const struct {
    const char *json, *path, *stored; /* path NULL: taken */
} rows[] = {
    {"{\"id\":\"a\"}", NULL, "a"},
    {"{\"ID\":\"a\"}", NULL, "a"},
    {"{}", "id", NULL},
    {"{\"id\":null}", "id", NULL},
    {"{\"id\":\"a\",\"z\":1}", "z", NULL},
    {"{\"r\":[{\"y\":\"YQ==\",\"x\":1},{\"y\":\"\"}],\"id\":\"a\"}", NULL,
     "[[1.0,{\"b\":\"YQ==\"}],[null,{\"b\":\"\"}]]"},
    {"{\"id\":\"a\",\"r\":[{\"x\":1}]}", "r.y", NULL},
    {"{\"id\":\"a\",\"r\":[{\"y\":\"\",\"q\":{}}]}", "r.q", NULL},
    {"{\"id\":\"a\",\"r\":[null]}", "r", NULL},
    {"{\"id\":\"a\",\"r\":null}", "r", NULL},
    {"{\"id\":\"a\",\"r\":{\"y\":\"\"}}", "r", NULL},
    {"{\"id\":\"a\",\"n\":\"12.345\"}", NULL, "a"},
    {"{\"id\":\"a\",\"n\":\"123\"}", "n", NULL},
    {"{\"id\":\"a\",\"s\":\"\xc3\xa9\xc3\xa9\"}", NULL, "a"},
    {"{\"id\":\"a\",\"s\":\"abc\"}", "s", NULL},
};

START_TEST(a_row_is_checked_whole)
{
    struct batch_row *row;
    char got[200];

    make_table(DEEP);
    row = read_row(rows[_i].json);
    if (rows[_i].path) {
        ck_assert_msg(row->error != NULL, "taken: %s", rows[_i].json);
        ck_assert_str_eq(row->error->path, rows[_i].path);
        ck_assert_uint_eq(b.n_bad, 1);
        return;
    }
    ck_assert_msg(!row->error, "%s: %s", rows[_i].json,
                  row->error ? row->error->text : "");
    show(&b.cells[row->first], got, sizeof(got));
    ck_assert_str_eq(got, rows[_i].stored);
}
END_TEST

START_TEST(unknown_fields_may_be_ignored_at_each_depth)
{
    make_table(DEEP);
    b.ignore_unknown = true;
    ck_assert_ptr_null(read_row("{\"id\":\"a\",\"z\":[{\"k\":1}],"
                                "\"r\":[{\"y\":\"\",\"q\":{}}]}")
                           ->error);
}
END_TEST

START_TEST(a_load_takes_any_json_for_a_json_column)
{
    struct batch_row *row;
    char got[100];

    make_table("{\"fields\":[{\"name\":\"c\",\"type\":\"JSON\"}]}");
    b.json_objects = true;
    row = read_row("{\"c\":{\"b\":[1, 2],\"a\":null}}");
    ck_assert_ptr_null(row->error);
    show(&b.cells[row->first], got, sizeof(got));
    ck_assert_str_eq(got, "{\"a\":null,\"b\":[1,2]}");
}
END_TEST

Suite *suite_cell(void)
{
    Suite *s = suite_create("cell");
    TCase *tc = tcase_create("cell");

    tcase_add_checked_fixture(tc, NULL, teardown);
    tcase_add_loop_test(tc, a_scalar_is_stored_or_refused_by_its_column, 0,
                        sizeof(scalars) / sizeof(scalars[0]));
    tcase_add_loop_test(tc, a_row_is_checked_whole, 0,
                        sizeof(rows) / sizeof(rows[0]));
    tcase_add_test(tc, unknown_fields_may_be_ignored_at_each_depth);
    tcase_add_test(tc, a_load_takes_any_json_for_a_json_column);
    suite_add_tcase(s, tc);
    return s;
}
