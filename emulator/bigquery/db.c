/* SPDX-License-Identifier: Apache-2.0 */
/* Connections, transactions and statements of db.h. */
#include "emulator/bigquery/db.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common/io.h"
#include "common/mem.h"
#include "emulator/bigquery/db_priv.h"
#include "emulator/bigquery/scratch.h"
#include "emulator/bigquery/sql/sql.h"

enum {
    BUSY_MS = 10000, /* only a checkpoint ever holds a lock */
    SOON_US = 20000, /* db_begin_soon: beyond a batch of insertAll */
    BULK_ROWS = 50000,
    BULK_CACHE_KIB = 16384,
    PROBE_BYTES = 64 << 10,
    LOOKASIDE_BYTES = 1200, /* SQLite's own default */
    LOOKASIDE_SLOTS = 40,
    WAL_PAGES = 8192 /* 32 MiB, after which a commit copies them back */
};

int db_fail(struct db *db, const char *doing, struct err *err)
{
    int code = sqlite3_extended_errcode(db->h);
    enum rc rc = RC_IO;
    char text[400];

    switch (code & 0xff) {
    case SQLITE_CONSTRAINT:
        rc = RC_EXISTS;
        break;
    case SQLITE_NOMEM:
        rc = RC_NOMEM;
        break;
    case SQLITE_FULL:
    case SQLITE_IOERR:
        atomic_store(&db->all->is_stuck, true);
        rc = RC_UNAVAILABLE;
        break;
    case SQLITE_BUSY:
        rc = RC_UNAVAILABLE;
        break;
    case SQLITE_TOOBIG:
        rc = RC_TOO_LARGE;
        break;
    case SQLITE_INTERRUPT:
        rc = RC_CANCELLED;
        break;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        sql_damage_text(db->h, text, sizeof(text));
        return err_set(err, RC_MALFORMED, "BigQuery's storage: %s", text);
    case SQLITE_ERROR:
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
        rc = RC_INTERNAL;
        break;
    default:
        break;
    }
    return err_set(err, rc, "BigQuery's storage: %s: %s", doing,
                   sqlite3_errmsg(db->h));
}

/* --- statements ----------------------------------------------------------- */

static sqlite3_stmt *statement(struct db *db, const char *sql)
{
    size_t i = 0;

    while (i < DB_MAX_STMTS && db->stmts[i].sql && db->stmts[i].sql != sql)
        i++;
    if (i == DB_MAX_STMTS) { /* more texts than room: the last one goes */
        i--;
        sqlite3_finalize(db->stmts[i].stmt);
        db->stmts[i] = (struct db_stmt){NULL, NULL};
    }
    if (!db->stmts[i].stmt) {
        if (sqlite3_prepare_v3(db->h, sql, -1, SQLITE_PREPARE_PERSISTENT,
                               &db->stmts[i].stmt, NULL))
            return NULL;
        db->stmts[i].sql = sql;
    }
    return db->stmts[i].stmt;
}

static int bind_all(sqlite3_stmt *s, const char *types, va_list ap)
{
    int rc = SQLITE_OK;

    for (int i = 1; *types && rc == SQLITE_OK; types++, i++) {
        struct str text;

        switch (*types) {
        case 'i':
            rc = sqlite3_bind_int64(s, i, va_arg(ap, int64_t));
            break;
        case 'z':
            rc = sqlite3_bind_text(s, i, va_arg(ap, const char *), -1,
                                   SQLITE_STATIC);
            break;
        case 'b':
            text = va_arg(ap, struct str);
            rc = sqlite3_bind_blob64(s, i, text.p ? text.p : "", text.len,
                                     SQLITE_STATIC);
            break;
        default:
            text = va_arg(ap, struct str);
            rc = sqlite3_bind_text64(s, i, text.p, text.len, SQLITE_STATIC,
                                     SQLITE_UTF8);
        }
    }
    return rc;
}

static sqlite3_stmt *bound(struct db *db, struct err *err, const char *sql,
                           const char *types, va_list ap)
{
    sqlite3_stmt *s = statement(db, sql);

    if (s && bind_all(s, types, ap) == SQLITE_OK)
        return s;
    (void)db_fail(db, sql, err);
    if (s)
        db_done(s);
    return NULL;
}

sqlite3_stmt *db_query(struct db *db, struct err *err, const char *sql,
                       const char *types, ...)
{
    sqlite3_stmt *s;
    va_list ap;

    va_start(ap, types);
    s = bound(db, err, sql, types, ap);
    va_end(ap);
    return s;
}

void db_done(sqlite3_stmt *s)
{
    sqlite3_reset(s);
    sqlite3_clear_bindings(s);
}

/* To its end, or with `out` to its first row, whose first column it takes if
 * that is not NULL. */
static int run(struct db *db, struct err *err, sqlite3_stmt *s, const char *sql,
               int64_t *out)
{
    int rc;

    if (!s)
        return RC_INTERNAL;
    do
        rc = sqlite3_step(s);
    while (rc == SQLITE_ROW && !out);
    if (rc == SQLITE_ROW && sqlite3_column_type(s, 0) != SQLITE_NULL)
        *out = sqlite3_column_int64(s, 0);
    rc = rc == SQLITE_ROW || rc == SQLITE_DONE ? RC_OK : db_fail(db, sql, err);
    db_done(s);
    return rc;
}

int db_run(struct db *db, struct err *err, const char *sql, const char *types,
           ...)
{
    sqlite3_stmt *s;
    va_list ap;

    va_start(ap, types);
    s = bound(db, err, sql, types, ap);
    va_end(ap);
    return run(db, err, s, sql, NULL);
}

int db_int(struct db *db, struct err *err, int64_t *out, const char *sql,
           const char *types, ...)
{
    sqlite3_stmt *s;
    va_list ap;

    va_start(ap, types);
    s = bound(db, err, sql, types, ap);
    va_end(ap);
    return run(db, err, s, sql, out);
}

int db_exec(struct db *db, struct err *err, const char *sql)
{
    if (sqlite3_exec(db->h, sql, NULL, NULL, NULL))
        return db_fail(db, "a change of tables", err);
    return RC_OK;
}

/* --- transactions --------------------------------------------------------- */

bool db_lend(struct dbs *all, int64_t wait_us)
{
    struct timespec until = {0};
    bool late = false;

    if (wait_us > 0) {
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += wait_us % 1000000 * 1000;
        until.tv_sec += wait_us / 1000000 + until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
    }
    pthread_mutex_lock(&all->lock);
    while (all->is_lent && !late) {
        if (wait_us < 0)
            pthread_cond_wait(&all->freed, &all->lock);
        else
            late = wait_us == 0 ||
                   pthread_cond_clockwait(&all->freed, &all->lock,
                                          CLOCK_MONOTONIC, &until) != 0;
    }
    late = all->is_lent;
    all->is_lent = true;
    pthread_mutex_unlock(&all->lock);
    return !late;
}

void db_take_back(struct dbs *all)
{
    pthread_mutex_lock(&all->lock);
    all->is_lent = false;
    pthread_cond_signal(&all->freed);
    pthread_mutex_unlock(&all->lock);
}

/* With the writer. */
static struct db *begin(struct dbs *all, bool durable, struct err *err)
{
    struct db *w = &all->writer;
    bool full = durable && all->fsync;

    if (full != all->full) {
        all->full = full;
        sqlite3_exec(w->h, full ? "PRAGMA synchronous=FULL" : all->unsynced,
                     NULL, NULL, NULL);
    }
    if (db_run(w, err, "BEGIN IMMEDIATE", "") == RC_OK)
        return w;
    db_take_back(all);
    return NULL;
}

struct db *db_begin(struct dbs *all, bool durable, struct err *err)
{
    (void)db_lend(all, -1);
    return begin(all, durable, err);
}

struct db *db_begin_soon(struct dbs *all, bool durable, struct err *err)
{
    if (db_lend(all, SOON_US))
        return begin(all, durable, err);
    err_set(err, RC_BUSY, "BigQuery's storage: a long statement writes");
    return NULL;
}

void db_rollback(struct db *w)
{
    sqlite3_exec(w->h, "ROLLBACK", NULL, NULL, NULL);
    db_take_back(w->all);
}

int db_commit(struct db *w, struct err *err)
{
    int rc = db_run(w, err, "COMMIT", "");

    if (rc)
        sqlite3_exec(w->h, "ROLLBACK", NULL, NULL, NULL);
    else if (atomic_load(&w->all->is_stuck))
        atomic_store(&w->all->is_stuck, false);
    db_take_back(w->all);
    return rc;
}

/* Room that nobody had before, as the log may have some left over, and the
 * header's page: a change to SQLite, the same to everybody else. */
static bool takes_writes(struct dbs *all)
{
    static const char zeros[PROBE_BYTES];
    char *path = mem_printf("%s-probe", all->path);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && io_write_all(fd, str_of(zeros, sizeof(zeros))) == 0;
    int64_t version;
    struct err err;
    char *sql;

    if (fd >= 0)
        close(fd);
    unlink(path);
    mem_free(path);
    if (!ok || db_int(&all->writer, &err, &version, "PRAGMA user_version", ""))
        return false;
    sql = mem_printf("PRAGMA user_version=%lld", (long long)version);
    ok = db_exec(&all->writer, &err, sql) == RC_OK;
    mem_free(sql);
    return ok;
}

int db_check_disk(struct dbs *all, struct err *err)
{
    if (!atomic_load(&all->is_stuck))
        return RC_OK;
    /* who writes will see for himself */
    if (db_lend(all, 0)) {
        atomic_store(&all->is_stuck, !takes_writes(all));
        db_take_back(all);
    }
    return err_set(err, RC_UNAVAILABLE,
                   "BigQuery's storage: %s: a write failed: is the disk, or a "
                   "limit on file sizes, full?",
                   all->path);
}

void db_bulk(struct db *w, size_t n_rows)
{
    char *sql;

    if (w->all->bulk_rows >= BULK_ROWS)
        return;
    w->all->bulk_rows += n_rows;
    if (w->all->bulk_rows < BULK_ROWS)
        return;
    sql = mem_printf("PRAGMA cache_size=-%d", BULK_CACHE_KIB);
    sqlite3_exec(w->h, sql, NULL, NULL, NULL); /* slower, if it fails */
    mem_free(sql);
}

int db_read_begin(struct db *r, struct err *err)
{
    return db_run(r, err, "BEGIN", "");
}

void db_read_end(struct db *r)
{
    sqlite3_exec(r->h, "COMMIT", NULL, NULL, NULL);
}

int db_use_sql(struct db *db, struct err *err)
{
    if (db->has_sql)
        return RC_OK;
    if (sql_connect(db->h))
        return db_fail(db, "registering functions", err);
    db->has_sql = true;
    return RC_OK;
}

struct db *db_reader(struct dbs *all, unsigned i)
{
    return &all->readers[i];
}

bool db_is_writer(const struct db *db)
{
    return db == &db->all->writer;
}

/* --- opening -------------------------------------------------------------- */

/* Sorts that outgrow the cache go into a file and read it in order; in memory
 * SQLite would keep each row in an allocation of its own: twice the time, and
 * no bound. A file it makes where its own search finds a folder; "." is left
 * out, which would be anybody's. */
static const char *temp_pragma(void)
{
    const char *dirs[] = {getenv("SQLITE_TMPDIR"), getenv("TMPDIR"), "/var/tmp",
                          "/usr/tmp", "/tmp"};

    for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
        if (dirs[i] && access(dirs[i], W_OK | X_OK) == 0)
            return "PRAGMA temp_store=FILE";
    return "PRAGMA temp_store=MEMORY";
}

static int open_one(struct dbs *all, struct db *db, struct err *err)
{
    db->all = all;
    if (sqlite3_open_v2(all->path, &db->h,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
                            SQLITE_OPEN_NOMUTEX,
                        NULL))
        return err_set(err, RC_IO, "%s: %s", all->path,
                       db->h ? sqlite3_errmsg(db->h) : "out of memory");
    sqlite3_busy_timeout(db->h, BUSY_MS);
    sqlite3_extended_result_codes(db->h, 1);
    return RC_OK;
}

/* These make SQLite read the schema, so that a connection which nobody uses
 * yet has none of it in memory. */
static int tune(struct db *db, struct err *err)
{
    static const char pragmas[] = "PRAGMA journal_mode=WAL;"
                                  "PRAGMA cache_size=-4096;"
                                  "PRAGMA secure_delete=OFF;"
                                  "PRAGMA journal_size_limit=33554432;";

    if (sqlite3_exec(db->h, pragmas, NULL, NULL, NULL) ||
        sqlite3_exec(db->h, temp_pragma(), NULL, NULL, NULL) ||
        sqlite3_exec(db->h, db->all->unsynced, NULL, NULL, NULL))
        return db_fail(db, db->all->path, err);
    return RC_OK;
}

/* With SQLite's 1,000 pages a log, a batch of 500 rows in no order would copy
 * the whole log back; so a page goes into the file once for many commits. */
static int tune_writer(struct dbs *all, struct err *err)
{
    char *sql = mem_printf("PRAGMA wal_autocheckpoint=%d", WAL_PAGES);
    int rc = db_exec(&all->writer, err, sql);

    mem_free(sql);
    return rc;
}

/* A connection looks into the file once: it then has all the files open that
 * it will ever need, and they may lose their names. It holds next to nothing
 * until db_wake: no pool of small blocks, no schema, no page. */
static int open_asleep(struct dbs *all, struct db *db, struct err *err)
{
    int rc = open_one(all, db, err);

    if (rc)
        return rc;
    sqlite3_db_config(db->h, SQLITE_DBCONFIG_LOOKASIDE, NULL, 0, 0);
    if (sqlite3_exec(db->h, "PRAGMA schema_version", NULL, NULL, NULL))
        return db_fail(db, all->path, err);
    sqlite3_db_release_memory(db->h);
    return RC_OK;
}

int db_wake(struct db *db, struct err *err)
{
    sqlite3_db_config(db->h, SQLITE_DBCONFIG_LOOKASIDE, NULL, LOOKASIDE_BYTES,
                      LOOKASIDE_SLOTS);
    return tune(db, err);
}

static void drop_statements(struct db *db)
{
    for (size_t i = 0; i < DB_MAX_STMTS; i++) {
        sqlite3_finalize(db->stmts[i].stmt);
        db->stmts[i] = (struct db_stmt){NULL, NULL};
    }
}

void db_rest(struct db *db)
{
    drop_statements(db);
    sqlite3_db_release_memory(db->h);
}

static char *nameless_path(struct err *err)
{
    int fd;
    char *path = scratch_file(NULL, &fd);

    if (path)
        close(fd);
    else
        err_set(err, RC_IO,
                "BigQuery finds no folder for its tables: set TMPDIR "
                "to one that is writable, or give --state");
    return path;
}

static void unname(const char *path)
{
    static const char *const ends[] = {"", "-wal", "-shm"};

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        char *one = mem_printf("%s%s", path, ends[i]);

        unlink(one);
        mem_free(one);
    }
}

int db_open(const char *dir, bool fsync, unsigned n_readers, struct dbs **out,
            struct err *err)
{
    struct dbs *all = MEM_NEW(struct dbs);
    int rc;

    pthread_mutex_init(&all->lock, NULL);
    pthread_cond_init(&all->freed, NULL);
    all->fsync = fsync && dir;
    all->nameless = !dir;
    /* A kill loses nothing without syncs, the kernel has the bytes. Power
     * cuts must at least leave a sound file: NORMAL syncs checkpoints. */
    all->unsynced =
        dir ? "PRAGMA synchronous=NORMAL" : "PRAGMA synchronous=OFF";
    all->readers = MEM_ARRAY(struct db, n_readers);
    all->path = dir ? mem_printf("%s/bigquery.db", dir) : nameless_path(err);
    rc = all->path ? open_one(all, &all->writer, err) : RC_IO;
    if (rc == RC_OK)
        rc = tune(&all->writer, err);
    if (rc == RC_OK)
        rc = tune_writer(all, err);
    if (rc == RC_OK)
        rc = db_layout(all, err);
    for (; rc == RC_OK && all->n_readers < n_readers; all->n_readers++)
        rc = open_asleep(all, &all->readers[all->n_readers], err);
    if (all->path && !dir)
        unname(all->path);
    if (rc) {
        db_close(all);
        return rc;
    }
    *out = all;
    return RC_OK;
}

static void close_one(struct db *db)
{
    drop_statements(db);
    sqlite3_close_v2(db->h);
}

void db_close(struct dbs *all)
{
    if (!all)
        return;
    for (unsigned i = 0; i < all->n_readers; i++)
        close_one(&all->readers[i]);
    close_one(&all->writer);
    pthread_cond_destroy(&all->freed);
    pthread_mutex_destroy(&all->lock);
    mem_free(all->readers);
    mem_free(all->path);
    mem_free(all);
}
