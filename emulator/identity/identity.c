/* SPDX-License-Identifier: Apache-2.0 */
/* The key's life and the tokens it signs. */
#include "emulator/identity/identity.h"

#include <pthread.h>
#include <stdio.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/mem.h"
#include "common/digest.h"
#include "common/thread.h"
#include "emulator/identity/identity_priv.h"
#include "emulator/identity/keep.h"

enum {
    STACK_BYTES = 256 << 10, /* OpenSSL's */
    CLAIMS_MAX = 16 << 10
};

/* --- the key -------------------------------------------------------------- */

/* On the thread: only what it was given, until it is joined. */
static void *make(void *arg)
{
    struct identity *id = arg;
    struct str pem;
    int rc = RC_OK;

    if (id->state_dir)
        rc = keep_key(id->state_dir, &id->pem, &id->err);
    else
        rc = key_make(&id->pem, &id->err);
    if (rc == RC_OK) {
        pem = str_from(id->pem);
        rc = key_read_public(pem, &id->public, &id->err);
        if (rc == RC_OK)
            rc = jwt_key_parse(pem, &id->key, &id->err);
        if (rc == RC_OK)
            rc = key_certificate(pem, clock_wall_us() / US_PER_S,
                                 &id->certificate, &id->err);
        if (rc && id->state_dir) {
            struct err why = id->err;

            err_set(&id->err, (enum rc)rc,
                    "%s/" KEEP_KEY_FILE ": %s: remove it, "
                    "and a new key is made",
                    id->state_dir, why.text);
        }
    }
    id->rc = rc;
    loop_post(id->loop, &id->made->task);
    return NULL;
}

static void join(struct identity *id)
{
    if (id->phase != IDENTITY_MAKING)
        return;
    pthread_join(id->thread, NULL);
    id->phase = IDENTITY_DONE;
    if (id->rc)
        LOG_E("no tokens are signed: %s", id->err.text);
}

static void on_made(struct loop_task *task)
{
    struct identity_made *made = LOOP_OWNER(task, struct identity_made, task);
    struct identity *id = made->identity;
    struct identity_wait *w;

    mem_free(made);
    if (!id)
        return;
    id->made = NULL;
    join(id);
    w = id->waits;
    id->waits = NULL;
    while (w) {
        struct identity_wait *next = w->next;

        w->is_waiting = false;
        w->ready(w);
        w = next;
    }
}

static void begin(struct identity *id)
{
    id->made = MEM_NEW(struct identity_made);
    id->made->task.run = on_made;
    id->made->identity = id;
    if (thread_start(&id->thread, STACK_BYTES, make, id)) {
        id->phase = IDENTITY_MAKING;
        return;
    }
    /* no thread to be had: then here, now */
    id->phase = IDENTITY_DONE;
    (void)make(id);
}

bool identity_prepare(struct identity *id, struct identity_wait *wait)
{
    if (id->phase == IDENTITY_NONE)
        begin(id);
    if (id->phase == IDENTITY_DONE)
        return true;
    if (wait && !wait->is_waiting) {
        wait->is_waiting = true;
        wait->next = id->waits;
        id->waits = wait;
    }
    return false;
}

void identity_forget(struct identity *id, struct identity_wait *wait)
{
    struct identity_wait **at = &id->waits;

    if (!wait->is_waiting)
        return;
    while (*at && *at != wait)
        at = &(*at)->next;
    if (*at)
        *at = wait->next;
    wait->is_waiting = false;
}

int identity_need_key(struct identity *id, struct err *err)
{
    (void)identity_prepare(id, NULL);
    join(id);
    if (id->rc)
        *err = id->err;
    return id->rc;
}

/* --- tokens --------------------------------------------------------------- */

void identity_subject(const char *email, char out[IDENTITY_SUBJECT_LEN + 1])
{
    unsigned char digest[SHA256_BYTES];

    digest_sha256(str_from(email), digest);
    out[0] = '1'; /* as Google's do */
    for (size_t i = 1; i < IDENTITY_SUBJECT_LEN; i++)
        out[i] = (char)('0' + digest[i] % 10);
    out[IDENTITY_SUBJECT_LEN] = '\0';
}

int identity_token(struct identity *id, const char *email, const char *audience,
                   char **out, struct err *err)
{
    int64_t now_s = clock_wall_us() / US_PER_S;
    char subject[IDENTITY_SUBJECT_LEN + 1];
    struct buf claims;
    int rc = identity_need_key(id, err);

    if (rc)
        return rc;
    identity_subject(email, subject);
    buf_init(&claims, CLAIMS_MAX);
    buf_puts(&claims, "{\"aud\":");
    buf_json_str(&claims, str_from(audience));
    buf_printf(&claims, ",\"azp\":\"%s\",\"email\":", subject);
    buf_json_str(&claims, str_from(email));
    buf_printf(&claims,
               ",\"email_verified\":true,\"exp\":%lld,\"iat\":%lld,\"iss\":",
               (long long)now_s + IDENTITY_TOKEN_LIFE_S, (long long)now_s);
    buf_json_str(&claims, str_from(id->issuer));
    buf_printf(&claims, ",\"sub\":\"%s\"}", subject);
    if (claims.failed)
        rc = err_set(err, RC_TOO_LARGE, "the audience is too long for a token");
    else
        rc = jwt_sign(id->key, id->public.id, buf_as_str(&claims), out, err);
    buf_fini(&claims);
    return rc;
}

/* --- life ----------------------------------------------------------------- */

struct identity *identity_new(struct loop *loop, const char *state_dir,
                              const char *issuer, const char *project)
{
    struct identity *id = MEM_NEW(struct identity);

    id->loop = loop;
    id->state_dir = state_dir;
    id->project = project;
    id->account =
        mem_printf("datos-emulator@%s.iam.gserviceaccount.com", project);
    id->issuer = issuer ? issuer : IDENTITY_GOOGLE;
    return id;
}

void identity_free(struct identity *id)
{
    if (!id)
        return;
    join(id);
    if (id->made)
        id->made->identity = NULL;
    key_public_fini(&id->public);
    jwt_key_free(id->key);
    mem_free(id->pem);
    mem_free(id->certificate);
    mem_free(id->account);
    mem_free(id);
}
