/* SPDX-License-Identifier: Apache-2.0 */
/* The way in: calls from requests, messages from bytes, and all the ways in
 * which a client can be wrong. */
#include "common/clock.h"
#include "common/mem.h"
#include "grpc/grpc_priv.h"
#include "grpc/gzip.h"
#include "grpc/metadata.h"
#include "grpc/sound.h"

enum {
    POOL_MAX = 256,
    POOLED_BODY = 32 << 10, /* larger buffers are given back */
    HELD_MAX = 256 << 20,   /* of incomplete messages on one loop */
    SCRATCH_MAX = 1 << 30
};

/* --- the server ----------------------------------------------------------- */

/* Where the method of a path stands, or NULL that would make room for it. */
static const struct grpc_method **find_slot(const struct grpc_server *s,
                                            struct str path)
{
    size_t mask = s->n_table - 1, i = str_hash(path) & mask;

    while (s->table[i] && !str_eq(str_from(s->table[i]->path), path))
        i = (i + 1) & mask;
    return &s->table[i];
}

struct grpc_server *grpc_server_new(const struct grpc_method *methods,
                                    size_t n_methods, size_t max_message)
{
    struct grpc_server *s = MEM_NEW(struct grpc_server);

    s->max_message = max_message;
    for (s->n_table = 16; s->n_table < n_methods * 2; s->n_table *= 2)
        continue;
    s->table = MEM_ARRAY(const struct grpc_method *, s->n_table);
    for (size_t i = 0; i < n_methods; i++)
        *find_slot(s, str_from(methods[i].path)) = &methods[i];
    s->gzip = grpc_gzip_new();
    buf_init(&s->scratch, SCRATCH_MAX);
    buf_init(&s->unzipped, SCRATCH_MAX);
    return s;
}

static void call_free(struct grpc_call *call)
{
    grpc_frames_fini(&call->frames);
    mem_free(call);
}

void grpc_server_free(struct grpc_server *server)
{
    struct grpc_call *next;

    if (!server)
        return;
    for (struct grpc_call *call = server->pool; call; call = next) {
        next = call->next;
        call_free(call);
    }
    grpc_gzip_free(server->gzip);
    buf_fini(&server->scratch);
    buf_fini(&server->unzipped);
    mem_free(server->table);
    mem_free(server);
}

/* --- life of a call ------------------------------------------------------- */

static struct grpc_call *call_new(struct grpc_server *s, struct http_req *req,
                                  const struct grpc_method *method, void *app)
{
    struct grpc_call *call = s->pool;
    struct grpc_frames frames;

    if (call) {
        s->pool = call->next;
        s->n_pool--;
        frames = call->frames; /* with its memory */
    } else {
        call = mem_try_alloc(sizeof(*call));
        if (!call)
            return NULL;
        grpc_frames_init(&frames, s->max_message);
    }
    memset(call, 0, sizeof(*call));
    call->frames = frames;
    call->server = s;
    call->req = req;
    call->method = method;
    call->app = app;
    call->deadline_us = INT64_MAX;
    buf_init(&call->rest, SIZE_MAX / 4);
    http_req_set_user(req, call);
    return call;
}

static void call_release(struct grpc_call *call)
{
    struct grpc_server *s = call->server;

    if (call->has_timer)
        loop_timer_fini(&call->timer);
    if (call->has_kick)
        loop_timer_fini(&call->kick);
    buf_fini(&call->rest);
    s->held -= call->held;
    if (s->n_pool == POOL_MAX) {
        call_free(call);
        return;
    }
    if (call->frames.body.cap > POOLED_BODY)
        grpc_frames_fini(&call->frames);
    grpc_frames_reset(&call->frames);
    call->next = s->pool;
    s->pool = call;
    s->n_pool++;
}

static void on_deadline(struct loop_timer *timer)
{
    struct grpc_call *call = LOOP_OWNER(timer, struct grpc_call, timer);

    grpc_fail(call, GRPC_DEADLINE_EXCEEDED, "Deadline exceeded");
}

/* Only a call that outlives its request's arrival needs a timer. */
static void watch_deadline(struct grpc_call *call)
{
    if (call->finished || call->has_timer || call->deadline_us == INT64_MAX)
        return;
    loop_timer_init(&call->timer, grpc_call_loop(call), on_deadline);
    call->has_timer = true;
    loop_timer_arm(&call->timer, call->deadline_us - clock_mono_us());
}

/* --- messages ------------------------------------------------------------- */

/* The message's own bytes; false: the call has ended. */
static bool unzip(struct grpc_call *call, struct str *message)
{
    struct grpc_server *s = call->server;

    if (!call->zipped_in) {
        grpc_fail(call, GRPC_INTERNAL,
                  "Compressed flag set without a grpc-encoding");
        return false;
    }
    buf_reset(&s->unzipped);
    switch (grpc_gunzip(s->gzip, *message, s->max_message, &s->unzipped)) {
    case RC_OK:
        *message = buf_as_str(&s->unzipped);
        return true;
    case RC_TOO_LARGE:
        grpc_fail(call, GRPC_RESOURCE_EXHAUSTED,
                  "Decompressed gRPC message exceeds maximum size %zu",
                  s->max_message);
        return false;
    case RC_NOMEM:
        grpc_fail(call, GRPC_RESOURCE_EXHAUSTED, "Out of memory");
        return false;
    default:
        grpc_fail(call, GRPC_INTERNAL, "Failed to decompress the message");
        return false;
    }
}

static ProtobufCMessage *decode(struct grpc_call *call, struct str raw)
{
    const ProtobufCMessageDescriptor *type = call->method->input;
    ProtobufCMessage *m;
    struct err err;

    if (grpc_is_sound(type, raw, &err)) {
        grpc_fail(call, GRPC_INVALID_ARGUMENT, "Request is not a valid %s: %s",
                  type->name, err.text);
        return NULL;
    }
    m = protobuf_c_message_unpack(type, NULL, raw.len, (const uint8_t *)raw.p);
    if (!m)
        grpc_fail(call, GRPC_INVALID_ARGUMENT, "Request is not a valid %s",
                  type->name);
    return m;
}

static void shrink(struct buf *b)
{
    size_t limit = b->limit;

    if (b->cap <= POOLED_BODY * 8)
        return;
    buf_fini(b);
    buf_init(b, limit);
}

/* `raw` may lie in frames or in the server's buffers: both are left alone
 * until the method returns. */
static void deliver(struct grpc_call *call, struct str raw)
{
    const struct grpc_method *method = call->method;
    struct buf mine = {0};
    ProtobufCMessage *m = NULL;
    bool zipped = call->frames.compressed;

    if (zipped && !unzip(call, &raw))
        return;
    if (method->input && !(m = decode(call, raw)))
        return;
    if (zipped) {
        /* the method may send, and sending may use that buffer */
        mine = call->server->unzipped;
        buf_init(&call->server->unzipped, SCRATCH_MAX);
    }
    call->keep = false;
    method->on_message(call, m, raw, call->app);
    if (m && !call->keep)
        protobuf_c_message_free_unpacked(m, NULL);
    if (zipped) {
        buf_fini(&call->server->unzipped);
        call->server->unzipped = mine;
        shrink(&call->server->unzipped);
    }
}

/* What a call holds of messages that are not complete, counted for all. */
static bool count_held(struct grpc_call *call)
{
    struct grpc_server *s = call->server;
    size_t now = call->frames.body.len + call->rest.len;

    s->held = s->held - call->held + now;
    call->held = now;
    if (s->held <= HELD_MAX || now == 0)
        return true;
    grpc_fail(call, GRPC_RESOURCE_EXHAUSTED,
              "Too many incomplete requests are held");
    return false;
}

static void refuse_frame(struct grpc_call *call, enum grpc_frame_result result)
{
    if (result == GRPC_FRAME_TOO_LARGE)
        grpc_fail(call, GRPC_RESOURCE_EXHAUSTED,
                  "gRPC message exceeds maximum size %zu: %u",
                  call->server->max_message, (unsigned)call->frames.length);
    else if (result == GRPC_FRAME_BAD)
        grpc_fail(call, GRPC_INTERNAL, "Malformed gRPC frame: flags 0x%02x",
                  call->frames.head[0]);
    else
        grpc_fail(call, GRPC_RESOURCE_EXHAUSTED, "Out of memory");
}

static void half_close(struct grpc_call *call)
{
    if (call->finished || call->half_closed)
        return;
    call->half_closed = true;
    if (grpc_frames_is_within(&call->frames)) {
        grpc_fail(call, GRPC_INTERNAL, "Half-closed within a message");
        return;
    }
    if (call->method->on_half_close)
        call->method->on_half_close(call, call->app);
}

/* Messages of a client's stream, as they come. Returns with what is left
 * kept in `rest` when the method paused. */
static void stream_bytes(struct grpc_call *call, struct str data)
{
    enum grpc_frame_result result = GRPC_FRAME_MESSAGE;
    struct str message;

    while (!call->finished && !call->paused && result == GRPC_FRAME_MESSAGE) {
        result = grpc_frames_next(&call->frames, &data, &message);
        if (result == GRPC_FRAME_MESSAGE)
            deliver(call, message);
        else if (result != GRPC_FRAME_MORE)
            refuse_frame(call, result);
    }
    if (!call->finished && data.len) {
        buf_append(&call->rest, data.p, data.len);
        if (call->rest.failed)
            refuse_frame(call, GRPC_FRAME_NO_MEMORY);
    }
    if (!call->finished)
        count_held(call);
}

void grpc_go_on(struct grpc_call *call)
{
    if (call->finished || call->paused)
        return;
    if (call->rest.len) {
        struct buf waiting = call->rest;

        buf_init(&call->rest, SIZE_MAX / 4);
        stream_bytes(call, buf_as_str(&waiting));
        buf_fini(&waiting);
    }
    if (call->finished || call->paused)
        return;
    if (call->ended)
        half_close(call);
    else
        http_req_resume(call->req);
}

/* A unary request is one message and nothing else: it is gathered whole, and
 * run at the end, so that a second message never follows an answer. */
static void unary_bytes(struct grpc_call *call, struct str data)
{
    struct grpc_frames *f = &call->frames;
    unsigned char *head = f->head;
    size_t n = data.len < GRPC_FRAME_HEAD - f->n_head
                   ? data.len
                   : GRPC_FRAME_HEAD - f->n_head;

    memcpy(head + f->n_head, data.p, n);
    f->n_head += n;
    data.p += n, data.len -= n;
    if (f->n_head < GRPC_FRAME_HEAD)
        return;
    f->compressed = head[0] & 1;
    f->length = (uint32_t)head[1] << 24 | (uint32_t)head[2] << 16 |
                (uint32_t)head[3] << 8 | head[4];
    if (head[0] > 1)
        refuse_frame(call, GRPC_FRAME_BAD);
    else if (f->length > f->max)
        refuse_frame(call, GRPC_FRAME_TOO_LARGE);
    else if (f->body.len + data.len > f->length)
        grpc_fail(call, GRPC_INTERNAL, "Too many requests");
    else
        buf_append(&f->body, data.p, data.len);
    if (f->body.failed)
        refuse_frame(call, GRPC_FRAME_NO_MEMORY);
    if (!call->finished)
        count_held(call);
}

static void unary_end(struct grpc_call *call)
{
    struct grpc_frames *f = &call->frames;

    call->half_closed = true;
    if (f->n_head == 0)
        grpc_fail(call, GRPC_INTERNAL, "Half-closed without a request");
    else if (f->n_head < GRPC_FRAME_HEAD || f->body.len < f->length)
        grpc_fail(call, GRPC_INTERNAL, "Half-closed within a message");
    else
        deliver(call, buf_as_str(&f->body));
    if (!call->finished && call->method->on_half_close)
        call->method->on_half_close(call, call->app);
    watch_deadline(call);
}

/* --- the bridge ----------------------------------------------------------- */

bool grpc_is_call(const struct http_req *req)
{
    struct str type = http_req_known(req, HTTP_H_CONTENT_TYPE);
    struct str rest;

    if (!http_req_is_h2(req) || http_req_method(req) != HTTP_POST ||
        !str_starts(type, STR("application/grpc")))
        return false;
    rest = str_of(type.p + 16, type.len - 16);
    return rest.len == 0 || rest.p[0] == ';' || str_eq(rest, STR("+proto")) ||
           str_starts(rest, STR("+proto;"));
}

static void not_found(struct http_req *req)
{
    struct str path = http_req_path(req);
    struct buf text;

    buf_init(&text, 512);
    if (path.len)
        path.p++, path.len--;
    path.len = path.len > 400 ? 400 : path.len;
    buf_printf(&text, "Method not found: %.*s", STR_ARG(path));
    grpc_refuse(req, GRPC_UNIMPLEMENTED, text.data);
    buf_fini(&text);
}

/* False: refused. */
static bool read_fields(struct grpc_call *call)
{
    struct http_req *req = call->req;
    struct str encoding = http_req_field(req, STR("grpc-encoding"));
    struct str timeout = http_req_field(req, STR("grpc-timeout"));
    int64_t us;

    if (timeout.p) {
        if (!grpc_timeout_parse(timeout, &us)) {
            grpc_fail(call, GRPC_INTERNAL, "Malformed grpc-timeout: %.*s",
                      (int)(timeout.len > 40 ? 40 : timeout.len), timeout.p);
            return false;
        }
        call->deadline_us = http_req_start_us(req) + us;
    }
    if (!encoding.p || str_eq(encoding, STR("identity")))
        return true;
    if (!str_eq(encoding, STR("gzip"))) {
        grpc_fail(call, GRPC_UNIMPLEMENTED, "Can't find decompressor for %.*s",
                  (int)(encoding.len > 40 ? 40 : encoding.len), encoding.p);
        return false;
    }
    call->zipped_in = true;
    call->zip_out = grpc_list_has(
        http_req_field(req, STR("grpc-accept-encoding")), STR("gzip"));
    return true;
}

void grpc_on_request(struct grpc_server *server, struct http_req *req,
                     void *app)
{
    const struct grpc_method *method = *find_slot(server, http_req_path(req));
    struct grpc_call *call;

    http_req_set_user(req, NULL);
    if (!method) {
        not_found(req);
        return;
    }
    call = call_new(server, req, method, app);
    if (!call) {
        grpc_refuse(req, GRPC_RESOURCE_EXHAUSTED, "Out of memory");
        return;
    }
    if (read_fields(call) && method->client_streams)
        watch_deadline(call);
}

void grpc_on_data(struct grpc_server *server, struct http_req *req,
                  struct str data)
{
    struct grpc_call *call = http_req_user(req);

    (void)server;
    if (!call || call->finished || !data.len)
        return;
    if (!call->method->client_streams)
        unary_bytes(call, data);
    else if (call->rest.len || call->paused) {
        buf_append(&call->rest, data.p, data.len);
        if (call->rest.failed)
            refuse_frame(call, GRPC_FRAME_NO_MEMORY);
    } else
        stream_bytes(call, data);
}

void grpc_on_end(struct grpc_server *server, struct http_req *req)
{
    struct grpc_call *call = http_req_user(req);

    (void)server;
    if (!call || call->finished)
        return;
    call->ended = true;
    if (!call->method->client_streams)
        unary_end(call);
    else if (!call->paused && !call->rest.len)
        half_close(call);
}

void grpc_on_writable(struct grpc_server *server, struct http_req *req)
{
    struct grpc_call *call = http_req_user(req);

    (void)server;
    if (call && !call->finished && call->method->on_writable)
        call->method->on_writable(call, call->app);
}

void grpc_on_close(struct grpc_server *server, struct http_req *req, int status)
{
    struct grpc_call *call = http_req_user(req);

    (void)server;
    (void)status;
    if (!call)
        return;
    call->finished = true;
    if (call->method->on_close)
        call->method->on_close(call, call->app);
    call_release(call);
}
