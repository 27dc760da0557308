/* SPDX-License-Identifier: Apache-2.0 */
/* What a DDL statement asks for, checked and typed: the service that owns the
 * tables carries it out. Lives as long as its sql_stmt. */
#ifndef EMULATOR_BIGQUERY_SQL_DDL_H
#define EMULATOR_BIGQUERY_SQL_DDL_H

#include "emulator/bigquery/sql/sql.h"

/* A value of OPTIONS(...): scalars as text ("true", "12", "abc"; TIMESTAMP as
 * microseconds), arrays and structs flattened into `items` (labels: pairs of
 * strings, one behind the other). */
struct sql_option {
    struct str name;
    const struct sql_type *type;
    bool is_null;
    struct str text;
    const struct str *items;
    size_t n_items;
};

enum sql_alter_kind {
    ALTER_ADD_COLUMN,
    ALTER_DROP_COLUMN,
    ALTER_RENAME_COLUMN,
    ALTER_RENAME_TABLE,
    ALTER_SET_OPTIONS,
    ALTER_COLUMN_OPTIONS,
    ALTER_COLUMN_TYPE,
    ALTER_DROP_NOT_NULL,
    ALTER_SET_DEFAULT,
    ALTER_DROP_DEFAULT
};

struct sql_alter {
    enum sql_alter_kind kind;
    bool if_exists; /* of the column */
    struct str column, new_name;
    struct sql_column def; /* ADD, TYPE; default_sql for SET_DEFAULT */
    const struct sql_option *options;
    size_t n_options;
};

struct sql_ddl {
    struct str project, dataset, table; /* table empty for schemas */
    bool or_replace, if_exists /* IF [NOT] EXISTS */, cascade;
    /* CREATE TABLE: as written, or as the query gives (CTAS). */
    const struct sql_column *columns;
    size_t n_columns;
    /* PARTITION BY: column ("_PARTITIONTIME" for ingestion time; NULL: none)
     * and DAY, HOUR, MONTH, YEAR or RANGE with its three numbers. */
    const char *partition_by, *partition_type;
    int64_t range_start, range_end, range_interval;
    const struct str *cluster;
    size_t n_cluster;
    const struct sql_option *options;
    size_t n_options;
    /* LIKE and COPY. */
    struct str like_project, like_dataset, like_table;
    struct str query; /* of a view, as written */
    const struct sql_alter *alters;
    size_t n_alters;
};

#endif
