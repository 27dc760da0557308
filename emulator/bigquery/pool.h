/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that do what may block, each with a connection that reads. They
 * are started when first needed. Threads: pool_add from any. */
#ifndef EMULATOR_BIGQUERY_POOL_H
#define EMULATOR_BIGQUERY_POOL_H

struct db;
struct dbs;
struct pool;

/* Embedded in what is to be done; alive until `run` was called. */
struct pool_job {
    void (*run)(struct pool_job *job, struct db *db);
    struct pool_job *next;
};

/* `n` threads, which use the readers from `first` on. */
struct pool *pool_new(struct dbs *all, unsigned first, unsigned n);
void pool_add(struct pool *pool, struct pool_job *job);
/* Does what is queued, then ends the threads. */
void pool_free(struct pool *pool);

#endif
