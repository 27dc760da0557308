/* SPDX-License-Identifier: Apache-2.0 */
/* Which batches' bytes are in memory. With storage the oldest used go when
 * there are too many, and come back when somebody needs them; without it all
 * stay. */
#include "common/log.h"
#include "common/mem.h"
#include "emulator/pubsub/pubsub_priv.h"

enum {
    RESIDENT_MAX = 32 << 20,
    LOAD_BYTES = 1 << 20, /* one load brings about so much */
    LOAD_BATCHES = 2000
};
#define RELOAD_US US_PER_S /* after a read that failed */

void resident_remove(struct pubsub *s, struct batch *b)
{
    if (!b->bytes || !s->storage)
        return;
    if (b->older)
        b->older->newer = b->newer;
    else if (s->oldest == b)
        s->oldest = b->newer;
    else
        return; /* in no list */
    if (b->newer)
        b->newer->older = b->older;
    else
        s->newest = b->older;
    b->older = b->newer = NULL;
    s->n_resident -= b->len;
}

static void evict(struct pubsub *s)
{
    struct batch *b = s->oldest;

    while (b && s->n_resident > RESIDENT_MAX) {
        struct batch *newer = b->newer;

        if (b->stored) {
            resident_remove(s, b);
            batch_drop_bytes(b);
        }
        b = newer;
    }
}

void resident_add(struct pubsub *s, struct batch *b)
{
    if (!s->storage)
        return; /* all stay */
    b->older = s->newest;
    b->newer = NULL;
    if (s->newest)
        s->newest->newer = b;
    else
        s->oldest = b;
    s->newest = b;
    s->n_resident += b->len;
    if (s->n_resident > RESIDENT_MAX)
        evict(s);
}

/* --- loading -------------------------------------------------------------- */

struct loading {
    struct topic *topic;
    uint64_t seqs[]; /* of the batches asked for, one a step */
};

/* Takes what was read, if the batch still wants it. */
static void arrive(struct topic *t, uint64_t seq, uint64_t id,
                   struct storage_step *step)
{
    struct batch *b = tlog_find(&t->log, seq);

    if (!b || b->first_seq != seq || b->first_id != id || !b->loading)
        return;
    b->loading = false;
    if (b->gone || b->bytes || !step->read)
        return;
    b->bytes = step->read;
    step->read = NULL;
    resident_add(t->service, b);
}

/* What storage has lost will never come. */
static void give_up(struct topic *t, uint64_t seq)
{
    struct batch *b = tlog_find(&t->log, seq);

    if (!b || b->first_seq != seq || b->bytes || b->gone)
        return;
    for (struct sub *sub = t->subs; sub; sub = sub->next) {
        tlog_done_range(&t->log, &sub->core.holder, seq, seq + b->n);
        keep_changed(sub);
    }
}

/* Nobody else wakes those who wait. */
static void try_later(struct pubsub *s, const struct err *err)
{
    if (loop_timer_is_armed(&s->reload))
        return;
    LOG_W("messages cannot be read back, and are asked for again: %s",
          err->text);
    loop_timer_arm(&s->reload, RELOAD_US);
}

static void on_loaded(struct storage_job *job)
{
    struct loading *l = job->arg;
    struct topic *t = l->topic;

    for (size_t i = 0; i < job->n; i++) {
        struct storage_step *step = &job->steps[i];

        if (step->op != STORAGE_READ_BATCH)
            break; /* changes that came along stand behind */
        if (job->rc == RC_OK && !step->read)
            give_up(t, l->seqs[i]);
        arrive(t, l->seqs[i], step->number, step);
    }
    mem_free(l);
    if (job->rc == RC_OK)
        topic_due(t);
    else
        try_later(t->service, &job->err);
    t->refs--;
    topic_unref(t);
}

void resident_load(struct topic *t, struct batch *b)
{
    struct storage_job *job;
    struct loading *l;
    size_t bytes = 0;

    if (b->bytes || b->loading || !t->service->storage)
        return; /* transforms are waited for, not bytes */
    l = mem_alloc(sizeof(*l) + LOAD_BATCHES * sizeof(l->seqs[0]));
    l->topic = t;
    job = storage_job_new(on_loaded, l);
    while (b && job->n < LOAD_BATCHES && bytes < LOAD_BYTES) {
        if (!b->bytes && !b->gone && !b->loading) {
            l->seqs[job->n] = b->first_seq;
            storage_step(job, STORAGE_READ_BATCH)->number = b->first_id;
            b->loading = true;
            bytes += b->len;
        }
        b = tlog_after(&t->log, b);
    }
    t->refs++;
    keep_later(t->service, job);
}
