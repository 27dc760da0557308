/* SPDX-License-Identifier: Apache-2.0 */
/* The schema of what is appended beside the table's own: fields are matched by
 * name, in records too; schemaUpdateOptions add and relax them. */
#ifndef EMULATOR_BIGQUERY_WRITE_SCHEMA_H
#define EMULATOR_BIGQUERY_WRITE_SCHEMA_H

#include "emulator/bigquery/table.h"

struct write_may {
    bool add, relax; /* ALLOW_FIELD_ADDITION, ALLOW_FIELD_RELAXATION */
};

/* Changes `ours`, an array of fields, as `theirs` asks for and `may` allows;
 * true if anything did change. Threads: any. */
bool write_schema_widen(json_t *ours, const json_t *theirs,
                        struct write_may may);
/* RC_INVALID where a field is none of the table's, or not of its type, or may
 * be NULL where the table's may not. Threads: any. */
RC_MUST_USE int write_schema_check(const struct table *t,
                                   const struct sql_column *columns, size_t n,
                                   struct fail *f);

#endif
