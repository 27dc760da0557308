/* SPDX-License-Identifier: Apache-2.0 */
/* Valid rows, gathered into calls of the writer; their results; and what
 * happens while the store is down: nothing is taken from Pub/Sub, nothing is
 * given back, one call at a time finds out when it is there again. */
#include <stdio.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/trace.h"
#include "ingest/message_trace.h"
#include "ingest/pipeline.h"

/* Rows that the store refuses one and all are kept, in the hope of others
 * that it takes; beyond so many no more are asked for. */
enum {
    SUSPECTS_MAX = 100
};

static const struct retry_policy again = {
    .first_us = 20 * US_PER_MS,
    .max_us = US_PER_S,
};

/* One call of the writer. */
struct persist_call {
    struct writer_put put;
    struct pipeline *pipeline;
    struct item **items;
    struct row **rows;
    enum store_result *results;
    size_t n;
};

static void free_call(struct persist_call *c)
{
    mem_free(c->items);
    mem_free(c->rows);
    mem_free(c->results);
    mem_free(c);
}

/* --- results
 * ------------------------------------------------------------------ */

/* All of a failed or refused call stand first again, in their order. */
static void put_back(struct persist_call *c)
{
    struct item_list list = {0};

    for (size_t i = 0; i < c->n; i++)
        item_list_push(&list, c->items[i]);
    item_list_put_first(&c->pipeline->queue, &list);
}

static void wait_to_repeat(struct pipeline *p)
{
    int64_t delay = 0;

    retry_next(&p->store_retry, &again, clock_mono_us(), rand_unit(&p->rand), 0,
               &delay);
    loop_timer_arm(&p->store_timer, delay);
}

static void on_store_down(struct persist_call *c)
{
    struct pipeline *p = c->pipeline;

    pipeline_count(p->metrics.transient, 1);
    pipeline_gauge(p->metrics.store_up, 0);
    put_back(c);
    if (!p->is_store_down) {
        p->is_store_down = true;
        LOG_E("the store does not take rows, pulling stops and %zu messages "
              "are kept until it does: %s",
              p->n_held, c->put.insert.err.text);
        subscriber_pause(p->config.subscriber);
    } else {
        LOG_W("the store still does not take rows: %s", c->put.insert.err.text);
    }
    if (p->is_draining)
        persist_give_back(p);
    else
        wait_to_repeat(p);
}

static void on_store_up(struct pipeline *p)
{
    pipeline_gauge(p->metrics.store_up, 1);
    retry_reset(&p->store_retry);
    if (!p->is_store_down)
        return;
    p->is_store_down = false;
    loop_timer_cancel(&p->store_timer);
    LOG_I("the store takes rows again");
    if (!p->is_draining)
        subscriber_resume(p->config.subscriber);
}

static bool all_are_refused(const struct persist_call *c)
{
    for (size_t i = 0; i < c->n; i++) {
        if (c->results[i] != STORE_REJECTED)
            return false;
    }
    return true;
}

/* A store that refuses every row may be at fault itself (contract 4.4): the
 * rows wait for others that it takes. */
static void on_all_refused(struct persist_call *c)
{
    struct pipeline *p = c->pipeline;

    pipeline_count(p->metrics.transient, 1);
    for (size_t i = 0; i < c->n; i++) {
        p->n_suspects += !c->items[i]->is_suspect;
        c->items[i]->is_suspect = true;
    }
    put_back(c);
    LOG_W("the store refuses all %zu rows of a call, they are kept and tried "
          "again beside others: %s",
          c->n, c->put.insert.detail);
    if (p->is_draining) {
        persist_give_back(p);
        return;
    }
    if (p->n_suspects >= SUSPECTS_MAX && !p->is_store_down) {
        p->is_store_down = true;
        LOG_E("the store refuses every row, pulling stops: compare the "
              "table's schema with DATOS_SCHEMA");
        subscriber_pause(p->config.subscriber);
    }
    wait_to_repeat(p);
}

/* A publisher's trace ends where its row appears. */
static void tell_trace(const struct pipeline *p, const struct message *m,
                       const char *how)
{
    struct str trace = message_trace(m);
    char log[MESSAGE_TRACE_LOG_MAX];

    if (!trace_is_sampled(trace))
        return;
    message_trace_log(trace, p->config.project, log);
    LOG_AT(LOG_INFO, log, "message %.*s is %s, %lld ms after its publishing",
           STR_ARG(m->id), how, (clock_wall_us() - m->publish_us) / US_PER_MS);
}

static void settle_item(struct persist_call *c, size_t i)
{
    struct pipeline *p = c->pipeline;
    struct item *item = c->items[i];

    p->n_suspects -= item->is_suspect;
    item->is_suspect = false;
    switch (c->results[i]) {
    case STORE_STORED:
        pipeline_count(p->metrics.stored, 1);
        tell_trace(p, item->message, "stored and visible");
        settle_ack(p, item);
        break;
    case STORE_DUPLICATE:
        pipeline_count(p->metrics.duplicate, 1);
        tell_trace(p, item->message, "a repeat of what is visible");
        settle_ack(p, item);
        break;
    case STORE_CONFLICT:
        settle_reject(p, item, "conflict", "id",
                      "another record with this id is stored already; the "
                      "first one stays");
        break;
    case STORE_REJECTED:
        settle_reject(p, item, "rejected", "", c->put.insert.detail);
        break;
    }
}

static void on_put(struct writer_put *put)
{
    struct persist_call *c = LOOP_OWNER(put, struct persist_call, put);
    struct pipeline *p = c->pipeline;

    p->calls--;
    if (p->is_closed) {
        /* the messages went with the subscriber; they come again */
        for (size_t i = 0; i < c->n; i++)
            pipeline_item_free(p, c->items[i]);
    } else if (put->insert.rc != RC_OK) {
        on_store_down(c);
    } else if (all_are_refused(c)) {
        on_all_refused(c);
    } else {
        on_store_up(p);
        for (size_t i = 0; i < c->n; i++)
            settle_item(c, i);
    }
    free_call(c);
    if (!p->is_closed)
        persist_pump(p);
}

/* --- calls
 * -------------------------------------------------------------------- */

static int64_t oldest_publish(const struct persist_call *c)
{
    int64_t oldest = 0;

    for (size_t i = 0; i < c->n; i++) {
        int64_t us = c->items[i]->message->publish_us;
        if (us && (!oldest || us < oldest))
            oldest = us;
    }
    return oldest;
}

static void call_writer(struct pipeline *p)
{
    const struct batch_limits *limits = &p->config.limits;
    struct persist_call *c = MEM_NEW(struct persist_call);
    size_t n = p->queue.n < limits->rows ? p->queue.n : limits->rows;
    size_t bytes = 0;

    c->pipeline = p;
    c->items = MEM_ARRAY(struct item *, n);
    c->rows = MEM_ARRAY(struct row *, n);
    c->results = MEM_ARRAY(enum store_result, n);
    while (c->n < n) {
        bytes += p->queue.first->row->json.len;
        if (c->n && bytes > limits->bytes)
            break;
        c->items[c->n] = item_list_pop(&p->queue);
        c->rows[c->n] = c->items[c->n]->row;
        c->n++;
    }
    p->queue_since_us = clock_mono_us();
    p->calls++;
    c->put.insert.loop = p->config.loop;
    c->put.insert.rows = c->rows;
    c->put.insert.n_rows = c->n;
    c->put.insert.results = c->results;
    c->put.published_us = oldest_publish(c);
    c->put.done = on_put;
    writer_put(p->config.writer, &c->put);
}

void persist_pump(struct pipeline *p)
{
    while (p->queue.n) {
        struct batch_state state = {p->queue.n, p->queue.bytes,
                                    p->queue_since_us, p->calls};
        int64_t wait;
        if (p->store_retry.failures) {
            if (p->calls || loop_timer_is_armed(&p->store_timer))
                return;
            call_writer(p);
            return;
        }
        wait = batch_wait_us(&p->config.limits, &state, clock_mono_us());
        if (wait > 0)
            loop_timer_arm(&p->store_timer, wait);
        if (wait != 0)
            return;
        call_writer(p);
    }
}

void persist_add(struct pipeline *p, struct item *item)
{
    if (p->queue.n == 0)
        p->queue_since_us = clock_mono_us();
    item_list_push(&p->queue, item);
}

void persist_give_back(struct pipeline *p)
{
    struct item *item;

    while ((item = item_list_pop(&p->queue)))
        settle_return(p, item);
}

static void on_timer(struct loop_timer *timer)
{
    persist_pump(LOOP_OWNER(timer, struct pipeline, store_timer));
}

void persist_init(struct pipeline *p)
{
    loop_timer_init(&p->store_timer, p->config.loop, on_timer);
}
