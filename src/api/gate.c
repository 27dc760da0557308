/* SPDX-License-Identifier: Apache-2.0 */
#include "api/gate.h"

#include <stddef.h>
#include <stdio.h>

#include "api/app.h"
#include "auth/auth.h"
#include "common/buf.h"
#include "common/mem.h"

enum {
    BODY_MAX = 1024
};

struct gate_wait {
    struct auth_check check;
    struct exchange *x;
    void (*go)(struct exchange *x);
    char *field; /* the request may be gone before the answer */
};

/* RFC 6750 section 3. */
static void refuse(struct exchange *x, int status, const char *error,
                   const char *why)
{
    struct http_field extra = {STR("www-authenticate"), STR_NULL};
    char challenge[256], detail[160];
    struct buf body;

    if (error)
        snprintf(challenge, sizeof(challenge),
                 "Bearer realm=\"datos\", error=\"%s\", "
                 "error_description=\"%s\"",
                 error, why);
    else
        snprintf(challenge, sizeof(challenge), "Bearer realm=\"datos\"");
    snprintf(detail, sizeof(detail), error ? "the token is refused: %s" : "%s",
             why);
    extra.value = str_from(challenge);
    buf_init(&body, BODY_MAX);
    reply_put_problem(&body, status, detail, NULL, 0);
    reply_with(x, status, STR("application/problem+json"), &extra, 1,
               buf_as_str(&body));
    buf_fini(&body);
}

static void decide(struct exchange *x, const struct auth_check *check,
                   void (*go)(struct exchange *x))
{
    switch (check->verdict) {
    case AUTH_OK:
        go(x);
        break;
    case AUTH_MISSING:
        refuse(x, 401, NULL, "this needs a bearer token");
        break;
    case AUTH_INVALID:
        refuse(x, 401, "invalid_token", check->why);
        break;
    case AUTH_FORBIDDEN:
        refuse(x, 403, "insufficient_scope", check->why);
        break;
    default:
        reply_problem(x, 503,
                      "the keys of the token's issuer cannot be had; try "
                      "again soon",
                      NULL, 0);
    }
}

static void on_checked(struct auth_check *check)
{
    struct gate_wait *w = LOOP_OWNER(check, struct gate_wait, check);

    atomic_fetch_sub(&w->x->l->api->pending, 1);
    if (exchange_end(w->x))
        decide(w->x, check, w->go);
    mem_free(w->field);
    mem_free(w);
}

void gate_pass(struct exchange *x, struct auth *auth,
               void (*go)(struct exchange *x))
{
    struct str field = http_req_known(x->req, HTTP_H_AUTHORIZATION);
    struct auth_check now = {.field = field};
    struct gate_wait *w;

    if (!auth) {
        go(x);
        return;
    }
    if (auth_check_now(auth, &now)) {
        decide(x, &now, go);
        return;
    }
    w = MEM_NEW(struct gate_wait);
    w->x = x;
    w->go = go;
    w->field = mem_strndup(field.p, field.len);
    w->check.field = str_of(w->field, field.len);
    w->check.done = on_checked;
    exchange_begin(x);
    atomic_fetch_add(&x->l->api->pending, 1);
    auth_wait(auth, x->l->loop, &w->check);
}
