/* SPDX-License-Identifier: Apache-2.0 */
/* Puts the parts together, and takes them apart in the right order. */
#include "ingest/ingest.h"

#include "common/clock.h"
#include "common/mem.h"
#include "ingest/pipeline.h"
#include "ingest/push_subscriber.h"
#include "net/google.h"
#include "pubsub/pull_subscriber.h"

enum {
    CONNECTIONS = 24, /* pulls wait on theirs; acks and publishes need more */
    PULLS = 4,
    HELD_MESSAGES = 8000,
    BATCH_ROWS = 1000,
    STORE_CALLS = 4
};
#define HELD_BYTES  (64u * 1024 * 1024)
#define BATCH_BYTES (4u * 1024 * 1024)
#define BATCH_AGE   (10 * US_PER_MS)

struct ingest {
    struct pipeline pipeline;
    struct loop *loop;
    struct google *google;
    struct publisher *publisher;
    struct subscriber *subscriber;
    struct push_subscriber *push; /* NULL: pulls */
    struct writer *writer;
    char *project, *subscription, *dead_letter_topic;
    void (*on_ready)(void *arg);
    void *arg;
    bool was_ready;
    /* stopping */
    int64_t stop_by_us;
    bool is_ending;
    struct loop_timer end_timer;
    void (*stopped)(void *arg);
    void *stopped_arg;
};

static struct ingest *ingest_of(void *pipeline)
{
    return LOOP_OWNER(pipeline, struct ingest, pipeline);
}

static void on_state(bool up, const char *why, void *arg)
{
    struct ingest *in = ingest_of(arg);

    receive_state(up, why, arg);
    if (up && !in->was_ready) {
        in->was_ready = true;
        if (in->on_ready)
            in->on_ready(in->arg);
    }
}

static void send_letter(void *publisher, struct publish *publish)
{
    publisher_send(publisher, publish);
}

bool ingest_is_ready(struct ingest *in, const char **why)
{
    if (!in->pipeline.is_pubsub_up) {
        *why = "the subscription cannot be pulled from";
        return false;
    }
    if (in->pipeline.is_store_down) {
        *why = "the store does not take rows";
        return false;
    }
    return true;
}

/* --- the end, step by step
 * ---------------------------------------------------- */

static void on_subscriber_closed(void *arg)
{
    struct ingest *in = arg;
    void (*stopped)(void *arg) = in->stopped;
    void *stopped_arg = in->stopped_arg;

    google_free(in->google);
    loop_timer_fini(&in->end_timer);
    /* A store that never answered still works on our rows: leave them. */
    if (pipeline_is_idle(&in->pipeline)) {
        pipeline_fini(&in->pipeline);
        writer_free(in->writer);
        mem_free(in->project);
        mem_free(in->subscription);
        mem_free(in->dead_letter_topic);
        mem_free(in);
    }
    stopped(stopped_arg);
}

static void on_publisher_closed(void *arg)
{
    struct ingest *in = arg;
    int64_t left = in->stop_by_us - clock_mono_us();

    pipeline_close(&in->pipeline);
    subscriber_close(in->subscriber, left > 0 ? left : 0, on_subscriber_closed,
                     in);
}

/* All is settled, or the time for it is over. */
static void end(struct ingest *in)
{
    if (in->is_ending)
        return;
    in->is_ending = true;
    loop_timer_cancel(&in->end_timer);
    pipeline_give_up(&in->pipeline);
    publisher_close(in->publisher, on_publisher_closed, in);
}

static void on_drained(void *arg)
{
    end(arg);
}

static void on_end(struct loop_timer *timer)
{
    end(LOOP_OWNER(timer, struct ingest, end_timer));
}

void ingest_stop(struct ingest *in, int64_t grace_us, void (*done)(void *arg),
                 void *arg)
{
    in->stopped = done;
    in->stopped_arg = arg;
    in->stop_by_us = clock_mono_us() + grace_us;
    /* the last quarter is for acknowledgements */
    loop_timer_arm(&in->end_timer, grace_us / 4 * 3);
    pipeline_drain(&in->pipeline);
}

/* --- the beginning
 * ------------------------------------------------------------ */

static void open_pubsub(struct ingest *in, const struct ingest_config *config,
                        const struct endpoint *endpoint)
{
    struct publisher_config publisher = {
        .project = in->project,
        .topic = in->dead_letter_topic,
    };
    struct subscriber_config subscriber = {
        .project = in->project,
        .subscription = in->subscription,
        .max_messages = HELD_MESSAGES,
        .max_bytes = HELD_BYTES,
        .pulls = PULLS,
        .on_message = receive_message,
        .on_batch = receive_batch_end,
        .on_state = on_state,
        .arg = &in->pipeline,
    };

    in->google = google_new(in->loop, endpoint, config->tokens, CONNECTIONS);
    in->publisher = publisher_new(in->loop, in->google, &publisher);
    in->subscriber =
        config->is_push
            ? push_subscriber_new(in->loop, &subscriber, &in->push)
            : pull_subscriber_new(in->loop, in->google, &subscriber);
}

static void open_pipeline(struct ingest *in, const struct ingest_config *config)
{
    struct writer_config writer = {
        .store = config->store,
        .channel = config->channel,
        .on_commit = config->on_commit,
        .arg = config->arg,
    };
    struct pipeline_config pipeline = {
        .loop = in->loop,
        .schema = config->schema,
        .max_future_s = config->max_future_s,
        .subscriber = in->subscriber,
        .publish = send_letter,
        .publisher = in->publisher,
        .dead_letter_topic = publisher_topic(in->publisher),
        .project = in->project,
        .limits = {BATCH_ROWS, BATCH_BYTES, BATCH_AGE, STORE_CALLS},
        .metrics = config->metrics,
        .is_push = config->is_push,
        .on_drained = on_drained,
        .arg = in,
    };

    in->writer = writer_new(in->loop, &writer);
    pipeline.writer = in->writer;
    pipeline_init(&in->pipeline, &pipeline);
}

int ingest_new(struct loop *loop, const struct ingest_config *config,
               struct ingest **out, struct err *err)
{
    struct endpoint endpoint;
    struct ingest *in;
    int rc = endpoint_init(&endpoint, "pubsub", config->pubsub_emulator_host,
                           "PUBSUB_EMULATOR_HOST",
                           token_universe(config->tokens), err);

    if (rc != RC_OK)
        return rc;
    in = MEM_NEW(struct ingest);
    in->loop = loop;
    in->on_ready = config->on_ready;
    in->arg = config->arg;
    in->project = mem_strdup(config->project);
    in->subscription = mem_strdup(config->subscription);
    in->dead_letter_topic = mem_strdup(config->dead_letter_topic);
    loop_timer_init(&in->end_timer, loop, on_end);
    open_pubsub(in, config, &endpoint);
    open_pipeline(in, config);
    *out = in;
    return RC_OK;
}

void ingest_push(struct ingest *in, struct ingest_push *push)
{
    push_subscriber_take(in->push, push);
}
