/* SPDX-License-Identifier: Apache-2.0 */
/* The service as the shell sees it: born, asked, emptied, saved, ended. */
#include "emulator/faults.h"
#include "emulator/bigquery/bigquery.h"

#include <stdio.h>

#include "common/buf.h"
#include "common/mem.h"
#include "emulator/bigquery/api.h"
#include "emulator/bigquery/bigquery_priv.h"
#include "emulator/bigquery/db.h"
#include "emulator/bigquery/dedup.h"
#include "emulator/bigquery/job.h"
#include "emulator/bigquery/parked.h"
#include "emulator/bigquery/pool.h"
#include "emulator/bigquery/provide.h"
#include "emulator/clock.h"

/* --- state ---------------------------------------------------------------- */

static const char *health(void *self)
{
    struct bigquery *bq = self;
    struct err err = {0};
    int64_t n;

    if (db_int(bq->loop_db, &err, &n, "SELECT count(*) FROM datasets", "") ==
            RC_OK &&
        db_check_disk(bq->dbs, &err) == RC_OK)
        return "ok";
    snprintf(bq->error, sizeof(bq->error), "%s", err.text);
    return bq->error;
}

/* What the file holds is now what the memory knows. */
static int reread(struct bigquery *bq, struct err *err)
{
    struct db *w = db_begin(bq->dbs, false, err);
    int rc;

    if (!w)
        return RC_IO;
    rc = dedup_load(bq->dedup, w, vclock_now_us(bq->e->clock), err);
    if (rc == RC_OK) /* of a process that was killed */
        rc = db_run(w, err, "DELETE FROM jobs WHERE state <> 'DONE'", "");
    if (rc == RC_OK)
        return db_commit(w, err);
    db_rollback(w);
    return rc;
}

static void reset(void *self, service_done *done, void *arg)
{
    struct bigquery *bq = self;
    struct err err = {0};
    int rc;

    job_cancel_all(bq); /* whose statements would keep us waiting */
    parked_flush(bq->parked, bq->dbs);
    rc = db_reset(bq->dbs, &err);

    uploads_clear(bq);
    if (rc == RC_OK)
        rc = reread(bq, &err);
    done(arg, rc, err.text);
}

static int save(void *self, struct buf *out, struct err *err)
{
    struct bigquery *bq = self;

    parked_flush(bq->parked, bq->dbs);
    return db_save(bq->dbs, out, err);
}

static int load(void *self, struct str bytes, struct err *err)
{
    struct bigquery *bq = self;
    int rc;

    parked_flush(bq->parked, bq->dbs);
    rc = db_load(bq->dbs, bytes, err);
    return rc ? rc : reread(bq, err);
}

/* --- metrics -------------------------------------------------------------- */

static void family(struct buf *out, const char *name, const char *help,
                   unsigned long long v)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s counter\n%s %llu\n", name, help,
               name, name, v);
}

static void metrics(void *self, struct buf *out)
{
    struct bigquery_counts *n = &((struct bigquery *)self)->counts;

    family(out, "bigquery_requests_total", "REST requests.", n->requests);
    family(out, "bigquery_failures_total", "Requests answered with an error.",
           n->failures);
    family(out, "bigquery_storage_uploaded_row_count",
           "Rows inserted by insertAll.", n->rows_inserted);
    family(out, "bigquery_rows_refused_total", "Rows with insertErrors.",
           n->rows_refused);
    family(out, "bigquery_rows_repeated_total",
           "Rows left out because their insertId was there.", n->rows_repeated);
    family(out, "bigquery_storage_uploaded_bytes", "Bytes of request bodies.",
           n->bytes_in);
    family(out, "bigquery_query_count", "Queries run.", n->queries);
    family(out, "bigquery_query_failures_total", "Queries that failed.",
           n->query_failures);
}

/* --- life ----------------------------------------------------------------- */

void bigquery_check_drained(struct bigquery *bq)
{
    service_done *done = bq->drained;

    if (!done || bq->n_calls || bq->n_jobs)
        return;
    bq->drained = NULL;
    loop_timer_cancel(&bq->patience);
    done(bq->drained_arg, RC_OK, "");
}

static void on_patience_over(struct loop_timer *timer)
{
    job_cancel_all(LOOP_OWNER(timer, struct bigquery, patience));
}

static void drain(void *self, service_done *done, void *arg)
{
    struct bigquery *bq = self;

    bq->stopping = true;
    bq->drained = done;
    bq->drained_arg = arg;
    loop_timer_arm(&bq->patience, PATIENCE_US);
    bigquery_check_drained(bq);
}

static void bigquery_free(void *self)
{
    struct bigquery *bq = self;

    job_cancel_all(bq);
    pool_free(bq->slow);
    pool_free(bq->quick);
    loop_timer_fini(&bq->patience);
    if (bq->n_calls || bq->n_jobs)
        return; /* ended in haste: what is under way still looks at it */
    uploads_clear(bq);
    dedup_free(bq->dedup);
    parked_free(bq->parked);
    db_close(bq->dbs);
    mem_free(bq);
}

static int provide(void *self, struct str json, struct err *err)
{
    return provide_resources(self, json, err);
}

struct service *bigquery_new(struct emulator *e, struct err *err)
{
    struct bigquery *bq = MEM_NEW(struct bigquery);
    unsigned n = QUICK_THREADS + SLOW_THREADS;

    e->bigquery = (struct bigquery_door){api_ask, bq};
    bq->e = e;
    bq->dedup = dedup_new();
    bq->parked = parked_new(bq);
    loop_timer_init(&bq->patience, e->loop, on_patience_over);
    if (db_open(e->state_dir, e->fsync, n + 1, &bq->dbs, err) ||
        db_wake(bq->loop_db = db_reader(bq->dbs, n), err) || reread(bq, err)) {
        dedup_free(bq->dedup);
        parked_free(bq->parked);
        db_close(bq->dbs);
        loop_timer_fini(&bq->patience);
        mem_free(bq);
        return NULL;
    }
    bq->quick = pool_new(
        bq->dbs, e->loop,
        &(struct pool_shape){0, QUICK_THREADS, QUICK_SOON, QUICK_STUCK_US});
    bq->slow = pool_new(
        bq->dbs, e->loop,
        &(struct pool_shape){QUICK_THREADS, SLOW_THREADS, SLOW_SOON, 0});
    for (const struct route *r = routes; r->name; r++)
        faults_know(e->faults, "bigquery", r->name);
    bq->service = (struct service){.name = "bigquery",
                                   .self = bq,
                                   .app = &bigquery_http_app,
                                   .health = health,
                                   .reset = reset,
                                   .save = save,
                                   .load = load,
                                   .metrics = metrics,
                                   .provide = provide,
                                   .drain = drain,
                                   .free = bigquery_free};
    return &bq->service;
}
