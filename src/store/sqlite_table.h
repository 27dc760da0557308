/* SPDX-License-Identifier: Apache-2.0 */
/* The SQLite file of records: one connection and its statements. Belongs to
 * one thread at a time.
 *
 * After a failure that may have left the connection useless it is dropped and
 * opened again by the next sqlite_table_ready, so that the store comes back by
 * itself once the disk does. */
#ifndef STORE_SQLITE_TABLE_H
#define STORE_SQLITE_TABLE_H

#include "store/store.h"

struct sqlite_table;

enum sqlite_role {
    SQLITE_WRITER,
    SQLITE_READER,
    SQLITE_CHECKPOINTER
};

/* Opens `path`, making file and table and adding the NULLABLE columns that
 * the schema has gained (whichever role comes first). */
RC_MUST_USE int sqlite_table_open(const char *path, const struct schema *schema,
                                  enum sqlite_role role,
                                  struct sqlite_table **out, struct err *err);
void sqlite_table_close(struct sqlite_table *t);

/* Is the file still the one at its path? Opens it again if it was replaced or
 * the connection was dropped; never makes a new one, for what was
 * acknowledged into a deleted file would be lost. */
RC_MUST_USE int sqlite_table_ready(struct sqlite_table *t, struct err *err);

/* One transaction: begin, any number of puts, commit or rollback. Begin waits
 * for another process's write, trying again within half a millisecond, at
 * most two seconds. A failed commit is rolled back; its outcome is unknown. */
RC_MUST_USE int sqlite_table_begin(struct sqlite_table *t, struct err *err);
RC_MUST_USE int sqlite_table_commit(struct sqlite_table *t, struct err *err);
void sqlite_table_rollback(struct sqlite_table *t);
/* A mark within a transaction; then either undo all since, or keep it. */
RC_MUST_USE int sqlite_table_mark(struct sqlite_table *t, struct err *err);
RC_MUST_USE int sqlite_table_undo(struct sqlite_table *t, struct err *err);
RC_MUST_USE int sqlite_table_keep(struct sqlite_table *t, struct err *err);

/* Inserts, or finds what is there. STORE_REJECTED: `detail` (of `size`) says
 * why this row alone cannot be. An error is the transaction's. */
RC_MUST_USE int sqlite_table_put(struct sqlite_table *t, const struct row *row,
                                 enum store_result *result, char *detail,
                                 size_t size, struct err *err);

/* Rows of the query into q->rows. */
RC_MUST_USE int sqlite_table_select(struct sqlite_table *t,
                                    struct store_query *q);
/* Does it answer? */
RC_MUST_USE int sqlite_table_ping(struct sqlite_table *t, struct err *err);

/* Pages in the write-ahead log as of this connection's last commit. */
int sqlite_table_wal_pages(const struct sqlite_table *t);
/* Copies what it can of the log into the file, waiting for nobody; returns
 * the pages that are left. */
int sqlite_table_checkpoint(struct sqlite_table *t);
/* Gives cached pages back. */
void sqlite_table_shrink(struct sqlite_table *t);

#endif
