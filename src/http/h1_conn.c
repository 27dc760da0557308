/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1.1 on a connection: one current request at a time, pipelined ones
 * taken when it is answered. */
#include <stdio.h>

#include "common/mem.h"
#include "http/conn.h"
#include "http/response.h"

/* --- the way in ----------------------------------------------------------- */

/* Answers by ourselves and ends the connection. */
void h1_refuse(struct conn *c, int status, const char *detail)
{
    struct refusal r;

    if (status != 408 && status != 503)
        c->hl->counters.protocol_errors++;
    c->proto = PROTO_H1; /* it need not have been told apart yet */
    c->h1.keep_alive = false;
    c->h1.linger = true;
    if (c->h1.req) {
        if (c->h1.req->answered)
            conn_kill(c);
        else
            req_refuse(c->h1.req, status, detail);
        return;
    }
    refusal_init(&r, c->hl, NULL, status, detail);
    http_write_head(c, status, NULL, r.fields, r.n_fields, (int64_t)r.body.len,
                    STR("close"));
    conn_write(c, r.body.data, r.body.len);
    c->h1.phase = H1_CLOSE;
    refusal_fini(&r);
}

/* The whole request is here. */
static void end_input(struct conn *c)
{
    struct http_req *req = c->h1.req;

    c->h1.phase = H1_WAIT;
    req->input_done = true;
    req->end_pending = req->paused;
    if (!req->paused)
        req_dispatch_end(req);
}

static void maybe_continue(struct conn *c, bool more_here)
{
    struct http_req *req = c->h1.req;

    if (c->h1.continued || !req)
        return;
    c->h1.continued = true;
    if (!more_here && !req->answered)
        conn_write(c, "HTTP/1.1 100 Continue\r\n\r\n", 25);
}

static void begin_request(struct conn *c, struct http_req *req, bool more_here)
{
    struct http_head *head = &req->head;
    bool has_body = head->chunked || (head->has_length && head->length > 0);

    c->hl->counters.requests++;
    c->h1.req = req;
    c->h1.keep_alive = head->keep_alive;
    c->h1.linger = false;
    c->h1.chunked = head->chunked;
    c->h1.left = head->length;
    c->h1.n_body = 0;
    c->h1.body_start_us = c->hl->now_us;
    c->h1.chunks = (struct http1_chunks){0};
    c->h1.continued = !head->expect;
    c->h1.phase = has_body ? H1_BODY : H1_WAIT;
    req->input_done = !has_body;
    deadline_leave(&c->deadline);
    if (!req_dispatch_head(req))
        return;
    if (!has_body)
        end_input(c);
    else
        maybe_continue(c, more_here);
}

/* Bytes of a head: all of it or nothing is taken. */
static size_t take_head(struct conn *c, const char *p, size_t len)
{
    size_t head_len;
    const char *detail = NULL;
    struct http_req *req;
    int status =
        http1_scan(&c->h1.scan, p, len, c->hl->server->limits.header_bytes,
                   &head_len, &detail);

    if (status) {
        h1_refuse(c, status, detail);
        return len;
    }
    if (head_len == 0)
        return 0;
    req = req_new(c);
    if (!req || !req_room(req, head_len, c->h1.scan.n_lines)) {
        if (req)
            req_free(req);
        conn_kill(c);
        return len;
    }
    c->h1.scan = (struct http1_scan){0};
    memcpy(req->mem, p, head_len);
    req->mem_len = head_len;
    status = http1_parse_head(&req->head, req->mem, head_len, &detail);
    if (status) {
        req_free(req);
        h1_refuse(c, status, detail);
        return len;
    }
    begin_request(c, req, len > head_len);
    return head_len;
}

/* Cuts a run of framing and data off p[0..len). Returns its length, or 0 and
 * the connection refused. */
static size_t next_body_bytes(struct conn *c, const char *p, size_t len,
                              struct str *data, bool *end)
{
    ptrdiff_t n;

    if (!c->h1.chunked) {
        n = (ptrdiff_t)(len < c->h1.left ? len : (size_t)c->h1.left);
        c->h1.left -= (uint64_t)n;
        *end = c->h1.left == 0;
        *data = str_of(p, (size_t)n);
        return (size_t)n;
    }
    n = http1_chunks_feed(&c->h1.chunks, p, len,
                          c->hl->server->limits.header_bytes, data, end);
    if (n < 0) {
        h1_refuse(c, n == -2 ? 431 : 400,
                  n == -2 ? "the trailers are too large"
                          : "the chunked body is malformed");
        return 0;
    }
    return (size_t)n;
}

static size_t take_body(struct conn *c, const char *p, size_t len)
{
    struct http_req *req = c->h1.req;
    struct str data;
    bool end;
    size_t n = next_body_bytes(c, p, len, &data, &end);

    if (n == 0)
        return len;
    c->h1.n_body += data.len;
    if (c->h1.n_body > req->body_limit) {
        h1_refuse(c, 413, "the body is too large");
        return len;
    }
    if (!end && req_is_too_slow(req, c->h1.body_start_us, c->h1.n_body)) {
        h1_refuse(c, 408, "the body came too slowly");
        return len;
    }
    if (data.len)
        req_dispatch_data(req, data);
    /* The callback may have answered and thereby moved the phase on. */
    if (end && !c->dead && c->h1.req == req)
        end_input(c);
    else if (end && c->h1.phase == H1_DISCARD)
        c->h1.phase = c->h1.keep_alive ? H1_HEAD : H1_CLOSE;
    return n;
}

static size_t take_discarded(struct conn *c, const char *p, size_t len)
{
    struct str data;
    bool end;
    size_t n = next_body_bytes(c, p, len, &data, &end);

    if (n == 0)
        return len;
    c->h1.n_body += data.len;
    if (end)
        c->h1.phase = c->h1.keep_alive ? H1_HEAD : H1_CLOSE;
    else if (c->h1.n_body > DISCARD_MAX) {
        /* Told to stop by an answer, it goes on: the next bytes are not worth
         * the connection. */
        c->h1.linger = true;
        c->h1.phase = H1_CLOSE;
    }
    return n;
}

size_t h1_input(struct conn *c, const char *p, size_t len)
{
    size_t at = 0;

    while (at < len && !c->dead) {
        size_t n;

        switch (c->h1.phase) {
        case H1_HEAD:
            if (conn_pending(c) > c->hl->server->limits.stream_high &&
                c->blocked)
                return at; /* a reader slower than its questions */
            n = take_head(c, p + at, len - at);
            if (n == 0)
                return at;
            break;
        case H1_BODY:
            if (c->h1.req->paused)
                return at;
            n = take_body(c, p + at, len - at);
            break;
        case H1_DISCARD:
            n = take_discarded(c, p + at, len - at);
            break;
        case H1_CLOSE:
            c->h1.linger = true;
            return len;
        default:
            return at;
        }
        at += n;
    }
    return c->dead ? len : at;
}

/* --- between turns -------------------------------------------------------- */

bool h1_wants_read(const struct conn *c)
{
    switch (c->h1.phase) {
    case H1_HEAD:
    case H1_WAIT:
        /* One byte over the limit is what makes a head too large. */
        return c->in.len <= c->hl->server->limits.header_bytes;
    case H1_BODY:
        return !c->h1.req->paused;
    default:
        return true;
    }
}

void h1_set_deadline(struct conn *c)
{
    enum deadline_class class = DEADLINE_NONE;

    switch (c->h1.phase) {
    case H1_HEAD:
        class = c->in.len ? DEADLINE_HEADER : DEADLINE_IDLE;
        break;
    case H1_BODY:
        class = c->h1.req->paused ? DEADLINE_NONE : DEADLINE_BODY;
        break;
    case H1_DISCARD:
        class = DEADLINE_HEADER;
        break;
    default:
        break;
    }
    /* From the first byte to the last, however they trickle. */
    if (class == DEADLINE_HEADER && c->deadline.class == class)
        return;
    deadline_set(&c->hl->deadlines, &c->deadline, class, c->hl->now_us);
}

void h1_expired(struct conn *c, enum deadline_class class)
{
    if (class == DEADLINE_HEADER && c->h1.phase == H1_HEAD)
        h1_refuse(c, 408, "the request head came too slowly");
    else if (class == DEADLINE_BODY && c->h1.phase == H1_BODY)
        h1_refuse(c, 408, "the body came too slowly");
    else
        conn_kill(c);
}

void h1_settle(struct conn *c)
{
    struct http_req *req = c->h1.req;
    bool idle;

    if (req && req->end_pending && !req->paused)
        end_input(c);
    if (req && !c->dead && c->h1.req == req)
        req_tell_writable(req);
    if (c->dead)
        return;
    idle = c->h1.phase == H1_HEAD && c->out.len == 0;
    if (c->h1.phase == H1_CLOSE && c->out.len == 0)
        conn_finish(c, c->h1.linger);
    else if (c->eof && c->h1.phase == H1_BODY && req && !req->paused)
        h1_refuse(c, 400, "the body ended early");
    else if (c->eof && (c->h1.phase == H1_DISCARD || idle))
        conn_kill(c);
    else if (idle && c->in.len == 0 && c->hl->draining)
        conn_kill(c);
}

/* --- the way out ---------------------------------------------------------- */

/* Decides, before the head is written, whether the connection lives on. */
static struct str connection_field(struct conn *c, struct http_req *req)
{
    struct h1 *h1 = &c->h1;

    if (c->hl->draining)
        h1->keep_alive = false;
    if (!req->input_done) {
        bool small = h1->continued && (h1->chunked || h1->left <= DISCARD_MAX);
        if (!small) {
            h1->keep_alive = false;
            h1->linger = true;
        }
    }
    if (!h1->keep_alive)
        return STR("close");
    return req->head.minor == 0 ? STR("keep-alive") : STR_NULL;
}

/* The answer is queued whole: the next request may be taken. */
static void finish(struct conn *c, struct http_req *req)
{
    struct h1 *h1 = &c->h1;

    req->reply_done = true;
    h1->req = NULL;
    conn_done(c, req);
    if (req->input_done) {
        h1->phase = h1->keep_alive ? H1_HEAD : H1_CLOSE;
    } else if (h1->keep_alive) {
        h1->phase = H1_DISCARD;
        h1->n_body = 0;
    } else {
        h1->linger = true;
        h1->phase = H1_CLOSE;
    }
    conn_touch(c);
}

void h1_reply(struct http_req *req, int status, struct http_prepared *prepared,
              const struct http_field *fields, size_t n, struct str body)
{
    struct conn *c = req->conn;
    int64_t length =
        http_status_has_body(status) ? (int64_t)body.len : LENGTH_NONE;

    http_write_head(c, status, prepared, fields, n, length,
                    connection_field(c, req));
    if (req->head.method != HTTP_HEAD && length > 0) {
        if (prepared)
            conn_write_prepared(c, prepared);
        else
            conn_write(c, body.p, body.len);
    }
    if (!c->dead)
        finish(c, req);
}

void h1_stream_start(struct http_req *req, int status,
                     const struct http_field *fields, size_t n)
{
    struct conn *c = req->conn;
    int64_t length = LENGTH_CHUNKED;

    req->no_body =
        req->head.method == HTTP_HEAD || !http_status_has_body(status);
    if (!http_status_has_body(status)) {
        length = LENGTH_NONE;
    } else if (req->head.minor == 0) {
        /* Its end is the connection's. */
        c->h1.keep_alive = false;
        length = LENGTH_NONE;
    }
    req->chunk_reply = length == LENGTH_CHUNKED;
    http_write_head(c, status, NULL, fields, n, length,
                    connection_field(c, req));
}

void h1_stream_write(struct http_req *req, const void *p, size_t len)
{
    struct conn *c = req->conn;
    char *room;
    int n;

    if (len == 0 || req->no_body)
        return;
    if (!req->chunk_reply) {
        conn_write(c, p, len);
        return;
    }
    room = conn_reserve(c, len + 24);
    if (!room)
        return;
    n = snprintf(room, 20, "%zx\r\n", len);
    memcpy(room + n, p, len);
    memcpy(room + n + len, "\r\n", 2);
    conn_commit(c, (size_t)n + len + 2);
}

void h1_stream_end(struct http_req *req)
{
    struct conn *c = req->conn;

    if (req->chunk_reply && !req->no_body)
        conn_write(c, "0\r\n\r\n", 5);
    if (!c->dead)
        finish(c, req);
}
