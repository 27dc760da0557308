/* SPDX-License-Identifier: Apache-2.0 */
/* The thread behind storage.h: takes all jobs that wait, writes them in one
 * transaction, hands them back to the loop in one turn. */
#include "emulator/pubsub/storage.h"

#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/mem.h"
#include "common/thread.h"
#include "emulator/pubsub/storage_file.h"

enum {
    GROUP_BYTES = 8 << 20, /* a transaction takes no more, unless one job has */
    THREAD_STACK = 256 * 1024
};
#define COMPLAIN_US (10 * US_PER_S)

/* The way back to the loop; may outlive the storage in the loop's mailbox. */
struct teller {
    struct loop_task task;
    struct storage *storage; /* NULL: closed */
};

struct storage {
    struct storage_file *file;
    struct loop *loop;
    void (*settled)(void *arg);
    void *arg;
    atomic_size_t waiting;
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t work, ran;
    struct storage_job *first, **last;   /* to be written */
    struct storage_job *done, **done_at; /* to be told */
    bool told;                           /* `teller` is on its way */
    bool closing;
    /* the loop's: given in this turn, to be written as one group */
    struct storage_job *fresh, **fresh_at;
    struct loop_timer turn;
    int64_t complained_us;
    struct teller *teller;
};

/* --- jobs ----------------------------------------------------------------- */

struct storage_job *storage_job_new(void (*done)(struct storage_job *job),
                                    void *arg)
{
    struct storage_job *job = MEM_NEW(struct storage_job);

    job->done = done;
    job->arg = arg;
    return job;
}

void storage_job_free(struct storage_job *job)
{
    if (!job)
        return;
    for (size_t i = 0; i < job->n; i++) {
        mem_free(job->steps[i].owned);
        mem_free(job->steps[i].read);
        mem_free(job->steps[i].damage);
    }
    mem_free(job->steps);
    mem_free(job);
}

struct storage_step *storage_step(struct storage_job *job, enum storage_op op)
{
    struct storage_step *step;

    if (job->n == job->cap) {
        job->cap = job->cap ? job->cap * 2 : 2;
        job->steps =
            mem_realloc(job->steps, job->cap * sizeof(struct storage_step));
    }
    step = &job->steps[job->n++];
    *step = (struct storage_step){.op = op};
    return step;
}

static size_t job_bytes(const struct storage_job *job)
{
    size_t bytes = sizeof(*job);

    for (size_t i = 0; i < job->n; i++)
        bytes += sizeof(struct storage_step) + job->steps[i].bytes.len +
                 (job->steps[i].op == STORAGE_PUT_BATCH
                      ? job->steps[i].batch.bytes.len
                      : 0);
    return bytes;
}

/* --- the thread ----------------------------------------------------------- */

static int write_group(struct storage *s, struct storage_job *first,
                       struct err *err)
{
    int rc = storage_file_begin(s->file, err);

    for (struct storage_job *job = first; job && rc == RC_OK; job = job->next)
        for (size_t i = 0; i < job->n && rc == RC_OK; i++)
            rc = storage_file_step(s->file, &job->steps[i], err);
    if (rc == RC_OK)
        rc = storage_file_commit(s->file, err);
    if (rc)
        storage_file_rollback(s->file);
    return rc;
}

static void forget_reads(struct storage_job *first)
{
    for (struct storage_job *job = first; job; job = job->next)
        for (size_t i = 0; i < job->n; i++) {
            mem_free(job->steps[i].read);
            mem_free(job->steps[i].damage);
            job->steps[i].read = job->steps[i].damage = NULL;
        }
}

/* When a group fails each job has its own try: one must not fail others. */
static void write_apart(struct storage *s, struct storage_job *first)
{
    forget_reads(first);
    for (struct storage_job *job = first; job; job = job->next) {
        struct storage_job *next = job->next;

        job->next = NULL;
        job->rc = write_group(s, job, &job->err);
        job->next = next;
        if (!job->rc || clock_mono_us() - s->complained_us < COMPLAIN_US)
            continue;
        s->complained_us = clock_mono_us();
        LOG_E("%s", job->err.text);
    }
}

static void write_jobs(struct storage *s, struct storage_job *first)
{
    size_t bytes = 0;
    struct err err;

    if (write_group(s, first, &err))
        write_apart(s, first);
    for (struct storage_job *job = first; job; job = job->next)
        bytes += job_bytes(job);
    atomic_fetch_sub(&s->waiting, bytes);
}

/* With the lock. */
static struct storage_job *take_group(struct storage *s)
{
    struct storage_job *first = s->first, *job = first;
    size_t bytes = job_bytes(job);

    while (job->next && bytes < GROUP_BYTES) {
        job = job->next;
        bytes += job_bytes(job);
    }
    s->first = job->next;
    if (!s->first)
        s->last = &s->first;
    job->next = NULL;
    return first;
}

/* With the lock. */
static void hand_back(struct storage *s, struct storage_job *first)
{
    *s->done_at = first;
    while (*s->done_at)
        s->done_at = &(*s->done_at)->next;
    pthread_cond_broadcast(&s->ran);
    if (s->told)
        return;
    s->told = true;
    loop_post(s->loop, &s->teller->task);
}

static void *run(void *arg)
{
    struct storage *s = arg;

    pthread_mutex_lock(&s->lock);
    for (;;) {
        struct storage_job *group;

        if (!s->first) {
            bool tidied;

            if (s->closing)
                break;
            pthread_mutex_unlock(&s->lock);
            tidied = storage_file_tidy(s->file);
            pthread_mutex_lock(&s->lock);
            if (!tidied && !s->first && !s->closing)
                pthread_cond_wait(&s->work, &s->lock);
            continue;
        }
        group = take_group(s);
        pthread_mutex_unlock(&s->lock);
        write_jobs(s, group);
        pthread_mutex_lock(&s->lock);
        hand_back(s, group);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* --- the loop's side ------------------------------------------------------ */

static struct storage_job *take_done(struct storage *s)
{
    struct storage_job *job;

    pthread_mutex_lock(&s->lock);
    job = s->done;
    s->done = NULL;
    s->done_at = &s->done;
    s->told = false;
    pthread_mutex_unlock(&s->lock);
    return job;
}

static void tell(struct loop_task *task)
{
    struct teller *teller = LOOP_OWNER(task, struct teller, task);
    struct storage *s = teller->storage;
    struct storage_job *job, *next;

    if (!s) {
        mem_free(teller);
        return;
    }
    job = take_done(s);

    for (; job; job = next) {
        next = job->next;
        if (job->done)
            job->done(job);
        storage_job_free(job);
    }
    s->settled(s->arg);
}

/* What this turn gave is now the thread's. */
static void pass_on(struct storage *s)
{
    loop_timer_cancel(&s->turn);
    if (!s->fresh)
        return;
    pthread_mutex_lock(&s->lock);
    if (!s->first)
        pthread_cond_signal(&s->work);
    *s->last = s->fresh;
    s->last = s->fresh_at;
    pthread_mutex_unlock(&s->lock);
    s->fresh = NULL;
    s->fresh_at = &s->fresh;
}

static void on_turn(struct loop_timer *t)
{
    pass_on(LOOP_OWNER(t, struct storage, turn));
}

/* All of a loop's turn go over at once: the thread would else begin with the
 * first alone, and a commit for one costs what it costs for a hundred. */
void storage_submit(struct storage *s, struct storage_job *job)
{
    job->next = NULL;
    atomic_fetch_add(&s->waiting, job_bytes(job));
    if (!s->fresh)
        loop_timer_arm(&s->turn, 0);
    *s->fresh_at = job;
    s->fresh_at = &job->next;
}

size_t storage_waiting(const struct storage *s)
{
    return atomic_load(&((struct storage *)(uintptr_t)s)->waiting);
}

/* Takes the job out of those done; with the lock. */
static bool take_job(struct storage *s, struct storage_job *job)
{
    struct storage_job **at = &s->done;

    while (*at && *at != job)
        at = &(*at)->next;
    if (!*at)
        return false;
    *at = job->next;
    if (!job->next)
        s->done_at = at;
    return true;
}

int storage_run(struct storage *s, struct storage_job *job, char **reads,
                struct err *err)
{
    int rc;

    job->done = NULL;
    storage_submit(s, job);
    pass_on(s);
    pthread_mutex_lock(&s->lock);
    while (!take_job(s, job))
        pthread_cond_wait(&s->ran, &s->lock);
    pthread_mutex_unlock(&s->lock);
    rc = job->rc;
    if (rc && err)
        *err = job->err;
    for (size_t i = 0; reads && i < job->n; i++) {
        reads[i] = job->steps[i].read;
        job->steps[i].read = NULL;
    }
    storage_job_free(job);
    return rc;
}

/* --- life ----------------------------------------------------------------- */

int storage_open(const char *dir, bool fsync, struct loop *loop,
                 const struct storage_visitor *visitor,
                 void (*settled)(void *arg), void *arg, struct storage **out,
                 struct err *err)
{
    char *path = mem_printf("%s/pubsub.db", dir);
    struct storage_file *file = NULL;
    struct storage *s;
    int rc = storage_file_open(path, fsync, &file, err);

    mem_free(path);
    if (rc == RC_OK)
        rc = storage_file_visit(file, visitor, err);
    if (rc) {
        storage_file_close(file);
        return rc;
    }
    storage_file_shrink(file);
    s = MEM_NEW(struct storage);
    s->file = file;
    s->loop = loop;
    s->settled = settled;
    s->arg = arg;
    s->last = &s->first;
    s->done_at = &s->done;
    s->fresh_at = &s->fresh;
    loop_timer_init(&s->turn, loop, on_turn);
    s->teller = MEM_NEW(struct teller);
    s->teller->task.run = tell;
    s->teller->storage = s;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->work, NULL);
    pthread_cond_init(&s->ran, NULL);
    if (!thread_start(&s->thread, THREAD_STACK, run, s))
        abort(); /* a thread that we chose: as with memory of our own */
    *out = s;
    return RC_OK;
}

void storage_close(struct storage *s)
{
    struct storage_job *job, *next;

    if (!s)
        return;
    pass_on(s);
    loop_timer_fini(&s->turn);
    pthread_mutex_lock(&s->lock);
    s->closing = true;
    pthread_cond_signal(&s->work);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
    s->teller->storage = NULL;
    if (!s->told)
        mem_free(s->teller);
    for (job = take_done(s); job; job = next) {
        next = job->next;
        storage_job_free(job);
    }
    storage_file_close(s->file);
    pthread_cond_destroy(&s->ran);
    pthread_cond_destroy(&s->work);
    pthread_mutex_destroy(&s->lock);
    mem_free(s);
}
