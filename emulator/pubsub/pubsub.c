/* SPDX-License-Identifier: Apache-2.0 */
/* The service's life: opened, told that the clock moved, emptied, drained. */
#include "emulator/faults.h"
#include "emulator/pubsub/pubsub.h"

#include "common/mem.h"
#include "emulator/pubsub/pubsub_priv.h"
#include "emulator/pubsub/push.h"
#include "emulator/pubsub/transform_pool.h"

enum {
    MESSAGE_MAX = 20 << 20 /* one request, with room for ten megabytes in it */
};

static const char *health(void *self)
{
    struct pubsub *s = self;
    const char *trouble = keep_trouble(s);

    return s->draining ? "stopping" : trouble ? trouble : "ok";
}

static void all_due(struct pubsub *s)
{
    for (size_t i = 0; i < s->subs.n; i++)
        sub_due(s->subs.rows[i].resource);
}

static void on_clock(struct vclock_watch *watch)
{
    struct pubsub *s = LOOP_OWNER(watch, struct pubsub, watch);

    all_due(s);
    expiry_run(s);
    deliver_due(s);
}

static void on_expiry(struct loop_timer *timer)
{
    struct pubsub *s = LOOP_OWNER(timer, struct pubsub, expiry);

    expiry_run(s);
    deliver_due(s);
}

static void on_reload(struct loop_timer *timer)
{
    struct pubsub *s = LOOP_OWNER(timer, struct pubsub, reload);

    all_due(s);
    deliver_due(s);
}

/* --- reset ---------------------------------------------------------------- */

static void reset(void *self, service_done *done, void *arg)
{
    struct pubsub *s = self;
    struct storage_job *job = storage_job_new(NULL, NULL);
    struct err err = {0};

    storage_step(job, STORAGE_WIPE);
    if (keep_now(s, job, &err)) {
        done(arg, RC_IO, err.text);
        return;
    }
    s->clearing = true;
    pubsub_clear(s, GRPC_NOT_FOUND, "The emulator was reset");
    s->clearing = false;
    buf_reset(&s->dropped);
    expiry_run(s);
    done(arg, RC_OK, "");
}

/* --- end ------------------------------------------------------------------ */

/* What is answered when it is kept has been, once storage has nothing left. */
void pubsub_drained(struct pubsub *s)
{
    service_done *done = s->drained;

    if (!done || (s->storage && storage_waiting(s->storage) > 0) ||
        !push_is_idle(s) || !transform_pool_is_idle(s->transforms))
        return;
    s->drained = NULL;
    done(s->drained_arg, RC_OK, "");
}

static void on_settled(void *arg)
{
    struct pubsub *s = arg;

    deliver_due(s);
    pubsub_drained(s);
}

static void drain(void *self, service_done *done, void *arg)
{
    struct pubsub *s = self;

    s->draining = true;
    for (size_t i = 0; i < s->subs.n; i++)
        sub_end_takers(s->subs.rows[i].resource, GRPC_UNAVAILABLE,
                       "The emulator is stopping");
    all_due(s); /* what is collected for elsewhere is written */
    deliver_due(s);
    s->drained = done;
    s->drained_arg = arg;
    push_drain(s);
    pubsub_drained(s);
}

static void pubsub_free(void *self)
{
    struct pubsub *s = self;

    storage_close(s->storage);
    s->storage = NULL;
    s->clearing = true;
    pubsub_clear(s, GRPC_UNAVAILABLE, "The emulator is stopping");
    push_close(s);
    transform_pool_free(s->transforms);
    /* topics that the dropped jobs still name */
    while (s->all_topics) {
        s->all_topics->refs = 0;
        topic_unref(s->all_topics);
    }
    vclock_unwatch(s->e->clock, &s->watch);
    loop_timer_fini(&s->expiry);
    loop_timer_fini(&s->reload);
    names_fini(&s->topics);
    names_fini(&s->subs);
    names_fini(&s->snapshots);
    names_fini(&s->schemas);
    names_fini(&s->policies);
    numbers_fini(&s->topic_numbers);
    numbers_fini(&s->sub_numbers);
    buf_fini(&s->dropped);
    slabs_fini(&s->slabs);
    rpc_free(s->rpc);
    mem_free(s);
}

/* --- begin ---------------------------------------------------------------- */

static int open_storage(struct pubsub *s, struct err *err)
{
    struct storage_visitor v = restore_visitor(s);
    int rc = storage_open(s->e->state_dir, s->e->fsync, s->e->loop, &v,
                          on_settled, s, &s->storage, err);

    if (rc)
        return rc;
    restore_end(s);
    keep_later(s, NULL);
    return RC_OK;
}

struct service *pubsub_new(struct emulator *e, struct err *err)
{
    struct pubsub *s = MEM_NEW(struct pubsub);

    s->e = e;
    s->last_due = &s->due;
    s->next_number = 1;
    /* Seventeen digits as in production, and never again those of an earlier
     * life: nobody publishes ten million messages a second. */
    s->next_id = (uint64_t)clock_wall_us() * 10;
    buf_init(&s->dropped, SIZE_MAX / 4);
    s->transforms = transform_pool_new(e->loop);
    loop_timer_init(&s->expiry, e->loop, on_expiry);
    loop_timer_init(&s->reload, e->loop, on_reload);
    s->watch.changed = on_clock;
    vclock_watch(e->clock, &s->watch);
    s->rpc = rpc_new(e, "pubsub", s, pubsub_methods, pubsub_n_methods,
                     pubsub_streams, pubsub_n_streams, MESSAGE_MAX);
    rpc_on_ended(s->rpc, metrics_count_call);
    faults_know(e->faults, "pubsub", "google.pubsub.v1.Subscriber/Push");
    s->service = (struct service){.name = "pubsub",
                                  .self = s,
                                  .rpc = s->rpc,
                                  .health = health,
                                  .reset = reset,
                                  .save = pubsub_save,
                                  .load = pubsub_load,
                                  .metrics = pubsub_metrics,
                                  .drain = drain,
                                  .free = pubsub_free};
    if (e->state_dir && open_storage(s, err)) {
        pubsub_free(s);
        return NULL;
    }
    expiry_run(s);
    /* Subscriptions that write elsewhere go on by themselves, as soon as the
     * loop runs and with it all services. */
    all_due(s);
    loop_timer_arm(&s->expiry, 0);
    rpc_set_serving(s->rpc, true, false);
    return &s->service;
}
