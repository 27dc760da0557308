/* SPDX-License-Identifier: Apache-2.0 */
#include "pubsub/publisher.h"

#include "common/clock.h"
#include "common/mem.h"
#include "common/rand.h"
#include "net/google.h"
#include "net/retry.h"
#include "pubsub/names.h"
#include "pubsub/publish_body.h"
#include "pubsub/repeat.h"

enum {
    REQUESTS_DEFAULT = 4,
    BATCH_DEFAULT = 1000, /* Pub/Sub's limit */
    BODY_LIMIT = 64 * 1024 * 1024,
    REQUEST_US = 30 * 1000000
};
#define DEADLINE_US (60 * US_PER_S)

struct publish_list {
    struct publish *first, *last;
    size_t n;
};

struct publish_request {
    struct google_call call;
    struct publisher *owner;
    struct publish_list list;
    struct buf body;
    struct publish_request *next, *prev;
};

struct publisher {
    struct loop *loop;
    struct google *google;
    struct publisher_config config;
    char *name, *path;
    struct publish_list queue;
    size_t pending;
    struct publish_request *requests;
    unsigned in_flight;
    struct retry retry;
    struct rand rand;
    struct loop_timer timer; /* what was sent in this turn; or a repeat */
    struct loop_timer end_timer;
    bool is_closing;
    void (*closed)(void *arg);
    void *closed_arg;
};

static void push(struct publish_list *l, struct publish *p)
{
    p->next = NULL;
    if (l->last)
        l->last->next = p;
    else
        l->first = p;
    l->last = p;
    l->n++;
}

/* Puts a list before the queue: order is kept. */
static void put_first(struct publish_list *queue, struct publish_list *l)
{
    if (!l->first)
        return;
    l->last->next = queue->first;
    if (!queue->first)
        queue->last = l->last;
    queue->first = l->first;
    queue->n += l->n;
    *l = (struct publish_list){0};
}

static void finish_list(struct publisher *p, struct publish_list *l, int rc,
                        const struct err *err)
{
    struct publish *m = l->first, *next;

    *l = (struct publish_list){0};
    for (; m; m = next) {
        next = m->next;
        m->rc = rc;
        m->err = err;
        p->pending--;
        m->done(m);
    }
}

static void release(struct publish_request *r)
{
    struct publisher *p = r->owner;

    if (r->prev)
        r->prev->next = r->next;
    else
        p->requests = r->next;
    if (r->next)
        r->next->prev = r->prev;
    p->in_flight--;
    google_call_fini(&r->call);
    buf_fini(&r->body);
    mem_free(r);
}

static void pump(struct publisher *p);

static void wait_to_repeat(struct publisher *p, const struct google_call *call)
{
    int64_t delay = 0;

    retry_next(&p->retry, repeat_policy(p->google), clock_mono_us(),
               rand_unit(&p->rand), call->http.retry_after_us, &delay);
    loop_timer_arm(&p->timer, delay);
}

/* Fails what was tried for too long, keeps the rest for a repeat. */
static void keep_young(struct publisher *p, struct publish_request *r)
{
    struct publish_list old = {0}, young = {0};
    struct publish *m = r->list.first, *next;
    int64_t now = clock_mono_us();

    for (; m; m = next) {
        next = m->next;
        push(now - m->started_us >= p->config.deadline_us ? &old : &young, m);
    }
    r->list = (struct publish_list){0};
    put_first(&p->queue, &young);
    finish_list(p, &old, r->call.rc, &r->call.err);
}

static void take_apart(struct publisher *p, struct publish_request *r)
{
    for (struct publish *m = r->list.first; m; m = m->next)
        m->is_alone = true;
    put_first(&p->queue, &r->list);
}

static void on_answer(struct google_call *call)
{
    struct publish_request *r = LOOP_OWNER(call, struct publish_request, call);
    struct publisher *p = r->owner;

    if (call->rc == RC_OK &&
        publish_read_ids(buf_as_str(&call->http.response), r->list.first))
        call->rc = err_set(&call->err, RC_MALFORMED,
                           "%s: the answer is not a Publish answer", p->name);
    if (call->rc == RC_OK) {
        retry_reset(&p->retry);
        finish_list(p, &r->list, RC_OK, NULL);
    } else if (p->is_closing) {
        finish_list(p, &r->list, RC_CANCELLED, &call->err);
    } else if ((call->rc == RC_INVALID || call->rc == RC_TOO_LARGE) &&
               r->list.n > 1) {
        take_apart(p, r);
    } else if (rc_is_retryable(call->rc)) {
        keep_young(p, r);
        wait_to_repeat(p, call);
    } else {
        finish_list(p, &r->list, call->rc, &call->err);
    }
    release(r);
    pump(p);
}

/* --- requests ----------------------------------------------------------------
 */

static bool key_in_flight(const struct publisher *p, struct str key)
{
    for (const struct publish_request *r = p->requests; r; r = r->next) {
        if (str_eq(r->list.first->ordering_key, key))
            return true;
    }
    return false;
}

/* The next messages that may share a request: same ordering key, bounded. */
static bool take_batch(struct publisher *p, struct publish_list *out)
{
    struct publish *m = p->queue.first;
    size_t bytes = 0;

    if (m->ordering_key.len && key_in_flight(p, m->ordering_key))
        return false;
    while (m && out->n < p->config.batch_messages) {
        bytes += publish_size(m);
        if (out->n &&
            (bytes > PUBLISH_MAX_BYTES || m->is_alone || out->first->is_alone ||
             !str_eq(m->ordering_key, out->first->ordering_key)))
            break;
        p->queue.first = m->next;
        p->queue.n--;
        push(out, m);
        m = p->queue.first;
    }
    if (!p->queue.first)
        p->queue.last = NULL;
    return true;
}

static void fail_unsent(struct publisher *p, struct publish_request *r)
{
    struct err err;

    err_set(&err, RC_NOMEM, "no memory for a request of %zu messages",
            r->list.n);
    finish_list(p, &r->list, RC_NOMEM, &err);
    buf_fini(&r->body);
    mem_free(r);
}

static void send_batch(struct publisher *p, const struct publish_list *list)
{
    struct publish_request *r = MEM_NEW(struct publish_request);

    r->owner = p;
    r->list = *list;
    buf_init(&r->body, BODY_LIMIT);
    publish_body(&r->body, list->first);
    if (r->body.failed) {
        fail_unsent(p, r);
        return;
    }
    r->next = p->requests;
    if (p->requests)
        p->requests->prev = r;
    p->requests = r;
    p->in_flight++;
    r->call.method = "POST";
    r->call.path = p->path;
    r->call.body = buf_as_str(&r->body);
    /* who waits less than a request may last gets his answer in time */
    r->call.total_us =
        p->config.deadline_us < REQUEST_US ? p->config.deadline_us : REQUEST_US;
    r->call.done = on_answer;
    google_start(p->google, &r->call);
}

/* While the service fails, one request at a time finds out when it is back. */
static void pump(struct publisher *p)
{
    while (p->queue.n && !p->is_closing && p->in_flight < p->config.requests) {
        struct publish_list list = {0};
        if (p->retry.failures &&
            (p->in_flight || loop_timer_is_armed(&p->timer)))
            return;
        if (!take_batch(p, &list))
            return;
        send_batch(p, &list);
    }
    if (p->is_closing && p->in_flight == 0)
        loop_timer_arm(&p->end_timer, 0);
}

static void on_timer(struct loop_timer *timer)
{
    pump(LOOP_OWNER(timer, struct publisher, timer));
}

void publisher_send(struct publisher *p, struct publish *m)
{
    m->rc = RC_OK;
    m->err = NULL;
    m->id[0] = '\0';
    m->is_alone = false;
    m->started_us = clock_mono_us();
    push(&p->queue, m);
    p->pending++;
    /* what is sent in one turn of the loop shares a request */
    if (!loop_timer_is_armed(&p->timer))
        loop_timer_arm(&p->timer, 0);
}

size_t publisher_pending(const struct publisher *p)
{
    return p->pending;
}

const char *publisher_topic(const struct publisher *p)
{
    return p->name;
}

static void on_end(struct loop_timer *timer)
{
    struct publisher *p = LOOP_OWNER(timer, struct publisher, end_timer);
    struct err err;
    void (*closed)(void *arg) = p->closed;
    void *arg = p->closed_arg;

    err_set(&err, RC_CANCELLED, "cancelled");
    finish_list(p, &p->queue, RC_CANCELLED, &err);
    loop_timer_fini(&p->timer);
    loop_timer_fini(&p->end_timer);
    mem_free(p->name);
    mem_free(p->path);
    mem_free(p);
    closed(arg);
}

void publisher_close(struct publisher *p, void (*closed)(void *arg), void *arg)
{
    p->is_closing = true;
    p->closed = closed;
    p->closed_arg = arg;
    loop_timer_cancel(&p->timer);
    for (struct publish_request *r = p->requests; r; r = r->next)
        google_cancel(&r->call);
    pump(p);
}

struct publisher *publisher_new(struct loop *loop, struct google *google,
                                const struct publisher_config *config)
{
    struct publisher *p = MEM_NEW(struct publisher);
    uint64_t seed;

    p->loop = loop;
    p->google = google;
    p->config = *config;
    if (p->config.requests == 0)
        p->config.requests = REQUESTS_DEFAULT;
    if (p->config.batch_messages == 0 ||
        p->config.batch_messages > BATCH_DEFAULT)
        p->config.batch_messages = BATCH_DEFAULT;
    if (p->config.deadline_us == 0)
        p->config.deadline_us = DEADLINE_US;
    p->name = pubsub_full_name(config->project, "topics", config->topic);
    p->path = pubsub_path(p->name, ":publish");
    rand_bytes(&seed, sizeof(seed));
    rand_seed(&p->rand, seed);
    loop_timer_init(&p->timer, loop, on_timer);
    loop_timer_init(&p->end_timer, loop, on_end);
    return p;
}
