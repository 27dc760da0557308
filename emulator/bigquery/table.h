/* SPDX-License-Identifier: Apache-2.0 */
/* A table's record in the store: found, made, changed, removed, together with
 * the SQLite table of its rows.
 *
 * A row's values lie as GoogleSQL's engine wants them (sql/README.md); the
 * column's SQLite table has an index on the partition column and one on the
 * clustering columns. Ingestion-time tables have a column _PARTITIONTIME.
 * Threads: that of the connection. */
#ifndef EMULATOR_BIGQUERY_TABLE_H
#define EMULATOR_BIGQUERY_TABLE_H

#include <jansson.h>

#include "emulator/bigquery/db.h"
#include "emulator/bigquery/partition.h"
#include "emulator/bigquery/reason.h"
#include "emulator/bigquery/sql/type.h"

enum {
    TABLE_NAME_MAX = 1024
};

struct table {
    struct arena mem; /* owns what follows */
    int64_t id;
    struct str project, dataset, name; /* each with its NUL */
    const char *kind;                  /* TABLE, VIEW */
    const char *physical;              /* "t12" */
    int64_t created_us, modified_us;
    int64_t n_rows, n_bytes; /* -1: not counted */
    /* Rows behind this rowid are in the streaming buffer until `buffered_us`
     * plus its time; -1: none are. */
    int64_t buffered, buffered_us;
    int64_t buffered_rows; /* how many that are; see table_count_buffer */
    json_t *body;          /* what users may set */
    struct sql_column *columns;
    size_t n_columns;
    struct partitioning part;
    const char *const *clustering;
    size_t n_clustering;
    const char *view_sql;
    const char *rowid; /* a name for the rowid that no column has */
};

/* --- datasets ------------------------------------------------------------- */

/* RC_NOT_FOUND (and `f`) if there is no such dataset. */
RC_MUST_USE int dataset_check(struct db *db, struct str project,
                              struct str dataset, struct fail *f);
/* RC_NOT_FOUND: it is elsewhere than at `location` (NULL: anywhere). */
RC_MUST_USE int dataset_check_in(struct db *db, struct str project,
                                 struct str dataset, const char *location,
                                 struct fail *f);

/* --- tables --------------------------------------------------------------- */

/* `name` without a decorator. RC_NOT_FOUND with `f`: the dataset or the table
 * is missing. */
RC_MUST_USE int table_load(struct db *db, struct str project,
                           struct str dataset, struct str name,
                           struct table **out, struct fail *f);
void table_free(struct table *t);
/* Of a table that is to be made, without a decorator. */
RC_MUST_USE int table_check_name(struct str name, struct fail *f);

/* The greatest rowid, 0 in an empty table; the next row's is greater, unless it
 * is INT64_MAX (https://sqlite.org/autoinc.html); that too where columns hide
 * the rowid. */
RC_MUST_USE int table_last_row(struct db *db, const struct table *t,
                               int64_t *out, struct fail *f);

/* From a resource as it came (tables.insert): checked, then made. RC_EXISTS
 * with `f`. `w` is the writer. */
RC_MUST_USE int table_create(struct db *w, struct str project,
                             struct str dataset, const json_t *resource,
                             int64_t now_us, struct table **out,
                             struct fail *f);
/* Rows, partitions and record. */
RC_MUST_USE int table_drop(struct db *w, const struct table *t, struct fail *f);
/* Stores t->body and t->modified_us, if what is in `body` now can be of the
 * columns that were: see table_change.c. `body` is taken. */
RC_MUST_USE int table_change(struct db *w, struct table *t, json_t *body,
                             int64_t now_us, struct fail *f);

/* Stores t->body as it is: the rows fit already. */
RC_MUST_USE int table_store(struct db *w, const struct table *t, int64_t now_us,
                            struct fail *f);

/* The physical table of these columns, and its indexes. */
RC_MUST_USE int table_make_physical(struct db *w, const struct table *t,
                                    struct fail *f);
/* After a change of columns: indexes anew. */
RC_MUST_USE int table_make_indexes(struct db *w, const struct table *t,
                                   struct fail *f);
/* Reads t->body again into columns, partitioning, clustering. */
RC_MUST_USE int table_derive(struct table *t, struct fail *f);

/* Fills t->buffered_rows. */
void table_count_buffer(struct db *db, struct table *t);

/* What of `resource` users may set, in its stored form; owned by the
 * caller. */
json_t *table_body(const json_t *resource, struct fail *f);
/* The whole resource as REST shows it. */
json_t *table_resource(const struct table *t, int64_t now_us);
/* Its version; `out` holds 40. */
void table_etag(const struct table *t, char *out);

#endif
