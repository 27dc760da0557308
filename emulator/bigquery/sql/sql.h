/* SPDX-License-Identifier: Apache-2.0 */
/* GoogleSQL on SQLite: the door.
 *
 * `sql_prepare` turns a statement's text into a bound statement: its kind, its
 * output columns, the tables it touches, what partition filters leave of
 * them, and SQLite text. `sql_open` runs it on a connection that
 * `sql_connect` prepared once. README.md tells how values are stored.
 *
 * Threads: a statement and a run belong to one thread at a time; any number
 * side by side. */
#ifndef EMULATOR_BIGQUERY_SQL_SQL_H
#define EMULATOR_BIGQUERY_SQL_SQL_H

#include <stdatomic.h>
#include <stdbool.h>

#include "common/rc.h"
#include "common/str.h"
#include "emulator/bigquery/sql/type.h"

struct buf;
struct sqlite3;

enum {
    SQL_TEXT_MAX = 1 << 20, /* BigQuery: 1 MB of unresolved query text */
    SQL_ROW_LIMIT = 100 << 20
};

/* reason: BigQuery's error reason ("invalidQuery", "notFound", "duplicate",
 * "notImplemented", "resourcesExceeded", "stopped", "internalError"). */
struct sql_error {
    const char *reason;
    unsigned line, column; /* 0: no position */
    char text[1024];       /* with its " at [line:column]" */
};

/* --- what the caller knows of tables ------------------------------------ */

struct sql_table {
    struct str project, dataset, table; /* as resolved */
    const char *physical;               /* SQLite table; rows have rowids */
    struct sql_column *columns;
    size_t n_columns;
    const char *view_sql;       /* a view: its query, else NULL */
    const char *kind;           /* "BASE TABLE", "VIEW", ... */
    const char *partition_by;   /* column; "_PARTITIONTIME": ingestion time (the
                                   physical table has that column, micros) */
    const char *partition_type; /* DAY, HOUR, MONTH, YEAR or RANGE */
    bool require_partition_filter;
    int64_t created_us;
    const char *ddl;
    const char *const *clustering; /* column names */
    size_t n_clustering;
    const char *const *options; /* name, type, value as SQL text; repeated */
    size_t n_options;           /* triples */
};

struct sql_dataset {
    struct str project, dataset;
    const char *location;
    int64_t created_us, modified_us;
    const char *ddl;
};

struct sql_info_sink; /* rows of an INFORMATION_SCHEMA view */

/* Strings handed out must live until the statement is freed; `alloc` them
 * from `mem`. Functions return RC_OK, RC_NOT_FOUND or another code. */
struct sql_catalog {
    void *arg;
    const char *project; /* of unqualified names */
    const char *dataset; /* default dataset, or NULL */
    const char *location;
    int (*table)(void *arg, struct str project, struct str dataset,
                 struct str table, struct arena *mem, struct sql_table *out);
    int (*dataset_get)(void *arg, struct str project, struct str dataset,
                       struct arena *mem, struct sql_dataset *out);
    /* May be NULL: then wildcards and INFORMATION_SCHEMA find nothing. */
    int (*each_table)(void *arg, struct str project, struct str dataset,
                      struct arena *mem,
                      void (*visit)(void *to, const struct sql_table *),
                      void *to);
    int (*each_dataset)(void *arg, struct str project, struct arena *mem,
                        void (*visit)(void *to, const struct sql_dataset *),
                        void *to);
    /* PARTITIONS (dataset set) and JOBS (dataset empty): calls sql_info_row
     * for each. May be NULL. */
    int (*info)(void *arg, const char *view, struct str project,
                struct str dataset, struct sql_info_sink *sink);
};

/* One row: `n` SQLite literals as text (see sql_info_columns for the order),
 * e.g. "'abc'", "12", "NULL". Copies. */
void sql_info_row(struct sql_info_sink *sink, const char *const *literals,
                  size_t n);
/* Names and types of a view that `info` fills; NULL if there is none. */
const struct sql_column *sql_info_columns(const char *view, size_t *n);

/* --- parameters --------------------------------------------------------- */

struct sql_params; /* typed values; owned by the caller, outlive the runs */

/* From `queryParameters` (JSON array as bytes; empty: none). `parameterMode`
 * is told by the presence of names. */
RC_MUST_USE int sql_params_parse(struct str json, struct sql_params **out,
                                 struct sql_error *err);
void sql_params_free(struct sql_params *params);

/* --- statements --------------------------------------------------------- */

enum sql_kind {
#define STATEMENT(name, text) SQL_##name,
#include "emulator/bigquery/sql/statement.def"
#undef STATEMENT
    SQL_N_KINDS
};
const char *sql_kind_name(enum sql_kind kind); /* statementType */

struct sql_ref {
    struct sql_table table;
    bool is_target; /* of DML */
    bool filtered;  /* a filter that can eliminate partitions stands on it */
    /* What constant filters leave: inclusive bounds on the partition column
     * in its stored unit (micros, days, integer); !pruned: everything. */
    bool pruned;
    int64_t low, high;
    const char *prune_low, *prune_high; /* private: expressions */
};

struct sql_stmt {
    enum sql_kind kind;
    struct sql_column *columns; /* output; DML and DDL: none */
    size_t n_columns;
    struct sql_ref *refs;
    size_t n_refs;
    const struct sql_ddl *ddl;           /* DDL only: see ddl.h */
    const struct sql_column *undeclared; /* parameters without a value */
    size_t n_undeclared;
    bool deterministic; /* no CURRENT_*, RAND, UUID: may be cached */
    struct sql_plan *plan;
};

struct sql_options {
    int64_t now_us;
    bool dry_run; /* undeclared parameters are told, not refused */
    /* Rows go into a table: column names must differ. Without one the second
     * `id` of a result becomes `id_1`, as in the service's answers. */
    bool destination;
};

/* Copies what it needs of text; `catalog` and `params` are borrowed until
 * sql_stmt_free. RC_INVALID, RC_NOT_FOUND, RC_UNSUPPORTED with `*err`. */
RC_MUST_USE int sql_prepare(struct str text, const struct sql_params *params,
                            const struct sql_catalog *catalog,
                            const struct sql_options *options,
                            struct sql_stmt **out, struct sql_error *err);
void sql_stmt_free(struct sql_stmt *stmt);

/* Works the bounds of every ref out (constants need SQLite). */
RC_MUST_USE int sql_prune(struct sql_stmt *stmt, struct sqlite3 *db,
                          struct sql_error *err);

/* --- running ------------------------------------------------------------ */

/* Registers functions, collation and virtual table: once a connection. */
RC_MUST_USE int sql_connect(struct sqlite3 *db);

struct sql_limits {
    const atomic_bool *cancel; /* may be NULL; read while running */
    int64_t deadline_us;       /* monotonic; 0: none */
};

struct sql_counts {
    int64_t inserted, updated, deleted;
};

struct sql_run;

/* Queries: ready to step. DML: done, in one savepoint, when it returns; for
 * CTAS `into` names the physical table just made (NULL otherwise). */
RC_MUST_USE int sql_open(struct sql_stmt *stmt, struct sqlite3 *db,
                         const struct sql_limits *limits, const char *into,
                         struct sql_run **out, struct sql_error *err);
/* 1: a row is there; 0: no more; negative: failed. */
int sql_step(struct sql_run *run, struct sql_error *err);
void sql_get_counts(const struct sql_run *run, struct sql_counts *out);
void sql_close(struct sql_run *run);

enum sql_ts_format {
    SQL_TS_FLOAT,
    SQL_TS_INT64,
    SQL_TS_ISO8601
};

/* The current row as `{"f":[{"v":...},...]}`. */
void sql_row_json(struct sql_run *run, enum sql_ts_format ts, struct buf *out);
/* The current row as one JSON object by column names, for extract jobs. */
void sql_row_object(struct sql_run *run, struct buf *out);

#endif
