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

/* A client that gets another drops all that came with it. */
bool resident_is_batch(const struct batch *b, struct str bytes)
{
    const struct batch read = {.bytes = (char *)(uintptr_t)bytes.p,
                               .len = b->len};
    uint32_t at = 0, i = 0;

    if (bytes.len != b->len)
        return false;
    while (i < b->n && at < b->len &&
           message_is_sound(batch_message_at(&read, at, &at)))
        i++;
    return i == b->n && at == b->len;
}

/* What will never come: it is done with, so that the rest goes on. */
static void give_up(struct topic *t, struct batch *b, const char *why)
{
    uint64_t from = b->first_seq, end = from + b->n;
    int64_t now_us = pubsub_now(t->service);

    LOG_E("%s: %u messages, from id %llu on, are damaged and passed over: %s",
          t->name, (unsigned)b->n, (unsigned long long)b->first_id, why);
    for (struct sub *sub = t->subs; sub; sub = sub->next) {
        subcore_pass_over(&sub->core, from, end, now_us);
        keep_changed(sub);
    }
}

static struct batch *waiting(struct topic *t, uint64_t seq, uint64_t id)
{
    struct batch *b = tlog_find(&t->log, seq);

    return b && b->first_seq == seq && b->first_id == id && b->loading ? b
                                                                       : NULL;
}

/* Takes what was read, if the batch still wants it. */
static void arrive(struct topic *t, uint64_t seq, struct storage_step *step,
                   int rc)
{
    struct batch *b = waiting(t, seq, step->number);

    if (!b)
        return;
    b->loading = false;
    if (b->gone || b->bytes || rc)
        return;
    if (step->read &&
        resident_is_batch(b, str_of(step->read, step->read_len))) {
        b->bytes = step->read;
        step->read = NULL;
        resident_add(t->service, b);
        return;
    }
    give_up(t, b,
            step->damage ? step->damage
            : step->read ? "not as they were written"
                         : "they are in the state no more");
}

static void load_one(struct topic *t, struct batch *b);

/* One of several is damaged in the tables, or it is the one. */
static void single_out(struct topic *t, const uint64_t *seqs,
                       const struct storage_job *job)
{
    size_t n = 0;

    while (n < job->n && job->steps[n].op == STORAGE_READ_BATCH)
        n++;
    for (size_t i = 0; i < n; i++) {
        struct batch *b = waiting(t, seqs[i], job->steps[i].number);

        if (!b)
            continue;
        b->loading = false;
        if (b->gone || b->bytes)
            continue;
        if (job->n > 1) {
            load_one(t, b);
            continue;
        }
        b->stored = false; /* its row stays: it cannot be deleted either */
        give_up(t, b, job->err.text);
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

    if (job->rc == RC_MALFORMED)
        single_out(t, l->seqs, job);
    for (size_t i = 0; i < job->n; i++) {
        struct storage_step *step = &job->steps[i];

        if (step->op != STORAGE_READ_BATCH || job->rc == RC_MALFORMED)
            break; /* changes that came along stand behind */
        arrive(t, l->seqs[i], step, job->rc);
    }
    mem_free(l);
    if (job->rc == RC_OK || job->rc == RC_MALFORMED)
        topic_due(t);
    else
        try_later(t->service, &job->err);
    t->refs--;
    topic_unref(t);
}

static struct storage_job *loading_new(struct topic *t, size_t cap,
                                       struct loading **out)
{
    struct loading *l = mem_alloc(sizeof(*l) + cap * sizeof(l->seqs[0]));

    l->topic = t;
    t->refs++;
    *out = l;
    return storage_job_new(on_loaded, l);
}

static void ask(struct storage_job *job, struct loading *l, struct batch *b)
{
    l->seqs[job->n] = b->first_seq;
    storage_step(job, STORAGE_READ_BATCH)->number = b->first_id;
    b->loading = true;
}

static void load_one(struct topic *t, struct batch *b)
{
    struct loading *l;
    struct storage_job *job = loading_new(t, 1, &l);

    ask(job, l, b);
    /* nothing comes along whose failure could be taken for this one's */
    storage_submit(t->service->storage, job);
}

void resident_load(struct topic *t, struct batch *b)
{
    struct storage_job *job;
    struct loading *l;
    size_t bytes = 0;

    if (b->bytes || b->loading || !t->service->storage)
        return; /* transforms are waited for, not bytes */
    job = loading_new(t, LOAD_BATCHES, &l);
    while (b && job->n < LOAD_BATCHES && bytes < LOAD_BYTES) {
        if (!b->bytes && !b->gone && !b->loading) {
            ask(job, l, b);
            bytes += b->len;
        }
        b = tlog_after(&t->log, b);
    }
    keep_later(t->service, job);
}
