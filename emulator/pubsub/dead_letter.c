/* SPDX-License-Identifier: Apache-2.0 */
/* Messages out of attempts: a copy with Google's attributes is published on the
 * dead-letter topic, and the original is done with in the same transaction. */
#include <stdio.h>

#include "common/mem.h"
#include "common/timefmt.h"
#include "emulator/pubsub/export.h"
#include "emulator/pubsub/pubsub_priv.h"
#include "emulator/pubsub/transform_pool.h"
#include "grpc/wire.h"

#define SOURCE "CloudPubSubDeadLetterSource"

/* "2025-01-14T12:00:00.408Z" */
static struct str stamp(char out[TIMEFMT_MAX], int64_t us)
{
    char whole[TIMEFMT_MAX];

    timefmt_format_z(whole, us - us % US_PER_S);
    return str_of(out, (size_t)snprintf(out, TIMEFMT_MAX, "%.19s.%03dZ", whole,
                                        (int)(us % US_PER_S / 1000)));
}

/* The batch of one: the stored message and four attributes. */
static char *copy_of(const struct sub *sub, const struct held *h, size_t *len)
{
    struct buf message, batch;
    struct str project, leaf, stored;
    char count[16], when[TIMEFMT_MAX];
    const char *why = export_refusal(sub, h->seq);
    uint32_t next;

    name_split(sub->name, &project, &leaf);
    snprintf(count, sizeof(count), "%u", (unsigned)h->fails);
    buf_init(&message, SIZE_MAX / 4);
    buf_init(&batch, SIZE_MAX / 4);
    stored = batch_message_at(h->batch, h->offset, &next);
    buf_str(&message, stored);
    message_put_attribute(&message, STR(SOURCE "DeliveryCount"),
                          str_from(count));
    message_put_attribute(&message, STR(SOURCE "Subscription"), leaf);
    message_put_attribute(&message, STR(SOURCE "SubscriptionProject"), project);
    message_put_attribute(&message, STR(SOURCE "TopicPublishTime"),
                          stamp(when, h->batch->publish_us));
    if (why)
        message_put_attribute(&message, STR(SOURCE "DeliveryErrorMessage"),
                              str_from(why));
    wire_put_varint(&batch, message.len);
    buf_str(&batch, buf_as_str(&message));
    buf_fini(&message);
    return buf_take(&batch, len);
}

/* One on its way; the subscription may be gone when it arrives. */
struct forwarding {
    struct pubsub *service;
    uint64_t number, seq;
    struct topic *to; /* held while transforms run */
};

static struct sub *sub_of_one(const struct forwarding *f)
{
    return numbers_find(&f->service->sub_numbers, f->number);
}

static void end(struct forwarding *f, bool forwarded)
{
    struct sub *sub = sub_of_one(f);

    if (sub) {
        sub->n_dead_lettered += forwarded;
        subcore_dead_end(&sub->core, f->seq, forwarded, pubsub_now(f->service));
        keep_changed(sub);
        sub_due(sub);
    }
    mem_free(f);
}

static void on_forwarded(struct posting *p, int rc, const char *text)
{
    (void)text;
    end(p->arg, rc == RC_OK);
}

/* The original is gone in the commit that brings the copy. */
static struct storage_job *job_for(struct sub *sub, uint64_t seq)
{
    struct storage_job *job;
    struct storage_step *step;
    struct journal one;
    size_t len;

    if (!sub->service->storage)
        return NULL;
    job = storage_job_new(NULL, NULL);
    step = storage_step(job, STORAGE_LOG_ACKS);
    journal_init(&one);
    journal_add(&one, seq, seq + 1, true);
    step->number = sub->number;
    step->owned = journal_take(&one, &len);
    step->bytes = str_of(step->owned, len);
    journal_fini(&one);
    return job;
}

/* The dead-letter topic has transforms of its own: they may drop it as well, or
 * fail, which keeps it here. */
static void on_transformed(struct transform_job *job)
{
    struct forwarding *f = job->arg;
    struct topic *to = f->to;
    struct pubsub *s = f->service;
    struct sub *sub = sub_of_one(f);
    enum transformed how =
        job->is_cancelled ? TRANSFORM_FAILED : job->items[0].outcome;
    struct buf batch;
    size_t len;
    char *bytes;

    to->refs--;
    if (how != TRANSFORM_KEPT || !sub || to->deleted) {
        end(f, how == TRANSFORM_DROPPED);
    } else {
        struct str message = transform_job_result(job, 0);

        buf_init(&batch, SIZE_MAX / 4);
        wire_put_varint(&batch, message.len);
        buf_str(&batch, message);
        bytes = buf_take(&batch, &len);
        publish_batch(to, bytes, (uint32_t)len, 1, job_for(sub, f->seq),
                      on_forwarded, f);
    }
    transform_job_free(job);
    if (!s->clearing) {
        topic_unref(to);
        deliver_due(s);
        pubsub_drained(s);
    }
}

static void transform(struct forwarding *f, const struct held *h,
                      struct batch batch)
{
    struct transform_job *job =
        transform_job_new(f->to->chain, on_transformed, f);
    uint32_t next;

    transform_job_add(job, 0, batch_message_at(&batch, 0, &next),
                      h->batch->first_id + (h->seq - h->batch->first_seq),
                      pubsub_now(f->service));
    f->to->refs++;
    mem_free(batch.bytes);
    transform_job_submit(f->service->transforms, job);
}

static void forward(struct sub *sub, struct topic *to, const struct held *h)
{
    struct forwarding *f = MEM_NEW(struct forwarding);
    size_t len;
    char *bytes = copy_of(sub, h, &len);

    *f = (struct forwarding){sub->service, sub->number, h->seq, to};
    if (to->chain) {
        transform(f, h, (struct batch){.bytes = bytes, .len = (uint32_t)len});
        return;
    }
    publish_batch(to, bytes, (uint32_t)len, 1, job_for(sub, h->seq),
                  on_forwarded, f);
}

void dead_letters_forward(struct sub *sub)
{
    const PB(DeadLetterPolicy) *policy = sub->config->dead_letter_policy;
    struct topic *to;
    struct held *h;

    if (!sub->core.dead)
        return;
    to = policy ? topic_find(sub->service, str_from(policy->dead_letter_topic))
                : NULL;
    while (sub->core.dead && (!to || sub->core.dead->batch->bytes)) {
        h = subcore_dead_next(&sub->core);
        if (to)
            forward(sub, to, h);
        else
            subcore_dead_end(&sub->core, h->seq, false,
                             pubsub_now(sub->service));
    }
    if (sub->core.dead)
        resident_load(sub->topic, sub->core.dead->batch);
}
