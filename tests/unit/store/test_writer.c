/* SPDX-License-Identifier: Apache-2.0 */
/* Commit, announce, tell: in this order, with a channel that the test plays. */
#include <check.h>

#include "cache/channel.h"
#include "fixture.h"
#include "store/writer.h"

static struct fixture f;

/* The channel: keeps what is published until the test lets it go. */
static struct channel_publish *published[64];
static size_t n_published;
static struct loop_timer release;

static void let_go(struct loop_timer *t)
{
    size_t n = n_published;

    (void)t;
    n_published = 0;
    for (size_t i = 0; i < n; i++)
        published[i]->done(published[i]);
}

void channel_publish(struct channel *channel, struct channel_publish *op)
{
    ck_assert_ptr_eq(channel, (struct channel *)&f);
    ck_assert_uint_lt(n_published, 64);
    op->rc = RC_OK;
    published[n_published++] = op;
    loop_timer_arm(&release, 1000);
}

static struct {
    size_t commits, publishes_at_done, rows, dones;
    bool part;
    int64_t published_us;
    char ids[200];
} seen;

static void on_commit(struct str notice, void *arg)
{
    struct row_list rows = {.rows = NULL};
    struct store_query q;

    ck_assert_ptr_eq(arg, &seen);
    /* readers first, then the caller: whoever was told by now had a row in an
     * earlier announcement */
    ck_assert_uint_le(seen.dones, seen.rows);
    ck_assert_int_eq(
        notice_decode(notice, f.schema, &rows, &seen.published_us, &seen.part),
        RC_OK);
    seen.commits++;
    seen.rows += rows.n;
    q.rows = rows;
    ids_of(&q, seen.ids, sizeof(seen.ids));
}

static struct writer *writer;

static void setup(void)
{
    struct writer_config config = {.on_commit = on_commit, .arg = &seen};

    fixture_init(&f);
    config.store = f.store;
    config.channel = (struct channel *)&f;
    writer = writer_new(f.loop, &config);
    loop_timer_init(&release, f.loop, let_go);
}

static void teardown(void)
{
    loop_timer_fini(&release);
    writer_free(writer);
    fixture_fini(&f);
}

static size_t awaited;

static void on_put(struct writer_put *put)
{
    (void)put;
    seen.publishes_at_done = n_published;
    if (++seen.dones == awaited)
        loop_stop(f.loop);
}

static void prepare(struct writer_put *put, struct row **rows, size_t n,
                    bool atomic, enum store_result *results)
{
    *put = (struct writer_put){.done = on_put};
    put->insert.rows = rows;
    put->insert.n_rows = n;
    put->insert.atomic = atomic;
    put->insert.results = results;
}

START_TEST(readers_are_told_before_the_caller)
{
    struct row *row = make_row(f.schema, "a", "x", 0);
    enum store_result result;
    struct writer_put put;

    for (int round = 0; round < 2; round++) {
        memset(&seen, 0, sizeof(seen));
        prepare(&put, &row, 1, false, &result);
        put.published_us = 77;
        awaited = 1;
        writer_put(writer, &put);
        ck_assert_uint_eq(seen.dones, 0);
        loop_run(f.loop);
        /* a repeat is announced too: its writer may have died in between */
        ck_assert_int_eq(result, round ? STORE_DUPLICATE : STORE_STORED);
        ck_assert_uint_eq(seen.commits, 1);
        ck_assert_str_eq(seen.ids, "a");
        ck_assert(!seen.part);
        ck_assert_int_eq(seen.published_us, 77);
    }
    row_unref(row);
}
END_TEST

START_TEST(puts_of_one_moment_share_an_announcement)
{
    enum {
        N = 40
    };
    static struct writer_put puts[N];
    static enum store_result results[N];
    struct row *rows[N];

    memset(&seen, 0, sizeof(seen));
    awaited = 0; /* counting runs the loop too, and must not be stopped */
    for (int i = 0; i < N; i++) {
        char id[16];
        snprintf(id, sizeof(id), "%d", i);
        rows[i] = make_row(f.schema, id, "x", i);
        prepare(&puts[i], &rows[i], 1, false, &results[i]);
        puts[i].published_us = i == 7 ? 5 : i == 9 ? 0 : 100;
    }
    for (int i = 0; i < N; i++)
        writer_put(writer, &puts[i]);
    while (fixture_count(&f) < N)
        continue;
    awaited = N;
    if (seen.dones < N)
        loop_run(f.loop);
    ck_assert_uint_eq(seen.dones, N);
    ck_assert_uint_eq(seen.rows, N);
    ck_assert_uint_lt(seen.commits, N / 2);
    for (int i = 0; i < N; i++)
        row_unref(rows[i]);
}
END_TEST

START_TEST(what_was_not_stored_is_not_announced)
{
    struct row *rows[2] = {make_row(f.schema, "a", "x", 0),
                           make_row(f.schema, "a", "y", 0)};
    enum store_result results[2];
    struct writer_put put;

    memset(&seen, 0, sizeof(seen));
    prepare(&put, rows, 2, true, results);
    awaited = 1;
    writer_put(writer, &put);
    loop_run(f.loop);
    ck_assert_int_eq(put.insert.rc, RC_CONFLICT);
    ck_assert_uint_eq(seen.commits, 0);
    /* the one that wins is, the other is not */
    memset(&seen, 0, sizeof(seen));
    prepare(&put, rows, 2, false, results);
    writer_put(writer, &put);
    loop_run(f.loop);
    ck_assert_int_eq(put.insert.rc, RC_OK);
    ck_assert_uint_eq(seen.commits, 1);
    ck_assert_uint_eq(seen.rows, 1);
    row_unref(rows[0]);
    row_unref(rows[1]);
}
END_TEST

START_TEST(without_a_channel_the_caller_is_told_at_once)
{
    struct writer_config config = {.store = f.store};
    struct writer *alone = writer_new(f.loop, &config);
    struct row *row = make_row(f.schema, "a", "x", 0);
    enum store_result result;
    struct writer_put put;

    memset(&seen, 0, sizeof(seen));
    prepare(&put, &row, 1, false, &result);
    awaited = 1;
    writer_put(alone, &put);
    loop_run(f.loop);
    ck_assert_int_eq(result, STORE_STORED);
    row_unref(row);
    writer_free(alone);
}
END_TEST

Suite *suite_writer(void)
{
    Suite *s = suite_create("writer");
    TCase *tc = tcase_create("writer");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, readers_are_told_before_the_caller);
    tcase_add_test(tc, puts_of_one_moment_share_an_announcement);
    tcase_add_test(tc, what_was_not_stored_is_not_announced);
    tcase_add_test(tc, without_a_channel_the_caller_is_told_at_once);
    suite_add_tcase(s, tc);
    return s;
}
