/* SPDX-License-Identifier: Apache-2.0 */
/* Unary pulls: answered with what is there, or when something comes, or empty
 * after a while. */
#include "common/mem.h"
#include "emulator/pubsub/pubsub_priv.h"
#include "grpc/wire.h"

enum {
    PULL_MAX = 1000,        /* messages in one answer, as production */
    ANSWER_BYTES = 4 << 20, /* and bytes, but for one large message */
    SLACK_US = 100000       /* answered so long before the deadline */
};
#define WAIT_US (7 * US_PER_S) /* as Google's emulator */
#define LOAD_US US_PER_S       /* what is on disk has to be read first */

struct pull {
    struct rpc_call *call;
    struct sub *sub;
    unsigned max;
    struct loop_timer timer;
    struct pull *next;
};

static void reply(struct rpc_call *call, struct str bytes, unsigned n)
{
    ProtobufCMessage *m;

    rpc_call_count(call, n);
    if (!rpc_call_is_rest(call)) {
        rpc_reply_bytes(call, bytes);
        return;
    }
    m = protobuf_c_message_unpack(
        &google__pubsub__v1__pull_response__descriptor, NULL, bytes.len,
        (const uint8_t *)bytes.p);
    if (m)
        rpc_reply(call, m);
    else
        rpc_fail(call, GRPC_RESOURCE_EXHAUSTED, "No memory for the answer");
    pb_free(m);
}

/* Answers the call if there is anything. */
static bool serve(struct sub *sub, struct rpc_call *call, unsigned max)
{
    struct taker *t = taker_new();
    struct buf out;
    unsigned n;
    bool any;

    buf_init(&out, SIZE_MAX / 4);
    any = deliver_fill(sub, t, sub->core.rules.lease_us, max, ANSWER_BYTES,
                       &out, &n);
    subcore_close_taker(&sub->core, t, pubsub_now(sub->service));
    if (any && rpc_call_is_doubled(call)) {
        deliver_again(&out);
        n *= 2;
    }
    if (any)
        reply(call, buf_as_str(&out), n);
    buf_fini(&out);
    return any;
}

/* --- those that wait ------------------------------------------------------ */

static struct rpc_call *leave(struct pull *p)
{
    struct sub *sub = p->sub;
    struct rpc_call *call = p->call;
    struct pull **at = &sub->pulls;

    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    if (!*at)
        sub->last_pull = at;
    loop_timer_fini(&p->timer);
    mem_free(p);
    return call;
}

static void on_wait_over(struct loop_timer *timer)
{
    struct pull *p = LOOP_OWNER(timer, struct pull, timer);

    reply(leave(p), STR(""), 0);
}

static void on_gone(struct rpc_call *call, void *user)
{
    leave(user);
    rpc_fail(call, GRPC_CANCELLED, "The client has gone");
}

static void wait(struct sub *sub, struct rpc_call *call, unsigned max,
                 int64_t us)
{
    struct pull *p = MEM_NEW(struct pull);
    int64_t deadline_us = rpc_call_deadline_us(call);
    int64_t now_us = loop_now_us(sub->service->e->loop);

    *p = (struct pull){.call = call, .sub = sub, .max = max};
    if (deadline_us != INT64_MAX && deadline_us - SLACK_US - now_us < us)
        us = deadline_us - SLACK_US - now_us;
    *sub->last_pull = p;
    sub->last_pull = &p->next;
    loop_timer_init(&p->timer, sub->service->e->loop, on_wait_over);
    loop_timer_arm(&p->timer, us > 0 ? us : 0);
    rpc_call_on_cancel(call, on_gone, p);
}

void pulls_serve(struct sub *sub)
{
    while (sub->pulls) {
        struct pull *p = sub->pulls;

        if (rpc_call_peer_is_done(p->call)) {
            rpc_fail(leave(p), GRPC_CANCELLED, "The client has gone");
            continue;
        }
        if (!serve(sub, p->call, p->max))
            return;
        (void)leave(p);
    }
}

void pulls_end(struct sub *sub, enum grpc_status status, const char *text)
{
    while (sub->pulls)
        rpc_fail(leave(sub->pulls), status, "%s", text);
}

/* --- the call ------------------------------------------------------------- */

struct pull_request {
    struct str subscription;
    bool at_once;
    int32_t max;
};

static bool read_request(struct str bytes, struct pull_request *out)
{
    struct wire w = wire_of(bytes);
    struct wire_field f;

    *out = (struct pull_request){.subscription = STR("")};
    while (wire_next(&w, &f)) {
        if (f.number == 1 && f.type == WIRE_BYTES)
            out->subscription = f.bytes;
        if (f.number == 2 && f.type == WIRE_VARINT)
            out->at_once = f.value != 0;
        if (f.number == 3 && f.type == WIRE_VARINT)
            out->max = (int32_t)f.value;
    }
    return !wire_is_bad(&w);
}

static void pull(struct rpc_call *call, struct pubsub *s, struct str bytes)
{
    struct pull_request r;
    enum grpc_status refused;
    const char *why;
    struct sub *sub;

    if (!read_request(bytes, &r)) {
        rpc_fail(call, GRPC_INVALID_ARGUMENT, "The request is no PullRequest");
        return;
    }
    sub = sub_of(call, s, r.subscription);
    if (!sub)
        return;
    refused = sub_refuses_pull(sub, &why);
    if (refused) {
        rpc_fail(call, refused, "%s", why);
        return;
    }
    if (r.max <= 0) {
        rpc_fail(call, GRPC_INVALID_ARGUMENT, "%s",
                 is_strict(s) ? "You have passed an invalid argument to the "
                                "service (argument=max_messages)."
                              : "No max_messages specified");
        return;
    }
    sub_touch(sub);
    /* Leases that ran out by now come first. */
    subcore_tick(&sub->core, pubsub_now(s));
    sub_due(sub);
    if (r.max > PULL_MAX)
        r.max = PULL_MAX;
    /* Those who came before have waited longer. */
    if (!sub->pulls && serve(sub, call, (unsigned)r.max))
        return;
    if (r.at_once && !sub->is_loading)
        reply(call, STR(""), 0);
    else if (s->draining)
        rpc_fail(call, GRPC_UNAVAILABLE, "The emulator is stopping");
    else
        wait(sub, call, (unsigned)r.max, r.at_once ? LOAD_US : WAIT_US);
}

void pull_run(struct rpc_call *call, ProtobufCMessage *in, void *service)
{
    struct pubsub *s = service;
    struct buf scratch;

    buf_init(&scratch, SIZE_MAX / 4);
    pull(call, s, request_bytes(call, in, &scratch));
    buf_fini(&scratch);
    deliver_due(s);
}
