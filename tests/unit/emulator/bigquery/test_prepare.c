/* SPDX-License-Identifier: Apache-2.0 */
/* What sql_prepare tells its caller: kinds, tables touched, what partition
 * filters leave, parameters, DDL as data; and what stops a run. */
#include <check.h>
#include <stdio.h>

#include "catalog.h"
#include "common/buf.h"
#include "common/clock.h"

static struct fixture f;
static struct sql_error err;

static void setup(void)
{
    fixture_init(&f);
}

static void teardown(void)
{
    fixture_fini(&f);
}

static void run(const char *sql)
{
    struct sql_counts counts;
    struct buf columns, rows;

    buf_init(&columns, 1 << 20);
    buf_init(&rows, 1 << 20);
    ck_assert_msg(fixture_run(&f, sql, "", &columns, &rows, &counts, &err) >= 0,
                  "%s: %s", sql, err.text);
    buf_fini(&columns);
    buf_fini(&rows);
}

static int prepare_with(const char *sql, struct sql_options options,
                        const char *params, struct sql_params **ps,
                        struct sql_stmt **out)
{
    options.now_us = f.now_us;
    *out = NULL;
    ck_assert_int_eq(sql_params_parse(str_from(params), ps, &err), RC_OK);
    return sql_prepare(str_from(sql), *ps, &f.catalog, &options, out, &err);
}

static struct sql_stmt *prepared(const char *sql)
{
    struct sql_options options = {.now_us = f.now_us};
    struct sql_stmt *out = NULL;
    int rc = sql_prepare(str_from(sql), NULL, &f.catalog, &options, &out, &err);

    ck_assert_msg(rc == RC_OK, "%s: %s", sql, err.text);
    return out;
}

static const struct {
    const char *sql, *kind;
} kinds[] = {
    {"SELECT 1", "SELECT"},
    {"WITH a AS (SELECT 1 AS x) SELECT x FROM a", "SELECT"},
    {"INSERT INTO t VALUES (1, 'a')", "INSERT"},
    {"UPDATE t SET s = 'x' WHERE TRUE", "UPDATE"},
    {"DELETE FROM t WHERE TRUE", "DELETE"},
    {"TRUNCATE TABLE t", "TRUNCATE_TABLE"},
    {"MERGE t USING t AS s ON FALSE WHEN NOT MATCHED THEN INSERT ROW", "MERGE"},
    {"CREATE TABLE n (x INT64)", "CREATE_TABLE"},
    {"CREATE TABLE n AS SELECT 1 AS x", "CREATE_TABLE_AS_SELECT"},
    {"CREATE VIEW n AS SELECT 1 AS x", "CREATE_VIEW"},
    {"CREATE SCHEMA n", "CREATE_SCHEMA"},
    {"DROP TABLE t", "DROP_TABLE"},
    {"DROP VIEW t", "DROP_VIEW"},
    {"DROP SCHEMA n CASCADE", "DROP_SCHEMA"},
    {"ALTER TABLE t ADD COLUMN y DATE", "ALTER_TABLE"},
};

START_TEST(names_the_kind_of_each_statement)
{
    struct sql_stmt *s;

    run("CREATE TABLE t (id INT64, s STRING)");
    s = prepared(kinds[_i].sql);
    ck_assert_str_eq(sql_kind_name(s->kind), kinds[_i].kind);
    sql_stmt_free(s);
}
END_TEST

START_TEST(lists_the_tables_that_a_statement_reads_and_writes)
{
    struct sql_stmt *s;

    run("CREATE TABLE t (id INT64)");
    run("CREATE TABLE u (id INT64)");
    run("CREATE VIEW v AS SELECT id FROM t");
    s = prepared("SELECT * FROM v JOIN u USING (id)");
    ck_assert_uint_eq(s->n_refs, 2);
    ck_assert(str_eq(s->refs[0].table.table, STR("t")));
    ck_assert(str_eq(s->refs[1].table.table, STR("u")));
    ck_assert(!s->refs[0].is_target);
    sql_stmt_free(s);
    s = prepared("INSERT INTO u SELECT id FROM t");
    ck_assert_uint_eq(s->n_refs, 2);
    ck_assert(str_eq(s->refs[0].table.table, STR("u")));
    ck_assert(s->refs[0].is_target);
    ck_assert(!s->refs[1].is_target);
    sql_stmt_free(s);
}
END_TEST

#define DAY 86400000000LL
/* 2024-01-01 in days and in microseconds. */
#define D0 19723LL
#define T0 (D0 * DAY)

static const struct {
    const char *where;
    int64_t low, high; /* of ts, microseconds */
} cuts[] = {
    {"ts >= '2024-01-01'", T0, INT64_MAX},
    {"ts > '2024-01-01'", T0 + 1, INT64_MAX},
    {"ts < '2024-01-01'", INT64_MIN, T0 - 1},
    {"'2024-01-01' <= ts", T0, INT64_MAX},
    {"ts = '2024-01-01'", T0, T0},
    {"ts BETWEEN '2024-01-01' AND '2024-01-02'", T0, T0 + DAY},
    {"DATE(ts) = '2024-01-01'", T0, T0 + DAY - 1},
    {"DATE(ts) > '2024-01-01'", T0 + DAY, INT64_MAX},
    {"'2024-01-01' = DATE(ts)", T0, T0 + DAY - 1},
    {"DATE '2024-01-01' < DATE(e.ts)", T0 + DAY, INT64_MAX},
    {"DATE_TRUNC(DATE '2024-01-02', WEEK(TUESDAY)) = DATE(ts)", T0 + DAY,
     T0 + 2 * DAY - 1},
    {"TIMESTAMP '2024-01-01' <= TIMESTAMP_TRUNC(ts, DAY)", T0, INT64_MAX},
    {"TIMESTAMP_TRUNC(TIMESTAMP '2024-01-01 10:00:00', DAY) = ts", T0, T0},
    {"CAST(ts AS DATE) <= '2024-01-01'", INT64_MIN, T0 + DAY - 1},
    {"TIMESTAMP_TRUNC(ts, DAY) = TIMESTAMP '2024-01-01'", T0, T0 + DAY - 1},
    {"ts >= '2024-01-01' AND ts < '2024-01-02' AND id = 5", T0, T0 + DAY - 1},
    {"ts = '2024-01-01' OR ts = '2024-01-02'", T0, T0 + DAY},
    {"ts IN ('2024-01-02', '2024-01-01')", T0, T0 + DAY},
    {"ts >= TIMESTAMP_SUB(TIMESTAMP '2024-01-02', INTERVAL 1 DAY)", T0,
     INT64_MAX},
    {"ts = CAST(NULL AS TIMESTAMP)", 1, 0},
};

START_TEST(bounds_what_a_filter_leaves_of_the_partitions)
{
    char sql[200];
    struct sql_stmt *s;

    run("CREATE TABLE e (id INT64, ts TIMESTAMP) PARTITION BY DATE(ts)");
    snprintf(sql, sizeof(sql), "SELECT id FROM e WHERE %s", cuts[_i].where);
    s = prepared(sql);
    ck_assert_int_eq(sql_prune(s, f.db, &err), RC_OK);
    ck_assert_uint_eq(s->n_refs, 1);
    ck_assert_msg(s->refs[0].pruned, "%s", cuts[_i].where);
    ck_assert_int_eq(s->refs[0].low, cuts[_i].low);
    ck_assert_int_eq(s->refs[0].high, cuts[_i].high);
    sql_stmt_free(s);
}
END_TEST

static const char *const uncut[] = {
    "TRUE",
    "id = 5",
    "ts >= '2024-01-01' OR id = 5",
    "EXTRACT(YEAR FROM ts) = 2024",
    "NOT ts = '2024-01-01'",
    "ts > (SELECT MAX(ts) FROM e)",
};

START_TEST(leaves_all_partitions_to_other_filters)
{
    char sql[200];
    struct sql_stmt *s;

    run("CREATE TABLE e (id INT64, ts TIMESTAMP) PARTITION BY DATE(ts)");
    snprintf(sql, sizeof(sql), "SELECT id FROM e WHERE %s", uncut[_i]);
    s = prepared(sql);
    ck_assert_int_eq(sql_prune(s, f.db, &err), RC_OK);
    ck_assert_msg(!s->refs[0].pruned, "%s", uncut[_i]);
    sql_stmt_free(s);
}
END_TEST

/* Partitions that ON leaves out of the target: read all the same for NOT
 * MATCHED BY SOURCE. The source is read whole but for its own WHERE. */
static const struct {
    const char *sql;
    bool target, source;
} merges[] = {
    {"e AS s ON e.id = s.id AND e.ts >= '2024-01-01' AND s.ts > '2024-01-01' "
     "WHEN NOT MATCHED THEN INSERT ROW",
     true, false},
    {"e AS s ON e.id = s.id AND e.ts >= '2024-01-01' "
     "WHEN NOT MATCHED BY SOURCE THEN DELETE",
     false, false},
    {"(SELECT * FROM e WHERE ts >= '2024-01-01') AS s ON e.id = s.id "
     "WHEN MATCHED AND e.ts >= '2024-01-01' THEN DELETE",
     false, true},
};

START_TEST(cuts_what_a_merge_need_not_read)
{
    char sql[300];
    struct sql_stmt *s;

    run("CREATE TABLE e (id INT64, ts TIMESTAMP) PARTITION BY DATE(ts)");
    snprintf(sql, sizeof(sql), "MERGE e USING %s", merges[_i].sql);
    s = prepared(sql);
    ck_assert_int_eq(sql_prune(s, f.db, &err), RC_OK);
    ck_assert_uint_eq(s->n_refs, 2);
    ck_assert(s->refs[0].is_target);
    ck_assert_msg(s->refs[0].pruned == merges[_i].target, "%s", sql);
    ck_assert_msg(s->refs[1].pruned == merges[_i].source, "%s", sql);
    sql_stmt_free(s);
}
END_TEST

START_TEST(cuts_partitions_by_a_parameter)
{
    struct sql_params *ps;
    struct sql_stmt *s;

    run("CREATE TABLE e (id INT64, d DATE) PARTITION BY d");
    ck_assert_int_eq(
        prepare_with("SELECT id FROM e WHERE d = @d", (struct sql_options){0},
                     "[{\"name\":\"d\",\"parameterType\":{\"type\":\"DATE\"},"
                     "\"parameterValue\":{\"value\":\"2024-01-01\"}}]",
                     &ps, &s),
        RC_OK);
    ck_assert_int_eq(sql_prune(s, f.db, &err), RC_OK);
    ck_assert_int_eq(s->refs[0].low, D0);
    ck_assert_int_eq(s->refs[0].high, D0);
    sql_stmt_free(s);
    sql_params_free(ps);
}
END_TEST

START_TEST(tells_undeclared_parameters_of_a_dry_run)
{
    struct sql_params *ps;
    struct sql_stmt *s;

    run("CREATE TABLE t (id INT64, s STRING)");
    ck_assert_int_eq(prepare_with("SELECT s FROM t WHERE id = @id AND s = @s",
                                  (struct sql_options){.dry_run = true}, "",
                                  &ps, &s),
                     RC_OK);
    ck_assert_uint_eq(s->n_undeclared, 2);
    ck_assert(str_eq(s->undeclared[0].name, STR("id")));
    ck_assert_int_eq(s->undeclared[0].type->kind, T_INT64);
    ck_assert_int_eq(s->undeclared[1].type->kind, T_STRING);
    sql_stmt_free(s);
    sql_params_free(ps);
}
END_TEST

START_TEST(refuses_equal_names_only_for_a_destination)
{
    struct sql_params *ps;
    struct sql_stmt *s;

    ck_assert_int_eq(prepare_with("SELECT 1 AS a, 2 AS a, 3 AS a",
                                  (struct sql_options){0}, "", &ps, &s),
                     RC_OK);
    ck_assert(str_eq(s->columns[1].name, STR("a_1")));
    ck_assert(str_eq(s->columns[2].name, STR("a_2")));
    sql_stmt_free(s);
    sql_params_free(ps);
    ck_assert_int_eq(prepare_with("SELECT 1 AS a, 2 AS a",
                                  (struct sql_options){.destination = true}, "",
                                  &ps, &s),
                     RC_INVALID);
    ck_assert_str_eq(err.text,
                     "Duplicate column names in the result are not supported "
                     "when a destination table is present. Found "
                     "duplicate(s): a");
    sql_params_free(ps);
}
END_TEST

START_TEST(knows_what_may_be_cached)
{
    static const char *const moving[] = {
        "SELECT CURRENT_TIMESTAMP()", "SELECT RAND()", "SELECT CURRENT_DATE",
        "SELECT GENERATE_UUID()", "SELECT 1 FROM INFORMATION_SCHEMA.SCHEMATA"};
    struct sql_stmt *s = prepared("SELECT 1 + 1");

    ck_assert(s->deterministic);
    sql_stmt_free(s);
    for (size_t i = 0; i < sizeof(moving) / sizeof(*moving); i++) {
        s = prepared(moving[i]);
        ck_assert_msg(!s->deterministic, "%s", moving[i]);
        sql_stmt_free(s);
    }
}
END_TEST

START_TEST(hands_over_a_table_as_declared)
{
    const struct sql_ddl *d;
    struct sql_stmt *s = prepared(
        "CREATE TABLE IF NOT EXISTS q.n (id INT64 NOT NULL OPTIONS "
        "(description = 'key'), s STRING(5), d NUMERIC(5, 2) DEFAULT 1.5, ts "
        "TIMESTAMP) PARTITION BY TIMESTAMP_TRUNC(ts, HOUR) CLUSTER BY id, s "
        "OPTIONS (partition_expiration_days = 3, labels = [('a', 'b')])");

    d = s->ddl;
    ck_assert(str_eq(d->project, STR("p")) && str_eq(d->dataset, STR("q")) &&
              str_eq(d->table, STR("n")));
    ck_assert(d->if_exists && !d->or_replace);
    ck_assert_uint_eq(d->n_columns, 4);
    ck_assert(d->columns[0].required);
    ck_assert(str_eq(d->columns[0].description, STR("key")));
    ck_assert_int_eq(d->columns[1].max_length, 5);
    ck_assert_int_eq(d->columns[2].precision, 5);
    ck_assert_int_eq(d->columns[2].scale, 2);
    ck_assert_str_eq(d->columns[2].default_sql, "1.5");
    ck_assert_str_eq(d->partition_by, "ts");
    ck_assert_str_eq(d->partition_type, "HOUR");
    ck_assert_uint_eq(d->n_cluster, 2);
    ck_assert_uint_eq(d->n_options, 2);
    ck_assert(str_eq(d->options[0].text, STR("3")));
    ck_assert_uint_eq(d->options[1].n_items, 2);
    sql_stmt_free(s);
}
END_TEST

static const struct {
    const char *sql;
    enum sql_alter_kind kind;
    const char *column;
} alters[] = {
    {"ALTER TABLE t ADD COLUMN IF NOT EXISTS c ARRAY<STRING>", ALTER_ADD_COLUMN,
     "c"},
    {"ALTER TABLE t DROP COLUMN s", ALTER_DROP_COLUMN, "s"},
    {"ALTER TABLE t RENAME COLUMN s TO z", ALTER_RENAME_COLUMN, "s"},
    {"ALTER TABLE t RENAME TO z", ALTER_RENAME_TABLE, ""},
    {"ALTER TABLE t SET OPTIONS (description = 'x')", ALTER_SET_OPTIONS, ""},
    {"ALTER TABLE t ALTER COLUMN id SET DATA TYPE NUMERIC", ALTER_COLUMN_TYPE,
     "id"},
    {"ALTER TABLE t ALTER COLUMN id DROP NOT NULL", ALTER_DROP_NOT_NULL, "id"},
    {"ALTER TABLE t ALTER COLUMN s SET DEFAULT 'q'", ALTER_SET_DEFAULT, "s"},
    {"ALTER TABLE t ALTER COLUMN s DROP DEFAULT", ALTER_DROP_DEFAULT, "s"},
    {"ALTER TABLE t ALTER COLUMN s SET OPTIONS (description = NULL)",
     ALTER_COLUMN_OPTIONS, "s"},
};

START_TEST(hands_over_a_change_of_a_table)
{
    struct sql_stmt *s;

    run("CREATE TABLE t (id INT64 NOT NULL, s STRING)");
    s = prepared(alters[_i].sql);
    ck_assert_uint_eq(s->ddl->n_alters, 1);
    ck_assert_int_eq(s->ddl->alters[0].kind, alters[_i].kind);
    ck_assert(str_eq(s->ddl->alters[0].column, str_from(alters[_i].column)));
    sql_stmt_free(s);
}
END_TEST

static const char endless[] =
    "SELECT COUNT(*) FROM UNNEST(GENERATE_ARRAY(1, 100000)) AS a, "
    "UNNEST(GENERATE_ARRAY(1, 100000)) AS b";

static int run_limited(struct sql_limits limits)
{
    struct sql_stmt *s = prepared(endless);
    struct sql_run *r = NULL;
    int rc = sql_open(s, f.db, &limits, NULL, &r, &err);

    if (rc == RC_OK)
        rc = sql_step(r, &err);
    sql_close(r);
    sql_stmt_free(s);
    return rc;
}

START_TEST(stops_when_cancelled)
{
    atomic_bool cancel = true;

    ck_assert_int_eq(run_limited((struct sql_limits){.cancel = &cancel}),
                     RC_CANCELLED);
    ck_assert_str_eq(err.reason, "stopped");
}
END_TEST

START_TEST(stops_at_its_deadline)
{
    int64_t now = clock_mono_us();

    ck_assert_int_eq(
        run_limited((struct sql_limits){.deadline_us = now + 50000}),
        RC_TIMEOUT);
    ck_assert_int_lt(clock_mono_us() - now, 5000000);
}
END_TEST

START_TEST(refuses_text_that_is_too_long)
{
    struct sql_options options = {0};
    struct sql_stmt *s = NULL;
    struct buf text;

    buf_init(&text, 4 << 20);
    buf_puts(&text, "SELECT 1");
    while (text.len <= SQL_TEXT_MAX)
        buf_puts(&text, " + 1");
    ck_assert_int_eq(
        sql_prepare(buf_as_str(&text), NULL, &f.catalog, &options, &s, &err),
        RC_INVALID);
    buf_fini(&text);
}
END_TEST

static const struct {
    const char *head, *repeated, *middle, *tail;
} deep[] = {
    {"SELECT ", "(", "1", ")"},
    {"SELECT ", "-", " 1", ""},
    {"SELECT ", "NOT ", "TRUE", ""},
    {"SELECT ", "ABS(", "1", ")"},
    {"SELECT ", "IF(TRUE, ", "1", ", 2)"},
    {"SELECT ", "(SELECT ", "1", ")"},
    {"SELECT * FROM ", "(SELECT * FROM ", "(SELECT 1 AS x)", ")"},
    {"SELECT ", "[", "1", "]"},
    {"SELECT CAST(NULL AS ", "STRUCT<", "INT64", ">"},
    {"SELECT 1", " UNION ALL SELECT 1", "", ""},
    {"SELECT 1", " + 1", "", ""},
    {"SELECT TRUE", " AND TRUE", "", ""},
    {"SELECT 'a'", " || 'a'", "", ""},
};

/* Whatever is said, it is said: no crash, no hang. */
START_TEST(survives_deep_nesting)
{
    struct sql_options options = {0};
    struct sql_stmt *s = NULL;
    struct sql_run *r = NULL;
    struct buf text;

    buf_init(&text, 1 << 20);
    buf_puts(&text, deep[_i].head);
    for (int i = 0; i < 20000; i++)
        buf_puts(&text, deep[_i].repeated);
    buf_puts(&text, deep[_i].middle);
    for (int i = 0; i < 20000; i++)
        buf_puts(&text, deep[_i].tail);
    if (sql_prepare(buf_as_str(&text), NULL, &f.catalog, &options, &s, &err) ==
            RC_OK &&
        sql_open(s, f.db, NULL, NULL, &r, &err) == RC_OK)
        ck_assert_int_eq(sql_step(r, &err), 1);
    else
        ck_assert_uint_gt(strlen(err.text), 0);
    sql_close(r);
    sql_stmt_free(s);
    buf_fini(&text);
}
END_TEST

#define N(array) ((int)(sizeof(array) / sizeof(*(array))))

Suite *suite_prepare(void)
{
    Suite *s = suite_create("sql prepare");
    TCase *t = tcase_create("statements");

    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, names_the_kind_of_each_statement, 0, N(kinds));
    tcase_add_test(t, lists_the_tables_that_a_statement_reads_and_writes);
    tcase_add_loop_test(t, bounds_what_a_filter_leaves_of_the_partitions, 0,
                        N(cuts));
    tcase_add_loop_test(t, leaves_all_partitions_to_other_filters, 0, N(uncut));
    tcase_add_loop_test(t, cuts_what_a_merge_need_not_read, 0, N(merges));
    tcase_add_test(t, cuts_partitions_by_a_parameter);
    tcase_add_test(t, tells_undeclared_parameters_of_a_dry_run);
    tcase_add_test(t, refuses_equal_names_only_for_a_destination);
    tcase_add_test(t, knows_what_may_be_cached);
    tcase_add_test(t, hands_over_a_table_as_declared);
    tcase_add_loop_test(t, hands_over_a_change_of_a_table, 0, N(alters));
    tcase_add_test(t, stops_when_cancelled);
    tcase_add_test(t, stops_at_its_deadline);
    tcase_add_test(t, refuses_text_that_is_too_long);
    tcase_add_loop_test(t, survives_deep_nesting, 0, N(deep));
    suite_add_tcase(s, t);
    return s;
}
