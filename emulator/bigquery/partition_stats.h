/* SPDX-License-Identifier: Apache-2.0 */
/* How many rows and bytes a table and each of its partitions hold: kept as
 * rows stream in, counted anew when something else changed the table.
 * Threads: that of the connection. */
#ifndef EMULATOR_BIGQUERY_PARTITION_STATS_H
#define EMULATOR_BIGQUERY_PARTITION_STATS_H

#include "emulator/bigquery/table.h"

struct buf;
struct sql_column;
struct sql_info_sink;
struct sql_ref;

/* Adds what a batch brought to one partition (any id if the table has none)
 * and to the table. `w` is the writer. */
RC_MUST_USE int partition_add(struct db *w, const struct table *t, int64_t id,
                              int64_t n_rows, int64_t n_bytes, int64_t now_us,
                              struct fail *f);
/* The table was changed by SQL: what it holds is not known until counted. */
RC_MUST_USE int partition_forget(struct db *w, const struct table *t,
                                 int64_t now_us, struct fail *f);
/* Rows were added by SQL, none changed: counts those behind the rowid `after`,
 * what table_last_row told before; or forgets, where that is not known. */
RC_MUST_USE int partition_grown(struct db *w, const struct table *t,
                                int64_t after, int64_t now_us, struct fail *f);
/* Counts now what partition_forget left open, on the writer; fills t. */
RC_MUST_USE int partition_count(struct db *w, struct table *t, struct fail *f);
/* The same, on the reader `db`: what it finds is not kept. */
RC_MUST_USE int partition_look(struct db *db, struct table *t, struct fail *f);
/* The same, on the writer borrowed for it; `db` reads. Not `wait`: RC_BUSY, and
 * `f` not set, where a long statement has the writer. */
RC_MUST_USE int partition_keep(struct db *db, struct table *t, bool wait,
                               struct fail *f);
/* Makes t->n_rows and t->n_bytes known, counting if need be; keeps what it
 * finds unless a long statement has the writer. */
RC_MUST_USE int partition_known(struct db *db, struct table *t, struct fail *f);
/* Bytes that a query reads of a table: the columns it names, in the partitions
 * of `low`..`high`. `exact`: every row is looked at (a dry run does); else the
 * columns' shares are those of some rows. */
int64_t partition_bytes(struct db *db, const struct sql_ref *ref, bool exact);
/* Whether the bounds of `ref` leave so large a part of its rows that they are
 * read faster as they lie than by way of the index on the partition column. An
 * estimate: within a partition rows are taken for evenly spread. */
bool partition_is_wide(struct db *db, const struct sql_ref *ref);
/* Appends SQLite text: the bytes that one row's value in `c` counts for (page
 * "Estimate and control costs", data size calculation). */
void partition_put_size(struct buf *sql, const struct sql_column *c);
/* Rows of INFORMATION_SCHEMA.PARTITIONS. What is not counted is counted first;
 * `*counted` is set if another connection did that, and a snapshot in which
 * `db` reads does not see it. */
RC_MUST_USE int partition_info(struct db *db, struct str project,
                               struct str dataset, struct sql_info_sink *sink,
                               bool *counted);

#endif
