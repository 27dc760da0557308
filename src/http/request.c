/* SPDX-License-Identifier: Apache-2.0 */
/* A request: its memory, the application's callbacks in their order, and
 * what the application may ask of it. */
#include "common/clock.h"
#include "common/mem.h"
#include "http/conn.h"
#include "http/response.h"

enum {
    POOL_MAX = 64,
    BODY_MIN_BYTES_PER_S = 512, /* on the mean, after body_us */
    BODY_BUDGET = 256 << 20     /* whole bodies held on one loop */
};

/* --- life ----------------------------------------------------------------- */

struct join {
    struct join *next;
    struct str name;
    struct str value;
    char mem[];
};

struct http_req *req_new(struct conn *c)
{
    struct http_loop *hl = c->hl;
    struct http_req *req = hl->pool;

    if (req) {
        hl->pool = req->next;
        hl->n_pool--;
    } else {
        req = mem_try_alloc(sizeof(*req));
        if (!req)
            return NULL;
    }
    /* The inline arrays need no clearing. */
    memset(req, 0, offsetof(struct http_req, inline_fields));
    req->conn = c;
    req->start_us = hl->now_us;
    req->body_limit = hl->server->limits.body_bytes;
    req->head.fields = req->inline_fields;
    req->head.n_fields_max = REQ_INLINE_FIELDS;
    req->mem = req->inline_mem;
    req->mem_cap = REQ_INLINE_BYTES;
    return req;
}

void req_free(struct http_req *req)
{
    struct http_loop *hl = req->conn->hl;

    deadline_leave(&req->deadline);
    while (req->joins) {
        struct join *next = req->joins->next;
        mem_free(req->joins);
        req->joins = next;
    }
    if (req->mem != req->inline_mem)
        mem_free(req->mem);
    if (req->head.fields != req->inline_fields)
        mem_free(req->head.fields);
    if (req->mode == HTTP_BODY_WHOLE)
        hl->body_bytes -= req->body.len;
    if (req->body.data)
        buf_fini(&req->body);
    outq_clear(&req->out);
    mem_free(req->trailers);
    if (hl->n_pool == POOL_MAX) {
        mem_free(req);
        return;
    }
    hl->n_pool++;
    req->next = hl->pool;
    hl->pool = req;
}

void req_close(struct http_req *req)
{
    struct http_loop *hl = req->conn->hl;

    deadline_leave(&req->deadline);
    req->closed = true;
    if (req->announced && hl->server->app.on_close)
        hl->server->app.on_close(req, req->status, hl->app_arg);
    req_free(req);
}

bool req_room(struct http_req *req, size_t bytes, unsigned n_fields)
{
    if (bytes > req->mem_cap) {
        bool is_inline = req->mem == req->inline_mem;
        size_t cap = bytes + bytes / 2;
        char *mem = mem_try_realloc(is_inline ? NULL : req->mem, cap);

        if (!mem)
            return false;
        if (is_inline)
            memcpy(mem, req->inline_mem, req->mem_len);
        req->mem = mem;
        req->mem_cap = cap;
    }
    if (n_fields > HTTP_MAX_FIELDS)
        n_fields = HTTP_MAX_FIELDS;
    if (n_fields > req->head.n_fields_max) {
        struct http_field_at *more =
            mem_try_alloc(HTTP_MAX_FIELDS * sizeof(*more));

        if (!more)
            return false;
        memcpy(more, req->head.fields, req->head.n_fields * sizeof(*more));
        req->head.fields = more;
        req->head.n_fields_max = HTTP_MAX_FIELDS;
    }
    return true;
}

/* --- callbacks ------------------------------------------------------------ */

void req_refuse(struct http_req *req, int status, const char *detail)
{
    struct refusal r;

    refusal_init(&r, req->conn->hl, req->announced ? req : NULL, status,
                 detail);
    http_reply(req, status, r.fields, r.n_fields, buf_as_str(&r.body));
    refusal_fini(&r);
}

static void start(struct http_req *req)
{
    struct http_loop *hl = req->conn->hl;

    req->started = true;
    hl->server->app.on_request(req, hl->app_arg);
}

bool req_dispatch_head(struct http_req *req)
{
    struct conn *c = req->conn;
    const struct http_app *app = &c->hl->server->app;

    req->announced = true;
    if (app->on_head)
        req->mode = app->on_head(req, c->hl->app_arg);
    /* Who takes a body as it comes counts by itself. */
    if (req->mode == HTTP_BODY_STREAM && !req->limit_set)
        req->body_limit = SIZE_MAX / 2;
    if (req->answered || c->dead)
        return false;
    if (req->head.has_length && req->head.length > req->body_limit) {
        req_refuse(req, 413, "the body is too large");
        return false;
    }
    buf_init(&req->body, req->body_limit);
    if (req->mode == HTTP_BODY_STREAM)
        start(req);
    return !req->reply_done && !c->dead;
}

bool req_is_too_slow(const struct http_req *req, int64_t began_us,
                     uint64_t n_body)
{
    struct http_loop *hl = req->conn->hl;
    int64_t allowed_us = hl->server->limits.body_us +
                         (int64_t)(n_body * US_PER_S / BODY_MIN_BYTES_PER_S);

    return req->mode == HTTP_BODY_WHOLE && !req->answered &&
           hl->now_us - began_us > allowed_us;
}

void req_dispatch_data(struct http_req *req, struct str data)
{
    struct http_loop *hl = req->conn->hl;

    if (req->mode == HTTP_BODY_WHOLE && !req->started) {
        if (req->answered)
            return;
        if (hl->body_bytes + data.len > BODY_BUDGET) {
            req_refuse(req, 503, "too many bodies are on their way");
            return;
        }
        buf_append(&req->body, data.p, data.len);
        if (req->body.failed)
            req_refuse(req, 503, "no memory for the body");
        else
            hl->body_bytes += data.len;
    } else if (!req->reply_done && req->started && hl->server->app.on_data) {
        hl->server->app.on_data(req, data, hl->app_arg);
    }
}

void req_dispatch_end(struct http_req *req)
{
    struct http_loop *hl = req->conn->hl;

    if (req->mode == HTTP_BODY_WHOLE) {
        if (!req->started && !req->answered)
            start(req);
    } else if (req->started && !req->reply_done && hl->server->app.on_end) {
        hl->server->app.on_end(req, hl->app_arg);
    }
}

void req_tell_writable(struct http_req *req)
{
    struct http_loop *hl = req->conn->hl;

    if (!req->full || req->reply_done ||
        http_stream_pending(req) > hl->server->limits.stream_high / 4)
        return;
    req->full = false;
    if (hl->server->app.on_writable)
        hl->server->app.on_writable(req, hl->app_arg);
}

/* --- what it says --------------------------------------------------------- */

static struct str span_str(const struct http_req *req, struct http_span span)
{
    return str_of(req->mem + span.at, span.len);
}

enum http_method http_req_method(const struct http_req *req)
{
    return req->head.method;
}

struct str http_req_method_name(const struct http_req *req)
{
    return span_str(req, req->head.method_name);
}

struct str http_req_target(const struct http_req *req)
{
    return span_str(req, req->head.target);
}

struct str http_req_path(const struct http_req *req)
{
    if (req->head.path.len == 0)
        return STR("/");
    return span_str(req, req->head.path);
}

struct str http_req_query(const struct http_req *req)
{
    return req->head.has_query ? span_str(req, req->head.query) : STR_NULL;
}

struct http_field http_req_field_at(const struct http_req *req, size_t i)
{
    return (struct http_field){span_str(req, req->head.fields[i].name),
                               span_str(req, req->head.fields[i].value)};
}

size_t http_req_n_fields(const struct http_req *req)
{
    return req->head.n_fields;
}

/* The values of all fields called `name` from `first` on, joined. Kept with
 * the request; the first value alone when memory is gone. */
static struct str join_from(struct http_req *req, struct str name, size_t first)
{
    bool is_cookie = str_eq(name, STR("cookie"));
    size_t n = http_req_n_fields(req), len = 0;
    struct join *join;
    char *at;

    for (join = req->joins; join; join = join->next) {
        if (str_eq(join->name, name))
            return join->value;
    }
    for (size_t i = first; i < n; i++) {
        struct http_field f = http_req_field_at(req, i);
        len += str_eq(f.name, name) ? f.value.len + 2 : 0;
    }
    join = mem_try_alloc(sizeof(*join) + len);
    if (!join)
        return http_req_field_at(req, first).value;
    at = join->mem;
    for (size_t i = first; i < n; i++) {
        struct http_field f = http_req_field_at(req, i);
        if (!str_eq(f.name, name))
            continue;
        if (i != first) {
            memcpy(at, is_cookie ? "; " : ", ", 2);
            at += 2;
        }
        memcpy(at, f.value.p, f.value.len);
        at += f.value.len;
    }
    join->name = http_req_field_at(req, first).name;
    join->value = str_of(join->mem, (size_t)(at - join->mem));
    join->next = req->joins;
    req->joins = join;
    return join->value;
}

/* The value of the field at `i`, joined with later ones of its name. */
static struct str value_at(const struct http_req *req, size_t i)
{
    struct http_field found = http_req_field_at(req, i);

    for (size_t k = i + 1; k < http_req_n_fields(req); k++) {
        if (str_eq(http_req_field_at(req, k).name, found.name))
            return join_from((struct http_req *)req, found.name, i);
    }
    return found.value;
}

struct str http_req_known(const struct http_req *req, enum http_known name)
{
    if (name == HTTP_H_HOST && req->head.authority.len)
        return span_str(req, req->head.authority);
    if (!req->head.known[name])
        return STR_NULL;
    return value_at(req, req->head.known[name] - 1U);
}

struct str http_req_field(const struct http_req *req, struct str name)
{
    for (size_t i = 0; i < http_req_n_fields(req); i++) {
        if (str_eq(http_req_field_at(req, i).name, name))
            return value_at(req, i);
    }
    return STR_NULL;
}

bool http_req_is_h2(const struct http_req *req)
{
    return req->is_h2;
}

struct str http_req_body(const struct http_req *req)
{
    return buf_as_str(&req->body);
}

void http_req_limit_body(struct http_req *req, size_t bytes)
{
    req->body_limit = bytes;
    req->limit_set = true;
}

struct loop *http_req_loop(const struct http_req *req)
{
    return req->conn->hl->loop;
}

int64_t http_req_start_us(const struct http_req *req)
{
    return req->start_us;
}

struct str http_req_peer(const struct http_req *req)
{
    return str_from(req->conn->peer);
}

void http_req_set_user(struct http_req *req, void *user)
{
    req->user = user;
}

void *http_req_user(const struct http_req *req)
{
    return req->user;
}

bool http_req_peer_is_done(const struct http_req *req)
{
    return req->conn->eof || req->conn->dead;
}
