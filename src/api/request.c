/* SPDX-License-Identifier: Apache-2.0 */
/* A request's beginning (id, route, method) and its end (metrics, log). */
#include <inttypes.h>
#include <stdio.h>

#include "api/app.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/trace.h"

enum {
    SAMPLE = 256 /* one of so many good answers is logged */
};

/* --- exchanges --- */

struct exchange *exchange_new(struct api_loop *l, struct http_req *req)
{
    struct exchange *x = l->pool;

    if (x)
        l->pool = x->next;
    else
        x = MEM_NEW(struct exchange);
    x->req = req;
    x->l = l;
    x->next = x->prev = NULL;
    x->abandon = NULL;
    x->work = NULL;
    x->busy = x->parked = false;
    return x;
}

static void exchange_free(struct exchange *x)
{
    x->next = x->l->pool;
    x->l->pool = x;
}

void exchange_begin(struct exchange *x)
{
    x->busy = true;
}

bool exchange_end(struct exchange *x)
{
    x->busy = false;
    if (x->req)
        return true;
    exchange_free(x);
    return false;
}

/* --- ids --- */

static bool is_id_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
           (c >= 'A' && c <= 'Z') || c == '.' || c == '_' || c == '-';
}

enum {
    RANDOM_ID = 16
};

static void write_random_id(struct api_loop *l, char *out)
{
    static const char hex[] = "0123456789abcdef";
    uint64_t random = rand_next(&l->rand);

    for (int i = 0; i < RANDOM_ID; i++)
        out[i] = hex[random >> (60 - 4 * i) & 15];
}

static void set_id(struct exchange *x)
{
    struct str given = http_req_known(x->req, HTTP_H_X_REQUEST_ID);

    if (given.p && given.len && given.len <= API_ID_MAX) {
        size_t i = 0;
        while (i < given.len && is_id_char(given.p[i]))
            i++;
        if (i == given.len) {
            memcpy(x->id, given.p, given.len);
            x->id_len = given.len;
            return;
        }
    }
    write_random_id(x->l, x->id);
    x->id_len = RANDOM_ID;
}

/* --- in --- */

bool api_serves(const struct api *api, enum route_id id)
{
    return (id != ROUTE_PUSH || api->takes_pushes) &&
           (id != ROUTE_METRICS || !api->admin_public.hide_metrics);
}

/* RFC 9110 section 9.1: a method that nobody here knows is 501, one that no
 * path takes 405. */
static bool is_method_of_http(struct str name)
{
    return str_eq(name, STR("TRACE")) || str_eq(name, STR("QUERY"));
}

static void dispatch(struct exchange *x)
{
    const struct route *r = x->route;

    if (http_req_method(x->req) == HTTP_OTHER &&
        !is_method_of_http(http_req_method_name(x->req))) {
        reply_problem(x, 501, "this method is not known here", NULL, 0);
        return;
    }
    if (r->id == ROUTE_OTHER) {
        if (http_req_method(x->req) == HTTP_OPTIONS &&
            str_eq(http_req_target(x->req), STR("*")))
            reply_options(x);
        else
            reply_problem(x, 404, "nothing is here; /docs tells what is", NULL,
                          0);
        return;
    }
    switch (http_req_method(x->req)) {
    case HTTP_GET:
    case HTTP_HEAD:
        if (r->get) {
            r->get(x);
            return;
        }
        break;
    case HTTP_POST:
        if (r->post) {
            r->post(x);
            return;
        }
        break;
    case HTTP_OPTIONS:
        reply_options(x);
        return;
    default:
        break;
    }
    reply_problem(x, 405, "this path does not take this method", NULL, 0);
}

static struct exchange *begin(struct api_loop *l, struct http_req *req)
{
    struct exchange *x = exchange_new(l, req);
    struct str segment;

    http_req_set_user(req, x);
    x->route = route_find(http_req_path(req), &segment);
    if (x->route->id == ROUTE_PUSH && !api_serves(l->api, ROUTE_PUSH))
        x->route = route_at(ROUTE_OTHER);
    set_id(x);
    return x;
}

void on_request(struct http_req *req, void *app)
{
    dispatch(begin(app, req));
}

size_t error_fields(struct http_req *req, struct http_field *out, size_t room,
                    char *scratch, void *app)
{
    struct api_loop *l = app;
    struct exchange *x = req ? http_req_user(req) : NULL;

    if (req && !x)
        x = begin(l, req); /* counted and logged like the others */
    if (x) {
        out[0] = reply_id_field(x);
    } else {
        write_random_id(l, scratch);
        out[0] = (struct http_field){STR("x-request-id"),
                                     str_of(scratch, RANDOM_ID)};
    }
    return 1 + reply_common_fields(out + 1, room - 1);
}

/* --- out --- */

static struct metric *series(struct api_loop *l, const struct route *route,
                             enum http_method method, int status)
{
    static const char *const methods[] = {
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other"};
    static const char *const classes[] = {"0xx", "1xx", "2xx",
                                          "3xx", "4xx", "5xx"};
    int class = status / 100;
    struct metric **at;

    if (class < 0 || class >= API_STATUS_CLASSES)
        class = 0;
    at = &l->seconds[route->id][method][class];
    if (!*at)
        *at = metrics_get(l->api->metrics, METRIC_HTTP_SECONDS,
                          (const char *const[]){route->path, methods[method],
                                                classes[class]});
    return *at;
}

void request_count_from_the_start(struct api_loop *l)
{
    static const int classes[] = {200, 500};

    for (unsigned i = 0; i < N_ROUTES; i++) {
        const struct route *route = route_at((enum route_id)i);
        for (unsigned c = 0; c < 2; c++) {
            if (route->get)
                (void)series(l, route, HTTP_GET, classes[c]);
            if (route->post)
                (void)series(l, route, HTTP_POST, classes[c]);
        }
    }
}

/* httpRequest and trace, as Cloud Logging names them. */
static void put_extra(struct buf *b, const struct exchange *x, int status,
                      int64_t us)
{
    struct str trace = http_req_known(x->req, HTTP_H_TRACEPARENT);
    const char *project = x->l->api->settings->project;

    buf_puts(b, "\"httpRequest\":{\"requestMethod\":");
    buf_json_str(b, http_req_method_name(x->req));
    buf_puts(b, ",\"requestUrl\":");
    /* the template: raw paths hold user data */
    buf_json_str(b, str_from(x->route->path));
    buf_printf(b, ",\"status\":%d,\"remoteIp\":", status);
    buf_json_str(b, http_req_peer(x->req));
    buf_printf(b, ",\"latency\":\"%lld.%06llds\"}", us / US_PER_S,
               us % US_PER_S);
    buf_puts(b, ",\"requestId\":");
    buf_json_str(b, str_of(x->id, x->id_len));
    if (trace_is_valid(trace)) {
        buf_putc(b, ',');
        trace_put_log(b, trace, project);
    }
}

static bool is_traced(const struct exchange *x)
{
    return trace_is_sampled(http_req_known(x->req, HTTP_H_TRACEPARENT));
}

static void log_request(struct exchange *x, int status, int64_t us)
{
    struct buf extra;

    buf_init(&extra, 2048);
    put_extra(&extra, x, status, us);
    if (extra.failed)
        buf_reset(&extra);
    if (status >= 500)
        LOG_AT(LOG_WARN, extra.len ? extra.data : NULL, "%s answered %d",
               x->route->path, status);
    else if (status >= 400 || status == 0)
        LOG_AT(LOG_INFO, extra.len ? extra.data : NULL, "%s answered %d",
               x->route->path, status);
    else if (is_traced(x)) /* a site of its own: five lines a second each */
        LOG_AT(LOG_INFO, extra.len ? extra.data : NULL, "%s answered %d",
               x->route->path, status);
    else
        LOG_AT(LOG_INFO, extra.len ? extra.data : NULL,
               "%s answered %d (one of %d is logged)", x->route->path, status,
               SAMPLE);
    buf_fini(&extra);
}

void on_close(struct http_req *req, int status, void *app)
{
    struct exchange *x = http_req_user(req);
    struct api_loop *l = app;
    int64_t us;

    if (!x)
        return;
    us = loop_now_us(l->loop) - http_req_start_us(req);
    metric_observe_us(series(l, x->route, http_req_method(req), status), us);
    if (status >= 400 || status == 0 || is_traced(x) ||
        ++l->n_logged % SAMPLE == 0)
        log_request(x, status, us);
    if (x->abandon)
        x->abandon(x);
    x->req = NULL;
    if (!x->busy)
        exchange_free(x);
}

void get_admin(struct exchange *x)
{
    struct api *api = x->l->api;
    struct http_field extra[ADMIN_EXTRA_MAX];
    size_t n = 1;

    extra[0] = reply_id_field(x);
    n += reply_common_fields(extra + n, ADMIN_EXTRA_MAX - n);
    if (!admin_handle(&api->admin_public, x->req, extra, n))
        reply_problem(x, 404, "metrics are on the admin port", NULL, 0);
}
