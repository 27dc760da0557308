/* SPDX-License-Identifier: Apache-2.0 */
#include "net/token_http.h"

#include <jansson.h>

#include "common/clock.h"
#include "common/mem.h"
#include "common/timefmt.h"
#include "net/google_error.h"

enum {
    ANSWER_MAX = 256 * 1024,
    BODY_MAX = 256 * 1024
};

static void wipe(struct buf *b)
{
    if (b->data)
        explicit_bzero(b->data, b->cap);
    buf_fini(b);
}

void token_forget(char *secret)
{
    if (secret)
        explicit_bzero(secret, strlen(secret));
    mem_free(secret);
}

static void on_http(struct http_call *call)
{
    struct token_http *t = LOOP_OWNER(call, struct token_http, call);
    char text[250];
    int rc = call->rc;

    wipe(&t->body);
    token_forget(t->authorization);
    t->authorization = NULL;
    if (!t->done)
        return; /* fini */
    if (rc != RC_OK) {
        err_set(&t->err, (enum rc)rc, "%.200s: %.200s", call->url,
                call->err.text);
    } else {
        rc = google_status_rc(call->status);
        google_error_text(buf_as_str(&call->response), text, sizeof(text));
        if (rc != RC_OK)
            err_set(&t->err, (enum rc)rc, "%.180s answered HTTP %d%s%s",
                    call->url, call->status, text[0] ? ": " : "", text);
    }
    t->done(t, rc);
    wipe(&call->response);
}

void token_http_init(struct token_http *t, struct loop *loop, void *owner,
                     void (*done)(struct token_http *t, int rc))
{
    *t = (struct token_http){.done = done, .owner = owner};
    t->client = http_client_new(loop, 2);
    buf_init(&t->body, BODY_MAX);
}

void token_http_fini(struct token_http *t)
{
    t->done = NULL;
    http_client_free(t->client);
    wipe(&t->body);
    wipe(&t->call.response);
}

static void start(struct token_http *t, const char *method, const char *url)
{
    t->call.method = method;
    t->call.url = url;
    t->call.max_response = ANSWER_MAX;
    t->call.connect_us = 5 * US_PER_S;
    t->call.total_us = 20 * US_PER_S;
    t->call.done = on_http;
    http_call_start(t->client, &t->call);
}

void token_http_get(struct token_http *t, const char *url)
{
    t->call.body = STR_NULL;
    start(t, "GET", url);
}

void token_http_put(struct token_http *t, const char *url)
{
    t->call.body = STR("");
    start(t, "PUT", url);
}

void token_http_post(struct token_http *t, const char *url,
                     const char *content_type, const char *authorization)
{
    t->call.n_fields = 0;
    t->call.fields[t->call.n_fields++] =
        (struct http_call_field){"content-type", content_type};
    if (authorization) {
        t->authorization = mem_strdup(authorization);
        t->call.fields[t->call.n_fields++] =
            (struct http_call_field){"authorization", t->authorization};
    }
    t->call.body = buf_as_str(&t->body);
    start(t, "POST", url);
}

void token_form_add(struct buf *body, const char *name, const char *value)
{
    if (!value)
        return;
    if (body->len)
        buf_putc(body, '&');
    buf_printf(body, "%s=", name);
    for (const unsigned char *p = (const unsigned char *)value; *p; p++) {
        if ((*p >= '0' && *p <= '9') || (*p >= 'A' && *p <= 'Z') ||
            (*p >= 'a' && *p <= 'z') || strchr("-._~", *p))
            buf_putc(body, (char)*p);
        else
            buf_printf(body, "%%%02X", *p);
    }
}

/* A header value is made of it: nothing but visible characters. */
static bool is_token(const char *s)
{
    if (!*s || strlen(s) > 32768)
        return false;
    for (; *s; s++) {
        if (*s <= ' ' || *s > '~')
            return false;
    }
    return true;
}

static int64_t life_of(const json_t *answer, int64_t now_us)
{
    const json_t *in = json_object_get(answer, "expires_in");
    const char *at = json_string_value(json_object_get(answer, "expireTime"));
    int64_t us;

    if (json_is_number(in))
        return (int64_t)json_number_value(in) * US_PER_S;
    if (json_is_string(in) &&
        str_to_i64(str_from(json_string_value(in)), &us) && us < 1000000)
        return us * US_PER_S;
    if (at && timefmt_parse(str_from(at), &us, NULL) == RC_OK)
        return us - now_us;
    return 3600 * US_PER_S;
}

int token_answer_parse(struct str body, int64_t now_us, char **bearer,
                       int64_t *life_us, struct err *err)
{
    json_t *answer = json_loadb(body.p, body.len, 0, NULL);
    const char *token =
        json_string_value(json_object_get(answer, "access_token"));
    int rc = RC_OK;

    if (!token)
        token = json_string_value(json_object_get(answer, "accessToken"));
    if (!token || !is_token(token)) {
        rc = err_set(err, RC_MALFORMED,
                     "the token server's answer holds no access token");
    } else {
        *bearer = mem_strdup(token);
        *life_us = life_of(answer, now_us);
    }
    json_decref(answer);
    return rc;
}
