/* SPDX-License-Identifier: Apache-2.0 */
/* `datos api`: start-up, readiness, shutdown; nothing else. */
#include <inttypes.h>
#include <stdio.h>

#include "api/app.h"
#include "api/bucket.h"
#include "api/check.h"
#include "api/copy.h"
#include "api/health.h"
#include "auth/auth.h"
#include "cache/channel.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/ready.h"
#include "config/version.h"
#include "net/endpoint.h"
#include "store/open.h"
#include "store/store_metrics.h"

enum {
    /* BigQuery's queries may show a streamed row a little later */
    GRACE_BIGQUERY_S = 90
};

/* --- what others call --- */

void api_on_payload(struct generation gen, struct str payload, void *arg)
{
    api_apply_notice(arg, payload, gen);
}

void api_on_gap(void *arg)
{
    struct api *api = arg;

    if (api->check)
        check_on_gap(api->check);
}

void api_on_channel(bool up, void *arg)
{
    struct api *api = arg;

    if (api->check)
        check_on_state(api->check, up);
}

static struct cache_stamp stamp(void *arg)
{
    return commits_stamp(((struct api *)arg)->commits);
}

static bool is_current(struct str key, const struct cache_stamp *at, void *arg)
{
    struct query q;

    return query_from_key(key, &q) == RC_OK &&
           commits_is_current(((struct api *)arg)->commits, &q, at,
                              clock_mono_us());
}

static void *decode(struct str key, struct str bytes, size_t *cost, void *arg)
{
    struct answer *a = answer_decode(bytes);

    (void)key;
    (void)arg;
    /* body, head, and perhaps the gzip form */
    *cost = 2 * bytes.len + 2048;
    return a;
}

static void release(void *object)
{
    answer_unref(object);
}

static bool is_ready(void *arg, const char **why)
{
    struct api *api = arg;

    if (atomic_load(&api->stopping)) {
        *why = "it is stopping";
        return false;
    }
    return check_is_ready(api->check, clock_mono_us(), why);
}

/* --- parts --- */

static void open_cache(struct api *api)
{
    const char *emulator = api->settings->bigquery_emulator_host;
    bool is_local = str_eq(str_from(store_name(api->store)), STR("sqlite")) ||
                    (emulator && emulator[0]);
    struct cache_config config = {
        .max_bytes = (size_t)api->settings->cache_local_mb << 20,
        .policy = {api->settings->cache_ttl_ms * US_PER_MS,
                   api->settings->cache_stale_ms * US_PER_MS},
        .load = get_load,
        .decode = decode,
        .release = release,
        .stamp = stamp,
        .is_current = is_current,
        .arg = api,
    };
    char prefix[192];

    snprintf(prefix, sizeof(prefix), "datos:{%.100s}:%016" PRIx64 ":",
             api->settings->system, api->schema->version);
    config.prefix = prefix;
    api->head = head_new(is_local ? 0 : GRACE_BIGQUERY_S * US_PER_S);
    api->commits = commits_new(config.policy.ttl_us);
    api->no_local = config.max_bytes == 0;
    api->feed = feed_new();
    api->reads = bucket_new(settings_store_qps(api->settings));
    api->cache = cache_new(&config);
}

/* What the server counts, at the moment of the scrape. */
static void refresh(void *arg)
{
    static const char *const reasons[] = {"full", "timeout", "protocol"};
    struct api *api = arg;
    uint64_t cut[3] = {0};
    unsigned open = 0;

    for (unsigned i = 0; i < api->n_loops; i++) {
        const struct http_counters *c =
            http_server_counters(api->server, api->loops[i].loop);

        if (!c)
            continue;
        open += c->open;
        cut[0] += c->refused;
        cut[1] += c->timeouts;
        cut[2] += c->protocol_errors;
    }
    metric_set(metrics_get(api->metrics, METRIC_CONNECTIONS, NULL), open);
    for (size_t i = 0; i < 3; i++) {
        uint64_t told = atomic_exchange(&api->cut_told[i], cut[i]);

        metric_add(
            metrics_get(api->metrics, METRIC_CONNECTIONS_CUT, &reasons[i]),
            cut[i] > told ? cut[i] - told : 0);
    }
}

static int open_admin(struct api *api, struct err *err)
{
    int64_t port = api->settings->admin_port;

    api->admin = (struct admin){.metrics = api->metrics,
                                .is_ready = is_ready,
                                .arg = api,
                                .refresh = refresh};
    api->admin_public = api->admin;
    api->admin_public.hide_metrics = api->settings->in_cloud;
    if (port < 0)
        return RC_OK;
    return admin_listen(&api->admin, api->loops[0].loop, api->settings->bind,
                        (uint16_t)port, &api->admin_server, err);
}

static int open_guest(struct api *api, struct err *err)
{
    const struct api_host host = {
        .settings = api->settings,
        .loop = api->loops[0].loop,
        .schema = api->schema,
        .store = api->store,
        .channel = api->loops[0].channel,
        .metrics = api->metrics,
        .on_commit = api_on_commit,
        .on_commit_arg = api,
    };

    return api->guest_ops ? api->guest_ops->start(&host, &api->guest, err)
                          : RC_OK;
}

static bool is_set(const char *setting, struct str value)
{
    return str_eq(str_from(setting), value);
}

static int open_post_auth(struct api *api, struct err *err)
{
    const struct settings *s = api->settings;
    const struct auth_config config = {
        .what = "DATOS_JWT",
        .keys_url = s->jwt_jwks_url,
        .expected = {s->jwt_issuer, s->jwt_audience, NULL},
    };

    if (!is_set(s->auth, STR("jwt")))
        return RC_OK;
    return auth_open(api->loops[0].loop, &config, &api->auth, err);
}

static int open_push_auth(struct api *api, struct err *err)
{
    const struct settings *s = api->settings;
    const struct auth_config config = {
        .what = "DATOS_PUSH",
        .keys_url = s->push_jwks_url,
        .expected = {s->push_issuer, s->push_audience, s->push_service_account},
    };

    if (!is_set(s->ingest, STR("push")))
        return RC_OK;
    api->takes_pushes = true;
    if (is_set(s->push_auth, STR("none")))
        return endpoint_host_is_loopback(str_from(s->bind))
                   ? RC_OK
                   : err_set(err, RC_INVALID,
                             "DATOS_PUSH_AUTH=none is for loopback, and "
                             "DATOS_BIND is %.100s: use jwt",
                             s->bind);
    if (!s->push_service_account || !s->push_service_account[0])
        return err_set(err, RC_INVALID,
                       "DATOS_PUSH_SERVICE_ACCOUNT is not set: it names the "
                       "account that Pub/Sub signs its pushes with");
    return auth_open(api->loops[0].loop, &config, &api->push_auth, err);
}

static int open_api(struct api *api, struct err *err)
{
    int rc = schema_load(api->settings->schema, &api->schema, err);

    if (rc == RC_OK)
        rc = store_open(api->settings, api->schema, &api->store, err);
    if (rc)
        return rc;
    api->metrics = metrics_new(api->settings->system, api->settings->region);
    metric_set(
        metrics_get(api->metrics, METRIC_BUILD_INFO,
                    (const char *const[]){version_number(), version_commit()}),
        1);
    store_measure(api->store, api->metrics);
    api->visible = metrics_get(api->metrics, METRIC_VISIBLE_SECONDS, NULL);
    open_cache(api);
    rc = server_open(api, err);
    if (rc == RC_OK)
        rc = open_admin(api, err);
    if (rc == RC_OK)
        rc = open_post_auth(api, err);
    if (rc == RC_OK)
        rc = open_push_auth(api, err);
    if (rc)
        return rc;
    api->check = check_new(api);
    api->copy = copy_new(api);
    api->health = health_new(api);
    api->openapi = openapi_new(api);
    api->docs = docs_new(api);
    return open_guest(api, err);
}

static void close_api(struct api *api)
{
    if (api->guest)
        api->guest_ops->free(api->guest);
    if (api->loops)
        server_close(api);
    if (api->store)
        store_close(api->store);
    cache_free(api->cache);
    head_free(api->head);
    commits_free(api->commits);
    feed_free(api->feed);
    bucket_free(api->reads);
    http_prepared_unref(api->openapi);
    http_prepared_unref(api->docs);
    metrics_free(api->metrics);
    schema_free(api->schema);
}

/* --- the role --- */

static void address_of(const struct api *api, char *out, size_t size)
{
    struct str bind = str_from(api->settings->bind);
    bool any = str_eq(bind, STR("0.0.0.0")) || str_eq(bind, STR("::"));
    bool six = !any && memchr(bind.p, ':', bind.len) != NULL;

    snprintf(out, size, "http://%s%s%s:%u", six ? "[" : "",
             any ? "127.0.0.1" : api->settings->bind, six ? "]" : "",
             (unsigned)http_server_port(api->server));
}

void api_tell_ready(struct api *api)
{
    char address[256];
    const char *why;

    /* with the store down, a process that serves a copy is ready too */
    if (api->told_ready ||
        !(health_is_ok(api->health) || check_shows_copy(api->check)) ||
        !check_is_ready(api->check, clock_mono_us(), &why))
        return;
    api->told_ready = true;
    address_of(api, address, sizeof(address));
    LOG_I("ready on %s", address);
    ready_tell(api->ready_fd, "api", address, NULL);
}

static void on_terminate(int signo, void *arg)
{
    (void)signo;
    server_terminate(arg);
}

int api_run(const struct settings *settings, const struct api_options *options)
{
    struct api *api = MEM_NEW(struct api);
    struct err err = {0};

    api->settings = settings;
    api->ready_fd = options->ready_fd;
    api->guest_ops = options->guest;
    if (open_api(api, &err)) {
        LOG_E("api cannot start: %s", err.text);
        close_api(api);
        mem_free(api);
        return 1;
    }
    loop_on_terminate(api->loops[0].loop, on_terminate, api);
    health_start(api->health);
    check_start(api->check);
    copy_start(api->copy);
    server_run(api);
    if (atomic_load(&api->pending) > 0) {
        /* The store hangs: nobody was told that those are stored. The
         * process' end frees the rest. */
        LOG_W("stopped while the store still held requests");
        return 0;
    }
    close_api(api);
    mem_free(api);
    return 0;
}

int api_main(const struct settings *settings, int ready_fd)
{
    const struct api_options options = {.ready_fd = ready_fd};

    return api_run(settings, &options);
}
