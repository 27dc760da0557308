/* SPDX-License-Identifier: Apache-2.0 */
/* What GoogleSQL's engine asks about datasets and tables, answered from the
 * store through one connection. Threads: that of the connection. */
#ifndef EMULATOR_BIGQUERY_CATALOG_H
#define EMULATOR_BIGQUERY_CATALOG_H

#include "emulator/bigquery/db.h"
#include "emulator/bigquery/sql/sql.h"

struct parked;

struct catalog {
    struct sql_catalog sql; /* its `arg` is this */
    struct db *db;
    const char *location;  /* where datasets must be; NULL: anywhere */
    struct parked *parked; /* with JOBS views, or NULL */
    bool counted;          /* rows were, behind the back of the snapshot */
};

/* `project` and `dataset` (p NULL: none) end in NUL and are borrowed, so is
 * `location`. */
void catalog_init(struct catalog *c, struct db *db, struct str project,
                  struct str dataset, const char *location);

#endif
