/* SPDX-License-Identifier: Apache-2.0 */
#include "pubsub/lease.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "net/google.h"
#include "pubsub/ack_queue.h"

#define FIRST_US   (3 * US_PER_S)
#define EXTEND_US  (25 * US_PER_S) /* of a lease of 60 s */
#define REPEAT_US  (2 * US_PER_S)
#define SWEEP_US   (500 * US_PER_MS)
#define REQUEST_US (15 * US_PER_S)

struct lease_request {
    struct google_call call;
    struct lease *lease;
    size_t n;
    struct buf body;
    struct lease_request *next, *prev;
};

struct lease {
    struct loop *loop;
    struct google *google;
    const char *path;
    struct pull_batch *const *batches;
    struct lease_request *requests;
    struct loop_timer sweep;
    bool is_stopped;
    void (*on_idle)(void *arg);
    void *arg;
};

static void release(struct lease_request *r)
{
    struct lease *l = r->lease;

    if (r->prev)
        r->prev->next = r->next;
    else
        l->requests = r->next;
    if (r->next)
        r->next->prev = r->prev;
    google_call_fini(&r->call);
    buf_fini(&r->body);
    mem_free(r);
}

static void on_answer(struct google_call *call)
{
    struct lease_request *r = LOOP_OWNER(call, struct lease_request, call);
    struct lease *l = r->lease;
    int64_t soon = clock_mono_us() + REPEAT_US;

    if (call->rc != RC_OK && !l->is_stopped) {
        LOG_W("cannot extend the lease of %zu messages, trying again: %s", r->n,
              call->err.text);
        /* which batches it was is not kept: an extension too many is harmless
         */
        for (struct pull_batch *b = *l->batches; b; b = b->next) {
            if (b->extend_us > soon)
                b->extend_us = soon;
        }
    }
    release(r);
    if (l->is_stopped && !l->requests)
        l->on_idle(l->arg);
}

static struct lease_request *request_new(struct lease *l)
{
    struct lease_request *r = MEM_NEW(struct lease_request);

    r->lease = l;
    buf_init(&r->body, ACK_MAX_BYTES + 16 * 1024);
    ack_body_begin(&r->body);
    return r;
}

static void send_request(struct lease_request *r)
{
    struct lease *l = r->lease;

    ack_body_end(&r->body, ",\"ackDeadlineSeconds\":60");
    r->next = l->requests;
    if (l->requests)
        l->requests->prev = r;
    l->requests = r;
    r->call.method = "POST";
    r->call.path = l->path;
    r->call.body = buf_as_str(&r->body);
    r->call.total_us = REQUEST_US;
    r->call.done = on_answer;
    google_start(l->google, &r->call);
}

/* Adds the ids of a batch; a full request is sent and another begun. */
static struct lease_request *add_batch(struct lease *l, struct lease_request *r,
                                       const struct pull_batch *b)
{
    for (size_t i = 0; i < b->n; i++) {
        const struct received *m = &b->messages[i];
        if (m->is_gone)
            continue;
        if (!r)
            r = request_new(l);
        if (!ack_body_add(&r->body, r->n, m->ack_id)) {
            send_request(r);
            r = request_new(l);
            ack_body_add(&r->body, 0, m->ack_id);
        }
        r->n++;
    }
    return r;
}

static void on_sweep(struct loop_timer *timer)
{
    struct lease *l = LOOP_OWNER(timer, struct lease, sweep);
    struct lease_request *r = NULL;
    int64_t now = clock_mono_us();

    for (struct pull_batch *b = *l->batches; b; b = b->next) {
        if (now < b->extend_us)
            continue;
        b->extend_us = now + EXTEND_US;
        r = add_batch(l, r, b);
    }
    if (r)
        send_request(r);
    if (*l->batches)
        loop_timer_arm(&l->sweep, SWEEP_US);
}

void lease_add(struct lease *l, struct pull_batch *batch)
{
    batch->extend_us = clock_mono_us() + FIRST_US;
    if (!l->is_stopped && !loop_timer_is_armed(&l->sweep))
        loop_timer_arm(&l->sweep, FIRST_US);
}

void lease_stop(struct lease *l, void (*on_idle)(void *arg), void *arg)
{
    l->is_stopped = true;
    l->on_idle = on_idle;
    l->arg = arg;
    loop_timer_cancel(&l->sweep);
    for (struct lease_request *r = l->requests; r; r = r->next)
        google_cancel(&r->call);
    if (!l->requests)
        on_idle(arg);
}

struct lease *lease_new(struct loop *loop, struct google *google,
                        const char *path, struct pull_batch *const *batches)
{
    struct lease *l = MEM_NEW(struct lease);

    l->loop = loop;
    l->google = google;
    l->path = path;
    l->batches = batches;
    loop_timer_init(&l->sweep, loop, on_sweep);
    return l;
}

void lease_free(struct lease *l)
{
    if (!l)
        return;
    loop_timer_fini(&l->sweep);
    mem_free(l);
}
