/* SPDX-License-Identifier: Apache-2.0 */
/* A job while it runs, and what of it is kept.
 *
 * The loop makes a job (job_start), a worker runs it (job_run.c), the loop
 * tells those who wait (job_wait). A finished job is a row of the table
 * `jobs`; its rows lie in `results`.
 *
 * Threads: what stands under "given" does not change once the job is started;
 * what stands under "outcome" is the worker's until the job is done. */
#ifndef EMULATOR_BIGQUERY_JOB_H
#define EMULATOR_BIGQUERY_JOB_H

#include <stdatomic.h>

#include "emulator/bigquery/call.h"
#include "emulator/bigquery/sql/sql.h"

struct job_wait;
struct upload_body;

enum {
    RESULTS_INLINE = 4 << 20, /* rows held before they go to disk */
    PAGE_BYTES = 10 << 20,    /* of a page of results; one row at least */
    PAGE_ROWS = 100000
};

/* Rows of a result: REST's JSON of each with TIMESTAMPs as int64, and a line
 * end behind it. */
struct rows {
    struct buf text;
    int64_t n;     /* in `text` */
    int64_t total; /* with those that went to disk */
};

/* Is it kept? Decided once: by the loop, when somebody is told to ask again
 * later, or by the worker, when all of a short query is in its answer. */
enum job_fate {
    JOB_OPEN,
    JOB_WANTED,
    JOB_EPHEMERAL
};

struct job {
    struct pool_job work;
    struct loop_task task;
    struct job *next; /* of those that run */
    struct bigquery *bq;
    struct job_wait *waits; /* the loop's */
    atomic_bool cancel;
    atomic_int fate; /* enum job_fate */
    /* --- given --- */
    char *project, *id, *location;
    bool is_placed;   /* the request, or its data, named the location */
    char *request;    /* project and requestId, or NULL */
    const char *type; /* QUERY, LOAD, COPY, EXTRACT */
    json_t *config;   /* configuration, as REST shows it */
    bool optional;    /* JOB_CREATION_OPTIONAL */
    bool dry_run;
    bool by_query;    /* jobs.query: `reply` is wanted */
    int64_t max_rows; /* of `reply` */
    enum sql_ts_format ts;
    int64_t created_us, created_mono_us;
    struct upload_body *upload; /* of a load, or NULL */
    size_t data_at, data_len;   /* within it */
    /* --- outcome --- */
    atomic_llong started_us; /* 0: it waits; the loop looks at it too */
    int64_t ended_us, n;     /* n: its row, or 0 */
    struct fail fail;
    json_t *stats;       /* statistics.query, .load ... */
    json_t *errors;      /* more of status.errors, or NULL */
    json_t *destination; /* replaces configuration's, or NULL */
    int64_t bytes;       /* processed */
    bool bytes_known;
    char *schema; /* of the result, or NULL */
    struct rows rows;
    bool stored;
    char *resource;   /* as jobs.get shows it */
    struct buf reply; /* of jobs.query */
};

/* --- the loop ------------------------------------------------------------- */

/* A job from a request's configuration (taken). `reference` may be NULL. NULL
 * with the call failed. */
struct job *job_new(struct call *c, const json_t *reference, json_t *config);
void job_free(struct job *j);
/* Hands it to a worker. */
void job_start(struct job *j);
/* It ends as soon as it can; at once, if it has not begun. */
void job_cancel(struct job *j);
void job_cancel_all(struct bigquery *bq);
/* One that runs; NULL if none does. */
struct job *job_running(struct bigquery *bq, struct str project, struct str id);
struct job *job_of_request(struct bigquery *bq, struct str request);
/* Calls `told` on the loop when the job is done, or `late` when `timeout_us`
 * passed before. */
void job_wait(struct job *j, struct call *c, int64_t timeout_us,
              void (*told)(struct job *j, struct call *c),
              void (*late)(struct job *j, struct call *c));

/* --- the worker ----------------------------------------------------------- */

void job_run(struct pool_job *work, struct db *db);
int64_t job_now_us(const struct job *j);
bool job_is_cancelled(struct job *j);
/* Keeps the job (and its rows) on disk; within `w`'s transaction. */
RC_MUST_USE int job_store(struct job *j, struct db *w);
/* Every so many jobs (`n`: one's row) the oldest go. */
RC_MUST_USE int job_clean(struct db *w, int64_t n, struct err *err);
/* The table by whose name its rows may be asked for, or NULL. */
const char *job_anonymous(const struct job *j);
/* Commits, or rolls back what failed, with the job's row. */
void job_end(struct job *j, struct db *w, int rc);
/* Rows that are too many for memory go there now. */
RC_MUST_USE int job_spill(struct job *j, struct db *db);
void query_run(struct job *j, struct db *db);
void load_run(struct job *j, struct db *db);
void copy_run(struct job *j, struct db *db);
void extract_run(struct job *j, struct db *db);

/* --- what clients see ----------------------------------------------------- */

/* The job resource. `done`: asked by the worker; else it waits or runs.
 * Owned. */
json_t *job_resource(struct job *j, bool done);
json_t *job_reference(const struct job *j);
/* Where its datasets must be; NULL: anywhere. */
static inline const char *job_place(const struct job *j)
{
    return j->is_placed ? j->location : NULL;
}
/* `job->reply`: the answer of jobs.query. */
void job_put_reply(struct job *j);

#endif
