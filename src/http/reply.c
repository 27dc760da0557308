/* SPDX-License-Identifier: Apache-2.0 */
/* Answers: the application's half, the same for both protocols. Nothing is
 * sent before the caller returns; misuse (a second answer) is dropped and
 * logged. */
#include "common/log.h"
#include "common/mem.h"
#include "http/conn.h"
#include "http/h2.h"
#include "http/response.h"

/* May `req` be answered now? */
static bool begin_answer(struct http_req *req, int status)
{
    struct http_loop *hl = req->conn->hl;

    if (req->answered || req->closed) {
        LOG_E("http: a request was answered twice (status %d then %d)",
              req->status, status);
        return false;
    }
    req->answered = true;
    if (req->conn->dead) {
        req->reply_done = true;
        return false;
    }
    req->status = status;
    if (!hl->batch_conn)
        hl->now_us = loop_now_us(hl->loop);
    return true;
}

void http_reply(struct http_req *req, int status,
                const struct http_field *fields, size_t n_fields,
                struct str body)
{
    if (!begin_answer(req, status))
        return;
    if (req->is_h2)
        h2_reply(req, status, NULL, fields, n_fields, body);
    else
        h1_reply(req, status, NULL, fields, n_fields, body);
}

void http_reply_prepared(struct http_req *req, struct http_prepared *p,
                         int status, const struct http_field *extra,
                         size_t n_extra)
{
    struct str body = http_prepared_body(p);

    if (!status)
        status = p->status;
    if (!begin_answer(req, status))
        return;
    if (req->is_h2)
        h2_reply(req, status, p, extra, n_extra, body);
    else
        h1_reply(req, status, p, extra, n_extra, body);
}

void http_stream_start(struct http_req *req, int status,
                       const struct http_field *fields, size_t n_fields)
{
    if (!begin_answer(req, status))
        return;
    if (req->is_h2)
        h2_stream_start(req, status, fields, n_fields);
    else
        h1_stream_start(req, status, fields, n_fields);
}

size_t http_stream_pending(const struct http_req *req)
{
    return req->is_h2 ? req->out.len : conn_pending(req->conn);
}

bool http_stream_write(struct http_req *req, const void *p, size_t len)
{
    if (!req->answered || req->reply_done || req->conn->dead)
        return false;
    if (req->is_h2)
        h2_stream_write(req, p, len);
    else
        h1_stream_write(req, p, len);
    if (http_stream_pending(req) <= req->conn->hl->server->limits.stream_high)
        return true;
    req->full = true;
    return false;
}

void http_stream_end(struct http_req *req, const struct http_field *trailers,
                     size_t n_trailers)
{
    if (!req->answered || req->reply_done)
        return;
    if (req->conn->dead)
        req->reply_done = true;
    else if (req->is_h2)
        h2_stream_end(req, trailers, n_trailers);
    else
        h1_stream_end(req);
}

void http_abort(struct http_req *req, uint32_t h2_error)
{
    if (req->conn->dead || req->closed)
        return;
    if (req->is_h2)
        h2_abort(req, h2_error);
    else
        conn_cut(req->conn);
}

void http_req_pause(struct http_req *req)
{
    req->paused = true;
}

void http_req_resume(struct http_req *req)
{
    if (!req->paused)
        return;
    req->paused = false;
    if (req->conn->dead)
        return;
    if (req->is_h2)
        h2_resume(req);
    conn_touch(req->conn);
}
