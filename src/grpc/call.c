/* SPDX-License-Identifier: Apache-2.0 */
/* The way out of a call: messages, status, trailers; and what a method may
 * ask of its call. */
#include <stdarg.h>
#include <stdio.h>

#include "common/clock.h"
#include "grpc/grpc_priv.h"
#include "grpc/gzip.h"
#include "grpc/metadata.h"

enum {
    SCRATCH_KEEP = 256 << 10,
    ZIP_MIN = 1024,     /* below it gzip does not pay */
    MESSAGE_MAX = 1024, /* bytes of a status text, before encoding */
    N_TRAILERS = 3
};

static const struct http_field content_type = {{"content-type", 12},
                                               {"application/grpc", 16}};
static const struct http_field accepts = {{"grpc-accept-encoding", 20},
                                          {"identity,gzip", 13}};
static const struct http_field zips = {{"grpc-encoding", 13}, {"gzip", 4}};

/* --- status --------------------------------------------------------------- */

struct trailers {
    struct http_field v[N_TRAILERS];
    size_t n;
    char status[12];
    struct buf text, details;
};

static void add(struct trailers *t, const char *name, struct str value)
{
    t->v[t->n++] = (struct http_field){str_from(name), value};
}

/* From 0 to 16; each answer has one. */
static struct str status_text(char out[4], enum grpc_status status)
{
    size_t n = 0;

    if (status >= 10)
        out[n++] = (char)('0' + status / 10 % 10);
    out[n++] = (char)('0' + status % 10);
    return str_of(out, n);
}

static void trailers_init(struct trailers *t, enum grpc_status status,
                          const char *message, const struct str *details)
{
    struct str text = str_from(message);

    t->n = 0;
    buf_init(&t->text, MESSAGE_MAX * 3 + 3);
    buf_init(&t->details, SIZE_MAX / 4);
    add(t, "grpc-status", status_text(t->status, status));
    if (text.len) {
        text.len = text.len > MESSAGE_MAX ? MESSAGE_MAX : text.len;
        grpc_message_encode(&t->text, text);
        add(t, "grpc-message", buf_as_str(&t->text));
    }
    if (details && details->len) {
        grpc_binary_encode(&t->details, *details);
        if (!t->details.failed)
            add(t, "grpc-status-details-bin", buf_as_str(&t->details));
    }
}

static void trailers_fini(struct trailers *t)
{
    buf_fini(&t->text);
    buf_fini(&t->details);
}

static void trailers_only(struct http_req *req, const struct trailers *t)
{
    struct http_field fields[N_TRAILERS + 2] = {content_type, accepts};

    for (size_t i = 0; i < t->n; i++)
        fields[2 + i] = t->v[i];
    http_reply(req, 200, fields, 2 + t->n, STR_NULL);
}

void grpc_refuse(struct http_req *req, enum grpc_status status,
                 const char *text)
{
    struct trailers t;

    trailers_init(&t, status, text, NULL);
    trailers_only(req, &t);
    trailers_fini(&t);
}

void grpc_finish(struct grpc_call *call, enum grpc_status status,
                 const char *message, const struct str *details)
{
    struct trailers t;

    if (call->finished)
        return;
    call->finished = true;
    if (call->has_timer)
        loop_timer_cancel(&call->timer);
    trailers_init(&t, status, message, details);
    if (call->started)
        http_stream_end(call->req, t.v, t.n);
    else
        trailers_only(call->req, &t);
    trailers_fini(&t);
}

void grpc_fail(struct grpc_call *call, enum grpc_status status, const char *fmt,
               ...)
{
    char text[MESSAGE_MAX];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    grpc_finish(call, status, text, NULL);
}

/* --- messages ------------------------------------------------------------- */

static void start(struct grpc_call *call)
{
    struct http_field fields[] = {content_type, accepts, zips};

    if (call->started)
        return;
    call->started = true;
    http_stream_start(call->req, 200, fields, call->zip_out ? 3 : 2);
}

static void scratch_done(struct buf *scratch)
{
    size_t limit = scratch->limit;

    if (scratch->cap <= SCRATCH_KEEP)
        return;
    buf_fini(scratch);
    buf_init(scratch, limit);
}

/* Room for head and `len` bytes in the scratch; NULL when there is none, and
 * the call has ended. */
static unsigned char *begin_frame(struct grpc_call *call, size_t len)
{
    struct buf *scratch = &call->server->scratch;

    buf_reset(scratch);
    if (len > UINT32_MAX || !buf_reserve(scratch, len + GRPC_FRAME_HEAD)) {
        grpc_fail(call, GRPC_RESOURCE_EXHAUSTED,
                  "No memory for an answer of %zu bytes", len);
        return NULL;
    }
    scratch->len = len + GRPC_FRAME_HEAD;
    scratch->data[scratch->len] = '\0';
    return (unsigned char *)scratch->data;
}

/* A frame with the message compressed; false if that does not pay. */
static bool write_zipped(struct grpc_call *call, struct str message, bool *room)
{
    struct buf *out = &call->server->unzipped; /* idle while we send */
    unsigned char head[GRPC_FRAME_HEAD];

    if (!call->zip_out || message.len < ZIP_MIN)
        return false;
    buf_reset(out);
    if (!grpc_gzip(call->server->gzip, message, out))
        return false;
    grpc_frame_head(head, true, (uint32_t)out->len);
    http_stream_write(call->req, head, sizeof(head));
    *room = http_stream_write(call->req, out->data, out->len);
    scratch_done(out);
    return true;
}

/* Sends what begin_frame and the caller made. */
static bool write_frame(struct grpc_call *call)
{
    struct buf *scratch = &call->server->scratch;
    struct str message =
        str_of(scratch->data + GRPC_FRAME_HEAD, scratch->len - GRPC_FRAME_HEAD);
    bool room;

    start(call);
    if (!write_zipped(call, message, &room)) {
        grpc_frame_head((unsigned char *)scratch->data, false,
                        (uint32_t)message.len);
        room = http_stream_write(call->req, scratch->data, scratch->len);
    }
    scratch_done(scratch);
    return room;
}

bool grpc_send(struct grpc_call *call, const ProtobufCMessage *message)
{
    unsigned char *frame;

    if (call->finished)
        return false;
    frame = begin_frame(call, protobuf_c_message_get_packed_size(message));
    if (!frame)
        return false;
    protobuf_c_message_pack(message, frame + GRPC_FRAME_HEAD);
    return write_frame(call);
}

bool grpc_send_raw(struct grpc_call *call, struct str bytes)
{
    unsigned char *frame;

    if (call->finished)
        return false;
    frame = begin_frame(call, bytes.len);
    if (!frame)
        return false;
    if (bytes.len)
        memcpy(frame + GRPC_FRAME_HEAD, bytes.p, bytes.len);
    return write_frame(call);
}

void grpc_reply(struct grpc_call *call, const ProtobufCMessage *message)
{
    grpc_send(call, message);
    grpc_finish(call, GRPC_OK, NULL, NULL);
}

/* --- what a method may ask ------------------------------------------------ */

size_t grpc_pending(const struct grpc_call *call)
{
    return call->finished ? 0 : http_stream_pending(call->req);
}

const struct grpc_method *grpc_call_method(const struct grpc_call *call)
{
    return call->method;
}

struct http_req *grpc_call_request(struct grpc_call *call)
{
    return call->req;
}

struct loop *grpc_call_loop(struct grpc_call *call)
{
    return http_req_loop(call->req);
}

void grpc_call_set_user(struct grpc_call *call, void *user)
{
    call->user = user;
}

void *grpc_call_user(const struct grpc_call *call)
{
    return call->user;
}

int64_t grpc_call_deadline_us(const struct grpc_call *call)
{
    return call->deadline_us;
}

void grpc_call_keep_message(struct grpc_call *call)
{
    call->keep = true;
}

static void on_kick(struct loop_timer *timer)
{
    grpc_go_on(LOOP_OWNER(timer, struct grpc_call, kick));
}

void grpc_call_pause(struct grpc_call *call)
{
    if (call->finished || call->paused)
        return;
    call->paused = true;
    http_req_pause(call->req);
}

void grpc_call_resume(struct grpc_call *call)
{
    if (!call->paused)
        return;
    call->paused = false;
    if (call->finished)
        return;
    /* what waits here goes before what waits below, and not from within the
     * caller's call */
    if (!call->has_kick)
        loop_timer_init(&call->kick, grpc_call_loop(call), on_kick);
    call->has_kick = true;
    loop_timer_arm(&call->kick, 0);
}
