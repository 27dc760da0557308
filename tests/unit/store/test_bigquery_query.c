/* SPDX-License-Identifier: Apache-2.0 */
/* Rows out: spans, pages, jobs, and what the table should not hold. */
#include "bigquery_fixture.h"
#include "service.h"

#define DAY_US (86400 * US_PER_S)

static struct bigquery_fixture f;
static int64_t now_us;
static _Atomic unsigned n_before;

static void setup(void)
{
    fixture_begin(&f);
    now_us = clock_wall_us();
}

static void teardown(void)
{
    fixture_end(&f);
}

static void add(const char *id, const char *text, int64_t us)
{
    pthread_mutex_lock(&f.fake.lock);
    fake_add(&f.fake, NULL, id, text, us);
    pthread_mutex_unlock(&f.fake.lock);
}

static void expect(struct store_query q, const char *ids)
{
    char text[8000];

    ck_assert_msg(query_rows(f.loop, f.store, &q) == RC_OK, "%s", q.err.text);
    ck_assert_str_eq(ids_of(&q, text, sizeof(text)), ids);
}

START_TEST(the_span_widens_only_as_far_as_needed)
{
    add("hour", "x", now_us - DAY_US / 24);
    add("week", "x", now_us - 5 * DAY_US);
    add("year", "x", now_us - 365 * DAY_US);
    add("soon", "x", now_us + DAY_US);
    /* today, or in the hour after midnight yesterday too: test_bigquery_walk */
    expect((struct store_query){.limit = 2}, "soon,hour");
    ck_assert_uint_le(f.fake.n_queries, 2);
    f.fake.n_queries = 0;
    expect((struct store_query){.limit = 3}, "soon,hour,week");
    ck_assert_uint_ge(f.fake.n_queries, 2);
    ck_assert_uint_le(f.fake.n_queries, 3);
    expect((struct store_query){.limit = 10}, "soon,hour,week,year");
    /* what sufficed is begun with */
    f.fake.n_queries = 0;
    expect((struct store_query){.limit = 10}, "soon,hour,week,year");
    ck_assert_uint_eq(f.fake.n_queries, 1);
    expect((struct store_query){.limit = 1}, "soon");
    expect((struct store_query){.limit = 2}, "soon,hour");
    ck_assert_ptr_nonnull(strstr(f.fake.last_query, "JOB_CREATION_OPTIONAL"));
    ck_assert_ptr_nonnull(
        strstr(f.fake.last_query, "\"maximumBytesBilled\":\"1000000000\""));
    ck_assert_ptr_nonnull(strstr(f.fake.last_query, "\"requestId\":\""));
    ck_assert_ptr_null(strstr(f.fake.last_query, "SELECT *"));
}
END_TEST

START_TEST(bounds_keep_the_span_within)
{
    struct store_query q = {.limit = 5};

    add("a", "x", now_us - 40 * DAY_US);
    add("b", "x", now_us - 20 * DAY_US);
    q.has_since = true;
    q.since_us = now_us - 2 * 3600 * US_PER_S;
    expect(q, "");
    ck_assert_uint_le(f.fake.n_queries, 2);
    q.has_since = false;
    q.has_until = true;
    q.until_us = (now_us - 39 * DAY_US) / DAY_US * DAY_US + DAY_US / 2;
    add("c", "x", q.until_us - DAY_US / 4);
    f.fake.n_queries = 0;
    q.limit = 1;
    expect(q, "c");
    /* the day of `until` already holds it */
    ck_assert_uint_eq(f.fake.n_queries, 1);
    q.has_until = false;
    q.id = STR("none");
    f.fake.n_queries = 0;
    expect(q, "");
    ck_assert_uint_eq(f.fake.n_queries, 2);
}
END_TEST

START_TEST(of_rows_with_one_id_the_newest_shows)
{
    for (int i = 0; i < 30; i++)
        add("a", "old", now_us - (i + 2) * US_PER_S);
    add("a", "new", now_us - US_PER_S);
    add("b", "x", now_us - 100 * US_PER_S);
    add("c", "x", now_us - 200 * US_PER_S);
    expect((struct store_query){.limit = 2}, "a,b");
    expect((struct store_query){.limit = 10}, "a,b,c");
}
END_TEST

START_TEST(no_id_is_on_two_pages)
{
    struct store_query q = {.limit = 1, .has_after = true};

    add("a", "new", now_us - US_PER_S);
    add("a", "old", now_us - 3 * US_PER_S);
    add("b", "x", now_us - 2 * US_PER_S);
    add("c", "x", now_us - 4 * US_PER_S);
    expect((struct store_query){.limit = 1}, "a");
    q.after_us = now_us - US_PER_S;
    q.after_id = STR("a");
    expect(q, "b");
    q.after_us = now_us - 2 * US_PER_S;
    q.after_id = STR("b");
    expect(q, "c");
    /* what lies beyond `until` belongs to no page of the walk */
    q.has_until = true;
    q.until_us = now_us - US_PER_S;
    q.limit = 5;
    expect(q, "a,c");
}
END_TEST

static void add_many(int n)
{
    char id[16];

    for (int i = 0; i < n; i++) {
        snprintf(id, sizeof(id), "%03d", i);
        add(id, "0123456789", now_us - i * US_PER_S);
    }
}

START_TEST(answers_come_in_pages)
{
    struct store_query q = {.limit = 100};

    add_many(50);
    f.fake.page_bytes = 100;
    ck_assert_int_eq(query_rows(f.loop, f.store, &q), RC_OK);
    ck_assert_uint_eq(q.rows.n, 50);
    ck_assert(str_eq(q.rows.rows[49]->id, STR("049")));
    row_list_fini(&q.rows);
    ck_assert_uint_ge(f.fake.n_pages, 4);
    /* with the look before the position in between */
    q.has_after = true;
    q.after_us = now_us;
    q.after_id = STR("000");
    ck_assert_int_eq(query_rows(f.loop, f.store, &q), RC_OK);
    ck_assert_uint_eq(q.rows.n, 49);
    ck_assert(str_eq(q.rows.rows[0]->id, STR("001")));
    row_list_fini(&q.rows);
}
END_TEST

/* The first two answers say "not yet". */
static bool not_yet(struct fake *fake, struct http_req *req, json_t *body)
{
    (void)body;
    (void)fake;
    if (n_before >= 2 ||
        !memmem(http_req_path(req).p, http_req_path(req).len, "/queries", 8))
        return false;
    n_before++;
    pthread_mutex_lock(&fake->lock);
    if (n_before == 1)
        fake->jobs[fake->n_jobs++] =
            json_pack("[{s:[{s:s},{s:n},{s:s}]}]", "f", "v", "slow", "v", "v",
                      "1736848800000000");
    pthread_mutex_unlock(&fake->lock);
    fake_reply(req, 200,
               json_pack("{s:b,s:{s:s,s:s}}", "jobComplete", 0, "jobReference",
                         "jobId", "job_0", "location", "US"));
    return true;
}

START_TEST(a_job_is_polled)
{
    f.fake.before = not_yet;
    expect((struct store_query){.limit = 1}, "slow");
    ck_assert_uint_eq(n_before, 2);
    ck_assert_uint_eq(f.fake.n_queries, 0);
}
END_TEST

static const struct {
    int status;
    const char *reason;
} passing[] = {
    {503, "backendError"},
    {403, "rateLimitExceeded"},
    {400, "jobBackendError"},
    {429, ""},
};

static bool fail_once(struct fake *fake, struct http_req *req, json_t *body)
{
    size_t i = *(const size_t *)fake->arg;

    (void)body;
    if (!is_query(req) || n_before++)
        return false;
    fake_fail(req, passing[i].status, passing[i].reason, "not now");
    return true;
}

START_TEST(passing_trouble_is_repeated)
{
    size_t i = (size_t)_i;

    add("a", "x", now_us);
    f.fake.arg = &i;
    f.fake.before = fail_once;
    expect((struct store_query){.limit = 1}, "a");
    ck_assert_uint_eq(n_before, 2);
}
END_TEST

static bool fail_query(struct fake *fake, struct http_req *req, json_t *body)
{
    (void)body;
    if (!is_query(req))
        return false;
    n_before++;
    fake_fail(req, 400, fake->arg, "too much");
    return true;
}

START_TEST(a_query_that_costs_too_much_fails_alone)
{
    struct store_query q = {.limit = 1};

    f.fake.arg = (char[]){"bytesBilledLimitExceeded"};
    f.fake.before = fail_query;
    ck_assert_int_eq(query_rows(f.loop, f.store, &q), RC_UNAVAILABLE);
    ck_assert_ptr_nonnull(strstr(q.err.text, "too much"));
    ck_assert_ptr_nonnull(
        strstr(q.err.text, "raise DATOS_BIGQUERY_MAX_BYTES_BILLED"));
    ck_assert_int_eq(query_rows(f.loop, f.store, &q), RC_UNAVAILABLE);
    ck_assert_uint_eq(n_before, 2);
    f.fake.before = NULL;
    expect((struct store_query){.limit = 1}, "");
}
END_TEST

static bool never_done(struct fake *fake, struct http_req *req, json_t *body)
{
    (void)body;
    (void)fake;
    if (str_ends(http_req_path(req), STR("/cancel")) ||
        !memmem(http_req_path(req).p, http_req_path(req).len, "/queries", 8))
        return false;
    fake_reply(req, 200,
               json_pack("{s:b,s:{s:s,s:s}}", "jobComplete", 0, "jobReference",
                         "jobId", "job_0", "location", "US"));
    return true;
}

static bool is_over;

static void on_over(struct store_query *q)
{
    ck_assert_int_eq(q->rc, RC_UNAVAILABLE);
    is_over = true;
}

START_TEST(closing_ends_a_query_and_its_job)
{
    struct store_query q = {.loop = f.loop, .done = on_over, .limit = 1};

    f.fake.before = never_done;
    store_query(f.store, &q);
    run_for(f.loop, 50000);
    store_close(f.store);
    run_until(f.loop, flag_is_set, &is_over);
    ck_assert_uint_eq(f.fake.n_cancels, 1);
    f.fake.before = NULL;
    f.store = open_on_fake(&f, NULL);
}
END_TEST

Suite *suite_bigquery_query(void)
{
    Suite *s = suite_create("bigquery_query");
    TCase *tc = tcase_create("bigquery_query");

    tcase_set_timeout(tc, 30);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, the_span_widens_only_as_far_as_needed);
    tcase_add_test(tc, bounds_keep_the_span_within);
    tcase_add_test(tc, of_rows_with_one_id_the_newest_shows);
    tcase_add_test(tc, no_id_is_on_two_pages);
    tcase_add_test(tc, answers_come_in_pages);
    tcase_add_test(tc, a_job_is_polled);
    tcase_add_loop_test(tc, passing_trouble_is_repeated, 0,
                        sizeof(passing) / sizeof(passing[0]));
    tcase_add_test(tc, a_query_that_costs_too_much_fails_alone);
    tcase_add_test(tc, closing_ends_a_query_and_its_job);
    suite_add_tcase(s, tc);
    return s;
}
