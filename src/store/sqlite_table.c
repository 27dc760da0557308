/* SPDX-License-Identifier: Apache-2.0 */
/* Connection, errors, transactions, checkpoints. */
#include "store/sqlite_table.h"

#include <errno.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/mem.h"
#include "store/sqlite_priv.h"

enum {
    SQL_MAX_BYTES = 1024 * 1024,
    PATIENCE_US = 2000000
};

/* Where SQLite must not be asked again before it was opened again. */
static bool spoils_connection(int code)
{
    switch (code & 0xff) {
    case SQLITE_IOERR:
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PROTOCOL:
    case SQLITE_PERM:
    case SQLITE_MISUSE:
        return true;
    default:
        return false;
    }
}

static void drop(struct sqlite_table *t, bool moved)
{
    int keep = 1;

    for (int i = 0; i < N_STMTS; i++) {
        sqlite3_finalize(t->stmts[i]);
        t->stmts[i] = NULL;
    }
    if (t->db && moved) {
        /* The log is found by its name and would be read as the next file's:
         * what it holds goes where it belongs, and nobody unlinks a log that
         * may be another's by now. */
        t->patience_until_us = clock_mono_us() + PATIENCE_US;
        sqlite3_wal_checkpoint_v2(t->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL,
                                  NULL);
        sqlite3_file_control(t->db, "main", SQLITE_FCNTL_PERSIST_WAL, &keep);
    }
    sqlite3_close(t->db);
    t->db = NULL;
}

static enum rc meaning(const struct sqlite_table *t, int code, int os,
                       const char **hint)
{
    bool is_full = os == ENOSPC || os == EDQUOT || os == EFBIG;

    switch (code & 0xff) {
    case SQLITE_FULL:
        *hint = "the disk is full: make room";
        return RC_UNAVAILABLE;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        *hint = "another process holds its lock for seconds";
        return RC_UNAVAILABLE;
    case SQLITE_READONLY:
        *hint = access(t->path, W_OK) == 0
                    ? "its folder or file system is read-only"
                    : "it is read-only: make it writable";
        return RC_UNAVAILABLE;
    case SQLITE_CANTOPEN:
        *hint = "is its folder there, and may we write there?";
        return RC_UNAVAILABLE;
    case SQLITE_IOERR:
        *hint = is_full ? "the disk or a size limit is full: make room"
                        : "the disk failed";
        return RC_UNAVAILABLE;
    case SQLITE_NOTADB:
        *hint = "it is no SQLite file: move it away, or name another";
        return RC_UNAVAILABLE;
    case SQLITE_CORRUPT:
        *hint = "it is damaged: restore it from a copy, or move it away";
        return RC_UNAVAILABLE;
    case SQLITE_NOMEM:
        *hint = "memory is gone";
        return RC_NOMEM;
    default:
        *hint = NULL;
        return RC_UNAVAILABLE;
    }
}

int sqlite_fail(struct sqlite_table *t, int code, const char *doing,
                struct err *err)
{
    int seen = errno, os = t->db ? sqlite3_system_errno(t->db) : 0;
    const char *hint, *text = t->db ? sqlite3_errmsg(t->db) : "not open";
    enum rc rc;

    if (!os && (code & 0xff) == SQLITE_IOERR)
        os = seen; /* SQLite does not keep all of them */
    rc = meaning(t, code, os, &hint);

    if (hint && os && (code & 0xff) != SQLITE_BUSY)
        err_set(err, rc, "cannot %s %s: %s (%s)", doing, t->path, hint,
                strerror(os));
    else
        err_set(err, rc, "cannot %s %s: %s", doing, t->path,
                hint ? hint : text);
    if (spoils_connection(code))
        drop(t, false);
    return rc;
}

static int on_busy(void *arg, int count)
{
    struct sqlite_table *t = arg;
    struct timespec nap = {0, count < 40 ? 60000 : 300000};

    if (clock_mono_us() > t->patience_until_us)
        return 0;
    nanosleep(&nap, NULL);
    return 1;
}

static void be_patient(struct sqlite_table *t)
{
    t->patience_until_us = clock_mono_us() + PATIENCE_US;
    errno = 0; /* what is found there later is this call's */
}

static int on_wal(void *arg, sqlite3 *db, const char *name, int pages)
{
    struct sqlite_table *t = arg;

    (void)db;
    (void)name;
    t->wal_pages = pages;
    return SQLITE_OK;
}

int sqlite_run(struct sqlite_table *t, const char *sql, const char *doing,
               struct err *err)
{
    int code = sqlite3_exec(t->db, sql, NULL, NULL, NULL);

    return code == SQLITE_OK ? RC_OK : sqlite_fail(t, code, doing, err);
}

/* --- statements ----------------------------------------------------------- */

static void put_names(struct buf *sql, const struct schema *s)
{
    for (size_t i = 0; i < s->n_fields; i++)
        buf_printf(sql, "%s\"%.*s\"", i ? "," : "", STR_ARG(s->fields[i].name));
}

static void put_sql(struct buf *sql, const struct schema *s,
                    enum sqlite_statement which)
{
    static const char *const fixed[N_FIXED_STMTS] = {
        "BEGIN IMMEDIATE",
        "COMMIT",
        "ROLLBACK",
        "SAVEPOINT one",
        "ROLLBACK TO one",
        "RELEASE one",
        "SELECT 1 FROM datos LIMIT 1",
    };

    if (which < N_FIXED_STMTS) {
        buf_puts(sql, fixed[which]);
        return;
    }
    if (which == STMT_INSERT) {
        buf_puts(sql, "INSERT INTO datos (");
        put_names(sql, s);
        buf_puts(sql, ") VALUES (");
        for (size_t i = 0; i < s->n_fields; i++)
            buf_puts(sql, i ? ",?" : "?");
        buf_puts(sql, ") ON CONFLICT DO NOTHING");
        return;
    }
    buf_puts(sql, "SELECT ");
    put_names(sql, s);
    buf_puts(sql, " FROM datos WHERE ");
    if (which == STMT_FIND)
        buf_puts(sql, "\"id\" = ?1");
    else if (which == STMT_NEWEST)
        buf_puts(sql, "\"timestamp\" BETWEEN ?1 AND ?2 "
                      "ORDER BY \"timestamp\" DESC, \"id\"");
    else
        buf_puts(sql, "\"timestamp\" = ?1 AND \"id\" > ?2 ORDER BY \"id\"");
}

sqlite3_stmt *sqlite_statement(struct sqlite_table *t,
                               enum sqlite_statement which, struct err *err)
{
    struct buf sql;
    int code;

    if (t->stmts[which]) {
        sqlite3_reset(t->stmts[which]);
        return t->stmts[which];
    }
    if (!t->db) {
        err_set(err, RC_UNAVAILABLE, "%s is not open", t->path);
        return NULL;
    }
    buf_init(&sql, SQL_MAX_BYTES);
    put_sql(&sql, t->schema, which);
    code = sqlite3_prepare_v3(t->db, sql.data, -1, SQLITE_PREPARE_PERSISTENT,
                              &t->stmts[which], NULL);
    buf_fini(&sql);
    if (code != SQLITE_OK)
        sqlite_fail(t, code, "use", err);
    return t->stmts[which];
}

static int run_fixed(struct sqlite_table *t, enum sqlite_statement which,
                     const char *doing, struct err *err)
{
    sqlite3_stmt *stmt = sqlite_statement(t, which, err);
    int code;

    if (!stmt)
        return RC_UNAVAILABLE;
    code = sqlite3_step(stmt);
    sqlite3_reset(stmt);
    return code == SQLITE_DONE || code == SQLITE_ROW
               ? RC_OK
               : sqlite_fail(t, code, doing, err);
}

/* --- opening -------------------------------------------------------------- */

static int connect_to(struct sqlite_table *t, bool may_create, struct err *err)
{
    static const char pragmas[] =
        "PRAGMA journal_mode=WAL;"
        "PRAGMA synchronous=FULL;" /* a commit survives a power cut */
        "PRAGMA temp_store=MEMORY;"
        "PRAGMA journal_size_limit=16777216;";
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
                SQLITE_OPEN_EXRESCODE | (may_create ? SQLITE_OPEN_CREATE : 0);
    struct stat st;
    int code = sqlite3_open_v2(t->path, &t->db, flags, NULL), rc;

    if (code != SQLITE_OK) {
        rc = sqlite_fail(t, code, "open", err);
        drop(t, false);
        return rc;
    }
    be_patient(t);
    sqlite3_busy_handler(t->db, on_busy, t);
    /* Changing to WAL does not ask the busy handler when two do it at once. */
    while ((code = sqlite3_exec(t->db, pragmas, NULL, NULL, NULL)) ==
               SQLITE_BUSY &&
           on_busy(t, 0))
        continue;
    if (code != SQLITE_OK) {
        rc = sqlite_fail(t, code, "open", err);
        drop(t, false);
        return rc;
    }
    sqlite3_wal_hook(t->db, on_wal, t); /* and no checkpoints on its own */
    /* A writer of random ids touches pages all over the index. */
    rc = sqlite_run(t,
                    t->role == SQLITE_WRITER ? "PRAGMA cache_size=-8192"
                                             : "PRAGMA cache_size=-512",
                    "open", err);
    if (rc == RC_OK && t->role != SQLITE_CHECKPOINTER)
        rc = sqlite_setup(t, err);
    if (rc == RC_OK && stat(t->path, &st) != 0)
        rc = err_set(err, RC_UNAVAILABLE, "cannot find %s: %s", t->path,
                     strerror(errno));
    if (rc != RC_OK) {
        drop(t, false);
        return rc;
    }
    t->device = st.st_dev;
    t->inode = st.st_ino;
    return RC_OK;
}

int sqlite_table_open(const char *path, const struct schema *schema,
                      enum sqlite_role role, struct sqlite_table **out,
                      struct err *err)
{
    struct sqlite_table *t = MEM_NEW(struct sqlite_table);
    int rc;

    t->schema = schema;
    t->role = role;
    t->path = mem_strdup(path);
    t->values = MEM_ARRAY(struct value, schema->n_fields);
    rc = connect_to(t, true, err);
    if (rc != RC_OK) {
        sqlite_table_close(t);
        return rc;
    }
    *out = t;
    return RC_OK;
}

void sqlite_table_close(struct sqlite_table *t)
{
    if (!t)
        return;
    drop(t, false);
    mem_free(t->values);
    mem_free(t->path);
    mem_free(t);
}

int sqlite_table_ready(struct sqlite_table *t, struct err *err)
{
    struct stat st;
    int found = stat(t->path, &st);

    if (found == 0 && t->db && st.st_dev == t->device && st.st_ino == t->inode)
        return RC_OK;
    if (t->db)
        drop(t, true);
    if (found != 0)
        return err_set(err, RC_UNAVAILABLE,
                       errno == ENOENT
                           ? "%s was deleted: put it back, or restart to begin "
                             "with an empty one (%s)"
                           : "cannot reach %s: %s",
                       t->path, strerror(errno));
    return connect_to(t, false, err);
}

/* --- transactions --------------------------------------------------------- */

int sqlite_table_begin(struct sqlite_table *t, struct err *err)
{
    be_patient(t);
    return run_fixed(t, STMT_BEGIN, "write", err);
}

int sqlite_table_commit(struct sqlite_table *t, struct err *err)
{
    int rc = run_fixed(t, STMT_COMMIT, "write", err);

    if (rc != RC_OK)
        sqlite_table_rollback(t);
    return rc;
}

void sqlite_table_rollback(struct sqlite_table *t)
{
    struct err ignored;

    if (t->db && !sqlite3_get_autocommit(t->db) &&
        run_fixed(t, STMT_ROLLBACK, "write", &ignored) != RC_OK)
        drop(t, false);
}

int sqlite_table_mark(struct sqlite_table *t, struct err *err)
{
    return run_fixed(t, STMT_MARK, "write", err);
}

int sqlite_table_undo(struct sqlite_table *t, struct err *err)
{
    int rc = run_fixed(t, STMT_UNDO, "write", err);

    return rc == RC_OK ? sqlite_table_keep(t, err) : rc;
}

int sqlite_table_keep(struct sqlite_table *t, struct err *err)
{
    return run_fixed(t, STMT_KEEP, "write", err);
}

int sqlite_table_ping(struct sqlite_table *t, struct err *err)
{
    be_patient(t);
    return run_fixed(t, STMT_PING, "read", err);
}

/* --- upkeep --------------------------------------------------------------- */

int sqlite_table_wal_pages(const struct sqlite_table *t)
{
    return t->wal_pages;
}

int sqlite_table_checkpoint(struct sqlite_table *t)
{
    int in_log = 0, copied = 0;

    if (!t->db ||
        sqlite3_wal_checkpoint_v2(t->db, NULL, SQLITE_CHECKPOINT_PASSIVE,
                                  &in_log, &copied) != SQLITE_OK)
        return -1;
    return in_log - copied;
}

void sqlite_table_shrink(struct sqlite_table *t)
{
    if (t->db)
        sqlite3_db_release_memory(t->db);
}
