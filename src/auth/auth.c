/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/auth.h"

#include <pthread.h>
#include <stddef.h>

#include "auth/jwks.h"
#include "common/clock.h"
#include "common/crypto_map.h"
#include "common/io.h"
#include "common/log.h"
#include "common/mem.h"
#include "net/endpoint.h"
#include "net/http_client.h"

enum {
    KEYS_BYTES = 1024 * 1024,
    GAP_US = 2000000,       /* between fetches that unknown keys ask for */
    WAIT_US = 5000000,      /* then 503 */
    FETCH_US = 4000000,     /* one answer */
    RETRY_MAX_US = 30000000 /* between attempts that failed */
};
#define REFRESH_US (300 * US_PER_S) /* a withdrawn key is good for so long */

struct auth {
    struct loop *loop;
    char *what, *url, *issuer, *audience, *email;
    struct jwt_expected expected;
    /* guarded by the lock */
    pthread_mutex_t lock;
    struct jwks *keys; /* NULL: never fetched */
    struct auth_check *waiting;
    bool asked;
    /* main loop */
    struct http_client *client;
    struct http_call call;
    struct loop_task ask;
    struct loop_timer timer; /* the next fetch, or the end of a wait */
    bool fetching;
    int64_t fetched_us; /* when the last fetch began; 0: never */
    int64_t due_us;     /* when the next one is due of itself */
    unsigned failures;
};

/* --- judging --- */

/* `Bearer` and one blank, then the token and nothing else. */
static bool take_token(struct str field, struct str *token)
{
    struct str scheme = str_of(field.p, field.len < 6 ? field.len : 6);

    if (!str_ieq(scheme, STR("Bearer")) || field.len < 8 || field.p[6] != ' ')
        return false;
    *token = str_trim(str_of(field.p + 7, field.len - 7));
    return token->len > 0 && !memchr(token->p, ' ', token->len) &&
           !memchr(token->p, ',', token->len);
}

static struct jwks *keys_of(struct auth *a)
{
    struct jwks *keys;

    pthread_mutex_lock(&a->lock);
    keys = a->keys ? jwks_ref(a->keys) : NULL;
    pthread_mutex_unlock(&a->lock);
    return keys;
}

static void judge_claims(struct auth *a, struct auth_check *c,
                         const struct jwt *jwt)
{
    switch (jwt_check_claims(str_of(jwt->payload, jwt->payload_len),
                             &a->expected, clock_wall_us() / US_PER_S,
                             &c->why)) {
    case JWT_GOOD:
        c->verdict = AUTH_OK;
        break;
    case JWT_STRANGER:
        c->verdict = AUTH_FORBIDDEN;
        break;
    default:
        c->verdict = AUTH_INVALID;
    }
}

bool auth_check_now(struct auth *a, struct auth_check *c)
{
    enum jwks_result result = JWKS_UNKNOWN;
    struct jwks *keys;
    struct str token;
    struct jwt jwt;

    c->verdict = AUTH_INVALID;
    c->why = "";
    if (!take_token(c->field, &token)) {
        c->verdict = AUTH_MISSING;
        return true;
    }
    if (!jwt_parse(token, &jwt, &c->why))
        return true;
    keys = keys_of(a);
    if (keys)
        result = jwks_verify(keys, &jwt);
    c->why = "its key is not known";
    if (result == JWKS_BAD)
        c->why = "its signature does not hold";
    else if (result == JWKS_GOOD)
        judge_claims(a, c, &jwt);
    else if (!keys)
        c->verdict = AUTH_UNAVAILABLE;
    jwks_unref(keys);
    return result != JWKS_UNKNOWN;
}

/* --- who waits --- */

static void deliver(struct loop_task *task)
{
    struct auth_check *c = LOOP_OWNER(task, struct auth_check, task);

    c->done(c);
}

static void schedule(struct auth *a);

static void on_ask(struct loop_task *task)
{
    struct auth *a = LOOP_OWNER(task, struct auth, ask);

    pthread_mutex_lock(&a->lock);
    a->asked = false;
    pthread_mutex_unlock(&a->lock);
    schedule(a);
}

void auth_wait(struct auth *a, struct loop *loop, struct auth_check *c)
{
    bool post;

    c->loop = loop;
    c->task.run = deliver;
    c->since_us = clock_mono_us();
    pthread_mutex_lock(&a->lock);
    c->next = a->waiting;
    a->waiting = c;
    post = !a->asked;
    a->asked = true;
    pthread_mutex_unlock(&a->lock);
    if (post)
        loop_post(a->loop, &a->ask);
}

/* After a fetch (`fresh`: it brought keys), or when somebody waited enough. */
static void answer_waiting(struct auth *a, bool fresh)
{
    int64_t now_us = clock_mono_us();
    struct auth_check *list, *kept = NULL;

    pthread_mutex_lock(&a->lock);
    list = a->waiting;
    a->waiting = NULL;
    pthread_mutex_unlock(&a->lock);
    while (list) {
        struct auth_check *c = list;

        list = c->next;
        /* what joined after the fetch began may know a newer key */
        if (auth_check_now(a, c) || now_us - c->since_us >= WAIT_US ||
            (fresh && c->since_us < a->fetched_us)) {
            loop_post(c->loop, &c->task);
        } else {
            c->next = kept;
            kept = c;
        }
    }
    pthread_mutex_lock(&a->lock);
    while (kept) {
        struct auth_check *next = kept->next;
        kept->next = a->waiting;
        a->waiting = kept;
        kept = next;
    }
    pthread_mutex_unlock(&a->lock);
}

static bool is_awaited(struct auth *a)
{
    bool is;

    pthread_mutex_lock(&a->lock);
    is = a->waiting != NULL;
    pthread_mutex_unlock(&a->lock);
    return is;
}

/* --- fetching --- */

static void finish(struct auth *a, struct str text, struct err *err)
{
    struct jwks *keys = NULL, *old;
    int rc = text.p ? jwks_parse(text, &keys, err) : RC_UNAVAILABLE;
    int64_t wait_us = US_PER_S;

    a->fetching = false;
    if (rc == RC_OK) {
        if (a->failures)
            LOG_I("%s_JWKS_URL answers again", a->what);
        a->failures = 0;
        a->due_us = clock_mono_us() + REFRESH_US;
        pthread_mutex_lock(&a->lock);
        old = a->keys;
        a->keys = keys;
        pthread_mutex_unlock(&a->lock);
        jwks_unref(old);
    } else {
        LOG_W("keys of %s_JWKS_URL cannot be had: %s", a->what, err->text);
        for (unsigned i = 0; i < a->failures && wait_us < RETRY_MAX_US; i++)
            wait_us *= 2;
        a->failures++;
        a->due_us = clock_mono_us() + wait_us;
    }
    answer_waiting(a, rc == RC_OK);
    schedule(a);
}

static void on_fetched(struct http_call *call)
{
    struct auth *a = LOOP_OWNER(call, struct auth, call);
    struct err err = call->err;
    struct str text = STR_NULL;

    if (call->rc == RC_CANCELLED)
        return;
    if (call->rc == RC_OK && call->status == 200)
        text = buf_as_str(&call->response);
    else if (call->rc == RC_OK)
        err_set(&err, RC_UNAVAILABLE, "it answers %d", call->status);
    finish(a, text, &err);
    http_call_fini(call);
}

static void read_file(struct auth *a, const char *path)
{
    struct err err = {0};
    struct buf text;
    int why;

    buf_init(&text, KEYS_BYTES);
    why = io_read_file(path, &text);
    if (why)
        err_set(&err, RC_IO, "%.300s cannot be read: %s", path, strerror(why));
    finish(a, why ? STR_NULL : buf_as_str(&text), &err);
    buf_fini(&text);
}

static void fetch(struct auth *a)
{
    a->fetching = true;
    a->fetched_us = clock_mono_us();
    if (str_starts(str_from(a->url), STR("file://"))) {
        read_file(a, a->url + strlen("file://"));
        return;
    }
    a->call = (struct http_call){
        .method = "GET",
        .url = a->url,
        .max_response = KEYS_BYTES,
        .connect_us = FETCH_US,
        .total_us = FETCH_US,
        .done = on_fetched,
    };
    http_call_start(a->client, &a->call);
}

/* Arms the timer for what comes next, or fetches now. */
static void schedule(struct auth *a)
{
    int64_t now_us = clock_mono_us(), next_us = a->due_us;
    bool awaited = is_awaited(a);

    if (awaited && a->fetched_us + GAP_US < next_us)
        next_us = a->fetched_us + GAP_US;
    if (!a->fetching && now_us >= next_us) {
        fetch(a);
        return;
    }
    /* who waits is looked at now and then: some have waited enough */
    if (awaited && next_us > now_us + GAP_US / 4)
        next_us = now_us + GAP_US / 4;
    if (a->fetching && !awaited)
        return;
    loop_timer_arm(&a->timer, next_us > now_us ? next_us - now_us : GAP_US / 4);
}

static void on_timer(struct loop_timer *t)
{
    struct auth *a = LOOP_OWNER(t, struct auth, timer);

    answer_waiting(a, false);
    schedule(a);
}

/* --- life --- */

static int check_config(const struct auth_config *c, struct err *err)
{
    struct str url = str_from(c->keys_url);

    if (!c->expected.issuer || !c->expected.issuer[0])
        return err_set(err, RC_INVALID,
                       "%s_ISSUER is not set: it names whose "
                       "tokens are taken",
                       c->what);
    if (!c->expected.audience || !c->expected.audience[0])
        return err_set(err, RC_INVALID,
                       "%s_AUDIENCE is not set: it names what tokens must be "
                       "for",
                       c->what);
    if (url.len == 0)
        return err_set(err, RC_INVALID,
                       "%s_JWKS_URL is not set: it names where the issuer's "
                       "keys are",
                       c->what);
    if (!str_starts(url, STR("file:///")) && !endpoint_url_is_safe(url))
        return err_set(err, RC_INVALID,
                       "%s_JWKS_URL is '%.200s': must be https://, http:// on "
                       "loopback, or file:///PATH",
                       c->what, c->keys_url);
    return RC_OK;
}

int auth_open(struct loop *loop, const struct auth_config *config,
              struct auth **out, struct err *err)
{
    struct auth *a;
    int rc = check_config(config, err);

    if (rc == RC_OK)
        rc = crypto_map(err); /* said at the start, not by a token */
    if (rc)
        return rc;
    a = MEM_NEW(struct auth);
    a->loop = loop;
    a->what = mem_strdup(config->what);
    a->url = mem_strdup(config->keys_url);
    a->issuer = mem_strdup(config->expected.issuer);
    a->audience = mem_strdup(config->expected.audience);
    if (config->expected.email)
        a->email = mem_strdup(config->expected.email);
    a->expected = (struct jwt_expected){a->issuer, a->audience, a->email};
    pthread_mutex_init(&a->lock, NULL);
    a->client = http_client_new(loop, 1);
    a->ask.run = on_ask;
    loop_timer_init(&a->timer, loop, on_timer);
    loop_timer_arm(&a->timer, 0);
    *out = a;
    return RC_OK;
}

void auth_close(struct auth *a)
{
    if (!a)
        return;
    http_client_free(a->client);
    if (a->fetching)
        http_call_fini(&a->call);
    loop_timer_fini(&a->timer);
    jwks_unref(a->keys);
    pthread_mutex_destroy(&a->lock);
    mem_free(a->what);
    mem_free(a->url);
    mem_free(a->issuer);
    mem_free(a->audience);
    mem_free(a->email);
    mem_free(a);
}
