/* SPDX-License-Identifier: Apache-2.0 */
/* What a copy or an extract reads: a table, or the partition of it that a
 * decorator names, without the rows that are in the streaming buffer yet.
 * Threads: the job's. */
#ifndef EMULATOR_BIGQUERY_JOB_SOURCE_H
#define EMULATOR_BIGQUERY_JOB_SOURCE_H

#include "emulator/bigquery/job.h"
#include "emulator/bigquery/table.h"

struct job_source {
    struct table *t; /* owned */
    bool has_part;
    int64_t part;
};

/* `ref` is a tableReference; `what` names it to who left it out
 * ("copy.sourceTable"). The job's fail is set where RC is not RC_OK. */
RC_MUST_USE int job_source_open(struct job *j, struct db *db, const json_t *ref,
                                const char *what, struct job_source *out);
void job_source_fini(struct job_source *s);
/* Appends the columns, quoted and with commas. */
void job_source_columns(const struct job_source *s, struct buf *sql);
/* Appends FROM, WHERE and ORDER BY: the rows in the order they came. */
void job_source_rows(const struct job_source *s, const struct job *j,
                     struct buf *sql);

#endif
