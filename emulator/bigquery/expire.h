/* SPDX-License-Identifier: Apache-2.0 */
/* Tables and partitions whose time is over (expirationTime, expirationMs).
 * Defaults of the dataset are written into a table when it is made; see
 * table_create. */
#ifndef EMULATOR_BIGQUERY_EXPIRE_H
#define EMULATOR_BIGQUERY_EXPIRE_H

#include "emulator/bigquery/bigquery_priv.h"
#include "emulator/bigquery/db.h"

/* Removes what has expired by the emulator's clock, if that moved by a second
 * since the last look. Called before a call or a job is run, so that no answer
 * shows what is gone. What fails is logged and tried again. Threads: workers;
 * `db` is the caller's reader, in no transaction. */
void expire_due(struct bigquery *bq, struct db *db, int64_t now_us);

#endif
