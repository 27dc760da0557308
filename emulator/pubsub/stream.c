/* SPDX-License-Identifier: Apache-2.0 */
/* StreamingPull: messages as they come, within the client's flow control; pings
 * answered; acknowledgements within the stream, confirmed once they are kept
 * where the subscription is exactly-once. */
#include "common/mem.h"
#include "emulator/faults.h"
#include "emulator/pubsub/pubsub_priv.h"
#include "emulator/pubsub/request_counts.h"
#include "emulator/requests.h"
#include "grpc/grpc.h"
#include "grpc/wire.h"

enum {
    FRAME_MESSAGES = 1000,
    FRAME_BYTES = 1 << 20,
    LEASE_MIN_S = 10,
    LEASE_MAX_S = 600
};
#define METHOD "google.pubsub.v1.Subscriber/StreamingPull"

struct stream {
    struct grpc_call *call; /* NULL: has ended, only confirmations keep it */
    struct sub *sub;        /* NULL: not begun, or it was taken away */
    struct pubsub *service;
    struct taker *taker;
    struct stream *next; /* of the subscription: a ring-less list */
    int64_t lease_us;
    bool is_full; /* of what the client has not read yet */
    unsigned n_confirming;
    uint64_t n_delivered;
    int64_t start_us;
    char *name;
    struct fault fault;
    PB(StreamingPullRequest) * held; /* the first frame, while a fault waits */
    struct loop_timer timer;         /* of that */
};

const struct stream *stream_next(const struct stream *st)
{
    return st->next;
}

/* --- out ------------------------------------------------------------------ */

/* subscription_properties, field 4: exactly-once 1, ordering 2. */
static void put_properties(struct buf *out, const struct sub *sub)
{
    char bytes[4];
    size_t n = 0;

    if (sub->core.rules.exactly_once) {
        bytes[n++] = 1 << 3;
        bytes[n++] = 1;
    }
    if (sub->core.rules.ordered) {
        bytes[n++] = 2 << 3;
        bytes[n++] = 1;
    }
    wire_put_bytes(out, 4, str_of(bytes, n));
}

static void send(struct stream *st, struct buf *out)
{
    if (!st->call)
        return;
    if (!grpc_send_raw(st->call, buf_as_str(out)))
        st->is_full = true;
    request_counts_add(&st->sub->requests, REQUEST_STREAMING_PULL, GRPC_OK);
}

static void send_properties(struct stream *st)
{
    struct buf out;

    buf_init(&out, 64);
    put_properties(&out, st->sub);
    send(st, &out);
    buf_fini(&out);
}

void streams_tell_properties(struct sub *sub)
{
    for (struct stream *st = sub->streams; st; st = st->next)
        send_properties(st);
}

/* True if it took anything. */
static bool serve(struct stream *st, unsigned max)
{
    struct sub *sub = st->sub;
    struct buf out;
    unsigned n;
    bool any;

    if (st->is_full)
        return false;
    buf_init(&out, SIZE_MAX / 4);
    any =
        deliver_fill(sub, st->taker, st->lease_us, max, FRAME_BYTES, &out, &n);
    if (any) {
        if (st->fault.action == FAULT_DUPLICATE) {
            deliver_again(&out);
            n *= 2;
        }
        put_properties(&out, sub);
        st->n_delivered += n;
        send(st, &out);
    }
    buf_fini(&out);
    return any;
}

/* An even share for each of several streams. */
static unsigned share_of(const struct sub *sub)
{
    uint64_t there = sub->topic->log.end_seq - sub->core.next;
    unsigned n = 0;

    there += sub->core.ready.n;
    for (const struct stream *st = sub->streams; st; st = st->next)
        n += !st->is_full;
    if (n > 1)
        there = (there + n - 1) / n;
    return there < 1                ? 1
           : there > FRAME_MESSAGES ? FRAME_MESSAGES
                                    : (unsigned)there;
}

void streams_serve(struct sub *sub)
{
    unsigned share = share_of(sub), refused = 0, n = 0;

    if (hold_left_us(sub))
        return;
    for (const struct stream *st = sub->streams; st; st = st->next)
        n++;
    while (sub->streams && refused < n) {
        struct stream *st = sub->turn ? sub->turn : sub->streams;

        sub->turn = st->next;
        refused = serve(st, share) ? 0 : refused + 1;
    }
}

/* --- confirmations -------------------------------------------------------- */

/* What a stream's own acknowledgements came to; field numbers of
 * AcknowledgeConfirmation and ModifyAckDeadlineConfirmation. */
struct confirming {
    struct stream *stream;
    struct buf acked, modified;
};

static void stream_put(struct stream *st)
{
    if (st->call || st->n_confirming)
        return;
    if (st->held) {
        loop_timer_fini(&st->timer);
        pb_free(st->held);
    }
    mem_free(st->name);
    mem_free(st);
}

static void on_kept(struct storage_job *job)
{
    struct confirming *c = job->arg;
    struct stream *st = c->stream;
    struct buf out;

    buf_init(&out, SIZE_MAX / 4);
    if (job->rc == RC_OK && st->sub) {
        if (c->acked.len)
            wire_put_bytes(&out, 5, buf_as_str(&c->acked));
        if (c->modified.len)
            wire_put_bytes(&out, 3, buf_as_str(&c->modified));
        put_properties(&out, st->sub);
        send(st, &out);
    }
    buf_fini(&out);
    buf_fini(&c->acked);
    buf_fini(&c->modified);
    mem_free(c);
    st->n_confirming--;
    stream_put(st);
}

static void acknowledge(struct stream *st, const PB(StreamingPullRequest) * in,
                        int64_t now_us, struct buf *confirmed)
{
    struct str *ids = MEM_ARRAY(struct str, in->n_ack_ids + 1);

    for (size_t i = 0; i < in->n_ack_ids; i++)
        ids[i] = str_from(in->ack_ids[i]);
    if (settle_needs_order(st->sub))
        settle_in_order(st->sub, ids, in->n_ack_ids);
    for (size_t i = 0; i < in->n_ack_ids; i++) {
        enum sub_ack got = SUB_ACK_REFUSED;

        (void)settle_one(st->sub, ids[i], -1, now_us, &got);
        wire_put_bytes(confirmed,
                       got == SUB_ACK_REFUSED     ? 2
                       : got == SUB_ACK_UNORDERED ? 3
                                                  : 1,
                       ids[i]);
    }
    mem_free(ids);
}

static void settle(struct stream *st, const PB(StreamingPullRequest) * in)
{
    struct sub *sub = st->sub;
    int64_t now_us = pubsub_now(st->service);
    struct confirming *c = MEM_NEW(struct confirming);

    buf_init(&c->acked, SIZE_MAX / 4);
    buf_init(&c->modified, SIZE_MAX / 4);
    acknowledge(st, in, now_us, &c->acked);
    for (size_t i = 0; i < in->n_modify_deadline_ack_ids; i++) {
        struct str id = str_from(in->modify_deadline_ack_ids[i]);
        enum sub_ack got = SUB_ACK_REFUSED;

        (void)settle_one(sub, id, in->modify_deadline_seconds[i] * US_PER_S,
                         now_us, &got);
        wire_put_bytes(&c->modified, got == SUB_ACK_REFUSED ? 2 : 1, id);
    }
    keep_changed(sub);
    sub_due(sub);
    if (!sub->core.rules.exactly_once) {
        buf_fini(&c->acked);
        buf_fini(&c->modified);
        mem_free(c);
        return;
    }
    c->stream = st;
    st->n_confirming++;
    keep_later(st->service, storage_job_new(on_kept, c));
}

/* --- ends ----------------------------------------------------------------- */

static void leave(struct stream *st)
{
    struct sub *sub = st->sub;
    struct stream **at = &sub->streams;

    while (*at != st)
        at = &(*at)->next;
    *at = st->next;
    if (sub->turn == st)
        sub->turn = st->next;
    subcore_close_taker(&sub->core, st->taker, pubsub_now(st->service));
    st->taker = NULL;
    st->sub = NULL;
    sub_due(sub);
}

static void note(const struct stream *st, enum grpc_status status)
{
    struct request_note n = {
        .service = STR("pubsub"),
        .method = STR(METHOD),
        .resource = str_from(st->name ? st->name : ""),
        .transport = "grpc",
        .status = status,
        .start_us = st->start_us,
        .n = st->n_delivered,
        .fault = faults_name(st->fault.action),
    };

    requests_add(st->service->e->requests, &n);
}

/* The stream is no more after this, unless the client ends it itself. */
static void finish(struct stream *st, enum grpc_status status, const char *text)
{
    struct grpc_call *call = st->call;

    if (st->sub && status)
        request_counts_add(&st->sub->requests, REQUEST_STREAMING_PULL, status);
    if (st->sub)
        leave(st);
    if (!call)
        return;
    note(st, status);
    st->call = NULL;
    grpc_call_set_user(call, NULL);
    grpc_finish(call, status, text, NULL);
    stream_put(st);
}

void streams_end(struct sub *sub, enum grpc_status status, const char *text)
{
    while (sub->streams)
        finish(sub->streams, status, text);
}

/* --- in ------------------------------------------------------------------- */

/* What the fault does at the stream's begin, its delay past; true: it has
 * ended, or will never begin. */
static bool inject(struct stream *st)
{
    switch (st->fault.action) {
    case FAULT_ERROR:
        finish(st, (enum grpc_status)st->fault.status, st->fault.message);
        return true;
    case FAULT_RESET: {
        struct grpc_call *call = st->call;

        note(st, GRPC_UNAVAILABLE);
        st->call = NULL;
        grpc_call_set_user(call, NULL);
        http_abort(grpc_call_request(call), 2 /* INTERNAL_ERROR */);
        stream_put(st);
        return true;
    }
    case FAULT_DROP:
        return true;
    default:
        return false;
    }
}

static const char *first_is_wrong(const PB(StreamingPullRequest) * in,
                                  bool strict)
{
    static const char subscription[] =
        "The first message must set subscription";
    static const char deadline[] =
        "The first message must set stream_ack_deadline_seconds";
    size_t article = strict ? 0 : strlen("The ");

    if (!*in->subscription)
        return subscription + article;
    if (in->stream_ack_deadline_seconds == 0)
        return deadline + article;
    return NULL;
}

static const char *is_wrong(const PB(StreamingPullRequest) * in)
{
    int32_t lease = in->stream_ack_deadline_seconds;

    if (lease != 0 && (lease < LEASE_MIN_S || lease > LEASE_MAX_S))
        return "stream_ack_deadline_seconds must be between 10 and 600 seconds";
    if (in->n_modify_deadline_seconds != in->n_modify_deadline_ack_ids)
        return "ack IDs and deadlines must have the same size";
    for (size_t i = 0; i < in->n_modify_deadline_seconds; i++)
        if (in->modify_deadline_seconds[i] < 0 ||
            in->modify_deadline_seconds[i] > LEASE_MAX_S)
            return "Deadlines must be between 0 and 600 seconds";
    return NULL;
}

/* False: it has ended (and `st` may be no more). */
static bool open_on(struct stream *st, const PB(StreamingPullRequest) * in)
{
    struct pubsub *s = st->service;
    struct sub *sub = sub_find(s, str_from(in->subscription));
    enum grpc_status status;
    const char *text;

    if (!sub) {
        char *why = missing_text(s, "subscriptions", str_from(in->subscription),
                                 &status);

        finish(st, status, why);
        mem_free(why);
        return false;
    }
    status = s->draining ? GRPC_UNAVAILABLE : sub_refuses_pull(sub, &text);
    if (status) {
        finish(st, status, s->draining ? "The emulator is stopping" : text);
        return false;
    }
    st->sub = sub;
    st->taker = taker_new();
    if (in->max_outstanding_messages > 0)
        st->taker->max_messages = (uint64_t)in->max_outstanding_messages;
    if (in->max_outstanding_bytes > 0)
        st->taker->max_bytes = (uint64_t)in->max_outstanding_bytes;
    st->next = sub->streams;
    sub->streams = st;
    return true;
}

/* A ping: the client wants to hear that the stream lives. */
static bool is_ping(const PB(StreamingPullRequest) * in)
{
    return in->n_ack_ids == 0 && in->n_modify_deadline_ack_ids == 0 &&
           in->stream_ack_deadline_seconds == 0;
}

/* A frame of a stream that is open: its first, or a later one. */
static void take(struct stream *st, const PB(StreamingPullRequest) * in,
                 bool first)
{
    const char *wrong = is_wrong(in);

    if (!wrong && !first && *in->subscription)
        wrong = "subscription may only be set in first message";
    if (!wrong && !first &&
        (in->max_outstanding_messages || in->max_outstanding_bytes ||
         in->protocol_version))
        wrong = "Flow control and protocol_version may only be set in the "
                "first message";
    if (wrong) {
        finish(st, GRPC_INVALID_ARGUMENT, wrong);
        return;
    }
    sub_touch(st->sub);
    if (in->stream_ack_deadline_seconds)
        st->lease_us = in->stream_ack_deadline_seconds * US_PER_S;
    if (in->n_ack_ids || in->n_modify_deadline_ack_ids)
        settle(st, in);
    if (!first && is_ping(in))
        send_properties(st);
    sub_due(st->sub);
    /* Who does not read our answers is not heard either until they do: what
     * waits for them has an end. */
    if (st->is_full)
        grpc_call_pause(st->call);
}

static void begin(struct stream *st, const PB(StreamingPullRequest) * in)
{
    if (!inject(st) && open_on(st, in))
        take(st, in, true);
}

static void on_delay(struct loop_timer *timer)
{
    struct stream *st = LOOP_OWNER(timer, struct stream, timer);
    struct pubsub *s = st->service;
    PB(StreamingPullRequest) *in = st->held;

    loop_timer_fini(&st->timer);
    st->held = NULL;
    grpc_call_resume(st->call);
    begin(st, in);
    pb_free(in);
    deliver_due(s);
}

/* The later frames wait with the first, in the connection. */
static void hold(struct stream *st, PB(StreamingPullRequest) * in)
{
    grpc_call_keep_message(st->call);
    grpc_call_pause(st->call);
    st->held = in;
    loop_timer_init(&st->timer, st->service->e->loop, on_delay);
    loop_timer_arm(&st->timer, st->fault.latency_us);
}

static void on_first_frame(struct stream *st, PB(StreamingPullRequest) * in)
{
    struct pubsub *s = st->service;
    const char *text = first_is_wrong(in, is_strict(s));

    st->name = mem_strdup(in->subscription);
    if (text)
        finish(st, GRPC_INVALID_ARGUMENT, text);
    else if (faults_match(s->e->faults, STR("pubsub"), STR(METHOD),
                          str_from(in->subscription), &st->fault) &&
             st->fault.latency_us)
        hold(st, in);
    else
        begin(st, in);
}

static void on_message(struct grpc_call *call, ProtobufCMessage *message,
                       struct str raw, void *app)
{
    struct pubsub *s = app;
    struct stream *st = grpc_call_user(call);

    (void)raw;
    if (!st) {
        st = MEM_NEW(struct stream);
        st->call = call;
        st->service = s;
        st->start_us = http_req_start_us(grpc_call_request(call));
        grpc_call_set_user(call, st);
        on_first_frame(st, (PB(StreamingPullRequest) *)message);
    } else if (st->sub) {
        take(st, (PB(StreamingPullRequest) *)message, false);
    } /* else a fault's: it is never answered */
    deliver_due(s);
}

static void on_half_close(struct grpc_call *call, void *app)
{
    struct stream *st = grpc_call_user(call);

    if (st)
        finish(st, GRPC_OK, NULL);
    else
        grpc_finish(call, GRPC_INVALID_ARGUMENT,
                    "The first message must set subscription", NULL);
    deliver_due(app);
}

static void on_writable(struct grpc_call *call, void *app)
{
    struct stream *st = grpc_call_user(call);

    if (!st || !st->sub)
        return;
    st->is_full = false;
    grpc_call_resume(call);
    sub_due(st->sub);
    deliver_due(app);
}

static void on_close(struct grpc_call *call, void *app)
{
    struct stream *st = grpc_call_user(call);

    if (!st)
        return;
    note(st, GRPC_CANCELLED);
    if (st->sub)
        leave(st);
    st->call = NULL;
    stream_put(st);
    deliver_due(app);
}

const struct grpc_method pubsub_streams[] = {
    {.path = "/" METHOD,
     .input = &google__pubsub__v1__streaming_pull_request__descriptor,
     .client_streams = true,
     .on_message = on_message,
     .on_half_close = on_half_close,
     .on_writable = on_writable,
     .on_close = on_close},
};
const size_t pubsub_n_streams =
    sizeof(pubsub_streams) / sizeof(pubsub_streams[0]);
