/* SPDX-License-Identifier: Apache-2.0 */
/* What INFORMATION_SCHEMA tells of a table in words of SQL: its options, and
 * the statement that makes one like it. */
#ifndef EMULATOR_BIGQUERY_CATALOG_DDL_H
#define EMULATOR_BIGQUERY_CATALOG_DDL_H

#include "emulator/bigquery/sql/sql.h"
#include "emulator/bigquery/table.h"

/* Sets options and ddl of `out`, which describes `t` otherwise; texts in
 * `mem`. Pure. */
void catalog_tell(struct arena *mem, const struct table *t,
                  struct sql_table *out);

#endif
