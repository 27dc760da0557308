/* SPDX-License-Identifier: Apache-2.0 */
/* Answers on the wire: JSON, ETag, compression, CORS, faults that cut. */
#include "common/mem.h"
#include "emulator/bigquery/api.h"
#include "emulator/bigquery/bigquery_priv.h"
#include "grpc/gzip.h"
#include "http/http.h"

enum {
    ZIP_FROM = 2048, /* smaller bodies are sent as they are */
    MAX_FIELDS = 12
};

static const struct http_field json_media = {
    {"content-type", 12}, {"application/json; charset=UTF-8", 31}};

static size_t cors(struct http_req *req, struct http_field *fields)
{
    struct str origin = http_req_known(req, HTTP_H_ORIGIN);

    if (!origin.p)
        return 0;
    fields[0] = (struct http_field){STR("access-control-allow-origin"), origin};
    fields[1] = (struct http_field){STR("access-control-allow-credentials"),
                                    STR("true")};
    fields[2] = (struct http_field){STR("vary"), STR("Origin")};
    return 3;
}

void answer_fail(struct http_req *req, const struct fail *f, int status)
{
    struct http_field fields[4] = {json_media};
    struct buf body;

    buf_init(&body, 64 << 10);
    reason_put_body(&body, f, status);
    http_reply(req, status ? status : reason_http(f->reason), fields,
               1 + cors(req, fields + 1), buf_as_str(&body));
    buf_fini(&body);
}

void answer_preflight(struct http_req *req)
{
    struct str wanted =
        http_req_field(req, STR("access-control-request-headers"));
    struct http_field fields[6] = {
        {STR("access-control-allow-methods"),
         STR("GET, POST, PUT, PATCH, DELETE, OPTIONS")},
        {STR("access-control-max-age"), STR("3600")}};
    size_t n = 2 + cors(req, fields + 2);

    if (wanted.p)
        fields[n++] =
            (struct http_field){STR("access-control-allow-headers"), wanted};
    http_reply(req, 200, fields, n, STR_NULL);
}

static void send_body(struct call *c, struct http_field *fields, size_t n)
{
    struct str body = buf_as_str(&c->out);
    struct grpc_gzip *z;
    struct buf packed;

    if (!c->zip || body.len < ZIP_FROM) {
        http_reply(c->req, c->status, fields, n, body);
        return;
    }
    buf_init(&packed, body.len);
    z = grpc_gzip_new();
    if (grpc_gzip(z, body, &packed)) {
        fields[n++] = (struct http_field){STR("content-encoding"), STR("gzip")};
        fields[n++] = (struct http_field){STR("vary"), STR("Accept-Encoding")};
        body = buf_as_str(&packed);
    }
    grpc_gzip_free(z);
    http_reply(c->req, c->status, fields, n, body);
    buf_fini(&packed);
}

void answer_send(struct call *c)
{
    struct http_field fields[MAX_FIELDS] = {json_media};
    size_t n = 1;

    if (!c->req)
        return;
    if (c->fault.action == FAULT_RESET) {
        http_abort(c->req, 2 /* INTERNAL_ERROR */);
        return;
    }
    if (c->out.failed) {
        fail_set(&c->fail, "responseTooLarge", "Response too large to return");
        answer_fail(c->req, &c->fail, 0);
        return;
    }
    if (c->etag[0] && !c->fail.reason)
        fields[n++] = (struct http_field){STR("etag"), str_from(c->etag)};
    for (size_t i = 0; i < 4; i += 2)
        if (c->extra[i].p)
            fields[n++] = (struct http_field){c->extra[i], c->extra[i + 1]};
    n += cors(c->req, fields + n);
    send_body(c, fields, n);
}

void answer_render_error(int status, const char *detail, struct buf *type,
                         struct buf *body)
{
    struct fail f = {.reason = reason_of_http(status)};

    fail_set(&f, reason_of_http(status), "%s", detail ? detail : "");
    if (status == 413)
        fail_set(&f, "tooLarge",
                 "Request payload size exceeds the limit: %d bytes.", BODY_MAX);
    buf_puts(type, "application/json; charset=UTF-8");
    reason_put_body(body, &f, status);
}
