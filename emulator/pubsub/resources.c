/* SPDX-License-Identifier: Apache-2.0 */
/* Topics, subscriptions and snapshots in memory: made, found, unmade. */
#include "common/mem.h"
#include "common/rand.h"
#include "emulator/pubsub/export.h"
#include "emulator/pubsub/filter.h"
#include "emulator/pubsub/policy.h"
#include "emulator/pubsub/pubsub_priv.h"
#include "emulator/pubsub/push.h"
#include "emulator/pubsub/schema.h"
#include "emulator/pubsub/transform.h"

/* --- messages ------------------------------------------------------------- */

void *pb_copy(const void *message)
{
    const ProtobufCMessage *m = message;
    size_t len = protobuf_c_message_get_packed_size(m);
    uint8_t *bytes = mem_alloc(len + 1);
    ProtobufCMessage *copy;

    protobuf_c_message_pack(m, bytes);
    copy = protobuf_c_message_unpack(m->descriptor, NULL, len, bytes);
    mem_free(bytes);
    return copy;
}

void pb_free(void *message)
{
    if (message)
        protobuf_c_message_free_unpacked(message, NULL);
}

/* Ten thousand years either way: what protobuf's own types may hold. */
static int64_t us_of(int64_t seconds, int32_t nanos)
{
    const int64_t most = 10000LL * 366 * 86400;

    if (seconds > most || seconds < -most)
        seconds = seconds > 0 ? most : -most;
    return seconds * US_PER_S + nanos / 1000;
}

int64_t pb_duration_us(const Google__Protobuf__Duration *d)
{
    return d ? us_of(d->seconds, d->nanos) : 0;
}

int64_t pb_timestamp_us(const Google__Protobuf__Timestamp *t)
{
    return t ? us_of(t->seconds, t->nanos) : 0;
}

void pb_set(char **field, const char *value)
{
    char *copy = mem_strdup(value);

    if (*field != protobuf_c_empty_string)
        mem_free(*field);
    *field = copy;
}

/* --- topics --------------------------------------------------------------- */

static void on_gone(struct tlog *log, struct batch *b, void *arg)
{
    struct topic *t = arg;
    struct pubsub *s = t->service;

    (void)log;
    resident_remove(s, b);
    if (b->stored && !s->clearing)
        buf_append(&s->dropped, &b->first_id, sizeof(b->first_id));
}

struct topic *topic_new(struct pubsub *s, PB(Topic) * config, uint64_t number)
{
    struct topic *t = MEM_NEW(struct topic);

    t->service = s;
    t->config = config;
    t->name = config->name;
    t->number = number;
    t->events.on_gone = on_gone;
    t->events.arg = t;
    tlog_init(&t->log, &t->events);
    t->next = s->all_topics;
    s->all_topics = t;
    numbers_add(&s->topic_numbers, number, t);
    topic_apply_config(t);
    transforms_apply_topic(t);
    return t;
}

/* What a topic keeps stays its subscriptions' too; acknowledged messages of
 * those who want them kept stay in the log. */
void topic_apply_config(struct topic *t)
{
    int64_t topic_us = pb_duration_us(t->config->message_retention_duration);
    int64_t keep_us = topic_us;

    for (struct sub *sub = t->subs; sub; sub = sub->next) {
        int64_t us = pb_duration_us(sub->config->message_retention_duration);

        sub->core.rules.retention_us = us && us < topic_us ? topic_us : us;
        if (sub->config->retain_acked_messages && us > keep_us)
            keep_us = us;
    }
    tlog_set_keep(&t->log, keep_us, pubsub_now(t->service));
}

void topic_unref(struct topic *t)
{
    struct pubsub *s = t->service;
    struct topic **at = &s->all_topics;

    if (!t->deleted || t->subs || t->snapshots || t->refs)
        return;
    while (*at != t)
        at = &(*at)->next;
    *at = t->next;
    numbers_remove(&s->topic_numbers, t->number);
    if (s->storage && !s->clearing) {
        struct storage_job *job = storage_job_new(NULL, NULL);

        storage_step(job, STORAGE_DROP_RESOURCE)->number = t->number;
        keep_later(s, job);
    }
    /* what it held for its own retention */
    tlog_set_keep(&t->log, 0, pubsub_now(s));
    tlog_fini(&t->log);
    transforms_end_topic(t);
    mem_free(t->transform_stats);
    mem_free(t->requests);
    pb_free(t->config);
    mem_free(t);
}

void topic_delete(struct topic *t)
{
    names_remove(&t->service->topics, t->name);
    policy_remove(t->service, t->name);
    t->deleted = true;
    for (struct sub *sub = t->subs; sub; sub = sub->next)
        pb_set(&sub->config->topic, "_deleted-topic_");
    for (struct snapshot *n = t->snapshots; n; n = n->next)
        pb_set(&n->config->topic, "_deleted-topic_");
    topic_unref(t);
}

/* --- subscriptions -------------------------------------------------------- */

static void on_timer(struct loop_timer *timer)
{
    struct sub *sub = LOOP_OWNER(timer, struct sub, timer);
    struct pubsub *s = sub->service;

    sub_due(sub);
    deliver_due(s);
}

/* A damaged state must not make time stand still. */
static int64_t at_least(int64_t value, int64_t least)
{
    return value < least ? least : value;
}

void sub_apply_config(struct sub *sub)
{
    const PB(Subscription) *c = sub->config;
    struct sub_rules *r = &sub->core.rules;

    r->lease_us = at_least(c->ack_deadline_seconds, 1) * US_PER_S;
    r->has_backoff = c->retry_policy != NULL;
    if (c->retry_policy) {
        r->backoff_min_us =
            at_least(pb_duration_us(c->retry_policy->minimum_backoff), 0);
        r->backoff_max_us =
            at_least(pb_duration_us(c->retry_policy->maximum_backoff), 0);
    }
    r->ordered = c->enable_message_ordering;
    r->exactly_once = c->enable_exactly_once_delivery;
    r->max_attempts =
        c->dead_letter_policy
            ? (unsigned)c->dead_letter_policy->max_delivery_attempts
            : 0;
    r->filter = sub->filter;
    transforms_apply_sub(sub);
    export_apply(sub);
    push_apply(sub);
    topic_apply_config(sub->topic);
}

int sub_new(struct pubsub *s, struct topic *topic, PB(Subscription) * config,
            uint64_t number, struct ackset *done, struct sub **out,
            struct err *err)
{
    struct filter *filter = NULL;
    struct sub *sub;
    int rc = RC_OK;

    if (*config->filter)
        rc = filter_parse(str_from(config->filter), &filter, err);
    if (rc)
        return rc;
    sub = MEM_NEW(struct sub);
    sub->service = s;
    sub->topic = topic;
    sub->config = config;
    sub->name = config->name;
    sub->number = number;
    sub->filter = filter;
    sub->last_pull = &sub->pulls;
    sub->active_us = pubsub_now(s);
    rand_bytes(&sub->secret, sizeof(sub->secret));
    journal_init(&sub->journal);
    /* A nonce that no delivery of an earlier life had. */
    subcore_init(&sub->core, &topic->log, done,
                 (uint32_t)(clock_wall_us() / US_PER_MS));
    if (s->e->state_dir)
        sub->core.holder.journal = &sub->journal;
    sub->core.attempts.is_kept = s->e->state_dir != NULL;
    loop_timer_init(&sub->timer, s->e->loop, on_timer);
    sub->next = topic->subs;
    topic->subs = sub;
    names_add(&s->subs, sub->name, sub);
    numbers_add(&s->sub_numbers, number, sub);
    sub_apply_config(sub);
    *out = sub;
    return RC_OK;
}

void sub_end_takers(struct sub *sub, enum grpc_status status, const char *text)
{
    streams_end(sub, status, text);
    pulls_end(sub, status, text);
}

static void forget_lists(struct sub *sub)
{
    struct pubsub *s = sub->service;
    struct sub **at;

    for (at = &s->changed; sub->is_changed && *at; at = &(*at)->next_changed)
        if (*at == sub) {
            *at = sub->next_changed;
            break;
        }
    if (!sub->is_due)
        return;
    for (at = &s->due; *at; at = &(*at)->next_due)
        if (*at == sub) {
            *at = sub->next_due;
            break;
        }
    s->last_due = &s->due;
    while (*s->last_due)
        s->last_due = &(*s->last_due)->next_due;
}

void sub_delete(struct sub *sub, enum grpc_status status, const char *text)
{
    struct pubsub *s = sub->service;
    struct topic *t = sub->topic;
    struct sub **at = &t->subs;

    names_remove(&s->subs, sub->name);
    policy_remove(s, sub->name);
    numbers_remove(&s->sub_numbers, sub->number);
    sub_end_takers(sub, status, text);
    export_end(sub);
    export_forget(sub);
    push_end(sub);
    forget_lists(sub);
    while (*at != sub)
        at = &(*at)->next;
    *at = sub->next;
    loop_timer_fini(&sub->timer);
    transforms_end_sub(sub);
    mem_free(sub->transform_stats);
    mem_free(sub->requests);
    subcore_fini(&sub->core);
    journal_fini(&sub->journal);
    filter_free(sub->filter);
    pb_free(sub->config);
    mem_free(sub);
    topic_apply_config(t);
    topic_unref(t);
}

/* --- snapshots ------------------------------------------------------------ */

struct snapshot *snapshot_new(struct topic *topic, PB(Snapshot) * config,
                              uint64_t number, struct ackset *done)
{
    struct snapshot *n = MEM_NEW(struct snapshot);

    n->topic = topic;
    n->config = config;
    n->name = config->name;
    n->number = number;
    n->holder.done = *done;
    n->next = topic->snapshots;
    topic->snapshots = n;
    tlog_attach(&topic->log, &n->holder);
    names_add(&topic->service->snapshots, n->name, n);
    return n;
}

void snapshot_delete(struct pubsub *s, struct snapshot *n)
{
    struct topic *t = n->topic;
    struct snapshot **at = &t->snapshots;

    names_remove(&s->snapshots, n->name);
    policy_remove(s, n->name);
    while (*at != n)
        at = &(*at)->next;
    *at = n->next;
    tlog_detach(&t->log, &n->holder);
    ackset_fini(&n->holder.done);
    pb_free(n->config);
    mem_free(n);
    topic_unref(t);
}

/* --- all of them ---------------------------------------------------------- */

void pubsub_clear(struct pubsub *s, enum grpc_status status, const char *text)
{
    struct topic *next;

    while (s->snapshots.n)
        snapshot_delete(s, s->snapshots.rows[s->snapshots.n - 1].resource);
    while (s->subs.n)
        sub_delete(s->subs.rows[s->subs.n - 1].resource, status, text);
    for (struct topic *t = s->all_topics; t; t = next) {
        next = t->next;
        if (!t->deleted)
            topic_delete(t);
    }
    schemas_clear(s);
}

struct topic *topic_find(const struct pubsub *s, struct str name)
{
    return names_find(&s->topics, name);
}

struct sub *sub_find(const struct pubsub *s, struct str name)
{
    return names_find(&s->subs, name);
}

struct snapshot *snapshot_find(const struct pubsub *s, struct str name)
{
    return names_find(&s->snapshots, name);
}
