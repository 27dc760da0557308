/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs that are over while a long statement has the writer: their clients are
 * answered at once, and until the writer is free the jobs are found here.
 *
 * Threads: any, but for what says otherwise. A job is here, in the file, or
 * for a moment in both: who looks here first and then into the file, by a
 * statement that begins after, finds each. */
#ifndef EMULATOR_BIGQUERY_PARKED_H
#define EMULATOR_BIGQUERY_PARKED_H

#include "common/buf.h"
#include "common/str.h"

struct bigquery;
struct dbs;
struct job;
struct parked;

/* What a row of `jobs` and one of `results` hold; NULL where it is there. */
struct parked_job {
    struct parked_job *next;
    char *project, *id, *location, *request, *anon;
    int64_t created_us;
    char *resource, *schema;
    int64_t total; /* rows, all of them in `rows` */
    struct buf rows;
    size_t size;
};

struct parked *parked_new(struct bigquery *bq);
/* Nobody looks any more; what is here is lost. */
void parked_free(struct parked *p);

/* Copies a job whose resource is made and whose rows are all in memory; false:
 * there is no room. */
bool parked_add(struct parked *p, const struct job *j);

/* Calls `visit` for the project's jobs, newest first, until it returns true,
 * under a lock: it must not come back here. Returns whether it did. */
bool parked_each(struct parked *p, struct str project,
                 bool (*visit)(void *arg, const struct parked_job *one),
                 void *arg);
/* The one with this id; `location` empty or NULL: anywhere. */
bool parked_is(const struct parked_job *one, struct str id,
               struct str location);

/* Moves all into the file, waiting for the writer, which the caller must not
 * have. What cannot be written is logged and forgotten. */
void parked_flush(struct parked *p, struct dbs *all);

/* The loop: has a worker do that, if there is something and none does. */
void parked_start(struct parked *p);

#endif
