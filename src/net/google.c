/* SPDX-License-Identifier: Apache-2.0 */
#include "net/google.h"

#include <stdio.h>

#include "common/crypto_map.h"
#include "common/mem.h"
#include "net/credentials.h"
#include "net/curl_map.h"
#include "net/google_error.h"

struct google {
    struct loop *loop;
    struct endpoint endpoint;
    struct token_source *tokens;
    struct http_client *http;
    struct google_call *active;
    struct loop_timer sweeper; /* ends what was cancelled before it was sent */
};

enum {
    RESPONSE_DEFAULT = 1024 * 1024
};

static void release(struct google_call *call)
{
    struct google *g = call->google;

    if (call->prev)
        call->prev->next = call->next;
    else
        g->active = call->next;
    if (call->next)
        call->next->prev = call->prev;
    call->next = call->prev = NULL;
    mem_free(call->url);
    mem_free(call->authorization);
    call->url = call->authorization = NULL;
    call->google = NULL;
}

static void finish(struct google_call *call, int rc)
{
    release(call);
    call->rc = rc;
    call->done(call);
}

static const char *remedy(const struct google_call *call)
{
    switch (call->http.status) {
    case 401:
        return " (the credential was refused: run `datos doctor`)";
    case 403:
        return " (the account lacks a role: run `datos doctor`)";
    default:
        return "";
    }
}

static void tell_status(struct google_call *call, int rc)
{
    char text[300];

    google_error_text(buf_as_str(&call->http.response), text, sizeof(text));
    if (text[0])
        err_set(&call->err, (enum rc)rc, "%s (HTTP %d)%s", text,
                call->http.status, remedy(call));
    else
        err_set(&call->err, (enum rc)rc, "%s answered HTTP %d%s",
                call->google->endpoint.base, call->http.status, remedy(call));
}

static void ask_token(struct google_call *call);

static void on_http(struct http_call *http)
{
    struct google_call *call = LOOP_OWNER(http, struct google_call, http);
    struct google *g = call->google;
    int rc;

    if (http->rc != RC_OK) {
        err_set(&call->err, (enum rc)http->rc, "%s: %.300s", g->endpoint.base,
                http->err.text);
        finish(call, http->rc);
        return;
    }
    rc = google_status_rc(http->status);
    if (http->status == 401 && g->tokens && !call->repeated) {
        call->repeated = true;
        token_refused(g->tokens, str_from(call->authorization + 7));
        ask_token(call);
        return;
    }
    if (rc != RC_OK)
        tell_status(call, rc);
    finish(call, rc);
}

static void add_field(struct http_call *http, const char *name,
                      const char *value)
{
    http->fields[http->n_fields++] = (struct http_call_field){name, value};
}

static void send_request(struct google_call *call)
{
    struct google *g = call->google;
    struct http_call *http = &call->http;
    const char *quota = token_quota_project(g->tokens);

    http->method = call->method;
    http->url = call->url;
    http->n_fields = 0;
    http->body = call->body;
    if (call->body.p)
        add_field(http, "content-type",
                  call->content_type ? call->content_type : "application/json");
    if (call->authorization)
        add_field(http, "authorization", call->authorization);
    if (call->params)
        add_field(http, "x-goog-request-params", call->params);
    if (quota)
        add_field(http, "x-goog-user-project", quota);
    /* on loopback it would only cost time */
    http->gzip = !g->endpoint.is_emulator;
    http->max_response =
        call->max_response ? call->max_response : RESPONSE_DEFAULT;
    http->connect_us = g->endpoint.is_emulator ? 3000000 : 10000000;
    http->first_byte_us = call->first_byte_us;
    http->total_us = call->total_us;
    http->done = on_http;
    http_call_start(g->http, http);
}

static void on_token(struct token_get *get)
{
    struct google_call *call = LOOP_OWNER(get, struct google_call, token);

    call->waits_for_token = false;
    if (get->rc != RC_OK) {
        call->err = get->err;
        finish(call, get->rc);
        return;
    }
    mem_free(call->authorization);
    call->authorization = mem_printf("Bearer %.*s", STR_ARG(get->bearer));
    send_request(call);
}

static void ask_token(struct google_call *call)
{
    call->waits_for_token = true;
    call->token.done = on_token;
    token_get(call->google->tokens, &call->token);
}

void google_start(struct google *g, struct google_call *call)
{
    call->google = g;
    call->rc = RC_OK;
    call->repeated = false;
    call->waits_for_token = call->is_cancelled = false;
    call->url = mem_printf("%s%s", g->endpoint.base, call->path);
    call->prev = NULL;
    call->next = g->active;
    if (g->active)
        g->active->prev = call;
    g->active = call;
    if (g->tokens)
        ask_token(call);
    else
        send_request(call);
}

static void on_sweep(struct loop_timer *timer)
{
    struct google *g = LOOP_OWNER(timer, struct google, sweeper);
    struct google_call *call = g->active;

    while (call) {
        if (!call->is_cancelled) {
            call = call->next;
            continue;
        }
        err_set(&call->err, RC_CANCELLED, "cancelled");
        finish(call, RC_CANCELLED);
        call = g->active; /* `done` may have changed the list */
    }
}

void google_cancel(struct google_call *call)
{
    if (!call->google)
        return;
    if (!call->waits_for_token) {
        http_call_cancel(&call->http);
        return;
    }
    call->waits_for_token = false;
    call->is_cancelled = true;
    token_get_cancel(&call->token);
    loop_timer_arm(&call->google->sweeper, 0);
}

bool google_is_active(const struct google_call *call)
{
    return call->google != NULL;
}

void google_call_fini(struct google_call *call)
{
    http_call_fini(&call->http);
}

const struct endpoint *google_endpoint(const struct google *g)
{
    return &g->endpoint;
}

struct google *google_new(struct loop *loop, const struct endpoint *endpoint,
                          struct token_source *tokens, unsigned connections)
{
    struct google *g = MEM_NEW(struct google);

    g->loop = loop;
    g->endpoint = *endpoint;
    g->tokens = tokens;
    g->http = http_client_new(loop, connections);
    loop_timer_init(&g->sweeper, loop, on_sweep);
    return g;
}

int google_open(struct loop *loop, const char *service, const char *emulator,
                const char *variable, unsigned connections,
                struct token_source **tokens, struct google **out,
                struct err *err)
{
    struct endpoint endpoint;
    int rc;

    *tokens = NULL;
    rc = curl_map(err); /* said at the start, not by each call */
    if (rc == RC_OK)
        rc = crypto_map(err);
    if (rc == RC_OK && (!emulator || !emulator[0]))
        rc = credentials_open(loop, tokens, err);
    if (rc == RC_OK)
        rc = endpoint_init(&endpoint, service, emulator, variable,
                           *tokens ? token_universe(*tokens) : NULL, err);
    if (rc == RC_OK) {
        *out = google_new(loop, &endpoint, *tokens, connections);
        return RC_OK;
    }
    token_source_free(*tokens);
    *tokens = NULL;
    return rc;
}

void google_free(struct google *g)
{
    if (!g)
        return;
    for (struct google_call *call = g->active; call; call = call->next)
        google_cancel(call);
    on_sweep(&g->sweeper);
    http_client_free(g->http);
    loop_timer_fini(&g->sweeper);
    mem_free(g);
}
