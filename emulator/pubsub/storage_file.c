/* SPDX-License-Identifier: Apache-2.0 */
/* Tables: resources; acknowledgement sets and the log of what changed since;
 * batches, whose key is their first message's id, so that each new one goes to
 * the right end of its tree. */
#include "emulator/pubsub/storage_file.h"

#include <sqlite3.h>

#include "common/mem.h"

enum {
    FORMAT = 2, /* user_version of the files this code writes */
    APPLICATION = 0x64617073,
    CACHE_KIB = 1024,
    BUSY_MS = 5000
};

#define STATEMENTS(S)                                                          \
    S(BEGIN, "BEGIN IMMEDIATE")                                                \
    S(COMMIT, "COMMIT")                                                        \
    S(PUT_BATCH, "INSERT INTO batch VALUES (?1, ?2, ?3, ?4, ?5, ?6)")          \
    S(DROP_BATCH, "DELETE FROM batch WHERE id = ?1")                           \
    S(READ_BATCH, "SELECT bytes FROM batch WHERE id = ?1")                     \
    S(LOG_ACKS, "INSERT INTO ack_log(holder, runs) VALUES (?1, ?2)")           \
    S(PUT_ACKS, "INSERT OR REPLACE INTO acks VALUES (?1, ?2)")                 \
    S(END_LOG, "DELETE FROM ack_log WHERE holder = ?1")                        \
    S(PUT_RESOURCE,                                                            \
      "INSERT OR REPLACE INTO resource VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")   \
    S(DROP_RESOURCE, "DELETE FROM resource WHERE number = ?1")                 \
    S(DROP_ACKS, "DELETE FROM acks WHERE holder = ?1")                         \
    S(LOG_ATTEMPTS, "INSERT INTO attempts(holder, pairs) VALUES (?1, ?2)")     \
    S(DROP_ATTEMPTS, "DELETE FROM attempts WHERE holder = ?1")

enum statement {
#define S(name, sql) ST_##name,
    STATEMENTS(S)
#undef S
    ST_COUNT
};

static const char *const statement_sql[ST_COUNT] = {
#define S(name, sql) sql,
    STATEMENTS(S)
#undef S
};

static const char tables_sql[] =
    "CREATE TABLE resource(number INTEGER PRIMARY KEY, kind INTEGER NOT NULL,"
    " topic INTEGER NOT NULL, secret INTEGER NOT NULL,"
    " deleted INTEGER NOT NULL, body BLOB NOT NULL,"
    " born INTEGER NOT NULL DEFAULT 0);"
    "CREATE TABLE acks(holder INTEGER PRIMARY KEY, done BLOB NOT NULL);"
    "CREATE TABLE ack_log(n INTEGER PRIMARY KEY, holder INTEGER NOT NULL,"
    " runs BLOB NOT NULL);"
    "CREATE INDEX ack_log_holder ON ack_log(holder);"
    "CREATE TABLE batch(id INTEGER PRIMARY KEY, topic INTEGER NOT NULL,"
    " seq INTEGER NOT NULL, us INTEGER NOT NULL, n INTEGER NOT NULL,"
    " bytes BLOB NOT NULL);";

struct storage_file {
    sqlite3 *db;
    char *path;
    sqlite3_stmt *statements[ST_COUNT];
};

/* Not of the format: who does not know it leaves it alone, and what it says of
 * messages that are done with counts for nothing. */
static const char attempts_sql[] =
    "CREATE TABLE IF NOT EXISTS attempts(n INTEGER PRIMARY KEY,"
    " holder INTEGER NOT NULL, pairs BLOB NOT NULL);"
    "CREATE INDEX IF NOT EXISTS attempts_holder ON attempts(holder);";

/* --- errors --------------------------------------------------------------- */

static int fail(const struct storage_file *f, struct err *err)
{
    int code = sqlite3_errcode(f->db);

    switch (code & 0xff) {
    case SQLITE_FULL:
        return err_set(err, RC_IO, "%s: the disk is full: free some space",
                       f->path);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return err_set(err, RC_MALFORMED,
                       "%s: not a state file of datos-emulator, or damaged "
                       "(%s): remove it or name another folder with --state",
                       f->path, sqlite3_errmsg(f->db));
    case SQLITE_BUSY:
        return err_set(err, RC_IO, "%s: another program holds it locked",
                       f->path);
    case SQLITE_CANTOPEN:
        return err_set(err, RC_IO,
                       "%s: cannot be opened: is its folder there, and may we "
                       "write there?",
                       f->path);
    case SQLITE_READONLY:
        return err_set(err, RC_IO,
                       "%s: is read-only: make it and its folder writable",
                       f->path);
    case SQLITE_IOERR:
        return err_set(err, RC_IO,
                       "%s: cannot be read or written (%s): is the disk, or a "
                       "limit on file sizes, full?",
                       f->path, strerror(sqlite3_system_errno(f->db)));
    default:
        return err_set(err, RC_IO, "%s: %s", f->path, sqlite3_errmsg(f->db));
    }
}

/* --- running -------------------------------------------------------------- */

static int exec(struct storage_file *f, const char *sql, struct err *err)
{
    return sqlite3_exec(f->db, sql, NULL, NULL, NULL) == SQLITE_OK
               ? RC_OK
               : fail(f, err);
}

static int64_t pragma(struct storage_file *f, const char *sql)
{
    sqlite3_stmt *st = NULL;
    int64_t value = -1;

    if (sqlite3_prepare_v2(f->db, sql, -1, &st, NULL) == SQLITE_OK &&
        sqlite3_step(st) == SQLITE_ROW)
        value = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return value;
}

static void bind_blob(sqlite3_stmt *st, int at, struct str bytes)
{
    sqlite3_bind_blob64(st, at, bytes.p ? bytes.p : "", bytes.len,
                        SQLITE_STATIC);
}

static int run(struct storage_file *f, enum statement which, struct err *err)
{
    sqlite3_stmt *st = f->statements[which];
    int rc = sqlite3_step(st) == SQLITE_DONE ? RC_OK : fail(f, err);

    sqlite3_reset(st);
    return rc;
}

static int run_number(struct storage_file *f, enum statement which,
                      uint64_t number, struct err *err)
{
    sqlite3_bind_int64(f->statements[which], 1, (sqlite3_int64)number);
    return run(f, which, err);
}

static int run_blob(struct storage_file *f, enum statement which,
                    uint64_t number, struct str bytes, struct err *err)
{
    bind_blob(f->statements[which], 2, bytes);
    return run_number(f, which, number, err);
}

/* --- opening -------------------------------------------------------------- */

static int make_tables(struct storage_file *f, struct err *err)
{
    char sql[128];
    int rc = exec(f, "BEGIN IMMEDIATE", err);

    if (rc == RC_OK)
        rc = exec(f, tables_sql, err);
    sqlite3_snprintf(sizeof(sql), sql,
                     "PRAGMA application_id = %d; PRAGMA user_version = %d;",
                     APPLICATION, FORMAT);
    if (rc == RC_OK)
        rc = exec(f, sql, err);
    if (rc == RC_OK)
        rc = exec(f, "COMMIT", err);
    return rc;
}

/* Format 1 did not know when a subscription was born. */
static const char upgrade_sql[] =
    "BEGIN IMMEDIATE;"
    "ALTER TABLE resource ADD COLUMN born INTEGER NOT NULL DEFAULT 0;"
    "PRAGMA user_version = 2;"
    "COMMIT;";

static int check_format(struct storage_file *f, struct err *err)
{
    int64_t format = pragma(f, "PRAGMA user_version");
    int64_t application = pragma(f, "PRAGMA application_id");

    if ((format < 0 || application < 0) && sqlite3_errcode(f->db) != SQLITE_OK)
        return fail(f, err);
    if (format == 0 && application == 0)
        return make_tables(f, err);
    if (application != APPLICATION)
        return err_set(err, RC_MALFORMED,
                       "%s: not a state file of datos-emulator: remove it or "
                       "name another folder with --state",
                       f->path);
    if (format > FORMAT)
        return err_set(err, RC_MALFORMED,
                       "%s: written by a newer datos-emulator (format %lld): "
                       "use that, or another folder with --state",
                       f->path, (long long)format);
    return format < FORMAT ? exec(f, upgrade_sql, err) : RC_OK;
}

static int prepare(struct storage_file *f, struct err *err)
{
    for (int i = 0; i < ST_COUNT; i++)
        if (sqlite3_prepare_v3(f->db, statement_sql[i], -1,
                               SQLITE_PREPARE_PERSISTENT, &f->statements[i],
                               NULL) != SQLITE_OK)
            return fail(f, err);
    return RC_OK;
}

int storage_file_open(const char *path, bool fsync, struct storage_file **out,
                      struct err *err)
{
    struct storage_file *f = MEM_NEW(struct storage_file);
    const char *sync =
        fsync ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = OFF";
    char cache[64];
    int rc = RC_OK;

    f->path = mem_strdup(path);
    sqlite3_snprintf(sizeof(cache), cache, "PRAGMA cache_size = -%d",
                     CACHE_KIB);
    if (sqlite3_open_v2(path, &f->db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
                            SQLITE_OPEN_NOMUTEX,
                        NULL) != SQLITE_OK)
        rc = fail(f, err);
    if (rc == RC_OK) {
        sqlite3_busy_timeout(f->db, BUSY_MS);
        rc = exec(f, "PRAGMA journal_mode = WAL", err);
    }
    if (rc == RC_OK)
        rc = exec(f, sync, err);
    if (rc == RC_OK)
        rc = exec(f, cache, err);
    if (rc == RC_OK)
        rc = check_format(f, err);
    if (rc == RC_OK)
        rc = exec(f, attempts_sql, err);
    if (rc == RC_OK)
        rc = prepare(f, err);
    if (rc) {
        storage_file_close(f);
        return rc;
    }
    *out = f;
    return RC_OK;
}

void storage_file_close(struct storage_file *f)
{
    if (!f)
        return;
    for (int i = 0; i < ST_COUNT; i++)
        sqlite3_finalize(f->statements[i]);
    sqlite3_close(f->db);
    mem_free(f->path);
    mem_free(f);
}

/* --- reading it all ------------------------------------------------------- */

static struct str blob_of(sqlite3_stmt *st, int at)
{
    const char *p = sqlite3_column_blob(st, at);

    return str_of(p ? p : "", (size_t)sqlite3_column_bytes(st, at));
}

static uint64_t number_of(sqlite3_stmt *st, int at)
{
    return (uint64_t)sqlite3_column_int64(st, at);
}

static int show_resource(sqlite3_stmt *st, const struct storage_visitor *v,
                         struct err *err)
{
    struct kept_resource r = {
        .number = number_of(st, 0),
        .kind = (enum kept_kind)sqlite3_column_int(st, 1),
        .topic = number_of(st, 2),
        .secret = number_of(st, 3),
        .deleted = sqlite3_column_int(st, 4) != 0,
        .body = blob_of(st, 5),
        .done = blob_of(st, 6),
        .born = number_of(st, 7),
    };

    return v->resource(&r, v->arg, err);
}

static int show_acks(sqlite3_stmt *st, const struct storage_visitor *v,
                     struct err *err)
{
    return v->acks(number_of(st, 0), blob_of(st, 1), v->arg, err);
}

static int show_attempts(sqlite3_stmt *st, const struct storage_visitor *v,
                         struct err *err)
{
    return v->attempts(number_of(st, 0), blob_of(st, 1), v->arg, err);
}

static int show_batch(sqlite3_stmt *st, const struct storage_visitor *v,
                      struct err *err)
{
    struct kept_batch b = {
        .id = number_of(st, 0),
        .topic = number_of(st, 1),
        .seq = number_of(st, 2),
        .publish_us = sqlite3_column_int64(st, 3),
        .n = (uint32_t)sqlite3_column_int(st, 4),
        .len = (uint32_t)sqlite3_column_int(st, 5),
    };

    return v->batch(&b, v->arg, err);
}

static int visit(struct storage_file *f, const char *sql,
                 int (*show)(sqlite3_stmt *st, const struct storage_visitor *v,
                             struct err *err),
                 const struct storage_visitor *v, struct err *err)
{
    sqlite3_stmt *st = NULL;
    int rc = RC_OK, got = SQLITE_ROW;

    if (sqlite3_prepare_v2(f->db, sql, -1, &st, NULL) != SQLITE_OK)
        return fail(f, err);
    while (rc == RC_OK && (got = sqlite3_step(st)) == SQLITE_ROW)
        rc = show(st, v, err);
    if (rc == RC_OK && got != SQLITE_DONE)
        rc = fail(f, err);
    sqlite3_finalize(st);
    return rc;
}

int storage_file_visit(struct storage_file *f, const struct storage_visitor *v,
                       struct err *err)
{
    int rc =
        visit(f,
              "SELECT number, kind, topic, secret, deleted, body, done, born "
              "FROM resource LEFT JOIN acks ON holder = number "
              "ORDER BY kind, number",
              show_resource, v, err);

    if (rc == RC_OK)
        rc = visit(f, "SELECT holder, runs FROM ack_log ORDER BY n", show_acks,
                   v, err);
    if (rc == RC_OK)
        rc = visit(f, "SELECT holder, pairs FROM attempts ORDER BY n",
                   show_attempts, v, err);
    if (rc == RC_OK)
        rc = visit(f,
                   "SELECT id, topic, seq, us, n, length(bytes) FROM batch "
                   "ORDER BY id",
                   show_batch, v, err);
    return rc;
}

/* --- writing -------------------------------------------------------------- */

int storage_file_begin(struct storage_file *f, struct err *err)
{
    return run(f, ST_BEGIN, err);
}

int storage_file_commit(struct storage_file *f, struct err *err)
{
    return run(f, ST_COMMIT, err);
}

void storage_file_rollback(struct storage_file *f)
{
    sqlite3_exec(f->db, "ROLLBACK", NULL, NULL, NULL);
}

void storage_file_shrink(struct storage_file *f)
{
    sqlite3_db_release_memory(f->db);
}

static int put_batch(struct storage_file *f, const struct kept_batch *b,
                     struct err *err)
{
    sqlite3_stmt *st = f->statements[ST_PUT_BATCH];

    sqlite3_bind_int64(st, 2, (sqlite3_int64)b->topic);
    sqlite3_bind_int64(st, 3, (sqlite3_int64)b->seq);
    sqlite3_bind_int64(st, 4, b->publish_us);
    sqlite3_bind_int64(st, 5, b->n);
    bind_blob(st, 6, b->bytes);
    return run_number(f, ST_PUT_BATCH, b->id, err);
}

static int read_batch(struct storage_file *f, struct storage_step *step,
                      struct err *err)
{
    sqlite3_stmt *st = f->statements[ST_READ_BATCH];
    int rc = RC_OK, got;

    sqlite3_bind_int64(st, 1, (sqlite3_int64)step->number);
    got = sqlite3_step(st);
    if (got == SQLITE_ROW) {
        struct str bytes = blob_of(st, 0);

        step->read = mem_strndup(bytes.p, bytes.len);
    } else if (got != SQLITE_DONE) {
        rc = fail(f, err);
    }
    sqlite3_reset(st);
    return rc;
}

static int set_acks(struct storage_file *f, uint64_t number, struct str done,
                    struct err *err)
{
    int rc = run_blob(f, ST_PUT_ACKS, number, done, err);

    return rc ? rc : run_number(f, ST_END_LOG, number, err);
}

static int put_resource(struct storage_file *f, const struct kept_resource *r,
                        struct err *err)
{
    sqlite3_stmt *st = f->statements[ST_PUT_RESOURCE];
    int rc;

    sqlite3_bind_int(st, 2, r->kind);
    sqlite3_bind_int64(st, 3, (sqlite3_int64)r->topic);
    sqlite3_bind_int64(st, 4, (sqlite3_int64)r->secret);
    sqlite3_bind_int(st, 5, r->deleted);
    bind_blob(st, 6, r->body);
    sqlite3_bind_int64(st, 7, (sqlite3_int64)r->born);
    rc = run_number(f, ST_PUT_RESOURCE, r->number, err);
    return rc || !r->done.p ? rc : set_acks(f, r->number, r->done, err);
}

static int drop_resource(struct storage_file *f, uint64_t number,
                         struct err *err)
{
    int rc = run_number(f, ST_DROP_RESOURCE, number, err);

    if (rc == RC_OK)
        rc = run_number(f, ST_DROP_ACKS, number, err);
    if (rc == RC_OK)
        rc = run_number(f, ST_END_LOG, number, err);
    return rc ? rc : run_number(f, ST_DROP_ATTEMPTS, number, err);
}

static int set_attempts(struct storage_file *f, uint64_t number,
                        struct str pairs, struct err *err)
{
    int rc = run_number(f, ST_DROP_ATTEMPTS, number, err);

    return rc || !pairs.len ? rc
                            : run_blob(f, ST_LOG_ATTEMPTS, number, pairs, err);
}

int storage_file_step(struct storage_file *f, struct storage_step *step,
                      struct err *err)
{
    switch (step->op) {
    case STORAGE_PUT_BATCH:
        return put_batch(f, &step->batch, err);
    case STORAGE_DROP_BATCH:
        return run_number(f, ST_DROP_BATCH, step->number, err);
    case STORAGE_READ_BATCH:
        return read_batch(f, step, err);
    case STORAGE_LOG_ACKS:
        return run_blob(f, ST_LOG_ACKS, step->number, step->bytes, err);
    case STORAGE_SET_ACKS:
        return set_acks(f, step->number, step->bytes, err);
    case STORAGE_LOG_ATTEMPTS:
        return run_blob(f, ST_LOG_ATTEMPTS, step->number, step->bytes, err);
    case STORAGE_SET_ATTEMPTS:
        return set_attempts(f, step->number, step->bytes, err);
    case STORAGE_PUT_RESOURCE:
        return put_resource(f, &step->resource, err);
    case STORAGE_DROP_RESOURCE:
        return drop_resource(f, step->number, err);
    case STORAGE_WIPE:
        return exec(f,
                    "DELETE FROM resource; DELETE FROM acks;"
                    "DELETE FROM ack_log; DELETE FROM attempts;"
                    "DELETE FROM batch;",
                    err);
    }
    return RC_OK;
}
