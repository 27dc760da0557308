/* SPDX-License-Identifier: Apache-2.0 */
/* What changed in memory becomes steps of storage's jobs. */
#include <stdio.h>

#include "common/log.h"
#include "common/mem.h"
#include "emulator/pubsub/pubsub_priv.h"
#include "emulator/pubsub/schema.h"

enum {
    LOG_MAX = 500 /* rows of a subscription's ack log, or of attempts; then
                     one of all */
};

static struct str pack(struct storage_step *step, const void *message)
{
    const ProtobufCMessage *m = message;
    size_t len = protobuf_c_message_get_packed_size(m);

    step->owned = mem_alloc(len + 1);
    protobuf_c_message_pack(m, (uint8_t *)step->owned);
    return str_of(step->owned, len);
}

static void put_set(struct storage_job *job, uint64_t number,
                    const struct ackset *set)
{
    struct storage_step *step = storage_step(job, STORAGE_SET_ACKS);
    struct buf bytes;
    size_t len;

    buf_init(&bytes, SIZE_MAX / 4);
    ackset_save(set, &bytes);
    step->number = number;
    step->owned = buf_take(&bytes, &len);
    step->bytes = str_of(step->owned, len);
}

static void put_attempts(struct storage_job *job, struct sub *sub)
{
    struct storage_step *step = storage_step(job, STORAGE_SET_ATTEMPTS);
    struct buf pairs;
    size_t len;

    buf_init(&pairs, SIZE_MAX / 4);
    subcore_save_attempts(&sub->core, &pairs);
    step->number = sub->number;
    sub->n_tried = pairs.len > 0;
    step->owned = buf_take(&pairs, &len);
    step->bytes = str_of(step->owned, len);
}

void keep_topic(struct storage_job *job, const struct topic *t)
{
    struct storage_step *step = storage_step(job, STORAGE_PUT_RESOURCE);

    step->resource = (struct kept_resource){.kind = KEPT_TOPIC,
                                            .number = t->number,
                                            .deleted = t->deleted,
                                            .body = pack(step, t->config)};
}

void keep_sub(struct storage_job *job, struct sub *sub, bool with_done)
{
    struct storage_step *step = storage_step(job, STORAGE_PUT_RESOURCE);

    step->resource = (struct kept_resource){.kind = KEPT_SUBSCRIPTION,
                                            .number = sub->number,
                                            .topic = sub->topic->number,
                                            .secret = sub->secret,
                                            .born = sub->born,
                                            .body = pack(step, sub->config)};
    if (!with_done)
        return;
    put_set(job, sub->number, &sub->core.holder.done);
    if (sub->core.attempts.n_left)
        put_attempts(job, sub);
}

void keep_snapshot(struct storage_job *job, const struct snapshot *n)
{
    struct storage_step *step = storage_step(job, STORAGE_PUT_RESOURCE);

    step->resource = (struct kept_resource){.kind = KEPT_SNAPSHOT,
                                            .number = n->number,
                                            .topic = n->topic->number,
                                            .body = pack(step, n->config)};
    put_set(job, n->number, &n->holder.done);
}

void keep_revision(struct storage_job *job, const struct revision *r)
{
    struct storage_step *step = storage_step(job, STORAGE_PUT_RESOURCE);

    step->resource = (struct kept_resource){.kind = KEPT_SCHEMA,
                                            .number = r->number,
                                            .body = pack(step, r->config)};
}

/* Does the disk take what is written? For health. */
static void note_write(struct pubsub *s, int rc, const char *text)
{
    snprintf(s->trouble, sizeof(s->trouble), "%s", rc ? text : "");
}

int keep_now(struct pubsub *s, struct storage_job *job, struct err *err)
{
    int rc;

    if (!s->storage) {
        storage_job_free(job);
        return RC_OK;
    }
    rc = storage_run(s->storage, job, NULL, err);
    note_write(s, rc, err->text);
    return rc;
}

static void on_probed(struct storage_job *job)
{
    struct pubsub *s = job->arg;

    s->is_probing = false;
    note_write(s, job->rc, job->err.text);
}

const char *keep_trouble(struct pubsub *s)
{
    struct storage_job *job;

    if (!*s->trouble)
        return NULL;
    if (!s->is_probing && !s->draining) {
        s->is_probing = true;
        job = storage_job_new(on_probed, s);
        storage_step(job, STORAGE_PROBE);
        storage_submit(s->storage, job);
    }
    return s->trouble;
}

/* --- later ---------------------------------------------------------------- */

void keep_changed(struct sub *sub)
{
    struct pubsub *s = sub->service;

    if (sub->is_changed || !s->storage ||
        (journal_is_empty(&sub->journal) && !sub->rewrite &&
         attempts_is_empty(&sub->core.attempts)))
        return;
    sub->is_changed = true;
    sub->next_changed = s->changed;
    s->changed = sub;
}

/* `whole`: what was written before counts no more. */
static void add_attempts(struct storage_job *job, struct sub *sub, bool whole)
{
    struct attempts *a = &sub->core.attempts;
    struct storage_step *step;
    size_t len;

    if (attempts_is_empty(a) && !(whole && sub->n_tried))
        return;
    if (whole || sub->n_tried >= LOG_MAX) {
        buf_reset(&a->log);
        put_attempts(job, sub);
        return;
    }
    step = storage_step(job, STORAGE_LOG_ATTEMPTS);
    step->number = sub->number;
    step->owned = buf_take(&a->log, &len);
    step->bytes = str_of(step->owned, len);
    sub->n_tried++;
}

static void add_acks(struct storage_job *job, struct sub *sub)
{
    struct storage_step *step;
    size_t len;

    if (journal_is_empty(&sub->journal) && !sub->rewrite)
        return;

    if (sub->rewrite || sub->n_logged >= LOG_MAX) {
        put_set(job, sub->number, &sub->core.holder.done);
        journal_drop(&sub->journal);
        sub->rewrite = false;
        sub->n_logged = 0;
        return;
    }
    step = storage_step(job, STORAGE_LOG_ACKS);
    step->number = sub->number;
    step->owned = journal_take(&sub->journal, &len);
    step->bytes = str_of(step->owned, len);
    sub->n_logged++;
}

static void add_changes(struct pubsub *s, struct storage_job *job)
{
    while (s->changed) {
        struct sub *sub = s->changed;

        s->changed = sub->next_changed;
        sub->is_changed = false;
        add_attempts(job, sub, sub->rewrite);
        add_acks(job, sub);
    }
    for (size_t at = 0; at < s->dropped.len; at += sizeof(uint64_t)) {
        struct storage_step *step = storage_step(job, STORAGE_DROP_BATCH);

        memcpy(&step->number, s->dropped.data + at, sizeof(uint64_t));
    }
    buf_reset(&s->dropped);
}

/* What a job's `arg` and `done` are while storage has it. */
struct keeping {
    struct pubsub *service;
    void (*done)(struct storage_job *job);
    void *arg;
};

static void on_done(struct storage_job *job);

/* A batch whose row is damaged stays where it is: it must not keep others
 * from being written for ever. */
static void drop_apart(struct pubsub *s, const struct storage_job *job,
                       uint64_t id)
{
    struct storage_job *alone;

    if (job->n == 1) {
        LOG_E("the messages from id %llu on cannot be deleted and stay in the "
              "state: %s",
              (unsigned long long)id, job->err.text);
        return;
    }
    alone = storage_job_new(on_done, NULL);
    alone->arg = MEM_NEW(struct keeping);
    *(struct keeping *)alone->arg = (struct keeping){s, NULL, NULL};
    storage_step(alone, STORAGE_DROP_BATCH)->number = id;
    storage_submit(s->storage, alone);
}

/* A set that could not be written is written whole the next time. */
static void on_lost(struct pubsub *s, const struct storage_job *job)
{
    for (size_t i = 0; i < job->n; i++) {
        const struct storage_step *step = &job->steps[i];
        struct sub *sub;

        if (step->op == STORAGE_DROP_BATCH && job->rc == RC_MALFORMED)
            drop_apart(s, job, step->number);
        else if (step->op == STORAGE_DROP_BATCH)
            buf_append(&s->dropped, &step->number, sizeof(step->number));
        if (step->op != STORAGE_LOG_ACKS && step->op != STORAGE_SET_ACKS &&
            step->op != STORAGE_LOG_ATTEMPTS &&
            step->op != STORAGE_SET_ATTEMPTS)
            continue;
        sub = numbers_find(&s->sub_numbers, step->number);
        if (!sub)
            continue;
        sub->rewrite = true;
        sub->n_tried++; /* of which it is not known which are there */
        keep_changed(sub);
    }
}

static bool writes(const struct storage_job *job)
{
    for (size_t i = 0; i < job->n; i++)
        if (job->steps[i].op != STORAGE_READ_BATCH)
            return true;
    return false;
}

static void on_done(struct storage_job *job)
{
    struct keeping *k = job->arg;

    if (writes(job))
        note_write(k->service, job->rc, job->err.text);
    if (job->rc)
        on_lost(k->service, job);
    job->arg = k->arg;
    if (k->done)
        k->done(job);
    mem_free(k);
}

void keep_later(struct pubsub *s, struct storage_job *job)
{
    struct keeping *k;

    if (!s->storage) {
        if (job && job->done)
            job->done(job);
        storage_job_free(job);
        return;
    }
    if (!job && !s->changed && s->dropped.len == 0)
        return;
    if (!job)
        job = storage_job_new(NULL, NULL);
    add_changes(s, job);
    k = MEM_NEW(struct keeping);
    *k = (struct keeping){s, job->done, job->arg};
    job->done = on_done;
    job->arg = k;
    storage_submit(s->storage, job);
}
