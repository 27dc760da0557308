/* SPDX-License-Identifier: Apache-2.0 */
/* The SQLite file of records: one connection and its statements. The only
 * file that knows sqlite3 is sqlite_table.c. A table belongs to one thread. */
#ifndef STORE_SQLITE_TABLE_H
#define STORE_SQLITE_TABLE_H

#include "store/store.h"

struct sqlite_table;

/* Opens `path`; a writer also creates file and table, and adds NULLABLE
 * columns that the schema has gained. */
RC_MUST_USE int sqlite_table_open(const char *path, const struct schema *schema,
                                  bool is_writer, struct sqlite_table **out,
                                  struct err *err);
void sqlite_table_close(struct sqlite_table *t);

/* One transaction: begin, any number of inserts, commit or rollback. Begin
 * waits for another process's write, retrying within half a millisecond, at
 * most two seconds. */
RC_MUST_USE int sqlite_table_begin(struct sqlite_table *t, struct err *err);
RC_MUST_USE int sqlite_table_commit(struct sqlite_table *t, struct err *err);
void sqlite_table_rollback(struct sqlite_table *t);
/* Marks within a transaction, to undo one operation of many. */
RC_MUST_USE int sqlite_table_mark(struct sqlite_table *t, struct err *err);
RC_MUST_USE int sqlite_table_undo_mark(struct sqlite_table *t, struct err *err);
/* Inserts, or finds what is there: *result STORED, DUPLICATE or CONFLICT. */
RC_MUST_USE int sqlite_table_put(struct sqlite_table *t, const struct row *row,
                                 enum store_result *result, struct err *err);

/* Rows of the query into q->rows. */
RC_MUST_USE int sqlite_table_select(struct sqlite_table *t,
                                    struct store_query *q);
/* Is the file still the one that was opened, and does it answer? */
RC_MUST_USE int sqlite_table_check(struct sqlite_table *t, struct err *err);

#endif
