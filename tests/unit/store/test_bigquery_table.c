/* SPDX-License-Identifier: Apache-2.0 */
/* The table that is there: missing, other, older than the schema. */
#include "bigquery_fixture.h"

static struct bigquery_fixture f;
static char table[600]; /* what tables.get answers */
static char patched[2000];
static _Atomic int patch_status;

static void setup(void)
{
    fixture_begin(&f);
}

static void teardown(void)
{
    fixture_end(&f);
}

static bool give_table(struct fake *fake, struct http_req *req, json_t *body)
{
    struct str in = http_req_body(req);

    (void)fake;
    (void)body;
    if (is_insert(req) || is_query(req))
        return false;
    if (http_req_method(req) == HTTP_PATCH) {
        snprintf(patched, sizeof(patched), "%.*s", STR_ARG(in));
        if (patch_status != 200) {
            fake_fail(req, patch_status, "accessDenied", "may not");
            return true;
        }
        snprintf(table, sizeof(table), "%.*s", STR_ARG(in));
    }
    if (!table[0])
        fake_fail(req, 404, "notFound", "Not found: Table");
    else
        fake_reply(req, 200, json_loads(table, 0, NULL));
    return true;
}

static int try_to_open(const char *fields, struct store **store,
                       struct err *err)
{
    const struct bigquery_config config = {
        .project = "datos-local",
        .dataset = "latam_dataset",
        .table = "datos",
        .emulator = f.fake.host,
        .schema = f.schema,
    };

    snprintf(table, sizeof(table),
             fields ? "{\"creationTime\":\"1\",\"schema\":{\"fields\":[%s]}}"
                    : "%s",
             fields ? fields : "");
    patch_status = 200;
    f.fake.before = give_table;
    return store_open_bigquery(&config, store, err);
}

#define ID "{\"name\":\"id\",\"type\":\"STRING\",\"mode\":\"REQUIRED\"}"
#define TIME                                                                   \
    "{\"name\":\"timestamp\",\"type\":\"TIMESTAMP\",\"mode\":\"REQUIRED\"}"

START_TEST(a_missing_nullable_column_is_added)
{
    struct store *store;
    struct err err;

    ck_assert_msg(try_to_open(ID "," TIME, &store, &err) == RC_OK, "%s",
                  err.text);
    ck_assert_int_eq(ping_store(f.loop, store, &err), RC_OK);
    ck_assert_str_eq(patched,
                     "{\"schema\":{\"fields\":[" ID "," TIME
                     ",{\"name\":\"contenido\",\"type\":\"STRING\",\"mode\":"
                     "\"NULLABLE\"}]}}");
    store_close(store);
}
END_TEST

static const struct {
    const char *fields, *word;
} others[] = {
    {ID "," TIME ",{\"name\":\"contenido\",\"type\":\"INTEGER\"}", "contenido"},
    {ID ",{\"name\":\"contenido\",\"type\":\"STRING\"}", "timestamp"},
    {ID "," TIME ",{\"name\":\"contenido\",\"type\":\"STRING\"},{\"name\":"
        "\"more\",\"type\":\"STRING\",\"mode\":\"REQUIRED\"}",
     "more"},
};

START_TEST(another_table_is_a_start_error)
{
    struct store *store;
    struct err err;

    ck_assert_int_eq(try_to_open(others[_i].fields, &store, &err), RC_INVALID);
    ck_assert_ptr_nonnull(strstr(err.text, others[_i].word));
    ck_assert_ptr_nonnull(strstr(err.text, "datos-local.latam_dataset.datos"));
}
END_TEST

START_TEST(a_missing_table_is_waited_for)
{
    struct row *row = make_row(f.schema, "a", "x", 1);
    enum store_result result;
    struct store *store;
    struct err err;

    ck_assert_int_eq(try_to_open(NULL, &store, &err), RC_OK);
    ck_assert_int_ne(ping_store(f.loop, store, &err), RC_OK);
    ck_assert_ptr_nonnull(strstr(err.text, "Not found: Table"));
    ck_assert_int_eq(insert_rows(f.loop, store, &row, 1, true, &result, &err),
                     RC_UNAVAILABLE);
    f.fake.before = NULL;
    ck_assert_int_eq(ping_store(f.loop, store, &err), RC_OK);
    ck_assert_int_eq(
        insert_one(f.loop, store, make_row(f.schema, "a", "x", 1), &result),
        RC_OK);
    store_close(store);
}
END_TEST

START_TEST(a_ping_fails_while_columns_cannot_be_added)
{
    struct store *store;
    struct err err;

    ck_assert_int_eq(try_to_open(NULL, &store, &err), RC_OK);
    patch_status = 403;
    snprintf(table, sizeof(table),
             "{\"creationTime\":\"1\",\"schema\":{\"fields\":[" ID "," TIME
             "]}}");
    ck_assert_int_ne(ping_store(f.loop, store, &err), RC_OK);
    ck_assert_ptr_nonnull(strstr(err.text, "may not"));
    patch_status = 200;
    ck_assert_int_eq(ping_store(f.loop, store, &err), RC_OK);
    store_close(store);
}
END_TEST

static const struct {
    const char *project, *dataset, *table, *word;
} names[] = {
    {"p`q", "d", "t", "GOOGLE_CLOUD_PROJECT"},
    {"p", "d-e", "t", "DATOS_DATASET"},
    {"p", "d", "t/u", "DATOS_TABLE"},
    {"p", "d", "", "DATOS_TABLE"},
};

START_TEST(names_that_could_break_out_are_refused)
{
    const struct bigquery_config config = {
        .project = names[_i].project,
        .dataset = names[_i].dataset,
        .table = names[_i].table,
        .emulator = f.fake.host,
        .schema = f.schema,
    };
    struct store *store;
    struct err err;

    ck_assert_int_eq(store_open_bigquery(&config, &store, &err), RC_INVALID);
    ck_assert_ptr_nonnull(strstr(err.text, names[_i].word));
}
END_TEST

START_TEST(a_service_that_is_away_is_no_start_error)
{
    struct bigquery_config config = {
        .project = "p",
        .dataset = "d",
        .table = "t",
        .emulator = "127.0.0.1:1",
        .schema = f.schema,
    };
    struct store *store;
    struct err err;

    ck_assert_int_eq(store_open_bigquery(&config, &store, &err), RC_OK);
    ck_assert_int_ne(ping_store(f.loop, store, &err), RC_OK);
    store_close(store);
}
END_TEST

Suite *suite_bigquery_table(void)
{
    Suite *s = suite_create("bigquery_table");
    TCase *tc = tcase_create("bigquery_table");

    tcase_set_timeout(tc, 30);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_missing_nullable_column_is_added);
    tcase_add_loop_test(tc, another_table_is_a_start_error, 0,
                        sizeof(others) / sizeof(others[0]));
    tcase_add_test(tc, a_missing_table_is_waited_for);
    tcase_add_test(tc, a_ping_fails_while_columns_cannot_be_added);
    tcase_add_loop_test(tc, names_that_could_break_out_are_refused, 0,
                        sizeof(names) / sizeof(names[0]));
    tcase_add_test(tc, a_service_that_is_away_is_no_start_error);
    suite_add_tcase(s, tc);
    return s;
}
