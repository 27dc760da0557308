/* SPDX-License-Identifier: Apache-2.0 */
/* One push request, from its lease to its answer, with what the fault table
 * does to it. */
#include "common/mem.h"
#include "emulator/pubsub/pubsub_priv.h"
#include "emulator/pubsub/push_priv.h"
#include "emulator/requests.h"

enum {
    ANSWER_MAX = 64 << 10, /* an error's body, which nobody reads */
    BODY_AROUND = 512      /* of an envelope, beside the message's own bytes */
};
#define METHOD "google.pubsub.v1.Subscriber/Push"
/* As production names itself to endpoints. */
#define AGENT                                                                  \
    "APIs-Google; (+https://developers.google.com/webmasters/"                 \
    "APIs-Google.html)"
#define CONNECT_US (10 * US_PER_S)

/* --- the end -------------------------------------------------------------- */

static void note(const struct push_call *c, enum push_result result, int status)
{
    static const int codes[] = {[PUSH_ACK] = GRPC_OK,
                                [PUSH_DEADLINE] = GRPC_DEADLINE_EXCEEDED,
                                [PUSH_INTERNAL] = GRPC_CANCELLED,
                                [PUSH_INVALID] = GRPC_UNKNOWN,
                                [PUSH_REMOTE_4XX] = GRPC_FAILED_PRECONDITION,
                                [PUSH_REMOTE_5XX] = GRPC_UNAVAILABLE,
                                [PUSH_UNREACHABLE] = GRPC_UNAVAILABLE};
    static const char *const faults[] = {[FAULT_NONE] = NULL,
                                         [FAULT_ERROR] = "error",
                                         [FAULT_DELAY] = "delay",
                                         [FAULT_DROP] = "drop",
                                         [FAULT_DUPLICATE] = "duplicate",
                                         [FAULT_RESET] = "reset"};
    struct request_note n = {.service = STR("pubsub"),
                             .method = STR(METHOD),
                             .resource = str_from(c->name),
                             .transport = "push",
                             .status = codes[result],
                             .http_status = status,
                             .start_us = c->start_us,
                             .n = 1,
                             .fault = faults[c->fault.action]};

    requests_add(c->pool->service->e->requests, &n);
}

static void end(struct push_call *c, enum push_result result, int status)
{
    c->step = PUSH_OVER;
    note(c, result, status);
    push_ended(c, result, status);
}

static void send_it(struct push_call *c);

static void on_answered(struct http_call *http)
{
    struct push_call *c = LOOP_OWNER(http, struct push_call, http);

    if (c->step == PUSH_OVER)
        end(c, c->stopped, 0);
    else if (c->fault.action == FAULT_DUPLICATE && !c->is_repeat) {
        c->is_repeat = true;
        send_it(c);
    } else if (c->fault.action == FAULT_RESET)
        end(c, PUSH_UNREACHABLE, 0);
    else if (http->rc == RC_TIMEOUT)
        end(c, PUSH_DEADLINE, 0);
    else if (http->rc == RC_OK || http->status >= 300)
        end(c, push_result_of(http->status), http->status);
    else
        end(c, PUSH_UNREACHABLE, 0);
}

/* --- the request ---------------------------------------------------------- */

/* A success' body is of no interest, and may be of any size. */
static void on_data(struct http_call *http, struct str bytes)
{
    (void)http;
    (void)bytes;
}

static void send_it(struct push_call *c)
{
    c->step = PUSH_SENT;
    http_call_start(c->pool->client, &c->http);
}

static void on_timer(struct loop_timer *timer)
{
    struct push_call *c = LOOP_OWNER(timer, struct push_call, timer);

    if (c->step == PUSH_SEND) {
        send_it(c);
        return;
    }
    if (c->step == PUSH_OVER)
        end(c, c->stopped, 0);
    else if (c->step == PUSH_EXPIRE)
        end(c, PUSH_DEADLINE, 0);
    else
        end(c, push_result_of(c->fault.http_status), c->fault.http_status);
}

static void add_field(struct push_call *c, const char *name, const char *value)
{
    c->http.fields[c->http.n_fields++] =
        (struct http_call_field){.name = name, .value = value};
}

static void write_request(struct push_call *c, const struct sub *sub,
                          const struct delivery *d)
{
    const PB(PushConfig) *config = sub->config->push_config;
    struct push_message m = {.message = d->message,
                             .id = d->id,
                             .publish_us = d->publish_us,
                             .attempt =
                                 sub->core.rules.max_attempts ? d->attempt : 0,
                             .subscription = sub->name};

    buf_init(&c->body, SIZE_MAX / 4);
    add_field(c, "user-agent", AGENT);
    add_field(c, "accept", "application/json");
    if (c->token)
        add_field(c, "authorization", c->token);
    if (config->wrapper_case ==
        GOOGLE__PUBSUB__V1__PUSH_CONFIG__WRAPPER_NO_WRAPPER) {
        buf_str(&c->body, message_data(d->message));
        if (config->no_wrapper->write_metadata)
            push_fields_put(&c->fields, &m);
        /* none but the message's own */
        add_field(c, "content-type", NULL);
    } else {
        /* in one piece, and no larger than it need be */
        (void)buf_reserve(&c->body, d->message.len / 3 * 4 + BODY_AROUND);
        push_body_wrap(&c->body, &m);
        add_field(c, "content-type", "application/json");
    }
    c->http.more = c->fields.rows;
    c->http.n_more = c->fields.n;
    c->http.body = buf_as_str(&c->body);
}

/* What the fault table has for it decides the first step. */
static void ask_faults(struct push_call *c)
{
    struct emulator *e = c->pool->service->e;
    int64_t wait_us = 0;

    c->step = PUSH_SEND;
    if (faults_match(e->faults, STR("pubsub"), STR(METHOD), str_from(c->name),
                     &c->fault))
        wait_us = c->fault.latency_us;
    if (c->fault.action == FAULT_ERROR)
        c->step = PUSH_FAIL;
    else if (c->fault.action == FAULT_DROP || wait_us >= c->deadline_us)
        c->step = PUSH_EXPIRE;
    if (c->step == PUSH_EXPIRE || wait_us > c->deadline_us)
        wait_us = c->deadline_us;
    if (c->step == PUSH_SEND && wait_us == 0) {
        send_it(c);
        return;
    }
    c->http.total_us -= c->step == PUSH_SEND ? wait_us : 0;
    loop_timer_arm(&c->timer, wait_us);
}

void push_call_start(struct push *p, struct taker *taker,
                     const struct delivery *d)
{
    struct push_call *c = MEM_NEW(struct push_call);
    struct sub *sub = p->sub;
    struct pubsub *s = sub->service;

    c->push = p;
    c->pool = s->push_pool;
    c->taker = taker;
    c->seq = d->seq;
    c->nonce = d->nonce;
    c->round = p->pace.round;
    c->start_us = loop_now_us(s->e->loop);
    c->deadline_us = sub->core.rules.lease_us;
    c->url = mem_strdup(p->endpoint);
    c->token = p->token ? mem_strdup(p->token) : NULL;
    c->name = mem_strdup(sub->name);
    loop_timer_init(&c->timer, s->e->loop, on_timer);
    c->http = (struct http_call){
        .method = "POST",
        .url = c->url,
        .insecure = s->e->push_insecure,
        .ends_at_102 = true,
        .max_response = ANSWER_MAX,
        .connect_us = c->deadline_us < CONNECT_US ? c->deadline_us : CONNECT_US,
        .total_us = c->deadline_us,
        .on_data = on_data,
        .done = on_answered};
    write_request(c, sub, d);
    push_call_link(c, &p->calls);
    push_room_take(c);
    ask_faults(c);
}

void push_call_stop(struct push_call *c, enum push_result result)
{
    bool is_sent = c->step == PUSH_SENT;

    if (c->step == PUSH_OVER)
        return;
    c->step = PUSH_OVER;
    c->stopped = result;
    if (is_sent)
        http_call_cancel(&c->http);
    else
        loop_timer_arm(&c->timer, 0);
}

void push_call_link(struct push_call *c, struct push_call **list)
{
    c->list = list;
    c->prev = NULL;
    c->next = *list;
    if (c->next)
        c->next->prev = c;
    *list = c;
}

void push_call_unlink(struct push_call *c)
{
    *(c->prev ? &c->prev->next : c->list) = c->next;
    if (c->next)
        c->next->prev = c->prev;
}

void push_call_free(struct push_call *c)
{
    loop_timer_fini(&c->timer);
    http_call_fini(&c->http);
    push_fields_fini(&c->fields);
    buf_fini(&c->body);
    mem_free(c->name);
    mem_free(c->url);
    mem_free(c->token);
    mem_free(c);
}
