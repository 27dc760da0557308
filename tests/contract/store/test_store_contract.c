/* SPDX-License-Identifier: Apache-2.0 */
/* What every store promises (store.h), as cases that run against each of
 * them. A new store adds one line to `kinds`. */
#include <check.h>
#include <pthread.h>

#include "common/clock.h"
#include "store_calls.h"
#include "store_kinds.h"

static const struct store_kind *const kinds[] = {
    &store_kind_sqlite,
    &store_kind_bigquery,
    &store_kind_emulator,
};

static struct loop *loop;
static struct schema *schema;
static struct store *store;

static void begin(const struct store_kind *kind)
{
    ck_assert_int_eq(schema_load(NULL, &schema, NULL), RC_OK);
    loop = loop_new();
    store = kind->open(schema);
    ck_assert_str_eq(store_name(store), kind->name);
}

static void end(const struct store_kind *kind)
{
    store_close(store);
    kind->clean();
    loop_free(loop);
    schema_free(schema);
}

static void put(const char *id, const char *text, int64_t us,
                enum store_result want)
{
    enum store_result got = STORE_REJECTED;

    ck_assert_int_eq(
        insert_one(loop, store, make_row(schema, id, text, us), &got), RC_OK);
    ck_assert_msg(got == want, "%s: %d, not %d", id, got, want);
}

static void expect(struct store_query q, const char *ids)
{
    char text[4000];

    ck_assert_int_eq(query_rows(loop, store, &q), RC_OK);
    ck_assert_str_eq(ids_of(&q, text, sizeof(text)), ids);
}

START_TEST(newest_first_then_id_bytewise)
{
    begin(kinds[_i]);
    expect((struct store_query){.limit = 10}, "");
    put("b", "x", 1, STORE_STORED);
    put("a", NULL, 2, STORE_STORED);
    put("B", "x", 1, STORE_STORED);
    put("bb", "x", 1, STORE_STORED);
    put("é", "x", 1, STORE_STORED);
    put("c", "x", -5, STORE_STORED);
    expect((struct store_query){.limit = 10}, "a,B,b,bb,é,c");
    expect((struct store_query){.limit = 2}, "a,B");
    end(kinds[_i]);
}
END_TEST

START_TEST(since_is_inclusive_and_until_exclusive)
{
    struct store_query q = {.limit = 10};

    begin(kinds[_i]);
    put("1", "x", 10, STORE_STORED);
    put("2", "x", 20, STORE_STORED);
    put("3", "x", 30, STORE_STORED);
    q.has_since = true;
    q.since_us = BASE_US + 20;
    expect(q, "3,2");
    q.has_until = true;
    q.until_us = BASE_US + 30;
    expect(q, "2");
    q.until_us = BASE_US + 20;
    expect(q, "");
    q.has_since = false;
    expect(q, "1");
    q.until_us = INT64_MIN;
    expect(q, "");
    q.has_until = false;
    q.has_since = true;
    q.since_us = INT64_MAX;
    expect(q, "");
    end(kinds[_i]);
}
END_TEST

START_TEST(pages_meet_each_row_once_also_at_one_instant)
{
    char all[2000] = "", walked[2000] = "", id[16];
    struct store_query q = {.limit = 100};
    size_t at = 0, n;

    begin(kinds[_i]);
    for (int i = 0; i < 40; i++) {
        snprintf(id, sizeof(id), "r%02d", (i * 7) % 40);
        put(id, "x", i / 9, STORE_STORED);
    }
    q.has_since = q.has_until = true;
    q.since_us = BASE_US;
    q.until_us = BASE_US + 4;
    ck_assert_int_eq(query_rows(loop, store, &q), RC_OK);
    ids_of(&q, all, sizeof(all));
    ck_assert_uint_eq(strlen(all), 36 * 4 - 1);
    q.limit = 3;
    do {
        char last[16];
        ck_assert_int_eq(query_rows(loop, store, &q), RC_OK);
        n = q.rows.n;
        for (size_t i = 0; i < n; i++)
            at += (size_t)snprintf(walked + at, sizeof(walked) - at, "%s%.*s",
                                   at ? "," : "", STR_ARG(q.rows.rows[i]->id));
        if (n) {
            const struct row *row = q.rows.rows[n - 1];
            q.has_after = true;
            q.after_us = row->timestamp_us;
            snprintf(last, sizeof(last), "%.*s", STR_ARG(row->id));
            q.after_id = str_from(last);
        }
        row_list_fini(&q.rows);
    } while (n == 3);
    ck_assert_str_eq(walked, all);
    end(kinds[_i]);
}
END_TEST

START_TEST(a_position_outside_the_bounds_is_harmless)
{
    struct store_query q = {.limit = 10, .has_after = true};

    begin(kinds[_i]);
    put("1", "x", 10, STORE_STORED);
    put("2", "x", 20, STORE_STORED);
    q.after_id = STR("");
    q.after_us = BASE_US + 20;
    expect(q, "2,1");
    q.after_us = INT64_MAX;
    expect(q, "2,1");
    q.after_us = INT64_MIN;
    expect(q, "");
    q.after_us = BASE_US + 15;
    expect(q, "1");
    q.has_until = true;
    q.until_us = BASE_US + 10;
    expect(q, "");
    q.has_until = false;
    q.has_since = true;
    q.since_us = BASE_US + 16;
    expect(q, "");
    end(kinds[_i]);
}
END_TEST

START_TEST(one_id_is_found_within_the_other_filters)
{
    struct store_query q = {.limit = 1, .id = STR("b")};

    begin(kinds[_i]);
    put("a", "x", 1, STORE_STORED);
    put("b", "x", 2, STORE_STORED);
    expect(q, "b");
    q.id = STR("c");
    expect(q, "");
    q.id = STR("");
    expect(q, "");
    q.id = STR("b");
    q.has_since = true;
    q.since_us = BASE_US + 3;
    expect(q, "");
    q.since_us = BASE_US + 2;
    expect(q, "b");
    q.has_after = true;
    q.after_us = BASE_US + 2;
    q.after_id = STR("b");
    expect(q, "");
    q.after_id = STR("a");
    expect(q, "b");
    end(kinds[_i]);
}
END_TEST

START_TEST(the_first_write_of_an_id_wins)
{
    struct row *rows[5];
    enum store_result results[5];
    struct store_query q = {.limit = 10};

    begin(kinds[_i]);
    put("a", "uno", 1, STORE_STORED);
    put("a", "uno", 1, STORE_DUPLICATE);
    put("a", "dos", 1, STORE_CONFLICT);
    put("a", "uno", 2, STORE_CONFLICT);
    put("a", NULL, 1, STORE_CONFLICT);
    rows[0] = make_row(schema, "b", "x", 3);
    rows[1] = make_row(schema, "b", "x", 3);
    rows[2] = make_row(schema, "b", "y", 3);
    rows[3] = make_row(schema, "a", "uno", 1);
    rows[4] = make_row(schema, "c", "x", 4);
    ck_assert_int_eq(insert_rows(loop, store, rows, 5, false, results, NULL),
                     RC_OK);
    ck_assert_int_eq(results[0], STORE_STORED);
    ck_assert_int_eq(results[1], STORE_DUPLICATE);
    ck_assert_int_eq(results[2], STORE_CONFLICT);
    ck_assert_int_eq(results[3], STORE_DUPLICATE);
    ck_assert_int_eq(results[4], STORE_STORED);
    ck_assert_int_eq(query_rows(loop, store, &q), RC_OK);
    ck_assert_uint_eq(q.rows.n, 3);
    ck_assert(str_eq(q.rows.rows[2]->json,
                     STR("{\"id\":\"a\",\"contenido\":\"uno\",\"timestamp\":"
                         "\"2025-01-14T10:00:00.000001+00:00\"}")));
    row_list_fini(&q.rows);
    end(kinds[_i]);
}
END_TEST

START_TEST(atomic_is_all_or_nothing)
{
    struct row *rows[3];
    enum store_result results[3];
    struct err err;

    begin(kinds[_i]);
    put("a", "uno", 1, STORE_STORED);
    /* with a row that is there */
    rows[0] = make_row(schema, "b", "x", 2);
    rows[1] = make_row(schema, "a", "otro", 1);
    rows[2] = make_row(schema, "c", "x", 3);
    ck_assert_int_eq(insert_rows(loop, store, rows, 3, true, results, &err),
                     RC_CONFLICT);
    ck_assert_int_eq(results[1], STORE_CONFLICT);
    ck_assert_str_ne(err.text, "");
    expect((struct store_query){.limit = 10}, "a");
    /* with a row of the same call */
    rows[0] = make_row(schema, "b", "x", 2);
    rows[1] = make_row(schema, "b", "y", 2);
    ck_assert_int_eq(insert_rows(loop, store, rows, 2, true, results, &err),
                     RC_CONFLICT);
    ck_assert_int_eq(results[1], STORE_CONFLICT);
    expect((struct store_query){.limit = 10}, "a");
    /* one row */
    rows[0] = make_row(schema, "a", "otro", 1);
    ck_assert_int_eq(insert_rows(loop, store, rows, 1, true, results, &err),
                     RC_CONFLICT);
    /* repeats are no conflict */
    rows[0] = make_row(schema, "a", "uno", 1);
    rows[1] = make_row(schema, "b", "x", 2);
    rows[2] = make_row(schema, "b", "x", 2);
    ck_assert_int_eq(insert_rows(loop, store, rows, 3, true, results, &err),
                     RC_OK);
    ck_assert_int_eq(results[0], STORE_DUPLICATE);
    ck_assert_int_eq(results[1], STORE_STORED);
    ck_assert_int_eq(results[2], STORE_DUPLICATE);
    expect((struct store_query){.limit = 10}, "b,a");
    end(kinds[_i]);
}
END_TEST

START_TEST(limits_of_arguments)
{
    struct store_query q = {.limit = 0};
    enum {
        MANY = 1003
    };
    static struct row *rows[MANY];
    static enum store_result results[MANY];
    char id[16];

    begin(kinds[_i]);
    ck_assert_int_eq(query_rows(loop, store, &q), RC_INVALID);
    q.limit = 1002;
    ck_assert_int_eq(query_rows(loop, store, &q), RC_INVALID);
    ck_assert_int_eq(insert_rows(loop, store, rows, 0, false, results, NULL),
                     RC_INVALID);
    for (int i = 0; i < MANY; i++) {
        snprintf(id, sizeof(id), "%04d", i);
        rows[i] = make_row(schema, id, "x", i);
    }
    ck_assert_int_eq(insert_rows(loop, store, rows, MANY, true, results, NULL),
                     RC_OK);
    q.limit = 1001;
    ck_assert_int_eq(query_rows(loop, store, &q), RC_OK);
    ck_assert_uint_eq(q.rows.n, 1001);
    ck_assert(str_eq(q.rows.rows[1000]->id, STR("0002")));
    ck_assert(!q.cut);
    row_list_fini(&q.rows);
    end(kinds[_i]);
}
END_TEST

START_TEST(any_text_comes_back_as_it_went_in)
{
    static const char *const texts[] = {
        "",
        "'; DROP TABLE datos; --",
        "\"\\\n\t\x01",
        "ñandú 日本 😀",
        "\xef\xbf\xbf",
        "?1 :id @x $y",
        "%s%n",
    };
    enum {
        N = sizeof(texts) / sizeof(texts[0])
    };
    struct store_query q = {.limit = 1};

    begin(kinds[_i]);
    for (size_t i = 0; i < N; i++) {
        struct row *row =
            make_row(schema, texts[i][0] ? texts[i] : "empty", texts[i], 0);
        struct row *kept = row_ref(row);
        enum store_result got;
        ck_assert_int_eq(insert_one(loop, store, row, &got), RC_OK);
        ck_assert_int_eq(got, STORE_STORED);
        q.id = kept->id;
        ck_assert_int_eq(query_rows(loop, store, &q), RC_OK);
        ck_assert_uint_eq(q.rows.n, 1);
        ck_assert(str_eq(q.rows.rows[0]->json, kept->json));
        row_list_fini(&q.rows);
        row_unref(kept);
    }
    end(kinds[_i]);
}
END_TEST

START_TEST(big_rows_come_in_answers_of_bounded_size)
{
    enum {
        N = 20,
        BIG = 1000000
    };
    struct store_query q = {.limit = 1000};
    char *text = mem_alloc(BIG + 1), id[16];
    size_t n, seen = 0;

    begin(kinds[_i]);
    memset(text, 'x', BIG);
    for (int i = 0; i < N; i++) {
        snprintf(id, sizeof(id), "%02d", i);
        put(id, text, -i, STORE_STORED);
    }
    do {
        char last[16];
        bool cut;
        ck_assert_int_eq(query_rows(loop, store, &q), RC_OK);
        n = q.rows.n;
        cut = q.cut;
        ck_assert_uint_gt(n, 0);
        ck_assert_uint_le(n, STORE_QUERY_MAX_BYTES / BIG + 1);
        ck_assert_uint_eq(q.rows.rows[n - 1]->values[1].s.len, BIG);
        seen += n;
        q.has_after = true;
        q.after_us = q.rows.rows[n - 1]->timestamp_us;
        snprintf(last, sizeof(last), "%.*s", STR_ARG(q.rows.rows[n - 1]->id));
        q.after_id = str_from(last);
        row_list_fini(&q.rows);
        ck_assert(cut == (seen < N));
    } while (seen < N);
    mem_free(text);
    end(kinds[_i]);
}
END_TEST

START_TEST(it_answers_a_ping)
{
    begin(kinds[_i]);
    ck_assert_int_eq(ping_store(loop, store, NULL), RC_OK);
    end(kinds[_i]);
}
END_TEST

/* --- many at once --------------------------------------------------------- */

enum {
    OPS = 200,
    IDS = 60
};

struct rival {
    pthread_t thread;
    const char *text;
    struct loop *loop;
    struct rival_op {
        struct store_insert insert;
        struct rival *rival;
        struct row *row;
        enum store_result result;
    } ops[OPS];
    int left, stored, duplicate, conflict;
};

static void rival_done(struct store_insert *op)
{
    struct rival_op *o = LOOP_OWNER(op, struct rival_op, insert);
    struct rival *r = o->rival;

    ck_assert_int_eq(op->rc, RC_OK);
    r->stored += o->result == STORE_STORED;
    r->duplicate += o->result == STORE_DUPLICATE;
    r->conflict += o->result == STORE_CONFLICT;
    row_unref(o->row);
    if (--r->left == 0)
        loop_stop(r->loop);
}

static void *run_rival(void *arg)
{
    struct rival *r = arg;

    for (int i = 0; i < OPS; i++) {
        char id[16];
        snprintf(id, sizeof(id), "%d", i % IDS);
        r->ops[i].rival = r;
        r->ops[i].row = make_row(schema, id, r->text, i % IDS);
        r->ops[i].insert = (struct store_insert){.loop = r->loop,
                                                 .done = rival_done,
                                                 .rows = &r->ops[i].row,
                                                 .n_rows = 1,
                                                 .results = &r->ops[i].result};
        store_insert(store, &r->ops[i].insert);
    }
    loop_run(r->loop);
    return NULL;
}

START_TEST(of_rivals_on_two_loops_one_wins_each_id)
{
    static struct rival rivals[2] = {{.text = "uno"}, {.text = "dos"}};
    struct store_query q = {.limit = 1000};

    begin(kinds[_i]);
    for (int i = 0; i < 2; i++) {
        rivals[i].left = OPS;
        rivals[i].loop = loop_new();
        pthread_create(&rivals[i].thread, NULL, run_rival, &rivals[i]);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(rivals[i].thread, NULL);
        loop_free(rivals[i].loop);
    }
    ck_assert_int_eq(rivals[0].stored + rivals[1].stored, IDS);
    ck_assert_int_eq(query_rows(loop, store, &q), RC_OK);
    ck_assert_uint_eq(q.rows.n, IDS);
    for (int i = 0; i < 2; i++) {
        int mine = 0;
        for (size_t n = 0; n < q.rows.n; n++)
            mine +=
                str_eq(q.rows.rows[n]->values[1].s, str_from(rivals[i].text));
        ck_assert_int_eq(mine, rivals[i].stored);
        ck_assert_int_eq(
            rivals[i].stored + rivals[i].duplicate + rivals[i].conflict, OPS);
    }
    row_list_fini(&q.rows);
    end(kinds[_i]);
}
END_TEST

static int answered;

static void count_insert(struct store_insert *op)
{
    ck_assert_int_eq(op->rc, RC_OK);
    answered++;
}

static void count_query(struct store_query *op)
{
    ck_assert_int_eq(op->rc, RC_OK);
    row_list_fini(&op->rows);
    answered++;
}

START_TEST(closing_finishes_and_answers_what_was_accepted)
{
    enum {
        N = 50
    };
    static struct store_insert inserts[N];
    static struct store_query queries[N];
    static struct row *rows[N];
    static enum store_result results[N];
    char id[16];

    begin(kinds[_i]);
    for (int i = 0; i < N; i++) {
        snprintf(id, sizeof(id), "%d", i);
        rows[i] = make_row(schema, id, "x", i);
        inserts[i] = (struct store_insert){.loop = loop,
                                           .done = count_insert,
                                           .rows = &rows[i],
                                           .n_rows = 1,
                                           .results = &results[i]};
        queries[i] =
            (struct store_query){.loop = loop, .done = count_query, .limit = 1};
        store_insert(store, &inserts[i]);
        store_query(store, &queries[i]);
    }
    store_close(store);
    loop_free(loop); /* runs what is in the mailbox */
    ck_assert_int_eq(answered, 2 * N);
    for (int i = 0; i < N; i++) {
        ck_assert_int_eq(results[i], STORE_STORED);
        row_unref(rows[i]);
    }
    kinds[_i]->clean();
    schema_free(schema);
}
END_TEST

Suite *suite_store_contract(void)
{
    Suite *s = suite_create("store_contract");
    TCase *tc = tcase_create("store_contract");
    static const int n = sizeof(kinds) / sizeof(kinds[0]);

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, newest_first_then_id_bytewise, 0, n);
    tcase_add_loop_test(tc, since_is_inclusive_and_until_exclusive, 0, n);
    tcase_add_loop_test(tc, pages_meet_each_row_once_also_at_one_instant, 0, n);
    tcase_add_loop_test(tc, a_position_outside_the_bounds_is_harmless, 0, n);
    tcase_add_loop_test(tc, one_id_is_found_within_the_other_filters, 0, n);
    tcase_add_loop_test(tc, the_first_write_of_an_id_wins, 0, n);
    tcase_add_loop_test(tc, atomic_is_all_or_nothing, 0, n);
    tcase_add_loop_test(tc, limits_of_arguments, 0, n);
    tcase_add_loop_test(tc, any_text_comes_back_as_it_went_in, 0, n);
    tcase_add_loop_test(tc, big_rows_come_in_answers_of_bounded_size, 0, n);
    tcase_add_loop_test(tc, it_answers_a_ping, 0, n);
    tcase_add_loop_test(tc, of_rivals_on_two_loops_one_wins_each_id, 0, n);
    tcase_add_loop_test(tc, closing_finishes_and_answers_what_was_accepted, 0,
                        n);
    suite_add_tcase(s, tc);
    return s;
}
