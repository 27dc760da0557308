/* SPDX-License-Identifier: Apache-2.0 */
/* Errors of a call: google.rpc.Status over gRPC, Google's error object over
 * REST. */
#include <stdarg.h>
#include <stdio.h>

#include "common/mem.h"
#include "emulator/rpc_priv.h"
#include "emulator/transcode.h"
#include "google/protobuf/any.pb-c.h"
#include "google/rpc/status.pb-c.h"
#include "grpc/wire.h"

enum {
    TEXT_MAX = 1024,
    DETAIL_DEPTH = 3 /* levels around a detail: object, error, details */
};

void rpc_fail_detail(struct rpc_call *call, const ProtobufCMessage *detail)
{
    Google__Protobuf__Any any = GOOGLE__PROTOBUF__ANY__INIT;
    ProtobufCBinaryData *packed = &call->details[call->n_details];
    size_t len = protobuf_c_message_get_packed_size(detail);
    char *url;

    if (call->n_details == RPC_MAX_DETAILS)
        return;
    url = mem_printf("type.googleapis.com/%s", detail->descriptor->name);
    any.type_url = url;
    any.value.data = mem_alloc(len);
    any.value.len = protobuf_c_message_pack(detail, any.value.data);
    packed->len = protobuf_c_message_get_packed_size(&any.base);
    packed->data = mem_alloc(packed->len);
    protobuf_c_message_pack(&any.base, packed->data);
    call->n_details++;
    mem_free(any.value.data);
    mem_free(url);
    if (!call->is_rest)
        return;
    buf_puts(&call->details_json,
             call->details_json.len ? ",\n      " : "      ");
    transcode_write_typed(detail, DETAIL_DEPTH, &call->details_json);
}

/* google.rpc.Status: its details are packed already. */
static void put_status(struct buf *out, const struct rpc_call *call,
                       enum grpc_status status, const char *text)
{
    Google__Rpc__Status s = GOOGLE__RPC__STATUS__INIT;
    size_t len;

    s.code = status;
    s.message = (char *)(uintptr_t)text;
    len = protobuf_c_message_get_packed_size(&s.base);
    if (!buf_reserve(out, len))
        return;
    out->len += protobuf_c_message_pack(&s.base, (uint8_t *)out->data);
    for (size_t i = 0; i < call->n_details; i++)
        wire_put_bytes(
            out, 3,
            str_of((const char *)call->details[i].data, call->details[i].len));
}

static void fail_grpc(struct rpc_call *call, enum grpc_status status,
                      const char *text)
{
    struct str details;
    struct buf out;

    if (!call->n_details) {
        grpc_finish(call->grpc, status, text, NULL);
        return;
    }
    buf_init(&out, SIZE_MAX / 4);
    put_status(&out, call, status, text);
    details = buf_as_str(&out);
    grpc_finish(call->grpc, status, text, out.failed ? NULL : &details);
    buf_fini(&out);
}

/* Google's emulator writes one line, production a line a member. */
static void put_compact(struct buf *out, int http_status,
                        enum grpc_status status, struct str text,
                        struct str details_json)
{
    buf_printf(out, "{\"error\":{\"code\":%d,\"message\":", http_status);
    buf_json_str(out, text);
    buf_printf(out, ",\"status\":\"%s\"", grpc_status_name(status));
    if (details_json.len) {
        buf_puts(out, ",\"details\":[");
        buf_str(out, details_json);
        buf_putc(out, ']');
    }
    buf_puts(out, "}}");
}

void rpc_put_error(struct buf *out, bool compact, int http_status,
                   enum grpc_status status, struct str text,
                   struct str details_json)
{
    if (compact) {
        put_compact(out, http_status, status, text, details_json);
        return;
    }
    buf_printf(out, "{\n  \"error\": {\n    \"code\": %d,\n    \"message\": ",
               http_status);
    buf_json_str(out, text);
    buf_printf(out, ",\n    \"status\": \"%s\"", grpc_status_name(status));
    if (details_json.len) {
        buf_puts(out, ",\n    \"details\": [\n");
        buf_str(out, details_json);
        buf_puts(out, "\n    ]");
    }
    buf_puts(out, "\n  }\n}\n");
}

static void fail_rest(struct rpc_call *call, enum grpc_status status,
                      int http_status, const char *text)
{
    struct buf json;

    buf_init(&json, SIZE_MAX / 4);
    rpc_put_error(&json, rpc_is_lenient(call->rpc), http_status, status,
                  str_from(text), buf_as_str(&call->details_json));
    rpc_rest_answer(call->req, http_status, buf_as_str(&json));
    buf_fini(&json);
}

void rpc_fail(struct rpc_call *call, enum grpc_status status, const char *fmt,
              ...)
{
    int http_status = grpc_status_http(status);
    char text[TEXT_MAX];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (call->fault.action == FAULT_ERROR)
        http_status = call->fault.http_status;
    if (call->grpc)
        fail_grpc(call, status, text);
    else if (call->req)
        fail_rest(call, status, http_status, text);
    if (call->done)
        call->done(call->done_arg, status, str_from(text));
    rpc_end(call, status, call->is_rest ? http_status : 0);
}
