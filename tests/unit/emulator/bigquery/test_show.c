/* SPDX-License-Identifier: Apache-2.0 */
/* Rows as the REST API and extract jobs have them. */
#include <check.h>

#include "catalog.h"
#include "common/buf.h"

static struct fixture f;

static void setup(void)
{
    fixture_init(&f);
}

static void teardown(void)
{
    fixture_fini(&f);
}

enum shape {
    AS_FLOAT = SQL_TS_FLOAT,
    AS_INT64 = SQL_TS_INT64,
    AS_ISO = SQL_TS_ISO8601,
    AS_OBJECT
};

static const struct {
    const char *sql;
    enum shape shape;
    const char *want;
} rows[] = {
    {"SELECT TIMESTAMP '2024-01-01'", AS_FLOAT,
     "{\"f\":[{\"v\":\"1.7040672E9\"}]}"},
    {"SELECT TIMESTAMP '2024-01-01 00:00:00.123456'", AS_FLOAT,
     "{\"f\":[{\"v\":\"1.704067200123456E9\"}]}"},
    {"SELECT TIMESTAMP '1970-01-01'", AS_FLOAT, "{\"f\":[{\"v\":\"0.0\"}]}"},
    {"SELECT TIMESTAMP '1969-12-31 23:59:59'", AS_FLOAT,
     "{\"f\":[{\"v\":\"-1.0\"}]}"},
    {"SELECT TIMESTAMP '2024-01-01'", AS_INT64,
     "{\"f\":[{\"v\":\"1704067200000000\"}]}"},
    {"SELECT TIMESTAMP '2024-01-01 10:00:00.5'", AS_ISO,
     "{\"f\":[{\"v\":\"2024-01-01T10:00:00.500Z\"}]}"},
    {"SELECT 1, 1.5, TRUE, 'a\"b', b'ab', NULL", AS_INT64,
     "{\"f\":[{\"v\":\"1\"},{\"v\":\"1.5\"},{\"v\":\"true\"},{\"v\":"
     "\"a\\\"b\"},{\"v\":\"YWI=\"},{\"v\":null}]}"},
    {"SELECT DATE '2024-01-01', TIME '10:00:00', DATETIME '2024-01-01 "
     "10:00:00', NUMERIC '1.50', JSON '{\"a\": 1}'",
     AS_INT64,
     "{\"f\":[{\"v\":\"2024-01-01\"},{\"v\":\"10:00:00\"},{\"v\":\"2024-01-"
     "01T10:00:00\"},{\"v\":\"1.5\"},{\"v\":\"{\\\"a\\\":1}\"}]}"},
    {"SELECT [1, 2], CAST(NULL AS ARRAY<STRING>), STRUCT(1 AS a, ['x'] AS b), "
     "[STRUCT(TRUE AS c)]",
     AS_INT64,
     "{\"f\":[{\"v\":[{\"v\":\"1\"},{\"v\":\"2\"}]},{\"v\":[]},{\"v\":{\"f\":"
     "[{\"v\":\"1\"},{\"v\":[{\"v\":\"x\"}]}]}},{\"v\":[{\"v\":{\"f\":[{"
     "\"v\":\"true\"}]}}]}]}"},
    {"SELECT CAST('NaN' AS FLOAT64), CAST('-inf' AS FLOAT64), 1e100, "
     "12345678.0",
     AS_INT64,
     "{\"f\":[{\"v\":\"NaN\"},{\"v\":\"-Infinity\"},{\"v\":\"1.0E100\"},{"
     "\"v\":\"1.2345678E7\"}]}"},
    {"SELECT 1 AS id, 'x' AS name, [1, 2] AS list, STRUCT(TRUE AS ok, NULL AS "
     "z) AS s, CAST(NULL AS DATE) AS d, 1.5 AS f, NUMERIC '2' AS n, TIMESTAMP "
     "'2024-01-01 10:00:00' AS t",
     AS_OBJECT,
     "{\"id\":\"1\",\"name\":\"x\",\"list\":[\"1\",\"2\"],\"s\":{\"ok\":"
     "true},\"f\":1.5,\"n\":\"2\",\"t\":\"2024-01-01 10:00:00 UTC\"}"},
};

START_TEST(shows_a_row)
{
    struct sql_options options = {.now_us = f.now_us};
    struct sql_stmt *stmt = NULL;
    struct sql_run *run = NULL;
    struct sql_error err;
    struct buf out;

    buf_init(&out, 1 << 20);
    ck_assert_int_eq(sql_prepare(str_from(rows[_i].sql), NULL, &f.catalog,
                                 &options, &stmt, &err),
                     RC_OK);
    ck_assert_int_eq(sql_open(stmt, f.db, NULL, NULL, &run, &err), RC_OK);
    ck_assert_int_eq(sql_step(run, &err), 1);
    if (rows[_i].shape == AS_OBJECT)
        sql_row_object(run, &out);
    else
        sql_row_json(run, (enum sql_ts_format)rows[_i].shape, &out);
    ck_assert_str_eq(out.data, rows[_i].want);
    ck_assert_int_eq(sql_step(run, &err), 0);
    sql_close(run);
    sql_stmt_free(stmt);
    buf_fini(&out);
}
END_TEST

Suite *suite_show(void)
{
    Suite *s = suite_create("sql show");
    TCase *t = tcase_create("rows");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, shows_a_row, 0, (int)(sizeof(rows) / sizeof(*rows)));
    suite_add_tcase(s, t);
    return s;
}
