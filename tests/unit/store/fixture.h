/* SPDX-License-Identifier: Apache-2.0 */
/* A folder of its own with one SQLite store in it, for the tests here. */
#ifndef UNIT_STORE_FIXTURE_H
#define UNIT_STORE_FIXTURE_H

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store_calls.h"

struct fixture {
    char folder[40];
    char path[80];
    struct loop *loop;
    struct schema *schema;
    struct store *store; /* NULL while closed */
};

static inline void fixture_open(struct fixture *f)
{
    struct err err = {.text = ""};

    ck_assert_msg(store_open_sqlite(f->path, f->schema, &f->store, &err) ==
                      RC_OK,
                  "%s", err.text);
}

static inline void fixture_close(struct fixture *f)
{
    store_close(f->store);
    f->store = NULL;
}

static inline void fixture_init(struct fixture *f)
{
    strcpy(f->folder, "/tmp/datos-store-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(f->folder));
    snprintf(f->path, sizeof(f->path), "%s/datos.db", f->folder);
    ck_assert_int_eq(schema_load(NULL, &f->schema, NULL), RC_OK);
    f->loop = loop_new();
    fixture_open(f);
}

static inline void fixture_fini(struct fixture *f)
{
    char command[64];

    fixture_close(f);
    loop_free(f->loop);
    schema_free(f->schema);
    snprintf(command, sizeof(command), "rm -rf %s", f->folder);
    ck_assert_int_eq(system(command), 0);
}

static inline int fixture_put(struct fixture *f, const char *id,
                              const char *text, int64_t us,
                              enum store_result *result, struct err *err)
{
    struct row *row = make_row(f->schema, id, text, us);

    return insert_rows(f->loop, f->store, &row, 1, false, result, err);
}

static inline void fixture_stored(struct fixture *f, const char *id)
{
    enum store_result result = STORE_REJECTED;
    struct err err = {.text = ""};

    ck_assert_msg(fixture_put(f, id, "x", 0, &result, &err) == RC_OK, "%s",
                  err.text);
    ck_assert_int_eq(result, STORE_STORED);
}

static inline size_t fixture_count(struct fixture *f)
{
    struct store_query q = {.limit = 1001};
    size_t n;

    ck_assert_int_eq(query_rows(f->loop, f->store, &q), RC_OK);
    n = q.rows.n;
    row_list_fini(&q.rows);
    return n;
}

/* As other hands would: with a connection of one's own. */
static inline void fixture_sql(const struct fixture *f, const char *sql)
{
    sqlite3 *db;
    char *why = NULL;

    ck_assert_int_eq(sqlite3_open(f->path, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 5000);
    ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, &why) == SQLITE_OK,
                  "%s: %s", sql, why);
    sqlite3_close(db);
}

#endif
