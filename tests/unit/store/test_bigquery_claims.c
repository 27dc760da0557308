/* SPDX-License-Identifier: Apache-2.0 */
/* Two stores, as two processes have them, that share a ledger in Redis. */
#include <unistd.h>

#include "bigquery_fixture.h"
#include "service.h"
#include "store/bigquery_wire.h"
#include "tests/unit/cache/real_redis.h"

static struct bigquery_fixture f;
static struct real_redis redis;
static struct store *other;
static _Atomic unsigned n_before;

static void setup(void)
{
    real_redis_start(&redis, NULL);
    ck_assert_int_eq(schema_load(NULL, &f.schema, NULL), RC_OK);
    f.loop = loop_new();
    fake_start(&f.fake);
    f.store = open_on_fake(&f, redis.url);
    other = open_on_fake(&f, redis.url);
}

static void teardown(void)
{
    store_close(other);
    fixture_end(&f);
    real_redis_end(&redis);
}

static enum store_result put(struct store *store, const char *id,
                             const char *text)
{
    enum store_result result = STORE_REJECTED;

    ck_assert_int_eq(
        insert_one(f.loop, store, make_row(f.schema, id, text, 1), &result),
        RC_OK);
    return result;
}

START_TEST(what_one_stored_the_other_knows)
{
    struct row *rows[2] = {make_row(f.schema, "a", "x", 1),
                           make_row(f.schema, "b", "x", 1)};
    enum store_result results[2];

    ck_assert_int_eq(put(f.store, "a", "x"), STORE_STORED);
    ck_assert_int_eq(put(other, "a", "x"), STORE_DUPLICATE);
    ck_assert_int_eq(put(other, "a", "y"), STORE_CONFLICT);
    ck_assert_int_eq(insert_rows(f.loop, other, rows, 2, false, results, NULL),
                     RC_OK);
    ck_assert_int_eq(results[0], STORE_DUPLICATE);
    ck_assert_int_eq(results[1], STORE_STORED);
    ck_assert_uint_eq(f.fake.n_rows, 2);
}
END_TEST

START_TEST(an_atomic_insert_with_a_known_conflict_claims_nothing)
{
    struct row *rows[2] = {make_row(f.schema, "b", "x", 1),
                           make_row(f.schema, "a", "y", 1)};
    enum store_result results[2];

    ck_assert_int_eq(put(f.store, "a", "x"), STORE_STORED);
    ck_assert_int_eq(insert_rows(f.loop, other, rows, 2, true, results, NULL),
                     RC_CONFLICT);
    ck_assert_int_eq(results[1], STORE_CONFLICT);
    ck_assert_int_eq(put(f.store, "b", "z"), STORE_STORED);
}
END_TEST

/* --- rivals --- */

struct rival {
    struct store_insert insert;
    struct row *row;
    enum store_result result;
};
static unsigned n_left;

static void on_rival(struct store_insert *op)
{
    ck_assert_int_eq(op->rc, RC_OK);
    row_unref(LOOP_OWNER(op, struct rival, insert)->row);
    n_left--;
}

static bool all_done(void *arg)
{
    (void)arg;
    return n_left == 0;
}

START_TEST(of_two_processes_one_wins_each_id)
{
    enum {
        N = 40
    };
    static struct rival rivals[2 * N];
    char id[16];

    n_left = 2 * N;
    for (int i = 0; i < 2 * N; i++) {
        struct rival *r = &rivals[i];
        snprintf(id, sizeof(id), "%d", i / 2);
        r->row = make_row(f.schema, id, i % 2 ? "uno" : "dos", 1);
        r->insert = (struct store_insert){.loop = f.loop,
                                          .done = on_rival,
                                          .rows = &r->row,
                                          .n_rows = 1,
                                          .results = &r->result};
        store_insert(i % 2 ? f.store : other, &r->insert);
    }
    run_until(f.loop, all_done, NULL);
    ck_assert_uint_eq(f.fake.n_rows, N);
    for (int i = 0; i < 2 * N; i += 2)
        ck_assert_int_eq(rivals[i].result + rivals[i + 1].result,
                         STORE_STORED + STORE_CONFLICT);
}
END_TEST

/* --- claims that came to nothing --- */

static bool refuse_all(struct fake *fake, struct http_req *req, json_t *body)
{
    (void)fake;
    (void)body;
    if (!is_insert(req))
        return false;
    n_before++;
    fake_reply(req, 200,
               json_pack("{s:[{s:i,s:[{s:s}]}]}", "insertErrors", "index", 0,
                         "errors", "reason", "invalid"));
    return true;
}

START_TEST(the_id_of_a_refused_row_is_free_everywhere)
{
    f.fake.before = refuse_all;
    ck_assert_int_eq(put(f.store, "a", "x"), STORE_REJECTED);
    f.fake.before = NULL;
    ck_assert_int_eq(put(other, "a", "y"), STORE_STORED);
}
END_TEST

/* A claim as a process leaves it that died `age_s` ago between claim and
 * mark. */
static void leave_claim(const char *id, const char *text, int64_t age_s)
{
    struct row *row = make_row(f.schema, id, text, 1);
    uint64_t hash = row_content_hash(row);
    unsigned char key[BIGQUERY_KEY_BYTES];
    char line[1000];
    size_t at = 0;

    bigquery_key(row->id, key);
    at += (size_t)snprintf(
        line, sizeof(line),
        "EVAL \"local k=redis.call('KEYS','datos:{unit}:ids:*')[1] "
        "redis.call('SET',string.sub(k,1,34)..ARGV[1],'p'..ARGV[2]..(redis."
        "call('TIME')[1]-%lld),'EX',1000) return 1\" 0 \"",
        (long long)age_s);
    for (size_t i = 0; i < sizeof(key); i++)
        at += (size_t)snprintf(line + at, sizeof(line) - at, "\\x%02x", key[i]);
    at += (size_t)snprintf(line + at, sizeof(line) - at, "\" \"");
    for (size_t i = 0; i < 8; i++)
        at += (size_t)snprintf(line + at, sizeof(line) - at, "\\x%02x",
                               ((const unsigned char *)&hash)[i]);
    snprintf(line + at, sizeof(line) - at, "\"");
    real_redis_tell(&redis, line);
    row_unref(row);
}

START_TEST(a_dead_writers_claim_is_written_again)
{
    ck_assert_int_eq(put(f.store, "first", "x"), STORE_STORED);
    leave_claim("a", "x", 1);
    ck_assert_int_eq(put(f.store, "a", "x"), STORE_STORED);
}
END_TEST

START_TEST(of_a_dead_writers_other_content_the_table_decides)
{
    ck_assert_int_eq(put(f.store, "first", "x"), STORE_STORED);
    leave_claim("a", "x", 100);
    ck_assert_int_eq(put(f.store, "a", "y"), STORE_STORED);
    ck_assert_uint_eq(f.fake.n_queries, 2);
    leave_claim("b", "x", 100);
    pthread_mutex_lock(&f.fake.lock);
    fake_add(&f.fake, NULL, "b", "x", BASE_US + 1);
    pthread_mutex_unlock(&f.fake.lock);
    ck_assert_int_eq(put(f.store, "b", "y"), STORE_CONFLICT);
    ck_assert_int_eq(put(other, "b", "x"), STORE_DUPLICATE);
}
END_TEST

START_TEST(without_redis_it_goes_on)
{
    ck_assert_int_eq(put(f.store, "a", "x"), STORE_STORED);
    real_redis_kill(&redis);
    ck_assert_int_eq(put(f.store, "b", "x"), STORE_STORED);
    ck_assert_int_eq(put(f.store, "a", "y"), STORE_CONFLICT);
    real_redis_restart(&redis);
}
END_TEST

Suite *suite_bigquery_claims(void)
{
    Suite *s = suite_create("bigquery_claims");
    TCase *tc = tcase_create("bigquery_claims");

    tcase_set_timeout(tc, 30);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, what_one_stored_the_other_knows);
    tcase_add_test(tc, an_atomic_insert_with_a_known_conflict_claims_nothing);
    tcase_add_test(tc, of_two_processes_one_wins_each_id);
    tcase_add_test(tc, the_id_of_a_refused_row_is_free_everywhere);
    tcase_add_test(tc, a_dead_writers_claim_is_written_again);
    tcase_add_test(tc, of_a_dead_writers_other_content_the_table_decides);
    tcase_add_test(tc, without_redis_it_goes_on);
    suite_add_tcase(s, tc);
    return s;
}
