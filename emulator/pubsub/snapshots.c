/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots, and seek: a subscription's set of what is done, kept and
 * restored. */
#include <stdio.h>

#include "common/rand.h"
#include "emulator/pubsub/admin.h"
#include "emulator/pubsub/check.h"
#include "emulator/pubsub/policy.h"

#define LIFE_US     (7 * 86400 * US_PER_S) /* at most, from the oldest message */
#define LIFE_MIN_US (3600 * US_PER_S)

static const char *const snapshot_mutable[] = {"labels", "expire_time", NULL};

static Google__Protobuf__Timestamp *timestamp(int64_t us)
{
    Google__Protobuf__Timestamp *t = MEM_NEW(Google__Protobuf__Timestamp);

    google__protobuf__timestamp__init(t);
    t->seconds = us / US_PER_S;
    t->nanos = (int32_t)(us % US_PER_S * 1000);
    return t;
}

static struct snapshot *named(struct rpc_call *call, struct pubsub *s,
                              const char *name)
{
    struct snapshot *n = snapshot_find(s, str_from(name));

    if (n)
        return n;
    if (name_is_valid(name, "snapshots"))
        refuse_unknown(call, s, "Snapshot", str_from(name));
    else
        refuse_name(call, s, "snapshots", name);
    return NULL;
}

/* It has no backlog, and never will again. */
static bool is_detached(struct rpc_call *call, const struct sub *sub)
{
    if (sub->config->detached)
        rpc_fail(call, GRPC_FAILED_PRECONDITION,
                 "The subscription is detached.");
    return sub->config->detached;
}

/* --- create --------------------------------------------------------------- */

/* The server names it when the client does not. */
static void choose_name(PB(CreateSnapshotRequest) * r)
{
    struct str project, id;
    uint64_t number;
    char *name;

    name_split(r->subscription, &project, &id);
    rand_bytes(&number, sizeof(number));
    name = mem_printf("projects/%.*s/snapshots/snapshot-%016llx",
                      STR_ARG(project), (unsigned long long)number);
    pb_set(&r->name, name);
    mem_free(name);
}

static PB(Snapshot) * config_of(const PB(CreateSnapshotRequest) * r,
                                const struct sub *sub, int64_t expire_us)
{
    PB(Snapshot) shown = GOOGLE__PUBSUB__V1__SNAPSHOT__INIT;
    PB(Snapshot) * copy;

    shown.name = r->name;
    shown.topic = sub->topic->deleted ? (char *)(uintptr_t) "_deleted-topic_"
                                      : sub->topic->name;
    shown.expire_time = timestamp(expire_us);
    shown.n_labels = r->n_labels;
    /* entries of maps are all alike: key 1, value 2 */
    shown.labels = (PB(Snapshot__LabelsEntry) **)(void *)r->labels;
    copy = pb_copy(&shown);
    mem_free(shown.expire_time);
    return copy;
}

void snapshot_create_run(struct rpc_call *call, ProtobufCMessage *in,
                         void *service)
{
    struct pubsub *s = service;
    PB(CreateSnapshotRequest) *r = (PB(CreateSnapshotRequest) *)in;
    struct sub *sub = sub_of(call, s, str_from(r->subscription));
    int64_t now_us = pubsub_now(s), oldest_us, expire_us;
    struct storage_job *job;
    PB(Snapshot) * config;
    struct snapshot *n;
    struct ackset done;
    struct err err = {0};
    enum grpc_status status;

    if (!sub || is_detached(call, sub))
        return;
    if (!*r->name)
        choose_name(r);
    if (!name_is_valid(r->name, "snapshots")) {
        refuse_name(call, s, "snapshots", r->name);
        return;
    }
    if (snapshot_find(s, str_from(r->name))) {
        refuse_existing(call, s, "Snapshot", r->name);
        return;
    }
    if (r->n_tags) {
        rpc_fail(call, GRPC_UNIMPLEMENTED,
                 "datos-emulator does not support tags of snapshots yet");
        return;
    }
    oldest_us = subcore_oldest_us(&sub->core);
    expire_us = (oldest_us < now_us ? oldest_us : now_us) + LIFE_US;
    if (expire_us - now_us < LIFE_MIN_US) {
        rpc_fail(call, GRPC_FAILED_PRECONDITION,
                 "The snapshot would expire in less than an hour: the oldest "
                 "unacknowledged message is too old.");
        return;
    }
    config = config_of(r, sub, expire_us);
    status = check_snapshot(config, is_strict(s), &err);
    if (status) {
        pb_free(config);
        rpc_fail(call, status, "%s", err.text);
        return;
    }
    ackset_copy(&done, &sub->core.holder.done);
    n = snapshot_new(sub->topic, config, s->next_number++, &done);
    job = storage_job_new(NULL, NULL);
    keep_snapshot(job, n);
    if (keep_now(s, job, &err)) {
        snapshot_delete(s, n);
        refuse_storage(call, err.text);
        return;
    }
    rpc_reply(call, &n->config->base);
    expiry_run(s);
}

/* --- show, change, delete ------------------------------------------------- */

void snapshot_get_run(struct rpc_call *call, ProtobufCMessage *in,
                      void *service)
{
    struct snapshot *n =
        named(call, service, ((PB(GetSnapshotRequest) *)in)->snapshot);

    if (n)
        rpc_reply(call, &n->config->base);
}

void snapshot_list_run(struct rpc_call *call, ProtobufCMessage *in,
                       void *service)
{
    struct pubsub *s = service;
    PB(ListSnapshotsRequest) *r = (PB(ListSnapshotsRequest) *)in;
    PB(ListSnapshotsResponse)
    out = GOOGLE__PUBSUB__V1__LIST_SNAPSHOTS_RESPONSE__INIT;
    struct page page;

    if (!page_of(
            call, s,
            &(struct page_list){.names = &s->snapshots, .name = "snapshots"},
            r->project, r->page_size, r->page_token, &page))
        return;
    out.snapshots = MEM_ARRAY(PB(Snapshot) *, page.n + 1);
    for (size_t i = 0; i < page.n; i++)
        out.snapshots[i] = ((struct snapshot *)page.rows[i].resource)->config;
    out.n_snapshots = page.n;
    out.next_page_token = page.token;
    rpc_reply(call, &out.base);
    mem_free(out.snapshots);
    mem_free(page.token);
}

/* A snapshot that was made lives on, but no longer than one may live that is
 * made now. */
static bool check_expire_time(struct rpc_call *call, const PB(Snapshot) * n,
                              int64_t now_us)
{
    int64_t at_us = pb_timestamp_us(n->expire_time);

    if (at_us > now_us && at_us <= now_us + LIFE_US)
        return true;
    rpc_fail(call, GRPC_INVALID_ARGUMENT,
             "You have passed an invalid argument to the service "
             "(argument=expire_time): a snapshot expires in the future, at "
             "most 7 days from now.");
    return false;
}

static bool names_expire_time(const Google__Protobuf__FieldMask *mask)
{
    for (size_t i = 0; mask && i < mask->n_paths; i++) {
        struct str rest = str_from(mask->paths[i]);

        if (str_eq(str_cut(&rest, '.'), STR("expire_time")))
            return true;
    }
    return false;
}

void snapshot_update_run(struct rpc_call *call, ProtobufCMessage *in,
                         void *service)
{
    struct pubsub *s = service;
    PB(UpdateSnapshotRequest) *r = (PB(UpdateSnapshotRequest) *)in;
    struct snapshot *n = named(call, s, r->snapshot ? r->snapshot->name : "");
    PB(Snapshot) * config, *old;
    struct storage_job *job;
    struct err err = {0};
    enum grpc_status status;

    if (!n)
        return;
    config = pb_copy(n->config);
    status = check_mask(&config->base, &r->snapshot->base, r->update_mask,
                        "Snapshot", snapshot_mutable, is_strict(s), &err);
    if (status == GRPC_OK)
        status = check_snapshot(config, is_strict(s), &err);
    if (status) {
        pb_free(config);
        rpc_fail(call, status, "%s", err.text);
        return;
    }
    if (names_expire_time(r->update_mask) &&
        !check_expire_time(call, config, pubsub_now(s))) {
        pb_free(config);
        return;
    }
    old = n->config;
    n->config = config;
    job = storage_job_new(NULL, NULL);
    keep_snapshot(job, n);
    if (keep_now(s, job, &err)) {
        n->config = old;
        pb_free(config);
        refuse_storage(call, err.text);
        return;
    }
    names_remove(&s->snapshots, n->name);
    n->name = config->name;
    names_add(&s->snapshots, n->name, n);
    pb_free(old);
    rpc_reply(call, &config->base);
    expiry_run(s); /* which may take it away */
}

void snapshot_delete_call_run(struct rpc_call *call, ProtobufCMessage *in,
                              void *service)
{
    struct pubsub *s = service;
    struct snapshot *n =
        named(call, s, ((PB(DeleteSnapshotRequest) *)in)->snapshot);
    Google__Protobuf__Empty empty = GOOGLE__PROTOBUF__EMPTY__INIT;
    struct storage_job *job;
    struct err err = {0};

    if (!n)
        return;
    job = storage_job_new(NULL, NULL);
    storage_step(job, STORAGE_DROP_RESOURCE)->number = n->number;
    policy_drop(job, s, n->name);
    if (keep_now(s, job, &err)) {
        refuse_storage(call, err.text);
        return;
    }
    snapshot_delete(s, n);
    keep_later(s, NULL);
    rpc_reply(call, &empty.base);
}

/* --- seek ----------------------------------------------------------------- */

/* Done is what was published before `us`; and, where acknowledged messages
 * are not kept, what was acknowledged. */
static void set_at(const struct sub *sub, int64_t us, struct ackset *out)
{
    const struct topic *t = sub->topic;
    uint64_t seq = tlog_seq_at(&t->log, us);

    if (!t->deleted && t->config->message_retention_duration) {
        ackset_init(out, seq); /* whatever the topic keeps */
        return;
    }
    if (sub->config->retain_acked_messages) {
        ackset_init(out, seq < sub->born ? sub->born : seq);
        return;
    }
    ackset_copy(out, &sub->core.holder.done);
    ackset_add_range(out, 0, seq);
}

static void on_kept(struct storage_job *job)
{
    PB(SeekResponse) out = GOOGLE__PUBSUB__V1__SEEK_RESPONSE__INIT;

    if (job->rc)
        refuse_storage(job->arg, job->err.text);
    else
        rpc_reply(job->arg, &out.base);
}

void seek_run(struct rpc_call *call, ProtobufCMessage *in, void *service)
{
    struct pubsub *s = service;
    PB(SeekRequest) *r = (PB(SeekRequest) *)in;
    struct sub *sub = sub_of(call, s, str_from(r->subscription));
    struct snapshot *n;
    struct ackset set;

    if (!sub || is_detached(call, sub))
        return;
    /* what is out of retention by now is not within reach */
    tlog_expire(&sub->topic->log, pubsub_now(s));
    switch (r->target_case) {
    case GOOGLE__PUBSUB__V1__SEEK_REQUEST__TARGET_TIME:
        set_at(sub, pb_timestamp_us(r->time), &set);
        break;
    case GOOGLE__PUBSUB__V1__SEEK_REQUEST__TARGET_SNAPSHOT:
        n = named(call, s, r->snapshot);
        if (!n)
            return;
        if (n->topic != sub->topic) {
            rpc_fail(call, GRPC_FAILED_PRECONDITION,
                     "The snapshot belongs to another topic than the "
                     "subscription.");
            return;
        }
        ackset_copy(&set, &n->holder.done);
        break;
    default:
        rpc_fail(call, GRPC_INVALID_ARGUMENT, "%s",
                 is_strict(s)
                     ? "You have not specified a seek target in the request."
                     : "No target was specified in the SeekRequest. Must "
                       "specify either a time or a snapshot");
        return;
    }
    sub_touch(sub);
    subcore_seek(&sub->core, &set);
    sub->rewrite = true;
    keep_changed(sub);
    sub_due(sub);
    keep_later(s, storage_job_new(on_kept, call));
    deliver_due(s);
}
