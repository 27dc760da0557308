/* SPDX-License-Identifier: Apache-2.0 */
/* Making the table, and bringing it up to the schema. The schema that a table
 * was made with is kept beside it: SQLite's own types cannot tell a DATE from
 * a STRING. */
#include "common/buf.h"
#include "common/mem.h"
#include "schema/ddl.h"
#include "store/sqlite_priv.h"

enum {
    SQL_MAX_BYTES = 4 * 1024 * 1024
};

/* What the table was made with: `out` stays empty if that is not known. */
static int read_kept(struct sqlite_table *t, struct buf *out, struct err *err)
{
    sqlite3_stmt *stmt = NULL;
    int code = sqlite3_prepare_v2(
        t->db, "SELECT \"fields\" FROM \"datos_schema\"", -1, &stmt, NULL);

    buf_reset(out);
    if (code == SQLITE_ERROR) /* no such table */
        return RC_OK;
    if (code == SQLITE_OK)
        code = sqlite3_step(stmt);
    if (code == SQLITE_ROW) {
        buf_append(out, sqlite3_column_text(stmt, 0),
                   (size_t)sqlite3_column_bytes(stmt, 0));
        code = SQLITE_DONE;
    }
    sqlite3_finalize(stmt);
    return code == SQLITE_DONE ? RC_OK : sqlite_fail(t, code, "read", err);
}

static int keep(struct sqlite_table *t, const struct buf *fields,
                struct err *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite_run(t,
                        "CREATE TABLE IF NOT EXISTS \"datos_schema\" "
                        "(\"fields\" TEXT NOT NULL);"
                        "DELETE FROM \"datos_schema\"",
                        "prepare", err);
    int code;

    if (rc != RC_OK)
        return rc;
    code = sqlite3_prepare_v2(t->db, "INSERT INTO \"datos_schema\" VALUES (?)",
                              -1, &stmt, NULL);
    if (code == SQLITE_OK) {
        sqlite3_bind_text(stmt, 1, fields->data, (int)fields->len,
                          SQLITE_STATIC);
        code = sqlite3_step(stmt);
    }
    sqlite3_finalize(stmt);
    return code == SQLITE_DONE ? RC_OK : sqlite_fail(t, code, "prepare", err);
}

static int add_columns(struct sqlite_table *t, const size_t *added, size_t n,
                       struct err *err)
{
    int rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < n; i++) {
        struct buf sql;
        buf_init(&sql, SQL_MAX_BYTES);
        buf_puts(&sql, "ALTER TABLE datos ADD COLUMN ");
        ddl_column(&t->schema->fields[added[i]], &sql);
        rc = sqlite_run(t, sql.data, "add a column to", err);
        buf_fini(&sql);
    }
    return rc;
}

static int agree_with_kept(struct sqlite_table *t, struct str kept,
                           struct err *err)
{
    size_t *added = MEM_ARRAY(size_t, t->schema->n_fields), n = 0;
    struct schema *have = NULL;
    int rc = schema_parse(kept, t->path, false, &have, err);

    if (rc == RC_OK)
        rc = ddl_compare(have, t->schema, t->path, added, &n, err);
    if (rc == RC_OK)
        rc = add_columns(t, added, n, err);
    schema_free(have);
    mem_free(added);
    return rc;
}

/* A table that other hands made: its columns are all there is to see. */
static int agree_with_columns(struct sqlite_table *t, struct err *err)
{
    const struct schema *s = t->schema;
    size_t *added = MEM_ARRAY(size_t, s->n_fields), n = 0;
    bool *seen = MEM_ARRAY(bool, s->n_fields);
    sqlite3_stmt *info = NULL;
    int rc = RC_OK;

    sqlite3_prepare_v2(t->db, "PRAGMA table_info(datos)", -1, &info, NULL);
    while (rc == RC_OK && sqlite3_step(info) == SQLITE_ROW) {
        struct str name = str_from((const char *)sqlite3_column_text(info, 1));
        struct str type = str_from((const char *)sqlite3_column_text(info, 2));
        int i = schema_find(s->fields, s->n_fields, name);
        if (i < 0 || !ddl_column_is(&s->fields[i], type,
                                    sqlite3_column_int(info, 3) != 0))
            rc = err_set(err, RC_INVALID,
                         "%s: column `%.*s` of the table is not the schema's: "
                         "use a schema that fits, or another file",
                         t->path, STR_ARG(name));
        else
            seen[i] = true;
    }
    sqlite3_finalize(info);
    for (size_t i = 0; rc == RC_OK && i < s->n_fields; i++) {
        if (!seen[i] && s->fields[i].mode != SCHEMA_NULLABLE)
            rc = err_set(err, RC_INVALID,
                         "%s: column `%.*s` is missing and %s: only NULLABLE "
                         "columns can be added to a table",
                         t->path, STR_ARG(s->fields[i].name),
                         schema_mode_name(s->fields[i].mode));
        else if (!seen[i])
            added[n++] = i;
    }
    if (rc == RC_OK)
        rc = add_columns(t, added, n, err);
    mem_free(seen);
    mem_free(added);
    return rc;
}

static bool table_is_there(struct sqlite_table *t)
{
    return sqlite3_table_column_metadata(t->db, NULL, "datos", NULL, NULL, NULL,
                                         NULL, NULL, NULL) == SQLITE_OK;
}

/* Within a transaction. */
static int bring_up(struct sqlite_table *t, const struct buf *want,
                    struct buf *kept, struct err *err)
{
    struct buf sql;
    int rc = read_kept(t, kept, err);

    if (rc != RC_OK)
        return rc;
    if (str_eq(buf_as_str(kept), buf_as_str(want)) && table_is_there(t))
        return RC_OK; /* another process was faster */
    if (table_is_there(t))
        rc = kept->len ? agree_with_kept(t, buf_as_str(kept), err)
                       : agree_with_columns(t, err);
    buf_init(&sql, SQL_MAX_BYTES);
    ddl_create(t->schema, STR("datos"), &sql);
    if (rc == RC_OK)
        rc = sqlite_run(t, sql.data, "create the table in", err);
    buf_fini(&sql);
    return rc == RC_OK ? keep(t, want, err) : rc;
}

int sqlite_setup(struct sqlite_table *t, struct err *err)
{
    struct buf want, kept;
    int rc = RC_OK;

    /* Opened again: meanwhile a newer process may have added columns, which
     * are none of our business. */
    if (t->inode != 0 && table_is_there(t))
        return RC_OK;
    if (t->schema->n_fields > DDL_COLUMNS_MAX)
        return err_set(err, RC_INVALID,
                       "the schema has %zu columns, SQLite takes at most %d",
                       t->schema->n_fields, DDL_COLUMNS_MAX);
    buf_init(&want, SQL_MAX_BYTES);
    buf_init(&kept, SQL_MAX_BYTES);
    schema_render(t->schema, &want);
    rc = read_kept(t, &kept, err);
    if (rc == RC_OK &&
        (!str_eq(buf_as_str(&kept), buf_as_str(&want)) || !table_is_there(t))) {
        rc = sqlite_table_begin(t, err);
        if (rc == RC_OK) {
            rc = bring_up(t, &want, &kept, err);
            if (rc == RC_OK)
                rc = sqlite_table_commit(t, err);
            else
                sqlite_table_rollback(t);
        }
    }
    buf_fini(&want);
    buf_fini(&kept);
    return rc;
}
