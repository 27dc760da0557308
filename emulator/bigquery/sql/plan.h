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
