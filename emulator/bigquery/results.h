/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of finished query jobs: paged, shown; and the anonymous tables by
 * whose name clients may ask for them. */
#ifndef EMULATOR_BIGQUERY_RESULTS_H
#define EMULATOR_BIGQUERY_RESULTS_H

#include "emulator/bigquery/call.h"
#include "emulator/bigquery/sql/sql.h"

/* Appends `"rows":[...]` of lines of stored rows (job.h), `skip` of them left
 * out, until `max` rows or PAGE_BYTES. */
struct results_page {
    struct buf *out;
    const struct sql_column *columns;
    size_t n_columns;
    enum sql_ts_format ts;
    int64_t skip, max, n;
    size_t began;
    bool full;
};
void results_add(struct results_page *p, struct str lines);
void results_end(struct results_page *p);

/* jobs.getQueryResults of a job that is done, on a worker. */
void results_get(struct call *c);

/* Datasets of anonymous tables begin with an underscore. */
bool results_is_anonymous(struct str dataset);
/* tables.get and tabledata.list of one. */
void results_table_get(struct call *c);
void results_table_list(struct call *c);

#endif
