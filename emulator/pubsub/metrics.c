/* SPDX-License-Identifier: Apache-2.0 */
/* Prometheus families with the names under which Cloud Monitoring's Pub/Sub
 * metrics appear in Managed Prometheus. */
#include "common/mem.h"
#include "emulator/pubsub/pubsub_priv.h"
#include "emulator/pubsub/push.h"
#include "emulator/pubsub/request_counts.h"
#include "emulator/pubsub/transform_stats.h"

#define PREFIX "pubsub_googleapis_com:"

static void head(struct buf *out, const char *name, const char *kind,
                 const char *help)
{
    buf_printf(out, "# HELP " PREFIX "%s %s\n# TYPE " PREFIX "%s %s\n", name,
               help, name, kind);
}

/* "projects/P/kind/ID" as two labels. */
static void row(struct buf *out, const char *name, const char *label,
                const char *resource, double value)
{
    struct str project, id;

    name_split(resource, &project, &id);
    buf_printf(out, PREFIX "%s{project_id=\"%.*s\",%s=\"%.*s\"} %.17g\n", name,
               STR_ARG(project), label, STR_ARG(id), value);
}

static double value_backlog(const struct sub *sub)
{
    return (double)subcore_backlog(&sub->core);
}

static double value_age(const struct sub *sub)
{
    int64_t oldest_us = subcore_oldest_us(&sub->core);

    return oldest_us == INT64_MAX
               ? 0
               : (double)(pubsub_now(sub->service) - oldest_us) / 1e6;
}

static double value_leased(const struct sub *sub)
{
    return (double)sub->core.n_leased;
}

static double value_pulled(const struct sub *sub)
{
    return (double)sub->n_pulled;
}

static double value_acked(const struct sub *sub)
{
    return (double)sub->n_acked;
}

static double value_modacked(const struct sub *sub)
{
    return (double)sub->n_modacked;
}

static double value_expired(const struct sub *sub)
{
    return (double)sub->core.n_expired;
}

static double value_dead_lettered(const struct sub *sub)
{
    return (double)sub->n_dead_lettered;
}

static double value_streams(const struct sub *sub)
{
    unsigned n = 0;

    for (const struct stream *st = sub->streams; st; st = stream_next(st))
        n++;
    return n;
}

struct family {
    const char *name, *kind, *help;
    double (*value)(const struct sub *sub);
};

static const struct family families[] = {
    {"subscription_num_undelivered_messages", "gauge",
     "Messages not acknowledged.", value_backlog},
    {"subscription_oldest_unacked_message_age", "gauge",
     "Seconds since the oldest of them was published.", value_age},
    {"subscription_num_outstanding_messages", "gauge",
     "Messages out on a lease.", value_leased},
    {"subscription_sent_message_count", "counter", "Messages delivered.",
     value_pulled},
    {"subscription_ack_message_count", "counter", "Messages acknowledged.",
     value_acked},
    {"subscription_mod_ack_deadline_message_count", "counter",
     "Deadlines changed.", value_modacked},
    {"subscription_expired_ack_deadlines_count", "counter", "Leases expired.",
     value_expired},
    {"subscription_dead_letter_message_count", "counter",
     "Messages sent to the dead-letter topic.", value_dead_lettered},
    {"subscription_open_streaming_pulls", "gauge", "Streams that are open.",
     value_streams},
};

static void put_topics(const struct pubsub *s, struct buf *out)
{
    head(out, "topic_send_message_operation_count", "counter",
         "Messages published.");
    for (size_t i = 0; i < s->topics.n; i++) {
        const struct topic *t = s->topics.rows[i].resource;

        row(out, "topic_send_message_operation_count", "topic_id", t->name,
            (double)t->n_published);
    }
    head(out, "topic_byte_cost", "counter", "Bytes published.");
    for (size_t i = 0; i < s->topics.n; i++) {
        const struct topic *t = s->topics.rows[i].resource;

        row(out, "topic_byte_cost", "operation_type=\"publish\",topic_id",
            t->name, (double)t->n_published_bytes);
    }
}

static void put_latencies(const char *family, const char *label,
                          const char *name, const struct transform_stats *stats,
                          struct buf *out)
{
    struct str project, id;
    char *labels;

    if (!stats)
        return;
    name_split(name, &project, &id);
    labels = mem_printf("project_id=\"%.*s\",%s=\"%.*s\"", STR_ARG(project),
                        label, STR_ARG(id));
    transform_stats_put(stats, family, labels, out);
    mem_free(labels);
}

static void put_transforms(const struct pubsub *s, struct buf *out)
{
    static const char help[] = "Milliseconds a message's transforms took.";

    head(out, "topic_message_transform_latencies", "histogram", help);
    for (size_t i = 0; i < s->topics.n; i++) {
        const struct topic *t = s->topics.rows[i].resource;

        put_latencies(PREFIX "topic_message_transform_latencies", "topic_id",
                      t->name, t->transform_stats, out);
    }
    head(out, "subscription_message_transform_latencies", "histogram", help);
    for (size_t i = 0; i < s->subs.n; i++) {
        const struct sub *sub = s->subs.rows[i].resource;

        put_latencies(PREFIX "subscription_message_transform_latencies",
                      "subscription_id", sub->name, sub->transform_stats, out);
    }
}

/* --- requests ------------------------------------------------------------- */

void metrics_count_call(void *self, const struct rpc_method *method,
                        struct str resource, enum grpc_status status)
{
    struct pubsub *s = self;
    enum request_kind kind = request_kind_of(str_from(method->path));
    struct topic *t;
    struct sub *sub;

    if (kind == REQUEST_SEND && (t = topic_find(s, resource)))
        request_counts_add(&t->requests, kind, status);
    else if (kind != REQUEST_SEND && kind != REQUEST_KINDS &&
             (sub = sub_find(s, resource)))
        request_counts_add(&sub->requests, kind, status);
}

static void put_requests_of(const char *label, const char *name,
                            const struct request_counts *counts,
                            enum request_kind kind, struct buf *out)
{
    struct str project, id;
    char *labels, *family;

    if (!counts)
        return;
    name_split(name, &project, &id);
    labels = mem_printf("project_id=\"%.*s\",%s=\"%.*s\"", STR_ARG(project),
                        label, STR_ARG(id));
    family = mem_printf(PREFIX "%s", request_counts_name(kind));
    request_counts_put(counts, kind, family, labels, out);
    mem_free(family);
    mem_free(labels);
}

static void put_requests(const struct pubsub *s, struct buf *out)
{
    for (int k = 0; k < REQUEST_KINDS; k++) {
        enum request_kind kind = (enum request_kind)k;

        head(out, request_counts_name(kind), "counter",
             request_counts_help(kind));
        for (size_t i = 0; kind == REQUEST_SEND && i < s->topics.n; i++) {
            const struct topic *t = s->topics.rows[i].resource;

            put_requests_of("topic_id", t->name, t->requests, kind, out);
        }
        for (size_t i = 0; kind != REQUEST_SEND && i < s->subs.n; i++) {
            const struct sub *sub = s->subs.rows[i].resource;

            put_requests_of("subscription_id", sub->name, sub->requests, kind,
                            out);
        }
    }
}

/* --- bytes that are kept -------------------------------------------------- */

enum {
    BATCHES_LOOKED_AT = 200000 /* an answer's: a few milliseconds */
};

static void put_backlog_bytes(const struct pubsub *s, struct buf *out)
{
    size_t budget = BATCHES_LOOKED_AT;

    head(out, "subscription_backlog_bytes", "gauge",
         "Bytes of messages not acknowledged.");
    for (size_t i = 0; i < s->subs.n; i++) {
        const struct sub *sub = s->subs.rows[i].resource;

        row(out, "subscription_backlog_bytes", "subscription_id", sub->name,
            (double)tlog_free_bytes(sub->core.log, &sub->core.holder.done,
                                    &budget));
    }
    head(out, "snapshot_backlog_bytes", "gauge",
         "Bytes of messages kept for it.");
    for (size_t i = 0; i < s->snapshots.n; i++) {
        const struct snapshot *n = s->snapshots.rows[i].resource;

        row(out, "snapshot_backlog_bytes", "snapshot_id", n->name,
            (double)tlog_free_bytes(&n->topic->log, &n->holder.done, &budget));
    }
}

void pubsub_metrics(void *self, struct buf *out)
{
    const struct pubsub *s = self;

    for (size_t f = 0; f < sizeof(families) / sizeof(families[0]); f++) {
        head(out, families[f].name, families[f].kind, families[f].help);
        for (size_t i = 0; i < s->subs.n; i++) {
            const struct sub *sub = s->subs.rows[i].resource;

            row(out, families[f].name, "subscription_id", sub->name,
                families[f].value(sub));
        }
    }
    put_backlog_bytes(s, out);
    put_requests(s, out);
    push_metrics(s, out);
    put_topics(s, out);
    put_transforms(s, out);
    head(out, "snapshot_num_messages", "gauge", "Messages kept for it.");
    for (size_t i = 0; i < s->snapshots.n; i++) {
        const struct snapshot *n = s->snapshots.rows[i].resource;

        row(out, "snapshot_num_messages", "snapshot_id", n->name,
            (double)ackset_count_free(&n->holder.done, 0,
                                      n->topic->log.end_seq));
    }
}
