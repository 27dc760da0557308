/* SPDX-License-Identifier: Apache-2.0 */
#include "api/health.h"

#include <stddef.h>

#include "api/app.h"
#include "cache/channel.h"
#include "cache/redis.h"
#include "common/clock.h"
#include "common/mem.h"

enum {
    PERIOD_US = 1000000,
    SILENCE_US = 2500000 /* a ping without an answer: 503 within 3 s */
};

struct health {
    struct api *api;
    struct loop_timer timer;
    struct store_ping ping;
    bool pinging;
    _Atomic int64_t ok_us; /* last good answer; 0: none, or the last failed */
    struct metric *store_up, *redis_up;
};

static void on_ping(struct store_ping *ping)
{
    struct health *h = LOOP_OWNER(ping, struct health, ping);

    atomic_fetch_sub(&h->api->pending, 1);
    h->pinging = false;
    atomic_store(&h->ok_us, ping->rc == RC_OK ? clock_mono_us() : 0);
    metric_set(h->store_up, ping->rc == RC_OK);
    if (ping->rc == RC_OK)
        api_tell_ready(h->api);
}

static void on_period(struct loop_timer *t)
{
    struct health *h = LOOP_OWNER(t, struct health, timer);
    struct redis *redis = h->api->loops[0].redis;

    loop_timer_arm(t, PERIOD_US);
    if (redis)
        metric_set(h->redis_up, redis_is_up(redis));
    if (!health_is_ok(h))
        metric_set(h->store_up, 0);
    if (h->pinging)
        return;
    h->pinging = true;
    h->ping =
        (struct store_ping){.loop = h->api->loops[0].loop, .done = on_ping};
    atomic_fetch_add(&h->api->pending, 1);
    store_ping(h->api->store, &h->ping);
}

bool health_is_ok(struct health *h)
{
    int64_t ok_us = atomic_load(&h->ok_us);

    return ok_us && clock_mono_us() - ok_us < SILENCE_US;
}

void get_health(struct exchange *x)
{
    if (health_is_ok(x->l->api->health))
        reply_with(x, 200, STR("application/json"), NULL, 0,
                   STR("{\"status\":\"ok\"}"));
    else
        reply_with(x, 503, STR("application/json"),
                   (const struct http_field[]){{STR("retry-after"), STR("1")}},
                   1,
                   STR("{\"status\":\"error\",\"checks\":{\"store\":{"
                       "\"status\":\"error\",\"detail\":\"the store does not "
                       "answer\"}}}"));
}

struct health *health_new(struct api *api)
{
    struct health *h = MEM_NEW(struct health);

    h->api = api;
    loop_timer_init(&h->timer, api->loops[0].loop, on_period);
    h->store_up = metrics_get(api->metrics, METRIC_DEPENDENCY_UP,
                              (const char *const[]){"store"});
    if (api->loops[0].redis)
        h->redis_up = metrics_get(api->metrics, METRIC_DEPENDENCY_UP,
                                  (const char *const[]){"redis"});
    return h;
}

void health_start(struct health *h)
{
    loop_timer_arm(&h->timer, 0);
}

void health_stop(struct health *h)
{
    loop_timer_cancel(&h->timer);
}

void health_free(struct health *h)
{
    if (!h)
        return;
    loop_timer_fini(&h->timer);
    mem_free(h);
}
