/* SPDX-License-Identifier: Apache-2.0 */
/* A service account's key file: the token is a JWT that we sign ourselves, so
 * that no token server is asked at all. */
#include <stdio.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/mem.h"
#include "net/credential.h"
#include "net/jwt_sign.h"
#include "net/token_http.h"

#define LIFE_S 3600 /* the longest that Google accepts */
#define SKEW_S 10   /* our clock may be ahead of Google's */

struct service_account {
    struct token_source *source;
    struct jwt_key *key;
    char *email, *key_id;
    struct loop_timer timer;
};

static void on_turn(struct loop_timer *timer)
{
    struct service_account *a =
        LOOP_OWNER(timer, struct service_account, timer);
    long long now = clock_wall_us() / US_PER_S;
    struct buf claims;
    struct err err;
    char *token = NULL;
    int rc;

    buf_init(&claims, 8192);
    buf_puts(&claims, "{\"iss\":");
    buf_json_str(&claims, str_from(a->email));
    buf_puts(&claims, ",\"sub\":");
    buf_json_str(&claims, str_from(a->email));
    buf_printf(&claims, ",\"scope\":\"%s\",\"iat\":%lld,\"exp\":%lld}",
               CREDENTIALS_SCOPE, now - SKEW_S, now - SKEW_S + LIFE_S);
    rc = jwt_sign(a->key, a->key_id, buf_as_str(&claims), &token, &err);
    buf_fini(&claims);
    token_deliver(a->source, rc, &err, str_from(token),
                  (LIFE_S - SKEW_S) * US_PER_S);
    token_forget(token);
}

static void do_fetch(void *self)
{
    loop_timer_arm(&((struct service_account *)self)->timer, 0);
}

static void do_free(void *self)
{
    struct service_account *a = self;

    loop_timer_fini(&a->timer);
    jwt_key_free(a->key);
    mem_free(a->email);
    mem_free(a->key_id);
    mem_free(a);
}

static const struct token_kind kind = {do_fetch, do_free};

int token_service_account(const struct credential *c, struct token_source **out,
                          struct err *err)
{
    const char *email, *pem,
        *key_id = credential_text(c->json, "private_key_id");
    struct service_account *a;
    struct jwt_key *key;
    struct err inner;
    int rc = credential_need(c, "client_email", &email, err);

    if (rc == RC_OK)
        rc = credential_need(c, "private_key", &pem, err);
    if (rc != RC_OK)
        return rc;
    rc = jwt_key_parse(str_from(pem), &key, &inner);
    if (rc != RC_OK)
        return err_set(err, (enum rc)rc, "the credential file %s: %s", c->name,
                       inner.text);
    a = MEM_NEW(struct service_account);
    a->key = key;
    a->email = mem_strdup(email);
    a->key_id = key_id ? mem_strdup(key_id) : NULL;
    loop_timer_init(&a->timer, c->loop, on_turn);
    a->source = credential_source(
        c, &kind, a, mem_printf("service account %s (%s)", email, c->name));
    *out = a->source;
    return RC_OK;
}
