/* SPDX-License-Identifier: Apache-2.0 */
/* A publish request becomes a batch: numbered at once, in the log and answered
 * once it is kept. */
#include "common/mem.h"
#include "emulator/pubsub/pubsub_priv.h"
#include "emulator/pubsub/schema.h"
#include "emulator/pubsub/transform.h"
#include "grpc/wire.h"

enum {
    WAITING_MAX = 512 << 20, /* bytes on their way to storage */
    WHOLE_MAX = 1024,        /* bytes that are worth a copy */
    HOLD_US = 20000
};

/* --- batches -------------------------------------------------------------- */

static void end(struct posting *p, int rc, const char *text)
{
    struct topic *t = p->topic;

    if (rc) {
        batch_free(p->batch);
    } else {
        t->n_published += p->n;
        t->n_published_bytes += p->batch->len;
        resident_add(t->service, p->batch);
        tlog_append(&t->log, p->batch);
        topic_due(t);
    }
    p->done(p, rc, text);
    t->refs--;
    topic_unref(t);
    mem_free(p);
}

static void on_kept(struct storage_job *job)
{
    struct posting *p = job->arg;

    p->batch->stored = job->rc == RC_OK;
    end(p, job->rc, job->rc ? job->err.text : "");
}

/* Nobody will ever read it, and nothing before it is on its way. */
static bool is_for_nobody(const struct topic *t)
{
    return t->log.n_holders == 0 && t->log.keep_us == 0 && t->refs == 0;
}

void publish_put_batch(struct storage_job *job, const struct topic *t,
                       const struct batch *b)
{
    storage_step(job, STORAGE_PUT_BATCH)->batch =
        (struct kept_batch){.id = b->first_id,
                            .topic = t->number,
                            .seq = b->first_seq,
                            .publish_us = b->publish_us,
                            .n = b->n,
                            .bytes = str_of(b->bytes, b->len)};
}

/* Takes the batch, whose ids are given. */
static void
post(struct topic *t, struct batch *b, struct storage_job *job,
     void (*done)(struct posting *posting, int rc, const char *text), void *arg)
{
    struct pubsub *s = t->service;
    struct posting *p = MEM_NEW(struct posting);

    *p = (struct posting){.topic = t,
                          .batch = b,
                          .done = done,
                          .arg = arg,
                          .first_id = b->first_id,
                          .n = b->n};
    b->first_seq = t->next_seq;
    b->publish_us = pubsub_now(s);
    t->next_seq += b->n;
    if (!s->storage || (!job && is_for_nobody(t))) {
        t->refs++;
        storage_job_free(job);
        end(p, RC_OK, "");
        return;
    }
    t->refs++;
    if (!job)
        job = storage_job_new(NULL, NULL);
    job->done = on_kept;
    job->arg = p;
    publish_put_batch(job, t, b);
    keep_later(s, job);
}

/* Without storage the bytes stay for as long as the batch. */
static struct batch *make_batch(struct pubsub *s, char *bytes, uint32_t len,
                                uint32_t n)
{
    return s->storage || len > WHOLE_MAX
               ? batch_new(bytes, len, n)
               : batch_new_whole(&s->slabs, bytes, len, n);
}

void publish_batch(struct topic *t, char *bytes, uint32_t len, uint32_t n,
                   struct storage_job *job,
                   void (*done)(struct posting *posting, int rc,
                                const char *text),
                   void *arg)
{
    struct batch *b = make_batch(t->service, bytes, len, n);

    b->first_id = t->service->next_id;
    t->service->next_id += n;
    post(t, b, job, done, arg);
}

void publish_reserved(
    struct topic *t, const struct publish *what, uint64_t first_id,
    void (*done)(struct posting *posting, int rc, const char *text), void *arg)
{
    struct batch *b = make_batch(t->service, what->bytes, what->len, what->n);

    b->first_id = first_id;
    post(t, b, NULL, done, arg);
}

/* --- the call ------------------------------------------------------------- */

void publish_reply_ids(struct rpc_call *call, uint64_t first, uint32_t n)
{
    struct buf out;
    char text[24];

    if (rpc_call_is_rest(call)) {
        PB(PublishResponse) answer = GOOGLE__PUBSUB__V1__PUBLISH_RESPONSE__INIT;
        char **ids = MEM_ARRAY(char *, n);

        for (uint32_t i = 0; i < n; i++)
            ids[i] = mem_printf("%llu", (unsigned long long)first + i);
        answer.n_message_ids = n;
        answer.message_ids = ids;
        rpc_reply(call, &answer.base);
        for (uint32_t i = 0; i < n; i++)
            mem_free(ids[i]);
        mem_free(ids);
        return;
    }
    buf_init(&out, SIZE_MAX / 4);
    buf_reserve(&out, (size_t)n * sizeof(text));
    for (uint32_t i = 0; i < n; i++) {
        char *at = text + sizeof(text);
        uint64_t id = first + i;

        do
            *--at = (char)('0' + id % 10);
        while (id /= 10);
        wire_put_bytes(&out, 1, str_of(at, (size_t)(text + sizeof(text) - at)));
    }
    rpc_reply_bytes(call, buf_as_str(&out));
    buf_fini(&out);
}

void publish_hold(const struct rpc_call *call, struct topic *t, uint32_t n)
{
    struct loop *loop = t->service->e->loop;

    if (!str_starts(rpc_call_field(call, STR("user-agent")),
                    STR("grpc-node-js/")))
        return;
    for (struct sub *sub = t->subs; sub; sub = sub->next)
        if (sub->core.next + n >= t->log.end_seq && sub->core.ready.n == 0)
            sub->hold_us = loop_now_us(loop) + HOLD_US;
}

static void on_published(struct posting *p, int rc, const char *text)
{
    struct rpc_call *call = p->arg;

    if (rc) {
        refuse_storage(call, text);
        return;
    }
    publish_hold(call, p->topic, p->n);
    publish_reply_ids(call, p->first_id, p->n);
}

static void on_doubled(struct posting *p, int rc, const char *text)
{
    (void)p;
    (void)rc;
    (void)text;
}

static void publish(struct rpc_call *call, struct pubsub *s, struct str request)
{
    struct publish in;
    struct err err = {0};
    struct topic *t;
    struct str name;
    int rc;

    if (!publish_topic(request, &name)) {
        rpc_fail(call, GRPC_INVALID_ARGUMENT,
                 "The request is no PublishRequest");
        return;
    }
    t = topic_find(s, name);
    if (!t) {
        refuse_missing(call, s, "topics", name);
        return;
    }
    if (s->storage && storage_waiting(s->storage) > WAITING_MAX) {
        rpc_fail(call, GRPC_UNAVAILABLE,
                 "The emulator's disk does not keep up: try again");
        return;
    }
    rc = publish_read(request, is_strict(s), &in, &err);
    if (rc == RC_NOMEM) {
        rpc_fail(call, GRPC_RESOURCE_EXHAUSTED, "%s", err.text);
    } else if (rc) {
        rpc_fail(call, GRPC_INVALID_ARGUMENT, "%s",
                 rc == RC_INVALID ? err.text
                                  : "The request is no PublishRequest");
    } else {
        rpc_call_count(call, in.n);
        if (t->chain) {
            transform_publish(call, t, &in);
            return;
        }
        if (t->config->schema_settings && !schema_stamp(call, t, &in))
            return;
        if (rpc_call_is_doubled(call))
            publish_batch(t, mem_dup(in.bytes, in.len), in.len, in.n, NULL,
                          on_doubled, NULL);
        publish_batch(t, in.bytes, in.len, in.n, NULL, on_published, call);
    }
}

void publish_run(struct rpc_call *call, ProtobufCMessage *in, void *service)
{
    struct pubsub *s = service;
    struct buf scratch;

    buf_init(&scratch, SIZE_MAX / 4);
    publish(call, s, request_bytes(call, in, &scratch));
    buf_fini(&scratch);
    deliver_due(s);
}
