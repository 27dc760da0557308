/* SPDX-License-Identifier: Apache-2.0 */
/* The calls that make, show, change, detach and delete subscriptions. */
#include "emulator/pubsub/admin.h"
#include "emulator/pubsub/check.h"
#include "net/curl_map.h"
#include "emulator/pubsub/export.h"
#include "emulator/pubsub/push_check.h"
#include "emulator/pubsub/transform.h"
#include "emulator/pubsub/policy.h"

static const char *const sub_mutable[] = {"ack_deadline_seconds",
                                          "retain_acked_messages",
                                          "message_retention_duration",
                                          "labels",
                                          "expiration_policy",
                                          "dead_letter_policy",
                                          "retry_policy",
                                          "enable_exactly_once_delivery",
                                          "bigquery_config",
                                          "cloud_storage_config",
                                          "push_config",
                                          "message_transforms",
                                          NULL};

/* --- checks --------------------------------------------------------------- */

/* What is not built is refused, never accepted and ignored. */
static bool is_unsupported(struct rpc_call *call, const PB(Subscription) * c)
{
    const char *what = c->bigtable_config ? "bigtable_config"
                       : c->n_tags        ? "tags"
                                          : NULL;

    if (!what)
        return false;
    rpc_fail(call, GRPC_UNIMPLEMENTED,
             "datos-emulator does not support %s of subscriptions yet", what);
    return true;
}

/* Whom the messages go to, if somebody else than who pulls; fills defaults
 * in. False: refused. */
static bool check_target(struct rpc_call *call, struct pubsub *s,
                         const struct topic *t, PB(Subscription) * c)
{
    struct err err = {0};
    enum grpc_status status =
        push_check(c, is_strict(s), s->e->push_insecure, &err);

    if (status == GRPC_OK && push_has_endpoint(c->push_config) &&
        !c->detached && curl_map(&err))
        status = GRPC_FAILED_PRECONDITION;
    if (status == GRPC_OK)
        status = export_check(c, t, &err);
    if (status)
        rpc_fail(call, status, "%s", err.text);
    return status == GRPC_OK;
}

static bool check_dead_letter(struct rpc_call *call, struct pubsub *s,
                              const PB(Subscription) * c)
{
    const char *name =
        c->dead_letter_policy ? c->dead_letter_policy->dead_letter_topic : NULL;

    if (!name)
        return true;
    if (!name_is_valid(name, "topics"))
        refuse_name(call, s, "topics", name);
    else if (!topic_find(s, str_from(name)))
        refuse_unknown(call, s, is_strict(s) ? "Topic" : "Dead letter topic",
                       str_from(name));
    else
        return true;
    return false;
}

static struct topic *check_names(struct rpc_call *call, struct pubsub *s,
                                 const PB(Subscription) * c)
{
    struct topic *t = topic_find(s, str_from(c->topic));

    if (!name_is_valid(c->name, "subscriptions"))
        refuse_name(call, s, "subscriptions", c->name);
    else if (!t && !name_is_valid(c->topic, "topics"))
        refuse_name(call, s, "topics", c->topic);
    else if (!t)
        refuse_unknown(call, s, is_strict(s) ? "Topic" : "Subscription topic",
                       str_from(c->topic));
    else if (sub_find(s, str_from(c->name)))
        refuse_existing(call, s, "Subscription", c->name);
    else
        return t;
    return NULL;
}

/* As it is shown: with what its topic keeps. Borrows both. */
static PB(Subscription) shown(const struct sub *sub)
{
    PB(Subscription) as = *sub->config;

    if (!sub->topic->deleted)
        as.topic_message_retention_duration =
            sub->topic->config->message_retention_duration;
    return as;
}

static void reply(struct rpc_call *call, const struct sub *sub)
{
    PB(Subscription) as = shown(sub);

    rpc_reply(call, &as.base);
}

/* --- create --------------------------------------------------------------- */

static void create(struct rpc_call *call, struct pubsub *s, struct topic *t,
                   const PB(Subscription) * config)
{
    PB(Subscription) *copy = pb_copy(config);
    struct storage_job *job;
    struct ackset done;
    struct sub *sub;
    struct err err = {0};

    /* only what is published from now on */
    ackset_init(&done, t->next_seq);
    if (sub_new(s, t, copy, s->next_number++, &done, &sub, &err)) {
        ackset_fini(&done);
        pb_free(copy);
        rpc_fail(call, GRPC_INVALID_ARGUMENT, "%s", err.text);
        return;
    }
    sub->born = t->next_seq;
    job = storage_job_new(NULL, NULL);
    keep_sub(job, sub, true);
    if (keep_now(s, job, &err)) {
        sub_delete(sub, GRPC_UNAVAILABLE, "");
        refuse_storage(call, err.text);
        return;
    }
    /* its retention may be the first of its topic */
    if (sub->config->retain_acked_messages)
        expiry_run(s);
    expiry_sub(sub);
    reply(call, sub);
}

void subscription_create_run(struct rpc_call *call, ProtobufCMessage *in,
                             void *service)
{
    struct pubsub *s = service;
    PB(Subscription) *config = (PB(Subscription) *)in;
    struct topic *t = check_names(call, s, config);
    struct err err = {0};
    enum grpc_status status;

    if (!t || is_unsupported(call, config) ||
        !check_dead_letter(call, s, config) ||
        !transforms_check(
            &(struct transforms_call){call, subscription_create_run, in}, s,
            config->message_transforms, config->n_message_transforms))
        return;
    config->detached = false; /* these are ours to tell */
    pb_free(config->topic_message_retention_duration);
    config->topic_message_retention_duration = NULL;
    pb_free(config->analytics_hub_subscription_info);
    config->analytics_hub_subscription_info = NULL;
    status = check_subscription(config, is_strict(s), &err);
    if (status)
        rpc_fail(call, status, "%s", err.text);
    else if (check_target(call, s, t, config) &&
             export_table_check(
                 &(struct transforms_call){call, subscription_create_run, in},
                 s, t, config))
        create(call, s, t, config);
}

/* --- show ----------------------------------------------------------------- */

static struct sub *named(struct rpc_call *call, struct pubsub *s,
                         const char *name)
{
    return sub_of(call, s, str_from(name));
}

void subscription_get_run(struct rpc_call *call, ProtobufCMessage *in,
                          void *service)
{
    struct sub *sub =
        named(call, service, ((PB(GetSubscriptionRequest) *)in)->subscription);

    if (!sub)
        return;
    reply(call, sub);
    export_look(sub);
}

void subscription_list_run(struct rpc_call *call, ProtobufCMessage *in,
                           void *service)
{
    struct pubsub *s = service;
    PB(ListSubscriptionsRequest) *r = (PB(ListSubscriptionsRequest) *)in;
    PB(ListSubscriptionsResponse)
    out = GOOGLE__PUBSUB__V1__LIST_SUBSCRIPTIONS_RESPONSE__INIT;
    PB(Subscription) * rows;
    struct page page;

    if (!page_of(
            call, s,
            &(struct page_list){.names = &s->subs, .name = "subscriptions"},
            r->project, r->page_size, r->page_token, &page))
        return;
    out.subscriptions = MEM_ARRAY(PB(Subscription) *, page.n + 1);
    rows = MEM_ARRAY(PB(Subscription), page.n + 1);
    for (size_t i = 0; i < page.n; i++) {
        rows[i] = shown(page.rows[i].resource);
        out.subscriptions[i] = &rows[i];
    }
    out.n_subscriptions = page.n;
    out.next_page_token = page.token;
    rpc_reply(call, &out.base);
    mem_free(out.subscriptions);
    mem_free(rows);
    mem_free(page.token);
}

/* --- change --------------------------------------------------------------- */

/* The new settings take the old ones' place, on disk first. */
static bool install(struct rpc_call *call, struct sub *sub,
                    PB(Subscription) * config)
{
    struct pubsub *s = sub->service;
    PB(Subscription) *old = sub->config;
    struct storage_job *job = storage_job_new(NULL, NULL);
    struct err err = {0};
    const char *why;
    bool told = old->enable_exactly_once_delivery !=
                config->enable_exactly_once_delivery;

    sub->config = config;
    keep_sub(job, sub, false);
    if (keep_now(s, job, &err)) {
        sub->config = old;
        pb_free(config);
        refuse_storage(call, err.text);
        return false;
    }
    names_remove(&s->subs, sub->name);
    sub->name = config->name;
    names_add(&s->subs, sub->name, sub);
    pb_free(old);
    sub_apply_config(sub);
    if (told)
        streams_tell_properties(sub);
    if (sub_refuses_pull(sub, &why))
        sub_end_takers(sub, GRPC_FAILED_PRECONDITION, why);
    sub_due(sub);
    return true;
}

/* Does the mask name it, or something in it? */
static bool names_field(const Google__Protobuf__FieldMask *mask,
                        const char *name)
{
    for (size_t i = 0; mask && i < mask->n_paths; i++) {
        struct str rest = str_from(mask->paths[i]);

        if (str_eq(str_cut(&rest, '.'), str_from(name)))
            return true;
    }
    return false;
}

/* Whatever else is changed, what was once taken stays right. */
static bool names_target(const Google__Protobuf__FieldMask *mask)
{
    return names_field(mask, "push_config") ||
           names_field(mask, "bigquery_config") ||
           names_field(mask, "cloud_storage_config") ||
           names_field(mask, "enable_exactly_once_delivery");
}

void subscription_update_run(struct rpc_call *call, ProtobufCMessage *in,
                             void *service)
{
    struct pubsub *s = service;
    PB(UpdateSubscriptionRequest) *r = (PB(UpdateSubscriptionRequest) *)in;
    PB(Subscription) * config;
    struct err err = {0};
    enum grpc_status status;
    struct sub *sub;

    if (!r->subscription) {
        refuse_name(call, s, "subscriptions", "");
        return;
    }
    sub = sub_find(s, str_from(r->subscription->name));
    if (!sub)
        refuse_updating(call, s, "subscriptions", r->subscription->name);
    if (!sub || is_unsupported(call, r->subscription))
        return;
    config = pb_copy(sub->config);
    status = check_mask(&config->base, &r->subscription->base, r->update_mask,
                        "Subscription", sub_mutable, is_strict(s), &err);
    if (status == GRPC_OK)
        status = check_subscription(config, is_strict(s), &err);
    if (status == GRPC_OK &&
        ((names_field(r->update_mask, "dead_letter_policy") &&
          !check_dead_letter(call, s, config)) ||
         (transforms_in_mask(r->update_mask) &&
          !transforms_check(
              &(struct transforms_call){call, subscription_update_run, in}, s,
              config->message_transforms, config->n_message_transforms)))) {
        pb_free(config);
        return;
    }
    if (status) {
        pb_free(config);
        rpc_fail(call, status, "%s", err.text);
        return;
    }
    if ((names_target(r->update_mask) &&
         !check_target(call, s, sub->topic, config)) ||
        (names_field(r->update_mask, "bigquery_config") &&
         !export_table_check(
             &(struct transforms_call){call, subscription_update_run, in}, s,
             sub->topic, config))) {
        pb_free(config);
        return;
    }
    sub_touch(sub);
    if (install(call, sub, config))
        reply(call, sub);
    expiry_run(s);
    deliver_due(s);
}

/* Another configuration, or none: then it is pulled. The version attribute
 * stays unless it is named (the field's comment in Google's API). */
static void set_push(PB(Subscription) * config, const PB(PushConfig) * push)
{
    PB(PushConfig) *old = config->push_config;

    config->push_config = MEM_NEW(PB(PushConfig));
    google__pubsub__v1__push_config__init(config->push_config);
    if (push) {
        mem_free(config->push_config);
        config->push_config = pb_copy(push);
    }
    if (old && push_has_endpoint(config->push_config) &&
        !config->push_config->n_attributes) {
        config->push_config->n_attributes = old->n_attributes;
        config->push_config->attributes = old->attributes;
        old->n_attributes = 0;
        old->attributes = NULL;
    }
    pb_free(old);
}

void subscription_modify_push_run(struct rpc_call *call, ProtobufCMessage *in,
                                  void *service)
{
    struct pubsub *s = service;
    PB(ModifyPushConfigRequest) *r = (PB(ModifyPushConfigRequest) *)in;
    struct sub *sub = named(call, s, r->subscription);
    PB(Subscription) * config;
    Google__Protobuf__Empty empty = GOOGLE__PROTOBUF__EMPTY__INIT;

    if (!sub)
        return;
    config = pb_copy(sub->config);
    set_push(config, r->push_config);
    if (!check_target(call, s, sub->topic, config)) {
        pb_free(config);
        return;
    }
    sub_touch(sub);
    if (install(call, sub, config))
        rpc_reply(call, &empty.base);
    deliver_due(s);
}

/* --- end ------------------------------------------------------------------ */

void subscription_delete_run(struct rpc_call *call, ProtobufCMessage *in,
                             void *service)
{
    struct pubsub *s = service;
    struct sub *sub =
        named(call, s, ((PB(DeleteSubscriptionRequest) *)in)->subscription);
    Google__Protobuf__Empty empty = GOOGLE__PROTOBUF__EMPTY__INIT;
    struct storage_job *job;
    struct err err = {0};
    char *text;

    if (!sub)
        return;
    job = storage_job_new(NULL, NULL);
    storage_step(job, STORAGE_DROP_RESOURCE)->number = sub->number;
    policy_drop(job, s, sub->name);
    if (keep_now(s, job, &err)) {
        refuse_storage(call, err.text);
        return;
    }
    text = is_strict(s) ? mem_printf("Resource not found (resource=%s).",
                                     strrchr(sub->name, '/') + 1)
                        : mem_strdup("Subscription does not exist");
    sub_delete(sub, GRPC_NOT_FOUND, text);
    mem_free(text);
    keep_later(s, NULL);
    rpc_reply(call, &empty.base);
}

void subscription_detach_run(struct rpc_call *call, ProtobufCMessage *in,
                             void *service)
{
    struct pubsub *s = service;
    struct sub *sub =
        named(call, s, ((PB(DetachSubscriptionRequest) *)in)->subscription);
    PB(DetachSubscriptionResponse)
    out = GOOGLE__PUBSUB__V1__DETACH_SUBSCRIPTION_RESPONSE__INIT;
    PB(Subscription) * config;
    struct ackset all;

    if (!sub)
        return;
    config = pb_copy(sub->config);
    config->detached = true;
    if (!install(call, sub, config))
        return;
    /* its backlog is dropped, and nothing comes any more */
    ackset_init(&all, UINT64_MAX >> 1);
    subcore_seek(&sub->core, &all);
    sub->rewrite = true;
    keep_changed(sub);
    sub_end_takers(sub, GRPC_FAILED_PRECONDITION,
                   "The subscription is detached.");
    rpc_reply(call, &out.base);
    deliver_due(s);
}
