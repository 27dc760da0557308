/* SPDX-License-Identifier: Apache-2.0 */
/* Rows brought into a new form when a RECORD's fields change: records are
 * stored by position. Threads: that of the connection. */
#ifndef EMULATOR_BIGQUERY_RESHAPE_H
#define EMULATOR_BIGQUERY_RESHAPE_H

#include "emulator/bigquery/table.h"

/* Columns that are in both are rewritten where their fields differ. */
RC_MUST_USE int reshape_rows(struct db *w, const struct table *was,
                             const struct table *is, struct fail *f);

#endif
