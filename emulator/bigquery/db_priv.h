/* SPDX-License-Identifier: Apache-2.0 */
/* What db.c and db_state.c share. */
#ifndef EMULATOR_BIGQUERY_DB_PRIV_H
#define EMULATOR_BIGQUERY_DB_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "emulator/bigquery/db.h"

struct dbs {
    char *path;
    bool nameless;
    bool fsync, full;     /* asked for; the writer is set so now */
    atomic_bool is_stuck; /* the disk took no write, and none since */
    const char *unsynced;
    pthread_mutex_t lock; /* of the next two, held for a moment */
    pthread_cond_t freed;
    bool is_lent; /* the writer */
    struct db writer;
    size_t bulk_rows; /* so far, db_bulk */
    struct db *readers;
    unsigned n_readers;
};

/* Makes the service's own tables, or checks that they are of our form. */
RC_MUST_USE int db_layout(struct dbs *all, struct err *err);

/* Lends the writer to this thread; false: not within `wait_us` (negative: as
 * long as it takes). */
bool db_lend(struct dbs *all, int64_t wait_us);
void db_take_back(struct dbs *all);

#endif
