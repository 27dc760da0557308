/* SPDX-License-Identifier: Apache-2.0 */
/* The service's own tables, and the whole file saved, loaded, emptied. */
#include <stdio.h>

#include "common/buf.h"
#include "common/mem.h"
#include "emulator/bigquery/db_priv.h"

enum {
    FORMAT = 1,        /* PRAGMA user_version */
    HEADER_BYTES = 100 /* of an SQLite file */
};

/* Rows of a table lie in the SQLite table "t" and its id. `body` is the JSON
 * of what users may set; the rest of a resource is made from the columns.
 * `n_rows`, `n_bytes`: -1 when a change left them uncounted; rows behind
 * rowid `buffered` wait in the streaming buffer. */
static const char layout[] =
    "CREATE TABLE datasets(project TEXT NOT NULL, dataset TEXT NOT NULL,"
    " created_us INTEGER, modified_us INTEGER, body TEXT,"
    " PRIMARY KEY(project, dataset)) WITHOUT ROWID;"
    "CREATE TABLE tables(id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " project TEXT NOT NULL, dataset TEXT NOT NULL, name TEXT NOT NULL,"
    " kind TEXT, created_us INTEGER, modified_us INTEGER, body TEXT,"
    " n_rows INTEGER DEFAULT 0, n_bytes INTEGER DEFAULT 0,"
    " buffered INTEGER, buffered_us INTEGER,"
    " UNIQUE(project, dataset, name));"
    /* of a partitioned table; `part` in the column's stored unit */
    "CREATE TABLE partitions(table_id INTEGER, part INTEGER, n_rows INTEGER,"
    " n_bytes INTEGER, modified_us INTEGER, PRIMARY KEY(table_id, part))"
    " WITHOUT ROWID;"
    "CREATE TABLE recent(at_us INTEGER, table_id INTEGER, ids BLOB);"
    "CREATE INDEX recent_at ON recent(at_us);"
    "CREATE TABLE jobs(n INTEGER PRIMARY KEY AUTOINCREMENT,"
    " project TEXT NOT NULL, job TEXT NOT NULL, location TEXT,"
    " created_us INTEGER, state TEXT, request TEXT, anon TEXT, parent TEXT,"
    " body TEXT, schema TEXT, total_rows INTEGER, expires_us INTEGER,"
    " UNIQUE(project, job));"
    "CREATE INDEX jobs_request ON jobs(request) WHERE request IS NOT NULL;"
    "CREATE INDEX jobs_anon ON jobs(anon) WHERE anon IS NOT NULL;"
    "CREATE TABLE results(job INTEGER, first INTEGER, n INTEGER, rows BLOB,"
    " PRIMARY KEY(job, first)) WITHOUT ROWID;";

/* Came later: also made where a folder or an image of before lacks it. */
static const char layout_later[] =
    "CREATE TABLE IF NOT EXISTS policies(table_id INTEGER PRIMARY KEY,"
    " body TEXT);"
    "CREATE TABLE IF NOT EXISTS trash(id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " project TEXT NOT NULL, dataset TEXT NOT NULL, created_us INTEGER,"
    " modified_us INTEGER, deleted_us INTEGER, body TEXT)";

static const char *const own[] = {"datasets", "tables",  "partitions", "recent",
                                  "jobs",     "results", "policies",   "trash"};

int db_layout(struct dbs *all, struct err *err)
{
    int64_t version = 0;
    char *sql;
    int rc = db_int(&all->writer, err, &version, "PRAGMA user_version", "");

    if (rc)
        return rc;
    if (version == FORMAT)
        return db_exec(&all->writer, err, layout_later);
    if (version > FORMAT)
        return err_set(err, RC_UNSUPPORTED,
                       "%s is of a newer datos-emulator (format %d): use that "
                       "one, or another folder",
                       all->path, (int)version);
    sql = mem_printf("BEGIN;%s%s;PRAGMA user_version=%d;COMMIT", layout,
                     layout_later, FORMAT);
    rc = db_exec(&all->writer, err, sql);
    mem_free(sql);
    return rc;
}

int db_save(struct dbs *all, struct buf *out, struct err *err)
{
    sqlite3_int64 size = 0;
    unsigned char *image;
    size_t at = out->len;
    int rc = RC_OK;

    (void)db_lend(all, -1);
    image = sqlite3_serialize(all->writer.h, "main", &size, 0);
    if (!image)
        rc = err_set(err, RC_NOMEM,
                     "BigQuery: no memory for %lld bytes of "
                     "state",
                     (long long)size);
    db_take_back(all);
    if (rc)
        return rc;
    buf_append(out, image, (size_t)size);
    sqlite3_free(image);
    if (out->failed)
        return err_set(err, RC_TOO_LARGE, "BigQuery: the state is too large");
    /* says WAL, which an image in memory cannot be in */
    out->data[at + 18] = out->data[at + 19] = 1;
    return RC_OK;
}

static int check_image(sqlite3 *image, struct err *err)
{
    sqlite3_stmt *s = NULL;
    bool ok = false;

    if (sqlite3_prepare_v2(image,
                           "SELECT user_version, quick_check FROM "
                           "pragma_user_version, pragma_quick_check",
                           -1, &s, NULL) == SQLITE_OK &&
        sqlite3_step(s) == SQLITE_ROW)
        ok = sqlite3_column_int(s, 0) == FORMAT &&
             strcmp((const char *)sqlite3_column_text(s, 1), "ok") == 0;
    sqlite3_finalize(s);
    return ok ? RC_OK
              : err_set(err, RC_MALFORMED,
                        "BigQuery: the saved state is damaged, or of another "
                        "version");
}

static int copy_image(struct dbs *all, sqlite3 *image, struct err *err)
{
    sqlite3_backup *b;
    int rc = RC_OK;

    (void)db_lend(all, -1);
    b = sqlite3_backup_init(all->writer.h, "main", image, "main");
    if (!b || sqlite3_backup_step(b, -1) != SQLITE_DONE)
        rc = db_fail(&all->writer, "loading", err);
    if (b && sqlite3_backup_finish(b) != SQLITE_OK && rc == RC_OK)
        rc = db_fail(&all->writer, "loading", err);
    if (rc == RC_OK)
        rc = db_exec(&all->writer, err, layout_later);
    db_take_back(all);
    return rc;
}

int db_load(struct dbs *all, struct str bytes, struct err *err)
{
    sqlite3 *image = NULL;
    unsigned char *copy;
    int rc = RC_OK;

    if (bytes.len < HEADER_BYTES)
        return err_set(err, RC_MALFORMED, "BigQuery: no saved state");
    copy = sqlite3_malloc64(bytes.len);
    if (!copy)
        return err_set(err, RC_NOMEM, "BigQuery: no memory to load");
    memcpy(copy, bytes.p, bytes.len);
    if (sqlite3_open(":memory:", &image) ||
        sqlite3_deserialize(image, "main", copy, (sqlite3_int64)bytes.len,
                            (sqlite3_int64)bytes.len,
                            SQLITE_DESERIALIZE_FREEONCLOSE))
        rc = err_set(err, RC_NOMEM, "BigQuery: no memory to load");
    if (rc == RC_OK)
        rc = check_image(image, err);
    if (rc == RC_OK)
        rc = copy_image(all, image, err);
    sqlite3_close(image);
    return rc;
}

int db_reset(struct dbs *all, struct err *err)
{
    struct db *w = db_begin(all, true, err);
    struct buf sql;
    sqlite3_stmt *s;
    int rc;

    if (!w)
        return RC_IO;
    buf_init(&sql, 64 << 20);
    s = db_query(w, err, "SELECT id FROM tables WHERE kind = 'TABLE'", "");
    while (s && sqlite3_step(s) == SQLITE_ROW)
        buf_printf(&sql, "DROP TABLE IF EXISTS t%lld;",
                   (long long)sqlite3_column_int64(s, 0));
    if (s)
        db_done(s);
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        buf_printf(&sql, "DELETE FROM %s;", own[i]);
    rc = sql.failed ? RC_NOMEM : db_exec(w, err, sql.data);
    buf_fini(&sql);
    if (rc) {
        db_rollback(w);
        return rc;
    }
    return db_commit(w, err);
}
