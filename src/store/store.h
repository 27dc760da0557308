/* SPDX-License-Identifier: Apache-2.0 */
/* The table of records. One interface; SQLite now, BigQuery beside it.
 *
 * Calls return at once; `done` fires exactly once, on the loop given in the
 * operation, never before the call returned. An operation is embedded by its
 * caller and must stay alive until `done`. Threads: any loop may call.
 *
 * Promises (contract 4.1 - 4.3): `done` of an insert reports STORE_STORED
 * only after the commit is durable; one record an id, first write wins;
 * a query never returns an id twice. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "common/loop.h"
#include "common/rc.h"
#include "schema/row.h"

struct store;

enum {
    STORE_LIMIT_MAX = 1001,
    STORE_QUERY_MAX_BYTES = 12 * 1024 * 1024 /* over the API's page */
};

enum store_result {
    STORE_STORED,    /* new, committed */
    STORE_DUPLICATE, /* the same record was there already */
    STORE_CONFLICT,  /* the id is taken by another content */
    STORE_REJECTED   /* the store refuses this row alone; see `detail` */
};

struct store_insert {
    /* in */
    struct loop *loop;
    void (*done)(struct store_insert *op);
    struct row **rows; /* borrowed until done */
    size_t n_rows;
    /* All or nothing: if a row is in conflict or rejected (also with another
     * row of this call), nothing of this call is stored and `rc` is
     * RC_CONFLICT or RC_SCHEMA with `results` telling which (the other rows'
     * results are what they would have been). */
    bool atomic;
    /* out */
    int rc; /* RC_OK: `results` are true. RC_UNAVAILABLE, RC_TIMEOUT: the
             * store is down or the outcome unknown; repeat the call */
    struct err err;
    enum store_result *results; /* caller's array of n_rows */
    char detail[160];           /* of the first STORE_REJECTED */
    /* private to the store */
    struct loop_task task;
    struct store_insert *next;
    struct store *store;
    int64_t started_us;
};

/* Rows newest first: timestamp descending, id ascending bytewise. */
struct store_query {
    /* in; a zeroed structure with limit set means "the newest `limit`" */
    struct loop *loop;
    void (*done)(struct store_query *op);
    size_t limit; /* 1 .. 1001 */
    bool has_since, has_until, has_after;
    int64_t since_us;    /* inclusive */
    int64_t until_us;    /* exclusive */
    struct str id;       /* p != NULL: only this id; borrowed */
    int64_t after_us;    /* strictly after (after_us, after_id) in that order */
    struct str after_id; /* borrowed */
    /* out */
    int rc;
    struct err err;
    struct row_list rows; /* caller calls row_list_fini */
    bool cut; /* ended before `limit` for its size (STORE_QUERY_MAX_BYTES of
               * JSON): more rows may follow the last one */
    /* private */
    struct loop_task task;
    struct store_query *next;
    struct store *store;
    int64_t started_us;
};

/* Is the store there? A free call (no bytes billed). */
struct store_ping {
    struct loop *loop;
    void (*done)(struct store_ping *op);
    int rc;
    struct err err;
    struct loop_task task;
    struct store_ping *next;
    struct store *store;
    int64_t started_us;
};

/* One implementation. `self` is its own structure. */
struct store_ops {
    const char *name; /* label of metrics: sqlite, bigquery */
    void (*insert)(void *self, struct store_insert *op);
    void (*query)(void *self, struct store_query *op);
    void (*ping)(void *self, struct store_ping *op);
    /* Finishes what was accepted, then frees. Blocks; loops still run or not
     * is the same to it: pending `done` calls are posted. */
    void (*close)(void *self);
};

/* `schema` is borrowed for the store's life. */
RC_MUST_USE int store_open_sqlite(const char *path, const struct schema *schema,
                                  struct store **out, struct err *err);

/* Argument checks and timing, then the implementation. */
void store_insert(struct store *store, struct store_insert *op);
void store_query(struct store *store, struct store_query *op);
void store_ping(struct store *store, struct store_ping *op);
void store_close(struct store *store);
const char *store_name(const struct store *store);

/* Tells each call's end: "insert", "query" or "ping", its result code and the
 * time from call to answer. Start-up only; `fn` is called on the store's
 * threads, one at a time for each op name. */
void store_set_observer(struct store *store,
                        void (*fn)(void *arg, const char *op, int rc,
                                   int64_t us),
                        void *arg);

/* For implementations (see also store_priv.h): wraps ops and self. */
struct store *store_new(const struct store_ops *ops, void *self);

#endif
