/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs on the loop: made, started, waited for, done. */
#include "emulator/bigquery/job.h"

#include <stdio.h>

#include "common/clock.h"
#include "common/mem.h"
#include "common/rand.h"
#include "emulator/bigquery/bigquery_priv.h"
#include "emulator/bigquery/job_check.h"
#include "emulator/bigquery/job_place.h"
#include "emulator/bigquery/parked.h"
#include "emulator/bigquery/upload.h"

enum {
    ID_MAX = 1024,
    RESULTS_MAX = 1 << 30
};

struct job_wait {
    struct job_wait *next;
    struct job *job;
    struct call *call;
    struct loop_timer timer;
    void (*told)(struct job *j, struct call *c);
    void (*late)(struct job *j, struct call *c);
};

/* --- making --------------------------------------------------------------- */

static char *random_id(void)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned char bytes[27];
    char text[sizeof(bytes) + 1] = "";

    rand_bytes(bytes, sizeof(bytes));
    for (size_t i = 0; i < sizeof(bytes); i++)
        text[i] = digits[bytes[i] & 63];
    return mem_printf("job_%s", text);
}

static bool id_is_ok(const char *id)
{
    size_t n = strlen(id);

    for (size_t i = 0; i < n; i++) {
        char c = id[i];

        if (!(c >= '0' && c <= '9') && c != '_' && c != '-' &&
            !((c | 0x20) >= 'a' && (c | 0x20) <= 'z'))
            return false;
    }
    return n > 0 && n <= ID_MAX;
}

static bool is_it(void *id, const struct parked_job *one)
{
    return parked_is(one, str_from(id), STR(""));
}

static bool is_known(struct bigquery *bq, struct str project, const char *id,
                     struct fail *f)
{
    struct err err = {0};
    int64_t there = 0;

    if (job_running(bq, project, str_from(id)) ||
        parked_each(bq->parked, project, is_it, (void *)id))
        return true;
    if (db_int(bq->loop_db, &err, &there,
               "SELECT 1 FROM jobs WHERE project = ? AND job = ?", "sz",
               project, id))
        fail_from_err(f, &err);
    return there != 0;
}

struct job *job_new(struct call *c, const json_t *reference, json_t *config)
{
    const char *id = json_string_value(json_object_get(reference, "jobId"));
    const char *at = json_string_value(json_object_get(reference, "location"));
    const char *type = job_check(config, &c->fail);
    struct job *j;

    if (!type)
        ;
    else if (id && !id_is_ok(id))
        call_fail(c, "invalid",
                  "Invalid job ID \"%.80s\". Job IDs must be alphanumeric "
                  "(plus underscores and dashes) and must be at most 1024 "
                  "characters long.",
                  id);
    else if (id && is_known(c->bq, c->vars[0], id, &c->fail))
        call_fail(c, "duplicate", "Already Exists: Job %s:%s.%s", c->vars[0].p,
                  at ? at : "US", id);
    if (c->fail.reason) {
        json_decref(config);
        return NULL;
    }
    j = MEM_NEW(struct job);
    j->bq = c->bq;
    j->project = mem_strdup(c->vars[0].p);
    j->id = id ? mem_strdup(id) : random_id();
    j->location = at && *at ? mem_strdup(at)
                            : job_place_of(c->bq->loop_db, c->vars[0], config);
    j->is_placed = j->location != NULL;
    if (!j->location)
        j->location = mem_strdup("US");
    j->type = type;
    j->config = config;
    j->dry_run = json_is_true(json_object_get(config, "dryRun"));
    j->created_us = c->now_us;
    j->created_mono_us = clock_mono_us();
    j->ts = SQL_TS_FLOAT;
    buf_init(&j->rows.text, RESULTS_MAX);
    buf_init(&j->reply, CALL_REPLY_MAX);
    json_object_set_new(config, "jobType", json_string(type));
    return j;
}

void job_free(struct job *j)
{
    json_decref(j->config);
    json_decref(j->stats);
    json_decref(j->errors);
    json_decref(j->destination);
    buf_fini(&j->rows.text);
    buf_fini(&j->reply);
    upload_body_free(j->upload);
    mem_free(j->schema);
    mem_free(j->resource);
    mem_free(j->project);
    mem_free(j->id);
    mem_free(j->location);
    mem_free(j->request);
    mem_free(j);
}

/* --- running -------------------------------------------------------------- */

struct job *job_running(struct bigquery *bq, struct str project, struct str id)
{
    for (struct job *j = bq->jobs; j; j = j->next)
        if (!j->dry_run && str_eq(str_from(j->id), id) &&
            str_eq(str_from(j->project), project))
            return j;
    return NULL;
}

struct job *job_of_request(struct bigquery *bq, struct str request)
{
    for (struct job *j = bq->jobs; j; j = j->next)
        if (j->request && str_eq(str_from(j->request), request))
            return j;
    return NULL;
}

static void unlink_job(struct job *j)
{
    struct job **at = &j->bq->jobs;

    while (*at != j)
        at = &(*at)->next;
    *at = j->next;
    j->bq->n_jobs--;
}

/* The loop: the worker has left. */
static void on_done(struct loop_task *task)
{
    struct job *j = LOOP_OWNER(task, struct job, task);
    struct bigquery *bq = j->bq;

    unlink_job(j);
    while (j->waits) {
        struct job_wait *wait = j->waits;

        j->waits = wait->next;
        loop_timer_fini(&wait->timer);
        wait->told(j, wait->call);
        mem_free(wait);
    }
    job_free(j);
    parked_start(bq->parked);
    bigquery_check_drained(bq);
}

void job_start(struct job *j)
{
    j->next = j->bq->jobs;
    j->bq->jobs = j;
    j->bq->n_jobs++;
    j->work.run = job_run;
    j->task.run = on_done;
    if (j->bq->stopping)
        atomic_store(&j->cancel, true);
    pool_add(j->bq->slow, &j->work);
}

void job_cancel(struct job *j)
{
    atomic_store(&j->cancel, true);
    /* one that waits needs a worker no more, only somebody who ends it */
    if (pool_withdraw(j->bq->slow, &j->work))
        pool_add(j->bq->quick, &j->work);
}

void job_cancel_all(struct bigquery *bq)
{
    for (struct job *j = bq->jobs; j; j = j->next)
        job_cancel(j);
}

static void on_late(struct loop_timer *timer)
{
    struct job_wait *wait = LOOP_OWNER(timer, struct job_wait, timer);
    struct job_wait **at = &wait->job->waits;
    int fate = JOB_OPEN;

    if (!atomic_compare_exchange_strong(&wait->job->fate, &fate, JOB_WANTED) &&
        fate == JOB_EPHEMERAL)
        return; /* it is over already, the answer is on its way */
    while (*at != wait)
        at = &(*at)->next;
    *at = wait->next;
    loop_timer_fini(&wait->timer);
    wait->late(wait->job, wait->call);
    mem_free(wait);
}

void job_wait(struct job *j, struct call *c, int64_t timeout_us,
              void (*told)(struct job *j, struct call *c),
              void (*late)(struct job *j, struct call *c))
{
    struct job_wait *wait = MEM_NEW(struct job_wait);

    *wait = (struct job_wait){
        .next = j->waits, .job = j, .call = c, .told = told, .late = late};
    j->waits = wait;
    loop_timer_init(&wait->timer, j->bq->e->loop, on_late);
    if (late)
        loop_timer_arm(&wait->timer, timeout_us);
}

/* --- shown ---------------------------------------------------------------- */

json_t *job_reference(const struct job *j)
{
    return json_pack("{s:s, s:s, s:s}", "projectId", j->project, "jobId", j->id,
                     "location", j->location);
}

static json_t *status_of(struct job *j, bool done)
{
    const char *state = done                          ? "DONE"
                        : atomic_load(&j->started_us) ? "RUNNING"
                                                      : "PENDING";
    json_t *status = json_pack("{s:s}", "state", state), *error;
    struct buf text;

    if (!done)
        return status;
    if (!j->fail.reason) {
        if (json_array_size(j->errors))
            json_object_set(status, "errors", j->errors);
        return status;
    }
    buf_init(&text, 64 << 10);
    reason_put_proto(&text, &j->fail);
    error = json_loadb(text.data, text.len, 0, NULL);
    buf_fini(&text);
    json_object_set_new(status, "errors", json_pack("[O]", error));
    json_array_extend(json_object_get(status, "errors"), j->errors);
    json_object_set_new(status, "errorResult", error);
    return status;
}

static void put_number(json_t *o, const char *name, int64_t v)
{
    json_object_set_new(o, name, json_sprintf("%lld", (long long)v));
}

static json_t *statistics_of(struct job *j, bool done)
{
    int64_t started_us = atomic_load(&j->started_us);
    json_t *s = json_object();
    char member[16];
    size_t i;

    put_number(s, "creationTime", j->created_us / 1000);
    if (started_us)
        put_number(s, "startTime", started_us / 1000);
    if (!done)
        return s;
    put_number(s, "endTime", j->ended_us / 1000);
    if (j->bytes_known)
        put_number(s, "totalBytesProcessed", j->bytes);
    put_number(s, "totalSlotMs", (j->ended_us - started_us) / 1000);
    for (i = 0; j->type[i] && i + 1 < sizeof(member); i++)
        member[i] = (char)(j->type[i] | 0x20);
    member[i] = '\0';
    if (j->stats)
        json_object_set(s, member, j->stats);
    return s;
}

json_t *job_resource(struct job *j, bool done)
{
    json_t *r = json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:{s:s}}",
                          "kind", "bigquery#job", "etag", j->id, "user_email",
                          "emulator@datos-local.iam.gserviceaccount.com",
                          "configuration", json_deep_copy(j->config),
                          "jobReference", job_reference(j), "statistics",
                          statistics_of(j, done), "status", status_of(j, done),
                          "jobCreationReason", "code", "REQUESTED");
    json_t *query;

    json_object_set_new(
        r, "id", json_sprintf("%s:%s.%s", j->project, j->location, j->id));
    json_object_set_new(
        r, "selfLink",
        json_sprintf("https://bigquery.googleapis.com/bigquery/v2/projects/"
                     "%s/jobs/%s?location=%s",
                     j->project, j->id, j->location));
    query = json_object_get(json_object_get(r, "configuration"), "query");
    if (query && done && j->destination)
        json_object_set(query, "destinationTable", j->destination);
    return r;
}
