/* SPDX-License-Identifier: Apache-2.0 */
/* jobs.*: query, insert, getQueryResults, get, cancel, delete. What may have
 * to wait runs on the loop. jobs.list is in jobs_list.c. */
#include <stdio.h>

#include "common/clock.h"
#include "common/mem.h"
#include "common/rand.h"
#include "emulator/bigquery/bigquery_priv.h"
#include "emulator/bigquery/connection.h"
#include "emulator/bigquery/handlers.h"
#include "emulator/bigquery/job.h"
#include "emulator/bigquery/member.h"
#include "emulator/bigquery/parked.h"
#include "emulator/bigquery/resource.h"
#include "emulator/bigquery/results.h"
#include "emulator/bigquery/shape.h"
#include "emulator/bigquery/upload.h"

enum {
    TIMEOUT_MS = 10000,      /* of jobs.query and getQueryResults */
    TIMEOUT_MAX_MS = 200000, /* the server's own patience */
    INSERT_WAIT_MS = 100     /* short jobs are told as done */
};
#define REQUEST_US (15 * 60 * 1000000LL) /* requestId counts so long */

static int64_t number_of(const json_t *o, const char *name, int64_t otherwise)
{
    const json_t *v = json_object_get(o, name);
    int64_t n = otherwise;

    if (json_is_integer(v))
        return json_integer_value(v);
    if (json_is_real(v))
        return (int64_t)json_real_value(v);
    if (json_is_string(v) && !str_to_i64(str_from(json_string_value(v)), &n))
        return otherwise;
    return n;
}

static int64_t patience_us(int64_t ms)
{
    return (ms < 0 ? 0 : ms > TIMEOUT_MAX_MS ? TIMEOUT_MAX_MS : ms) * US_PER_MS;
}

/* --- jobs.query ----------------------------------------------------------- */

static void tell_query(struct job *j, struct call *c)
{
    c->n = (uint64_t)j->rows.total;
    if (j->fail.reason) {
        c->fail = j->fail;
    } else {
        buf_str(&c->out, buf_as_str(&j->reply));
        call_reply(c, 200);
    }
    call_finish(c);
}

static void late(struct job *j, struct call *c, const char *kind)
{
    json_t *ref = job_reference(j);

    call_reply_json(c, json_pack("{s:s, s:b, s:o, s:{s:s}, s:s}", "kind", kind,
                                 "jobComplete", 0, "jobReference", ref,
                                 "jobCreationReason", "code", "LONG_RUNNING",
                                 "queryId", j->id));
    call_finish(c);
}

static void late_query(struct job *j, struct call *c)
{
    late(j, c, "bigquery#queryResponse");
}

/* A stand-in for destinationTable: where the rows can be asked for. */
static json_t *anonymous_table(const char *project)
{
    unsigned long long random[2];
    char name[64];

    rand_bytes(random, sizeof(random));
    snprintf(name, sizeof(name), "anon%016llx%016llx", random[0], random[1]);
    return json_pack("{s:s, s:s, s:s}", "projectId", project, "datasetId",
                     "_emulator_anonymous", "tableId", name);
}

/* What REST shows of a query that said nothing of it. */
static void complete(json_t *query, const char *project)
{
    static const char *const defaults[][2] = {
        {"priority", "INTERACTIVE"}, {"createDisposition", "CREATE_IF_NEEDED"}};

    for (size_t i = 0; i < 2; i++)
        if (!json_object_get(query, defaults[i][0]))
            json_object_set_new(query, defaults[i][0],
                                json_string(defaults[i][1]));
    if (json_is_object(json_object_get(query, "destinationTable")))
        return;
    json_object_set_new(query, "writeDisposition",
                        json_string("WRITE_TRUNCATE"));
    json_object_set_new(query, "destinationTable", anonymous_table(project));
}

/* The members of jobs.query's body that are the configuration's. */
static json_t *configuration_of(const json_t *body, const char *project)
{
    static const char *const taken[] = {"query",
                                        "useLegacySql",
                                        "defaultDataset",
                                        "queryParameters",
                                        "parameterMode",
                                        "maximumBytesBilled",
                                        "useQueryCache",
                                        "createSession",
                                        "connectionProperties",
                                        "destinationEncryptionConfiguration"};
    static const char *const outer[] = {"dryRun", "labels", "jobTimeoutMs"};
    json_t *query = json_object(), *config = json_object();

    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
        json_t *v = json_object_get(body, taken[i]);

        if (v && !json_is_null(v))
            json_object_set(query, taken[i], v);
    }
    for (size_t i = 0; i < sizeof(outer) / sizeof(outer[0]); i++) {
        json_t *v = json_object_get(body, outer[i]);

        if (v && !json_is_null(v))
            json_object_set(config, outer[i], v);
    }
    complete(query, project);
    json_object_set_new(config, "query", query);
    return config;
}

static void read_format(struct job *j, const json_t *body)
{
    const json_t *options = json_object_get(body, "formatOptions");
    const char *format =
        json_string_value(json_object_get(options, "timestampOutputFormat"));

    if (json_is_true(json_object_get(options, "useInt64Timestamp")))
        j->ts = SQL_TS_INT64;
    if (format && strcmp(format, "ISO8601_STRING") == 0)
        j->ts = SQL_TS_ISO8601;
    else if (format && strcmp(format, "INT64") == 0)
        j->ts = SQL_TS_INT64;
    j->max_rows = number_of(body, "maxResults", PAGE_ROWS);
    if (j->max_rows > PAGE_ROWS || j->max_rows < 0)
        j->max_rows = PAGE_ROWS;
}

static void add_param(struct call *c, const char *name, struct str value)
{
    if (value.p && c->n_params < CALL_MAX_PARAMS)
        c->params[c->n_params++] = (struct param){str_from(name), value};
}

/* As if getQueryResults had been asked for the job's results. */
static void ask_results(struct call *c, struct str id, const json_t *body)
{
    const json_t *options = json_object_get(body, "formatOptions");
    const char *format = member_text(options, "timestampOutputFormat");
    int64_t max = number_of(body, "maxResults", -1);

    c->repeated = mem_printf("%.*s", STR_ARG(id));
    c->vars[1] = str_from(c->repeated);
    c->n_params = 0;
    snprintf(c->most, sizeof(c->most), "%lld", (long long)max);
    if (max >= 0)
        add_param(c, "maxResults", str_from(c->most));
    if (format && strcmp(format, "ISO8601_STRING") == 0)
        add_param(c, "formatOptions.timestampOutputFormat",
                  STR("ISO8601_STRING"));
    else if ((format && strcmp(format, "INT64") == 0) ||
             json_is_true(json_object_get(options, "useInt64Timestamp")))
        add_param(c, "formatOptions.useInt64Timestamp", STR("true"));
    call_continue(c, results_get);
}

struct asked {
    const char *request;
    int64_t after_us;
    char *id;
};

static bool is_asked(void *arg, const struct parked_job *one)
{
    struct asked *a = arg;

    if (!one->request || strcmp(one->request, a->request) != 0 ||
        one->created_us <= a->after_us)
        return false;
    a->id = mem_strdup(one->id);
    return true;
}

/* The same requestId within a quarter of an hour: the first job's answer. */
static bool is_repeated(struct call *c, const char *request, const json_t *body,
                        int64_t timeout_us)
{
    struct job *j = job_of_request(c->bq, str_from(request));
    struct asked asked = {.request = request,
                          .after_us = c->now_us - REQUEST_US};
    struct err err = {0};
    sqlite3_stmt *s;

    if (j) {
        job_wait(j, c, timeout_us, tell_query, late_query);
        return true;
    }
    if (parked_each(c->bq->parked, c->vars[0], is_asked, &asked)) {
        ask_results(c, str_from(asked.id), body);
        mem_free(asked.id);
        return true;
    }
    s = db_query(c->bq->loop_db, &err,
                 "SELECT job FROM jobs WHERE request = ? AND created_us > ?"
                 " ORDER BY n DESC LIMIT 1",
                 "zi", request, asked.after_us);
    if (s && sqlite3_step(s) == SQLITE_ROW) {
        ask_results(c, db_text(s, 0), body);
        db_done(s);
        return true;
    }
    if (s)
        db_done(s);
    return false;
}

/* NULL with the call failed. Owned. */
static json_t *query_body(struct call *c)
{
    json_t *body = call_json(c);
    struct connection ignored;

    if (body && (shape_check(body, "QueryRequest", "query_request", &c->fail) ||
                 connection_read(json_object_get(body, "connectionProperties"),
                                 &ignored, &c->fail))) {
        json_decref(body);
        return NULL;
    }
    return body;
}

void jobs_query(struct call *c)
{
    json_t *body = query_body(c), *config, *ref;
    const char *given = json_string_value(json_object_get(body, "requestId"));
    int64_t timeout = patience_us(number_of(body, "timeoutMs", TIMEOUT_MS));
    char *request = given ? mem_printf("%s/%s", c->vars[0].p, given) : NULL;
    const char *mode =
        json_string_value(json_object_get(body, "jobCreationMode"));
    struct job *j;

    if (!body || (request && is_repeated(c, request, body, timeout))) {
        if (!body)
            call_finish(c);
        json_decref(body);
        mem_free(request);
        return;
    }
    config = configuration_of(body, c->vars[0].p);
    ref = json_pack("{s:O*}", "location", json_object_get(body, "location"));
    j = job_new(c, ref, config);
    json_decref(ref);
    if (j) {
        j->request = request;
        j->by_query = true;
        j->optional = mode && strcmp(mode, "JOB_CREATION_OPTIONAL") == 0;
        read_format(j, body);
        job_wait(j, c, timeout, tell_query, late_query);
        job_start(j);
    } else {
        mem_free(request);
        call_finish(c);
    }
    json_decref(body);
}

/* --- getQueryResults ------------------------------------------------------ */

static void tell_results(struct job *j, struct call *c)
{
    (void)j;
    call_continue(c, results_get);
}

static void late_results(struct job *j, struct call *c)
{
    late(j, c, "bigquery#getQueryResultsResponse");
}

void jobs_get_query_results(struct call *c)
{
    struct job *j = job_running(c->bq, c->vars[0], c->vars[1]);
    int64_t ms;

    if (call_number(c, "timeoutMs", TIMEOUT_MS, &ms)) {
        call_finish(c);
        return;
    }
    if (j)
        job_wait(j, c, patience_us(ms), tell_results, late_results);
    else
        call_continue(c, results_get);
}

/* --- jobs.insert ---------------------------------------------------------- */

static void tell_insert(struct job *j, struct call *c)
{
    if (j->dry_run && j->fail.reason) {
        c->fail = j->fail;
    } else {
        buf_puts(&c->out, j->resource);
        call_reply(c, 200);
    }
    call_finish(c);
}

static void late_insert(struct job *j, struct call *c)
{
    call_reply_json(c, job_resource(j, false));
    call_finish(c);
}

static struct job *new_job(struct call *c, const json_t *body)
{
    json_t *config = json_object_get(body, "configuration"), *query;
    struct connection ignored;

    query = json_object_get(config, "query");
    if (shape_check(body, "Job", "job", &c->fail) ||
        connection_read(json_object_get(query, "connectionProperties"),
                        &ignored, &c->fail))
        return NULL;
    config = json_deep_copy(config);
    query = json_object_get(config, "query");
    if (query)
        complete(query, c->vars[0].p);
    return job_new(c, json_object_get(body, "jobReference"), config);
}

void jobs_start(struct call *c, json_t *body, const struct job_data *data)
{
    struct job *j = new_job(c, body);

    if (!j) {
        upload_body_free(data ? data->body : NULL);
        call_finish(c);
        return;
    }
    if (data) {
        j->upload = data->body;
        j->data_at = data->at;
        j->data_len = data->len;
    }
    job_wait(j, c, INSERT_WAIT_MS * US_PER_MS, tell_insert,
             j->dry_run ? NULL : late_insert);
    job_start(j);
}

void jobs_insert(struct call *c)
{
    json_t *body = call_json(c);

    if (body)
        jobs_start(c, body, NULL);
    else
        call_finish(c);
    json_decref(body);
}

/* --- get, cancel, delete -------------------------------------------------- */

struct wanted {
    struct call *call;
    struct str location;
};

static bool put_parked(void *arg, const struct parked_job *one)
{
    struct wanted *w = arg;

    if (!parked_is(one, w->call->vars[1], w->location))
        return false;
    buf_puts(&w->call->out, one->resource);
    return true;
}

/* The stored resource as text; false with the call failed. */
static bool put_stored(struct call *c)
{
    struct str at = call_param(c, "location");
    struct wanted wanted = {c, at.p ? at : STR("")};
    struct err err = {0};
    sqlite3_stmt *s;
    bool found;

    if (parked_each(c->bq->parked, c->vars[0], put_parked, &wanted))
        return true;
    s = db_query(c->db, &err,
                 "SELECT body FROM jobs WHERE project = ? AND job = ?"
                 " AND (? = '' OR location = ? COLLATE NOCASE)",
                 "ssss", c->vars[0], c->vars[1], wanted.location,
                 wanted.location);
    found = s && sqlite3_step(s) == SQLITE_ROW;
    if (found)
        buf_str(&c->out, db_text(s, 0));
    else
        call_fail(c, "notFound", "Not found: Job %s:%s", c->vars[0].p,
                  c->vars[1].p);
    if (s)
        db_done(s);
    return found;
}

static void get_stored(struct call *c)
{
    if (put_stored(c))
        call_reply(c, 200);
}

void jobs_get(struct call *c)
{
    struct job *j = job_running(c->bq, c->vars[0], c->vars[1]);

    if (!j) {
        call_continue(c, get_stored);
        return;
    }
    call_reply_json(c, job_resource(j, false));
    call_finish(c);
}

static void cancel_stored(struct call *c)
{
    buf_puts(&c->out, "{\"kind\":\"bigquery#jobCancelResponse\",\"job\":");
    if (put_stored(c))
        call_reply(c, 200);
    buf_putc(&c->out, '}');
}

void jobs_cancel(struct call *c)
{
    struct job *j = job_running(c->bq, c->vars[0], c->vars[1]);

    if (!j) {
        call_continue(c, cancel_stored);
        return;
    }
    job_cancel(j);
    call_reply_json(c, json_pack("{s:s, s:o}", "kind",
                                 "bigquery#jobCancelResponse", "job",
                                 job_resource(j, false)));
    call_finish(c);
}

void jobs_delete(struct call *c)
{
    struct err err = {0};
    struct db *w;
    int64_t n = 0;
    int rc;

    parked_flush(c->bq->parked, c->db->all);
    w = call_begin(c);
    if (!w)
        return;
    rc = db_int(w, &err, &n, "SELECT n FROM jobs WHERE project = ? AND job = ?",
                "ss", c->vars[0], c->vars[1]);
    if (rc == RC_OK && n == 0)
        rc = fail_set(&c->fail, "notFound", "Not found: Job %s:%s",
                      c->vars[0].p, c->vars[1].p);
    if (rc == RC_OK)
        rc = db_run(w, &err, "DELETE FROM results WHERE job = ?", "i", n);
    if (rc == RC_OK)
        rc = db_run(w, &err, "DELETE FROM jobs WHERE n = ?", "i", n);
    if (call_end(c, w, rc))
        call_reply(c, 204);
}
