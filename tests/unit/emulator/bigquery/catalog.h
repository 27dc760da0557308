/* SPDX-License-Identifier: Apache-2.0 */
/* A catalog for tests: one dataset `p.d` over an SQLite database in memory,
 * whose tables come from CREATE TABLE and CREATE VIEW. */
#ifndef TESTS_UNIT_EMULATOR_BIGQUERY_CATALOG_H
#define TESTS_UNIT_EMULATOR_BIGQUERY_CATALOG_H

#include <sqlite3.h>

#include "emulator/bigquery/sql/ddl.h"
#include "emulator/bigquery/sql/sql.h"

struct fixture {
    sqlite3 *db;
    struct sql_catalog catalog;
    struct sql_table tables[64];
    size_t n_tables;
    struct arena mem;
    int64_t now_us;
};

void fixture_init(struct fixture *f);
void fixture_fini(struct fixture *f);
/* Prepares and runs; DDL is carried out. Query rows are appended to `rows`
 * as "a | b\n", the columns to `columns` as "name TYPE, ...". */
int fixture_run(struct fixture *f, const char *sql, const char *params,
                struct buf *columns, struct buf *rows,
                struct sql_counts *counts, struct sql_error *err);

#endif
