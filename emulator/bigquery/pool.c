/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/bigquery/pool.h"

#include <pthread.h>

#include "common/log.h"
#include "common/mem.h"
#include "common/thread.h"
#include "emulator/bigquery/db.h"

enum {
    STACK_BYTES = 8 << 20 /* deep expressions recurse in SQLite */
};

struct worker {
    struct pool *pool;
    struct db *db;
    pthread_t thread;
};

struct pool {
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct pool_job *first, **last;
    struct worker *workers;
    unsigned n, n_started, n_idle, n_queued;
    bool stopping;
};

struct pool *pool_new(struct dbs *all, unsigned first, unsigned n)
{
    struct pool *pool = MEM_NEW(struct pool);

    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->more, NULL);
    pool->last = &pool->first;
    pool->n = n;
    pool->workers = MEM_ARRAY(struct worker, n);
    for (unsigned i = 0; i < n; i++)
        pool->workers[i] =
            (struct worker){.pool = pool, .db = db_reader(all, first + i)};
    return pool;
}

static struct pool_job *take(struct pool *pool)
{
    struct pool_job *job;

    pool->n_idle++;
    while (!pool->first && !pool->stopping)
        pthread_cond_wait(&pool->more, &pool->lock);
    pool->n_idle--;
    job = pool->first;
    if (job) {
        pool->n_queued--;
        pool->first = job->next;
        if (!pool->first)
            pool->last = &pool->first;
    }
    return job;
}

static void *work(void *arg)
{
    struct worker *worker = arg;
    struct pool *pool = worker->pool;
    struct pool_job *job;

    pthread_mutex_lock(&pool->lock);
    while ((job = take(pool)) != NULL) {
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

    if (thread_start(&worker->thread, STACK_BYTES, work, worker))
        pool->n_started++;
    else
        LOG_W("BigQuery has no thread more: it goes on with %u",
              pool->n_started);
}

void pool_add(struct pool *pool, struct pool_job *job)
{
    job->next = NULL;
    pthread_mutex_lock(&pool->lock);
    *pool->last = job;
    pool->last = &job->next;
    pool->n_queued++;
    if (pool->n_queued > pool->n_idle && pool->n_started < pool->n)
        start_one(pool);
    pthread_cond_signal(&pool->more);
    pthread_mutex_unlock(&pool->lock);
}

void pool_free(struct pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    pthread_cond_broadcast(&pool->more);
    pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->n_started; i++)
        pthread_join(pool->workers[i].thread, NULL);
    pthread_cond_destroy(&pool->more);
    pthread_mutex_destroy(&pool->lock);
    mem_free(pool->workers);
    mem_free(pool);
}
