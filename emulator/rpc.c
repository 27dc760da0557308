/* SPDX-License-Identifier: Apache-2.0 */
/* One call from its message to its end, whatever carried it. */
#include "common/clock.h"
#include "common/mem.h"
#include "emulator/partial.h"
#include "emulator/requests.h"
#include "emulator/rpc_priv.h"
#include "emulator/service.h"
#include "emulator/transcode.h"
#include "grpc/wire.h"

static struct str method_name(const struct rpc_method *method)
{
    return str_from(method->path + 1);
}

static struct str resource_of(const struct rpc_call *call)
{
    if (call->resource_len)
        return str_of(call->resource, call->resource_len);
    if (!call->method->resource || !call->in)
        return STR("");
    return str_from(transcode_get(call->in, call->method->resource));
}

struct rpc_call *rpc_call_new(struct rpc *rpc, const struct rpc_method *method,
                              ProtobufCMessage *in)
{
    struct rpc_call *call = mem_alloc(sizeof(*call));

    call->rpc = rpc;
    call->method = method;
    call->in = in;
    call->deadline_us = INT64_MAX;
    call->start_us = clock_mono_us();
    buf_init(&call->details_json, 8 << 20);
    rpc->n_open++;
    return call;
}

void rpc_call_set_raw(struct rpc_call *call, struct str raw)
{
    struct wire w = wire_of(raw);
    struct wire_field f;

    call->raw = raw;
    if (!call->method->raw || !wire_next(&w, &f) || f.number != 1 ||
        f.type != WIRE_BYTES)
        return;
    call->resource_len =
        f.bytes.len < RPC_MAX_NOTED ? f.bytes.len : RPC_MAX_NOTED;
    memcpy(call->resource, f.bytes.p, call->resource_len);
}

static void run(struct rpc_call *call)
{
    call->method->run(call, call->in, call->rpc->service);
}

static void inject(struct rpc_call *call)
{
    switch (call->fault.action) {
    case FAULT_ERROR:
        rpc_fail(call, (enum grpc_status)call->fault.status, "%s",
                 call->fault.message);
        break;
    case FAULT_DROP:
        call->dropped = true;
        if (!call->grpc && !call->req)
            rpc_fail(call, GRPC_UNAVAILABLE, "Dropped by a fault rule");
        break;
    default:
        run(call);
        break;
    }
}

static void on_delay(struct loop_timer *timer)
{
    inject(LOOP_OWNER(timer, struct rpc_call, timer));
}

void rpc_begin(struct rpc_call *call)
{
    struct rpc *rpc = call->rpc;

    if (!faults_match(rpc->emulator->faults, str_from(rpc->name),
                      method_name(call->method), resource_of(call),
                      &call->fault)) {
        run(call);
        return;
    }
    if (call->fault.latency_us == 0) {
        inject(call);
        return;
    }
    /* what the connection lent will be gone by then */
    if (call->raw.p)
        call->raw_copy = mem_strndup(call->raw.p, call->raw.len);
    call->raw.p = call->raw_copy;
    call->has_timer = true;
    loop_timer_init(&call->timer, rpc->emulator->loop, on_delay);
    loop_timer_arm(&call->timer, call->fault.latency_us);
}

void rpc_end(struct rpc_call *call, enum grpc_status status, int http_status)
{
    struct rpc *rpc = call->rpc;
    struct request_note note = {
        .service = str_from(rpc->name),
        .method = method_name(call->method),
        .resource = resource_of(call),
        .transport = call->is_rest ? "rest" : "grpc",
        .status = status,
        .http_status = http_status,
        .start_us = call->start_us,
        .n = call->n,
        .fault = faults_name(call->fault.action),
    };

    requests_add(rpc->emulator->requests, &note);
    if (rpc->ended)
        rpc->ended(rpc->service, call->method, note.resource, status);
    if (call->has_timer)
        loop_timer_fini(&call->timer);
    for (size_t i = 0; i < call->n_details; i++)
        mem_free(call->details[i].data);
    buf_fini(&call->details_json);
    partial_free(call->form.fields);
    mem_free(call->raw_copy);
    if (call->in)
        protobuf_c_message_free_unpacked(call->in, NULL);
    if (call->grpc)
        grpc_call_set_user(call->grpc, NULL);
    if (call->req)
        http_req_set_user(call->req, NULL);
    rpc->n_open--;
    mem_free(call);
}

void rpc_client_gone(struct rpc_call *call)
{
    call->grpc = NULL;
    call->req = NULL;
    if (call->dropped)
        rpc_end(call, GRPC_CANCELLED, 0);
    else if (call->gone)
        call->gone(call, call->gone_user);
}

/* --- answers -------------------------------------------------------------- */

/* The fault says: it was done, nobody hears of it. */
static bool cut(struct rpc_call *call)
{
    struct http_req *req =
        call->grpc ? grpc_call_request(call->grpc) : call->req;

    if (call->fault.action != FAULT_RESET || !req)
        return false;
    rpc_end(call, GRPC_UNAVAILABLE, 0);
    http_abort(req, 2 /* INTERNAL_ERROR */);
    return true;
}

static void render(const struct rpc_call *call, const ProtobufCMessage *m,
                   struct buf *out)
{
    transcode_write_as(m,
                       &(struct transcode_form){call->form.compact,
                                                call->form.enum_numbers,
                                                call->form.fields},
                       out);
    buf_putc(out, '\n');
}

static void reply_json(struct rpc_call *call, struct str json)
{
    if (call->req)
        rpc_rest_answer(call->req, 200, json);
    if (call->done)
        call->done(call->done_arg, GRPC_OK, json);
}

void rpc_reply(struct rpc_call *call, const ProtobufCMessage *out)
{
    struct buf json;

    if (cut(call))
        return;
    if (call->grpc) {
        struct grpc_call *grpc = call->grpc;

        grpc_reply(grpc, out);
    } else if (call->req || call->done) {
        buf_init(&json, SIZE_MAX / 4);
        render(call, out, &json);
        if (json.failed) {
            buf_fini(&json);
            rpc_fail(call, GRPC_RESOURCE_EXHAUSTED, "No memory for the answer");
            return;
        }
        reply_json(call, buf_as_str(&json));
        buf_fini(&json);
    }
    rpc_end(call, GRPC_OK, call->is_rest ? 200 : 0);
}

void rpc_reply_bytes(struct rpc_call *call, struct str bytes)
{
    if (cut(call))
        return;
    if (call->grpc) {
        struct grpc_call *grpc = call->grpc;

        grpc_send_raw(grpc, bytes);
        grpc_finish(grpc, GRPC_OK, NULL, NULL);
    } else {
        reply_json(call, bytes);
    }
    rpc_end(call, GRPC_OK, call->is_rest ? 200 : 0);
}

/* --- what a method may ask ------------------------------------------------ */

bool rpc_call_is_rest(const struct rpc_call *call)
{
    return call->is_rest;
}

bool rpc_call_is_doubled(const struct rpc_call *call)
{
    return call->fault.action == FAULT_DUPLICATE;
}

struct str rpc_call_raw(const struct rpc_call *call)
{
    return call->raw;
}

int64_t rpc_call_deadline_us(const struct rpc_call *call)
{
    return call->deadline_us;
}

void rpc_call_on_cancel(struct rpc_call *call,
                        void (*gone)(struct rpc_call *call, void *user),
                        void *user)
{
    call->gone = gone;
    call->gone_user = user;
}

bool rpc_call_peer_is_done(const struct rpc_call *call)
{
    return call->req && http_req_peer_is_done(call->req);
}

struct str rpc_call_field(const struct rpc_call *call, struct str name)
{
    struct http_req *req =
        call->grpc ? grpc_call_request(call->grpc) : call->req;

    return req ? http_req_field(req, name) : (struct str){0};
}

void rpc_call_count(struct rpc_call *call, uint64_t n)
{
    call->n = n;
}

int64_t rpc_call_start_us(const struct rpc_call *call)
{
    return call->start_us;
}

void rpc_on_ended(struct rpc *rpc,
                  void (*ended)(void *service, const struct rpc_method *method,
                                struct str resource, enum grpc_status status))
{
    rpc->ended = ended;
}

size_t rpc_n_open(const struct rpc *rpc)
{
    return rpc->n_open;
}

static void on_start(struct loop_timer *timer)
{
    struct rpc_call *call = LOOP_OWNER(timer, struct rpc_call, timer);

    call->has_timer = false;
    loop_timer_fini(timer);
    rpc_begin(call);
}

int rpc_run_json(struct rpc *rpc, const char *path, struct str json,
                 void (*done)(void *arg, enum grpc_status status,
                              struct str text),
                 void *arg, struct err *err)
{
    const struct rpc_method *method = NULL;
    ProtobufCMessage *in = NULL;
    struct rpc_call *call;
    int rc;

    for (size_t i = 0; i < rpc->n_methods; i++)
        if (strcmp(rpc->methods[i].path, path) == 0)
            method = &rpc->methods[i];
    if (!method)
        return err_set(err, RC_NOT_FOUND, "Method not found: %s", path);
    rc = transcode_read(method->input, json, &in, err);
    if (rc)
        return rc;
    call = rpc_call_new(rpc, method, in);
    call->is_rest = true;
    call->done = done;
    call->done_arg = arg;
    call->has_timer = true;
    loop_timer_init(&call->timer, rpc->emulator->loop, on_start);
    loop_timer_arm(&call->timer, 0);
    return RC_OK;
}
