/* SPDX-License-Identifier: Apache-2.0 */
/* Views: their query is checked when they are made, which tells their
 * columns. Threads: that of the connection. */
#ifndef EMULATOR_BIGQUERY_VIEW_H
#define EMULATOR_BIGQUERY_VIEW_H

#include "emulator/bigquery/table.h"

/* Fills the schema of t->body. Its columns have the names of `named`, if those
 * are as many as the query's (CREATE VIEW v (a, b); NULL: the query's own), and
 * keep descriptions that t->columns have. */
RC_MUST_USE int view_check(struct db *db, struct table *t,
                           const struct table *named, int64_t now_us,
                           struct fail *f);

#endif
