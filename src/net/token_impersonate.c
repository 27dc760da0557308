/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens of a service account that another credential may act for
 * (IAM credentials, generateAccessToken). */
#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/mem.h"
#include "net/credential.h"
#include "net/token_http.h"

enum {
    LIFETIME_DEFAULT_S = 3600,
    LIFETIME_MIN_S = 600,
    LIFETIME_MAX_S = 43200
};

struct impersonation {
    struct token_source *source, *base;
    struct token_get get;
    struct token_http http;
    char *url, *body, *used; /* used: the base token of this exchange */
};

static void on_answer(struct token_http *http, int rc)
{
    struct impersonation *p = http->owner;
    char *bearer = NULL;
    int64_t life = 0;

    if (http->call.status == 401 && p->used)
        token_refused(p->base, str_from(p->used));
    token_forget(p->used);
    p->used = NULL;
    if (rc == RC_OK)
        rc = token_answer_parse(buf_as_str(&http->call.response),
                                clock_wall_us(), &bearer, &life, &http->err);
    token_deliver(p->source, rc, &http->err, str_from(bearer), life);
    token_forget(bearer);
}

static void on_base(struct token_get *get)
{
    struct impersonation *p = LOOP_OWNER(get, struct impersonation, get);
    char *authorization;

    if (get->rc != RC_OK) {
        token_deliver(p->source, get->rc, &get->err, STR_NULL, 0);
        return;
    }
    p->used = mem_strndup(get->bearer.p, get->bearer.len);
    buf_puts(&p->http.body, p->body);
    authorization = mem_printf("Bearer %s", p->used);
    token_http_post(&p->http, p->url, "application/json", authorization);
    token_forget(authorization);
}

static void do_fetch(void *self)
{
    struct impersonation *p = self;

    p->get.done = on_base;
    token_get(p->base, &p->get);
}

static void do_free(void *self)
{
    struct impersonation *p = self;

    token_get_cancel(&p->get);
    token_http_fini(&p->http);
    token_source_free(p->base);
    token_forget(p->used);
    mem_free(p->url);
    mem_free(p->body);
    mem_free(p);
}

static const struct token_kind kind = {do_fetch, do_free};

static char *request_body(const json_t *delegates, int64_t lifetime_s)
{
    json_t *scopes = json_pack("[s]", CREDENTIALS_SCOPE);
    json_t *body = json_object();
    char life[32], *raw, *text;

    snprintf(life, sizeof(life), "%llds", (long long)lifetime_s);
    json_object_set_new(body, "scope", scopes);
    json_object_set_new(body, "lifetime", json_string(life));
    if (json_is_array(delegates))
        json_object_set_new(body, "delegates", json_deep_copy(delegates));
    raw = json_dumps(body, JSON_COMPACT);
    json_decref(body);
    text = mem_strdup(raw ? raw : "{}");
    mem_free(raw);
    return text;
}

struct token_source *token_impersonate(const struct credential *c,
                                       struct token_source *base,
                                       const char *url, const json_t *delegates,
                                       int64_t lifetime_s)
{
    struct impersonation *p = MEM_NEW(struct impersonation);

    if (lifetime_s < LIFETIME_MIN_S || lifetime_s > LIFETIME_MAX_S)
        lifetime_s = LIFETIME_DEFAULT_S;
    p->base = base;
    p->url = mem_strdup(url);
    p->body = request_body(delegates, lifetime_s);
    token_http_init(&p->http, c->loop, p, on_answer);
    p->source = credential_source(
        c, &kind, p, mem_printf("impersonation by %s", token_describe(base)));
    return p->source;
}

int token_impersonated(const struct credential *c, struct token_source **out,
                       struct err *err)
{
    struct credential source = *c;
    const char *url, *type;
    struct token_source *base = NULL;
    int rc = credential_url(c, c->json, "service_account_impersonation_url",
                            NULL, &url, err);

    if (rc != RC_OK)
        return rc;
    source.json = json_object_get(c->json, "source_credentials");
    type = credential_text(source.json, "type");
    if (type && strcmp(type, "service_account") == 0)
        rc = token_service_account(&source, &base, err);
    else if (type && (strcmp(type, "authorized_user") == 0 ||
                      strcmp(type, "external_account_authorized_user") == 0))
        rc = token_authorized_user(&source, &base, err);
    else if (type && strcmp(type, "external_account") == 0)
        rc = token_external_account(&source, &base, err);
    else
        rc = err_set(err, RC_INVALID,
                     "the credential file %s: \"source_credentials\" must be a "
                     "service account, a user or an external account",
                     c->name);
    if (rc == RC_OK)
        *out = token_impersonate(c, base, url,
                                 json_object_get(c->json, "delegates"),
                                 LIFETIME_DEFAULT_S);
    return rc;
}
