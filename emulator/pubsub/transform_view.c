/* SPDX-License-Identifier: Apache-2.0 */
/* A subscription's messages as its transforms make them. Delivery asks for one
 * at a time; one that is not here is asked of the engine together with those
 * that will be asked for next, and delivery goes on when they have come. */
#include "common/log.h"
#include "common/mem.h"
#include "emulator/pubsub/filter.h"
#include "emulator/pubsub/pubsub_priv.h"
#include "emulator/pubsub/transform.h"
#include "emulator/pubsub/transform_stats.h"

enum {
    JOB_MESSAGES = 256,
    JOB_BYTES = 1 << 20,
    LOOK_AT = 4096, /* messages, to find those */
    KEPT = 4        /* jobs whose results are here: enough that one is used
                       up before its place is needed */
};

struct view {
    struct sub_view door; /* first */
    struct sub *sub;      /* NULL: ended, a job is still out */
    struct chain *chain;
    struct transform_job *out;
    struct transform_job *kept[KEPT]; /* a ring */
    unsigned oldest;
};

static struct transform_item *in_job(struct transform_job *job, uint64_t seq)
{
    size_t low = 0, high = job ? job->n : 0;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (job->items[middle].tag < seq)
            low = middle + 1;
        else
            high = middle;
    }
    return job && low < job->n && job->items[low].tag == seq &&
                   !job->items[low].taken
               ? &job->items[low]
               : NULL;
}

static struct transform_item *item_of(const struct view *v, uint64_t seq,
                                      struct transform_job **job)
{
    struct transform_item *item = NULL;

    for (unsigned i = 0; i < KEPT && !item; i++) {
        *job = v->kept[i];
        item = in_job(*job, seq);
    }
    return item;
}

/* --- asking --------------------------------------------------------------- */

/* Will delivery come to it, as things are? */
static bool is_next_up(const struct view *v, uint64_t seq, struct str message)
{
    const struct subcore *core = &v->sub->core;
    const struct held *h = heldset_find(&core->held, seq);
    struct transform_job *job;

    if (item_of(v, seq, &job))
        return false;
    if (h)
        return h->state == HELD_WAITING || h->state == HELD_READY;
    return seq >= core->next && !ackset_has(&core->holder.done, seq) &&
           (!core->rules.filter || filter_match(core->rules.filter, message));
}

/* A receiver never sees these: the log is where they show. */
static void tell_failures(const struct sub *sub,
                          const struct transform_job *job)
{
    for (size_t i = 0; i < job->n; i++) {
        struct str why = transform_job_result(job, i);

        if (job->items[i].outcome == TRANSFORM_FAILED)
            LOG_W("%s: a message transform failed, and the message comes "
                  "again: %.*s",
                  sub->name, STR_ARG(why));
    }
}

static void on_done(struct transform_job *job)
{
    struct view *v = job->arg;
    struct pubsub *s;

    v->out = NULL;
    if (!v->sub || job->is_cancelled) {
        transform_job_free(job);
        view_end(v);
        return;
    }
    s = v->sub->service;
    tell_failures(v->sub, job);
    transform_stats_add(&v->sub->transform_stats, job);
    transform_job_free(v->kept[v->oldest]);
    v->kept[v->oldest] = job;
    v->oldest = (v->oldest + 1) % KEPT;
    sub_due(v->sub);
    deliver_due(s);
    pubsub_drained(s);
}

static void ask(struct view *v, struct batch *b, uint64_t seq, uint32_t offset)
{
    struct tlog *log = &v->sub->topic->log;
    struct transform_job *job = transform_job_new(v->chain, on_done, v);
    uint64_t first = seq;
    unsigned looked = 0;

    while (b && b->bytes) {
        for (; seq < b->first_seq + b->n; seq++) {
            struct str message = batch_message_at(b, offset, &offset);

            if (looked++ == LOOK_AT || job->n == JOB_MESSAGES ||
                job->request.len > JOB_BYTES)
                goto full;
            if (seq == first || is_next_up(v, seq, message))
                transform_job_add(job, seq, message,
                                  b->first_id + (seq - b->first_seq),
                                  b->publish_us);
        }
        b = tlog_after(log, b);
        seq = b ? b->first_seq : 0;
        offset = 0;
    }
full:
    job->may_end_early = true;
    v->out = job;
    transform_job_submit(v->sub->service->transforms, job);
}

/* --- the door ------------------------------------------------------------- */

static enum view_got find(struct sub_view *door, struct batch *b, uint64_t seq,
                          uint32_t offset, struct str *out)
{
    struct view *v = (struct view *)(void *)door;
    struct transform_job *job;
    struct transform_item *item = item_of(v, seq, &job);

    if (!item) {
        if (!v->out && !v->sub->service->draining)
            ask(v, b, seq, offset);
        return VIEW_WAIT;
    }
    if (item->outcome == TRANSFORM_DROPPED)
        return VIEW_DROPPED;
    if (item->outcome == TRANSFORM_FAILED)
        return VIEW_FAILED;
    *out = transform_job_result(job, (size_t)(item - job->items));
    return VIEW_KEPT;
}

static void taken(struct sub_view *door, uint64_t seq)
{
    struct view *v = (struct view *)(void *)door;
    struct transform_job *job;
    struct transform_item *item = item_of(v, seq, &job);

    if (item)
        item->taken = true; /* its bytes stay for now */
}

struct view *view_new(struct sub *sub, struct chain *chain)
{
    struct view *v = MEM_NEW(struct view);

    chain_ref(chain);
    *v = (struct view){
        .door = {.find = find, .taken = taken}, .sub = sub, .chain = chain};
    return v;
}

struct sub_view *view_door(struct view *v)
{
    return &v->door;
}

struct chain *view_chain(const struct view *v)
{
    return v->chain;
}

void view_end(struct view *v)
{
    if (!v)
        return;
    v->sub = NULL;
    if (v->out)
        return; /* on_done comes back here */
    for (unsigned i = 0; i < KEPT; i++)
        transform_job_free(v->kept[i]);
    chain_unref(v->chain);
    mem_free(v);
}
