/* SPDX-License-Identifier: Apache-2.0 */
/* A query job at work: query.c asks, query_change.c changes. Threads: the
 * worker's. */
#ifndef EMULATOR_BIGQUERY_QUERY_H
#define EMULATOR_BIGQUERY_QUERY_H

#include "emulator/bigquery/catalog.h"
#include "emulator/bigquery/connection.h"
#include "emulator/bigquery/job.h"
#include "emulator/bigquery/table.h"

struct query {
    struct job *job;
    const json_t *config; /* configuration.query */
    const char *text;
    struct str project, dataset; /* of unqualified names */
    const json_t *destination;   /* NULL: none was asked for */
    struct connection connection;
    struct catalog catalog;
    struct sql_params *params;
    struct sql_stmt *stmt;
    struct table *replaced; /* OR REPLACE: to be dropped once it was read */
};

/* All return RC_INVALID with the job's fail set. */

/* q->stmt anew, on this connection. */
RC_MUST_USE int query_prepare(struct query *q, struct db *db);
/* A row's text was appended; `db` NULL: it must stay in memory. */
RC_MUST_USE int query_add_row(struct query *q, struct db *db);
struct sql_limits query_limits(const struct query *q);
void query_put_stats(struct query *q);
/* What is billed for so many bytes processed. */
int64_t query_billed(int64_t bytes);
/* DML, DDL, results into a table: on the writer. */
void query_change(struct query *q, struct db *db);

/* CREATE, DROP, ALTER; `*into` is the table made by CTAS, owned by the
 * caller. `*operation` is REST's ddlOperationPerformed. */
RC_MUST_USE int ddl_apply(struct query *q, struct db *w, struct table **into,
                          const char **operation);

#endif
