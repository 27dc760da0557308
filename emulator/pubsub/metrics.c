/* SPDX-License-Identifier: Apache-2.0 */
/* Prometheus families with the names under which Cloud Monitoring's Pub/Sub
 * metrics appear in Managed Prometheus. */
#include "emulator/pubsub/pubsub_priv.h"
#include "emulator/pubsub/push.h"

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
};

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
    push_metrics(s, out);
    head(out, "topic_message_count", "counter", "Messages published.");
    for (size_t i = 0; i < s->topics.n; i++) {
        const struct topic *t = s->topics.rows[i].resource;

        row(out, "topic_message_count", "topic_id", t->name,
            (double)t->n_published);
    }
    head(out, "topic_byte_count", "counter", "Bytes published.");
    for (size_t i = 0; i < s->topics.n; i++) {
        const struct topic *t = s->topics.rows[i].resource;

        row(out, "topic_byte_count", "topic_id", t->name,
            (double)t->n_published_bytes);
    }
}
