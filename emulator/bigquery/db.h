/* SPDX-License-Identifier: Apache-2.0 */
/* The one SQLite file of the BigQuery service: a connection for each worker
 * that reads, and one that writes, lent to one thread at a time. WAL: readers
 * see the last commit and never wait.
 *
 * Without a state folder the file has no name: it is unlinked as soon as all
 * connections are open, so that nothing stays behind however we end.
 * Threads: a connection belongs to one thread at a time. */
#ifndef EMULATOR_BIGQUERY_DB_H
#define EMULATOR_BIGQUERY_DB_H

#include <sqlite3.h>

#include "common/rc.h"
#include "common/str.h"

struct buf;
struct dbs;

enum {
    DB_MAX_STMTS = 64
};

/* One connection. */
struct db {
    sqlite3 *h;
    struct dbs *all;
    bool has_sql; /* GoogleSQL's functions are registered */
    struct db_stmt {
        const char *sql; /* by address: constants only */
        sqlite3_stmt *stmt;
    } stmts[DB_MAX_STMTS];
};

/* `dir` NULL: memory only, as above. */
RC_MUST_USE int db_open(const char *dir, bool fsync, unsigned n_readers,
                        struct dbs **out, struct err *err);
void db_close(struct dbs *all);
/* It sleeps, and costs little, until db_wake was called once. */
struct db *db_reader(struct dbs *all, unsigned i);
RC_MUST_USE int db_wake(struct db *db, struct err *err);
/* Gives back what it keeps for the next time; no statement may be under way. */
void db_rest(struct db *db);
/* Lent by db_begin? */
bool db_is_writer(const struct db *db);

/* The writer, within a transaction that began now; NULL with `err`. Blocks
 * while another thread has it. Ends with db_commit or db_rollback. `durable`:
 * what is written must outlive a power cut if --fsync asks for that. */
struct db *db_begin(struct dbs *all, bool durable, struct err *err);
/* The same for what can do without it: NULL with RC_BUSY in `err` if another
 * thread keeps it longer than what is soon done takes. */
struct db *db_begin_soon(struct dbs *all, bool durable, struct err *err);
/* On failure everything is rolled back. */
RC_MUST_USE int db_commit(struct db *w, struct err *err);
void db_rollback(struct db *w);

/* Told of rows before they are written: who writes many gets a larger cache,
 * for rows in no order touch a page of each index and come back to it. */
void db_bulk(struct db *w, size_t n_rows);

/* A reader's snapshot, so that several statements see one state. */
/* RC_OK, or the word that a write failed and no other has followed; then it
 * tries one, for the next who asks. Never waits. */
RC_MUST_USE int db_check_disk(struct dbs *all, struct err *err);

RC_MUST_USE int db_read_begin(struct db *r, struct err *err);
void db_read_end(struct db *r);

/* GoogleSQL's functions are there from now on. */
RC_MUST_USE int db_use_sql(struct db *db, struct err *err);

/* --- statements -----------------------------------------------------------
 * `types` has a letter for each `?`: i int64_t, s struct str (p NULL: NULL),
 * z const char * (NULL: NULL), b struct str as BLOB. Texts are borrowed until
 * db_done. */

/* Prepared once a connection: `sql` is a constant. NULL with `err`. */
sqlite3_stmt *db_query(struct db *db, struct err *err, const char *sql,
                       const char *types, ...);
void db_done(sqlite3_stmt *s);
/* The same, stepped to its end. */
RC_MUST_USE int db_run(struct db *db, struct err *err, const char *sql,
                       const char *types, ...);
/* A text made for this once (DDL, tables by name). */
RC_MUST_USE int db_exec(struct db *db, struct err *err, const char *sql);
/* First column of the first row; `otherwise` if there is none or NULL. */
RC_MUST_USE int db_int(struct db *db, struct err *err, int64_t *out,
                       const char *sql, const char *types, ...);
/* What SQLite last said as a sentence; returns the error's code. */
int db_fail(struct db *db, const char *doing, struct err *err);

static inline struct str db_text(sqlite3_stmt *s, int i)
{
    const char *p = (const char *)sqlite3_column_text(s, i);

    return (struct str){p, (size_t)sqlite3_column_bytes(s, i)};
}

/* --- the whole state ------------------------------------------------------ */

RC_MUST_USE int db_save(struct dbs *all, struct buf *out, struct err *err);
RC_MUST_USE int db_load(struct dbs *all, struct str image, struct err *err);
RC_MUST_USE int db_reset(struct dbs *all, struct err *err);

#endif
