/* SPDX-License-Identifier: Apache-2.0 */
/* The store on SQLite: a writer thread that commits in groups (all that is
 * queued goes into one transaction, so that one fsync serves many) and a
 * reader thread beside it, each with a connection of its own. */
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>

#include "common/mem.h"
#include "store/sqlite_table.h"
#include "store/store.h"

enum {
    GROUP_ROWS = 10000
}; /* rows that one transaction takes at most */

struct sqlite_store {
    struct sqlite_table *writer, *reader;
    pthread_t writer_thread, reader_thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t to_write, to_read;
    struct store_insert *inserts, **last_insert;
    struct store_query *queries, **last_query;
    struct store_ping *pings, **last_ping;
    bool closing;
};

static void insert_done(struct loop_task *task)
{
    struct store_insert *op = LOOP_OWNER(task, struct store_insert, task);
    op->done(op);
}

static void query_done(struct loop_task *task)
{
    struct store_query *op = LOOP_OWNER(task, struct store_query, task);
    op->done(op);
}

static void ping_done(struct loop_task *task)
{
    struct store_ping *op = LOOP_OWNER(task, struct store_ping, task);
    op->done(op);
}

/* --- writing ----------------------------------------------------------------
 */

/* One operation within the open transaction. Its own trouble goes into op->rc;
 * returns RC_OK unless the transaction is lost. */
static int put_rows(struct sqlite_store *s, struct store_insert *op)
{
    bool conflict = false, stored = false;
    int rc = op->atomic ? sqlite_table_mark(s->writer, &op->err) : RC_OK;

    for (size_t i = 0; rc == RC_OK && i < op->n_rows; i++) {
        rc =
            sqlite_table_put(s->writer, op->rows[i], &op->results[i], &op->err);
        if (rc == RC_OK) {
            conflict = conflict || op->results[i] == STORE_CONFLICT;
            stored = stored || op->results[i] == STORE_STORED;
        }
    }
    if (rc != RC_OK || !op->atomic || !conflict)
        return rc;
    if (stored)
        rc = sqlite_table_undo_mark(s->writer, &op->err);
    if (rc == RC_OK)
        op->rc =
            err_set(&op->err, RC_CONFLICT, "an id is taken by another content");
    return rc;
}

/* Takes the longest run of operations that one transaction should hold. */
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

static void write_group(struct sqlite_store *s, struct store_insert *first)
{
    struct err err = {.rc = RC_OK};
    int rc = sqlite_table_begin(s->writer, &err);

    for (struct store_insert *op = first; rc == RC_OK && op; op = op->next) {
        rc = put_rows(s, op);
        if (rc != RC_OK)
            err = op->err;
    }
    if (rc == RC_OK)
        rc = sqlite_table_commit(s->writer, &err);
    else
        sqlite_table_rollback(s->writer);
    for (struct store_insert *op = first, *next; op; op = next) {
        next = op->next; /* `done` may free the operation */
        if (rc != RC_OK) {
            op->rc = rc;
            op->err = err;
        }
        op->task.run = insert_done;
        loop_post(op->loop, &op->task);
    }
}

static void *run_writer(void *arg)
{
    struct sqlite_store *s = arg;

    pthread_mutex_lock(&s->lock);
    for (;;) {
        while (!s->inserts && !s->closing)
            pthread_cond_wait(&s->to_write, &s->lock);
        if (!s->inserts)
            break;
        {
            struct store_insert *group = take_group(s);
            pthread_mutex_unlock(&s->lock);
            write_group(s, group);
            pthread_mutex_lock(&s->lock);
        }
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* --- reading ----------------------------------------------------------------
 */

static void answer_query(struct sqlite_store *s, struct store_query *op)
{
    op->rc = sqlite_table_select(s->reader, op);
    if (op->rc != RC_OK)
        row_list_fini(&op->rows);
    op->task.run = query_done;
    loop_post(op->loop, &op->task);
}

static void answer_ping(struct sqlite_store *s, struct store_ping *op)
{
    op->rc = sqlite_table_check(s->reader, &op->err);
    op->task.run = ping_done;
    loop_post(op->loop, &op->task);
}

static void *run_reader(void *arg)
{
    struct sqlite_store *s = arg;

    pthread_mutex_lock(&s->lock);
    for (;;) {
        struct store_query *query = s->queries;
        struct store_ping *ping = s->pings;
        if (!query && !ping) {
            if (s->closing)
                break;
            pthread_cond_wait(&s->to_read, &s->lock);
            continue;
        }
        if (query && !(s->queries = query->next))
            s->last_query = &s->queries;
        if (ping && !(s->pings = ping->next))
            s->last_ping = &s->pings;
        pthread_mutex_unlock(&s->lock);
        if (query)
            answer_query(s, query);
        if (ping)
            answer_ping(s, ping);
        pthread_mutex_lock(&s->lock);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* --- the interface
 * ------------------------------------------------------------ */

static void sqlite_insert(void *self, struct store_insert *op)
{
    struct sqlite_store *s = self;

    op->next = NULL;
    pthread_mutex_lock(&s->lock);
    *s->last_insert = op;
    s->last_insert = &op->next;
    pthread_cond_signal(&s->to_write);
    pthread_mutex_unlock(&s->lock);
}

static void sqlite_query(void *self, struct store_query *op)
{
    struct sqlite_store *s = self;

    op->next = NULL;
    pthread_mutex_lock(&s->lock);
    *s->last_query = op;
    s->last_query = &op->next;
    pthread_cond_signal(&s->to_read);
    pthread_mutex_unlock(&s->lock);
}

static void sqlite_ping(void *self, struct store_ping *op)
{
    struct sqlite_store *s = self;

    op->next = NULL;
    pthread_mutex_lock(&s->lock);
    *s->last_ping = op;
    s->last_ping = &op->next;
    pthread_cond_signal(&s->to_read);
    pthread_mutex_unlock(&s->lock);
}

static void sqlite_close(void *self)
{
    struct sqlite_store *s = self;

    pthread_mutex_lock(&s->lock);
    s->closing = true;
    pthread_cond_signal(&s->to_write);
    pthread_cond_signal(&s->to_read);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->writer_thread, NULL);
    pthread_join(s->reader_thread, NULL);
    sqlite_table_close(s->reader);
    sqlite_table_close(s->writer);
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

int store_open_sqlite(const char *path, const struct schema *schema,
                      struct store **out, struct err *err)
{
    struct sqlite_store *s = MEM_NEW(struct sqlite_store);
    int rc = sqlite_table_open(path, schema, true, &s->writer, err);

    if (rc == RC_OK)
        rc = sqlite_table_open(path, schema, false, &s->reader, err);
    if (rc != RC_OK) {
        sqlite_table_close(s->writer);
        mem_free(s);
        return rc;
    }
    s->last_insert = &s->inserts;
    s->last_query = &s->queries;
    s->last_ping = &s->pings;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->to_write, NULL);
    pthread_cond_init(&s->to_read, NULL);
    if (pthread_create(&s->writer_thread, NULL, run_writer, s) != 0 ||
        pthread_create(&s->reader_thread, NULL, run_reader, s) != 0)
        abort(); /* a thread that we chose: as with memory of our own */
    *out = store_new(&sqlite_ops, s);
    return RC_OK;
}
