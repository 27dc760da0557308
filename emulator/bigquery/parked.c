/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/bigquery/parked.h"

#include <pthread.h>
#include <stdio.h>
#include <strings.h>

#include "common/log.h"
#include "common/mem.h"
#include "emulator/bigquery/bigquery_priv.h"
#include "emulator/bigquery/job.h"

enum {
    BYTES_MAX = 32 << 20 /* beyond, a job waits for the writer */
};

struct parked {
    struct bigquery *bq;
    pthread_mutex_t lock;
    struct parked_job *first; /* newest first */
    size_t bytes;
    pthread_mutex_t flushing; /* held before the writer */
    /* the loop's */
    bool is_started;
    struct pool_job work;
    struct loop_task task;
};

static void on_work(struct pool_job *work, struct db *db);
static void on_written(struct loop_task *task);

struct parked *parked_new(struct bigquery *bq)
{
    struct parked *p = MEM_NEW(struct parked);

    p->bq = bq;
    pthread_mutex_init(&p->lock, NULL);
    pthread_mutex_init(&p->flushing, NULL);
    p->work.run = on_work;
    p->task.run = on_written;
    return p;
}

static void free_one(struct parked_job *one)
{
    mem_free(one->project);
    mem_free(one->id);
    mem_free(one->location);
    mem_free(one->request);
    mem_free(one->anon);
    mem_free(one->resource);
    mem_free(one->schema);
    buf_fini(&one->rows);
    mem_free(one);
}

static void free_all(struct parked_job *one)
{
    while (one) {
        struct parked_job *next = one->next;

        free_one(one);
        one = next;
    }
}

void parked_free(struct parked *p)
{
    if (!p)
        return;
    free_all(p->first);
    pthread_mutex_destroy(&p->lock);
    pthread_mutex_destroy(&p->flushing);
    mem_free(p);
}

/* --- in ------------------------------------------------------------------- */

static char *copy(struct parked_job *one, const char *text)
{
    if (text)
        one->size += strlen(text) + 1;
    return text ? mem_strdup(text) : NULL;
}

static struct parked_job *copy_of(const struct job *j)
{
    struct parked_job *one = MEM_NEW(struct parked_job);

    one->size = sizeof(*one);
    one->project = copy(one, j->project);
    one->id = copy(one, j->id);
    one->location = copy(one, j->location);
    one->request = copy(one, j->request);
    one->anon = copy(one, job_anonymous(j));
    one->resource = copy(one, j->resource);
    one->schema = copy(one, j->schema);
    one->created_us = j->created_us;
    one->total = j->rows.total;
    buf_init(&one->rows, BYTES_MAX);
    if (!j->fail.reason)
        buf_str(&one->rows, buf_as_str(&j->rows.text));
    one->size += one->rows.len;
    return one;
}

bool parked_add(struct parked *p, const struct job *j)
{
    struct parked_job *one = copy_of(j);
    bool fits;

    pthread_mutex_lock(&p->lock);
    fits = !one->rows.failed && p->bytes + one->size <= BYTES_MAX;
    if (fits) {
        one->next = p->first;
        p->first = one;
        p->bytes += one->size;
    }
    pthread_mutex_unlock(&p->lock);
    if (!fits)
        free_one(one);
    return fits;
}

/* --- looked at ------------------------------------------------------------ */

bool parked_each(struct parked *p, struct str project,
                 bool (*visit)(void *arg, const struct parked_job *one),
                 void *arg)
{
    bool stop = false;

    pthread_mutex_lock(&p->lock);
    for (struct parked_job *one = p->first; one && !stop; one = one->next)
        stop = str_eq(str_from(one->project), project) && visit(arg, one);
    pthread_mutex_unlock(&p->lock);
    return stop;
}

bool parked_is(const struct parked_job *one, struct str id, struct str location)
{
    return str_eq(str_from(one->id), id) &&
           (!location.len || str_ieq(str_from(one->location), location));
}

/* --- out ------------------------------------------------------------------ */

static int write_one(struct db *w, const struct parked_job *one,
                     struct err *err)
{
    int64_t n;
    int rc = db_run(w, err,
                    "INSERT INTO jobs(project, job, location, created_us,"
                    " state, request, anon, body, schema, total_rows)"
                    " VALUES(?,?,?,?,'DONE',?,?,?,?,?)",
                    "zzzizzzzi", one->project, one->id, one->location,
                    one->created_us, one->request, one->anon, one->resource,
                    one->schema, one->total);

    if (rc)
        return rc;
    n = sqlite3_last_insert_rowid(w->h);
    if (one->rows.len)
        rc = db_run(w, err, "INSERT INTO results VALUES(?,0,?,?)", "iib", n,
                    one->total, buf_as_str(&one->rows));
    return rc ? rc : job_clean(w, n, err);
}

/* The oldest first, as it would have been. */
static int write_all(struct db *w, const struct parked_job *newest,
                     struct err *err)
{
    const struct parked_job **list;
    size_t n = 0, i = 0;
    int rc = RC_OK;

    for (const struct parked_job *one = newest; one; one = one->next)
        n++;
    list = MEM_ARRAY(const struct parked_job *, n);
    for (const struct parked_job *one = newest; one; one = one->next)
        list[i++] = one;
    while (rc == RC_OK && i > 0)
        rc = write_one(w, list[--i], err);
    mem_free(list);
    return rc;
}

/* `newest` and all behind it are in the file. */
static void forget(struct parked *p, struct parked_job *newest)
{
    struct parked_job **at;

    pthread_mutex_lock(&p->lock);
    for (at = &p->first; *at != newest; at = &(*at)->next)
        ;
    *at = NULL;
    for (struct parked_job *one = newest; one; one = one->next)
        p->bytes -= one->size;
    pthread_mutex_unlock(&p->lock);
    free_all(newest);
}

static struct parked_job *newest_of(struct parked *p)
{
    struct parked_job *newest;

    pthread_mutex_lock(&p->lock);
    newest = p->first;
    pthread_mutex_unlock(&p->lock);
    return newest;
}

void parked_flush(struct parked *p, struct dbs *all)
{
    struct parked_job *newest;
    struct err err = {0};
    struct db *w;
    int rc;

    pthread_mutex_lock(&p->flushing);
    newest = newest_of(p);
    if (newest) {
        w = db_begin(all, false, &err);
        rc = w ? write_all(w, newest, &err) : RC_IO;
        if (rc == RC_OK)
            rc = db_commit(w, &err);
        else if (w)
            db_rollback(w);
        if (rc)
            LOG_E("BigQuery: jobs cannot be kept: %s", err.text);
        forget(p, newest);
    }
    pthread_mutex_unlock(&p->flushing);
}

/* --- when the writer is free ---------------------------------------------- */

static void on_work(struct pool_job *work, struct db *db)
{
    struct parked *p = LOOP_OWNER(work, struct parked, work);

    parked_flush(p, db->all);
    loop_post(p->bq->e->loop, &p->task);
}

static void on_written(struct loop_task *task)
{
    struct parked *p = LOOP_OWNER(task, struct parked, task);

    p->is_started = false;
    p->bq->n_jobs--;
    parked_start(p);
    bigquery_check_drained(p->bq);
}

void parked_start(struct parked *p)
{
    if (p->is_started || !newest_of(p))
        return;
    p->is_started = true;
    p->bq->n_jobs++; /* whoever ends the service waits for it */
    pool_add(p->bq->slow, &p->work);
}
