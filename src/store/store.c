/* SPDX-License-Identifier: Apache-2.0 */
/* What every store shares: the wrapper, checks of arguments, time taken, and
 * the way back to the caller's loop. */
#include "store/store.h"

#include <stddef.h>

#include "common/clock.h"
#include "common/mem.h"
#include "store/store_priv.h"

struct store {
    const struct store_ops *ops;
    void *self;
    void (*observe)(void *arg, const char *op, int rc, int64_t us);
    void *observe_arg;
};

struct store *store_new(const struct store_ops *ops, void *self)
{
    struct store *store = MEM_NEW(struct store);

    store->ops = ops;
    store->self = self;
    return store;
}

void store_set_observer(struct store *store,
                        void (*fn)(void *arg, const char *op, int rc,
                                   int64_t us),
                        void *arg)
{
    store->observe = fn;
    store->observe_arg = arg;
}

void *store_self(const struct store *store)
{
    return store->self;
}

const char *store_name(const struct store *store)
{
    return store->ops->name;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    store->ops->close(store->self);
    mem_free(store);
}

/* --- the way back --------------------------------------------------------- */

static void observe(const struct store *store, const char *op, int rc,
                    int64_t started_us)
{
    if (store->observe)
        store->observe(store->observe_arg, op, rc,
                       clock_mono_us() - started_us);
}

/* One task tells a whole list that was chained by `next`. */
static void tell_inserts(struct loop_task *task)
{
    struct store_insert *op = LOOP_OWNER(task, struct store_insert, task);

    while (op) {
        struct store_insert *next = op->next; /* `done` may free it */
        op->done(op);
        op = next;
    }
}

static void tell_query(struct loop_task *task)
{
    struct store_query *op = LOOP_OWNER(task, struct store_query, task);

    op->done(op);
}

static void tell_ping(struct loop_task *task)
{
    struct store_ping *op = LOOP_OWNER(task, struct store_ping, task);

    op->done(op);
}

void store_answer_inserts(struct store_insert *list)
{
    for (struct store_insert *op = list; op; op = op->next)
        observe(op->store, "insert", op->rc, op->started_us);
    while (list) {
        struct store_insert *mine = list, **mine_end = &mine->next;
        struct store_insert *rest = NULL, **rest_end = &rest;
        /* few loops: one pass for each */
        for (struct store_insert *op = list->next; op; op = op->next) {
            struct store_insert ***end =
                op->loop == mine->loop ? &mine_end : &rest_end;
            **end = op;
            *end = &op->next;
        }
        *mine_end = NULL;
        *rest_end = NULL;
        mine->task.run = tell_inserts;
        loop_post(mine->loop, &mine->task);
        list = rest;
    }
}

void store_answer_query(struct store_query *op)
{
    observe(op->store, "query", op->rc, op->started_us);
    op->task.run = tell_query;
    loop_post(op->loop, &op->task);
}

void store_answer_ping(struct store_ping *op)
{
    observe(op->store, "ping", op->rc, op->started_us);
    op->task.run = tell_ping;
    loop_post(op->loop, &op->task);
}

/* --- the way in ----------------------------------------------------------- */

void store_insert(struct store *store, struct store_insert *op)
{
    op->rc = RC_OK;
    op->err = (struct err){.rc = RC_OK};
    op->detail[0] = '\0';
    op->next = NULL;
    op->store = store;
    op->started_us = clock_mono_us();
    if (op->n_rows == 0) {
        op->rc = err_set(&op->err, RC_INVALID, "there are no rows to store");
        store_answer_inserts(op);
        return;
    }
    store->ops->insert(store->self, op);
}

void store_query(struct store *store, struct store_query *op)
{
    op->rc = RC_OK;
    op->err = (struct err){.rc = RC_OK};
    op->rows = (struct row_list){.rows = NULL};
    op->cut = false;
    op->next = NULL;
    op->store = store;
    op->started_us = clock_mono_us();
    if (op->limit < 1 || op->limit > STORE_LIMIT_MAX) {
        op->rc =
            err_set(&op->err, RC_INVALID, "a query takes 1 to %d rows, not %zu",
                    STORE_LIMIT_MAX, op->limit);
        store_answer_query(op);
        return;
    }
    store->ops->query(store->self, op);
}

void store_ping(struct store *store, struct store_ping *op)
{
    op->rc = RC_OK;
    op->err = (struct err){.rc = RC_OK};
    op->next = NULL;
    op->store = store;
    op->started_us = clock_mono_us();
    store->ops->ping(store->self, op);
}
