/* SPDX-License-Identifier: Apache-2.0 */
/* Rows on their way into a table: read from JSON, checked, inserted. Used by
 * insertAll and by load jobs. Threads: one at a time. */
#ifndef EMULATOR_BIGQUERY_BATCH_H
#define EMULATOR_BIGQUERY_BATCH_H

#include "emulator/bigquery/cell.h"
#include "emulator/bigquery/dedup.h"
#include "emulator/bigquery/table.h"

struct batch_row {
    size_t first, n; /* its cells */
    struct dedup_id id;
    bool has_id;
    int64_t part, bytes;
    struct cell_error *error; /* NULL: a good row */
};

struct batch {
    const struct table *table;
    bool ignore_unknown, json_objects;
    bool streamed; /* the window of insertAll counts */
    bool has_part; /* a decorator named one */
    int64_t part;  /* that one */
    int64_t now_us;
    struct batch_row *rows;
    size_t n_rows, cap_rows, n_bad;
    struct cell *cells;
    size_t n_cells, cap_cells;
    struct cell_mem mem;
    struct db *db; /* works out DEFAULT expressions; NULL: none are */
    struct batch_defaults *defaults;
    uint32_t *seen; /* row number + 1 that last set each column */
};

void batch_init(struct batch *b, const struct table *t, int64_t now_us);
void batch_fini(struct batch *b);
/* Forgets the rows, keeps the table. */
void batch_reset(struct batch *b);

/* A new row, to be filled by batch_read_json or batch_cell; NULL: no memory */
struct batch_row *batch_row(struct batch *b);
/* The object that begins with `t`. False: malformed, or no memory. */
bool batch_read_json(struct batch *b, struct batch_row *row,
                     struct json_scan *scan, const struct json_token *t);
/* One cell more of the last row. */
bool batch_cell(struct batch *b, struct batch_row *row, uint32_t column,
                struct cell cell);
/* All cells are there: missing columns, partition, size. */
void batch_end_row(struct batch *b, struct batch_row *row);
void batch_refuse(struct batch *b, struct batch_row *row, const char *path,
                  const char *text);

/* Inserts the good rows but those of `skip` (may be NULL: a flag a row), and
 * keeps the counts of partitions. */
RC_MUST_USE int batch_insert(struct batch *b, struct db *w, const bool *skip,
                             struct fail *f);

#endif
