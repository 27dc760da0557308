/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/bigquery/pool.h"

#include <check.h>
#include <pthread.h>
#include <stdatomic.h>

#include "common/loop.h"
#include "common/rc.h"
#include "emulator/bigquery/db.h"

enum {
    N = 4,
    N_SOON = 2
};

/* A job that runs until somebody opens the gate, then tells the loop. */
struct item {
    struct pool_job job;
    struct loop_task task;
    struct bench *bench;
    bool is_held;
};

struct bench {
    struct loop *loop;
    struct dbs *dbs;
    struct pool *pool;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned n_held;
    bool is_open;
    unsigned n_done, n_wanted; /* the loop's */
    atomic_uint n_read;
};

static void on_done(struct loop_task *task)
{
    struct bench *b = LOOP_OWNER(task, struct item, task)->bench;

    if (++b->n_done == b->n_wanted)
        loop_stop(b->loop);
}

static void run(struct pool_job *job, struct db *db)
{
    struct item *item = LOOP_OWNER(job, struct item, job);
    struct bench *b = item->bench;
    struct err err = {0};
    int64_t n = -1;

    if (db_int(db, &err, &n, "SELECT count(*) FROM datasets", "") == RC_OK &&
        n == 0)
        atomic_fetch_add(&b->n_read, 1);
    pthread_mutex_lock(&b->lock);
    b->n_held += item->is_held;
    pthread_cond_broadcast(&b->changed);
    while (item->is_held && !b->is_open)
        pthread_cond_wait(&b->changed, &b->lock);
    pthread_mutex_unlock(&b->lock);
    loop_post(b->loop, &item->task);
}

static void add(struct bench *b, struct item *item, bool is_held)
{
    *item = (struct item){
        .job.run = run, .task.run = on_done, .bench = b, .is_held = is_held};
    pool_add(b->pool, &item->job);
}

static void open_gate(struct bench *b)
{
    pthread_mutex_lock(&b->lock);
    b->is_open = true;
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->lock);
}

static void wait_until_held(struct bench *b, unsigned n)
{
    pthread_mutex_lock(&b->lock);
    while (b->n_held < n)
        pthread_cond_wait(&b->changed, &b->lock);
    pthread_mutex_unlock(&b->lock);
}

static void wait_until_done(struct bench *b, unsigned n)
{
    b->n_wanted = n;
    if (b->n_done < n)
        loop_run(b->loop);
    ck_assert_uint_eq(b->n_done, n);
}

static void begin(struct bench *b, int64_t stuck_us)
{
    struct err err = {0};

    *b = (struct bench){.loop = loop_new()};
    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->changed, NULL);
    ck_assert_int_eq(db_open(NULL, false, N, &b->dbs, &err), RC_OK);
    b->pool =
        pool_new(b->dbs, b->loop, &(struct pool_shape){0, N, N_SOON, stuck_us});
}

static void end(struct bench *b)
{
    pool_free(b->pool);
    db_close(b->dbs);
    loop_free(b->loop);
    pthread_cond_destroy(&b->changed);
    pthread_mutex_destroy(&b->lock);
}

START_TEST(each_job_finds_a_thread_that_can_read)
{
    struct bench b;
    struct item items[64];

    begin(&b, 0);
    for (unsigned i = 0; i < 64; i++)
        add(&b, &items[i], false);
    wait_until_done(&b, 64);
    ck_assert_uint_eq(atomic_load(&b.n_read), 64);
    end(&b);
}
END_TEST

START_TEST(a_job_behind_stuck_ones_gets_a_thread_though_nothing_else_comes)
{
    struct bench b;
    struct item held[N_SOON], item;

    begin(&b, 1000);
    for (unsigned i = 0; i < N_SOON; i++)
        add(&b, &held[i], true);
    add(&b, &item, false);
    wait_until_done(&b, 1);
    open_gate(&b);
    wait_until_done(&b, 1 + N_SOON);
    end(&b);
}
END_TEST

START_TEST(a_job_can_be_withdrawn_until_it_begins)
{
    struct bench b;
    struct item held[N], items[3];

    begin(&b, 0);
    for (unsigned i = 0; i < N; i++)
        add(&b, &held[i], true);
    wait_until_held(&b, N);
    for (unsigned i = 0; i < 3; i++)
        add(&b, &items[i], false);
    ck_assert(pool_withdraw(b.pool, &items[2].job));
    ck_assert(pool_withdraw(b.pool, &items[0].job));
    ck_assert(!pool_withdraw(b.pool, &items[0].job));
    ck_assert(!pool_withdraw(b.pool, &held[0].job));
    add(&b, &items[0], false); /* behind the one that was left */
    open_gate(&b);
    wait_until_done(&b, N + 2);
    ck_assert(!pool_withdraw(b.pool, &items[1].job));
    end(&b);
}
END_TEST

START_TEST(what_is_queued_is_done_before_the_pool_ends)
{
    struct bench b;
    struct item held[N], items[8];

    begin(&b, 0);
    for (unsigned i = 0; i < N; i++)
        add(&b, &held[i], true);
    for (unsigned i = 0; i < 8; i++)
        add(&b, &items[i], false);
    wait_until_held(&b, N);
    open_gate(&b);
    end(&b); /* the loop runs what was posted when it goes */
    ck_assert_uint_eq(b.n_done, N + 8);
}
END_TEST

Suite *suite_pool(void)
{
    Suite *s = suite_create("bigquery: pool");
    TCase *t = tcase_create("threads");

    tcase_add_test(t, each_job_finds_a_thread_that_can_read);
    tcase_add_test(
        t, a_job_behind_stuck_ones_gets_a_thread_though_nothing_else_comes);
    tcase_add_test(t, a_job_can_be_withdrawn_until_it_begins);
    tcase_add_test(t, what_is_queued_is_done_before_the_pool_ends);
    suite_add_tcase(s, t);
    return s;
}
