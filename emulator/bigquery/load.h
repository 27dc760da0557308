/* SPDX-License-Identifier: Apache-2.0 */
/* Load jobs at work. Threads: the worker's. */
#ifndef EMULATOR_BIGQUERY_LOAD_H
#define EMULATOR_BIGQUERY_LOAD_H

#include "emulator/bigquery/batch.h"
#include "emulator/bigquery/job.h"
#include "emulator/bigquery/write_table.h"

struct load {
    struct job *job;
    const json_t *config; /* configuration.load */
    bool csv, latin1;
    struct str data;
    json_t *schema;
    char delimiter, quote;
    const char *null_marker;
    bool newlines, jagged, ignore_unknown;
    int64_t skip, max_bad;
    /* counts */
    int64_t bad, rows;
    json_t *errors; /* of the bad rows, for status.errors */
};

/* The schema that the data itself suggests; NULL with the job failed. */
json_t *load_detect(struct load *l);

#endif
