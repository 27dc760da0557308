/* SPDX-License-Identifier: Apache-2.0 */
/* bq_unnest(array): a virtual table of v and i, the element and its offset,
 * read straight out of the encoding. bq_unnest(array,1): many may come, so that
 * what is joined to them deserves an index. */
#include "common/mem.h"
#include "emulator/bigquery/sql/fn_bridge.h"

enum {
    COLUMN_VALUE,
    COLUMN_OFFSET,
    COLUMN_ARRAY,
    COLUMN_MANY
};

struct cursor {
    sqlite3_vtab_cursor base;
    struct buf array, scratch;
    struct elems elems;
    struct value v;
    int64_t i;
    bool done;
};

static int connect(sqlite3 *db, void *aux, int argc, const char *const *argv,
                   sqlite3_vtab **out, char **err)
{
    int rc =
        sqlite3_declare_vtab(db, "CREATE TABLE x(v, i, a HIDDEN, m HIDDEN)");

    (void)aux;
    (void)argc;
    (void)argv;
    (void)err;
    if (rc)
        return rc;
    sqlite3_vtab_config(db, SQLITE_VTAB_INNOCUOUS);
    *out = MEM_NEW(sqlite3_vtab);
    return SQLITE_OK;
}

static int disconnect(sqlite3_vtab *t)
{
    mem_free(t);
    return SQLITE_OK;
}

static int best_index(sqlite3_vtab *t, sqlite3_index_info *info)
{
    bool wanted = false, many = false, found = false;

    (void)t;
    for (int i = 0; i < info->nConstraint; i++) {
        int column = info->aConstraint[i].iColumn;

        if (column < COLUMN_ARRAY ||
            info->aConstraint[i].op != SQLITE_INDEX_CONSTRAINT_EQ)
            continue;
        if (!info->aConstraint[i].usable) {
            wanted |= column == COLUMN_ARRAY;
            continue;
        }
        info->aConstraintUsage[i].argvIndex = column == COLUMN_ARRAY ? 1 : 2;
        info->aConstraintUsage[i].omit = 1;
        found |= column == COLUMN_ARRAY;
        many |= column == COLUMN_MANY;
    }
    if (!found)
        return wanted ? SQLITE_CONSTRAINT : SQLITE_OK;
    info->idxNum = 1;
    info->estimatedCost = many ? 100000 : 10;
    info->estimatedRows = many ? 100000 : 10;
    return SQLITE_OK;
}

static int open_cursor(sqlite3_vtab *t, sqlite3_vtab_cursor **out)
{
    struct cursor *c = MEM_NEW(struct cursor);

    (void)t;
    fn_buf(&c->array);
    fn_buf(&c->scratch);
    *out = &c->base;
    return SQLITE_OK;
}

static int close_cursor(sqlite3_vtab_cursor *base)
{
    struct cursor *c = (struct cursor *)base;

    buf_fini(&c->array);
    buf_fini(&c->scratch);
    mem_free(c);
    return SQLITE_OK;
}

static int next(sqlite3_vtab_cursor *base)
{
    struct cursor *c = (struct cursor *)base;

    c->i++;
    c->done = !elems_next(&c->elems, &c->v, &c->scratch);
    return SQLITE_OK;
}

static int filter(sqlite3_vtab_cursor *base, int num, const char *str, int argc,
                  sqlite3_value **argv)
{
    struct cursor *c = (struct cursor *)base;

    (void)num;
    (void)str;
    buf_reset(&c->array);
    if (argc && sqlite3_value_type(argv[0]) == SQLITE_TEXT)
        buf_append(&c->array, sqlite3_value_text(argv[0]),
                   (size_t)sqlite3_value_bytes(argv[0]));
    if (c->array.failed)
        return SQLITE_NOMEM;
    elems_init(&c->elems, buf_as_str(&c->array));
    c->i = -1;
    return next(base);
}

static int eof(sqlite3_vtab_cursor *base)
{
    return ((struct cursor *)base)->done;
}

static int column(sqlite3_vtab_cursor *base, sqlite3_context *ctx, int n)
{
    struct cursor *c = (struct cursor *)base;

    if (n == COLUMN_VALUE)
        value_to_sqlite(ctx, &c->v);
    else if (n == COLUMN_OFFSET)
        sqlite3_result_int64(ctx, c->i);
    return SQLITE_OK;
}

static int rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *out)
{
    *out = ((struct cursor *)base)->i;
    return SQLITE_OK;
}

int unnest_register(sqlite3 *db)
{
    static const sqlite3_module module = {
        .iVersion = 0,
        .xConnect = connect,
        .xBestIndex = best_index,
        .xDisconnect = disconnect,
        .xOpen = open_cursor,
        .xClose = close_cursor,
        .xFilter = filter,
        .xNext = next,
        .xEof = eof,
        .xColumn = column,
        .xRowid = rowid,
    };

    return sqlite3_create_module(db, "bq_unnest", &module, NULL);
}
