/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of DDL that ddl_apply.c and ddl_alter.c share. Threads: whoever has
 * the writer. */
#ifndef EMULATOR_BIGQUERY_DDL_H
#define EMULATOR_BIGQUERY_DDL_H

#include "emulator/bigquery/query.h"
#include "emulator/bigquery/sql/ddl.h"

/* OPTIONS(...) as members of REST's resource; a NULL sets null. */
void ddl_put_options(const struct sql_option *options, size_t n, json_t *r);
RC_MUST_USE int ddl_alter(struct query *q, struct db *w);
RC_MUST_USE int ddl_alter_schema(struct query *q, struct db *w);

#endif
