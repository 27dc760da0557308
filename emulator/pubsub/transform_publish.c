/* SPDX-License-Identifier: Apache-2.0 */
/* Publishing on a topic with transforms: the request waits for the engine, and
 * what comes out is checked as if it had been sent so.
 *
 * A function sees the id that its message will have, and each message keeps
 * its id, also one that is filtered: so what remains is published as one batch
 * for each run of messages that stand side by side. */
#include "common/mem.h"
#include "emulator/pubsub/pubsub_priv.h"
#include "emulator/pubsub/schema.h"
#include "emulator/pubsub/transform.h"
#include "emulator/pubsub/transform_stats.h"
#include "grpc/wire.h"

enum {
    WAITING_MAX = 256 << 20 /* bytes, of all topics */
};

struct publishing {
    struct rpc_call *call;
    struct topic *topic;
    uint64_t first_id;
    uint32_t n;     /* of the request */
    unsigned n_out; /* batches on their way */
    char *failed;   /* why one was not kept */
};

static void end(struct publishing *p)
{
    struct pubsub *s = p->topic->service;

    if (p->failed) {
        refuse_storage(p->call, p->failed);
    } else {
        publish_hold(p->call, p->topic, p->n);
        publish_reply_ids(p->call, p->first_id, p->n);
    }
    mem_free(p->failed);
    mem_free(p);
    pubsub_drained(s);
}

static void on_posted(struct posting *posting, int rc, const char *text)
{
    struct publishing *p = posting->arg;

    if (rc && !p->failed)
        p->failed = mem_strdup(text);
    if (--p->n_out == 0)
        end(p);
}

/* --- what came out -------------------------------------------------------- */

static bool refuse_failed(struct rpc_call *call,
                          const struct transform_job *job)
{
    for (size_t i = 0; i < job->n; i++) {
        struct str why = transform_job_result(job, i);

        if (job->items[i].outcome != TRANSFORM_FAILED)
            continue;
        rpc_fail(call, GRPC_INVALID_ARGUMENT,
                 "The topic's message transform failed for message %zu of the "
                 "request: %.*s",
                 i, STR_ARG(why));
        return true;
    }
    return false;
}

/* The kept ones in a batch's form; false: refused. */
static bool collect(struct rpc_call *call, const struct transform_job *job,
                    bool strict, struct publish *out)
{
    struct err err = {0};
    struct buf bytes;
    size_t len;

    buf_init(&bytes, UINT32_MAX);
    out->n = 0;
    for (size_t i = 0; i < job->n; i++) {
        struct str message = transform_job_result(job, i);

        if (job->items[i].outcome != TRANSFORM_KEPT)
            continue;
        if (publish_check_message(message, strict, &err)) {
            rpc_fail(call, GRPC_INVALID_ARGUMENT,
                     "The result of the topic's message transform for message "
                     "%zu of the request was refused: %s",
                     i, err.text);
            buf_fini(&bytes);
            return false;
        }
        wire_put_varint(&bytes, message.len);
        buf_str(&bytes, message);
        out->n++;
    }
    out->bytes = buf_take(&bytes, &len);
    out->len = (uint32_t)len;
    return true;
}

/* Each run of kept messages with the ids that they have had. */
static void post_runs(struct publishing *p, const struct transform_job *job,
                      const struct publish *kept)
{
    struct batch all = {.bytes = kept->bytes, .len = kept->len};
    uint32_t at = 0;

    p->n_out = 1; /* until all are begun */
    for (size_t i = 0; i < job->n;) {
        uint32_t from = at, n = 0;

        while (i + n < job->n && job->items[i + n].outcome == TRANSFORM_KEPT) {
            (void)batch_message_at(&all, at, &at);
            n++;
        }
        if (n) {
            p->n_out++;
            publish_reserved(
                p->topic,
                &(struct publish){.bytes =
                                      mem_dup(kept->bytes + from, at - from),
                                  .len = at - from,
                                  .n = n},
                p->first_id + i, on_posted, p);
        }
        i += n + 1;
    }
    if (--p->n_out == 0)
        end(p);
}

static void on_doubled(struct posting *p, int rc, const char *text)
{
    (void)p;
    (void)rc;
    (void)text;
}

static void on_done(struct transform_job *job)
{
    struct publishing *p = job->arg;
    struct topic *t = p->topic;
    struct pubsub *s = t->service;
    struct rpc_call *call = p->call;
    struct publish kept = {.topic = STR("")};
    bool ok = false;

    t->refs--;
    if (job->is_cancelled) {
        mem_free(p);
        transform_job_free(job);
        return;
    }
    transform_stats_add(&t->transform_stats, job);
    if (t->deleted)
        refuse_missing(call, s, "topics", str_from(t->name));
    else
        ok = !refuse_failed(call, job) &&
             collect(call, job, is_strict(s), &kept) &&
             (!t->config->schema_settings || schema_stamp(call, t, &kept));
    if (ok) {
        if (rpc_call_is_doubled(call) && kept.n)
            publish_batch(t, mem_dup(kept.bytes, kept.len), kept.len, kept.n,
                          NULL, on_doubled, NULL);
        post_runs(p, job, &kept);
    } else {
        mem_free(p);
    }
    mem_free(kept.bytes);
    transform_job_free(job);
    deliver_due(s);
    topic_unref(t);
    pubsub_drained(s);
}

void transform_publish(struct rpc_call *call, struct topic *t,
                       const struct publish *in)
{
    struct pubsub *s = t->service;
    struct batch b = {.bytes = in->bytes, .len = in->len};
    struct transform_job *job;
    struct publishing *p;
    uint32_t at = 0;

    if (transform_pool_waiting(s->transforms) > WAITING_MAX) {
        mem_free(in->bytes);
        rpc_fail(call, GRPC_UNAVAILABLE,
                 "Message transforms do not keep up: try again");
        return;
    }
    p = MEM_NEW(struct publishing);
    job = transform_job_new(t->chain, on_done, p);
    *p = (struct publishing){
        .call = call, .topic = t, .first_id = s->next_id, .n = in->n};
    for (uint32_t i = 0; i < in->n; i++)
        transform_job_add(job, i, batch_message_at(&b, at, &at), s->next_id + i,
                          pubsub_now(s));
    s->next_id += in->n;
    t->refs++;
    mem_free(in->bytes);
    transform_job_submit(s->transforms, job);
}
