/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that do what may block, each with a connection that reads. They
 * are started when first needed. Threads: the loop's. */
#ifndef EMULATOR_BIGQUERY_POOL_H
#define EMULATOR_BIGQUERY_POOL_H

#include <stdbool.h>
#include <stdint.h>

struct db;
struct dbs;
struct loop;
struct pool;

/* Embedded in what is to be done; alive until `run` was called. */
struct pool_job {
    void (*run)(struct pool_job *job, struct db *db);
    struct pool_job *next;
};

/* Up to `n` threads, which use the readers from `first` on. The first `n_soon`
 * start as they are needed; one more starts when jobs wait and none was begun
 * for `stuck_us`, for then all have work that takes its time. Threads beyond
 * `n_soon` that have been idle for a while give back what they kept. */
struct pool_shape {
    unsigned first, n, n_soon;
    int64_t stuck_us;
};

/* The connections stay the caller's; the loop must outlive the pool. */
struct pool *pool_new(struct dbs *all, struct loop *loop,
                      const struct pool_shape *shape);
void pool_add(struct pool *pool, struct pool_job *job);
/* Takes back what no thread has begun; false: one has. */
bool pool_withdraw(struct pool *pool, struct pool_job *job);
/* Does what is queued, then ends the threads. */
void pool_free(struct pool *pool);

#endif
