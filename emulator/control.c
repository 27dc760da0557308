/* SPDX-License-Identifier: Apache-2.0 */
/* The control API on the console port. Only pages of this address and
 * programs on this machine may use it: Host must be loopback or configured,
 * a foreign Origin is refused, and beyond loopback a token is demanded. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/buf.h"
#include "emulator/control.h"
#include "emulator/guard.h"
#include "emulator/identity/identity.h"
#include "emulator/requests.h"
#include "http/http.h"

enum {
    ANSWER_MAX = 16 << 20,
    LOAD_MAX = 1 << 30
};

/* --- answers -------------------------------------------------------------- */

void control_json(struct http_req *req, int status, struct str json)
{
    struct http_field fields[] = {
        {STR("content-type"), STR("application/json")},
        {STR("cache-control"), STR("no-store")}};

    http_reply(req, status, fields, 2, json);
}

void control_error(struct http_req *req, int status, const char *text)
{
    struct buf json;

    buf_init(&json, 64 << 10);
    buf_printf(&json, "{\"error\":{\"code\":%d,\"message\":", status);
    buf_json_str(&json, str_from(text));
    buf_puts(&json, "}}\n");
    control_json(req, status, buf_as_str(&json));
    buf_fini(&json);
}

void control_buf(struct http_req *req, struct buf *json)
{
    if (json->failed)
        control_error(req, 503, "no memory for the answer");
    else
        control_json(req, 200, buf_as_str(json));
    buf_fini(json);
}

void control_done(struct http_req *req)
{
    control_json(req, 200, STR("{\"status\":\"ok\"}\n"));
}

/* --- who may ------------------------------------------------------------- */

/* In the time that any wrong one takes. */
static bool token_fits(struct str header, const char *token)
{
    struct str want = str_from(token);
    unsigned char differ = 0;

    if (!str_starts(header, STR("Bearer ")) || header.len != want.len + 7)
        return false;
    for (size_t i = 0; i < want.len; i++)
        differ |= (unsigned char)(header.p[7 + i] ^ want.p[i]);
    return differ == 0;
}

/* False: answered. */
static bool admit(struct shell *s, struct http_req *req)
{
    const char *why = guard_control(req, s->console_host);
    int status = 403;

    if (!why && s->token &&
        !str_eq(http_req_path(req), STR("/_emulator/health")) &&
        !token_fits(http_req_known(req, HTTP_H_AUTHORIZATION), s->token)) {
        why = "a token is demanded: Authorization: Bearer "
              "$DATOS_EMULATOR_TOKEN";
        status = 401;
    }
    if (why)
        control_error(req, status, why);
    return !why;
}

/* --- health, metrics ------------------------------------------------------ */

static void health(struct shell *s, struct http_req *req)
{
    bool ok = s->ready && !s->stopping;
    struct buf json;

    buf_init(&json, ANSWER_MAX);
    buf_puts(&json, ",\"services\":{");
    for (size_t i = 0; i < s->n; i++) {
        const char *text = s->services[i]->health(s->services[i]->self);

        ok = ok && strcmp(text, "ok") == 0;
        buf_printf(&json, "%s\"%s\":", i ? "," : "", s->services[i]->name);
        buf_json_str(&json, str_from(text));
    }
    buf_printf(&json, "},\"version\":\"%s\",\"pid\":%d}\n", shell_version(),
               (int)getpid());
    if (ok) {
        struct buf whole;

        buf_init(&whole, ANSWER_MAX);
        buf_puts(&whole, "{\"status\":\"ok\"");
        buf_str(&whole, buf_as_str(&json));
        control_buf(req, &whole);
    } else {
        struct buf whole;

        buf_init(&whole, ANSWER_MAX);
        buf_printf(&whole, "{\"status\":\"%s\"",
                   s->stopping ? "stopping"
                   : s->ready  ? "error"
                               : "starting");
        buf_str(&whole, buf_as_str(&json));
        control_json(req, 503, buf_as_str(&whole));
        buf_fini(&whole);
    }
    buf_fini(&json);
}

static void metrics(struct shell *s, struct http_req *req)
{
    struct http_field type = {STR("content-type"),
                              STR("text/plain; version=0.0.4")};
    struct buf page;

    buf_init(&page, ANSWER_MAX);
    buf_printf(&page,
               "# HELP datos_emulator_requests_total Calls answered.\n"
               "# TYPE datos_emulator_requests_total counter\n"
               "datos_emulator_requests_total %llu\n",
               (unsigned long long)requests_total(s->e.requests));
    for (size_t i = 0; i < s->n; i++)
        if (s->services[i]->metrics)
            s->services[i]->metrics(s->services[i]->self, &page);
    http_reply(req, page.failed ? 503 : 200, &type, 1, buf_as_str(&page));
    buf_fini(&page);
}

/* --- routes --------------------------------------------------------------- */

struct route {
    const char *method, *path;
    void (*run)(struct shell *s, struct http_req *req);
};

static const struct route routes[] = {
    {"GET", "/_emulator/health", health},
    {"POST", "/_emulator/reset", control_reset},
    {"POST", "/_emulator/save", control_save},
    {"POST", "/_emulator/load", control_load},
    {"GET", "/_emulator/clock", control_clock_get},
    {"PUT", "/_emulator/clock", control_clock_put},
    {"DELETE", "/_emulator/clock", control_clock_delete},
    {"GET", "/_emulator/faults", control_faults_get},
    {"PUT", "/_emulator/faults", control_faults_put},
    {"DELETE", "/_emulator/faults", control_faults_delete},
    {"GET", "/_emulator/requests", control_requests},
    {"GET", "/metrics", metrics},
};

enum {
    N_ROUTES = sizeof(routes) / sizeof(routes[0])
};

/* "/_emulator/NAME/..." of a service. */
static bool of_service(struct shell *s, struct http_req *req)
{
    struct str rest = http_req_path(req), name;

    if (!str_starts(rest, STR("/_emulator/")))
        return false;
    rest = str_of(rest.p + 11, rest.len - 11);
    name = str_cut(&rest, '/');
    for (size_t i = 0; i < s->n; i++)
        if (str_eq(str_from(s->services[i]->name), name))
            return rest.p && s->services[i]->control &&
                   s->services[i]->control(s->services[i]->self, req, rest);
    return false;
}

static void refuse(struct http_req *req)
{
    char allow[64] = "";
    struct http_field field = {STR("allow"), STR_NULL};

    for (size_t i = 0; i < N_ROUTES; i++)
        if (str_eq(http_req_path(req), str_from(routes[i].path))) {
            size_t len = strlen(allow);

            snprintf(allow + len, sizeof(allow) - len, "%s%s", len ? ", " : "",
                     routes[i].method);
        }
    if (!*allow) {
        control_error(req, 404,
                      "there is nothing here: see emulator/README.md");
        return;
    }
    field.value = str_from(allow);
    http_reply(req, 405, &field, 1, STR_NULL);
}

static void on_request(struct http_req *req, void *app)
{
    struct shell *s = app;
    struct str verb = http_req_method_name(req);

    http_req_set_user(req, NULL);
    if (identity_serve(s->e.identity, req))
        return; /* public, for whoever verifies a token */
    if (!admit(s, req) || identity_issue(s->e.identity, req))
        return;
    if (http_req_method(req) == HTTP_HEAD)
        verb = STR("GET");
    for (size_t i = 0; i < N_ROUTES; i++)
        if (str_eq(verb, str_from(routes[i].method)) &&
            str_eq(http_req_path(req), str_from(routes[i].path))) {
            routes[i].run(s, req);
            return;
        }
    if (!of_service(s, req))
        refuse(req);
}

static enum http_body_mode on_head(struct http_req *req, void *app)
{
    (void)app;
    if (str_eq(http_req_path(req), STR("/_emulator/load")))
        http_req_limit_body(req, LOAD_MAX);
    return HTTP_BODY_WHOLE;
}

static void on_close(struct http_req *req, int status, void *app)
{
    (void)status;
    (void)app;
    control_closed(req);
}

const struct http_app control_http_app = {
    .on_head = on_head,
    .on_request = on_request,
    .on_close = on_close,
};
