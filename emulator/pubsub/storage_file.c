/* SPDX-License-Identifier: Apache-2.0 */
/* Tables: resources; acknowledgement sets and the log of what changed since;
 * batches, whose key is their first message's id, so that each new one goes to
 * the right end of its tree. A large batch's bytes are in a segment, its row
 * has their place; with --fsync, where a second file would be a second wait a
 * commit, all are in the row. */
#include "emulator/pubsub/storage_file.h"

#include "common/mem.h"
#include "emulator/pubsub/storage_file_priv.h"

enum {
    CACHE_KIB = 1024,
    SEGMENT_MIN = 2048, /* bytes of a batch: fewer share a page of the tree */
    BUSY_MS = 5000
};

static const char *const statement_sql[ST_COUNT] = {
#define S(name, sql) sql,
    STATEMENTS(S)
#undef S
};

/* --- errors --------------------------------------------------------------- */

int storage_fail(const struct storage_file *f, struct err *err)
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

int storage_exec(struct storage_file *f, const char *sql, struct err *err)
{
    return sqlite3_exec(f->db, sql, NULL, NULL, NULL) == SQLITE_OK
               ? RC_OK
               : storage_fail(f, err);
}

static void bind_blob(sqlite3_stmt *st, int at, struct str bytes)
{
    sqlite3_bind_blob64(st, at, bytes.p ? bytes.p : "", bytes.len,
                        SQLITE_STATIC);
}

static int run(struct storage_file *f, enum statement which, struct err *err)
{
    sqlite3_stmt *st = f->statements[which];
    int rc = sqlite3_step(st) == SQLITE_DONE ? RC_OK : storage_fail(f, err);

    sqlite3_reset(st);
    return rc;
}

int storage_run_number(struct storage_file *f, enum statement which,
                       uint64_t number, struct err *err)
{
    sqlite3_bind_int64(f->statements[which], 1, (sqlite3_int64)number);
    return run(f, which, err);
}

static int run_blob(struct storage_file *f, enum statement which,
                    uint64_t number, struct str bytes, struct err *err)
{
    bind_blob(f->statements[which], 2, bytes);
    return storage_run_number(f, which, number, err);
}

/* --- opening -------------------------------------------------------------- */

static int prepare(struct storage_file *f, struct err *err)
{
    for (int i = 0; i < ST_COUNT; i++)
        if (sqlite3_prepare_v3(f->db, statement_sql[i], -1,
                               SQLITE_PREPARE_PERSISTENT, &f->statements[i],
                               NULL) != SQLITE_OK)
            return storage_fail(f, err);
    return RC_OK;
}

int storage_file_open(const char *path, bool fsync, struct storage_file **out,
                      struct err *err)
{
    struct storage_file *f = MEM_NEW(struct storage_file);
    const char *sync =
        fsync ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = OFF";
    char cache[64], *segments = mem_printf("%s-messages", path);
    int rc = RC_OK;

    f->path = mem_strdup(path);
    f->fsync = fsync;
    f->segments = segments_new(segments);
    mem_free(segments);
    sqlite3_snprintf(sizeof(cache), cache, "PRAGMA cache_size = -%d",
                     CACHE_KIB);
    if (sqlite3_open_v2(path, &f->db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
                            SQLITE_OPEN_NOMUTEX,
                        NULL) != SQLITE_OK)
        rc = storage_fail(f, err);
    if (rc == RC_OK) {
        sqlite3_busy_timeout(f->db, BUSY_MS);
        rc = storage_exec(f, "PRAGMA journal_mode = WAL", err);
    }
    if (rc == RC_OK)
        rc = storage_exec(f, sync, err);
    if (rc == RC_OK)
        rc = storage_exec(f, cache, err);
    if (rc == RC_OK)
        rc = storage_format(f, err);
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
    segments_free(f->segments);
    mem_free(f->path);
    mem_free(f);
}

/* --- reading it all ------------------------------------------------------- */

static struct str blob_of(sqlite3_stmt *st, int at)
{
    const char *p = sqlite3_column_blob(st, at);

    return str_of(p ? p : "", (size_t)sqlite3_column_bytes(st, at));
}

static int show_resource(struct storage_file *f, sqlite3_stmt *st,
                         const struct storage_visitor *v, struct err *err)
{
    struct kept_resource r = {
        .number = storage_number(st, 0),
        .kind = (enum kept_kind)sqlite3_column_int(st, 1),
        .topic = storage_number(st, 2),
        .secret = storage_number(st, 3),
        .deleted = sqlite3_column_int(st, 4) != 0,
        .body = blob_of(st, 5),
        .done = blob_of(st, 6),
        .born = storage_number(st, 7),
    };

    (void)f;
    return v->resource(&r, v->arg, err);
}

static int show_acks(struct storage_file *f, sqlite3_stmt *st,
                     const struct storage_visitor *v, struct err *err)
{
    (void)f;
    return v->acks(storage_number(st, 0), blob_of(st, 1), v->arg, err);
}

static int show_attempts(struct storage_file *f, sqlite3_stmt *st,
                         const struct storage_visitor *v, struct err *err)
{
    (void)f;
    return v->attempts(storage_number(st, 0), blob_of(st, 1), v->arg, err);
}

static struct segment_place place_of(sqlite3_stmt *st, int at)
{
    return (struct segment_place){.file = storage_number(st, at),
                                  .at = storage_number(st, at + 1),
                                  .len =
                                      (uint32_t)sqlite3_column_int(st, at + 2)};
}

static int show_batch(struct storage_file *f, sqlite3_stmt *st,
                      const struct storage_visitor *v, struct err *err)
{
    struct segment_place place = place_of(st, 6);
    struct kept_batch b = {
        .id = storage_number(st, 0),
        .topic = storage_number(st, 1),
        .seq = storage_number(st, 2),
        .publish_us = sqlite3_column_int64(st, 3),
        .n = (uint32_t)sqlite3_column_int(st, 4),
        .len = place.file ? place.len : (uint32_t)sqlite3_column_int(st, 5),
    };

    if (place.file)
        segments_found(f->segments, b.id, &place);
    return v->batch(&b, v->arg, err);
}

static int visit(struct storage_file *f, const char *sql,
                 int (*show)(struct storage_file *f, sqlite3_stmt *st,
                             const struct storage_visitor *v, struct err *err),
                 const struct storage_visitor *v, struct err *err)
{
    sqlite3_stmt *st = NULL;
    int rc = RC_OK, got = SQLITE_ROW;

    if (sqlite3_prepare_v2(f->db, sql, -1, &st, NULL) != SQLITE_OK)
        return storage_fail(f, err);
    while (rc == RC_OK && (got = sqlite3_step(st)) == SQLITE_ROW)
        rc = show(f, st, v, err);
    if (rc == RC_OK && got != SQLITE_DONE)
        rc = storage_fail(f, err);
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
                   "SELECT id, topic, seq, us, n, length(bytes), file, at, len "
                   "FROM batch ORDER BY id",
                   show_batch, v, err);
    if (rc == RC_OK)
        segments_tidy(f->segments);
    return rc;
}

/* --- writing -------------------------------------------------------------- */

int storage_file_begin(struct storage_file *f, struct err *err)
{
    return run(f, ST_BEGIN, err);
}

int storage_end(struct storage_file *f, struct err *err)
{
    int rc = run(f, ST_COMMIT, err);

    if (rc == RC_OK)
        segments_commit(f->segments);
    return rc;
}

void storage_file_rollback(struct storage_file *f)
{
    sqlite3_exec(f->db, "ROLLBACK", NULL, NULL, NULL);
    segments_rollback(f->segments);
}

void storage_file_shrink(struct storage_file *f)
{
    sqlite3_db_release_memory(f->db);
}

static int put_batch(struct storage_file *f, const struct kept_batch *b,
                     struct err *err)
{
    sqlite3_stmt *st = f->statements[ST_PUT_BATCH];
    struct segment_place place = {.file = 0};
    bool apart = b->bytes.len >= SEGMENT_MIN && !f->fsync;
    int rc = RC_OK;

    if (apart)
        rc = segments_append(f->segments, b->id, b->bytes, &place, err);
    if (rc)
        return rc;
    sqlite3_bind_int64(st, 2, (sqlite3_int64)b->topic);
    sqlite3_bind_int64(st, 3, (sqlite3_int64)b->seq);
    sqlite3_bind_int64(st, 4, b->publish_us);
    sqlite3_bind_int64(st, 5, b->n);
    bind_blob(st, 6, apart ? STR("") : b->bytes);
    sqlite3_bind_int64(st, 7, (sqlite3_int64)place.file);
    sqlite3_bind_int64(st, 8, (sqlite3_int64)place.at);
    sqlite3_bind_int64(st, 9, (sqlite3_int64)b->bytes.len);
    return storage_run_number(f, ST_PUT_BATCH, b->id, err);
}

/* Most rows are small; for the others a look at their place goes before. */
static int drop_batch(struct storage_file *f, uint64_t id, struct err *err)
{
    sqlite3_stmt *st = f->statements[ST_FIND_BATCH];
    int rc = storage_run_number(f, ST_DROP_INLINE, id, err);
    struct segment_place place;
    int got;

    if (rc || sqlite3_changes(f->db))
        return rc;
    sqlite3_bind_int64(st, 1, (sqlite3_int64)id);
    got = sqlite3_step(st);
    if (got == SQLITE_ROW)
        place = place_of(st, 0);
    else if (got != SQLITE_DONE)
        rc = storage_fail(f, err);
    sqlite3_reset(st);
    if (rc || got == SQLITE_DONE)
        return rc;
    segments_release(f->segments, &place);
    return storage_run_number(f, ST_DROP_BATCH, id, err);
}

int storage_read_place(struct storage_file *f,
                       const struct segment_place *place, char **out,
                       struct err *err)
{
    char *bytes = mem_try_alloc((size_t)place->len + 1);
    int rc;

    if (!bytes)
        return err_set(err, RC_NOMEM, "no memory for a batch of %u bytes",
                       place->len);
    rc = segments_read(f->segments, place, bytes, err);
    if (rc) {
        mem_free(bytes);
        return rc;
    }
    bytes[place->len] = '\0';
    *out = bytes;
    return RC_OK;
}

/* Damage in a segment is this batch's alone. In the tables it ends the
 * transaction, which SQLite would not commit any more: who asked for several
 * asks for each. */
static int read_batch(struct storage_file *f, struct storage_step *step,
                      struct err *err)
{
    sqlite3_stmt *st = f->statements[ST_READ_BATCH];
    int rc = RC_OK, got;

    sqlite3_bind_int64(st, 1, (sqlite3_int64)step->number);
    got = sqlite3_step(st);
    if (got == SQLITE_ROW) {
        struct segment_place place = place_of(st, 1);
        struct str bytes = blob_of(st, 0);

        step->read_len = place.file ? place.len : (uint32_t)bytes.len;
        if (place.file)
            rc = storage_read_place(f, &place, &step->read, err);
        else
            step->read = mem_strndup(bytes.p, bytes.len);
        if (rc == RC_MALFORMED) {
            step->damage = mem_strdup(err->text);
            rc = RC_OK;
        }
    } else if (got != SQLITE_DONE) {
        rc = got == SQLITE_CORRUPT ? err_set(err, RC_MALFORMED, "%s: %s",
                                             f->path, sqlite3_errmsg(f->db))
                                   : storage_fail(f, err);
    }
    sqlite3_reset(st);
    return rc;
}

static int set_acks(struct storage_file *f, uint64_t number, struct str done,
                    struct err *err)
{
    int rc = run_blob(f, ST_PUT_ACKS, number, done, err);

    return rc ? rc : storage_run_number(f, ST_END_LOG, number, err);
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
    rc = storage_run_number(f, ST_PUT_RESOURCE, r->number, err);
    return rc || !r->done.p ? rc : set_acks(f, r->number, r->done, err);
}

static int drop_resource(struct storage_file *f, uint64_t number,
                         struct err *err)
{
    int rc = storage_run_number(f, ST_DROP_RESOURCE, number, err);

    if (rc == RC_OK)
        rc = storage_run_number(f, ST_DROP_ACKS, number, err);
    if (rc == RC_OK)
        rc = storage_run_number(f, ST_END_LOG, number, err);
    return rc ? rc : storage_run_number(f, ST_DROP_ATTEMPTS, number, err);
}

static int set_attempts(struct storage_file *f, uint64_t number,
                        struct str pairs, struct err *err)
{
    int rc = storage_run_number(f, ST_DROP_ATTEMPTS, number, err);

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
        return drop_batch(f, step->number, err);
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
    case STORAGE_PROBE:
        return storage_probe(f, err);
    case STORAGE_WIPE:
        segments_release_all(f->segments);
        return storage_exec(f,
                            "DELETE FROM resource; DELETE FROM acks;"
                            "DELETE FROM ack_log; DELETE FROM attempts;"
                            "DELETE FROM batch;",
                            err);
    }
    return RC_OK;
}

int storage_file_commit(struct storage_file *f, struct err *err)
{
    int rc = storage_end(f, err);

    if (rc == RC_OK)
        (void)storage_file_tidy(f);
    return rc;
}

bool storage_file_tidy(struct storage_file *f)
{
    struct segment_holes holes;

    /* what was moved would not be synced when its old place goes */
    if (f->fsync || !segments_take_holes(f->segments, &holes))
        return false;
    storage_compact(f, &holes);
    return true;
}
