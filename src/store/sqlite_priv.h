/* SPDX-License-Identifier: Apache-2.0 */
/* The connection's inside, for the sqlite_*.c files alone. */
#ifndef STORE_SQLITE_PRIV_H
#define STORE_SQLITE_PRIV_H

#include <sqlite3.h>
#include <sys/types.h>

#include "store/sqlite_table.h"

/* Fixed texts come first: they are prepared as they stand. */
enum sqlite_statement {
    STMT_BEGIN,
    STMT_COMMIT,
    STMT_ROLLBACK,
    STMT_MARK,
    STMT_UNDO,
    STMT_KEEP,
    STMT_PING,
    N_FIXED_STMTS,
    STMT_INSERT = N_FIXED_STMTS,
    STMT_FIND,   /* by id */
    STMT_NEWEST, /* timestamps between two bounds, newest first */
    STMT_TIES,   /* one timestamp, ids behind one id */
    N_STMTS
};

struct sqlite_table {
    sqlite3 *db; /* NULL: dropped */
    const struct schema *schema;
    char *path;
    enum sqlite_role role;
    dev_t device;
    ino_t inode;
    sqlite3_stmt *stmts[N_STMTS]; /* made at first use */
    struct value *values;         /* scratch, one a column */
    int64_t patience_until_us;    /* of the busy handler */
    int wal_pages;
};

/* Says what SQLite's code means for a person and what to do; drops the
 * connection if it cannot be trusted any more. Returns the error's code. */
int sqlite_fail(struct sqlite_table *t, int code, const char *doing,
                struct err *err);
/* The statement, reset; NULL with `err` set. */
sqlite3_stmt *sqlite_statement(struct sqlite_table *t,
                               enum sqlite_statement which, struct err *err);
/* Runs a text of statements without results. */
RC_MUST_USE int sqlite_run(struct sqlite_table *t, const char *sql,
                           const char *doing, struct err *err);

/* Makes the table or brings it up to the schema; cheap when nothing is to be
 * done. */
RC_MUST_USE int sqlite_setup(struct sqlite_table *t, struct err *err);

#endif
