/* SPDX-License-Identifier: Apache-2.0 */
/* A kept state becomes one in memory: from storage at the start, from an
 * archive at a load. */
#include "common/log.h"
#include "common/mem.h"
#include "emulator/pubsub/policy.h"
#include "emulator/pubsub/policy_check.h"
#include "emulator/pubsub/pubsub_priv.h"
#include "emulator/pubsub/schema.h"
#include "google/iam/v1/iam_policy.pb-c.h"

/* No count or time of ours comes near. */
#define COUNT_MAX (1LL << 60)
/* Nor do the numbers of two resources lie so far apart. */
#define NUMBERS_MAX (1LL << 40)

static int damaged(struct err *err, const char *what)
{
    return err_set(err, RC_MALFORMED, "the kept state is damaged: %s", what);
}

static void *unpack(const ProtobufCMessageDescriptor *type, struct str body)
{
    return protobuf_c_message_unpack(type, NULL, body.len,
                                     (const uint8_t *)body.p);
}

static int restore_topic(struct pubsub *s, const struct kept_resource *r,
                         uint64_t number, struct err *err)
{
    PB(Topic) *config = unpack(&google__pubsub__v1__topic__descriptor, r->body);
    struct topic *t;

    if (!config)
        return damaged(err, "a topic");
    if (!name_is_valid(config->name, "topics") ||
        numbers_find(&s->topic_numbers, number) ||
        (!r->deleted && topic_find(s, str_from(config->name)))) {
        pb_free(config);
        return damaged(err, "a topic's name");
    }
    t = topic_new(s, config, number);
    t->deleted = r->deleted;
    if (!t->deleted)
        names_add(&s->topics, t->name, t);
    return RC_OK;
}

static int restore_sub(struct pubsub *s, const struct kept_resource *r,
                       uint64_t number, struct topic *t, struct ackset *done,
                       struct err *err)
{
    PB(Subscription) *config =
        unpack(&google__pubsub__v1__subscription__descriptor, r->body);
    struct sub *sub;
    int rc;

    if (!config)
        return damaged(err, "a subscription");
    if (!name_is_valid(config->name, "subscriptions") ||
        numbers_find(&s->sub_numbers, number) ||
        sub_find(s, str_from(config->name))) {
        pb_free(config);
        return damaged(err, "a subscription's name");
    }
    if (t->deleted)
        pb_set(&config->topic, "_deleted-topic_");
    rc = sub_new(s, t, config, number, done, &sub, err);
    if (rc) {
        pb_free(config);
        return rc;
    }
    sub->secret = r->secret;
    sub->born = r->born;
    return RC_OK;
}

static int restore_attempts(struct pubsub *s, uint64_t number, struct str pairs,
                            struct err *err)
{
    struct sub *sub = numbers_find(&s->sub_numbers, number);

    /* without one: it was deleted */
    return sub && attempts_load(&sub->core.attempts, pairs)
               ? damaged(err, "delivery attempts")
               : RC_OK;
}

static int restore_holder(struct pubsub *s, const struct kept_resource *r,
                          struct err *err)
{
    uint64_t number = r->number + s->restore_base;
    struct topic *t =
        numbers_find(&s->topic_numbers, r->topic + s->restore_base);
    struct ackset done;
    PB(Snapshot) * config;
    int rc;

    if (!t)
        return damaged(err, "a topic is missing");
    if (ackset_load(&done, r->done))
        return damaged(err, "a set of acknowledgements");
    if (r->kind == KEPT_SUBSCRIPTION) {
        rc = restore_sub(s, r, number, t, &done, err);
        if (rc)
            ackset_fini(&done);
        return rc ? rc : restore_attempts(s, number, r->attempts, err);
    }
    config = unpack(&google__pubsub__v1__snapshot__descriptor, r->body);
    if (!config || !name_is_valid(config->name, "snapshots") ||
        snapshot_find(s, str_from(config->name))) {
        pb_free(config);
        ackset_fini(&done);
        return damaged(err, "a snapshot");
    }
    if (t->deleted)
        pb_set(&config->topic, "_deleted-topic_");
    snapshot_new(t, config, number, &done);
    return RC_OK;
}

static int restore_revision(struct pubsub *s, const struct kept_resource *r,
                            uint64_t number, struct err *err)
{
    PB(Schema) *config =
        unpack(&google__pubsub__v1__schema__descriptor, r->body);
    struct revision *revision;
    int rc;

    if (!config)
        return damaged(err, "a schema");
    rc = revision_new(config, number, &revision, err);
    if (rc)
        pb_free(config);
    else
        schema_add(s, revision);
    return rc;
}

static int restore_policy(struct pubsub *s, const struct kept_resource *r,
                          uint64_t number, struct err *err)
{
    Google__Iam__V1__SetIamPolicyRequest *kept =
        unpack(&google__iam__v1__set_iam_policy_request__descriptor, r->body);
    struct str collection;

    if (!kept || !kept->policy || policy_check(kept->policy, NULL) ||
        !policy_resource_exists(s, kept->resource, &collection) ||
        policy_find(s, str_from(kept->resource))) {
        pb_free(kept);
        return damaged(err, "a policy");
    }
    policy_add(s, kept->resource, number, kept->policy);
    kept->policy = NULL;
    pb_free(kept);
    return RC_OK;
}

static int on_resource(const struct kept_resource *r, void *arg,
                       struct err *err)
{
    struct pubsub *s = arg;
    uint64_t number = r->number + s->restore_base;

    if (r->number >= COUNT_MAX || number >= s->next_number + NUMBERS_MAX)
        return damaged(err, "a number");
    if (number >= s->next_number)
        s->next_number = number + 1;
    switch (r->kind) {
    case KEPT_TOPIC:
        return restore_topic(s, r, number, err);
    case KEPT_SUBSCRIPTION:
    case KEPT_SNAPSHOT:
        return restore_holder(s, r, err);
    case KEPT_SCHEMA:
        return restore_revision(s, r, number, err);
    case KEPT_POLICY:
        return restore_policy(s, r, number, err);
    default:
        return RC_OK;
    }
}

static int on_acks(uint64_t number, struct str journal, void *arg,
                   struct err *err)
{
    struct pubsub *s = arg;
    struct sub *sub = numbers_find(&s->sub_numbers, number);

    if (!sub)
        return RC_OK; /* it was deleted */
    sub->n_logged++;
    if (journal_apply(&sub->core.holder.done, journal))
        return damaged(err, "acknowledgements");
    return RC_OK;
}

static int on_attempts(uint64_t number, struct str pairs, void *arg,
                       struct err *err)
{
    struct pubsub *s = arg;
    struct sub *sub = numbers_find(&s->sub_numbers, number);

    if (sub)
        sub->n_tried++;
    return restore_attempts(s, number, pairs, err);
}

/* Each message behind its length, as many as it says. */
static bool is_whole(struct str bytes, uint32_t n)
{
    struct batch b = {.bytes = (char *)(uintptr_t)bytes.p,
                      .len = (uint32_t)bytes.len};
    uint32_t at = 0, i = 0;

    for (; i < n && at < b.len; i++)
        (void)batch_message_at(&b, at, &at);
    return i == n && at == b.len;
}

static int on_batch(const struct kept_batch *k, void *arg, struct err *err)
{
    struct pubsub *s = arg;
    struct topic *t =
        numbers_find(&s->topic_numbers, k->topic + s->restore_base);
    struct batch *b;

    if (k->n == 0 || k->n > BATCH_MAX_MESSAGES ||
        (k->bytes.p && !is_whole(k->bytes, k->n)) || k->id >= COUNT_MAX ||
        k->publish_us < 0 || k->publish_us >= COUNT_MAX ||
        (t && k->seq > t->log.end_seq + ACKSET_SPAN_MAX))
        return damaged(err, "messages");
    if (k->id + k->n > s->next_id)
        s->next_id = k->id + k->n;
    if (!t || k->seq < t->log.end_seq) { /* nobody can need it */
        buf_append(&s->dropped, &k->id, sizeof(k->id));
        return RC_OK;
    }
    b = batch_new(k->bytes.p ? mem_strndup(k->bytes.p, k->bytes.len) : NULL,
                  k->len, k->n);
    b->first_seq = k->seq;
    b->first_id = k->id;
    b->publish_us = k->publish_us;
    b->stored = k->bytes.p == NULL;
    if (b->bytes)
        resident_add(s, b);
    tlog_append(&t->log, b);
    return RC_OK;
}

struct storage_visitor restore_visitor(struct pubsub *s)
{
    return (struct storage_visitor){.resource = on_resource,
                                    .acks = on_acks,
                                    .attempts = on_attempts,
                                    .batch = on_batch,
                                    .arg = s};
}

static uint64_t max_of(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Numbers go on behind all that anybody has seen: also behind what is done
 * with beyond a gap and has left the log, or a new message would be taken for
 * one that was acknowledged. */
static void restore_numbers(struct topic *t)
{
    uint64_t end = t->log.end_seq;

    for (struct sub *sub = t->subs; sub; sub = sub->next)
        if (!sub->config->detached)
            end = max_of(end, ackset_end(&sub->core.holder.done));
    for (struct snapshot *n = t->snapshots; n; n = n->next)
        end = max_of(end, ackset_end(&n->holder.done));
    tlog_skip_to(&t->log, end);
    t->next_seq = end;
}

void restore_end(struct pubsub *s)
{
    struct topic *next;

    for (struct topic *t = s->all_topics; t; t = next) {
        next = t->next;
        restore_numbers(t);
        for (struct sub *sub = t->subs; sub; sub = sub->next) {
            attempts_loaded(&sub->core.attempts, &sub->core.holder.done);
            subcore_forget(&sub->core);
        }
        topic_unref(t);
    }
}
