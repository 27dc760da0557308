/* SPDX-License-Identifier: Apache-2.0 */
/* The calls that make, show, change and delete topics. */
#include "emulator/pubsub/admin.h"

#include "emulator/pubsub/check.h"
#include "emulator/pubsub/policy.h"
#include "emulator/pubsub/schema.h"
#include "emulator/pubsub/transform.h"

static const char *const topic_mutable[] = {"labels",
                                            "message_storage_policy",
                                            "kms_key_name",
                                            "message_retention_duration",
                                            "schema_settings",
                                            "message_transforms",
                                            "ingestion_data_source_settings",
                                            NULL};

/* What is not built is refused, never accepted and ignored. */
static bool is_unsupported(struct rpc_call *call, const PB(Topic) * t)
{
    if (!t->n_tags)
        return false;
    rpc_fail(call, GRPC_UNIMPLEMENTED,
             "datos-emulator does not support tags of topics yet");
    return true;
}

void topic_create_run(struct rpc_call *call, ProtobufCMessage *in,
                      void *service)
{
    struct pubsub *s = service;
    PB(Topic) *config = (PB(Topic) *)in;
    struct storage_job *job;
    struct topic *t;
    struct err err = {0};
    enum grpc_status status;

    if (!name_is_valid(config->name, "topics")) {
        refuse_name(call, s, "topics", config->name);
        return;
    }
    if (topic_find(s, str_from(config->name))) {
        refuse_existing(call, s, "Topic", config->name);
        return;
    }
    if (is_unsupported(call, config) ||
        (config->schema_settings &&
         !schema_check_settings(call, s, config->schema_settings)) ||
        !transforms_check(&(struct transforms_call){call, topic_create_run, in},
                          s, config->message_transforms,
                          config->n_message_transforms))
        return;
    config->satisfies_pzs = false; /* ours to tell */
    status = check_topic(config, is_strict(s), &err);
    if (status) {
        rpc_fail(call, status, "%s", err.text);
        return;
    }
    t = topic_new(s, pb_copy(config), s->next_number++);
    job = storage_job_new(NULL, NULL);
    keep_topic(job, t);
    if (keep_now(s, job, &err)) {
        t->deleted = true;
        topic_unref(t);
        refuse_storage(call, err.text);
        return;
    }
    names_add(&s->topics, t->name, t);
    rpc_reply(call, &t->config->base);
}

static struct topic *named(struct rpc_call *call, struct pubsub *s,
                           const char *name)
{
    struct topic *t = topic_find(s, str_from(name));

    if (t)
        return t;
    if (name_is_valid(name, "topics"))
        refuse_unknown(call, s, "Topic", str_from(name));
    else
        refuse_name(call, s, "topics", name);
    return NULL;
}

void topic_get_run(struct rpc_call *call, ProtobufCMessage *in, void *service)
{
    struct topic *t = named(call, service, ((PB(GetTopicRequest) *)in)->topic);

    if (t)
        rpc_reply(call, &t->config->base);
}

/* A topic whose schema was deleted can still be changed. */
static bool keeps_deleted(const PB(Topic) * old, const PB(Topic) * new)
{
    return old->schema_settings &&
           strcmp(old->schema_settings->schema, SCHEMA_DELETED) == 0 &&
           strcmp(new->schema_settings->schema, SCHEMA_DELETED) == 0;
}

void topic_update_run(struct rpc_call *call, ProtobufCMessage *in,
                      void *service)
{
    struct pubsub *s = service;
    PB(UpdateTopicRequest) *r = (PB(UpdateTopicRequest) *)in;
    struct topic *t;
    PB(Topic) * config, *old;
    struct storage_job *job;
    struct err err = {0};
    enum grpc_status status;

    if (!r->topic) {
        refuse_name(call, s, "topics", "");
        return;
    }
    t = topic_find(s, str_from(r->topic->name));
    if (!t)
        refuse_updating(call, s, "topics", r->topic->name);
    if (!t || is_unsupported(call, r->topic))
        return;
    config = pb_copy(t->config);
    status = check_mask(&config->base, &r->topic->base, r->update_mask, "Topic",
                        topic_mutable, is_strict(s), &err);
    if (status == GRPC_OK)
        status = check_topic(config, is_strict(s), &err);
    if (status) {
        pb_free(config);
        rpc_fail(call, status, "%s", err.text);
        return;
    }
    if ((config->schema_settings && !keeps_deleted(t->config, config) &&
         !schema_check_settings(call, s, config->schema_settings)) ||
        (transforms_in_mask(r->update_mask) &&
         !transforms_check(
             &(struct transforms_call){call, topic_update_run, in}, s,
             config->message_transforms, config->n_message_transforms))) {
        pb_free(config);
        return;
    }
    old = t->config;
    t->config = config;
    job = storage_job_new(NULL, NULL);
    keep_topic(job, t);
    if (keep_now(s, job, &err)) {
        t->config = old;
        pb_free(config);
        refuse_storage(call, err.text);
        return;
    }
    names_remove(&s->topics, t->name);
    t->name = config->name;
    names_add(&s->topics, t->name, t);
    pb_free(old);
    topic_apply_config(t);
    transforms_apply_topic(t);
    topic_due(t);
    deliver_due(s);
    expiry_run(s);
    rpc_reply(call, &t->config->base);
}

void topic_delete_run(struct rpc_call *call, ProtobufCMessage *in,
                      void *service)
{
    struct pubsub *s = service;
    struct topic *t = named(call, s, ((PB(DeleteTopicRequest) *)in)->topic);
    Google__Protobuf__Empty empty = GOOGLE__PROTOBUF__EMPTY__INIT;
    struct storage_job *job;
    struct err err = {0};

    if (!t)
        return;
    job = storage_job_new(NULL, NULL);
    t->deleted = true;
    keep_topic(job, t);
    policy_drop(job, s, t->name);
    if (keep_now(s, job, &err)) {
        t->deleted = false;
        refuse_storage(call, err.text);
        return;
    }
    topic_delete(t);
    keep_later(s, NULL);
    rpc_reply(call, &empty.base);
}

/* --- lists ---------------------------------------------------------------- */

void topic_list_run(struct rpc_call *call, ProtobufCMessage *in, void *service)
{
    struct pubsub *s = service;
    PB(ListTopicsRequest) *r = (PB(ListTopicsRequest) *)in;
    PB(ListTopicsResponse) out = GOOGLE__PUBSUB__V1__LIST_TOPICS_RESPONSE__INIT;
    struct page page;

    if (!page_of(call, s,
                 &(struct page_list){.names = &s->topics, .name = "topics"},
                 r->project, r->page_size, r->page_token, &page))
        return;
    out.topics = MEM_ARRAY(PB(Topic) *, page.n + 1);
    for (size_t i = 0; i < page.n; i++)
        out.topics[i] = ((struct topic *)page.rows[i].resource)->config;
    out.n_topics = page.n;
    out.next_page_token = page.token;
    rpc_reply(call, &out.base);
    mem_free(out.topics);
    mem_free(page.token);
}

/* Where an answer's list of names and its token go. */
struct answer {
    ProtobufCMessage *message;
    size_t *n;
    char ***names;
    char **token;
};

/* Names of what hangs on a topic, page by page; takes the list's name. */
static void list_names(struct rpc_call *call, struct pubsub *s,
                       struct names *names, char *name, int32_t size,
                       const char *token, const struct answer *to)
{
    const struct page_list rows = {.names = names, .name = name};
    struct page page;

    if (page_of(call, s, &rows, NULL, size, token, &page)) {
        char **list = MEM_ARRAY(char *, page.n + 1);

        for (size_t i = 0; i < page.n; i++)
            list[i] = (char *)(uintptr_t)page.rows[i].name.p;
        *to->n = page.n;
        *to->names = list;
        *to->token = page.token;
        rpc_reply(call, to->message);
        mem_free(list);
        mem_free(page.token);
    }
    mem_free(name);
    names_fini(names);
}

void topic_list_subscriptions_run(struct rpc_call *call, ProtobufCMessage *in,
                                  void *service)
{
    PB(ListTopicSubscriptionsRequest) *r =
        (PB(ListTopicSubscriptionsRequest) *)in;
    PB(ListTopicSubscriptionsResponse)
    out = GOOGLE__PUBSUB__V1__LIST_TOPIC_SUBSCRIPTIONS_RESPONSE__INIT;
    struct answer answer = {&out.base, &out.n_subscriptions, &out.subscriptions,
                            &out.next_page_token};
    struct topic *t = topic_find(service, str_from(r->topic));
    struct names names = {0};

    /* Google's emulator lists none of a topic that is not there */
    if (!t && (is_strict(service) || !name_is_valid(r->topic, "topics"))) {
        (void)named(call, service, r->topic);
        return;
    }
    for (struct sub *sub = t ? t->subs : NULL; sub; sub = sub->next)
        if (!sub->config->detached)
            names_add(&names, sub->name, sub);
    list_names(call, service, &names, mem_printf("%s/subscriptions", r->topic),
               r->page_size, r->page_token, &answer);
}

void topic_list_snapshots_run(struct rpc_call *call, ProtobufCMessage *in,
                              void *service)
{
    PB(ListTopicSnapshotsRequest) *r = (PB(ListTopicSnapshotsRequest) *)in;
    PB(ListTopicSnapshotsResponse)
    out = GOOGLE__PUBSUB__V1__LIST_TOPIC_SNAPSHOTS_RESPONSE__INIT;
    struct answer answer = {&out.base, &out.n_snapshots, &out.snapshots,
                            &out.next_page_token};
    struct topic *t = named(call, service, r->topic);
    struct names names = {0};

    if (!t)
        return;
    for (struct snapshot *n = t->snapshots; n; n = n->next)
        names_add(&names, n->name, n);
    list_names(call, service, &names, mem_printf("%s/snapshots", t->name),
               r->page_size, r->page_token, &answer);
}
