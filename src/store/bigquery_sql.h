/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked of BigQuery: statements with typed parameters, as bodies of
 * jobs.query. Pure; threads: any. */
#ifndef STORE_BIGQUERY_SQL_H
#define STORE_BIGQUERY_SQL_H

#include "common/buf.h"
#include "schema/schema.h"

/* The times that a TIMESTAMP can hold. */
#define BIGQUERY_TIME_MIN (-62135596800000000)
#define BIGQUERY_TIME_MAX 253402300799999999

/* The rows of a span of time, newest first: bounds are constants on the bare
 * partition column, so that BigQuery reads no other partitions. */
struct bigquery_span {
    int64_t oldest_us, newest_us; /* both inclusive */
    bool has_after;      /* at newest_us itself only ids behind after_id */
    struct str after_id; /* borrowed */
    struct str id;       /* p != NULL: only this one; borrowed */
    size_t limit;
};

/* How a call is made. */
struct bigquery_ask {
    const char *project, *dataset, *table;
    const char *request_id; /* the same one, the same query: done once */
    int64_t timeout_ms;     /* after which the service answers "not yet" */
    int64_t max_bytes_billed;
};

void bigquery_put_span(struct buf *out, const struct bigquery_ask *ask,
                       const struct schema *schema,
                       const struct bigquery_span *span);

/* Which of these ids stand before the position as well (newer, or at its time
 * and not behind its id), down from `until_us` (exclusive)? Answers `id` and
 * its newest `timestamp`. */
void bigquery_put_newer(struct buf *out, const struct bigquery_ask *ask,
                        const struct schema *schema, int64_t position_us,
                        struct str position_id, int64_t newest_us,
                        const struct str *ids, size_t n_ids);

/* Two columns, `id` and `timestamp`, under the schema's names for them. */
struct schema *bigquery_newer_schema(const struct schema *schema);

#endif
