/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of stores: rows from a few words, and calls that wait for their
 * answer (at most ten seconds) on the test's own loop. */
#ifndef SUPPORT_STORE_CALLS_H
#define SUPPORT_STORE_CALLS_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/mem.h"
#include "store/store.h"

#define BASE_US 1736848800000000 /* 2025-01-14T10:00:00Z */

static inline struct row *make_row(const struct schema *schema, const char *id,
                                   const char *text, int64_t us)
{
    struct value v[16];
    struct row *row;

    for (size_t i = 0; i < 16; i++)
        v[i].kind = VALUE_NULL;
    v[0] = (struct value){VALUE_TEXT, {.s = str_from(id)}};
    if (text)
        v[1] = (struct value){VALUE_TEXT, {.s = str_from(text)}};
    v[2] = (struct value){VALUE_INT, {.i = BASE_US + us}};
    row = row_from_values(schema, v);
    ck_assert_ptr_nonnull(row);
    return row;
}

struct waiting {
    struct loop *loop;
    struct loop_timer limit;
    struct store_insert insert;
    struct store_query query;
    struct store_ping ping;
    bool inside; /* the call has not returned yet */
};

static inline void too_late(struct loop_timer *t)
{
    (void)t;
    ck_abort_msg("no answer within ten seconds");
}

static inline void waiting_over(struct waiting *w)
{
    ck_assert_msg(!w->inside, "answered before the call returned");
    loop_stop(w->loop);
}

static inline void wait_for(struct waiting *w)
{
    w->inside = false;
    loop_timer_init(&w->limit, w->loop, too_late);
    loop_timer_arm(&w->limit, 10000000);
    loop_run(w->loop);
    loop_timer_fini(&w->limit);
}

static inline void insert_over(struct store_insert *op)
{
    waiting_over(LOOP_OWNER(op, struct waiting, insert));
}

static inline void query_over(struct store_query *op)
{
    waiting_over(LOOP_OWNER(op, struct waiting, query));
}

static inline void ping_over(struct store_ping *op)
{
    waiting_over(LOOP_OWNER(op, struct waiting, ping));
}

/* Takes the rows. */
static inline int insert_rows(struct loop *loop, struct store *store,
                              struct row **rows, size_t n, bool atomic,
                              enum store_result *results, struct err *err)
{
    struct waiting w = {.loop = loop, .inside = true};

    w.insert = (struct store_insert){.loop = loop,
                                     .done = insert_over,
                                     .rows = rows,
                                     .n_rows = n,
                                     .atomic = atomic,
                                     .results = results};
    store_insert(store, &w.insert);
    wait_for(&w);
    for (size_t i = 0; i < n; i++)
        row_unref(rows[i]);
    if (err)
        *err = w.insert.err;
    return w.insert.rc;
}

static inline int insert_one(struct loop *loop, struct store *store,
                             struct row *row, enum store_result *result)
{
    return insert_rows(loop, store, &row, 1, false, result, NULL);
}

/* `q` as for store_query; its `rows` are the caller's. */
static inline int query_rows(struct loop *loop, struct store *store,
                             struct store_query *q)
{
    struct waiting w = {.loop = loop, .inside = true};

    w.query = *q;
    w.query.loop = loop;
    w.query.done = query_over;
    store_query(store, &w.query);
    wait_for(&w);
    *q = w.query;
    return w.query.rc;
}

static inline int ping_store(struct loop *loop, struct store *store,
                             struct err *err)
{
    struct waiting w = {.loop = loop, .inside = true};

    w.ping = (struct store_ping){.loop = loop, .done = ping_over};
    store_ping(store, &w.ping);
    wait_for(&w);
    if (err)
        *err = w.ping.err;
    return w.ping.rc;
}

/* "c,b,a": the ids of an answer, which is consumed. */
static inline const char *ids_of(struct store_query *q, char *out, size_t size)
{
    size_t at = 0;

    out[0] = '\0';
    for (size_t i = 0; i < q->rows.n && at < size; i++)
        at += (size_t)snprintf(out + at, size - at, "%s%.*s", i ? "," : "",
                               STR_ARG(q->rows.rows[i]->id));
    row_list_fini(&q->rows);
    return out;
}

#endif
