/* SPDX-License-Identifier: Apache-2.0 */
/* The port of the service: requests become calls, faults strike, workers run
 * handlers, calls end. */
#include "emulator/bigquery/expire.h"
#include "emulator/bigquery/api.h"

#include <unistd.h>

#include "common/log.h"
#include "common/mem.h"
#include "emulator/bigquery/bigquery_priv.h"
#include "emulator/bigquery/upload.h"
#include "emulator/clock.h"
#include "emulator/guard.h"
#include "emulator/identity/identity.h"
#include "emulator/override.h"
#include "emulator/requests.h"
#include "grpc/gzip.h"
#include "http/http.h"

/* --- running -------------------------------------------------------------- */

static void on_work_done(struct loop_task *task)
{
    call_finish(LOOP_OWNER(task, struct call, task));
}

void call_post(struct call *c)
{
    c->task.run = on_work_done;
    loop_post(c->bq->e->loop, &c->task);
}

/* A worker. */
static void api_run(struct pool_job *job, struct db *db)
{
    struct call *c = LOOP_OWNER(job, struct call, job);

    c->db = db;
    expire_due(c->bq, db, c->now_us);
    (c->then ? c->then : c->route->run)(c);
    call_post(c);
}

void call_continue(struct call *c, void (*then)(struct call *c))
{
    c->then = then;
    pool_add(c->bq->quick, &c->job);
}

static void call_free(struct call *c)
{
    struct bigquery *bq = c->bq;

    if (c->req)
        http_req_set_user(c->req, NULL);
    upload_body_free(c->upload);
    buf_fini(&c->out);
    buf_fini(&c->text);
    buf_fini(&c->unzipped);
    mem_free(c->repeated);
    json_decref(c->running);
    mem_free(c);
    bq->n_calls--;
    bigquery_check_drained(bq);
}

static void start(struct call *c)
{
    switch (c->fault.action) {
    case FAULT_ERROR:
        if (c->fault.http_status == 200) { /* insertAll carries it out */
            c->refuses_rows = true;
            break;
        }
        fail_set(&c->fail, reason_of_http(c->fault.http_status), "%s",
                 c->fault.message);
        c->status = c->fault.http_status;
        call_finish(c);
        return;
    case FAULT_DROP:
        if (c->asked) { /* nobody would ever end it */
            call_fail(c, "backendError", "Dropped by a fault rule");
            call_finish(c);
            return;
        }
        c->taken = false; /* ends with its client */
        if (!c->req)
            call_free(c);
        return;
    case FAULT_DUPLICATE:
        c->twice = true;
        break;
    default:
        break;
    }
    c->job.run = api_run;
    if (c->route->on == ON_LOOP)
        c->route->run(c);
    else
        pool_add(c->route->on == ON_QUICK ? c->bq->quick : c->bq->slow,
                 &c->job);
}

static void on_latency_over(struct loop_timer *timer)
{
    struct call *c = LOOP_OWNER(timer, struct call, timer);

    loop_timer_fini(timer);
    start(c);
}

/* "projects/p/datasets/d/tables/t", or shorter. */
static void resource_of(const struct call *c, struct buf *out)
{
    bool in_dataset = strstr(c->route->path, "/datasets/{}") != NULL;
    bool in_table = strstr(c->route->path, "/tables/{}") != NULL;

    buf_puts(out, "projects/");
    buf_str(out, c->vars[0]);
    if (in_dataset || (c->vars[1].len && !in_table)) {
        buf_puts(out, in_dataset ? "/datasets/" : "/jobs/");
        buf_str(out, c->vars[1]);
    }
    if (in_table) {
        buf_puts(out, "/tables/");
        buf_str(out, c->vars[2]);
    }
}

static void dispatch(struct call *c)
{
    struct bigquery *bq = c->bq;
    struct buf resource;

    buf_init(&resource, 4096);
    resource_of(c, &resource);
    faults_match(bq->e->faults, STR("bigquery"), str_from(c->route->name),
                 buf_as_str(&resource), &c->fault);
    buf_fini(&resource);
    if (c->fault.latency_us == 0) {
        start(c);
        return;
    }
    loop_timer_init(&c->timer, bq->e->loop, on_latency_over);
    loop_timer_arm(&c->timer, c->fault.latency_us);
}

/* --- ending --------------------------------------------------------------- */

static void note(struct call *c)
{
    static const char *const names[] = {NULL,   "error",     "delay",
                                        "drop", "duplicate", "reset"};
    struct buf resource;

    buf_init(&resource, 4096);
    resource_of(c, &resource);
    requests_add(c->bq->e->requests,
                 &(struct request_note){
                     .service = STR("bigquery"),
                     .method = str_from(c->route->name),
                     .resource = buf_as_str(&resource),
                     .transport = "rest",
                     .status = c->fail.reason ? reason_code(c->fail.reason) : 0,
                     .http_status = c->status,
                     .start_us = c->start_us,
                     .n = c->n,
                     .fault = c->fault.latency_us && !c->fault.action
                                  ? "delay"
                                  : names[c->fault.action]});
    buf_fini(&resource);
}

void call_finish(struct call *c)
{
    if (c->fail.reason) {
        if (!c->status || c->status == 200)
            c->status = reason_http(c->fail.reason);
        buf_reset(&c->out);
        reason_put_body(&c->out, &c->fail, c->status);
        if (c->status >= 500)
            LOG_W("BigQuery: %s: %s", c->route->name, c->fail.text);
        atomic_fetch_add(&c->bq->counts.failures, 1);
    }
    note(c);
    answer_send(c);
    if (c->asked)
        c->asked(c->asked_arg, c->status ? c->status : 200,
                 buf_as_str(&c->out));
    call_free(c);
}

/* --- from a request to a call --------------------------------------------- */

static struct str keep(struct call *c, struct str s)
{
    size_t at = c->text.len;

    if (!s.p)
        return STR_NULL;
    buf_str(&c->text, s);
    buf_putc(&c->text, '\0');
    return str_of(c->text.data + at, s.len);
}

static int read_params(struct call *c, struct str query)
{
    struct buf scratch;
    struct str name, value;
    int rc = RC_OK;

    buf_init(&scratch, 64 << 10);
    while (rc == RC_OK && c->n_params < CALL_MAX_PARAMS &&
           http_query_next(&query, &scratch, &name, &value, &rc)) {
        struct param *p = &c->params[c->n_params++];

        p->name = keep(c, name);
        p->value = keep(c, value);
    }
    buf_fini(&scratch);
    return rc;
}

/* The body's bytes, unpacked if need be. */
static int read_body(struct call *c, struct http_req *req)
{
    struct str coding = http_req_known(req, HTTP_H_CONTENT_ENCODING);
    struct str body = http_req_body(req);
    struct grpc_gzip *z;
    int rc;

    if (!coding.p || str_ieq(coding, STR("identity"))) {
        c->body = keep(c, body.p ? body : STR(""));
        return RC_OK;
    }
    if (!str_ieq(coding, STR("gzip")) && !str_ieq(coding, STR("x-gzip")))
        return fail_set(&c->fail, "invalid",
                        "Unsupported content encoding: only gzip is");
    z = grpc_gzip_new();
    rc = grpc_gunzip(z, body, CALL_BODY_MAX, &c->unzipped);
    grpc_gzip_free(z);
    c->body = buf_as_str(&c->unzipped);
    if (rc == RC_TOO_LARGE)
        return fail_set(&c->fail, "tooLarge",
                        "The decompressed payload is too large");
    return rc ? fail_set(&c->fail, "invalid", "The payload is not valid gzip")
              : RC_OK;
}

static bool likes_gzip(struct http_req *req)
{
    struct str accept = http_req_known(req, HTTP_H_ACCEPT_ENCODING);
    struct str agent = http_req_field(req, STR("user-agent"));

    return accept.p && agent.p && memmem(accept.p, accept.len, "gzip", 4) &&
           memmem(agent.p, agent.len, "gzip", 4);
}

static struct call *call_new(struct bigquery *bq, struct http_req *req)
{
    struct call *c = MEM_NEW(struct call);
    size_t room = 2 * http_req_target(req).len + http_req_body(req).len + 8192;

    c->bq = bq;
    c->req = req;
    c->start_us = http_req_start_us(req);
    c->now_us = vclock_now_us(bq->e->clock);
    buf_init(&c->text, room + 4096);
    buf_init(&c->unzipped, CALL_BODY_MAX + 1);
    buf_init(&c->out, CALL_REPLY_MAX);
    bq->n_calls++;
    http_req_set_user(req, c);
    /* what lies in `text` must never move */
    if (!buf_reserve(&c->text, room))
        fail_set(&c->fail, "backendError", "Out of memory");
    return c;
}

static struct str header(struct call *c, struct http_req *req, struct str name)
{
    struct str v = http_req_field(req, name);

    return v.len > 512 ? STR_NULL : keep(c, v);
}

static bool route_call(struct call *c, struct http_req *req)
{
    struct str method = override_method(req);
    struct buf path;
    bool known = false;

    buf_init(&path, 64 << 10);
    route_strip(http_req_path(req), &path);
    c->route = route_find(method, buf_as_str(&path), &c->text, c->vars, &known);
    buf_fini(&path);
    if (c->route)
        return true;
    if (known)
        fail_set(&c->fail, "methodNotAllowed",
                 "Method %.*s is not allowed for this path",
                 (int)(method.len > 20 ? 20 : method.len), method.p);
    else
        fail_set(&c->fail, "notFound",
                 "Not found: BigQuery has no method at this path");
    return false;
}

static void read_head(struct call *c, struct http_req *req)
{
    c->if_match = header(c, req, STR("if-match"));
    c->if_none_match = header(c, req, STR("if-none-match"));
    c->host = header(c, req, STR("host"));
    c->content_type = header(c, req, STR("content-type"));
    c->content_range = header(c, req, STR("content-range"));
    c->upload_type = header(c, req, STR("x-upload-content-type"));
    c->zip = likes_gzip(req);
}

/* The whole request is here. */
static void take(struct call *c, struct http_req *req)
{
    static const struct route none = {"unknown", "", "", ON_LOOP, NULL};

    c->taken = true;
    if (!c->fail.reason && route_call(c, req) &&
        read_params(c, http_req_query(req)))
        fail_set(&c->fail, "invalid", "The query is not well-formed");
    if (!c->fail.reason) {
        read_head(c, req);
        if (!c->upload)
            (void)read_body(c, req);
    }
    atomic_fetch_add(&c->bq->counts.requests, 1);
    atomic_fetch_add(&c->bq->counts.bytes_in, c->body.len);
    if (c->fail.reason) {
        c->route = c->route ? c->route : &none;
        call_finish(c);
        return;
    }
    dispatch(c);
}

/* --- a request from within ------------------------------------------------ */

static void on_asked(struct loop_task *task)
{
    struct call *c = LOOP_OWNER(task, struct call, task);

    if (c->route)
        dispatch(c);
    else
        call_finish(c);
}

void api_ask(void *bigquery, const char *method, const char *path,
             struct str body,
             void (*done)(void *arg, int status, struct str answer), void *arg)
{
    static const struct route none = {"unknown", "", "", ON_LOOP, NULL};
    struct bigquery *bq = bigquery;
    struct call *c = MEM_NEW(struct call);
    size_t room = 2 * strlen(path) + body.len + 8192;
    bool known;

    c->bq = bq;
    c->asked = done;
    c->asked_arg = arg;
    c->taken = true;
    c->start_us = loop_now_us(bq->e->loop);
    c->now_us = vclock_now_us(bq->e->clock);
    buf_init(&c->text, room + 4096);
    buf_init(&c->unzipped, 1);
    buf_init(&c->out, CALL_REPLY_MAX);
    bq->n_calls++;
    if (buf_reserve(&c->text, room))
        c->route = route_find(str_from(method), str_from(path), &c->text,
                              c->vars, &known);
    c->body = keep(c, body);
    if (!c->route) {
        c->route = &none;
        fail_set(&c->fail, "notFound", "Not found: %s", path);
        call_post(c);
        return;
    }
    c->task.run = on_asked;
    loop_post(bq->e->loop, &c->task);
}

/* --- the application ------------------------------------------------------ */

static bool is_upload(struct http_req *req)
{
    struct str path = http_req_path(req);

    return str_starts(path, STR("/upload/")) ||
           str_starts(path, STR("/resumable/upload/"));
}

static enum http_body_mode on_head(struct http_req *req, void *app)
{
    const struct bigquery *bq = app;
    const char *why = guard_service(req, bq->e->host);
    struct fail fail = {.reason = NULL};

    http_req_set_user(req, NULL);
    if (why) {
        fail_set(&fail, "accessDenied", "%s", why);
        answer_fail(req, &fail, 403);
        return HTTP_BODY_WHOLE;
    }
    if (is_upload(req))
        return HTTP_BODY_STREAM;
    http_req_limit_body(req, BODY_MAX);
    return HTTP_BODY_WHOLE;
}

static void on_request(struct http_req *req, void *app)
{
    static const struct http_field text = {{"content-type", 12},
                                           {"text/plain", 10}};
    enum http_method method = http_req_method(req);
    struct bigquery *bq = app;
    struct call *c;

    if (method == HTTP_OPTIONS) {
        answer_preflight(req);
        return;
    }
    if (identity_serve(bq->e->identity, req) ||
        identity_issue(bq->e->identity, req))
        return;
    if (method == HTTP_GET && str_eq(http_req_path(req), STR("/"))) {
        http_reply(req, 200, &text, 1, STR("Ok\n"));
        return;
    }
    c = call_new(bq, req);
    if (is_upload(req))
        c->upload = upload_body_new(bq->e->state_dir, &c->fail);
    else
        take(c, req);
}

static void on_data(struct http_req *req, struct str data, void *app)
{
    struct call *c = http_req_user(req);

    (void)app;
    if (c && c->upload && !c->fail.reason)
        upload_body_add(c->upload, data, &c->fail);
}

static void on_end(struct http_req *req, void *app)
{
    struct call *c = http_req_user(req);

    (void)app;
    if (c && !c->taken)
        take(c, req);
}

static void on_close(struct http_req *req, int status, void *app)
{
    struct call *c = http_req_user(req);

    (void)app;
    (void)status;
    if (!c)
        return;
    c->req = NULL;
    if (!c->taken)
        call_free(c);
}

const struct http_app bigquery_http_app = {
    .on_head = on_head,
    .on_request = on_request,
    .on_data = on_data,
    .on_end = on_end,
    .on_close = on_close,
    .render_error = answer_render_error,
};
