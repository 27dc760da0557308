/* SPDX-License-Identifier: Apache-2.0 */
/* The table and the schema: columns that are added, differences that are
 * refused, every type there and back. */
#include <check.h>
#include <math.h>

#include "fixture.h"

static struct fixture f;

static void setup(void)
{
    fixture_init(&f);
}

static void teardown(void)
{
    fixture_fini(&f);
}

#define HEAD                                                                   \
    "[{\"name\":\"id\",\"type\":\"STRING\",\"mode\":\"REQUIRED\"},"            \
    "{\"name\":\"contenido\",\"type\":\"STRING\"},"                            \
    "{\"name\":\"timestamp\",\"type\":\"TIMESTAMP\",\"mode\":\"REQUIRED\"}"

static int reopen(const char *fields, struct err *err)
{
    fixture_close(&f);
    schema_free(f.schema);
    f.schema = NULL;
    ck_assert_msg(
        schema_parse(str_from(fields), "prueba", true, &f.schema, err) == RC_OK,
        "%s", err->text);
    return store_open_sqlite(f.path, f.schema, &f.store, err);
}

START_TEST(new_nullable_columns_are_added)
{
    struct store_query q = {.limit = 1};
    struct err err = {.text = ""};

    fixture_stored(&f, "a");
    ck_assert_msg(reopen(HEAD ",{\"name\":\"extra\",\"type\":\"DATE\"},"
                              "{\"name\":\"n\",\"type\":\"INTEGER\"}]",
                         &err) == RC_OK,
                  "%s", err.text);
    fixture_stored(&f, "b");
    q.id = STR("a");
    ck_assert_int_eq(query_rows(f.loop, f.store, &q), RC_OK);
    ck_assert_uint_eq(q.rows.n, 1);
    ck_assert(str_eq(q.rows.rows[0]->json,
                     STR("{\"id\":\"a\",\"contenido\":\"x\",\"timestamp\":"
                         "\"2025-01-14T10:00:00+00:00\",\"extra\":null,"
                         "\"n\":null}")));
    row_list_fini(&q.rows);
    /* going back would hide columns */
    ck_assert_int_eq(reopen(HEAD "]", &err), RC_INVALID);
    ck_assert_ptr_nonnull(strstr(err.text, "`extra`"));
    /* another order of the same columns is the same table */
    ck_assert_int_eq(reopen(HEAD ",{\"name\":\"n\",\"type\":\"INTEGER\"},"
                                 "{\"name\":\"extra\",\"type\":\"DATE\"}]",
                            &err),
                     RC_OK);
    ck_assert_uint_eq(fixture_count(&f), 2);
}
END_TEST

static const struct {
    const char *fields;
    const char *column;
} different[] = {
    {HEAD ",{\"name\":\"new\",\"type\":\"STRING\",\"mode\":\"REQUIRED\"}]",
     "`new` is new and REQUIRED"},
    {HEAD ",{\"name\":\"new\",\"type\":\"STRING\",\"mode\":\"REPEATED\"}]",
     "`new` is new and REPEATED"},
    /* SQLite's word for both is TEXT */
    {"[{\"name\":\"id\",\"type\":\"STRING\",\"mode\":\"REQUIRED\"},"
     "{\"name\":\"contenido\",\"type\":\"DATE\"},"
     "{\"name\":\"timestamp\",\"type\":\"TIMESTAMP\",\"mode\":\"REQUIRED\"}]",
     "`contenido` is STRING NULLABLE in the table but DATE"},
    {"[{\"name\":\"id\",\"type\":\"STRING\",\"mode\":\"REQUIRED\"},"
     "{\"name\":\"contenido\",\"type\":\"STRING\",\"mode\":\"REQUIRED\"},"
     "{\"name\":\"timestamp\",\"type\":\"TIMESTAMP\",\"mode\":\"REQUIRED\"}]",
     "`contenido` is STRING NULLABLE in the table but STRING REQUIRED"},
    {"[{\"name\":\"id\",\"type\":\"STRING\",\"mode\":\"REQUIRED\"},"
     "{\"name\":\"timestamp\",\"type\":\"TIMESTAMP\",\"mode\":\"REQUIRED\"}]",
     "`contenido` is in the table but not in the schema"},
};

START_TEST(any_other_difference_names_the_column)
{
    struct err err = {.text = ""};

    ck_assert_int_eq(reopen(different[_i].fields, &err), RC_INVALID);
    ck_assert_ptr_null(f.store);
    ck_assert_msg(strstr(err.text, different[_i].column) &&
                      strstr(err.text, f.path),
                  "%s", err.text);
}
END_TEST

START_TEST(a_field_inside_a_record_may_be_added)
{
    static const char before[] =
        HEAD ",{\"name\":\"r\",\"type\":\"RECORD\",\"fields\":["
             "{\"name\":\"a\",\"type\":\"INTEGER\"}]}]";
    static const char after[] =
        HEAD ",{\"name\":\"r\",\"type\":\"RECORD\",\"fields\":["
             "{\"name\":\"a\",\"type\":\"INTEGER\"},"
             "{\"name\":\"b\",\"type\":\"STRING\"}]}]";
    static const char worse[] =
        HEAD ",{\"name\":\"r\",\"type\":\"RECORD\",\"fields\":["
             "{\"name\":\"a\",\"type\":\"STRING\"}]}]";
    static const char json[] = "{\"id\":\"k\",\"r\":{\"a\":7},\"timestamp\":"
                               "\"2025-01-14T10:00:00Z\"}";
    struct err err = {.text = ""};
    struct reject why;
    enum store_result result;

    ck_assert_int_eq(reopen(before, &err), RC_OK);
    for (int round = 0; round < 2; round++) {
        struct row *row;
        ck_assert_int_eq(row_parse(f.schema, str_from(json), NULL, &row, &why),
                         RC_OK);
        ck_assert_int_eq(insert_one(f.loop, f.store, row, &result), RC_OK);
        ck_assert_int_eq(result, round ? STORE_DUPLICATE : STORE_STORED);
        if (round == 0)
            ck_assert_int_eq(reopen(after, &err), RC_OK);
    }
    ck_assert_int_eq(reopen(worse, &err), RC_INVALID);
    ck_assert_msg(strstr(err.text, "`r.a`") || strstr(err.text, "`r.b`"), "%s",
                  err.text);
}
END_TEST

START_TEST(a_table_made_by_hand_is_held_to_its_columns)
{
    struct err err = {.text = ""};

    fixture_close(&f);
    unlink(f.path);
    fixture_sql(&f, "CREATE TABLE datos (id TEXT NOT NULL, timestamp INTEGER "
                    "NOT NULL)");
    ck_assert_int_eq(reopen(HEAD "]", &err), RC_OK);
    fixture_stored(&f, "a");
    fixture_close(&f);
    unlink(f.path);
    fixture_sql(&f, "CREATE TABLE datos (id TEXT NOT NULL, contenido REAL, "
                    "timestamp INTEGER NOT NULL)");
    ck_assert_int_eq(reopen(HEAD "]", &err), RC_INVALID);
    ck_assert_ptr_nonnull(strstr(err.text, "`contenido`"));
}
END_TEST

START_TEST(every_type_comes_back_as_it_went_in)
{
    static const char fields[] = HEAD
        ",{\"name\":\"i\",\"type\":\"INTEGER\"},{\"name\":\"f\",\"type\":"
        "\"FLOAT\"},{\"name\":\"b\",\"type\":\"BOOLEAN\"},{\"name\":\"y\","
        "\"type\":\"BYTES\"},{\"name\":\"n\",\"type\":\"NUMERIC\"},{\"name\":"
        "\"g\",\"type\":\"BIGNUMERIC\"},{\"name\":\"d\",\"type\":\"DATE\"},"
        "{\"name\":\"t\",\"type\":\"TIME\"},{\"name\":\"w\",\"type\":"
        "\"DATETIME\"},{\"name\":\"z\",\"type\":\"TIMESTAMP\"},{\"name\":\"j\","
        "\"type\":\"JSON\"},{\"name\":\"l\",\"type\":\"FLOAT\",\"mode\":"
        "\"REPEATED\"}]";
    static const char *const json[] = {
        "{\"id\":\"1\",\"timestamp\":\"2025-01-14T10:00:00Z\",\"i\":"
        "9223372036854775807,\"f\":0.1,\"b\":true,\"y\":\"AP8=\",\"n\":"
        "\"12345678901234567890.123456789\",\"g\":\"1e-38\",\"d\":"
        "\"2024-02-29\",\"t\":\"10:00:00.5\",\"w\":\"2024-02-29T10:00:00\","
        "\"z\":\"0001-01-01T00:00:00Z\",\"j\":{\"a\":[1.10,null]},\"l\":[1,"
        "\"NaN\"]}",
        "{\"id\":\"2\",\"timestamp\":\"2025-01-14T10:00:00Z\",\"f\":\"NaN\","
        "\"y\":\"\",\"b\":false}",
        "{\"id\":\"3\",\"timestamp\":\"2025-01-14T10:00:00Z\",\"f\":\"-inf\","
        "\"i\":-9223372036854775808}",
        "{\"id\":\"4\",\"timestamp\":\"2025-01-14T10:00:00Z\",\"f\":-0.0,"
        "\"j\":\"null\"}",
        "{\"id\":\"5\",\"timestamp\":\"2025-01-14T10:00:00Z\",\"f\":5}",
    };
    struct err err = {.text = ""};
    struct reject why;
    enum store_result result;

    fixture_close(&f);
    unlink(f.path);
    ck_assert_msg(reopen(fields, &err) == RC_OK, "%s", err.text);
    for (size_t i = 0; i < sizeof(json) / sizeof(json[0]); i++) {
        struct row *row;
        struct store_query q = {.limit = 1};
        ck_assert_msg(
            row_parse(f.schema, str_from(json[i]), NULL, &row, &why) == RC_OK,
            "%s: %s", why.field, why.reason);
        ck_assert_int_eq(insert_one(f.loop, f.store, row_ref(row), &result),
                         RC_OK);
        ck_assert_int_eq(result, STORE_STORED);
        q.id = row->id;
        ck_assert_int_eq(query_rows(f.loop, f.store, &q), RC_OK);
        ck_assert_uint_eq(q.rows.n, 1);
        ck_assert_msg(str_eq(q.rows.rows[0]->json, row->json),
                      "%.*s\n is not %.*s", STR_ARG(q.rows.rows[0]->json),
                      STR_ARG(row->json));
        row_list_fini(&q.rows);
        ck_assert_int_eq(insert_one(f.loop, f.store, row, &result), RC_OK);
        ck_assert_int_eq(result, STORE_DUPLICATE);
    }
    /* people at the sqlite3 prompt find real columns */
    fixture_sql(&f, "UPDATE datos SET n = n WHERE typeof(timestamp) = "
                    "'integer' AND typeof(y) IN ('blob', 'null') AND "
                    "typeof(n) IN ('text', 'null')");
}
END_TEST

Suite *suite_sqlite_schema(void)
{
    Suite *s = suite_create("sqlite_schema");
    TCase *tc = tcase_create("sqlite_schema");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, new_nullable_columns_are_added);
    tcase_add_loop_test(tc, any_other_difference_names_the_column, 0,
                        sizeof(different) / sizeof(different[0]));
    tcase_add_test(tc, a_field_inside_a_record_may_be_added);
    tcase_add_test(tc, a_table_made_by_hand_is_held_to_its_columns);
    tcase_add_test(tc, every_type_comes_back_as_it_went_in);
    suite_add_tcase(s, tc);
    return s;
}
