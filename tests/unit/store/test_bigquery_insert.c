/* SPDX-License-Identifier: Apache-2.0 */
/* Rows in, against a service that refuses, stalls, loses and lies. */
#include "bigquery_fixture.h"

static struct bigquery_fixture f;
static _Atomic unsigned n_before; /* insertAll calls that the hook has seen */

static void setup(void)
{
    fixture_begin(&f);
}

static void teardown(void)
{
    fixture_end(&f);
}

static int put(const char *id, const char *text, enum store_result *result)
{
    return insert_one(f.loop, f.store, make_row(f.schema, id, text, 1), result);
}

static void expect_rows(const char *ids)
{
    struct store_query q = {.limit = 100};
    char text[1000];

    ck_assert_int_eq(query_rows(f.loop, f.store, &q), RC_OK);
    ck_assert_str_eq(ids_of(&q, text, sizeof(text)), ids);
}

/* As production: one bad row and nothing is inserted. */
static bool refuse_bad(struct fake *fake, struct http_req *req, json_t *body)
{
    json_t *errors = json_array(), *row;
    bool any = false;
    size_t i;

    (void)fake;
    json_array_foreach(json_object_get(body, "rows"), i, row)
    {
        const char *text = json_string_value(
            json_object_get(json_object_get(row, "json"), "contenido"));
        bool bad = text && strcmp(text, "bad") == 0;
        any = any || bad;
        json_array_append_new(
            errors,
            json_pack("{s:i,s:[{s:s,s:s,s:s}]}", "index", (int)i, "errors",
                      "reason", bad ? "invalid" : "stopped", "location",
                      bad ? "contenido" : "", "message", bad ? "too bad" : ""));
    }
    n_before += is_insert(req);
    if (any)
        fake_reply(req, 200, json_pack("{s:o}", "insertErrors", errors));
    else
        json_decref(errors);
    return any;
}

START_TEST(a_bad_row_is_rejected_and_the_stopped_ones_are_stored)
{
    struct row *rows[3] = {make_row(f.schema, "a", "x", 1),
                           make_row(f.schema, "b", "bad", 2),
                           make_row(f.schema, "c", "x", 3)};
    enum store_result results[3];

    f.fake.before = refuse_bad;
    ck_assert_int_eq(
        insert_rows(f.loop, f.store, rows, 3, false, results, NULL), RC_OK);
    ck_assert_int_eq(results[0], STORE_STORED);
    ck_assert_int_eq(results[1], STORE_REJECTED);
    ck_assert_int_eq(results[2], STORE_STORED);
    ck_assert_uint_eq(n_before, 2);
    expect_rows("c,a");
    /* the id is free again */
    ck_assert_int_eq(put("b", "good", &results[0]), RC_OK);
    ck_assert_int_eq(results[0], STORE_STORED);
}
END_TEST

START_TEST(an_atomic_insert_with_a_bad_row_leaves_nothing)
{
    struct row *rows[3] = {make_row(f.schema, "a", "x", 1),
                           make_row(f.schema, "b", "bad", 2),
                           make_row(f.schema, "c", "x", 3)};
    enum store_result results[3];
    struct err err;

    f.fake.before = refuse_bad;
    ck_assert_int_eq(insert_rows(f.loop, f.store, rows, 3, true, results, &err),
                     RC_SCHEMA);
    ck_assert_int_eq(results[0], STORE_STORED);
    ck_assert_int_eq(results[1], STORE_REJECTED);
    ck_assert_ptr_nonnull(strstr(err.text, "contenido: too bad"));
    expect_rows("");
    ck_assert_int_eq(put("a", "other", &results[0]), RC_OK);
    ck_assert_int_eq(results[0], STORE_STORED);
}
END_TEST

/* The second row is put off once. */
static bool put_off(struct fake *fake, struct http_req *req, json_t *body)
{
    json_t *rows = json_object_get(body, "rows");

    if (!is_insert(req) || n_before++)
        return false;
    json_array_remove(rows, 1);
    pthread_mutex_lock(&fake->lock);
    fake_add(fake, "", "a", "x", BASE_US + 1);
    pthread_mutex_unlock(&fake->lock);
    fake_reply(req, 200,
               json_pack("{s:[{s:i,s:[{s:s}]}]}", "insertErrors", "index", 1,
                         "errors", "reason", "timeout"));
    return true;
}

START_TEST(a_row_that_is_put_off_is_sent_again_alone)
{
    struct row *rows[2] = {make_row(f.schema, "a", "x", 1),
                           make_row(f.schema, "b", "x", 2)};
    enum store_result results[2];

    f.fake.before = put_off;
    ck_assert_int_eq(
        insert_rows(f.loop, f.store, rows, 2, false, results, NULL), RC_OK);
    ck_assert_int_eq(results[0], STORE_STORED);
    ck_assert_int_eq(results[1], STORE_STORED);
    ck_assert_uint_eq(f.fake.n_rows, 2);
    expect_rows("b,a");
}
END_TEST

static const struct {
    int status;
    const char *reason;
} passing[] = {
    {503, "backendError"},
    {500, "internalError"},
    {429, "rateLimitExceeded"},
    {403, "rateLimitExceeded"},
    {502, ""},
    {400, "jobBackendError"},
};

static bool fail_twice(struct fake *fake, struct http_req *req, json_t *body)
{
    size_t i = *(const size_t *)fake->arg;

    (void)body;
    if (!is_insert(req) || n_before++ >= 2)
        return false;
    fake_fail(req, passing[i].status, passing[i].reason, "not now");
    return true;
}

START_TEST(passing_trouble_is_repeated)
{
    size_t i = (size_t)_i;
    enum store_result result;

    f.fake.arg = &i;
    f.fake.before = fail_twice;
    ck_assert_int_eq(put("a", "x", &result), RC_OK);
    ck_assert_int_eq(result, STORE_STORED);
    ck_assert_uint_eq(n_before, 3);
}
END_TEST

/* Stores, and cuts the connection. */
static bool lose_answer(struct fake *fake, struct http_req *req, json_t *body)
{
    if (!is_insert(req) || n_before++)
        return false;
    (void)body;
    pthread_mutex_lock(&fake->lock);
    fake_add(fake,
             json_string_value(json_object_get(
                 json_array_get(json_object_get(body, "rows"), 0), "insertId")),
             "a", "x", BASE_US + 1);
    pthread_mutex_unlock(&fake->lock);
    http_abort(req, 0);
    return true;
}

START_TEST(a_lost_answer_makes_no_second_row)
{
    enum store_result result;

    f.fake.before = lose_answer;
    ck_assert_int_eq(put("a", "x", &result), RC_OK);
    ck_assert_int_eq(result, STORE_STORED);
    ck_assert_uint_eq(n_before, 2);
    ck_assert_uint_eq(f.fake.n_rows, 1);
}
END_TEST

static const struct {
    int status;
    const char *reason;
} lasting[] = {
    {403, "accessDenied"}, {403, "quotaExceeded"},  {404, "notFound"},
    {400, "invalid"},      {501, "notImplemented"},
};

static bool fail_always(struct fake *fake, struct http_req *req, json_t *body)
{
    size_t i = *(const size_t *)fake->arg;

    (void)body;
    if (!is_insert(req))
        return false;
    n_before++;
    fake_fail(req, lasting[i].status, lasting[i].reason, "no such luck");
    return true;
}

START_TEST(what_concerns_all_rows_means_the_store_is_down)
{
    size_t i = (size_t)_i;
    struct row *row = make_row(f.schema, "a", "x", 1);
    enum store_result result;
    struct err err;
    int64_t by_us;
    int rc;

    f.fake.arg = &i;
    f.fake.before = fail_always;
    rc = insert_rows(f.loop, f.store, &row, 1, false, &result, &err);
    ck_assert_int_eq(rc, RC_UNAVAILABLE);
    ck_assert_ptr_nonnull(strstr(err.text, "no such luck"));
    ck_assert_uint_eq(n_before, 1);
    /* the gate is shut: it costs no call */
    ck_assert_int_eq(put("b", "x", &result), RC_UNAVAILABLE);
    ck_assert_uint_eq(n_before, 1);
    /* and opens by itself */
    f.fake.before = NULL;
    by_us = clock_mono_us() + 30 * US_PER_S;
    do {
        rc = put("a", "x", &result);
    } while (rc != RC_OK && clock_mono_us() < by_us);
    ck_assert_int_eq(rc, RC_OK);
    ck_assert_int_eq(result, STORE_STORED);
}
END_TEST

START_TEST(a_table_made_anew_knows_no_ids)
{
    enum store_result result;

    ck_assert_int_eq(put("a", "x", &result), RC_OK);
    ck_assert_int_eq(put("a", "x", &result), RC_OK);
    ck_assert_int_eq(result, STORE_DUPLICATE);
    pthread_mutex_lock(&f.fake.lock);
    snprintf(f.fake.created, sizeof(f.fake.created), "1700000000001");
    mem_free(f.fake.rows[0].id);
    mem_free(f.fake.rows[0].text);
    f.fake.n_rows = 0;
    pthread_mutex_unlock(&f.fake.lock);
    ck_assert_int_eq(put("a", "y", &result), RC_OK);
    ck_assert_int_eq(result, STORE_STORED);
    ck_assert_uint_eq(f.fake.n_rows, 1);
}
END_TEST

/* --- many --- */

static unsigned n_done;
static struct loop *done_loop;

static void count_done(struct store_insert *op)
{
    ck_assert_int_eq(op->rc, RC_OK);
    if (++n_done == 300)
        loop_stop(done_loop);
}

START_TEST(small_inserts_share_calls)
{
    static struct store_insert ops[300];
    static struct row *rows[300];
    static enum store_result results[300];
    char id[16];

    done_loop = f.loop;
    for (int i = 0; i < 300; i++) {
        snprintf(id, sizeof(id), "%d", i);
        rows[i] = make_row(f.schema, id, "x", i);
        ops[i] = (struct store_insert){.loop = f.loop,
                                       .done = count_done,
                                       .rows = &rows[i],
                                       .n_rows = 1,
                                       .atomic = true,
                                       .results = &results[i]};
        store_insert(f.store, &ops[i]);
    }
    loop_run(f.loop);
    ck_assert_uint_eq(f.fake.n_rows, 300);
    ck_assert_uint_lt(f.fake.n_inserts, 100);
    for (int i = 0; i < 300; i++)
        row_unref(rows[i]);
}
END_TEST

Suite *suite_bigquery_insert(void)
{
    Suite *s = suite_create("bigquery_insert");
    TCase *tc = tcase_create("bigquery_insert");

    tcase_set_timeout(tc, 30);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_bad_row_is_rejected_and_the_stopped_ones_are_stored);
    tcase_add_test(tc, an_atomic_insert_with_a_bad_row_leaves_nothing);
    tcase_add_test(tc, a_row_that_is_put_off_is_sent_again_alone);
    tcase_add_loop_test(tc, passing_trouble_is_repeated, 0,
                        sizeof(passing) / sizeof(passing[0]));
    tcase_add_test(tc, a_lost_answer_makes_no_second_row);
    tcase_add_loop_test(tc, what_concerns_all_rows_means_the_store_is_down, 0,
                        sizeof(lasting) / sizeof(lasting[0]));
    tcase_add_test(tc, a_table_made_anew_knows_no_ids);
    tcase_add_test(tc, small_inserts_share_calls);
    suite_add_tcase(s, tc);
    return s;
}
