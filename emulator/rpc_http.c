/* SPDX-License-Identifier: Apache-2.0 */
/* The port of a service: gRPC and REST told apart, REST requests to calls. */
#include "common/clock.h"
#include "common/mem.h"
#include "emulator/faults.h"
#include "emulator/grpc_health.h"
#include "emulator/grpc_reflection.h"
#include "emulator/guard.h"
#include "emulator/override.h"
#include "emulator/rpc_priv.h"
#include "emulator/service.h"
#include "emulator/transcode.h"
#include "google/rpc/error_details.pb-c.h"
#include "grpc/gzip.h"

enum {
    REST_FACTOR = 2 /* base64 and JSON around what gRPC sends as it is */
};

/* --- gRPC ----------------------------------------------------------------- */

static void on_grpc_message(struct grpc_call *grpc, ProtobufCMessage *m,
                            struct str raw, void *app)
{
    struct rpc *rpc = app;
    size_t i = (size_t)(grpc_call_method(grpc) - rpc->rows);
    struct rpc_call *call = rpc_call_new(rpc, &rpc->methods[i], m);
    struct err err;

    if (m)
        grpc_call_keep_message(grpc);
    grpc_call_set_user(grpc, call);
    call->grpc = grpc;
    rpc_call_set_raw(call, raw);
    call->start_us = http_req_start_us(grpc_call_request(grpc));
    call->deadline_us = grpc_call_deadline_us(grpc);
    if (m && transcode_check_ranges(m, &err))
        rpc_fail(call, GRPC_INVALID_ARGUMENT, "%s", err.text);
    else
        rpc_begin(call);
}

static void on_grpc_close(struct grpc_call *grpc, void *app)
{
    struct rpc_call *call = grpc_call_user(grpc);

    (void)app;
    if (call)
        rpc_client_gone(call);
}

/* Who a path's callbacks get as app. */
static void *app_of(struct rpc *rpc, struct str path)
{
    for (size_t i = 0; i < rpc->n_streams; i++)
        if (str_eq(str_from(rpc->streams[i].path), path))
            return rpc->service;
    if (str_starts(path, STR("/grpc.health.")))
        return rpc->health;
    if (str_starts(path, STR("/grpc.reflection.")))
        return rpc->reflection;
    return rpc;
}

/* --- life ----------------------------------------------------------------- */

static char *service_list(const struct rpc *rpc)
{
    struct buf names;
    size_t len;

    buf_init(&names, 4096);
    for (size_t i = 0; i < rpc->n_methods; i++) {
        struct str rest = str_from(rpc->methods[i].path + 1);
        struct str name = str_cut(&rest, '/');

        if (!names.len || !memmem(names.data, names.len, name.p, name.len)) {
            buf_str(&names, name);
            buf_putc(&names, '\n');
        }
    }
    return buf_take(&names, &len);
}

struct rpc *rpc_new(struct emulator *emulator, const char *service_name,
                    void *service, const struct rpc_method *methods,
                    size_t n_methods, const struct grpc_method *streams,
                    size_t n_streams, size_t max_message)
{
    size_t n_health, n_reflection, n = n_methods + n_streams;
    const struct grpc_method *health = grpc_health_methods(&n_health);
    const struct grpc_method *reflection =
        grpc_reflection_methods(&n_reflection);
    struct rpc *rpc = MEM_NEW(struct rpc);
    char *names;

    *rpc = (struct rpc){.emulator = emulator,
                        .name = service_name,
                        .service = service,
                        .methods = methods,
                        .n_methods = n_methods,
                        .streams = streams,
                        .n_streams = n_streams,
                        .max_message = max_message};
    rpc->rows = MEM_ARRAY(struct grpc_method, n + n_health + n_reflection);
    for (size_t i = 0; i < n_methods; i++)
        rpc->rows[i] = (struct grpc_method){
            .path = methods[i].path,
            .input = methods[i].raw ? NULL : methods[i].input,
            .on_message = on_grpc_message,
            .on_close = on_grpc_close};
    if (n_streams)
        memcpy(rpc->rows + n_methods, streams, n_streams * sizeof(*streams));
    memcpy(rpc->rows + n, health, n_health * sizeof(*health));
    memcpy(rpc->rows + n + n_health, reflection,
           n_reflection * sizeof(*reflection));
    names = service_list(rpc);
    for (size_t i = 0; i < n; i++)
        faults_know(emulator->faults, service_name, rpc->rows[i].path + 1);
    rpc->health = grpc_health_new(names);
    rpc->reflection = grpc_reflection_new(names);
    mem_free(names);
    rpc->grpc =
        grpc_server_new(rpc->rows, n + n_health + n_reflection, max_message);
    rpc->gzip = grpc_gzip_new();
    return rpc;
}

void rpc_free(struct rpc *rpc)
{
    if (!rpc)
        return;
    grpc_server_free(rpc->grpc);
    grpc_gzip_free(rpc->gzip);
    grpc_health_free(rpc->health);
    grpc_reflection_free(rpc->reflection);
    mem_free(rpc->rows);
    mem_free(rpc);
}

void rpc_set_serving(struct rpc *rpc, bool serving, bool end)
{
    grpc_health_set(rpc->health, serving);
    if (end)
        grpc_health_end(rpc->health);
}

/* --- REST ----------------------------------------------------------------- */

void rpc_rest_answer(struct http_req *req, int http_status, struct str json)
{
    struct str origin = http_req_known(req, HTTP_H_ORIGIN);
    struct http_field fields[] = {
        {STR("content-type"), STR("application/json; charset=UTF-8")},
        {STR("access-control-allow-origin"), origin},
        {STR("access-control-allow-credentials"), STR("true")},
        {STR("vary"), STR("Origin")},
    };

    http_reply(req, http_status, fields, origin.p ? 4 : 1, json);
}

bool rpc_is_lenient(const struct rpc *rpc)
{
    return rpc->emulator->profile == PROFILE_LENIENT;
}

/* Before there is a call. */
static void refuse(const struct rpc *rpc, struct http_req *req, int http_status,
                   enum grpc_status status, const char *text)
{
    struct buf json;

    buf_init(&json, 64 << 10);
    rpc_put_error(&json, rpc_is_lenient(rpc), http_status, status,
                  str_from(text), STR_NULL);
    rpc_rest_answer(req, http_status, buf_as_str(&json));
    buf_fini(&json);
}

static void preflight(struct http_req *req)
{
    struct str origin = http_req_known(req, HTTP_H_ORIGIN);
    struct str wanted =
        http_req_field(req, STR("access-control-request-headers"));
    struct http_field fields[6] = {
        {STR("access-control-allow-origin"), origin.p ? origin : STR("*")},
        {STR("access-control-allow-methods"),
         STR("GET, POST, PUT, PATCH, DELETE, OPTIONS")},
        {STR("access-control-max-age"), STR("3600")},
        {STR("vary"), STR("Origin")},
    };
    size_t n = 4;

    if (origin.p) /* never beside a star; guard.h let its host pass */
        fields[n++] = (struct http_field){
            STR("access-control-allow-credentials"), STR("true")};
    if (wanted.p)
        fields[n++] =
            (struct http_field){STR("access-control-allow-headers"), wanted};
    http_reply(req, 200, fields, n, STR_NULL);
}

/* What a wrong request says of itself, as production's BadRequest. */
static void refuse_request(const struct rpc *rpc, struct http_req *req,
                           struct str text)
{
    static const char at[] = " at '";
    Google__Rpc__BadRequest__FieldViolation v =
        GOOGLE__RPC__BAD_REQUEST__FIELD_VIOLATION__INIT;
    Google__Rpc__BadRequest__FieldViolation *list[] = {&v};
    Google__Rpc__BadRequest bad = GOOGLE__RPC__BAD_REQUEST__INIT;
    const char *where = memmem(text.p, text.len, at, sizeof(at) - 1);
    char *field = NULL;
    struct buf detail, json;

    if (rpc_is_lenient(rpc)) { /* Google's emulator says no more */
        refuse(rpc, req, 400, GRPC_INVALID_ARGUMENT,
               "Payload isn't valid for request.");
        return;
    }
    if (where) {
        struct str rest = str_from(where + sizeof(at) - 1);
        struct str name = str_cut(&rest, '\'');

        field = mem_strndup(name.p, name.len);
        v.field = field;
    }
    v.description = (char *)(uintptr_t)text.p;
    bad.n_field_violations = 1;
    bad.field_violations = list;
    buf_init(&detail, 64 << 10);
    buf_init(&json, 64 << 10);
    buf_puts(&detail, "      ");
    transcode_write_typed(&bad.base, 3, &detail);
    rpc_put_error(&json, false, 400, GRPC_INVALID_ARGUMENT, text,
                  buf_as_str(&detail));
    rpc_rest_answer(req, 400, buf_as_str(&json));
    buf_fini(&json);
    buf_fini(&detail);
    mem_free(field);
}

/* The body, unpacked if need be; false: answered. */
static bool body_of(struct rpc *rpc, struct http_req *req, struct buf *unzipped,
                    struct str *body)
{
    struct str coding = http_req_known(req, HTTP_H_CONTENT_ENCODING);

    *body = http_req_body(req);
    if (!coding.p || str_ieq(coding, STR("identity")))
        return true;
    if (!str_ieq(coding, STR("gzip")) && !str_ieq(coding, STR("x-gzip"))) {
        refuse(rpc, req, 415, GRPC_INVALID_ARGUMENT,
               "Unsupported content encoding: only gzip is");
        return false;
    }
    switch (grpc_gunzip(rpc->gzip, *body, rpc->max_message * REST_FACTOR,
                        unzipped)) {
    case RC_OK:
        *body = buf_as_str(unzipped);
        return true;
    case RC_TOO_LARGE:
        refuse(rpc, req, 413, GRPC_INVALID_ARGUMENT,
               "The decompressed payload is too large");
        return false;
    default:
        refuse(rpc, req, 400, GRPC_INVALID_ARGUMENT,
               "The payload is not valid gzip");
        return false;
    }
}

/* The body's fields too, where it is a form; `joined` may hold them. */
static struct str query_of(struct http_req *req, struct str body,
                           struct buf *joined)
{
    struct str query = http_req_query(req);

    if (!override_has_form(req))
        return query;
    if (query.len) {
        buf_str(joined, query);
        buf_putc(joined, '&');
    }
    buf_str(joined, body);
    return buf_as_str(joined);
}

static void start_call(struct rpc *rpc, struct http_req *req,
                       const struct rpc_method *method,
                       const struct rest_match *match)
{
    ProtobufCMessage *in = NULL;
    struct rpc_call *call;
    struct err err = {0};
    struct buf unzipped, joined;
    struct str body;
    struct rest_form form;
    int rc;

    buf_init(&unzipped, rpc->max_message * REST_FACTOR + 1);
    if (!body_of(rpc, req, &unzipped, &body)) {
        buf_fini(&unzipped);
        return;
    }
    buf_init(&joined, SIZE_MAX / 4);
    rc = rest_read(method->input, method->output, match,
                   query_of(req, body, &joined), body, &in, &form, &err);
    buf_fini(&joined);
    buf_fini(&unzipped);
    if (rc == RC_NOMEM) {
        refuse(rpc, req, 503, GRPC_UNAVAILABLE, "Out of memory");
        return;
    }
    if (rc) {
        refuse_request(rpc, req, str_from(err.text));
        return;
    }
    call = rpc_call_new(rpc, method, in);
    call->is_rest = true;
    call->form = form;
    call->req = req;
    call->start_us = http_req_start_us(req);
    http_req_set_user(req, call);
    rpc_begin(call);
}

static bool route(struct rpc *rpc, struct http_req *req)
{
    struct str verb = override_method(req), path = http_req_path(req);
    struct rest_match match;

    for (size_t i = 0; i < rpc->n_methods; i++)
        for (size_t k = 0; k < RPC_MAX_BINDINGS && rpc->methods[i].rest[k]; k++)
            if (rest_matches(rpc->methods[i].rest[k], verb, false, path,
                             &match)) {
                start_call(rpc, req, &rpc->methods[i], &match);
                return true;
            }
    return false;
}

static void on_rest(struct rpc *rpc, struct http_req *req)
{
    static const struct http_field text = {{"content-type", 12},
                                           {"text/plain", 10}};
    struct str type = http_req_known(req, HTTP_H_CONTENT_TYPE);
    enum http_method method = http_req_method(req);

    http_req_set_user(req, NULL);
    if (method == HTTP_OPTIONS)
        preflight(req);
    else if (str_starts(type, STR("application/grpc")))
        refuse(rpc, req, 415, GRPC_INVALID_ARGUMENT,
               "gRPC needs POST over HTTP/2 and application/grpc");
    else if ((method == HTTP_GET || method == HTTP_HEAD) &&
             str_eq(http_req_path(req), STR("/")))
        http_reply(req, 200, &text, 1, STR("Ok\n"));
    else if (route(rpc, req))
        return;
    else if (rpc_is_lenient(rpc))
        http_reply(req, 404, &text, 1, STR("Not Found\n"));
    else
        refuse(rpc, req, 404, GRPC_NOT_FOUND, "Method not found.");
}

/* --- the application ------------------------------------------------------ */

static enum http_body_mode on_head(struct http_req *req, void *app)
{
    struct rpc *rpc = app;
    const char *why = guard_service(req, rpc->emulator->host);

    if (why) {
        http_req_set_user(req, NULL);
        refuse(rpc, req, 403, GRPC_PERMISSION_DENIED, why);
        return HTTP_BODY_WHOLE;
    }
    if (grpc_is_call(req))
        return HTTP_BODY_STREAM;
    http_req_limit_body(req, rpc->max_message * REST_FACTOR);
    return HTTP_BODY_WHOLE;
}

static void on_request(struct http_req *req, void *app)
{
    struct rpc *rpc = app;

    if (grpc_is_call(req))
        grpc_on_request(rpc->grpc, req, app_of(rpc, http_req_path(req)));
    else
        on_rest(rpc, req);
}

static void on_data(struct http_req *req, struct str data, void *app)
{
    grpc_on_data(((struct rpc *)app)->grpc, req, data);
}

static void on_end(struct http_req *req, void *app)
{
    grpc_on_end(((struct rpc *)app)->grpc, req);
}

static void on_writable(struct http_req *req, void *app)
{
    if (grpc_is_call(req))
        grpc_on_writable(((struct rpc *)app)->grpc, req);
}

static void on_close(struct http_req *req, int status, void *app)
{
    struct rpc_call *call;

    if (grpc_is_call(req)) {
        grpc_on_close(((struct rpc *)app)->grpc, req, status);
        return;
    }
    call = http_req_user(req);
    if (call)
        rpc_client_gone(call);
}

static enum grpc_status status_of(int http_status)
{
    switch (http_status) {
    case 404:
        return GRPC_NOT_FOUND;
    case 408:
        return GRPC_DEADLINE_EXCEEDED;
    case 501:
        return GRPC_UNIMPLEMENTED;
    case 503:
        return GRPC_UNAVAILABLE;
    default:
        return GRPC_INVALID_ARGUMENT;
    }
}

static void render_error(int status, const char *detail, struct buf *type,
                         struct buf *body)
{
    buf_puts(type, "application/json; charset=UTF-8");
    rpc_put_error(body, false, status, status_of(status), str_from(detail),
                  STR_NULL);
}

const struct http_app rpc_http_app = {
    .on_head = on_head,
    .on_request = on_request,
    .on_data = on_data,
    .on_end = on_end,
    .on_writable = on_writable,
    .on_close = on_close,
    .render_error = render_error,
};
