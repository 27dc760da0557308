/* SPDX-License-Identifier: Apache-2.0 */
/* Which insertIds a table has had within the last minute. In memory for the
 * asking, and a row a batch on disk (table `recent`), so that a restart
 * forgets none. Best effort as BigQuery's: past DEDUP_MAX ids in a minute the
 * oldest go early.
 *
 * Ids are remembered as 128 bits of hash. Threads: whoever has the writer. */
#ifndef EMULATOR_BIGQUERY_DEDUP_H
#define EMULATOR_BIGQUERY_DEDUP_H

#include "common/rc.h"
#include "common/str.h"

struct db;
struct dedup;

#define DEDUP_US (60 * 1000000LL)

enum {
    DEDUP_MAX = 1 << 20, /* of each of two generations */
    DEDUP_ID_BYTES = 16
};

struct dedup_id {
    uint64_t a, b; /* never both 0 */
};
struct dedup_id dedup_hash(int64_t table, struct str insert_id);

struct dedup *dedup_new(void);
void dedup_free(struct dedup *d);
void dedup_clear(struct dedup *d);
/* Reads what is on disk and young enough. */
RC_MUST_USE int dedup_load(struct dedup *d, struct db *w, int64_t now_us,
                           struct err *err);

/* Was it there within the last minute? If not, it is now. */
bool dedup_add(struct dedup *d, struct dedup_id id, int64_t now_us);
/* It was not inserted after all. */
void dedup_remove(struct dedup *d, struct dedup_id id);
/* The ids of a batch, to disk; drops what is too old there. */
RC_MUST_USE int dedup_store(struct db *w, int64_t table,
                            const struct dedup_id *ids, size_t n,
                            int64_t now_us, struct err *err);

#endif
