/* SPDX-License-Identifier: Apache-2.0 */
/* `datos ingest`: start-up, signals, shutdown; nothing else. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "admin/admin.h"
#include "cache/channel.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/mem.h"
#include "common/metrics.h"
#include "common/ready.h"
#include "config/settings.h"
#include "http/http.h"
#include "ingest/ingest.h"
#include "net/credentials.h"
#include "schema/schema.h"
#include "store/open.h"
#include "store/store_metrics.h"

#define STOP_US (8 * US_PER_S)

struct role {
    const struct settings *settings;
    int ready_fd;
    struct loop *loop;
    struct metrics *metrics;
    struct schema *schema;
    struct store *store;
    struct channel *channel;
    struct token_source *tokens; /* NULL: an emulator wants none */
    struct ingest *ingest;
    struct admin admin;
    struct http_server *server;
    bool is_stopping;
};

static bool is_ready(void *arg, const char **why)
{
    struct role *r = arg;

    if (r->is_stopping || !r->ingest) {
        *why = "it is stopping";
        return false;
    }
    return ingest_is_ready(r->ingest, why);
}

static void on_ready(void *arg)
{
    struct role *r = arg;
    char address[64];

    snprintf(address, sizeof(address), "http://127.0.0.1:%u",
             (unsigned)http_server_port(r->server));
    ready_tell(r->ready_fd, "ingest", address, NULL);
    r->ready_fd = -1;
}

static void on_stopped(void *arg)
{
    struct role *r = arg;

    r->ingest = NULL;
    loop_stop(r->loop);
}

static void on_terminate(int signo, void *arg)
{
    struct role *r = arg;

    (void)signo;
    if (r->is_stopping)
        return;
    r->is_stopping = true;
    LOG_I("stopping: finishing what is held");
    ingest_stop(r->ingest, STOP_US - US_PER_S, on_stopped, r);
}

static int open_channel(struct role *r, struct err *err)
{
    struct channel_config config = {
        .redis_url = r->settings->redis_url,
        .system = r->settings->system,
    };

    if (!config.redis_url || !config.redis_url[0])
        return RC_OK;
    return channel_open(r->loop, &config, &r->channel, err);
}

static int open_tokens(struct role *r, struct err *err)
{
    const char *emulator = r->settings->pubsub_emulator_host;
    int rc;

    if (emulator && emulator[0])
        return RC_OK;
    rc = credentials_open(r->loop, &r->tokens, err);
    if (rc == RC_OK)
        LOG_I("credentials: %s", token_describe(r->tokens));
    return rc;
}

static int open_admin(struct role *r, struct err *err)
{
    int64_t port = r->settings->admin_port;

    r->admin = (struct admin){
        .metrics = r->metrics,
        .is_ready = is_ready,
        .arg = r,
    };
    return admin_listen(&r->admin, r->loop, r->settings->bind,
                        (uint16_t)(port < 0 ? 0 : port), &r->server, err);
}

static int open_ingest(struct role *r, struct err *err)
{
    const struct settings *s = r->settings;
    struct ingest_config config = {
        .project = s->project,
        .subscription = s->subscription,
        .dead_letter_topic = s->dead_letter_topic,
        .pubsub_emulator_host = s->pubsub_emulator_host,
        .tokens = r->tokens,
        .schema = r->schema,
        .max_future_s = s->max_future_s,
        .store = r->store,
        .channel = r->channel,
        .metrics = r->metrics,
        .on_ready = on_ready,
        .arg = r,
    };

    return ingest_new(r->loop, &config, &r->ingest, err);
}

static int open_role(struct role *r, struct err *err)
{
    int rc = schema_load(r->settings->schema, &r->schema, err);

    r->loop = loop_new();
    r->metrics = metrics_new(r->settings->system, r->settings->region);
    if (rc == RC_OK)
        rc = store_open(r->settings, r->schema, &r->store, err);
    if (rc == RC_OK)
        store_measure(r->store, r->metrics);
    if (rc == RC_OK)
        rc = open_channel(r, err);
    if (rc == RC_OK)
        rc = open_tokens(r, err);
    if (rc == RC_OK)
        rc = open_admin(r, err);
    if (rc == RC_OK)
        rc = open_ingest(r, err);
    return rc;
}

static void close_role(struct role *r)
{
    if (r->channel)
        channel_close(r->channel);
    if (r->store)
        store_close(r->store);
    if (r->server)
        http_server_free(r->server);
    token_source_free(r->tokens);
    loop_free(r->loop);
    metrics_free(r->metrics);
    schema_free(r->schema);
}

int ingest_main(const struct settings *settings, int ready_fd)
{
    struct role r = {.settings = settings, .ready_fd = ready_fd};
    struct err err = {0};
    int rc = open_role(&r, &err);

    if (rc != RC_OK) {
        LOG_E("ingest cannot start: %s", err.text);
    } else {
        loop_on_terminate(r.loop, on_terminate, &r);
        loop_run(r.loop);
    }
    close_role(&r);
    return rc == RC_OK ? 0 : 1;
}
