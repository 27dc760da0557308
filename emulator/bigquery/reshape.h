/* SPDX-License-Identifier: Apache-2.0 */
/* Rows brought into a new form when a RECORD's fields change: records are
 * stored by position. Threads: that of the connection. */
#ifndef EMULATOR_BIGQUERY_RESHAPE_H
#define EMULATOR_BIGQUERY_RESHAPE_H

#include "emulator/bigquery/table.h"

/* Rows as they lie. */
struct reshape {
    const char *physical, *rowid;
    const struct sql_column *columns;
    size_t n;
};

/* Fields of the same names in the same order, or none. */
bool reshape_is_alike(const struct sql_column *was,
                      const struct sql_column *is);
/* Columns that are in both are rewritten where their fields differ, by name or
 * in their order. */
RC_MUST_USE int reshape_columns(struct db *w, const struct reshape *was,
                                const struct sql_column *is, size_t n_is,
                                struct fail *f);
/* Columns that are in both are rewritten where their fields differ. */
RC_MUST_USE int reshape_rows(struct db *w, const struct table *was,
                             const struct table *is, struct fail *f);

#endif
