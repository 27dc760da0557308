/* SPDX-License-Identifier: Apache-2.0 */
/* GoogleSQL on SQLite: the door.
 * `sql_prepare` turns a statement's text into a bound statement: its kind, its
 * output columns, the tables it touches, what partition filters leave of
 * them, and SQLite text. `sql_open` runs it on a connection that
 * `sql_connect` prepared once. README.md tells how values are stored.
 * Threads: a statement and a run belong to one thread at a time. */
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
    const char *partition_by;   /* column; _PARTITIONTIME (physical, micros) */
    const char *partition_type; /* DAY, HOUR, MONTH, YEAR or RANGE */
    bool require_partition_filter;
    int64_t created_us;
    const char *ddl;
    const char *const *clustering; /* column names */
    const char *const *options;    /* triples: name, type, value as SQL text */
    size_t n_clustering, n_options;
};

struct sql_dataset {
    struct str project, dataset;
    const char *location;
    int64_t created_us, modified_us;
    const char *ddl;
};

struct sql_info_sink; /* rows of an INFORMATION_SCHEMA view */

/* How a statement asks for tables: called while it is prepared, on the thread
 * of sql_prepare. What is handed out must live until the statement is freed:
 * allocate it from `mem`. Functions return RC_OK, RC_NOT_FOUND (told in
 * BigQuery's words, with the position of the name) or another code (told as
 * internalError). Names come as written; the catalog decides about case. */
struct sql_catalog {
    void *arg;
    const char *project; /* of names without one */
    const char *dataset; /* default dataset, or NULL: a bare name is an error */
    const char *location; /* in "was not found in location"; NULL: US */
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
 * is told by the presence of names. Copies `json`; returns owned. RC_INVALID
 * with `*err` for a value that is not of its type. */
RC_MUST_USE int sql_params_parse(struct str json, struct sql_params **out,
                                 struct sql_error *err);
void sql_params_free(struct sql_params *params); /* NULL is fine */

/* --- statements --------------------------------------------------------- */

enum sql_kind {
#define STATEMENT(name, text) SQL_##name,
#include "emulator/bigquery/sql/statement.def"
#undef STATEMENT
    SQL_N_KINDS
};
const char *sql_kind_name(enum sql_kind kind); /* `statementType`; static */

struct sql_ref {
    struct sql_table table;
    bool is_target, wide; /* of DML; set by the caller: see wide.h */
    bool filtered; /* a filter that can eliminate partitions stands on it */
    /* What constant filters leave: inclusive bounds on the partition column
     * in its stored unit (micros, days, integer); !pruned: everything. */
    bool pruned;
    int64_t low, high;
    const char *prune_low, *prune_high; /* private: expressions */
    const bool *used;        /* a flag a column: it is named; NULL: all are */
    struct sql_group *group; /* private: of one wildcard, or NULL */
};

/* A bound statement. Owned by who prepared it; read-only but for sql_prune. May
 * be run any number of times, one run after the other. */
struct sql_stmt {
    enum sql_kind kind;
    struct sql_column *columns; /* output; DML and DDL: none */
    size_t n_columns;
    struct sql_ref *refs;
    size_t n_refs;
    const struct sql_ddl *ddl;           /* DDL only: see ddl.h */
    const struct sql_column *undeclared; /* parameters without a value */
    size_t n_undeclared;
    bool deterministic;        /* no CURRENT_*, RAND, UUID: may be cached */
    bool limited, may_be_wide; /* has a LIMIT; a ref's `wide` matters */
    struct sql_plan *plan;
};

struct sql_options {
    int64_t now_us;   /* CURRENT_TIMESTAMP() and its like */
    const char *zone; /* of what names none; NULL: UTC. Must be known. */
    bool dry_run;     /* undeclared parameters are told, not refused */
    /* Rows go into a table: column names must differ. Without one the second
     * `id` of a result becomes `id_1`, as in the service's answers. */
    bool destination;
};

/* Parses and binds one statement; touches no table's rows. Copies what it
 * needs of text; `catalog` and `params` are borrowed until sql_stmt_free.
 * Returns owned. RC_INVALID, RC_NOT_FOUND, RC_UNSUPPORTED (BigQuery has it,
 * this has not) or RC_TOO_LARGE with `*err`. */
RC_MUST_USE int sql_prepare(struct str text, const struct sql_params *params,
                            const struct sql_catalog *catalog,
                            const struct sql_options *options,
                            struct sql_stmt **out, struct sql_error *err);
void sql_stmt_free(struct sql_stmt *stmt); /* NULL is fine */

/* Works out the bounds of every ref: `pruned`, `low`, `high`. Needs a connected
 * db for the constants' arithmetic, reads no table; running a statement does
 * not need it. RC_INVALID: errors of the constants ("division by zero"). */
RC_MUST_USE int sql_prune(struct sql_stmt *stmt, struct sqlite3 *db,
                          struct sql_error *err);

/* --- running ------------------------------------------------------------ */

/* Registers functions, collation and virtual table: once a connection, before
 * it is used here. They go with the connection. RC_INTERNAL at worst. */
RC_MUST_USE int sql_connect(struct sqlite3 *db);
/* After SQLITE_CORRUPT or SQLITE_NOTADB: which file, and what to do. */
void sql_damage_text(struct sqlite3 *db, char *out, size_t size);

struct sql_limits {
    const atomic_bool *cancel; /* may be NULL; read while running */
    int64_t deadline_us;       /* monotonic; 0: none */
};

struct sql_counts { /* dmlStats; of CTAS: inserted */
    int64_t inserted, updated, deleted;
};

struct sql_run;

/* Starts a statement that has something to run: queries, DML, CTAS (other DDL
 * is the caller's, see ddl.h). Queries: ready to step, within a read
 * transaction until sql_close. DML: done, in one savepoint, when it returns;
 * after an error nothing of it is left. For CTAS `into` names the physical
 * table just made (NULL otherwise); it is filled like DML.
 * Borrows all until sql_close; the db's progress handler is taken until then
 * if there are limits. RC_INVALID for errors of the data, RC_CANCELLED and
 * RC_TIMEOUT by the limits, RC_UNAVAILABLE (busy), RC_MALFORMED, RC_IO. */
RC_MUST_USE int sql_open(struct sql_stmt *stmt, struct sqlite3 *db,
                         const struct sql_limits *limits, const char *into,
                         struct sql_run **out, struct sql_error *err);
/* 1: a row is there; 0: no more; negative: failed, as sql_open. */
int sql_step(struct sql_run *run, struct sql_error *err);
/* What DML changed; zeroes for queries. */
void sql_get_counts(const struct sql_run *run, struct sql_counts *out);
void sql_close(struct sql_run *run); /* NULL is fine */

/* How the REST API shows TIMESTAMPs: `formatOptions`. */
enum sql_ts_format {
    SQL_TS_FLOAT,  /* "1.7040672E9": seconds, the default */
    SQL_TS_INT64,  /* "1704067200000000": microseconds */
    SQL_TS_ISO8601 /* "2024-01-01T00:00:00Z" */
};

/* The current row (sql_step gave 1) as `{"f":[{"v":...},...]}`. Appends. */
void sql_row_json(struct sql_run *run, enum sql_ts_format ts, struct buf *out);
/* The same as extract jobs write it: INT64 as text, no NULL members. */
void sql_row_object(struct sql_run *run, struct buf *out);

#endif
