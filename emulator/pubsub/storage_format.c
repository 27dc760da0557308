/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of a state, and how those of older formats become them. */
#include "emulator/pubsub/storage_file_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/io.h"
#include "common/mem.h"

enum {
    PROBE_BYTES = 64 << 10,
    FORMAT = 3, /* user_version of the files this code writes */
    APPLICATION = 0x64617073
};

#define ATTEMPTS_SQL                                                           \
    "CREATE TABLE IF NOT EXISTS attempts(n INTEGER PRIMARY KEY,"               \
    " holder INTEGER NOT NULL, pairs BLOB NOT NULL);"                          \
    "CREATE INDEX IF NOT EXISTS attempts_holder ON attempts(holder);"

/* The bytes are last: what stands behind them in a row is only read through
 * them, and a start reads all that stands before. */
static const char tables_sql[] = ATTEMPTS_SQL
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
    " file INTEGER NOT NULL DEFAULT 0, at INTEGER NOT NULL DEFAULT 0,"
    " len INTEGER NOT NULL DEFAULT 0, bytes BLOB NOT NULL);";

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

static int make_tables(struct storage_file *f, struct err *err)
{
    char sql[128];
    int rc = storage_exec(f, "BEGIN IMMEDIATE", err);

    if (rc == RC_OK)
        rc = storage_exec(f, tables_sql, err);
    sqlite3_snprintf(sizeof(sql), sql,
                     "PRAGMA application_id = %d; PRAGMA user_version = %d;",
                     APPLICATION, FORMAT);
    if (rc == RC_OK)
        rc = storage_exec(f, sql, err);
    if (rc == RC_OK)
        rc = storage_exec(f, "COMMIT", err);
    return rc;
}

/* Format 1 did not know when a subscription was born, 2 had no segments, and
 * no attempts. */
static const char upgrade_1_sql[] =
    "BEGIN IMMEDIATE;"
    "ALTER TABLE resource ADD COLUMN born INTEGER NOT NULL DEFAULT 0;"
    "PRAGMA user_version = 2;"
    "COMMIT;";
static const char upgrade_2_sql[] =
    "BEGIN IMMEDIATE;" ATTEMPTS_SQL
    "ALTER TABLE batch ADD COLUMN file INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE batch ADD COLUMN at INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE batch ADD COLUMN len INTEGER NOT NULL DEFAULT 0;"
    "PRAGMA user_version = 3;"
    "COMMIT;";

static int upgrade(struct storage_file *f, int64_t format, struct err *err)
{
    int rc = format < 2 ? storage_exec(f, upgrade_1_sql, err) : RC_OK;

    if (rc == RC_OK && format < 3)
        rc = storage_exec(f, upgrade_2_sql, err);
    return rc;
}

int storage_format(struct storage_file *f, struct err *err)
{
    int64_t format = pragma(f, "PRAGMA user_version");
    int64_t application = pragma(f, "PRAGMA application_id");

    if ((format < 0 || application < 0) && sqlite3_errcode(f->db) != SQLITE_OK)
        return storage_fail(f, err);
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
    return upgrade(f, format, err);
}

/* --- whether it can be written -------------------------------------------- */

/* Room that nobody had before: the tables' log may have some left over. */
static int probe_disk(const char *path, struct err *err)
{
    static const char zeros[PROBE_BYTES];
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int why = fd < 0 ? errno : io_write_all(fd, str_of(zeros, sizeof(zeros)));

    if (fd >= 0)
        close(fd);
    unlink(path);
    return why ? err_set(err, RC_IO, "%s: %s", path, strerror(why)) : RC_OK;
}

int storage_probe(struct storage_file *f, struct err *err)
{
    char *path = mem_printf("%s-probe", f->path);
    char sql[64];
    int rc = probe_disk(path, err);

    mem_free(path);
    /* the header's page: a change to SQLite, the same to everybody else */
    sqlite3_snprintf(sizeof(sql), sql, "PRAGMA user_version = %d", FORMAT);
    return rc ? rc : storage_exec(f, sql, err);
}
