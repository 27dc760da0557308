/* SPDX-License-Identifier: Apache-2.0 */
/* What a bound statement runs on SQLite. Private to this folder. */
#ifndef EMULATOR_BIGQUERY_SQL_PLAN_H
#define EMULATOR_BIGQUERY_SQL_PLAN_H

#include "emulator/bigquery/sql/sql.h"

enum step_kind {
    STEP_QUERY,  /* rows for the caller */
    STEP_EXEC,   /* no count */
    STEP_CHECK,  /* a row is an error: `error` */
    STEP_INSERT, /* counts what changed */
    STEP_UPDATE,
    STEP_DELETE
};

struct step {
    enum step_kind kind;
    const char *sql;
    const char *error;
    struct step *next;
};

struct sql_plan {
    struct arena mem;
    struct step *steps;
    const struct sql_params *params;
};

/* Tables that one wildcard names: refs in a row. */
struct sql_group {
    size_t first, n;
    size_t prefix_len;            /* behind it: _TABLE_SUFFIX */
    const struct sql_table *like; /* whose columns all have */
    bool *used;                   /* a flag a column of `like` */
    const char *alias;            /* that `filter` names */
    const char *filter;           /* on _TABLE_SUFFIX alone, or NULL */
};

/* A parameter's value as SQLite holds it. */
struct param {
    struct str name;
    const struct sql_type *type;
    enum {
        PARAM_NULL,
        PARAM_INT,
        PARAM_REAL,
        PARAM_TEXT,
        PARAM_BLOB
    } kind;
    int64_t i;
    double d;
    struct str s;
};

struct sql_params {
    struct arena mem;
    struct param *list;
    size_t n;
    bool named;
};

#endif
