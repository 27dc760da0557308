/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs that are no queries. */
#include "emulator/bigquery/job.h"

static void not_yet(struct job *j)
{
    fail_set(&j->fail, "notImplemented", "The emulator runs no %s jobs",
             j->type);
}

void load_run(struct job *j, struct db *db)
{
    (void)db;
    not_yet(j);
}

void copy_run(struct job *j, struct db *db)
{
    (void)db;
    not_yet(j);
}

void extract_run(struct job *j, struct db *db)
{
    (void)db;
    not_yet(j);
}
