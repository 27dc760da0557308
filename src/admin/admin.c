/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/admin.h"

#include "common/buf.h"
#include "common/metrics.h"
#include "http/http.h"

enum {
    PAGE_MAX = 8 * 1024 * 1024,
    PROBLEM_MAX = 4096
};

static struct str title_of(int status)
{
    struct str phrase = http_reason(status);

    return phrase.len ? phrase : STR("Error");
}

void admin_problem_begin(struct buf *out, int status, struct str detail)
{
    buf_puts(out, "{\"type\":\"about:blank\",\"title\":");
    buf_json_str(out, title_of(status));
    buf_printf(out, ",\"status\":%d,\"detail\":", status);
    buf_json_str(out, detail);
}

static void put_problem(struct buf *out, int status, struct str detail)
{
    admin_problem_begin(out, status, detail.len ? detail : title_of(status));
    buf_putc(out, '}');
}

void admin_render_error(int status, const char *detail, struct buf *type,
                        struct buf *body)
{
    buf_puts(type, "application/problem+json");
    put_problem(body, status, str_from(detail ? detail : ""));
}

/* One request and what each of its answers carries. */
struct asked {
    struct http_req *req;
    const struct http_field *extra;
    size_t n_extra;
};

static void reply(const struct asked *q, int status, struct str type,
                  struct str body)
{
    struct http_field fields[4 + ADMIN_EXTRA_MAX];
    size_t n = 0;

    if (type.len)
        fields[n++] = (struct http_field){STR("content-type"), type};
    fields[n++] = (struct http_field){STR("cache-control"), STR("no-store")};
    if (status == 405 || status == 204)
        fields[n++] =
            (struct http_field){STR("allow"), STR("GET, HEAD, OPTIONS")};
    if (status == 503)
        fields[n++] = (struct http_field){STR("retry-after"), STR("1")};
    for (size_t i = 0; i < q->n_extra && i < ADMIN_EXTRA_MAX; i++)
        fields[n++] = q->extra[i];
    http_reply(q->req, status, fields, n, body);
}

static void reply_problem(const struct asked *q, int status, const char *detail)
{
    struct buf body;

    buf_init(&body, PROBLEM_MAX);
    put_problem(&body, status, str_from(detail));
    reply(q, status, STR("application/problem+json"), buf_as_str(&body));
    buf_fini(&body);
}

/* Does Accept name OpenMetrics? A scraper that does prefers it. */
static bool wants_openmetrics(const struct http_req *req)
{
    struct str accept = http_req_known(req, HTTP_H_ACCEPT);
    const struct str name = STR("application/openmetrics-text");

    for (size_t i = 0; accept.p && i + name.len <= accept.len; i++) {
        if (str_ieq(str_of(accept.p + i, name.len), name))
            return true;
    }
    return false;
}

static void reply_metrics(const struct admin *a, const struct asked *q)
{
    bool open = wants_openmetrics(q->req);
    struct buf page;

    if (a->refresh)
        a->refresh(a->arg);
    buf_init(&page, PAGE_MAX);
    metrics_render(a->metrics, open, &page);
    if (page.failed)
        reply_problem(q, 503, "no memory for the page");
    else
        reply(q, 200,
              open ? STR("application/openmetrics-text; version=1.0.0; "
                         "charset=utf-8")
                   : STR("text/plain; version=0.0.4; charset=utf-8"),
              buf_as_str(&page));
    buf_fini(&page);
}

static void reply_ready(const struct admin *a, const struct asked *q)
{
    const char *why = "not ready";

    if (!a->is_ready || a->is_ready(a->arg, &why))
        reply(q, 200, STR("application/json"), STR("{\"status\":\"ok\"}"));
    else
        reply_problem(q, 503, why);
}

bool admin_handle(const struct admin *a, struct http_req *req,
                  const struct http_field *extra, size_t n_extra)
{
    const struct asked q = {req, extra, n_extra};
    struct str path = http_req_path(req);
    enum http_method method = http_req_method(req);
    bool is_metrics = str_eq(path, STR("/metrics")) && !a->hide_metrics;
    bool is_ready = str_eq(path, STR("/readyz"));

    if (!is_metrics && !is_ready && !str_eq(path, STR("/livez")))
        return false;
    if (method == HTTP_OPTIONS)
        reply(&q, 204, STR_NULL, STR(""));
    else if (method != HTTP_GET && method != HTTP_HEAD)
        reply_problem(&q, 405, "this path is only read");
    else if (is_metrics)
        reply_metrics(a, &q);
    else if (is_ready)
        reply_ready(a, &q);
    else
        reply(&q, 200, STR("application/json"), STR("{\"status\":\"ok\"}"));
    return true;
}

/* --- a server of its own --- */

static void on_request(struct http_req *req, void *app)
{
    static const struct http_field nosniff = {{"x-content-type-options", 22},
                                              {"nosniff", 7}};
    const struct asked q = {req, &nosniff, 1};

    if (!admin_handle(app, req, &nosniff, 1))
        reply_problem(&q, 404, "here are /metrics, /livez and /readyz");
}

static const struct http_app own_app = {
    .on_request = on_request,
    .render_error = admin_render_error,
};

int admin_listen(const struct admin *a, struct loop *loop, const char *address,
                 uint16_t port, struct http_server **out, struct err *err)
{
    struct http_limits limits;
    struct http_server *server;
    int rc;

    http_limits_default(&limits);
    limits.connections = 64;
    limits.body_bytes = 4096;
    server = http_server_new(&own_app, &limits);
    rc = http_server_listen(server, loop, address, port, (void *)a, err);
    if (rc)
        http_server_free(server);
    else
        *out = server;
    return rc;
}
