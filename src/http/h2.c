/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/2 (RFC 9113) through nghttp2: sessions, streams, flow control, and the
 * limits that keep one peer from costing more than it should. Answers
 * are in h2_reply.c; no other file knows nghttp2. */
#include "http/h2.h"

#include <nghttp2/nghttp2.h>

#include "common/clock.h"
#include "common/mem.h"
#include "http/chars.h"
#include "http/conn.h"
#include "http/response.h"

enum {
    STREAM_WINDOW = 1 << 20,
    CONN_WINDOW = 16 << 20,
    TRAILERS_MAX = 8 << 20, /* gRPC's status details name each failed id */
    OUTPUT_STOP = 65536,    /* no more frames are made while so much waits */
    OUTPUT_MAX = 64 << 20,  /* of answers not yet taken; then no new streams */
    REFUSED_MAX_BYTES =
        4 << 20, /* of a body that was refused, read and dropped */
    /* Frames that cost us and bring nothing: streams reset before their answer,
     * empty DATA, PRIORITY, pings; in a burst, and for ever. */
    IDLE_FRAMES_MAX = 1000,
    IDLE_FRAMES_PER_S = 100
};

/* --- the way in ----------------------------------------------------------- */

static void consume(struct http_req *req, size_t len)
{
    nghttp2_session_consume(req->conn->h2->session, req->stream_id, len);
}

static void restart_body_deadline(struct http_req *req)
{
    struct http_loop *hl = req->conn->hl;

    /* A streamed body may be silent for long: it is a conversation. */
    if (!req->input_done && req->mode == HTTP_BODY_WHOLE && !req->answered)
        deadline_set(&hl->deadlines, &req->deadline, DEADLINE_BODY, hl->now_us);
}

/* Paused, or older bytes still wait for h2_settle to deliver them. */
static bool must_keep(const struct http_req *req)
{
    return req->mode == HTTP_BODY_STREAM && (req->paused || req->body.len);
}

static void end_input(struct http_req *req)
{
    req->input_done = true;
    if (req->deadline.class == DEADLINE_BODY)
        deadline_leave(&req->deadline);
    req->end_pending = must_keep(req);
    if (!req->end_pending)
        req_dispatch_end(req);
}

void h2_resume(struct http_req *req)
{
    /* Delivered by h2_settle, not from within the caller's call. */
    req->conn->h2->tell_writable = true;
}

static void deliver_kept(struct http_req *req)
{
    size_t len = req->body.len;
    char *kept;

    if (req->mode != HTTP_BODY_STREAM || req->paused || !req->started)
        return;
    if (len) {
        kept = buf_take(&req->body, &len);
        req_dispatch_data(req, str_of(kept, len));
        mem_free(kept);
        consume(req, len);
    }
    if (req->end_pending && !req->paused) {
        req->end_pending = false;
        req_dispatch_end(req);
    }
}

static void on_expire(struct deadline *d, enum deadline_class class)
{
    struct http_req *req = LOOP_OWNER(d, struct http_req, deadline);
    struct conn *c = req->conn;

    conn_begin(c);
    c->hl->counters.timeouts++;
    if (class == DEADLINE_BODY && !req->answered)
        req_refuse(req, 408, "the body came too slowly");
    else
        h2_abort(req, NGHTTP2_CANCEL);
    c->h2->stalled = class == DEADLINE_WRITE;
    conn_end(c);
}

static int on_begin_headers(nghttp2_session *session,
                            const nghttp2_frame *frame, void *arg)
{
    struct conn *c = arg;
    struct http_req *req;

    c->h2->headers_of = frame->hd.stream_id;
    c->h2->header_bytes = 0;
    if (frame->hd.type != NGHTTP2_HEADERS ||
        frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    if (c->h2->out_bytes > OUTPUT_MAX) {
        nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE,
                                  frame->hd.stream_id, NGHTTP2_REFUSED_STREAM);
        return 0;
    }
    req = req_new(c);
    if (!req)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    req->is_h2 = true;
    req->stream_id = frame->hd.stream_id;
    req->deadline.expire = on_expire;
    req->next = c->h2->reqs;
    if (req->next)
        req->next->prev = req;
    c->h2->reqs = req;
    nghttp2_session_set_stream_user_data(session, req->stream_id, req);
    return 0;
}

static struct http_span remember(struct http_req *req, nghttp2_vec text)
{
    struct http_span span = {(uint32_t)req->mem_len, (uint32_t)text.len};

    memcpy(req->mem + req->mem_len, text.base, text.len);
    req->mem_len += text.len;
    return span;
}

static void add_pseudo(struct http_head *head, struct str name,
                       struct http_span value)
{
    if (str_eq(name, STR(":method")))
        head->method_name = value;
    else if (str_eq(name, STR(":path")))
        head->target = value;
    else if (str_eq(name, STR(":authority")))
        head->authority = value;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame,
                     nghttp2_rcbuf *name_buf, nghttp2_rcbuf *value_buf,
                     uint8_t flags, void *arg)
{
    struct conn *c = arg;
    struct http_req *req =
        nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    nghttp2_vec name = nghttp2_rcbuf_get_buf(name_buf);
    nghttp2_vec value = nghttp2_rcbuf_get_buf(value_buf);
    struct http_span n, v;

    (void)flags;
    if (!req || frame->headers.cat != NGHTTP2_HCAT_REQUEST ||
        req->head_too_large)
        return 0;
    /* What one field counts is RFC 9113 section 6.5.2's rule. */
    req->n_body += name.len + value.len + 32;
    if (req->n_body > c->hl->server->limits.header_bytes ||
        req->head.n_fields == HTTP_MAX_FIELDS) {
        req->head_too_large = true;
        return 0;
    }
    if (!req_room(req, req->mem_len + name.len + value.len,
                  req->head.n_fields + 1))
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    n = remember(req, name);
    v = remember(req, value);
    if (name.len && name.base[0] == ':')
        add_pseudo(&req->head, str_of((const char *)name.base, name.len), v);
    else
        http_head_add(&req->head, req->mem, n, v);
    return 0;
}

static struct str known_value(const struct http_req *req,
                              enum http_known_all id)
{
    struct http_span v = req->head.fields[req->head.known[id] - 1].value;
    return str_of(req->mem + v.at, v.len);
}

/* 0, or the status to refuse the head with. */
static int check_head(struct http_req *req, const char **detail)
{
    struct http_head *head = &req->head;
    struct str target = str_of(req->mem + head->target.at, head->target.len);

    head->minor = 1;
    head->method = http_method_of(
        str_of(req->mem + head->method_name.at, head->method_name.len));
    *detail = "the header fields are too large";
    if (req->head_too_large)
        return 431;
    *detail = "CONNECT is not supported";
    if (target.len == 0)
        return 501;
    *detail = "the path is invalid";
    for (size_t i = 0; i < target.len; i++) {
        if (!http_is((unsigned char)target.p[i], HTTP_CH_TARGET))
            return 400;
    }
    if (target.p[0] != '/' &&
        !(head->method == HTTP_OPTIONS && str_eq(target, STR("*"))))
        return 400;
    http_head_split_target(head, req->mem, head->target);
    if (head->known[HTTP_K_CONTENT_LENGTH])
        head->has_length =
            str_to_u64(known_value(req, HTTP_K_CONTENT_LENGTH), &head->length);
    *detail = "only 100-continue may be expected";
    if (!head->known[HTTP_K_EXPECT])
        return 0;
    head->expect = true;
    return str_ieq(known_value(req, HTTP_K_EXPECT), STR("100-continue")) ? 0
                                                                         : 417;
}

static void begin_request(struct http_req *req, bool ends)
{
    struct conn *c = req->conn;
    const char *detail;
    int status = check_head(req, &detail);

    req->n_body = 0;
    req->start_us = c->hl->now_us;
    c->hl->counters.requests++;
    if (status) {
        c->hl->counters.protocol_errors++;
        req_refuse(req, status, detail);
        return;
    }
    if (!req_dispatch_head(req))
        return;
    if (ends) {
        end_input(req);
        return;
    }
    restart_body_deadline(req);
    if (req->head.expect && !req->answered) {
        nghttp2_nv nv = {(uint8_t *)":status", (uint8_t *)"100", 7, 3, 0};
        nghttp2_submit_headers(req->conn->h2->session, NGHTTP2_FLAG_NONE,
                               req->stream_id, NULL, &nv, 1, NULL);
    }
}

static int on_chunk(nghttp2_session *session, uint8_t flags, int32_t stream_id,
                    const uint8_t *data, size_t len, void *arg)
{
    struct http_req *req =
        nghttp2_session_get_stream_user_data(session, stream_id);

    (void)arg;
    (void)flags;
    if (!req || req->reply_done) {
        nghttp2_session_consume(session, stream_id, len);
        if (req && (req->n_body += len) > req->body_limit + REFUSED_MAX_BYTES)
            nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, stream_id,
                                      NGHTTP2_NO_ERROR);
        return 0;
    }
    req->n_body += len;
    if (req->n_body > req->body_limit) {
        consume(req, len);
        if (req->answered)
            h2_abort(req, NGHTTP2_CANCEL);
        else
            req_refuse(req, 413, "the body is too large");
        return 0;
    }
    if (must_keep(req)) {
        /* Its window is not given back, so this stays small. */
        buf_append(&req->body, data, len);
        if (req->body.failed)
            h2_abort(req, NGHTTP2_INTERNAL_ERROR);
        return 0;
    }
    restart_body_deadline(req);
    if (req_is_too_slow(req, req->start_us, req->n_body))
        req_refuse(req, 408, "the body came too slowly");
    else
        req_dispatch_data(req, str_of((const char *)data, len));
    consume(req, len);
    return 0;
}

static void count_idle_frame(struct conn *c)
{
    struct h2 *h2 = c->h2;
    int64_t passed_us = c->hl->now_us - h2->idle_frames_us;
    int64_t given_back = passed_us * IDLE_FRAMES_PER_S / US_PER_S;

    if (given_back > 0) {
        h2->idle_frames =
            h2->idle_frames > given_back ? h2->idle_frames - given_back : 0;
        h2->idle_frames_us = c->hl->now_us;
    }
    if (++h2->idle_frames <= IDLE_FRAMES_MAX)
        return;
    c->hl->counters.protocol_errors++;
    nghttp2_session_terminate_session(h2->session, NGHTTP2_ENHANCE_YOUR_CALM);
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame,
                    void *arg)
{
    struct conn *c = arg;
    struct http_req *req =
        nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    bool ends = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;

    switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
        c->h2->headers_of = 0;
        if (req && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
            begin_request(req, ends);
        else if (req && ends)
            end_input(req);
        break;
    case NGHTTP2_DATA:
        if (req && ends)
            end_input(req);
        else if (frame->hd.length <= frame->data.padlen)
            count_idle_frame(c);
        break;
    case NGHTTP2_RST_STREAM:
        if (req && !req->reply_done)
            count_idle_frame(c);
        break;
    case NGHTTP2_PRIORITY:
        count_idle_frame(c);
        break;
    case NGHTTP2_SETTINGS:
        if (!(frame->hd.flags & NGHTTP2_FLAG_ACK))
            count_idle_frame(c);
        break;
    case NGHTTP2_PING:
        /* gRPC's clients measure the line with a ping to each of our bursts:
         * as many as there are answers are honest. */
        if (!(frame->hd.flags & NGHTTP2_FLAG_ACK) && !c->h2->answered_since)
            count_idle_frame(c);
        c->h2->answered_since = false;
        /* Our own ping came back: the peer has read the notice of h2_drain. */
        if (c->hl->draining && (frame->hd.flags & NGHTTP2_FLAG_ACK))
            nghttp2_submit_goaway(
                session, NGHTTP2_FLAG_NONE,
                nghttp2_session_get_last_proc_stream_id(session),
                NGHTTP2_NO_ERROR, NULL, 0);
        break;
    default:
        break;
    }
    return 0;
}

/* An answer that ended before its request: tell the peer to stop. A refused
 * body is dropped for a while first: RFC 9113 section 8.1 forbids clients to
 * throw the answer away because of the reset, and curl 7 does. */
static int on_sent(nghttp2_session *session, const nghttp2_frame *frame,
                   void *arg)
{
    struct conn *c = arg;
    struct http_loop *hl = c->hl;
    int32_t id = frame->hd.stream_id;
    struct http_req *req;

    if (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA)
        c->h2->answered_since = true;
    if ((frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) ||
        !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM) ||
        nghttp2_session_get_stream_remote_close(session, id) != 0)
        return 0;
    req = nghttp2_session_get_stream_user_data(session, id);
    if (req && req->mode == HTTP_BODY_WHOLE && !hl->draining)
        deadline_set(&hl->deadlines, &req->deadline, DEADLINE_BODY, hl->now_us);
    else
        nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, id,
                                  NGHTTP2_NO_ERROR);
    return 0;
}

static void close_stream(struct conn *c, struct http_req *req)
{
    if (req->prev)
        req->prev->next = req->next;
    else
        c->h2->reqs = req->next;
    if (req->next)
        req->next->prev = req->prev;
    c->h2->out_bytes -= req->out.len;
    req_close(req);
}

static int on_stream_close(nghttp2_session *session, int32_t stream_id,
                           uint32_t error, void *arg)
{
    struct conn *c = arg;
    struct http_req *req =
        nghttp2_session_get_stream_user_data(session, stream_id);

    (void)error;
    if (c->h2->headers_of == stream_id)
        c->h2->headers_of = 0;
    if (!req)
        return 0;
    if (req->mode == HTTP_BODY_STREAM && req->body.len)
        nghttp2_session_consume_connection(session, req->body.len);
    nghttp2_session_set_stream_user_data(session, stream_id, NULL);
    close_stream(c, req);
    return 0;
}

/* --- session -------------------------------------------------------------- */

static nghttp2_session *session_new(struct conn *c)
{
    nghttp2_session_callbacks *cb;
    nghttp2_option *option;
    nghttp2_session *session = NULL;

    if (nghttp2_session_callbacks_new(&cb) != 0)
        return NULL;
    nghttp2_session_callbacks_set_on_begin_headers_callback(cb,
                                                            on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback2(cb, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_chunk);
    nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
    nghttp2_session_callbacks_set_on_frame_send_callback(cb, on_sent);
    nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_stream_close);
    if (nghttp2_option_new(&option) == 0) {
        nghttp2_option_set_no_auto_window_update(option, 1);
        nghttp2_option_set_no_closed_streams(option, 1);
        nghttp2_option_set_max_send_header_block_length(option, TRAILERS_MAX);
        nghttp2_session_server_new2(&session, cb, c, option);
        nghttp2_option_del(option);
    }
    nghttp2_session_callbacks_del(cb);
    return session;
}

bool h2_start(struct conn *c)
{
    const struct http_limits *limits = &c->hl->server->limits;
    nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits->h2_streams},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,
         (uint32_t)limits->header_bytes}};
    struct h2 *h2 = MEM_NEW(struct h2);

    c->h2 = h2;
    h2->session = session_new(c);
    if (!h2->session)
        return false;
    nghttp2_submit_settings(h2->session, NGHTTP2_FLAG_NONE, settings,
                            sizeof(settings) / sizeof(settings[0]));
    nghttp2_session_set_local_window_size(h2->session, NGHTTP2_FLAG_NONE, 0,
                                          CONN_WINDOW);
    if (c->hl->draining)
        h2_drain(c);
    return true;
}

void h2_free(struct conn *c)
{
    while (c->h2->reqs)
        close_stream(c, c->h2->reqs);
    nghttp2_session_del(c->h2->session);
    mem_free(c->h2);
    c->h2 = NULL;
}

size_t h2_input(struct conn *c, const char *p, size_t len)
{
    struct h2 *h2 = c->h2;
    ssize_t n;

    /* A header block without end (CONTINUATION after CONTINUATION). */
    if (h2->headers_of)
        h2->header_bytes += len;
    if (h2->header_bytes > 4 * c->hl->server->limits.header_bytes + HTTP_RECV) {
        c->hl->counters.protocol_errors++;
        nghttp2_session_terminate_session(h2->session,
                                          NGHTTP2_ENHANCE_YOUR_CALM);
    }
    n = nghttp2_session_mem_recv(h2->session, (const uint8_t *)p, len);
    if (n < 0) {
        c->hl->counters.protocol_errors++;
        conn_kill(c);
    }
    return len;
}

void h2_output(struct conn *c)
{
    while (!c->dead && !(c->blocked && c->out.len >= OUTPUT_STOP)) {
        const uint8_t *p;
        ssize_t n = nghttp2_session_mem_send(c->h2->session, &p);

        if (n < 0)
            conn_kill(c);
        if (n <= 0)
            break;
        conn_write(c, p, (size_t)n);
    }
}

void h2_settle(struct conn *c)
{
    struct h2 *h2 = c->h2;

    if (h2->tell_writable) {
        h2->tell_writable = false;
        for (struct http_req *req = h2->reqs; req; req = req->next) {
            deliver_kept(req);
            req_tell_writable(req);
        }
        conn_touch(c);
    }
    if (c->dead)
        return;
    /* Who read nothing of his only answer will not do so in the idle time. */
    if (h2->stalled && !h2->reqs) {
        nghttp2_session_terminate_session(h2->session,
                                          NGHTTP2_ENHANCE_YOUR_CALM);
        conn_touch(c);
    }
    h2->stalled = false;
    if (c->eof)
        conn_kill(c);
    else if (c->out.len == 0 && !nghttp2_session_want_read(h2->session) &&
             !nghttp2_session_want_write(h2->session))
        conn_finish(c, true);
}

void h2_set_deadline(struct conn *c)
{
    enum deadline_class class = c->h2->reqs ? DEADLINE_NONE : DEADLINE_IDLE;

    if (c->h2->headers_of) {
        if (c->deadline.class == DEADLINE_HEADER)
            return;
        class = DEADLINE_HEADER;
    }
    deadline_set(&c->hl->deadlines, &c->deadline, class, c->hl->now_us);
}

void h2_expired(struct conn *c, enum deadline_class class)
{
    nghttp2_session_terminate_session(
        c->h2->session,
        class == DEADLINE_IDLE ? NGHTTP2_NO_ERROR : NGHTTP2_ENHANCE_YOUR_CALM);
}

/* First the notice, then, once the peer has seen it, the last stream's id. */
void h2_drain(struct conn *c)
{
    nghttp2_session *session = c->h2->session;

    if (c->h2->reqs) {
        nghttp2_submit_shutdown_notice(session);
        nghttp2_submit_ping(session, NGHTTP2_FLAG_NONE, NULL);
    } else {
        nghttp2_session_terminate_session(session, NGHTTP2_NO_ERROR);
    }
    conn_touch(c);
}
