/* SPDX-License-Identifier: Apache-2.0 */
/* Partitions: which one a value belongs to, what it is called, which
 * decorators name one. Pure; threads: any. */
#ifndef EMULATOR_BIGQUERY_PARTITION_H
#define EMULATOR_BIGQUERY_PARTITION_H

#include <jansson.h>
#include <stdbool.h>

#include "emulator/bigquery/reason.h"
#include "emulator/bigquery/sql/type.h"

/* Ids of partitions are where they begin, in the column's stored unit; these
 * two are none. */
#define PARTITION_NULL   (INT64_MIN)     /* __NULL__ */
#define PARTITION_BEYOND (INT64_MIN + 1) /* __UNPARTITIONED__ */

enum {
    PARTITION_NAME_MAX = 40
};

struct partitioning {
    const char *by;   /* column; "_PARTITIONTIME": ingestion time; NULL: none */
    const char *type; /* DAY, HOUR, MONTH, YEAR, RANGE */
    int column;       /* its index, or -1 */
    enum sql_type_kind kind;      /* of the column */
    int64_t start, end, interval; /* RANGE */
    int64_t expiration_ms;        /* 0: never */
    bool require_filter;
};

/* From a table's body, whose columns are known. */
RC_MUST_USE int partition_parse(const json_t *body, struct arena *mem,
                                const struct sql_column *columns, size_t n,
                                struct partitioning *out, struct fail *f);

bool partition_is_ingestion(const struct partitioning *p);
/* Of a stored value (that is not NULL). */
int64_t partition_of(const struct partitioning *p, int64_t value);
/* "20250114", "2025011410", "202501", "2025", "40", "__NULL__"; the length. */
size_t partition_name(const struct partitioning *p, int64_t id, char *out);
/* The partition that a decorator names. RC_INVALID with `f`. */
RC_MUST_USE int partition_decorator(const struct partitioning *p,
                                    struct str decorator, int64_t *id,
                                    struct fail *f);
/* First value behind the partition `id`. */
int64_t partition_next(const struct partitioning *p, int64_t id);

/* Splits "t$20250114"; decorator.p NULL: none. */
void partition_split(struct str table, struct str *name, struct str *decorator);

#endif
