/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/bigquery/pool.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/mem.h"
#include "common/thread.h"
#include "emulator/bigquery/db.h"

enum {
    STACK_BYTES = 8 << 20, /* deep expressions recurse in SQLite */
    REST_S = 2
};

struct worker {
    struct pool *pool;
    struct db *db;
    pthread_t thread;
    pthread_cond_t called;
    struct worker *next_idle;
    bool is_idle;
};

/* Idle workers are a stack: the one that worked last works next, so that those
 * whom only a rush has started come to rest. */
struct pool {
    pthread_mutex_t lock;
    struct pool_job *first, **last;
    struct worker *workers, *idle;
    unsigned n, n_soon, n_started;
    int64_t stuck_us, begun_us; /* when a job was begun last */
    struct loop_timer look;     /* armed while a job waits for nobody */
    bool stopping;
};

static void on_look(struct loop_timer *timer);

struct pool *pool_new(struct dbs *all, struct loop *loop,
                      const struct pool_shape *shape)
{
    unsigned n = shape->n;
    struct pool *pool = MEM_NEW(struct pool);

    pthread_mutex_init(&pool->lock, NULL);
    pool->last = &pool->first;
    pool->n = n;
    pool->n_soon = shape->n_soon;
    pool->stuck_us = shape->stuck_us;
    loop_timer_init(&pool->look, loop, on_look);
    pool->workers = MEM_ARRAY(struct worker, n);
    for (unsigned i = 0; i < n; i++)
        pool->workers[i] = (struct worker){
            .pool = pool, .db = db_reader(all, shape->first + i)};
    return pool;
}

static void wait_forever(struct worker *worker)
{
    while (worker->is_idle && !worker->pool->stopping)
        pthread_cond_wait(&worker->called, &worker->pool->lock);
}

/* Locked. False: nobody called for a while. */
static bool wait_awhile(struct worker *worker)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += REST_S;
    while (worker->is_idle && !worker->pool->stopping)
        if (pthread_cond_clockwait(&worker->called, &worker->pool->lock,
                                   CLOCK_MONOTONIC, &until) == ETIMEDOUT)
            return !worker->is_idle;
    return true;
}

/* Locked, and unlocked while the connection gives up what it has. */
static void idle(struct worker *worker)
{
    struct pool *pool = worker->pool;

    worker->is_idle = true;
    worker->next_idle = pool->idle;
    pool->idle = worker;
    if (worker - pool->workers >= pool->n_soon && !wait_awhile(worker)) {
        pthread_mutex_unlock(&pool->lock);
        db_rest(worker->db);
        pthread_mutex_lock(&pool->lock);
    }
    wait_forever(worker);
}

static struct pool_job *take(struct worker *worker)
{
    struct pool *pool = worker->pool;
    struct pool_job *job;

    while (!pool->first && !pool->stopping)
        idle(worker);
    job = pool->first;
    if (job) {
        pool->first = job->next;
        if (!pool->first)
            pool->last = &pool->first;
        pool->begun_us = clock_mono_us();
    }
    return job;
}

static void *work(void *arg)
{
    struct worker *worker = arg;
    struct pool *pool = worker->pool;
    struct pool_job *job;
    struct err err = {0};

    if (db_wake(worker->db, &err)) /* slower; what matters fails again */
        LOG_W("%s", err.text);
    pthread_mutex_lock(&pool->lock);
    while ((job = take(worker)) != NULL) {
        pthread_mutex_unlock(&pool->lock);
        job->run(job, worker->db);
        pthread_mutex_lock(&pool->lock);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

/* Locked. A thread that cannot be had is one less, as long as there is one. */
static void start_one(struct pool *pool)
{
    struct worker *worker = &pool->workers[pool->n_started];

    pthread_cond_init(&worker->called, NULL);
    if (thread_start(&worker->thread, STACK_BYTES, work, worker)) {
        pool->n_started++;
        return;
    }
    pthread_cond_destroy(&worker->called);
    LOG_W("BigQuery has no thread more: it goes on with %u", pool->n_started);
}

/* Locked. Somebody who will look at the queue; false: all have work, and may
 * soon be done with it. */
static bool call_one(struct pool *pool)
{
    struct worker *worker = pool->idle;
    int64_t quiet_us = clock_mono_us() - pool->begun_us;

    if (worker) {
        pool->idle = worker->next_idle;
        worker->is_idle = false;
        pthread_cond_signal(&worker->called);
        return true;
    }
    if (pool->n_started == pool->n)
        return true;
    if (pool->n_started >= pool->n_soon && quiet_us < pool->stuck_us)
        return false;
    start_one(pool);
    return true;
}

/* The loop: is what was left in the queue still there? */
static void on_look(struct loop_timer *timer)
{
    struct pool *pool = LOOP_OWNER(timer, struct pool, look);
    bool is_left;

    pthread_mutex_lock(&pool->lock);
    is_left = pool->first && (!call_one(pool) || pool->n_started < pool->n);
    pthread_mutex_unlock(&pool->lock);
    if (is_left)
        loop_timer_arm(timer, pool->stuck_us);
}

void pool_add(struct pool *pool, struct pool_job *job)
{
    bool is_called;

    job->next = NULL;
    pthread_mutex_lock(&pool->lock);
    *pool->last = job;
    pool->last = &job->next;
    is_called = call_one(pool);
    pthread_mutex_unlock(&pool->lock);
    if (!is_called && !loop_timer_is_armed(&pool->look))
        loop_timer_arm(&pool->look, pool->stuck_us);
}

bool pool_withdraw(struct pool *pool, struct pool_job *job)
{
    struct pool_job **at;
    bool found;

    pthread_mutex_lock(&pool->lock);
    for (at = &pool->first; *at && *at != job; at = &(*at)->next)
        ;
    found = *at != NULL;
    if (found) {
        *at = job->next;
        if (!*at)
            pool->last = at;
    }
    pthread_mutex_unlock(&pool->lock);
    return found;
}

void pool_free(struct pool *pool)
{
    if (!pool)
        return;
    loop_timer_fini(&pool->look);
    pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    for (unsigned i = 0; i < pool->n_started; i++)
        pthread_cond_signal(&pool->workers[i].called);
    pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->n_started; i++) {
        pthread_join(pool->workers[i].thread, NULL);
        pthread_cond_destroy(&pool->workers[i].called);
    }
    pthread_mutex_destroy(&pool->lock);
    mem_free(pool->workers);
    mem_free(pool);
}
