/* SPDX-License-Identifier: Apache-2.0 */
/* Transforms' processes (transform_worker.h), a few at most, started when
 * there is work: jobs go in, results come out, and a function that hangs or
 * breaks its process costs its own message alone. Jobs of one chain are done
 * in order, one at a time; those of several side by side.
 * Loop-confined. */
#ifndef EMULATOR_PUBSUB_TRANSFORM_POOL_H
#define EMULATOR_PUBSUB_TRANSFORM_POOL_H

#include <stdint.h>

#include "common/buf.h"
#include "common/rc.h"

struct loop;
struct transform_pool;

/* The functions of a topic or a subscription, one after the other. */
struct chain {
    uint64_t number;  /* no other chain of the process has or had it */
    struct buf steps; /* as a request has them */
    size_t n;
    unsigned refs;
    bool is_busy; /* one of its jobs runs */
};

struct chain *chain_new(struct transform_pool *pool);
void chain_add(struct chain *chain, struct str name, struct str code);
void chain_ref(struct chain *chain);
void chain_unref(struct chain *chain); /* NULL is fine */

/* Is it among those that were run and found to be good last? */
bool chain_is_known(const struct transform_pool *pool, const struct chain *c);
void chain_set_known(struct transform_pool *pool, const struct chain *c);

enum transformed {
    TRANSFORM_KEPT,
    TRANSFORM_DROPPED,
    TRANSFORM_FAILED
};

struct transform_item {
    uint64_t tag;            /* the owner's */
    uint32_t from, len;      /* in the request */
    uint32_t at, result_len; /* of the message or the reason, in `results` */
    uint32_t took_us;
    enum transformed outcome;
    bool taken; /* the owner's */
};

struct transform_job {
    struct chain *chain; /* held */
    struct buf request;  /* its messages */
    struct transform_item *items;
    size_t n, cap;
    size_t n_done;
    struct buf results;
    /* What became of the code itself: RC_OK, RC_MALFORMED (no JavaScript that
     * the engine knows), RC_INVALID (it failed, took too long or lacks the
     * function), RC_IO (no process). A job without messages is a try: its
     * results are the reason then. */
    int rc;
    /* Every item has its outcome, or the pool ended first (is_cancelled); the
     * job is the callee's to free. */
    void (*done)(struct transform_job *job);
    void *arg;
    struct transform_job *next;
    bool is_cancelled;
    bool is_alone;      /* one message a request: who broke it is not known */
    bool may_end_early; /* large results: `n` shrinks to those that are there */
};

struct transform_pool *transform_pool_new(struct loop *loop);
/* Ends the processes and cancels what is under way. */
void transform_pool_free(struct transform_pool *pool); /* NULL is fine */

struct transform_job *transform_job_new(struct chain *chain,
                                        void (*done)(struct transform_job *job),
                                        void *arg);
void transform_job_add(struct transform_job *job, uint64_t tag,
                       struct str message, uint64_t id, int64_t publish_us);
struct str transform_job_result(const struct transform_job *job, size_t i);
void transform_job_free(struct transform_job *job); /* NULL is fine */
/* Takes the job; `done` is called later, from the loop. */
void transform_job_submit(struct transform_pool *pool,
                          struct transform_job *job);
/* Bytes of messages that wait for their results. */
size_t transform_pool_waiting(const struct transform_pool *pool);
/* Nothing is under way. */
bool transform_pool_is_idle(const struct transform_pool *pool);

#endif
