/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of many inserts, gathered into calls of insertAll: by count, bytes and
 * age, several under way. Rows of an atomic insert travel in one call, which
 * BigQuery takes or leaves whole. */
#include <stdio.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "store/bigquery_priv.h"

enum {
    ROWS = 500,               /* as Google recommends */
    BYTES = 4 * 1024 * 1024,  /* of rows, when a batch is closed */
    BODY_MAX = 10000000 - 64, /* of a request, by quota */
    IN_FLIGHT = 8,
    RESPONSE_MAX = 8 * 1024 * 1024,
    AGE_US = 3000, /* that rows wait for company while others are under way */
    CALL_US = 4000000
};

static const struct retry_policy again = {
    .first_us = 100 * US_PER_MS,
    .max_us = 2 * US_PER_S,
    .deadline_us = 8 * US_PER_S,
};

struct bigquery_batch {
    struct bigquery *b;
    struct bigquery_batch *next, *prev;
    struct google_call call;
    struct bigquery_put_row **rows;
    size_t n;
    struct buf body;
    struct retry retry;
    struct loop_timer timer;
};

static void send_batch(struct bigquery_batch *batch);

/* --- the queue --------------------------------------------------------------
 */

static size_t size_of(const struct bigquery_put_row *r)
{
    return r->row->json.len + BIGQUERY_ROW_EXTRA;
}

void bigquery_batch_add(struct bigquery_put_row *r)
{
    struct bigquery_queue *q = &r->put->b->queue;

    if (q->n == 0)
        q->since_us = loop_now_us(r->put->b->loop);
    r->next = NULL;
    *q->last = r;
    q->last = &r->next;
    q->n++;
    q->bytes += size_of(r);
}

/* Stands first again, before others of its put that follow it. */
static void put_first(struct bigquery *b, struct bigquery_put_row *r)
{
    struct bigquery_queue *q = &b->queue;

    r->next = q->first;
    if (!q->first)
        q->last = &r->next;
    q->first = r;
    if (q->n == 0)
        q->since_us = loop_now_us(b->loop);
    q->n++;
    q->bytes += size_of(r);
}

static struct bigquery_put_row *pop(struct bigquery_queue *q)
{
    struct bigquery_put_row *r = q->first;

    q->first = r->next;
    if (!q->first)
        q->last = &q->first;
    q->n--;
    q->bytes -= size_of(r);
    return r;
}

/* How many rows at the queue's head must travel together, and their size. */
static size_t group_at(const struct bigquery_put_row *r, size_t *bytes)
{
    const struct bigquery_put *put = r->put;
    size_t n = 0;

    *bytes = 0;
    do {
        *bytes += size_of(r);
        n++;
        r = r->next;
    } while (put->op->atomic && r && r->put == put);
    return n;
}

/* --- the end of a batch ------------------------------------------------------
 */

static void free_batch(struct bigquery_batch *batch)
{
    struct bigquery *b = batch->b;

    *(batch->prev ? &batch->prev->next : &b->queue.batches) = batch->next;
    if (batch->next)
        batch->next->prev = batch->prev;
    b->queue.in_flight--;
    google_call_fini(&batch->call);
    loop_timer_fini(&batch->timer);
    buf_fini(&batch->body);
    mem_free(batch->rows);
    mem_free(batch);
}

/* The store is down: what waits to be sent fails too, rather than wait behind
 * calls that fail. */
static void fail_queue(struct bigquery *b, const struct err *why)
{
    while (b->queue.first)
        bigquery_row_over(pop(&b->queue), ROW_NOT, why);
}

static void fail_at_end(struct bigquery *b)
{
    struct err why;

    err_set(&why, RC_UNAVAILABLE, "the program ends");
    fail_queue(b, &why);
}

static void fail_batch(struct bigquery_batch *batch, enum bigquery_end end,
                       const struct err *why)
{
    struct bigquery *b = batch->b;

    for (size_t i = 0; i < batch->n; i++)
        bigquery_row_over(batch->rows[i], end, why);
    free_batch(batch);
    fail_queue(b, why);
    bigquery_check_idle(b);
}

static void on_timer(struct loop_timer *t)
{
    struct bigquery_batch *batch = LOOP_OWNER(t, struct bigquery_batch, timer);
    struct err why;

    if (!batch->b->is_cancelled) {
        send_batch(batch);
        return;
    }
    err_set(&why, RC_UNAVAILABLE, "the program ends");
    fail_batch(batch, ROW_UNKNOWN, &why);
}

static bool wait_to_repeat(struct bigquery_batch *batch)
{
    struct bigquery *b = batch->b;
    int64_t delay = 0;

    for (size_t i = 0; i < batch->n; i++) {
        if (batch->rows[i]->put->is_probe)
            return false;
    }
    if (b->is_closing || !retry_next(&batch->retry, &again,
                                     loop_now_us(b->loop), rand_unit(&b->rand),
                                     batch->call.http.retry_after_us, &delay))
        return false;
    loop_timer_arm(&batch->timer, delay);
    return true;
}

static void trouble(struct bigquery_batch *batch, enum bigquery_fate fate,
                    enum bigquery_end end, const struct err *why)
{
    struct err copy = *why; /* it may be the call's, which goes */

    bigquery_gate_told(batch->b, &batch->b->write_gate, fate, &copy);
    if (fate == BIGQUERY_DOWN || !wait_to_repeat(batch))
        fail_batch(batch, end, &copy);
}

/* --- answers ----------------------------------------------------------------
 */

/* What was said of a batch's rows. */
struct verdicts {
    size_t n;
    struct said {
        bool any;
        enum bigquery_verdict verdict;
        char *text;
    } * said;
    bool any_refused;
    struct err why; /* the first sentence about rows to be sent again */
};

static void on_row_error(const struct bigquery_row_error *e, void *arg)
{
    struct verdicts *v = arg;
    struct said *said;

    if (e->index >= v->n)
        return;
    said = &v->said[e->index];
    if (!said->any || e->verdict > said->verdict)
        said->verdict = e->verdict;
    said->any = true;
    v->any_refused = v->any_refused || e->verdict == BIGQUERY_REFUSED;
    if (e->verdict == BIGQUERY_REFUSED && !said->text)
        said->text = mem_strdup(e->text);
    else if (!v->why.text[0])
        err_set(&v->why, RC_UNAVAILABLE, "BigQuery put rows off: %s", e->text);
}

/* First the refused ones: an atomic put must know of them before its other
 * rows end. Leaves the rows to be sent again at the front. */
static void end_rows(struct bigquery_batch *batch, struct verdicts *v)
{
    size_t n = 0;

    for (size_t i = 0; i < v->n; i++) {
        struct said *said = &v->said[i];
        struct err why;
        if (!said->any || said->verdict != BIGQUERY_REFUSED)
            continue;
        err_set(&why, RC_SCHEMA, "%s", said->text);
        bigquery_row_over(batch->rows[i], ROW_REFUSED, &why);
    }
    for (size_t i = 0; i < v->n; i++) {
        struct bigquery_put_row *r = batch->rows[i];
        const struct said *said = &v->said[i];
        if (said->any && said->verdict == BIGQUERY_REFUSED)
            continue;
        if (!said->any)
            bigquery_row_over(r, ROW_STORED, NULL);
        else if (r->put->op->atomic && r->put->is_refused)
            bigquery_row_over(r, ROW_NOT, NULL);
        else
            batch->rows[n++] = r;
    }
    batch->n = n;
}

static void on_answer(struct bigquery_batch *batch)
{
    struct bigquery *b = batch->b;
    struct verdicts v = {.n = batch->n};
    int rc;

    v.said = MEM_ARRAY(struct said, v.n);
    rc = bigquery_read_insert(buf_as_str(&batch->call.http.response),
                              on_row_error, &v);
    if (rc == RC_OK)
        end_rows(batch, &v);
    else
        err_set(&v.why, RC_UNAVAILABLE,
                "%s answers insertAll with what is no answer",
                google_endpoint(b->google)->base);
    for (size_t i = 0; i < v.n; i++)
        mem_free(v.said[i].text);
    mem_free(v.said);
    if (rc != RC_OK || (batch->n == v.n && !v.any_refused)) {
        trouble(batch, BIGQUERY_RETRY, rc == RC_OK ? ROW_NOT : ROW_UNKNOWN,
                &v.why);
    } else {
        bigquery_gate_told(b, &b->write_gate, BIGQUERY_FINE, NULL);
        if (batch->n && !v.any_refused && wait_to_repeat(batch))
            return;
        /* without the refused ones they may pass: at once */
        while (batch->n && v.any_refused)
            put_first(b, batch->rows[--batch->n]);
        for (size_t i = 0; i < batch->n; i++)
            bigquery_row_over(batch->rows[i], ROW_NOT, &v.why);
        free_batch(batch);
    }
}

static void on_done(struct google_call *call)
{
    struct bigquery_batch *batch =
        LOOP_OWNER(call, struct bigquery_batch, call);
    struct bigquery *b = batch->b;
    enum bigquery_fate fate = bigquery_fate_of(call);
    int status = call->http.status;

    if (fate == BIGQUERY_FINE) {
        on_answer(batch);
    } else {
        bool may_be = status == 0 || status == 408 || status >= 500;
        trouble(batch, fate, may_be ? ROW_UNKNOWN : ROW_NOT, &call->err);
    }
    bigquery_batch_pump(b);
    bigquery_check_idle(b);
}

/* --- sending ----------------------------------------------------------------
 */

/* Rows may have left since the last time. */
static void render(struct bigquery_batch *batch)
{
    struct bigquery *b = batch->b;

    buf_reset(&batch->body);
    buf_puts(&batch->body, "{\"rows\":[");
    for (size_t i = 0; i < batch->n; i++) {
        if (i)
            buf_putc(&batch->body, ',');
        bigquery_put_row(&batch->body, b->schema, b->is_plain,
                         batch->rows[i]->row, batch->rows[i]->key);
    }
    buf_puts(&batch->body, "]}");
}

static void send_batch(struct bigquery_batch *batch)
{
    struct bigquery *b = batch->b;
    struct err why;

    render(batch);
    if (batch->body.failed) {
        err_set(&why, RC_UNAVAILABLE,
                "records of one call are larger than BigQuery takes at once "
                "(10 MB), or memory is gone");
        fail_batch(batch, ROW_NOT, &why);
        return;
    }
    batch->call.method = "POST";
    batch->call.path = b->insert_path;
    batch->call.body = buf_as_str(&batch->body);
    batch->call.max_response = RESPONSE_MAX;
    batch->call.total_us = CALL_US;
    batch->call.done = on_done;
    google_start(b->google, &batch->call);
}

static void start_batch(struct bigquery *b)
{
    struct bigquery_queue *q = &b->queue;
    struct bigquery_batch *batch = MEM_NEW(struct bigquery_batch);
    size_t bytes = 0, cap = 0, group_bytes;

    batch->b = b;
    buf_init(&batch->body, BODY_MAX);
    loop_timer_init(&batch->timer, b->loop, on_timer);
    retry_begin(&batch->retry, loop_now_us(b->loop));
    while (q->first) {
        size_t n = group_at(q->first, &group_bytes);
        if (batch->n && (batch->n + n > ROWS || bytes + group_bytes > BYTES))
            break;
        bytes += group_bytes;
        if (batch->n + n > cap) {
            cap = batch->n + n > ROWS ? batch->n + n : ROWS;
            batch->rows = mem_realloc(batch->rows,
                                      cap * sizeof(struct bigquery_put_row *));
        }
        while (n--)
            batch->rows[batch->n++] = pop(q);
    }
    q->since_us = loop_now_us(b->loop);
    q->in_flight++;
    batch->next = q->batches;
    if (q->batches)
        q->batches->prev = batch;
    q->batches = batch;
    send_batch(batch);
}

void bigquery_batch_pump(struct bigquery *b)
{
    struct bigquery_queue *q = &b->queue;

    if (b->is_cancelled)
        fail_at_end(b);
    while (q->n && q->in_flight < IN_FLIGHT) {
        int64_t age_us = loop_now_us(b->loop) - q->since_us;
        if (q->in_flight && q->n < ROWS && q->bytes < BYTES &&
            age_us < AGE_US && !b->is_closing) {
            loop_timer_arm(&q->age, AGE_US - age_us);
            return;
        }
        start_batch(b);
    }
}

/* --- life -------------------------------------------------------------------
 */

static void on_age(struct loop_timer *t)
{
    bigquery_batch_pump(LOOP_OWNER(t, struct bigquery, queue.age));
}

void bigquery_batch_init(struct bigquery *b)
{
    b->queue.last = &b->queue.first;
    loop_timer_init(&b->queue.age, b->loop, on_age);
}

void bigquery_batch_cancel(struct bigquery *b)
{
    struct bigquery_batch *batch = b->queue.batches;

    fail_at_end(b);
    while (batch) {
        struct bigquery_batch *next = batch->next;
        if (google_is_active(&batch->call))
            google_cancel(&batch->call);
        else
            loop_timer_arm(&batch->timer, 0);
        batch = next;
    }
}

void bigquery_batch_fini(struct bigquery *b)
{
    loop_timer_fini(&b->queue.age);
}
