/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite_table.h"

#include <errno.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <time.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/mem.h"

enum {
    SQL_MAX_BYTES = 256 * 1024,
    BUSY_LIMIT_US = 2000000,
    BUSY_NAP_US = 300, /* another process's commit is one fsync long */
    N_SELECTS = 16     /* every combination of since, until, id, after */
};

struct sqlite_table {
    sqlite3 *db;
    const struct schema *schema;
    char *path;
    dev_t device;
    ino_t inode;
    sqlite3_stmt *insert, *find;
    sqlite3_stmt *selects[N_SELECTS];
    struct value *values; /* scratch, one a column */
    int64_t busy_since_us;
};

static int fail(struct sqlite_table *t, struct err *err, const char *what)
{
    int code = sqlite3_errcode(t->db);
    enum rc rc = code == SQLITE_BUSY || code == SQLITE_LOCKED ? RC_TIMEOUT
                                                              : RC_UNAVAILABLE;
    const char *hint = code == SQLITE_FULL       ? ": make room on the disk"
                       : code == SQLITE_READONLY ? ": make it writable"
                       : code == SQLITE_NOTADB || code == SQLITE_CORRUPT
                           ? ": restore it from a copy, or move it away"
                           : "";

    return err_set(err, rc, "cannot %s %s: %s%s", what, t->path,
                   sqlite3_errmsg(t->db), hint);
}

static int on_busy(void *arg, int count)
{
    struct sqlite_table *t = arg;
    struct timespec nap = {0, BUSY_NAP_US * 1000};
    int64_t now = clock_mono_us();

    if (count == 0)
        t->busy_since_us = now;
    if (now - t->busy_since_us > BUSY_LIMIT_US)
        return 0;
    nanosleep(&nap, NULL);
    return 1;
}

static int run(struct sqlite_table *t, const char *sql, const char *what,
               struct err *err)
{
    return sqlite3_exec(t->db, sql, NULL, NULL, NULL) == SQLITE_OK
               ? RC_OK
               : fail(t, err, what);
}

static const char *column_type(const struct schema_field *f)
{
    static const char *const types[] = {
#define TYPE(name, alias, json, sqlite) sqlite,
#include "schema/types.def"
#undef TYPE
    };
    return f->mode == SCHEMA_REPEATED ? "TEXT" : types[f->type];
}

/* A name holds no quote: schema.c sees to it. */
static void put_column(struct buf *sql, const struct schema_field *f)
{
    buf_printf(sql, "\"%.*s\" %s%s", STR_ARG(f->name), column_type(f),
               f->mode == SCHEMA_REQUIRED ? " NOT NULL" : "");
}

static int create(struct sqlite_table *t, struct err *err)
{
    struct buf sql;
    int rc;

    buf_init(&sql, SQL_MAX_BYTES);
    buf_puts(&sql, "CREATE TABLE IF NOT EXISTS datos (");
    for (size_t i = 0; i < t->schema->n_fields; i++) {
        if (i)
            buf_puts(&sql, ", ");
        put_column(&sql, &t->schema->fields[i]);
    }
    buf_puts(&sql,
             ") STRICT;"
             "CREATE UNIQUE INDEX IF NOT EXISTS datos_id ON datos (\"id\");"
             "CREATE INDEX IF NOT EXISTS datos_newest ON datos "
             "(\"timestamp\" DESC, \"id\");");
    rc = run(t, sql.data, "create the table in", err);
    buf_fini(&sql);
    return rc;
}

/* Compares the file's columns with the schema's; adds what is new. */
static int agree(struct sqlite_table *t, struct err *err)
{
    const struct schema *s = t->schema;
    bool *seen = MEM_ARRAY(bool, s->n_fields);
    sqlite3_stmt *info;
    int rc = RC_OK;

    if (sqlite3_prepare_v2(t->db, "PRAGMA table_info(datos)", -1, &info,
                           NULL) != SQLITE_OK)
        rc = fail(t, err, "read the columns of");
    while (rc == RC_OK && sqlite3_step(info) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(info, 1);
        const char *type = (const char *)sqlite3_column_text(info, 2);
        int i = schema_find(s->fields, s->n_fields, str_from(name));
        if (i < 0 || strcmp(type, column_type(&s->fields[i])) != 0 ||
            (sqlite3_column_int(info, 3) != 0) !=
                (s->fields[i].mode == SCHEMA_REQUIRED))
            rc = err_set(err, RC_INVALID,
                         "%s: the column `%s` differs from the schema: use "
                         "the schema that made the file, or another file",
                         t->path, name);
        else
            seen[i] = true;
    }
    sqlite3_finalize(info);
    for (size_t i = 0; rc == RC_OK && i < s->n_fields; i++) {
        struct buf sql;
        if (seen[i])
            continue;
        if (s->fields[i].mode == SCHEMA_REQUIRED) {
            rc = err_set(err, RC_INVALID,
                         "%s: the new column `%.*s` is REQUIRED: only "
                         "NULLABLE columns can be added",
                         t->path, STR_ARG(s->fields[i].name));
            break;
        }
        buf_init(&sql, SQL_MAX_BYTES);
        buf_puts(&sql, "ALTER TABLE datos ADD COLUMN ");
        put_column(&sql, &s->fields[i]);
        rc = run(t, sql.data, "add a column to", err);
        buf_fini(&sql);
    }
    mem_free(seen);
    return rc;
}

static void put_names(struct buf *sql, const struct schema *s)
{
    for (size_t i = 0; i < s->n_fields; i++)
        buf_printf(sql, "%s\"%.*s\"", i ? "," : "", STR_ARG(s->fields[i].name));
}

static int prepare(struct sqlite_table *t, const char *sql, sqlite3_stmt **out,
                   struct err *err)
{
    return sqlite3_prepare_v3(t->db, sql, -1, SQLITE_PREPARE_PERSISTENT, out,
                              NULL) == SQLITE_OK
               ? RC_OK
               : fail(t, err, "prepare a statement for");
}

static int prepare_writes(struct sqlite_table *t, struct err *err)
{
    struct buf sql;
    int rc;

    buf_init(&sql, SQL_MAX_BYTES);
    buf_puts(&sql, "INSERT INTO datos (");
    put_names(&sql, t->schema);
    buf_puts(&sql, ") VALUES (");
    for (size_t i = 0; i < t->schema->n_fields; i++)
        buf_puts(&sql, i ? ",?" : "?");
    buf_puts(&sql, ") ON CONFLICT (\"id\") DO NOTHING");
    rc = prepare(t, sql.data, &t->insert, err);
    buf_reset(&sql);
    buf_puts(&sql, "SELECT ");
    put_names(&sql, t->schema);
    buf_puts(&sql, " FROM datos WHERE \"id\" = ?");
    if (rc == RC_OK)
        rc = prepare(t, sql.data, &t->find, err);
    buf_fini(&sql);
    return rc;
}

int sqlite_table_open(const char *path, const struct schema *schema,
                      bool is_writer, struct sqlite_table **out,
                      struct err *err)
{
    struct sqlite_table *t = MEM_NEW(struct sqlite_table);
    struct stat st;
    int rc = RC_OK;

    t->schema = schema;
    t->path = mem_strdup(path);
    t->values = MEM_ARRAY(struct value, schema->n_fields);
    if (sqlite3_open_v2(path, &t->db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
                            SQLITE_OPEN_NOMUTEX,
                        NULL) != SQLITE_OK)
        rc = fail(t, err, "open");
    if (rc == RC_OK) {
        sqlite3_busy_handler(t->db, on_busy, t);
        rc = run(t,
                 "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                 "PRAGMA cache_size=-512; PRAGMA temp_store=MEMORY;",
                 "open", err);
    }
    if (rc == RC_OK && is_writer)
        rc = run(t, "BEGIN IMMEDIATE", "open", err);
    if (rc == RC_OK && is_writer) {
        rc = create(t, err);
        if (rc == RC_OK)
            rc = agree(t, err);
        if (rc == RC_OK)
            rc = run(t, "COMMIT", "create the table in", err);
        if (rc == RC_OK)
            rc = prepare_writes(t, err);
    }
    if (rc == RC_OK && stat(path, &st) == 0) {
        t->device = st.st_dev;
        t->inode = st.st_ino;
    }
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
    sqlite3_finalize(t->insert);
    sqlite3_finalize(t->find);
    for (int i = 0; i < N_SELECTS; i++)
        sqlite3_finalize(t->selects[i]);
    sqlite3_close(t->db);
    mem_free(t->values);
    mem_free(t->path);
    mem_free(t);
}

int sqlite_table_begin(struct sqlite_table *t, struct err *err)
{
    return run(t, "BEGIN IMMEDIATE", "write", err);
}

int sqlite_table_commit(struct sqlite_table *t, struct err *err)
{
    int rc = run(t, "COMMIT", "write", err);

    if (rc != RC_OK)
        sqlite_table_rollback(t);
    return rc;
}

void sqlite_table_rollback(struct sqlite_table *t)
{
    if (!sqlite3_get_autocommit(t->db))
        sqlite3_exec(t->db, "ROLLBACK", NULL, NULL, NULL);
}

int sqlite_table_mark(struct sqlite_table *t, struct err *err)
{
    return run(t, "SAVEPOINT op", "write", err);
}

int sqlite_table_undo_mark(struct sqlite_table *t, struct err *err)
{
    return run(t, "ROLLBACK TO op", "write", err);
}

static void bind_value(sqlite3_stmt *stmt, int at, const struct value *v)
{
    switch (v->kind) {
    case VALUE_NULL:
        sqlite3_bind_null(stmt, at);
        break;
    case VALUE_TEXT:
        sqlite3_bind_text(stmt, at, v->s.p, (int)v->s.len, SQLITE_STATIC);
        break;
    case VALUE_INT:
        sqlite3_bind_int64(stmt, at, v->i);
        break;
    case VALUE_REAL:
        sqlite3_bind_double(stmt, at, v->d);
        break;
    case VALUE_BLOB:
        sqlite3_bind_blob(stmt, at, v->s.p, (int)v->s.len, SQLITE_STATIC);
        break;
    }
}

/* The row under the cursor, or NULL. */
static struct row *read_row(struct sqlite_table *t, sqlite3_stmt *stmt)
{
    for (size_t i = 0; i < t->schema->n_fields; i++) {
        struct value *v = &t->values[i];
        int at = (int)i;
        switch (sqlite3_column_type(stmt, at)) {
        case SQLITE_INTEGER:
            *v = (struct value){VALUE_INT,
                                {.i = sqlite3_column_int64(stmt, at)}};
            break;
        case SQLITE_FLOAT:
            *v = (struct value){VALUE_REAL,
                                {.d = sqlite3_column_double(stmt, at)}};
            break;
        case SQLITE_NULL:
            *v = (struct value){.kind = VALUE_NULL};
            break;
        case SQLITE_BLOB:
            v->kind = VALUE_BLOB;
            v->s.p = sqlite3_column_blob(stmt, at);
            v->s.len = (size_t)sqlite3_column_bytes(stmt, at);
            break;
        default:
            v->kind = VALUE_TEXT;
            v->s.p = (const char *)sqlite3_column_text(stmt, at);
            v->s.len = (size_t)sqlite3_column_bytes(stmt, at);
            break;
        }
    }
    return row_from_values(t->schema, t->values);
}

int sqlite_table_put(struct sqlite_table *t, const struct row *row,
                     enum store_result *result, struct err *err)
{
    struct row *there = NULL;
    int step;

    for (size_t i = 0; i < row->n_values; i++)
        bind_value(t->insert, (int)i + 1, &row->values[i]);
    step = sqlite3_step(t->insert);
    sqlite3_reset(t->insert);
    if (step != SQLITE_DONE)
        return fail(t, err, "write");
    if (sqlite3_changes(t->db) == 1) {
        *result = STORE_STORED;
        return RC_OK;
    }
    sqlite3_bind_text(t->find, 1, row->id.p, (int)row->id.len, SQLITE_STATIC);
    if (sqlite3_step(t->find) == SQLITE_ROW)
        there = read_row(t, t->find);
    sqlite3_reset(t->find);
    if (!there)
        return fail(t, err, "read back from");
    *result = str_eq(there->json, row->json) ? STORE_DUPLICATE : STORE_CONFLICT;
    row_unref(there);
    return RC_OK;
}

/* The statement for this combination of filters. Ties of one timestamp go by
 * id; the row value comparison is spelled out because the two columns run in
 * opposite directions. */
static int select_for(struct sqlite_table *t, const struct store_query *q,
                      sqlite3_stmt **out, struct err *err)
{
    unsigned key = (q->has_since ? 1u : 0) | (q->has_until ? 2u : 0) |
                   (q->id.p ? 4u : 0) | (q->has_after ? 8u : 0);
    struct buf sql;
    int rc = RC_OK;

    if (!t->selects[key]) {
        buf_init(&sql, SQL_MAX_BYTES);
        buf_puts(&sql, "SELECT ");
        put_names(&sql, t->schema);
        buf_puts(&sql, " FROM datos WHERE 1");
        if (q->has_since)
            buf_puts(&sql, " AND \"timestamp\" >= :since");
        if (q->has_until)
            buf_puts(&sql, " AND \"timestamp\" < :until");
        if (q->id.p)
            buf_puts(&sql, " AND \"id\" = :id");
        if (q->has_after)
            buf_puts(&sql,
                     " AND \"timestamp\" <= :after AND (\"timestamp\" < :after"
                     " OR \"id\" > :after_id)");
        buf_puts(&sql, " ORDER BY \"timestamp\" DESC, \"id\" LIMIT :limit");
        rc = prepare(t, sql.data, &t->selects[key], err);
        buf_fini(&sql);
    }
    *out = t->selects[key];
    return rc;
}

static int parameter(sqlite3_stmt *stmt, const char *name)
{
    return sqlite3_bind_parameter_index(stmt, name);
}

int sqlite_table_select(struct sqlite_table *t, struct store_query *q)
{
    sqlite3_stmt *stmt = NULL;
    int rc = select_for(t, q, &stmt, &q->err), step;

    if (rc != RC_OK)
        return rc;
    sqlite3_bind_int64(stmt, parameter(stmt, ":limit"), (int64_t)q->limit);
    if (q->has_since)
        sqlite3_bind_int64(stmt, parameter(stmt, ":since"), q->since_us);
    if (q->has_until)
        sqlite3_bind_int64(stmt, parameter(stmt, ":until"), q->until_us);
    if (q->id.p)
        sqlite3_bind_text(stmt, parameter(stmt, ":id"), q->id.p, (int)q->id.len,
                          SQLITE_STATIC);
    if (q->has_after) {
        sqlite3_bind_int64(stmt, parameter(stmt, ":after"), q->after_us);
        sqlite3_bind_text(stmt, parameter(stmt, ":after_id"), q->after_id.p,
                          (int)q->after_id.len, SQLITE_STATIC);
    }
    while ((step = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct row *row = read_row(t, stmt);
        if (!row) {
            step = SQLITE_NOMEM;
            break;
        }
        row_list_push(&q->rows, row);
    }
    if (step != SQLITE_DONE)
        rc = fail(t, &q->err, "read");
    sqlite3_reset(stmt);
    return rc;
}

int sqlite_table_check(struct sqlite_table *t, struct err *err)
{
    struct stat st;

    if (stat(t->path, &st) != 0)
        return err_set(err, RC_UNAVAILABLE, "%s is gone: %s", t->path,
                       strerror(errno));
    if (st.st_dev != t->device || st.st_ino != t->inode)
        return err_set(err, RC_UNAVAILABLE,
                       "%s was replaced by another file: restart", t->path);
    return run(t, "SELECT 1 FROM datos LIMIT 1", "read", err);
}
