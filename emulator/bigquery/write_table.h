/* SPDX-License-Identifier: Apache-2.0 */
/* Whole results written into a table, as query, load and copy jobs do:
 * createDisposition and writeDisposition, schema updates, partitions.
 *
 * Rows go into a stage (an SQLite table of the result's own columns) first:
 * what is appended may have other columns, in another order, than the table.
 * Threads: whoever has the writer. */
#ifndef EMULATOR_BIGQUERY_WRITE_TABLE_H
#define EMULATOR_BIGQUERY_WRITE_TABLE_H

#include "emulator/bigquery/table.h"

struct write_target {
    struct str project;   /* of a reference without one */
    const json_t *table;  /* tableReference; its id may have a decorator */
    const char *location; /* where it must be, or NULL */
    const json_t *create; /* createDisposition, or NULL */
    const json_t *write;  /* writeDisposition, or NULL */
    const char *write_default;
    const json_t *like; /* has timePartitioning, clustering,
                           schemaUpdateOptions ... of a table to be made */
    int64_t now_us;
};

struct write_stage {
    const struct write_target *to; /* borrowed until the end */
    struct table *table;
    char physical[32]; /* of the stage */
    json_t *schema;    /* of what is written */
    bool truncate, has_part;
    int64_t part;
};

/* Finds or makes the table and makes the stage. */
RC_MUST_USE int write_table_open(struct db *w, const struct write_target *to,
                                 const json_t *schema, struct write_stage *s,
                                 struct fail *f);
/* Moves the stage's rows into the table. */
RC_MUST_USE int write_table_close(struct db *w, struct write_stage *s,
                                  int64_t now_us, struct fail *f);
void write_table_fini(struct write_stage *s);

#endif
