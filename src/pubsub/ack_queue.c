/* SPDX-License-Identifier: Apache-2.0 */
#include "pubsub/ack_queue.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/rand.h"
#include "net/google.h"
#include "net/retry.h"

enum {
    GATHER_US = 10 * 1000,
    IN_FLIGHT = 4, /* requests */
    BODY_LIMIT = ACK_MAX_BYTES + 16 * 1024,
    REQUEST_US = 20 * 1000000
};

struct ack_request {
    struct google_call call;
    struct ack_queue *queue;
    struct received *first, *last;
    size_t n;
    struct buf body;
    struct ack_request *next, *prev;
};

struct ack_queue {
    struct ack_queue_config config;
    struct received *first, *last;
    size_t n;
    struct ack_request *requests;
    unsigned in_flight;
    bool flushes, is_abandoned;
    struct retry retry;
    struct rand rand;
    struct loop_timer timer; /* gathering, or waiting to repeat */
};

static const struct retry_policy again = {
    .first_us = 50 * US_PER_MS,
    .max_us = 10 * US_PER_S,
};
static const struct retry_policy again_here = {
    .first_us = 20 * US_PER_MS,
    .max_us = 500 * US_PER_MS,
};

void ack_body_begin(struct buf *body)
{
    buf_puts(body, "{\"ackIds\":[");
}

bool ack_body_add(struct buf *body, size_t n_before, struct str ack_id)
{
    if (n_before >= ACK_MAX_IDS ||
        (n_before && body->len + ack_id.len > ACK_MAX_BYTES))
        return false;
    if (n_before)
        buf_putc(body, ',');
    buf_json_str(body, ack_id);
    return true;
}

void ack_body_end(struct buf *body, const char *members)
{
    buf_putc(body, ']');
    buf_puts(body, members);
    buf_putc(body, '}');
}

static void release(struct ack_request *r)
{
    struct ack_queue *q = r->queue;

    if (r->prev)
        r->prev->next = r->next;
    else
        q->requests = r->next;
    if (r->next)
        r->next->prev = r->prev;
    q->in_flight--;
    google_call_fini(&r->call);
    buf_fini(&r->body);
    mem_free(r);
}

static void settle_list(struct ack_queue *q, struct received *m)
{
    struct received *next;

    for (; m; m = next) {
        next = m->next;
        q->config.settled(m, q->config.arg);
    }
}

/* The messages of a failed request stand first again. */
static void put_back(struct ack_queue *q, struct ack_request *r)
{
    r->last->next = q->first;
    if (!q->first)
        q->last = r->last;
    q->first = r->first;
    q->n += r->n;
}

static void pump(struct ack_queue *q);

static void tell_idle(struct ack_queue *q)
{
    if (ack_queue_is_idle(q))
        q->config.on_idle(q->config.arg);
}

static void wait_to_repeat(struct ack_queue *q, const struct google_call *call)
{
    int64_t delay = 0;

    retry_next(&q->retry,
               google_endpoint(q->config.google)->is_emulator ? &again_here
                                                              : &again,
               clock_mono_us(), rand_unit(&q->rand), call->http.retry_after_us,
               &delay);
    loop_timer_arm(&q->timer, delay);
}

static void on_answer(struct google_call *call)
{
    struct ack_request *r = LOOP_OWNER(call, struct ack_request, call);
    struct ack_queue *q = r->queue;
    struct received *list = r->first;

    if (call->rc == RC_OK) {
        retry_reset(&q->retry);
    } else if (q->is_abandoned) {
        /* they come again when their leases end */
    } else if (call->rc == RC_INVALID || call->rc == RC_NOT_FOUND) {
        /* A repeat cannot help. What the service still has comes again and
         * is then found to be a duplicate: nothing is lost. */
        LOG_W("cannot %s %zu messages: %s; they will arrive again",
              q->config.verb, r->n, call->err.text);
    } else {
        LOG_W("cannot %s %zu messages, trying again: %s", q->config.verb, r->n,
              call->err.text);
        put_back(q, r);
        list = NULL;
        wait_to_repeat(q, call);
    }
    release(r);
    settle_list(q, list);
    pump(q);
    tell_idle(q);
}

static void send_some(struct ack_queue *q)
{
    struct ack_request *r = MEM_NEW(struct ack_request);

    r->queue = q;
    buf_init(&r->body, BODY_LIMIT);
    ack_body_begin(&r->body);
    r->first = q->first;
    while (q->first && ack_body_add(&r->body, r->n, q->first->ack_id)) {
        r->last = q->first;
        q->first = q->first->next;
        r->n++;
    }
    r->last->next = NULL;
    q->n -= r->n;
    if (!q->first)
        q->last = NULL;
    ack_body_end(&r->body, q->config.members);
    r->next = q->requests;
    if (q->requests)
        q->requests->prev = r;
    q->requests = r;
    q->in_flight++;
    r->call.method = "POST";
    r->call.path = q->config.path;
    r->call.body = buf_as_str(&r->body);
    r->call.total_us = REQUEST_US;
    r->call.done = on_answer;
    google_start(q->config.google, &r->call);
}

/* Sends full requests, and the rest once it has been gathered. While the
 * service fails, one request at a time finds out when it is back. */
static void pump(struct ack_queue *q)
{
    if (q->is_abandoned)
        return;
    while (q->n >= ACK_MAX_IDS || (q->flushes && q->n)) {
        if (q->retry.failures &&
            (q->in_flight || loop_timer_is_armed(&q->timer)))
            return;
        if (q->in_flight >= IN_FLIGHT)
            return;
        send_some(q);
    }
    if (q->n && !loop_timer_is_armed(&q->timer))
        loop_timer_arm(&q->timer, GATHER_US);
}

static void on_timer(struct loop_timer *timer)
{
    struct ack_queue *q = LOOP_OWNER(timer, struct ack_queue, timer);

    if (q->n && !q->is_abandoned && q->in_flight < IN_FLIGHT &&
        !(q->retry.failures && q->in_flight))
        send_some(q);
    pump(q);
}

void ack_queue_push(struct ack_queue *q, struct received *message)
{
    message->next = NULL;
    if (q->last)
        q->last->next = message;
    else
        q->first = message;
    q->last = message;
    q->n++;
    if (q->is_abandoned) {
        ack_queue_abandon(q);
        return;
    }
    if (q->n >= ACK_MAX_IDS || !loop_timer_is_armed(&q->timer))
        pump(q);
}

void ack_queue_flush(struct ack_queue *q)
{
    q->flushes = true;
    pump(q);
}

bool ack_queue_is_idle(const struct ack_queue *q)
{
    return q->n == 0 && q->in_flight == 0;
}

void ack_queue_abandon(struct ack_queue *q)
{
    struct received *list = q->first;

    q->is_abandoned = true;
    loop_timer_cancel(&q->timer);
    q->first = q->last = NULL;
    q->n = 0;
    settle_list(q, list);
    for (struct ack_request *r = q->requests; r; r = r->next)
        google_cancel(&r->call);
    tell_idle(q);
}

struct ack_queue *ack_queue_new(const struct ack_queue_config *config)
{
    struct ack_queue *q = MEM_NEW(struct ack_queue);
    uint64_t seed;

    q->config = *config;
    rand_bytes(&seed, sizeof(seed));
    rand_seed(&q->rand, seed);
    loop_timer_init(&q->timer, config->loop, on_timer);
    return q;
}

void ack_queue_free(struct ack_queue *q)
{
    if (!q)
        return;
    loop_timer_fini(&q->timer);
    mem_free(q);
}
