/* SPDX-License-Identifier: Apache-2.0 */
/* A query: what bigquery_walk.c wants to know is asked by jobs.query, answers
 * are polled and paged, trouble is repeated, and the deadline ends it all (the
 * job too). */
#include <inttypes.h>
#include <stdio.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "net/google_error.h"
#include "store/bigquery_priv.h"
#include "store/bigquery_walk.h"

#define DEADLINE_US (10 * US_PER_S)

enum {
    SERVER_WAIT_MS = 8000,
    CALL_US = 9 * 1000000,
    POLL_US = 20000,
    CANCEL_US = 1000000,
    BODY_MAX = 16 * 1024 * 1024,
    RESPONSE_MAX = 32 * 1024 * 1024
};

static const struct retry_policy again = {
    .first_us = 100 * US_PER_MS,
    .max_us = 2 * US_PER_S,
    .deadline_us = DEADLINE_US,
};

enum stage {
    ASK_SPAN,
    ASK_NEWER
};

struct bigquery_reader {
    struct bigquery *b;
    struct store_query *op;
    struct bigquery_reader *next, *prev;
    struct bigquery_walk walk;
    enum stage stage;
    struct google_call call;
    struct buf body;
    char request_id[40];
    char *path;                    /* of a poll or page; NULL: jobs.query */
    struct bigquery_result result; /* of the call before */
    struct row_list found;         /* waits for ASK_NEWER */
    size_t n_strange;
    char *next_page; /* of ASK_SPAN, meanwhile */
    struct retry retry;
    struct loop_timer repeat, deadline;
    int64_t deadline_us;
    bool is_probe, is_late, is_waiting; /* for the server: a job runs */
};

static void ask(struct bigquery_reader *r, enum stage stage);

/* --- the end
 * ------------------------------------------------------------------
 */

static void finish(struct bigquery_reader *r, int rc)
{
    struct bigquery *b = r->b;
    struct store_query *op = r->op;

    op->rc = rc;
    if (rc == RC_OK && bigquery_walk_span(&r->walk))
        b->head_span_us = bigquery_walk_span(&r->walk);
    if (rc != RC_OK)
        row_list_fini(&op->rows);
    if (r->is_probe)
        bigquery_gate_pass_back(b, &b->read_gate);
    *(r->prev ? &r->prev->next : &b->readers) = r->next;
    if (r->next)
        r->next->prev = r->prev;
    bigquery_walk_fini(&r->walk);
    google_call_fini(&r->call);
    bigquery_result_fini(&r->result);
    row_list_fini(&r->found);
    loop_timer_fini(&r->repeat);
    loop_timer_fini(&r->deadline);
    buf_fini(&r->body);
    mem_free(r->path);
    mem_free(r->next_page);
    mem_free(r);
    store_answer_query(op);
    bigquery_check_idle(b);
}

struct job_cancel {
    struct google_call call;
    struct bigquery *b;
    char *path;
};

static void on_cancelled(struct google_call *call)
{
    struct job_cancel *c = LOOP_OWNER(call, struct job_cancel, call);

    struct bigquery *b = c->b;

    google_call_fini(call);
    mem_free(c->path);
    mem_free(c);
    b->n_cancels--;
    bigquery_check_idle(b);
}

static void put_encoded(struct buf *out, const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
            (c >= '0' && c <= '9') || strchr("-_.~", c))
            buf_putc(out, (char)c);
        else
            buf_printf(out, "%%%02X", c);
    }
}

/* Nobody waits for it any more: it need not go on and cost. */
static void cancel_job(struct bigquery_reader *r)
{
    struct job_cancel *c;
    struct buf path;

    if (!r->result.job || !r->is_waiting)
        return;
    c = MEM_NEW(struct job_cancel);
    buf_init(&path, 8192);
    buf_printf(&path, "/bigquery/v2/projects/%s/jobs/", r->b->project);
    put_encoded(&path, r->result.job);
    buf_puts(&path, "/cancel");
    if (r->result.location) {
        buf_puts(&path, "?location=");
        put_encoded(&path, r->result.location);
    }
    c->b = r->b;
    r->b->n_cancels++;
    c->path = buf_take(&path, NULL);
    c->call = (struct google_call){.method = "POST",
                                   .path = c->path,
                                   .total_us = CANCEL_US,
                                   .done = on_cancelled};
    google_start(r->b->google, &c->call);
}

static void finish_late(struct bigquery_reader *r)
{
    int rc = r->b->is_cancelled ? RC_UNAVAILABLE : RC_TIMEOUT;

    err_set(&r->op->err, (enum rc)rc, "%s did not answer a query in time",
            r->b->name);
    cancel_job(r);
    finish(r, rc);
}

/* --- trouble
 * ------------------------------------------------------------------
 */

static void start_call(struct bigquery_reader *r)
{
    google_start(r->b->google, &r->call);
}

static void on_repeat(struct loop_timer *t)
{
    start_call(LOOP_OWNER(t, struct bigquery_reader, repeat));
}

/* A fresh start of the span: the job that was to read it has failed, or its
 * answer was too large. */
static void ask_again(struct bigquery_reader *r)
{
    row_list_fini(&r->found);
    r->n_strange = 0;
    mem_free(r->next_page);
    r->next_page = NULL;
    bigquery_walk_next(&r->walk, true);
    ask(r, ASK_SPAN);
}

static void on_again(struct loop_timer *t)
{
    ask_again(LOOP_OWNER(t, struct bigquery_reader, repeat));
}

static void trouble(struct bigquery_reader *r, enum bigquery_fate fate,
                    const struct err *why)
{
    struct bigquery *b = r->b;
    int64_t delay;

    r->op->err = *why;
    r->op->err.rc = RC_UNAVAILABLE;
    bigquery_gate_told(b, &b->read_gate, fate, &r->op->err);
    if ((fate == BIGQUERY_RETRY || fate == BIGQUERY_RETRY_NEW) &&
        !r->is_probe && !b->is_closing &&
        retry_next(&r->retry, &again, loop_now_us(b->loop), rand_unit(&b->rand),
                   r->call.http.retry_after_us, &delay)) {
        r->repeat.fire = fate == BIGQUERY_RETRY ? on_repeat : on_again;
        loop_timer_arm(&r->repeat, delay);
        return;
    }
    cancel_job(r);
    finish(r, RC_UNAVAILABLE);
}

/* --- asking
 * -------------------------------------------------------------------
 */

static void on_done(struct google_call *call);

static void set_call(struct bigquery_reader *r, const char *method,
                     const char *path, struct str body)
{
    google_call_fini(&r->call);
    r->call = (struct google_call){
        .method = method,
        .path = path,
        .body = body,
        .max_response = RESPONSE_MAX,
        .total_us = CALL_US,
        .done = on_done,
    };
    start_call(r);
}

static int64_t wait_ms(const struct bigquery_reader *r)
{
    int64_t left_ms = (r->deadline_us - loop_now_us(r->b->loop)) / US_PER_MS;

    return left_ms < 1                ? 1
           : left_ms < SERVER_WAIT_MS ? left_ms
                                      : SERVER_WAIT_MS;
}

static void new_request_id(struct bigquery_reader *r)
{
    unsigned char bytes[16];

    rand_bytes(bytes, sizeof(bytes));
    for (size_t i = 0; i < sizeof(bytes); i++)
        snprintf(r->request_id + 2 * i, 3, "%02x", bytes[i]);
}

static void put_newer(struct bigquery_reader *r, const struct bigquery_ask *a)
{
    const struct store_query *op = r->op;
    struct str *ids = MEM_ARRAY(struct str, r->found.n);

    for (size_t i = 0; i < r->found.n; i++)
        ids[i] = r->found.rows[i]->id;
    bigquery_put_newer(&r->body, a, r->b->schema, op->after_us, op->after_id,
                       r->walk.top_us, ids, r->found.n);
    mem_free(ids);
}

/* For a clustered table BigQuery compares its estimate, which does not know
 * that an id's blocks are few, and refuses beforehand
 * (docs: "Estimate and control costs", maximum bytes billed). */
static int64_t most_billed(const struct bigquery_reader *r)
{
    return r->b->max_bytes_billed * (r->op->id.p ? 10 : 1);
}

static void ask(struct bigquery_reader *r, enum stage stage)
{
    struct bigquery *b = r->b;
    const struct bigquery_ask a = {
        .project = b->project,
        .dataset = b->dataset,
        .table = b->table,
        .request_id = r->request_id,
        .timeout_ms = wait_ms(r),
        .max_bytes_billed = most_billed(r),
    };

    r->stage = stage;
    r->is_waiting = true;
    bigquery_result_fini(&r->result);
    new_request_id(r);
    buf_reset(&r->body);
    if (stage == ASK_NEWER)
        put_newer(r, &a);
    else
        bigquery_put_span(&r->body, &a, b->schema, &r->walk.span);
    set_call(r, "POST", b->queries_path, buf_as_str(&r->body));
}

/* The job's next page, or word of its end. */
static void ask_job(struct bigquery_reader *r, const char *page)
{
    struct buf path;

    buf_init(&path, 64 * 1024);
    buf_printf(&path, "%s/", r->b->queries_path);
    put_encoded(&path, r->result.job);
    buf_printf(&path,
               "?formatOptions.useInt64Timestamp=true&timeoutMs=%" PRId64,
               wait_ms(r));
    if (r->result.location) {
        buf_puts(&path, "&location=");
        put_encoded(&path, r->result.location);
    }
    if (page) {
        buf_puts(&path, "&pageToken=");
        put_encoded(&path, page);
    }
    mem_free(r->path);
    r->path = buf_take(&path, NULL);
    set_call(r, "GET", r->path, STR_NULL);
}

/* --- answers
 * ------------------------------------------------------------------
 */

static void span_over(struct bigquery_reader *r)
{
    if (bigquery_walk_next(&r->walk, false))
        ask(r, ASK_SPAN);
    else
        finish(r, RC_OK);
}

/* A page of the span is known whole. */
static void take_page(struct bigquery_reader *r)
{
    bool full = bigquery_walk_absorb(&r->walk, &r->found, r->n_strange);
    char *page = r->next_page;

    r->n_strange = 0;
    r->next_page = NULL;
    if (full)
        finish(r, RC_OK);
    else if (page && r->result.job && r->stage == ASK_SPAN)
        ask_job(r, page);
    else if (page) /* the job of this page is not at hand any more */
        ask_again(r);
    else
        span_over(r);
    mem_free(page);
}

static void on_rows(struct bigquery_reader *r, struct row_list *rows)
{
    r->is_waiting = false;
    if (r->stage == ASK_NEWER) {
        bigquery_walk_note_newer(&r->walk, rows);
        take_page(r);
        return;
    }
    r->found = *rows;
    r->n_strange = r->result.n_strange;
    if (r->n_strange)
        LOG_W("%s holds rows that do not fit the schema: they are not shown "
              "(were they written by other hands?)",
              r->b->name);
    if (r->result.page_token)
        r->next_page = mem_strdup(r->result.page_token);
    if (r->found.n && bigquery_walk_wants_newer(&r->walk))
        ask(r, ASK_NEWER);
    else
        take_page(r);
}

/* A page says nothing of its job. */
static void keep_job(struct bigquery_result *result,
                     struct bigquery_result *before)
{
    if (!result->job) {
        result->job = before->job;
        result->location = before->location;
        before->job = before->location = NULL;
    }
    bigquery_result_fini(before);
}

static void on_poll(struct loop_timer *t)
{
    ask_job(LOOP_OWNER(t, struct bigquery_reader, repeat), NULL);
}

static void on_answer(struct bigquery_reader *r)
{
    struct bigquery *b = r->b;
    const struct schema *schema =
        r->stage == ASK_NEWER ? b->newer_schema : b->schema;
    struct bigquery_result result;
    struct row_list rows = {.rows = NULL};
    struct err err;

    if (bigquery_read_result(buf_as_str(&r->call.http.response), schema,
                             &result, &rows) != RC_OK) {
        row_list_fini(&rows);
        err_set(&err, RC_UNAVAILABLE,
                "%s answers a query with what is no answer",
                google_endpoint(b->google)->base);
        trouble(r, BIGQUERY_RETRY, &err);
        return;
    }
    bigquery_gate_told(b, &b->read_gate, BIGQUERY_FINE, NULL);
    retry_reset(&r->retry);
    google_call_fini(&r->call);
    keep_job(&result, &r->result);
    r->result = result;
    if (r->result.is_complete) {
        on_rows(r, &rows);
        return;
    }
    row_list_fini(&rows);
    if (r->result.job) {
        /* the service has waited already, or does not wait */
        r->repeat.fire = on_poll;
        loop_timer_arm(&r->repeat, POLL_US);
        return;
    }
    err_set(&err, RC_UNAVAILABLE, "BigQuery began a query and named no job");
    trouble(r, BIGQUERY_RETRY_NEW, &err);
}

static void say_remedy(const struct google_call *call, struct err *why)
{
    char reason[64];

    google_error_reason(buf_as_str(&call->http.response), reason,
                        sizeof(reason));
    if (str_eq(str_from(reason), STR("bytesBilledLimitExceeded"))) {
        struct err told = *why;
        err_set(why, told.rc,
                "%.300s: narrow the query or raise "
                "DATOS_BIGQUERY_MAX_BYTES_BILLED",
                told.text);
    }
}

static void on_done(struct google_call *call)
{
    struct bigquery_reader *r = LOOP_OWNER(call, struct bigquery_reader, call);
    enum bigquery_fate fate = bigquery_fate_of(call);

    if (fate == BIGQUERY_FINE) {
        on_answer(r);
    } else if (r->is_late) {
        finish_late(r);
    } else if (call->rc == RC_TOO_LARGE && r->stage == ASK_SPAN &&
               bigquery_walk_less(&r->walk)) {
        ask_again(r);
    } else {
        struct err why = call->err;
        say_remedy(call, &why);
        trouble(r, fate, &why);
    }
}

static void on_deadline(struct loop_timer *t)
{
    struct bigquery_reader *r = LOOP_OWNER(t, struct bigquery_reader, deadline);

    r->is_late = true;
    if (google_is_active(&r->call))
        google_cancel(&r->call);
    else
        finish_late(r);
}

/* --- the beginning
 * -------------------------------------------------------------
 */

static void answer_at_once(struct store_query *op, int rc)
{
    op->rc = rc;
    store_answer_query(op);
}

void bigquery_query_begin(struct bigquery *b, struct store_query *op)
{
    struct bigquery_walk walk;
    struct bigquery_reader *r;
    bool is_probe;

    if (!bigquery_walk_begin(&walk, op, clock_wall_us(), b->head_span_us)) {
        answer_at_once(op, RC_OK);
        return;
    }
    if (!bigquery_gate_pass(b, &b->read_gate, &is_probe)) {
        op->err = b->read_gate.why;
        answer_at_once(op, RC_UNAVAILABLE);
        return;
    }
    r = MEM_NEW(struct bigquery_reader);
    r->b = b;
    r->op = op;
    r->walk = walk;
    r->is_probe = is_probe;
    r->deadline_us = op->started_us + DEADLINE_US;
    r->next = b->readers;
    if (b->readers)
        b->readers->prev = r;
    b->readers = r;
    buf_init(&r->body, BODY_MAX);
    loop_timer_init(&r->repeat, b->loop, on_repeat);
    loop_timer_init(&r->deadline, b->loop, on_deadline);
    loop_timer_arm(&r->deadline, DEADLINE_US);
    ask(r, ASK_SPAN);
}

void bigquery_query_cancel(struct bigquery *b)
{
    for (struct bigquery_reader *r = b->readers; r; r = r->next)
        loop_timer_arm(&r->deadline, 0);
}
