/* SPDX-License-Identifier: Apache-2.0 */
/* Loops, listeners, and the end in its order: streams end, requests in flight
 * are answered, what the store was given comes back, loops stop. */
#include "api/check.h"
#include "api/copy.h"
#include "api/health.h"
#include "auth/auth.h"
#include "cache/channel.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"

#include "api/app.h"

#define GRACE_US (8 * US_PER_S)
enum {
    POLL_US = 2000,
    PUSH_BODY = 16 * 1024 * 1024
};

static void on_wake(struct loop_task *task)
{
    struct api_loop *l = LOOP_OWNER(task, struct api_loop, wake);

    atomic_store(&l->wake_posted, false);
    get_wake(l);
}

static void on_pump(struct loop_task *task)
{
    struct api_loop *l = LOOP_OWNER(task, struct api_loop, pump);

    atomic_store(&l->pump_posted, false);
    stream_pump(l);
}

static void on_writable(struct http_req *req, void *app)
{
    struct exchange *x = http_req_user(req);

    (void)app;
    if (x)
        stream_writable(x);
}

/* A push may be as large as a message of Pub/Sub. */
static enum http_body_mode on_head(struct http_req *req, void *app_arg)
{
    (void)app_arg;
    if (http_req_method(req) == HTTP_POST &&
        str_eq(http_req_path(req), str_from(route_at(ROUTE_PUSH)->path)))
        http_req_limit_body(req, PUSH_BODY);
    return HTTP_BODY_WHOLE;
}

static const struct http_app app = {
    .on_head = on_head,
    .on_request = on_request,
    .on_writable = on_writable,
    .on_close = on_close,
    .render_error = admin_render_error,
    .error_fields = error_fields,
};

/* --- loops --- */

static int open_channel(struct api *api, struct api_loop *l, struct err *err)
{
    struct channel_config config = {
        .redis_url = api->settings->redis_url,
        .ca_file = api->settings->redis_ca_file,
        .system = api->settings->system,
    };
    int rc;

    /* one subscription a process, on the main loop; the others only write */
    if (l->index == 0) {
        config.subscribe = true;
        config.on_payload = api_on_payload;
        config.on_gap = api_on_gap;
        config.on_state = api_on_channel;
        config.arg = api;
    }

    if (!config.redis_url || !config.redis_url[0])
        return RC_OK;
    rc = channel_open(l->loop, &config, &l->channel, err);
    if (rc == RC_OK)
        l->redis = channel_redis(l->channel);
    return rc;
}

static void count_from_the_start(struct api_loop *l)
{
    static const char *const results[N_CACHED] = {"local", "redis", "miss",
                                                  "stale"};

    for (int i = 0; i < N_CACHED; i++)
        l->cached[i] =
            metrics_get(l->api->metrics, METRIC_CACHE_REQUESTS, &results[i]);
}

static int open_loop(struct api *api, struct api_loop *l, struct err *err)
{
    struct writer_config writer = {
        .store = api->store,
        .on_commit = api_on_commit,
        .arg = api,
    };
    uint64_t seed;
    int rc;

    l->api = api;
    l->loop = loop_new();
    rand_bytes(&seed, sizeof(seed));
    rand_seed(&l->rand, seed);
    l->wake.run = on_wake;
    l->pump.run = on_pump;
    loop_timer_init(&l->park_over, l->loop, get_park_over);
    loop_timer_init(&l->keep_alive, l->loop, stream_keep_alive);
    count_from_the_start(l);
    request_count_from_the_start(l);
    rc = open_channel(api, l, err);
    writer.channel = l->channel;
    l->writer = writer_new(l->loop, &writer);
    return rc;
}

int server_open(struct api *api, struct err *err)
{
    struct http_limits limits;
    int rc = RC_OK;

    api->n_loops = (unsigned)settings_threads(api->settings);
    api->loops = MEM_ARRAY(struct api_loop, api->n_loops);
    for (unsigned i = 0; i < api->n_loops; i++) {
        int one;

        api->loops[i].index = i;
        one = open_loop(api, &api->loops[i], err);
        if (one)
            rc = one;
    }
    if (rc)
        return rc;
    http_limits_default(&limits);
    api->server = http_server_new(&app, &limits);
    for (unsigned i = 0; rc == RC_OK && i < api->n_loops; i++)
        rc = http_server_listen(
            api->server, api->loops[i].loop, api->settings->bind,
            (uint16_t)api->settings->port, &api->loops[i], err);
    return rc;
}

static void *run_thread(void *arg)
{
    struct api_loop *l = arg;

    loop_run(l->loop);
    return NULL;
}

void server_run(struct api *api)
{
    for (unsigned i = 1; i < api->n_loops; i++) {
        struct api_loop *l = &api->loops[i];
        l->running = pthread_create(&l->thread, NULL, run_thread, l) == 0;
        if (!l->running)
            LOG_E("api: a thread could not be started; its connections are "
                  "not served");
    }
    loop_run(api->loops[0].loop);
    for (unsigned i = 1; i < api->n_loops; i++) {
        if (!api->loops[i].running)
            continue;
        loop_stop(api->loops[i].loop);
        pthread_join(api->loops[i].thread, NULL);
    }
}

/* --- the end --- */

static void on_end_poll(struct loop_timer *t)
{
    struct api *api = LOOP_OWNER(t, struct api, end);
    struct loop *loop = api->loops[0].loop;
    bool waiting = atomic_load(&api->pending) > 0 || api->guest_busy;

    if (waiting && loop_now_us(loop) < api->end_by_us)
        loop_timer_arm(t, POLL_US);
    else
        loop_stop(loop);
}

/* Main loop: every listener is empty. */
static void on_all_drained(struct loop_task *task)
{
    struct api *api = LOOP_OWNER(task, struct api, drained);

    loop_timer_arm(&api->end, 0);
}

static void on_drained(void *arg)
{
    struct api_loop *l = arg;
    struct api *api = l->api;

    if (atomic_fetch_sub(&api->draining_left, 1) == 1)
        loop_post(api->loops[0].loop, &api->drained);
}

static void on_drain(struct loop_task *task)
{
    struct api_loop *l = LOOP_OWNER(task, struct api_loop, drain);

    l->draining = true;
    stream_end_all(l);
    http_server_drain(l->api->server, l->loop, GRACE_US, on_drained, l);
}

static void on_guest_stopped(void *arg)
{
    ((struct api *)arg)->guest_busy = false;
}

void server_terminate(struct api *api)
{
    if (atomic_exchange(&api->stopping, true))
        return;
    LOG_I("stopping: finishing what is in flight");
    check_stop(api->check);
    copy_stop(api->copy);
    health_stop(api->health);
    api->end_by_us = loop_now_us(api->loops[0].loop) + GRACE_US + US_PER_S;
    api->drained.run = on_all_drained;
    loop_timer_init(&api->end, api->loops[0].loop, on_end_poll);
    if (api->guest) {
        api->guest_busy = true;
        api->guest_ops->stop(api->guest, on_guest_stopped, api);
    }
    atomic_store(&api->draining_left, (int)api->n_loops);
    for (unsigned i = 0; i < api->n_loops; i++) {
        api->loops[i].drain.run = on_drain;
        loop_post(api->loops[i].loop, &api->loops[i].drain);
    }
}

static void close_loop(struct api_loop *l)
{
    if (!l->loop)
        return;
    writer_free(l->writer);
    channel_close(l->channel);
    get_free(l);
    loop_timer_fini(&l->park_over);
    loop_timer_fini(&l->keep_alive);
    while (l->pool) {
        struct exchange *x = l->pool;
        l->pool = x->next;
        mem_free(x);
    }
}

void server_close(struct api *api)
{
    http_server_free(api->server);
    if (api->admin_server)
        http_server_free(api->admin_server);
    if (api->cache)
        cache_close(api->cache);
    auth_close(api->auth);
    auth_close(api->push_auth);
    if (api->end.event)
        loop_timer_fini(&api->end);
    for (unsigned i = 0; i < api->n_loops; i++)
        close_loop(&api->loops[i]);
    check_free(api->check);
    copy_free(api->copy);
    health_free(api->health);
    for (unsigned i = 0; i < api->n_loops; i++)
        loop_free(api->loops[i].loop);
    mem_free(api->loops);
}
