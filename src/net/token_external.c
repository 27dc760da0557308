/* SPDX-License-Identifier: Apache-2.0 */
/* Workload and workforce identity federation: a foreign token is traded at
 * Google's Security Token Service (RFC 8693), and the result, where the file
 * says so, for a service account's. */
#include <stdio.h>
#include <stdlib.h>

#include "common/base64.h"
#include "common/clock.h"
#include "common/mem.h"
#include "net/credential.h"
#include "net/token_http.h"
#include "net/token_subject.h"

#define TOKEN_TYPE "urn:ietf:params:oauth:token-type:access_token"

struct external {
    struct token_source *source;
    struct subject *subject;
    struct token_http http;
    char *url, *audience, *type, *options;
    char *basic; /* client_id:client_secret as an Authorization value */
};

static void on_answer(struct token_http *http, int rc)
{
    struct external *e = http->owner;
    char *bearer = NULL;
    int64_t life = 0;

    if (rc == RC_OK)
        rc = token_answer_parse(buf_as_str(&http->call.response),
                                clock_wall_us(), &bearer, &life, &http->err);
    token_deliver(e->source, rc, &http->err, str_from(bearer), life);
    token_forget(bearer);
}

static void on_subject(const struct subject_answer *answer, void *arg)
{
    struct external *e = arg;
    struct buf *body = &e->http.body;
    char *token;

    if (answer->rc != RC_OK) {
        token_deliver(e->source, answer->rc, &answer->err, STR_NULL, 0);
        return;
    }
    token = mem_strndup(answer->token.p, answer->token.len);
    token_form_add(body, "grant_type",
                   "urn:ietf:params:oauth:grant-type:token-exchange");
    token_form_add(body, "audience", e->audience);
    token_form_add(body, "scope", CREDENTIALS_SCOPE);
    token_form_add(body, "requested_token_type", TOKEN_TYPE);
    token_form_add(body, "subject_token_type", e->type);
    token_form_add(body, "subject_token", token);
    token_form_add(body, "options", e->options);
    token_forget(token);
    subject_client(e->subject, &e->http.call.client_cert,
                   &e->http.call.client_key);
    token_http_post(&e->http, e->url, TOKEN_FORM, e->basic);
}

static void do_fetch(void *self)
{
    struct external *e = self;

    subject_fetch(e->subject, on_subject, e);
}

static void do_free(void *self)
{
    struct external *e = self;

    subject_free(e->subject);
    token_http_fini(&e->http);
    mem_free(e->url);
    mem_free(e->audience);
    mem_free(e->type);
    mem_free(e->options);
    token_forget(e->basic);
    mem_free(e);
}

static const struct token_kind kind = {do_fetch, do_free};

/* Workforce pools: who pays; and the client, where there is one. */
static void open_options(struct external *e, const struct credential *c)
{
    const char *project =
        credential_text(c->json, "workforce_pool_user_project");
    const char *id = credential_text(c->json, "client_id");
    const char *secret = credential_text(c->json, "client_secret");
    char *pair;
    size_t len;

    if (id && secret) {
        pair = mem_printf("%s:%s", id, secret);
        e->basic = mem_alloc(base64_encoded_max(strlen(pair)) + 7);
        memcpy(e->basic, "Basic ", 6);
        len = base64_encode(e->basic + 6, pair, strlen(pair));
        e->basic[6 + len] = '\0';
        token_forget(pair);
    } else if (project) {
        struct buf b;
        buf_init(&b, 4096);
        buf_puts(&b, "{\"userProject\":");
        buf_json_str(&b, str_from(project));
        buf_putc(&b, '}');
        e->options = buf_take(&b, NULL);
    }
}

static struct token_source *open_exchange(const struct credential *c,
                                          struct subject *subject,
                                          const char *url, const char *audience,
                                          const char *type)
{
    struct external *e = MEM_NEW(struct external);

    e->subject = subject;
    e->url = mem_strdup(url);
    e->audience = mem_strdup(audience);
    e->type = mem_strdup(type);
    open_options(e, c);
    token_http_init(&e->http, c->loop, e, on_answer);
    e->source = credential_source(c, &kind, e,
                                  mem_printf("external account (%s)", c->name));
    return e->source;
}

int token_external_account(const struct credential *c,
                           struct token_source **out, struct err *err)
{
    const char *audience, *type, *url, *act = NULL;
    const json_t *options =
        json_object_get(c->json, "service_account_impersonation");
    struct subject *subject;
    int rc = credential_need(c, "audience", &audience, err);

    if (rc == RC_OK)
        rc = credential_need(c, "subject_token_type", &type, err);
    if (rc == RC_OK)
        rc = credential_url(c, c->json, "token_url", NULL, &url, err);
    if (rc == RC_OK &&
        json_object_get(c->json, "service_account_impersonation_url"))
        rc = credential_url(c, c->json, "service_account_impersonation_url",
                            NULL, &act, err);
    if (rc == RC_OK)
        rc = subject_open(c, &subject, err);
    if (rc != RC_OK)
        return rc;
    *out = open_exchange(c, subject, url, audience, type);
    if (act)
        *out = token_impersonate(c, *out, act, NULL,
                                 json_integer_value(json_object_get(
                                     options, "token_lifetime_seconds")));
    return RC_OK;
}
