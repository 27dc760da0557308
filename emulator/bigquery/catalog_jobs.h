/* SPDX-License-Identifier: Apache-2.0 */
/* INFORMATION_SCHEMA.JOBS and its like, from the jobs that are kept. */
#ifndef EMULATOR_BIGQUERY_CATALOG_JOBS_H
#define EMULATOR_BIGQUERY_CATALOG_JOBS_H

#include "emulator/bigquery/db.h"
#include "emulator/bigquery/sql/sql.h"

struct parked;

/* A row for each finished job of the project, newest first, with those in
 * `parked` (NULL: none); the columns are
 * those of bind_info.c. RC_INTERNAL if the store cannot be read. Threads: that
 * of the connection. */
RC_MUST_USE int catalog_jobs(struct db *db, struct parked *parked,
                             struct str project, struct sql_info_sink *sink);

#endif
