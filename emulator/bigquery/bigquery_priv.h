/* SPDX-License-Identifier: Apache-2.0 */
/* The service as its own files see it. Threads: loop-confined, but for what
 * says otherwise. */
#ifndef EMULATOR_BIGQUERY_PRIV_H
#define EMULATOR_BIGQUERY_PRIV_H

#include <stdatomic.h>

#include "common/loop.h"
#include "emulator/bigquery/bigquery.h"

struct dbs;
struct dedup;
struct job;
struct parked;
struct pool;
struct upload_session;

enum {
    QUICK_SOON = 2,     /* as many as make insertAll fast */
    QUICK_THREADS = 16, /* where a long statement holds the writer */
    QUICK_STUCK_US = 20000,
    SLOW_SOON = 4,
    SLOW_THREADS = 64,    /* jobs at once: a short one waits for no long one */
    PATIENCE_US = 2000000 /* with jobs, when the service is to end */
};

/* Counted by workers. */
struct bigquery_counts {
    atomic_ullong requests, failures, rows_inserted, rows_refused,
        rows_repeated, bytes_in, queries, query_failures;
};

struct bigquery {
    struct service service;
    struct emulator *e;
    struct dbs *dbs;                /* any thread */
    struct db *loop_db;             /* the loop's own reader */
    struct dedup *dedup;            /* any thread */
    struct pool *quick, *slow;      /* the loop's */
    struct job *jobs;               /* that run */
    struct parked *parked;          /* any thread: over, not yet in the file */
    struct upload_session *uploads; /* resumable ones, under way */
    struct bigquery_counts counts;
    atomic_llong expired_us; /* last look for what has expired */
    size_t n_calls;          /* made and not finished */
    size_t n_jobs;           /* running */
    bool stopping;
    struct loop_timer patience;
    service_done *drained;
    void *drained_arg;
    char error[480]; /* of storage, for health */
};

extern const struct http_app bigquery_http_app;

/* Forgets the uploads that are under way (uploads.c). */
void uploads_clear(struct bigquery *bq);
/* Ends a drain when nothing is left to do. */
void bigquery_check_drained(struct bigquery *bq);

#endif
