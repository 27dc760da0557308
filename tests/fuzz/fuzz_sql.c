/* modules: emulator/bigquery/sql src/common */
/* SPDX-License-Identifier: Apache-2.0 */
/* Statements: parsed, bound, and what came out must be SQLite that compiles;
 * then a few rows of it, within milliseconds. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/buf.h"
#include "common/clock.h"
#include "emulator/bigquery/sql/sql.h"

#define NAME(text) .name = {text, sizeof(text) - 1}

static struct sql_field pair[] = {{NAME("x")}, {NAME("y")}};
static struct sql_column columns[] = {
    {NAME("id")}, {NAME("s")}, {NAME("f")}, {NAME("n")}, {NAME("ts")},
    {NAME("d")},  {NAME("j")}, {NAME("b")}, {NAME("a")}, {NAME("r")}};
enum {
    N_COLUMNS = sizeof(columns) / sizeof(*columns)
};

static int get_table(void *arg, struct str project, struct str dataset,
                     struct str table, struct arena *mem, struct sql_table *out)
{
    bool view = str_eq(table, STR("v"));

    (void)arg;
    (void)project;
    (void)dataset;
    (void)mem;
    if (!view && !str_eq(table, STR("t")) && !str_eq(table, STR("p")))
        return RC_NOT_FOUND;
    *out = (struct sql_table){.project = STR("p"),
                              .dataset = STR("d"),
                              .table = table,
                              .physical = "t",
                              .columns = columns,
                              .n_columns = N_COLUMNS};
    if (view)
        out->view_sql = "SELECT id, s AS name FROM t";
    if (str_eq(table, STR("p")))
        out->partition_by = "ts";
    return RC_OK;
}

static int get_dataset(void *arg, struct str project, struct str dataset,
                       struct arena *mem, struct sql_dataset *out)
{
    (void)arg;
    (void)mem;
    *out = (struct sql_dataset){.project = project, .dataset = dataset};
    return RC_OK;
}

static sqlite3 *database(void)
{
    static const enum sql_type_kind kinds[] = {
        T_INT64,     T_STRING, T_FLOAT64, T_NUMERIC,
        T_TIMESTAMP, T_DATE,   T_JSON,    T_BYTES};
    static struct arena mem;
    static sqlite3 *db;

    if (db)
        return db;
    arena_init(&mem);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        columns[i].type = type_scalar(kinds[i]);
    pair[0].type = type_scalar(T_INT64);
    pair[1].type = type_scalar(T_STRING);
    columns[8].type = type_array(&mem, type_scalar(T_STRING));
    columns[9].type = type_struct(&mem, pair, 2);
    if (sqlite3_open(":memory:", &db) || sql_connect(db) ||
        sqlite3_exec(db,
                     "CREATE TABLE t(id INTEGER, s TEXT, f REAL, n TEXT, ts "
                     "INTEGER, d INTEGER, j TEXT, b BLOB, a TEXT, r TEXT);"
                     "INSERT INTO t VALUES (1,'a',1.5,'2.5',0,0,'{\"a\":1}',"
                     "x'00','[\"p\"]','[1,\"q\"]'),(NULL,NULL,NULL,NULL,NULL,"
                     "NULL,NULL,NULL,'[]',NULL)",
                     NULL, NULL, NULL))
        abort();
    return db;
}

/* Words of SQLite about SQL that it does not understand. */
static bool is_ours(const char *text)
{
    static const char *const words[] = {
        "near \"",          "no such ",         "wrong number of arguments",
        "misuse of ",       "ambiguous column", "unrecognized token",
        "incomplete input", "not unique",       "has no column named",
        "row value misused"};

    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        if (!strncmp(text, words[i], strlen(words[i])))
            return true;
    }
    return false;
}

static void run(struct sql_stmt *stmt, sqlite3 *db)
{
    struct sql_limits limits = {.deadline_us = clock_mono_us() + 20000};
    struct sql_run *r = NULL;
    struct sql_error err;
    struct buf out;

    if (sql_prune(stmt, db, &err) != RC_OK && is_ours(err.text))
        abort();
    sqlite3_exec(db, "BEGIN", NULL, NULL, NULL);
    if (sql_open(stmt, db, &limits, NULL, &r, &err) != RC_OK) {
        if (is_ours(err.text)) {
            fprintf(stderr, "%s\n", err.text);
            abort();
        }
    } else {
        buf_init(&out, 1 << 20);
        for (int i = 0; i < 10 && sql_step(r, &err) == 1; i++) {
            sql_row_json(r, SQL_TS_INT64, &out);
            sql_row_object(r, &out);
        }
        buf_fini(&out);
        sql_close(r);
    }
    sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sql_catalog catalog = {.project = "p",
                                  .dataset = "d",
                                  .table = get_table,
                                  .dataset_get = get_dataset};
    struct sql_options options = {.now_us = 1735689600000000, .dry_run = true};
    sqlite3 *db = database();
    struct sql_stmt *stmt = NULL;
    struct sql_error err;

    if (size > 4096 || sql_prepare(str_of((const char *)data, size), NULL,
                                   &catalog, &options, &stmt, &err) != RC_OK)
        return 0;
    if (!stmt->ddl)
        run(stmt, db);
    sql_stmt_free(stmt);
    return 0;
}
