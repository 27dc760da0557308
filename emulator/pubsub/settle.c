/* SPDX-License-Identifier: Apache-2.0 */
/* Acknowledgements and new deadlines of unary calls. An acknowledgement is
 * answered when it is kept. */
#include <stdlib.h>

#include "common/mem.h"
#include "emulator/pubsub/pubsub_priv.h"
#include "google/rpc/error_details.pb-c.h"
#include "grpc/wire.h"

enum {
    LEASE_MAX_S = 600,
    FAILED_MAX = 20000 /* told one by one in an answer's details */
};

bool settle_one(struct sub *sub, struct str ack_id, int64_t lease_us,
                int64_t now_us, enum sub_ack *out)
{
    uint64_t seq;
    uint32_t nonce;

    if (!ack_id_read(ack_id, sub->secret, &seq, &nonce))
        return false;
    if (lease_us < 0)
        *out = subcore_ack(&sub->core, seq, nonce, now_us);
    else
        *out = subcore_modack(&sub->core, seq, nonce, lease_us, now_us);
    sub->n_acked += lease_us < 0 && *out == SUB_ACK_DONE;
    sub->n_modacked += lease_us >= 0;
    return true;
}

/* --- order ---------------------------------------------------------------- */

struct place {
    uint64_t seq; /* UINT64_MAX: no id of this subscription */
    struct str id;
};

static int compare(const void *a, const void *b)
{
    const struct place *x = a, *y = b;

    return (x->seq > y->seq) - (x->seq < y->seq);
}

bool settle_needs_order(const struct sub *sub)
{
    return sub->core.rules.exactly_once && sub->core.rules.ordered;
}

void settle_in_order(const struct sub *sub, struct str *ids, size_t n)
{
    struct place *rows = MEM_ARRAY(struct place, n + 1);
    uint32_t nonce;

    for (size_t i = 0; i < n; i++) {
        rows[i] = (struct place){UINT64_MAX, ids[i]};
        (void)ack_id_read(ids[i], sub->secret, &rows[i].seq, &nonce);
    }
    qsort(rows, n, sizeof(*rows), compare);
    for (size_t i = 0; i < n; i++)
        ids[i] = rows[i].id;
    mem_free(rows);
}

/* --- answers -------------------------------------------------------------- */

/* Ids of an exactly-once subscription that could not be settled. */
struct failed {
    struct failed_id {
        struct str id; /* in the request */
        bool unordered;
    } * ids;
    size_t n, cap;
};

static void add_failed(struct failed *f, struct str id, bool unordered)
{
    if (f->n == FAILED_MAX)
        return;
    if (f->n == f->cap) {
        f->cap = f->cap ? f->cap * 2 : 16;
        f->ids = mem_realloc(f->ids, f->cap * sizeof(*f->ids));
    }
    f->ids[f->n++] = (struct failed_id){id, unordered};
}

/* google.rpc.ErrorInfo as the clients read it: id -> reason. */
static void refuse_failed(struct rpc_call *call, const struct failed *f)
{
    Google__Rpc__ErrorInfo info = GOOGLE__RPC__ERROR_INFO__INIT;
    Google__Rpc__ErrorInfo__MetadataEntry *rows =
        MEM_ARRAY(Google__Rpc__ErrorInfo__MetadataEntry, f->n);
    Google__Rpc__ErrorInfo__MetadataEntry **list =
        MEM_ARRAY(Google__Rpc__ErrorInfo__MetadataEntry *, f->n);

    for (size_t i = 0; i < f->n; i++) {
        google__rpc__error_info__metadata_entry__init(&rows[i]);
        rows[i].key = mem_strndup(f->ids[i].id.p, f->ids[i].id.len);
        /* what begins with TRANSIENT_ is tried again by the clients */
        rows[i].value =
            (char *)(uintptr_t)(f->ids[i].unordered
                                    ? "TRANSIENT_FAILURE_UNORDERED_ACK_ID"
                                    : "PERMANENT_FAILURE_INVALID_ACK_ID");
        list[i] = &rows[i];
    }
    info.reason = (char *)(uintptr_t) "EXACTLY_ONCE_ACKID_FAILURE";
    info.domain = (char *)(uintptr_t) "pubsub.googleapis.com";
    info.n_metadata = f->n;
    info.metadata = list;
    rpc_fail_detail(call, &info.base);
    rpc_fail(call, GRPC_INVALID_ARGUMENT,
             "Some acknowledgement ids in the request were invalid. This could "
             "be because the acknowledgement ids have expired or the "
             "acknowledgement ids were malformed.");
    for (size_t i = 0; i < f->n; i++)
        mem_free(rows[i].key);
    mem_free(list);
    mem_free(rows);
}

static void reply_empty(struct rpc_call *call)
{
    Google__Protobuf__Empty empty = GOOGLE__PROTOBUF__EMPTY__INIT;

    if (rpc_call_is_rest(call))
        rpc_reply(call, &empty.base);
    else
        rpc_reply_bytes(call, STR(""));
}

static void on_kept(struct storage_job *job)
{
    if (job->rc)
        refuse_storage(job->arg, job->err.text);
    else
        reply_empty(job->arg);
}

/* --- requests ------------------------------------------------------------- */

/* AcknowledgeRequest and ModifyAckDeadlineRequest, read in passing. */
struct settling {
    struct str subscription;
    bool acknowledges;
    int64_t lease_s;
    uint32_t id_field;
    size_t n;
};

static bool read_request(struct str bytes, struct settling *r)
{
    struct wire w = wire_of(bytes);
    struct wire_field f;

    r->subscription = STR("");
    r->n = 0;
    while (wire_next(&w, &f)) {
        if (f.number == 1 && f.type == WIRE_BYTES)
            r->subscription = f.bytes;
        else if (f.number == r->id_field && f.type == WIRE_BYTES)
            r->n++;
        else if (f.number == 3 && f.type == WIRE_VARINT && !r->acknowledges)
            r->lease_s = (int32_t)f.value;
    }
    return !wire_is_bad(&w);
}

/* What became of the ids; `bad`: the first that is no id at all. */
struct settled {
    struct failed failed;
    struct str bad;
};

static void settle_id(struct sub *sub, struct str id, int64_t lease_us,
                      int64_t now_us, struct settled *to)
{
    enum sub_ack got = SUB_ACK_REFUSED;

    if (!settle_one(sub, id, lease_us, now_us, &got) && !to->bad.p)
        to->bad = id;
    if (sub->core.rules.exactly_once &&
        (got == SUB_ACK_REFUSED || got == SUB_ACK_UNORDERED))
        add_failed(&to->failed, id, got == SUB_ACK_UNORDERED);
}

/* In passing, or as an array where their order matters. */
static void settle_all(struct sub *sub, struct str bytes,
                       const struct settling *r, struct settled *to)
{
    int64_t now_us = pubsub_now(sub->service);
    int64_t lease_us = r->acknowledges ? -1 : r->lease_s * US_PER_S;
    bool in_order = r->acknowledges && settle_needs_order(sub);
    struct str *ids = in_order ? MEM_ARRAY(struct str, r->n) : NULL;
    struct wire w = wire_of(bytes);
    struct wire_field f;
    size_t n = 0;

    while (wire_next(&w, &f)) {
        if (f.number != r->id_field || f.type != WIRE_BYTES)
            continue;
        if (in_order)
            ids[n++] = f.bytes;
        else
            settle_id(sub, f.bytes, lease_us, now_us, to);
    }
    if (in_order)
        settle_in_order(sub, ids, n);
    for (size_t i = 0; i < n; i++)
        settle_id(sub, ids[i], lease_us, now_us, to);
    mem_free(ids);
}

static void refuse_deadline(struct rpc_call *call, const struct pubsub *s,
                            int64_t seconds)
{
    if (is_strict(s))
        rpc_fail(call, GRPC_INVALID_ARGUMENT,
                 "Invalid ack deadline given (ack_deadline=%lld). The ack "
                 "deadline must be between 0 and 600 seconds.",
                 (long long)seconds);
    else
        rpc_fail(call, GRPC_INVALID_ARGUMENT,
                 seconds < 0 ? "Ack deadline cannot be negative"
                             : "ack_deadline_secs out of bounds");
}

static void refuse_id(struct rpc_call *call, const struct pubsub *s,
                      struct str id)
{
    if (is_strict(s))
        rpc_fail(call, GRPC_INVALID_ARGUMENT,
                 "You have passed an invalid ack ID to the service "
                 "(ack_id=%.*s).",
                 STR_ARG(id));
    else
        rpc_fail(call, GRPC_INVALID_ARGUMENT, "Invalid ack id (ack_id=%.*s)",
                 STR_ARG(id));
}

/* The first that is no id at all; p == NULL: none. Google's emulator looks at
 * them before it looks whether the deadline is too long. */
static struct str first_bad(const struct sub *sub, struct str bytes,
                            const struct settling *r)
{
    struct wire w = wire_of(bytes);
    struct wire_field f;
    uint64_t seq;
    uint32_t nonce;

    while (wire_next(&w, &f))
        if (f.number == r->id_field && f.type == WIRE_BYTES &&
            !ack_id_read(f.bytes, sub->secret, &seq, &nonce))
            return f.bytes;
    return STR_NULL;
}

/* The subscription of a request that is in order; NULL: refused. */
static struct sub *check(struct rpc_call *call, struct pubsub *s,
                         struct str bytes, struct settling *r)
{
    struct sub *sub;

    if (!read_request(bytes, r)) {
        rpc_fail(call, GRPC_INVALID_ARGUMENT, "The request is malformed");
        return NULL;
    }
    sub = sub_of(call, s, r->subscription);
    if (!sub)
        return NULL;
    if (r->n == 0) {
        rpc_fail(call, GRPC_INVALID_ARGUMENT, "%s",
                 is_strict(s)
                     ? "You have not specified an ack ID in the request."
                 : r->acknowledges ? "No ack ids specified."
                                   : "No ack ids specified");
        return NULL;
    }
    if (r->lease_s > LEASE_MAX_S || r->lease_s < 0) {
        struct str bad = is_strict(s) || r->lease_s < 0
                             ? STR_NULL
                             : first_bad(sub, bytes, r);

        if (bad.p)
            refuse_id(call, s, bad);
        else
            refuse_deadline(call, s, r->lease_s);
        return NULL;
    }
    return sub;
}

static void settle(struct rpc_call *call, struct pubsub *s, struct str bytes,
                   struct settling *r)
{
    struct sub *sub = check(call, s, bytes, r);
    struct settled to = {.bad = STR_NULL};

    if (!sub)
        return;
    sub_touch(sub);
    rpc_call_count(call, r->n);
    settle_all(sub, bytes, r, &to);
    keep_changed(sub);
    sub_due(sub);
    if (to.failed.n)
        refuse_failed(call, &to.failed);
    else if (to.bad.p)
        refuse_id(call, s, to.bad);
    else if (s->changed)
        keep_later(s, storage_job_new(on_kept, call));
    else
        reply_empty(call);
    mem_free(to.failed.ids);
}

static void run(struct rpc_call *call, ProtobufCMessage *in, struct pubsub *s,
                struct settling *r)
{
    struct buf scratch;

    buf_init(&scratch, SIZE_MAX / 4);
    settle(call, s, request_bytes(call, in, &scratch), r);
    buf_fini(&scratch);
    deliver_due(s);
}

void acknowledge_run(struct rpc_call *call, ProtobufCMessage *in, void *service)
{
    struct settling r = {.acknowledges = true, .id_field = 2};

    run(call, in, service, &r);
}

void modify_deadline_run(struct rpc_call *call, ProtobufCMessage *in,
                         void *service)
{
    struct settling r = {.id_field = 4};

    run(call, in, service, &r);
}
