/* SPDX-License-Identifier: Apache-2.0 */
/* Which messages are pushed when: pace, tokens, room; and what becomes of a
 * message when its request has ended. */
#include "emulator/pubsub/push.h"

#include <sys/resource.h>

#include "common/log.h"
#include "common/mem.h"
#include "net/curl_map.h"
#include "emulator/pubsub/pubsub_priv.h"
#include "emulator/pubsub/push_check.h"
#include "emulator/pubsub/push_priv.h"

enum {
    CALLS_MAX = 4096, /* of all subscriptions together */
    CALLS_HOST = 512  /* to one host and port, and kept open afterwards */
};
/* The request's own time-out comes first, the lease behind it is for a clock
 * that is moved. */
#define LEASE_SLACK_US US_PER_S
#define TOKEN_USE_US   (IDENTITY_TOKEN_LIFE_S / 2 * US_PER_S)
#define DRAIN_US       (2 * US_PER_S)

static void on_key(struct identity_wait *wait)
{
    struct push *p = LOOP_OWNER(wait, struct push, wait);
    struct pubsub *s = p->sub->service;

    sub_due(p->sub);
    deliver_due(s);
}

/* --- the configuration ---------------------------------------------------- */

static void forget_token(struct push *p)
{
    mem_free(p->token);
    p->token = NULL;
    p->token_until_us = 0;
}

static bool is_same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static void take_text(char **field, const char *value)
{
    mem_free(*field);
    *field = value ? mem_strdup(value) : NULL;
}

/* A new endpoint, or another account for it, begins anew. */
static void take_endpoint(struct push *p, const PB(PushConfig) * config)
{
    bool signs =
        config->authentication_method_case ==
        GOOGLE__PUBSUB__V1__PUSH_CONFIG__AUTHENTICATION_METHOD_OIDC_TOKEN;
    const char *email =
        signs ? config->oidc_token->service_account_email : NULL;
    const char *audience = !signs ? NULL
                           : *config->oidc_token->audience
                               ? config->oidc_token->audience
                               : config->push_endpoint;

    if (p->is_active && is_same_text(p->endpoint, config->push_endpoint) &&
        is_same_text(p->email, email) && is_same_text(p->audience, audience))
        return;
    take_text(&p->endpoint, config->push_endpoint);
    take_text(&p->email, email);
    take_text(&p->audience, audience);
    forget_token(p);
    push_pace_init(&p->pace);
    p->answers = PUSH_FRESH;
    p->is_active = true;
    /* made while nobody waits for it */
    if (email)
        (void)identity_prepare(p->sub->service->e->identity, NULL);
}

static void stop_calls(struct push *p)
{
    struct push_call *next;

    for (struct push_call *c = p->calls; c; c = next) {
        next = c->next;
        push_call_stop(c, PUSH_INTERNAL);
    }
}

void push_apply(struct sub *sub)
{
    const PB(Subscription) *config = sub->config;

    if (push_has_endpoint(config->push_config) && !config->detached) {
        if (!sub->push) {
            sub->push = MEM_NEW(struct push);
            sub->push->sub = sub;
            sub->push->wait.ready = on_key;
        }
        take_endpoint(sub->push, config->push_config);
        loop_timer_arm(&sub->timer, 0); /* it may have a backlog already */
    } else if (sub->push) {
        sub->push->is_active = false;
        if (config->detached)
            stop_calls(sub->push);
    }
}

void push_end(struct sub *sub)
{
    struct push *p = sub->push;
    struct push_call *next;

    if (!p)
        return;
    for (struct push_call *c = p->calls; c; c = next) {
        next = c->next;
        /* its leases go with the subscription */
        subcore_close_taker(&sub->core, c->taker, pubsub_now(sub->service));
        push_room_leave(c);
        push_call_stop(c, PUSH_INTERNAL);
        push_call_unlink(c);
        push_call_link(c, &c->pool->orphans);
    }
    push_leave_starved(p);
    identity_forget(sub->service->e->identity, &p->wait);
    forget_token(p);
    push_stats_fini(&p->stats);
    mem_free(p->endpoint);
    mem_free(p->email);
    mem_free(p->audience);
    mem_free(p);
    sub->push = NULL;
}

/* --- what all share ------------------------------------------------------- */

static void on_drain_over(struct loop_timer *timer)
{
    struct push_pool *pool = LOOP_OWNER(timer, struct push_pool, drain);
    struct pubsub *s = pool->service;

    for (size_t i = 0; i < s->subs.n; i++) {
        struct sub *sub = s->subs.rows[i].resource;

        if (sub->push)
            stop_calls(sub->push);
    }
    deliver_due(s);
    pubsub_drained(s);
}

/* Each request is a connection. */
static unsigned calls_max(void)
{
    struct rlimit files;

    return getrlimit(RLIMIT_NOFILE, &files) == 0 &&
                   files.rlim_cur / 2 < CALLS_MAX
               ? (unsigned)(files.rlim_cur / 2)
               : CALLS_MAX;
}

/* NULL: there is no libcurl, which is said once. */
static struct push_pool *pool_of(struct pubsub *s)
{
    struct push_pool *pool = s->push_pool;
    struct err err = {0};

    if (pool)
        return pool;
    if (curl_map(&err)) {
        if (!s->push_is_off)
            LOG_E("%s", err.text);
        s->push_is_off = true;
        return NULL;
    }
    pool = MEM_NEW(struct push_pool);
    pool->service = s;
    pool->client = http_client_new(s->e->loop, CALLS_HOST);
    pool->calls_max = calls_max();
    push_room_init(pool);
    loop_timer_init(&pool->drain, s->e->loop, on_drain_over);
    s->push_pool = pool;
    return pool;
}

/* --- pace ----------------------------------------------------------------- */

/* A retry policy delays each message by itself: then the pause, which holds up
 * all of them, is no longer than the shortest of its delays. */
static void failed(struct push *p, unsigned round, int64_t now_us)
{
    const struct sub_rules *r = &p->sub->core.rules;
    int64_t most_us = PUSH_PAUSE_MAX_US;

    if (r->has_backoff && r->backoff_min_us < most_us)
        most_us = r->backoff_min_us > PUSH_PAUSE_MIN_US ? r->backoff_min_us
                                                        : PUSH_PAUSE_MIN_US;
    push_pace_failed(&p->pace, round, most_us, now_us);
}

/* --- tokens --------------------------------------------------------------- */

/* Is there one, or none needed? Otherwise it comes, or is tried later. */
static bool has_token(struct push *p)
{
    struct emulator *e = p->sub->service->e;
    int64_t now_us = clock_wall_us();
    struct err err = {0};
    char *token;

    if (!p->email || (p->token && now_us < p->token_until_us))
        return true;
    if (!identity_prepare(e->identity, &p->wait))
        return false;
    forget_token(p);
    if (identity_token(e->identity, p->email, p->audience, &token, &err)) {
        LOG_W("%s: not pushed: %s", p->sub->name, err.text);
        failed(p, p->pace.round, pubsub_now(p->sub->service));
        return false;
    }
    p->token = mem_printf("Bearer %s", token);
    p->token_until_us = now_us + TOKEN_USE_US;
    mem_free(token);
    return true;
}

/* --- delivery ------------------------------------------------------------- */

/* The clock was moved past these leases: the messages are others' now. */
static void stop_expired(struct push *p, int64_t now_us)
{
    struct push_call *next;
    int64_t end_us = INT64_MAX;

    if (!p->calls || now_us < p->lease_end_us)
        return;
    for (struct push_call *c = p->calls; c; c = next) {
        next = c->next;
        if (c->lease_end_us <= now_us) {
            failed(p, c->round, now_us);
            push_call_stop(c, PUSH_DEADLINE);
        } else if (c->lease_end_us < end_us) {
            end_us = c->lease_end_us;
        }
    }
    p->lease_end_us = end_us;
}

/* False: nothing is due. */
static bool send_next(struct push *p, int64_t now_us)
{
    struct sub *sub = p->sub;
    int64_t lease_us = sub->core.rules.lease_us + LEASE_SLACK_US;
    struct taker *taker = taker_new();
    struct delivery d;

    if (deliver_next(sub, taker, lease_us, now_us, &d) != SUB_GOT) {
        subcore_close_taker(&sub->core, taker, now_us);
        return false;
    }
    if (!p->calls || now_us + lease_us < p->lease_end_us)
        p->lease_end_us = now_us + lease_us;
    push_call_start(p, taker, &d);
    p->calls->lease_end_us = now_us + lease_us;
    return true;
}

static bool has_backlog(const struct sub *sub)
{
    return sub->core.holder.done.frontier < sub->core.log->end_seq;
}

static bool may_send(struct push *p, int64_t now_us)
{
    return p->is_active && !p->sub->service->draining && has_backlog(p->sub) &&
           push_pace_allows(&p->pace, p->n_calls, now_us);
}

void push_serve(struct sub *sub)
{
    struct push *p = sub->push;
    struct pubsub *s = sub->service;
    struct push_pool *pool = s->push_pool;
    int64_t now_us;

    if (!p)
        return;
    now_us = pubsub_now(s);
    stop_expired(p, now_us);
    if (may_send(p, now_us) && (pool = pool_of(s)) && has_token(p)) {
        while (may_send(p, now_us) && push_has_room(pool, p) &&
               send_next(p, now_us)) {
        }
        if (may_send(p, now_us) && !push_has_room(pool, p))
            push_starve(pool, p);
    }
    if (pool) /* also where it had its turn for nothing */
        push_feed_next(pool);
}

int64_t push_next_event(const struct sub *sub)
{
    const struct push *p = sub->push;

    return p && p->is_active && p->pace.resume_us > pubsub_now(sub->service)
               ? p->pace.resume_us
               : INT64_MAX;
}

/* --- the end of a request ------------------------------------------------- */

static void settle(struct push *p, const struct push_call *c,
                   enum push_result result)
{
    struct sub *sub = p->sub;
    int64_t now_us = pubsub_now(sub->service);
    enum sub_ack ack;

    if (result == PUSH_ACK) {
        ack = subcore_ack(&sub->core, c->seq, c->nonce, now_us);
        sub->n_acked += ack == SUB_ACK_DONE;
        sub_touch(sub);
        push_pace_succeeded(&p->pace);
        return;
    }
    (void)subcore_modack(&sub->core, c->seq, c->nonce, 0, now_us);
    if (result != PUSH_INTERNAL)
        failed(p, c->round, now_us);
}

void push_ended(struct push_call *c, enum push_result result, int status)
{
    struct push_pool *pool = c->pool;
    struct pubsub *s = pool->service;
    struct push *p = c->push;

    push_room_free(c);
    push_call_unlink(c);
    if (p) {
        struct sub *sub = p->sub;

        if (result != PUSH_INTERNAL)
            p->answers = status > 0 ? PUSH_ANSWERS : PUSH_SILENT;
        push_stats_add(&p->stats, result, status,
                       loop_now_us(s->e->loop) - c->start_us);
        settle(p, c, result);
        subcore_close_taker(&sub->core, c->taker, pubsub_now(s));
        keep_changed(sub);
        sub_due(sub);
    }
    push_call_free(c);
    push_feed_next(pool);
    if (s->clearing)
        return;
    deliver_due(s);
    pubsub_drained(s);
}

/* --- stop ----------------------------------------------------------------- */

bool push_is_idle(const struct pubsub *s)
{
    return !s->push_pool || s->push_pool->n_calls == 0;
}

void push_drain(struct pubsub *s)
{
    if (!push_is_idle(s))
        loop_timer_arm(&s->push_pool->drain, DRAIN_US);
}

void push_close(struct pubsub *s)
{
    struct push_pool *pool = s->push_pool;

    if (!pool)
        return;
    http_client_free(pool->client); /* ends what was sent */
    while (pool->orphans) {
        struct push_call *c = pool->orphans;

        push_room_free(c);
        push_call_unlink(c);
        push_call_free(c);
    }
    loop_timer_fini(&pool->drain);
    push_room_fini(pool);
    mem_free(pool);
    s->push_pool = NULL;
}

/* --- metrics -------------------------------------------------------------- */

void push_metrics(const struct pubsub *s, struct buf *out)
{
    static const char counts[] =
        "pubsub_googleapis_com:subscription_push_request_count";
    static const char times[] =
        "pubsub_googleapis_com:subscription_push_request_latencies";
    struct str project, id;

    buf_printf(out, "# HELP %s Push requests by outcome.\n# TYPE %s counter\n",
               counts, counts);
    for (size_t i = 0; i < s->subs.n; i++) {
        const struct sub *sub = s->subs.rows[i].resource;

        name_split(sub->name, &project, &id);
        if (sub->push)
            push_stats_put_counts(&sub->push->stats, counts, project, id, out);
    }
    buf_printf(out,
               "# HELP %s Microseconds from request to answer.\n"
               "# TYPE %s histogram\n",
               times, times);
    for (size_t i = 0; i < s->subs.n; i++) {
        const struct sub *sub = s->subs.rows[i].resource;

        name_split(sub->name, &project, &id);
        if (sub->push)
            push_stats_put_latencies(&sub->push->stats, times, project, id,
                                     out);
    }
}
