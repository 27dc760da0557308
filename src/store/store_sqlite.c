/* SPDX-License-Identifier: Apache-2.0 */
/* The store on SQLite: a writer thread that commits in groups (all that is
 * queued goes into one transaction, so one fsync serves many), a reader thread,
 * and one that copies the write-ahead log into the file so that no commit
 * waits for it. Each has a connection of its own. */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/thread.h"
#include "store/sqlite_table.h"
#include "store/store_priv.h"

enum {
    GROUP_ROWS = 10000, /* a transaction takes no more, unless one call has */
    THREAD_STACK = 512 * 1024,
    QUIET_MS = 1000,       /* then caches are given back */
    LOG_PAGES = 1000,      /* of 4 KiB: time to copy */
    LOG_PAGES_MAX = 16384, /* the writer itself lends a hand */
    STREAK_US = 8000,      /* of back-to-back transactions, then a breath */
    BREATH_US = 150,
};

struct sqlite_store {
    struct sqlite_table *writer, *reader, *copier;
    pthread_t writer_thread, reader_thread, copier_thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t to_write, to_read, to_copy;
    struct store_insert *inserts, **last_insert;
    struct store_query *queries, **last_query;
    struct store_ping *pings, **last_ping;
    bool copy_due, closing;
};

/* Waits for the condition; after a second of quiet once false. */
static bool wait_quietly(struct sqlite_store *s, pthread_cond_t *cond,
                         bool forever)
{
    struct timespec until;

    if (forever) {
        pthread_cond_wait(cond, &s->lock);
        return true;
    }
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += QUIET_MS / 1000;
    return pthread_cond_timedwait(cond, &s->lock, &until) != ETIMEDOUT;
}

static void nap(long us)
{
    struct timespec t = {0, us * 1000};

    nanosleep(&t, NULL);
}

/* --- writing -------------------------------------------------------------- */

/* One operation within the open transaction: its own trouble goes into
 * op->rc; returns RC_OK unless the transaction is lost. */
static int put_rows(struct sqlite_store *s, struct store_insert *op,
                    struct err *err)
{
    /* one row is all or nothing by itself */
    bool marked = op->atomic && op->n_rows > 1;
    size_t conflict = SIZE_MAX, rejected = SIZE_MAX;
    int rc = marked ? sqlite_table_mark(s->writer, err) : RC_OK;

    for (size_t i = 0; rc == RC_OK && i < op->n_rows; i++) {
        rc = sqlite_table_put(s->writer, op->rows[i], &op->results[i],
                              op->detail, sizeof(op->detail), err);
        if (rc != RC_OK)
            return rc;
        if (op->results[i] == STORE_CONFLICT && conflict == SIZE_MAX)
            conflict = i;
        if (op->results[i] == STORE_REJECTED && rejected == SIZE_MAX)
            rejected = i;
    }
    if (rc != RC_OK)
        return rc;
    if (op->atomic && conflict != SIZE_MAX)
        op->rc =
            err_set(&op->err, RC_CONFLICT,
                    "the id of row %zu is taken by another content", conflict);
    else if (op->atomic && rejected != SIZE_MAX)
        op->rc = err_set(&op->err, RC_SCHEMA, "row %zu is refused: %s",
                         rejected, op->detail);
    if (!marked)
        return RC_OK;
    return op->rc == RC_OK ? sqlite_table_keep(s->writer, err)
                           : sqlite_table_undo(s->writer, err);
}

/* Takes the operations that one transaction should hold. */
static struct store_insert *take_group(struct sqlite_store *s)
{
    struct store_insert *first = s->inserts, *op = first;
    size_t rows = op->n_rows;

    while (op->next && rows + op->next->n_rows <= GROUP_ROWS) {
        op = op->next;
        rows += op->n_rows;
    }
    s->inserts = op->next;
    if (!s->inserts)
        s->last_insert = &s->inserts;
    op->next = NULL;
    return first;
}

static int write_rows(struct sqlite_store *s, struct store_insert *first,
                      struct err *err)
{
    int rc = sqlite_table_ready(s->writer, err);

    if (rc == RC_OK)
        rc = sqlite_table_begin(s->writer, err);
    if (rc != RC_OK)
        return rc;
    for (struct store_insert *op = first; rc == RC_OK && op; op = op->next)
        rc = put_rows(s, op, err);
    if (rc == RC_OK)
        return sqlite_table_commit(s->writer, err);
    sqlite_table_rollback(s->writer);
    return rc;
}

static void write_group(struct sqlite_store *s, struct store_insert *first)
{
    struct err err = {.rc = RC_OK};
    int rc = write_rows(s, first, &err);

    if (rc != RC_OK)
        LOG_W("%s", err.text);
    for (struct store_insert *op = first; rc != RC_OK && op; op = op->next) {
        op->rc = rc;
        op->err = err;
    }
    store_answer_inserts(first);
    if (sqlite_table_wal_pages(s->writer) >= LOG_PAGES_MAX)
        sqlite_table_checkpoint(s->writer);
}

/* Wakes the copier; with the lock. */
static void ask_for_copy(struct sqlite_store *s)
{
    s->copy_due = true;
    pthread_cond_signal(&s->to_copy);
}

static void *run_writer(void *arg)
{
    struct sqlite_store *s = arg;
    int64_t streak_since_us = 0;
    bool is_clean = true; /* nothing to give back */

    prctl(PR_SET_TIMERSLACK, 1000);
    pthread_mutex_lock(&s->lock);
    while (s->inserts || !s->closing) {
        struct store_insert *group;
        if (!s->inserts) {
            streak_since_us = 0;
            if (wait_quietly(s, &s->to_write, is_clean) || s->inserts)
                continue;
            is_clean = true;
            ask_for_copy(s);
            pthread_mutex_unlock(&s->lock);
            sqlite_table_shrink(s->writer);
            malloc_trim(0);
            pthread_mutex_lock(&s->lock);
            continue;
        }
        group = take_group(s);
        pthread_mutex_unlock(&s->lock);
        /* Another process waits for its turn by trying: leave it a gap. */
        if (!streak_since_us) {
            streak_since_us = clock_mono_us();
        } else if (clock_mono_us() - streak_since_us > STREAK_US) {
            nap(BREATH_US);
            streak_since_us = clock_mono_us();
        }
        write_group(s, group);
        is_clean = false;
        pthread_mutex_lock(&s->lock);
        if (sqlite_table_wal_pages(s->writer) >= LOG_PAGES)
            ask_for_copy(s);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

static void *run_copier(void *arg)
{
    struct sqlite_store *s = arg;

    pthread_mutex_lock(&s->lock);
    while (!s->closing) {
        struct err err;
        if (!s->copy_due) {
            pthread_cond_wait(&s->to_copy, &s->lock);
            continue;
        }
        s->copy_due = false;
        pthread_mutex_unlock(&s->lock);
        if (sqlite_table_ready(s->copier, &err) == RC_OK)
            sqlite_table_checkpoint(s->copier);
        sqlite_table_shrink(s->copier);
        pthread_mutex_lock(&s->lock);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* --- reading -------------------------------------------------------------- */

static void answer_query(struct sqlite_store *s, struct store_query *op)
{
    op->rc = sqlite_table_select(s->reader, op);
    if (op->rc != RC_OK) {
        row_list_fini(&op->rows);
        op->cut = false;
    }
    store_answer_query(op);
}

static void answer_ping(struct sqlite_store *s, struct store_ping *op)
{
    op->rc = sqlite_table_ready(s->reader, &op->err);
    if (op->rc == RC_OK)
        op->rc = sqlite_table_ping(s->reader, &op->err);
    store_answer_ping(op);
}

static void *run_reader(void *arg)
{
    struct sqlite_store *s = arg;
    bool is_clean = true;

    pthread_mutex_lock(&s->lock);
    for (;;) {
        struct store_query *query = s->queries;
        struct store_ping *ping = s->pings;
        if (!query && !ping) {
            if (s->closing)
                break;
            if (!wait_quietly(s, &s->to_read, is_clean)) {
                is_clean = true;
                pthread_mutex_unlock(&s->lock);
                sqlite_table_shrink(s->reader);
                pthread_mutex_lock(&s->lock);
            }
            continue;
        }
        if (query && !(s->queries = query->next))
            s->last_query = &s->queries;
        if (ping && !(s->pings = ping->next))
            s->last_ping = &s->pings;
        pthread_mutex_unlock(&s->lock);
        is_clean = is_clean && !query; /* a ping holds two pages */
        if (ping)
            answer_ping(s, ping);
        if (query)
            answer_query(s, query);
        pthread_mutex_lock(&s->lock);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* --- the interface -------------------------------------------------------- */

static void sqlite_insert(void *self, struct store_insert *op)
{
    struct sqlite_store *s = self;

    pthread_mutex_lock(&s->lock);
    if (!s->inserts)
        pthread_cond_signal(&s->to_write);
    *s->last_insert = op;
    s->last_insert = &op->next;
    pthread_mutex_unlock(&s->lock);
}

static void sqlite_query(void *self, struct store_query *op)
{
    struct sqlite_store *s = self;

    pthread_mutex_lock(&s->lock);
    *s->last_query = op;
    s->last_query = &op->next;
    pthread_cond_signal(&s->to_read);
    pthread_mutex_unlock(&s->lock);
}

static void sqlite_ping(void *self, struct store_ping *op)
{
    struct sqlite_store *s = self;

    pthread_mutex_lock(&s->lock);
    *s->last_ping = op;
    s->last_ping = &op->next;
    pthread_cond_signal(&s->to_read);
    pthread_mutex_unlock(&s->lock);
}

static void close_tables(struct sqlite_store *s)
{
    sqlite_table_close(s->copier);
    sqlite_table_close(s->reader);
    /* last: closing the last connection copies and removes the log */
    sqlite_table_close(s->writer);
}

static void sqlite_close(void *self)
{
    struct sqlite_store *s = self;

    pthread_mutex_lock(&s->lock);
    s->closing = true;
    pthread_cond_signal(&s->to_write);
    pthread_cond_signal(&s->to_read);
    pthread_cond_signal(&s->to_copy);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->writer_thread, NULL);
    pthread_join(s->reader_thread, NULL);
    pthread_join(s->copier_thread, NULL);
    close_tables(s);
    pthread_cond_destroy(&s->to_copy);
    pthread_cond_destroy(&s->to_read);
    pthread_cond_destroy(&s->to_write);
    pthread_mutex_destroy(&s->lock);
    mem_free(s);
}

static const struct store_ops sqlite_ops = {
    .name = "sqlite",
    .insert = sqlite_insert,
    .query = sqlite_query,
    .ping = sqlite_ping,
    .close = sqlite_close,
};

static bool start_threads(struct sqlite_store *s)
{
    return thread_start(&s->writer_thread, THREAD_STACK, run_writer, s) &&
           thread_start(&s->reader_thread, THREAD_STACK, run_reader, s) &&
           thread_start(&s->copier_thread, THREAD_STACK, run_copier, s);
}

static void init_sync(struct sqlite_store *s)
{
    pthread_condattr_t attr;

    s->last_insert = &s->inserts;
    s->last_query = &s->queries;
    s->last_ping = &s->pings;
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&s->to_write, &attr);
    pthread_cond_init(&s->to_read, &attr);
    pthread_cond_init(&s->to_copy, &attr);
    pthread_condattr_destroy(&attr);
}

int store_open_sqlite(const char *path, const struct schema *schema,
                      struct store **out, struct err *err)
{
    struct sqlite_store *s;
    int rc;

    if (!path || !*path || strchr(path, ':') == path)
        return err_set(err, RC_INVALID,
                       "the SQLite store needs a file: sqlite:PATH");
    s = MEM_NEW(struct sqlite_store);
    rc = sqlite_table_open(path, schema, SQLITE_WRITER, &s->writer, err);
    if (rc == RC_OK)
        rc = sqlite_table_open(path, schema, SQLITE_READER, &s->reader, err);
    if (rc == RC_OK)
        rc = sqlite_table_open(path, schema, SQLITE_CHECKPOINTER, &s->copier,
                               err);
    if (rc != RC_OK) {
        close_tables(s);
        mem_free(s);
        return rc;
    }
    init_sync(s);
    if (!start_threads(s))
        abort(); /* threads that we chose: as with memory of our own */
    *out = store_new(&sqlite_ops, s);
    return RC_OK;
}
