/* SPDX-License-Identifier: Apache-2.0 */
/* What the Pub/Sub service keeps on disk, and the thread that writes it.
 *
 * Jobs are written in the order they were given; all that wait go into one
 * transaction (group commit), and each job's steps are in it whole or not at
 * all. A publish request is one row; acknowledgements are ranges, not rows.
 * Without --fsync a commit survives the end of the process, with it a power
 * cut too.
 * Threads: called on the service's loop, which also gets the answers. */
#ifndef EMULATOR_PUBSUB_STORAGE_H
#define EMULATOR_PUBSUB_STORAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/rc.h"
#include "common/str.h"

struct loop;
struct storage;

enum kept_kind {
    KEPT_TOPIC = 1,
    KEPT_SUBSCRIPTION = 2,
    KEPT_SNAPSHOT = 3,
    KEPT_SCHEMA = 4,
    KEPT_POLICY = 5
};

/* One resource; numbers are never used again. */
struct kept_resource {
    enum kept_kind kind;
    uint64_t number;
    uint64_t topic;      /* its topic's number; 0: none */
    uint64_t secret;     /* of ack ids */
    uint64_t born;       /* a subscription's first message's sequence */
    bool deleted;        /* a topic that only its subscriptions remember */
    struct str body;     /* packed protobuf */
    struct str done;     /* ackset_save, without what the ack log adds */
    struct str attempts; /* attempts_load's; archives only */
};

/* One publish request's messages; `id` of the first is the row's key. */
struct kept_batch {
    uint64_t id, topic, seq;
    int64_t publish_us;
    uint32_t n, len;
    struct str bytes; /* p == NULL: not read */
};

enum storage_op {
    STORAGE_PUT_BATCH,     /* batch */
    STORAGE_DROP_BATCH,    /* number: its id */
    STORAGE_READ_BATCH,    /* number; fills `read` (mem_free), or `damage`;
                              RC_MALFORMED: one of the job's is damaged */
    STORAGE_LOG_ACKS,      /* number: holder's; bytes: a struct journal's */
    STORAGE_SET_ACKS,      /* number; bytes: ackset_save's. Ends its log */
    STORAGE_LOG_ATTEMPTS,  /* number: holder's; bytes: a struct attempts' */
    STORAGE_SET_ATTEMPTS,  /* the same, instead of all before; may be empty */
    STORAGE_PUT_RESOURCE,  /* resource; a holder's `done` comes with it */
    STORAGE_DROP_RESOURCE, /* number */
    STORAGE_WIPE,          /* everything */
    STORAGE_PROBE          /* writes what is there already: does that go? */
};

struct storage_step {
    enum storage_op op;
    uint64_t number;
    struct str bytes;
    char *owned; /* freed with the job; may be NULL */
    char *read;  /* NULL, and no damage: it is gone */
    uint32_t read_len;
    char *damage; /* why it can never be read; freed with the job */
    union {
        struct kept_batch batch;
        struct kept_resource resource;
    };
};

struct storage_job {
    struct storage_job *next; /* storage's own */
    struct storage_step *steps;
    size_t n, cap;
    /* On the loop, after the commit or its failure; the job is freed when it
     * returns. NULL: nobody waits. */
    void (*done)(struct storage_job *job);
    void *arg;
    int rc; /* RC_OK; RC_IO with `err` */
    struct err err;
};

struct storage_job *storage_job_new(void (*done)(struct storage_job *job),
                                    void *arg);
void storage_job_free(struct storage_job *job);
/* Valid until the next step is added. */
struct storage_step *storage_step(struct storage_job *job, enum storage_op op);

/* What storage_open finds, in an order that lets each be built on those before:
 * topics, other resources, their logged acknowledgements and attempts, batches
 * by id. */
struct storage_visitor {
    int (*resource)(const struct kept_resource *r, void *arg, struct err *err);
    int (*acks)(uint64_t number, struct str journal, void *arg,
                struct err *err);
    int (*attempts)(uint64_t number, struct str bytes, void *arg,
                    struct err *err);
    int (*batch)(const struct kept_batch *b, void *arg, struct err *err);
    void *arg;
};

/* Opens or makes `dir`/pubsub.db and shows `visitor` what it holds; then the
 * thread is started. `settled` gets the loop's turn after each group's jobs
 * were told. RC_IO, RC_MALFORMED: `err` names the file and what to do. */
RC_MUST_USE int storage_open(const char *dir, bool fsync, struct loop *loop,
                             const struct storage_visitor *visitor,
                             void (*settled)(void *arg), void *arg,
                             struct storage **out, struct err *err);
/* Writes what waits; its answers are dropped. */
void storage_close(struct storage *s);

/* Takes the job. */
void storage_submit(struct storage *s, struct storage_job *job);
/* Takes the job, waits for it and those before; `done` is not called. For what
 * is rare. Steps' `read` are moved into the caller's `reads` (may be NULL),
 * one a step. */
RC_MUST_USE int storage_run(struct storage *s, struct storage_job *job,
                            char **reads, struct err *err);
/* Bytes given and not written yet. */
size_t storage_waiting(const struct storage *s);

#endif
