/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs on their worker: run by their kind, kept on disk. */
#include <stdio.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "emulator/bigquery/expire.h"
#include "emulator/bigquery/bigquery_priv.h"
#include "emulator/bigquery/job.h"
#include "emulator/bigquery/parked.h"

enum {
    JOBS_KEPT = 10000,
    RESULTS_KEPT = 1000, /* of the last so many jobs */
    CLEAN_EVERY = 64
};

int64_t job_now_us(const struct job *j)
{
    return j->created_us + clock_mono_us() - j->created_mono_us;
}

bool job_is_cancelled(struct job *j)
{
    if (!atomic_load(&j->cancel))
        return false;
    fail_set(&j->fail, "stopped",
             "Job execution was cancelled: User requested "
             "cancellation");
    return true;
}

/* --- on disk -------------------------------------------------------------- */

int job_clean(struct db *w, int64_t n, struct err *err)
{
    int rc = RC_OK;

    if (n % CLEAN_EVERY)
        return RC_OK;
    rc = db_run(w, err, "DELETE FROM results WHERE job < ?", "i",
                n - RESULTS_KEPT);
    return rc ? rc
              : db_run(w, err, "DELETE FROM jobs WHERE n < ?", "i",
                       n - JOBS_KEPT);
}

const char *job_anonymous(const struct job *j)
{
    const json_t *query = json_object_get(j->config, "query");

    return json_string_value(
        json_object_get(json_object_get(query, "destinationTable"), "tableId"));
}

/* Its row, so that results have something to belong to. */
static int add_row(struct job *j, struct db *w, struct err *err)
{
    int rc;

    if (j->n)
        return RC_OK;
    rc = db_run(w, err,
                "INSERT INTO jobs(project, job, location, created_us, state,"
                " request, anon) VALUES(?,?,?,?,'RUNNING',?,?)",
                "zzzizz", j->project, j->id, j->location, j->created_us,
                j->request, job_anonymous(j));
    if (rc)
        return rc;
    j->n = sqlite3_last_insert_rowid(w->h);
    return job_clean(w, j->n, err);
}

static int add_rows(struct job *j, struct db *w, struct err *err)
{
    int rc = RC_OK;

    if (j->rows.n)
        rc = db_run(w, err, "INSERT INTO results VALUES(?,?,?,?)", "iiib", j->n,
                    j->rows.total - j->rows.n, j->rows.n,
                    buf_as_str(&j->rows.text));
    return rc;
}

int job_spill(struct job *j, struct db *db)
{
    struct err err = {0};
    struct db *w = db_begin(db->all, false, &err);
    int rc = w ? add_row(j, w, &err) : RC_IO;

    if (rc == RC_OK)
        rc = add_rows(j, w, &err);
    if (rc == RC_OK)
        rc = db_commit(w, &err);
    else if (w)
        db_rollback(w);
    if (rc)
        return fail_from_err(&j->fail, &err);
    buf_reset(&j->rows.text);
    j->rows.n = 0;
    return RC_OK;
}

static void finish_resource(struct job *j)
{
    json_t *r;

    j->ended_us = job_now_us(j);
    mem_free(j->resource);
    r = job_resource(j, true);
    j->resource = json_dumps(r, JSON_COMPACT);
    json_decref(r);
}

int job_store(struct job *j, struct db *w)
{
    struct err err = {0};
    int rc = add_row(j, w, &err);

    finish_resource(j);
    if (rc == RC_OK && !j->fail.reason)
        rc = add_rows(j, w, &err);
    if (rc == RC_OK)
        rc = db_run(w, &err,
                    "UPDATE jobs SET state = 'DONE', body = ?, schema = ?,"
                    " total_rows = ? WHERE n = ?",
                    "zzii", j->resource, j->schema, j->rows.total, j->n);
    if (rc)
        return fail_from_err(&j->fail, &err);
    j->stored = true;
    return RC_OK;
}

void job_end(struct job *j, struct db *w, int rc)
{
    struct err err = {0};

    if (rc == RC_OK && db_commit(w, &err) == RC_OK)
        return;
    if (rc)
        db_rollback(w);
    else
        fail_from_err(&j->fail, &err);
    j->n = 0; /* what was stored is gone */
    j->stored = false;
}

/* --- running -------------------------------------------------------------- */

/* Its client need not wait for whoever has the writer. */
static bool park(struct job *j)
{
    finish_resource(j);
    if (!parked_add(j->bq->parked, j))
        return false;
    j->stored = true;
    return true;
}

/* Whoever may ask for it later must find it. */
static void keep(struct job *j, struct db *db)
{
    struct err err = {0};
    struct db *w = j->n ? NULL : db_begin_soon(db->all, false, &err);
    int rc;

    if (!w && err.rc == RC_BUSY && park(j))
        return;
    if (!w)
        w = db_begin(db->all, false, &err);
    if (!w) {
        LOG_E("BigQuery: a job cannot be kept: %s", err.text);
        return;
    }
    rc = job_store(j, w);
    if (rc)
        db_rollback(w);
    else if (db_commit(w, &err))
        LOG_E("BigQuery: a job cannot be kept: %s", err.text);
}

/* A query whose whole result is in its answer needs no job. */
static bool is_ephemeral(struct job *j)
{
    int open = JOB_OPEN;

    return j->optional && !j->n && j->rows.total <= j->max_rows &&
           j->rows.text.len <= PAGE_BYTES &&
           atomic_compare_exchange_strong(&j->fate, &open, JOB_EPHEMERAL);
}

void job_run(struct pool_job *work, struct db *db)
{
    struct job *j = LOOP_OWNER(work, struct job, work);

    atomic_store(&j->started_us, job_now_us(j));
    expire_due(j->bq, db, j->started_us);
    if (!job_is_cancelled(j)) {
        switch (j->type[0]) {
        case 'Q':
            query_run(j, db);
            break;
        case 'L':
            load_run(j, db);
            break;
        case 'C':
            copy_run(j, db);
            break;
        default:
            extract_run(j, db);
        }
    }
    if (!j->dry_run && !j->stored && !is_ephemeral(j))
        keep(j, db);
    if (!j->resource)
        finish_resource(j);
    if (j->by_query && !j->fail.reason)
        job_put_reply(j);
    loop_post(j->bq->e->loop, &j->task);
}
