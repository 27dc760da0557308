/* SPDX-License-Identifier: Apache-2.0 */
#include "pubsub/pull_subscriber.h"

#include <stdio.h>

#include "common/clock.h"
#include "common/mem.h"
#include "common/rand.h"
#include "net/google.h"
#include "net/retry.h"
#include "pubsub/ack_queue.h"
#include "pubsub/flow.h"
#include "pubsub/lease.h"
#include "pubsub/names.h"
#include "pubsub/pull_response.h"
#include "pubsub/repeat.h"

enum {
    MAX_PULLS = 16,
    /* A message is at most 10 MB, 13.4 MB as base64. */
    RESPONSE_LIMIT = 48 * 1024 * 1024,
    EMPTY_FAST_US = 200 * 1000 /* an empty answer sooner than this was no
                                * long poll */
};
#define TELL_AGAIN_US (30 * US_PER_S)
#define PULL_US       (120 * US_PER_S) /* Google holds an empty Pull up to 90 s */

struct pull_slot {
    struct google_call call;
    struct pull_subscriber *owner;
    char body[80];
    bool is_probe; /* answered at once: tells that the service is there */
    size_t asked;
    int64_t started_us;
    unsigned empties; /* fast empty answers in a row */
    struct loop_timer timer;
};

enum state {
    STATE_UNKNOWN,
    STATE_UP,
    STATE_DOWN
};

struct pull_subscriber {
    struct loop *loop;
    struct google *google;
    struct subscriber_config config;
    char *name, *pull_path, *ack_path, *modify_path;
    struct flow flow;
    struct pull_slot *slots;
    unsigned n_slots, n_pulling;
    struct pull_batch *batches;
    struct ack_queue *acks, *returns;
    struct lease *lease;
    bool lease_is_idle;
    enum state state;
    char *why; /* what on_state was told last, and when */
    int64_t told_us;
    bool is_paused, is_closing, is_abandoned;
    struct retry retry;
    struct rand rand;
    struct loop_timer retry_timer, grace_timer;
    struct loop_timer end_timer; /* the close completes on its own turn */
    void (*closed)(void *arg);
    void *closed_arg;
};

static void pull_all(struct pull_subscriber *s);
static void end_if_idle(struct pull_subscriber *s);

/* --- what is held -----------------------------------------------------------
 */

static void hold_batch(struct pull_subscriber *s, struct pull_batch *b)
{
    b->prev = NULL;
    b->next = s->batches;
    if (s->batches)
        s->batches->prev = b;
    s->batches = b;
    flow_received(&s->flow, b->n, b->bytes);
    lease_add(s->lease, b);
}

static void drop_batch(struct pull_subscriber *s, struct pull_batch *b)
{
    if (b->prev)
        b->prev->next = b->next;
    else
        s->batches = b->next;
    if (b->next)
        b->next->prev = b->prev;
    s->flow.held_bytes -= b->bytes;
    pull_batch_free(b);
}

static void on_settled(struct received *m, void *arg)
{
    struct pull_subscriber *s = arg;
    struct pull_batch *b = m->batch;

    m->is_gone = true;
    s->flow.held--;
    if (--b->live == 0)
        drop_batch(s, b);
    if (!s->is_closing)
        pull_all(s);
}

/* --- state ------------------------------------------------------------------
 */

static void set_up(struct pull_subscriber *s)
{
    retry_reset(&s->retry);
    if (s->state == STATE_UP)
        return;
    s->state = STATE_UP;
    mem_free(s->why);
    s->why = NULL;
    if (s->config.on_state)
        s->config.on_state(true, s->name, s->config.arg);
}

/* The same trouble is told again only after a while. */
static void tell_down(struct pull_subscriber *s, const char *why)
{
    int64_t now = clock_mono_us();

    if (!s->config.on_state || (s->why && strcmp(s->why, why) == 0 &&
                                now - s->told_us < TELL_AGAIN_US))
        return;
    mem_free(s->why);
    s->why = mem_strdup(why);
    s->told_us = now;
    s->config.on_state(false, why, s->config.arg);
}

static void set_down(struct pull_subscriber *s, const struct google_call *call)
{
    char why[700];

    s->state = STATE_DOWN;
    if (call->rc == RC_NOT_FOUND)
        snprintf(why, sizeof(why),
                 "%s does not exist at %s: create it (terraform apply, or "
                 "gcloud pubsub subscriptions create), or set "
                 "DATOS_SUBSCRIPTION and GOOGLE_CLOUD_PROJECT; trying on",
                 s->name, google_endpoint(s->google)->base);
    else if (call->rc == RC_DENIED)
        snprintf(why, sizeof(why),
                 "pulling from %s is refused: %s; it takes the role "
                 "roles/pubsub.subscriber; trying on",
                 s->name, call->err.text);
    else
        snprintf(why, sizeof(why), "cannot pull from %s, trying on: %s",
                 s->name, call->err.text);
    tell_down(s, why);
}

/* --- pulls ------------------------------------------------------------------
 */

static void deliver(struct pull_subscriber *s, struct pull_batch *b)
{
    hold_batch(s, b);
    /* the batch outlives this: it is freed when acknowledgements are answered
     */
    for (size_t i = 0; i < b->n; i++)
        s->config.on_message(&b->messages[i].message, s->config.arg);
    if (s->config.on_batch)
        s->config.on_batch(s->config.arg);
}

/* An empty answer that came at once: this server does not wait. */
static void rest_after_empty(struct pull_slot *slot)
{
    int64_t delay = 5 * US_PER_MS;

    if (slot->is_probe || clock_mono_us() - slot->started_us >= EMPTY_FAST_US) {
        slot->empties = 0;
        return;
    }
    for (unsigned i = 0; i < slot->empties && delay < US_PER_S; i++)
        delay *= 2;
    slot->empties++;
    loop_timer_arm(&slot->timer, delay);
}

static void on_pulled(struct pull_subscriber *s, struct pull_slot *slot)
{
    struct pull_batch *b = NULL;
    struct google_call *call = &slot->call;
    size_t len;
    char *body = buf_take(&call->http.response, &len);
    int rc = pull_response_parse(body, len, &b, &call->err);

    if (rc != RC_OK) {
        call->rc = rc;
        return;
    }
    set_up(s);
    if (b->n == 0) {
        pull_batch_free(b);
        rest_after_empty(slot);
        return;
    }
    slot->empties = 0;
    deliver(s, b);
}

static void wait_to_repeat(struct pull_subscriber *s,
                           const struct google_call *call)
{
    int64_t delay = 0;

    retry_next(&s->retry, repeat_policy(s->google), clock_mono_us(),
               rand_unit(&s->rand), call->http.retry_after_us, &delay);
    loop_timer_arm(&s->retry_timer, delay);
}

static void on_answer(struct google_call *call)
{
    struct pull_slot *slot = LOOP_OWNER(call, struct pull_slot, call);
    struct pull_subscriber *s = slot->owner;

    s->n_pulling--;
    s->flow.asked -= slot->asked;
    if (call->rc == RC_OK && !s->is_abandoned && !s->is_closing)
        on_pulled(s, slot);
    google_call_fini(call);
    if (s->is_closing) {
        end_if_idle(s);
        return;
    }
    if (call->rc == RC_TOO_LARGE)
        flow_too_large(&s->flow, slot->asked);
    if (call->rc != RC_OK) {
        set_down(s, call);
        if (!loop_timer_is_armed(&s->retry_timer))
            wait_to_repeat(s, call);
        return;
    }
    pull_all(s);
}

static void pull(struct pull_subscriber *s, struct pull_slot *slot, size_t n)
{
    int len;

    slot->is_probe = s->state != STATE_UP;
    len = snprintf(slot->body, sizeof(slot->body),
                   "{\"returnImmediately\":%s,\"maxMessages\":%zu}",
                   slot->is_probe ? "true" : "false", n);
    slot->asked = n;
    slot->started_us = clock_mono_us();
    s->flow.asked += n;
    s->n_pulling++;
    slot->call.method = "POST";
    slot->call.path = s->pull_path;
    slot->call.body = str_of(slot->body, (size_t)len);
    slot->call.max_response = RESPONSE_LIMIT;
    slot->call.total_us = PULL_US;
    slot->call.done = on_answer;
    google_start(s->google, &slot->call);
}

/* Puts every free slot to work. While the service fails, one request at a
 * time finds out when it is back. */
static void pull_all(struct pull_subscriber *s)
{
    if (s->is_paused || s->is_closing)
        return;
    for (unsigned i = 0; i < s->n_slots; i++) {
        struct pull_slot *slot = &s->slots[i];
        size_t n;
        if (s->state != STATE_UP &&
            (s->n_pulling || loop_timer_is_armed(&s->retry_timer)))
            return;
        if (google_is_active(&slot->call) || loop_timer_is_armed(&slot->timer))
            continue;
        n = flow_next(&s->flow);
        if (n == 0)
            return;
        pull(s, slot, n);
    }
}

static void on_retry(struct loop_timer *timer)
{
    pull_all(LOOP_OWNER(timer, struct pull_subscriber, retry_timer));
}

static void on_rested(struct loop_timer *timer)
{
    pull_all(LOOP_OWNER(timer, struct pull_slot, timer)->owner);
}

/* --- the interface -----------------------------------------------------------
 */

static void do_pause(void *self)
{
    ((struct pull_subscriber *)self)->is_paused = true;
}

static void do_resume(void *self)
{
    struct pull_subscriber *s = self;

    s->is_paused = false;
    pull_all(s);
}

static void do_ack(void *self, struct message *message)
{
    struct pull_subscriber *s = self;

    ack_queue_push(s->acks, LOOP_OWNER(message, struct received, message));
}

static void do_return(void *self, struct message *message)
{
    struct pull_subscriber *s = self;

    ack_queue_push(s->returns, LOOP_OWNER(message, struct received, message));
}

static void on_end(struct loop_timer *timer)
{
    struct pull_subscriber *s =
        LOOP_OWNER(timer, struct pull_subscriber, end_timer);
    void (*closed)(void *arg) = s->closed;
    void *arg = s->closed_arg;

    while (s->batches)
        drop_batch(s, s->batches);
    for (unsigned i = 0; i < s->n_slots; i++)
        loop_timer_fini(&s->slots[i].timer);
    loop_timer_fini(&s->retry_timer);
    loop_timer_fini(&s->grace_timer);
    loop_timer_fini(&s->end_timer);
    ack_queue_free(s->acks);
    ack_queue_free(s->returns);
    lease_free(s->lease);
    mem_free(s->slots);
    mem_free(s->why);
    mem_free(s->name);
    mem_free(s->pull_path);
    mem_free(s->ack_path);
    mem_free(s->modify_path);
    mem_free(s);
    closed(arg);
}

static void end_if_idle(struct pull_subscriber *s)
{
    if (s->is_closing && s->lease_is_idle && s->n_pulling == 0 &&
        ack_queue_is_idle(s->acks) && ack_queue_is_idle(s->returns))
        loop_timer_arm(&s->end_timer, 0);
}

static void on_part_idle(void *arg)
{
    end_if_idle(arg);
}

static void on_lease_idle(void *arg)
{
    struct pull_subscriber *s = arg;

    s->lease_is_idle = true;
    end_if_idle(s);
}

static void on_grace_over(struct loop_timer *timer)
{
    struct pull_subscriber *s =
        LOOP_OWNER(timer, struct pull_subscriber, grace_timer);

    s->is_abandoned = true;
    ack_queue_abandon(s->acks);
    ack_queue_abandon(s->returns);
}

static void do_close(void *self, int64_t grace_us, void (*done)(void *arg),
                     void *arg)
{
    struct pull_subscriber *s = self;

    s->is_closing = true;
    s->closed = done;
    s->closed_arg = arg;
    loop_timer_cancel(&s->retry_timer);
    for (unsigned i = 0; i < s->n_slots; i++) {
        loop_timer_cancel(&s->slots[i].timer);
        google_cancel(&s->slots[i].call);
    }
    loop_timer_arm(&s->grace_timer, grace_us);
    lease_stop(s->lease, on_lease_idle, s);
    ack_queue_flush(s->acks);
    /* Given back while a Pull of ours still stands, a message would be handed
     * to it, and wait for its lease to end: the gathering time lets the
     * service see first that it is gone. */
    if (s->n_pulling == 0)
        ack_queue_flush(s->returns);
    end_if_idle(s);
}

static const struct subscriber_ops ops = {
    .pause = do_pause,
    .resume = do_resume,
    .ack = do_ack,
    .give_back = do_return,
    .close = do_close,
};

static void open_queues(struct pull_subscriber *s)
{
    struct ack_queue_config config = {
        .loop = s->loop,
        .google = s->google,
        .path = s->ack_path,
        .members = "",
        .verb = "acknowledge",
        .settled = on_settled,
        .on_idle = on_part_idle,
        .arg = s,
    };

    s->acks = ack_queue_new(&config);
    config.path = s->modify_path;
    config.members = ",\"ackDeadlineSeconds\":0";
    config.verb = "return";
    s->returns = ack_queue_new(&config);
    s->lease = lease_new(s->loop, s->google, s->modify_path, &s->batches);
}

struct subscriber *pull_subscriber_new(struct loop *loop, struct google *google,
                                       const struct subscriber_config *config)
{
    struct pull_subscriber *s = MEM_NEW(struct pull_subscriber);
    uint64_t seed;

    s->loop = loop;
    s->google = google;
    s->config = *config;
    s->name = pubsub_full_name(config->project, "subscriptions",
                               config->subscription);
    s->pull_path = pubsub_path(s->name, ":pull");
    s->ack_path = pubsub_path(s->name, ":acknowledge");
    s->modify_path = pubsub_path(s->name, ":modifyAckDeadline");
    rand_bytes(&seed, sizeof(seed));
    rand_seed(&s->rand, seed);
    flow_init(&s->flow, config->max_messages, config->max_bytes);
    s->n_slots = config->pulls < 1           ? 1
                 : config->pulls > MAX_PULLS ? MAX_PULLS
                                             : config->pulls;
    s->slots = MEM_ARRAY(struct pull_slot, s->n_slots);
    for (unsigned i = 0; i < s->n_slots; i++) {
        s->slots[i].owner = s;
        loop_timer_init(&s->slots[i].timer, loop, on_rested);
    }
    loop_timer_init(&s->retry_timer, loop, on_retry);
    loop_timer_init(&s->grace_timer, loop, on_grace_over);
    loop_timer_init(&s->end_timer, loop, on_end);
    open_queues(s);
    loop_timer_arm(&s->retry_timer, 0);
    return subscriber_new(&ops, s);
}
