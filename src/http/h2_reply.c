/* SPDX-License-Identifier: Apache-2.0 */
/* Answers over HTTP/2. Nothing here sends: frames are made by h2_output. */
#include <nghttp2/nghttp2.h>
#include <stdio.h>

#include "common/mem.h"
#include "http/conn.h"
#include "http/h2.h"
#include "http/response.h"

enum {
    N_NV = 40
};

/* --- the way out ---------------------------------------------------------- */

struct nv_list {
    nghttp2_nv inline_v[N_NV];
    nghttp2_nv *v;
    size_t n;
    char status[12], length[24];
};

static void nv_push(struct nv_list *l, struct str name, struct str value)
{
    l->v[l->n++] = (nghttp2_nv){(uint8_t *)name.p, (uint8_t *)value.p, name.len,
                                value.len, NGHTTP2_NV_FLAG_NONE};
}

static void nv_fields(struct nv_list *l, const struct http_field *fields,
                      size_t n, int status)
{
    for (size_t i = 0; i < n; i++) {
        if (http_field_is_sendable(&fields[i], status))
            nv_push(l, fields[i].name, fields[i].value);
    }
}

static void nv_init(struct nv_list *l, size_t n)
{
    l->n = 0;
    l->v = n + 4 > N_NV ? MEM_ARRAY(nghttp2_nv, n + 4) : l->inline_v;
}

static void nv_fini(struct nv_list *l)
{
    if (l->v != l->inline_v)
        mem_free(l->v);
}

static void nv_response(struct nv_list *l, struct http_req *req, int status,
                        const struct http_prepared *prepared,
                        const struct http_field *fields, size_t n,
                        int64_t length)
{
    struct str date = http_date_line(req->conn->hl);

    nv_init(l, n + (prepared ? prepared->n_fields : 0));
    for (int i = 2, rest = status; i >= 0; i--, rest /= 10)
        l->status[i] = (char)('0' + rest % 10);
    nv_push(l, STR(":status"), str_of(l->status, 3));
    nv_push(l, STR("date"), str_of(date.p + 6, date.len - 8));
    if (prepared)
        nv_fields(l, prepared->fields, prepared->n_fields, status);
    nv_fields(l, fields, n, status);
    if (length >= 0)
        nv_push(l, STR("content-length"),
                str_of(l->length, (size_t)snprintf(l->length, sizeof(l->length),
                                                   "%lld", (long long)length)));
}

static void submit_trailers(struct http_req *req)
{
    struct nv_list l;

    nv_init(&l, req->n_trailers);
    nv_fields(&l, req->trailers, req->n_trailers, 200);
    nghttp2_submit_trailer(req->conn->h2->session, req->stream_id, l.v, l.n);
    nv_fini(&l);
}

/* Who stops reading is cut. Only a conversation (a streamed request, as gRPC's
 * are) may stall for long: its memory is bounded by stream_high. */
static void restart_write_deadline(struct http_req *req)
{
    struct http_loop *hl = req->conn->hl;

    if (req->reply_done || (req->mode == HTTP_BODY_WHOLE && req->out.len))
        deadline_set(&hl->deadlines, &req->deadline, DEADLINE_WRITE,
                     hl->now_us);
}

static ssize_t on_read_source(nghttp2_session *session, int32_t stream_id,
                              uint8_t *out, size_t max, uint32_t *flags,
                              nghttp2_data_source *source, void *arg)
{
    struct http_req *req = source->ptr;
    struct conn *c = arg;
    size_t n = outq_take(&req->out, out, max);

    (void)session;
    (void)stream_id;
    c->h2->out_bytes -= n;
    if (n && req->out.len == 0 && !req->reply_done)
        deadline_leave(&req->deadline);
    else if (n)
        restart_write_deadline(req);
    if (req->full && req->out.len <= c->hl->server->limits.stream_high / 4)
        c->h2->tell_writable = true;
    if (req->out.len == 0 && req->reply_done) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
        if (req->n_trailers) {
            *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
            submit_trailers(req);
        }
    } else if (n == 0) {
        req->deferred = true;
        return NGHTTP2_ERR_DEFERRED;
    }
    return (ssize_t)n;
}

static void submit(struct http_req *req, struct nv_list *l, bool has_body)
{
    nghttp2_data_provider source = {.source.ptr = req,
                                    .read_callback = on_read_source};
    int rc = nghttp2_submit_response(req->conn->h2->session, req->stream_id,
                                     l->v, l->n, has_body ? &source : NULL);

    nv_fini(l);
    deadline_leave(&req->deadline);
    restart_write_deadline(req);
    if (rc != 0)
        conn_kill(req->conn);
    conn_touch(req->conn);
}

void h2_reply(struct http_req *req, int status, struct http_prepared *prepared,
              const struct http_field *fields, size_t n, struct str body)
{
    struct nv_list l;
    bool may_have = http_status_has_body(status);
    bool sends = may_have && body.len && req->head.method != HTTP_HEAD;
    bool ok = true;

    if (sends)
        ok = prepared ? outq_append_prepared(&req->out, prepared)
                      : outq_append(&req->out, body.p, body.len);
    req->reply_done = true;
    req->conn->h2->out_bytes += req->out.len;
    if (!ok) {
        h2_abort(req, NGHTTP2_INTERNAL_ERROR);
        return;
    }
    nv_response(&l, req, status, prepared, fields, n,
                may_have ? (int64_t)body.len : LENGTH_NONE);
    submit(req, &l, sends);
}

void h2_stream_start(struct http_req *req, int status,
                     const struct http_field *fields, size_t n)
{
    struct nv_list l;

    req->no_body =
        req->head.method == HTTP_HEAD || !http_status_has_body(status);
    nv_response(&l, req, status, NULL, fields, n, LENGTH_NONE);
    submit(req, &l, !req->no_body);
}

static void resume_source(struct http_req *req)
{
    if (req->deferred) {
        req->deferred = false;
        nghttp2_session_resume_data(req->conn->h2->session, req->stream_id);
    }
    conn_touch(req->conn);
}

void h2_stream_write(struct http_req *req, const void *p, size_t len)
{
    if (len == 0 || req->no_body)
        return;
    if (!outq_append(&req->out, p, len)) {
        h2_abort(req, NGHTTP2_INTERNAL_ERROR);
        return;
    }
    req->conn->h2->out_bytes += len;
    if (req->deadline.class != DEADLINE_WRITE)
        restart_write_deadline(req);
    resume_source(req);
}

static void copy_trailers(struct http_req *req, const struct http_field *fields,
                          size_t n)
{
    size_t text = 0;
    char *at;

    for (size_t i = 0; i < n; i++)
        text += fields[i].name.len + fields[i].value.len;
    req->trailers = mem_alloc(n * sizeof(*fields) + text);
    req->n_trailers = n;
    at = (char *)(req->trailers + n);
    for (size_t i = 0; i < n; i++) {
        struct http_field f = fields[i];
        memcpy(at, f.name.p, f.name.len);
        req->trailers[i].name = str_of(at, f.name.len);
        at += f.name.len;
        if (f.value.len)
            memcpy(at, f.value.p, f.value.len);
        req->trailers[i].value = str_of(at, f.value.len);
        at += f.value.len;
    }
}

void h2_stream_end(struct http_req *req, const struct http_field *trailers,
                   size_t n)
{
    if (n && !req->no_body)
        copy_trailers(req, trailers, n);
    req->reply_done = true;
    restart_write_deadline(req);
    resume_source(req);
}

void h2_abort(struct http_req *req, uint32_t error)
{
    req->answered = true;
    req->reply_done = true;
    deadline_leave(&req->deadline);
    nghttp2_submit_rst_stream(req->conn->h2->session, NGHTTP2_FLAG_NONE,
                              req->stream_id, error);
    conn_touch(req->conn);
}
