/* SPDX-License-Identifier: Apache-2.0 */
/* A person's (or a workforce identity's) refresh token, exchanged for access
 * tokens. */
#include "common/clock.h"
#include "common/mem.h"
#include "net/credential.h"
#include "net/token_http.h"

struct user {
    struct token_source *source;
    struct token_http http;
    char *url, *client_id, *client_secret, *refresh_token;
};

static void on_answer(struct token_http *http, int rc)
{
    struct user *u = http->owner;
    char *bearer = NULL;
    int64_t life = 0;

    if (rc == RC_OK)
        rc = token_answer_parse(buf_as_str(&http->call.response),
                                clock_wall_us(), &bearer, &life, &http->err);
    token_deliver(u->source, rc, &http->err, str_from(bearer), life);
    token_forget(bearer);
}

static void do_fetch(void *self)
{
    struct user *u = self;
    struct buf *body = &u->http.body;

    token_form_add(body, "grant_type", "refresh_token");
    token_form_add(body, "client_id", u->client_id);
    token_form_add(body, "client_secret", u->client_secret);
    token_form_add(body, "refresh_token", u->refresh_token);
    token_http_post(&u->http, u->url, TOKEN_FORM, NULL);
}

static void do_free(void *self)
{
    struct user *u = self;

    token_http_fini(&u->http);
    mem_free(u->url);
    mem_free(u->client_id);
    token_forget(u->client_secret);
    token_forget(u->refresh_token);
    mem_free(u);
}

static const struct token_kind kind = {do_fetch, do_free};

int token_authorized_user(const struct credential *c, struct token_source **out,
                          struct err *err)
{
    bool is_workforce = json_object_get(c->json, "token_url") != NULL;
    const char *id, *secret, *refresh, *url;
    struct user *u;
    int rc = credential_need(c, "client_id", &id, err);

    if (rc == RC_OK)
        rc = credential_need(c, "client_secret", &secret, err);
    if (rc == RC_OK)
        rc = credential_need(c, "refresh_token", &refresh, err);
    if (rc == RC_OK)
        rc =
            credential_url(c, c->json, is_workforce ? "token_url" : "token_uri",
                           "https://oauth2.googleapis.com/token", &url, err);
    if (rc != RC_OK)
        return rc;
    u = MEM_NEW(struct user);
    u->url = mem_strdup(url);
    u->client_id = mem_strdup(id);
    u->client_secret = mem_strdup(secret);
    u->refresh_token = mem_strdup(refresh);
    token_http_init(&u->http, c->loop, u, on_answer);
    u->source = credential_source(c, &kind, u,
                                  mem_printf("user credential (%s)", c->name));
    *out = u->source;
    return RC_OK;
}
