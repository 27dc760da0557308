/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "emulator/bigquery/fields.h"
#include "emulator/bigquery/partition.h"

static struct arena mem;
static struct partitioning p;

#define FIELDS                                                                 \
    "{\"fields\":[{\"name\":\"ts\",\"type\":\"TIMESTAMP\"},"                   \
    "{\"name\":\"d\",\"type\":\"DATE\"},{\"name\":\"n\",\"type\":\"INT64\"},"  \
    "{\"name\":\"s\",\"type\":\"STRING\"}]}"

static void setup(void)
{
    arena_init(&mem);
}

static void teardown(void)
{
    arena_fini(&mem);
}

static int parse(const char *body)
{
    json_t *fields = json_loads(FIELDS, 0, NULL);
    json_t *json = json_loads(body, 0, NULL);
    struct sql_column *columns;
    struct fail f = {0};
    size_t n;
    int rc;

    ck_assert_int_eq(fields_parse(fields, &mem, &columns, &n, &f), RC_OK);
    ck_assert_ptr_nonnull(json);
    rc = partition_parse(json, &mem, columns, n, &p, &f);
    ck_assert_int_eq(rc != RC_OK, f.reason != NULL);
    json_decref(fields);
    json_decref(json);
    return rc;
}

#define TIME(type, field)                                                      \
    "{\"timePartitioning\":{\"type\":\"" type "\",\"field\":\"" field "\"}}"
#define RANGE                                                                  \
    "{\"rangePartitioning\":{\"field\":\"n\",\"range\":{\"start\":\"0\","      \
    "\"end\":\"100\",\"interval\":\"10\"}}}"

static const struct {
    const char *body;
    int64_t value;
    const char *name;
} cases[] = {
    {TIME("DAY", "ts"), 1736899200000000, "20250115"},
    {TIME("DAY", "ts"), -1, "19691231"},
    {TIME("HOUR", "ts"), 1736899200000000 - 1, "2025011423"},
    {TIME("MONTH", "ts"), 1736899200000000, "202501"},
    {TIME("YEAR", "ts"), 1736899200000000, "2025"},
    {TIME("DAY", "d"), 20103, "20250115"},
    {TIME("MONTH", "d"), 20103, "202501"},
    {"{\"timePartitioning\":{\"type\":\"DAY\"}}", 1736899200000000, "20250115"},
    {RANGE, 0, "0"},
    {RANGE, 99, "90"},
    {RANGE, 100, "__UNPARTITIONED__"},
    {RANGE, -1, "__UNPARTITIONED__"},
};

START_TEST(a_value_belongs_to_the_partition_of_its_name)
{
    char name[PARTITION_NAME_MAX];
    struct fail f = {0};
    int64_t id, again;

    ck_assert_int_eq(parse(cases[_i].body), RC_OK);
    id = partition_of(&p, cases[_i].value);
    partition_name(&p, id, name);
    ck_assert_str_eq(name, cases[_i].name);
    if (id == PARTITION_BEYOND)
        return;
    ck_assert_int_le(id, cases[_i].value);
    ck_assert_int_gt(partition_next(&p, id), cases[_i].value);
    /* the name is a decorator too */
    ck_assert_int_eq(partition_decorator(&p, str_from(name), &again, &f),
                     RC_OK);
    ck_assert_int_eq(again, id);
}
END_TEST

static const char *const refused[] = {
    TIME("DAY", "nowhere"),
    TIME("DAY", "s"),
    TIME("WEEK", "ts"),
    TIME("HOUR", "d"),
    "{\"timePartitioning\":{\"field\":\"ts\"}}",
    "{\"rangePartitioning\":{\"field\":\"ts\",\"range\":{\"start\":0,\"end\":1,"
    "\"interval\":1}}}",
    "{\"rangePartitioning\":{\"field\":\"n\",\"range\":{\"start\":0,\"end\":1,"
    "\"interval\":0}}}",
};

START_TEST(what_cannot_be_a_partitioning_is_refused)
{
    ck_assert_msg(parse(refused[_i]) == RC_INVALID, "%s", refused[_i]);
}
END_TEST

static const char *const wrong[] = {"",        "2025",  "20250230",
                                    "2025011", "today", "2025011423"};

START_TEST(a_decorator_of_another_form_is_refused)
{
    struct fail f = {0};
    int64_t id;

    ck_assert_int_eq(parse(TIME("DAY", "ts")), RC_OK);
    ck_assert_msg(partition_decorator(&p, str_from(wrong[_i]), &id, &f) ==
                      RC_INVALID,
                  "%s", wrong[_i]);
    ck_assert_str_eq(f.reason, "invalid");
}
END_TEST

START_TEST(a_table_without_partitions_has_no_decorators)
{
    struct fail f = {0};
    int64_t id;

    ck_assert_int_eq(parse("{}"), RC_OK);
    ck_assert_ptr_null(p.by);
    ck_assert_int_eq(partition_decorator(&p, STR("20250101"), &id, &f),
                     RC_INVALID);
}
END_TEST

Suite *suite_partition(void)
{
    Suite *s = suite_create("partition");
    TCase *tc = tcase_create("partition");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, a_value_belongs_to_the_partition_of_its_name, 0,
                        sizeof(cases) / sizeof(cases[0]));
    tcase_add_loop_test(tc, what_cannot_be_a_partitioning_is_refused, 0,
                        sizeof(refused) / sizeof(refused[0]));
    tcase_add_loop_test(tc, a_decorator_of_another_form_is_refused, 0,
                        sizeof(wrong) / sizeof(wrong[0]));
    tcase_add_test(tc, a_table_without_partitions_has_no_decorators);
    suite_add_tcase(s, tc);
    return s;
}
