/* SPDX-License-Identifier: Apache-2.0 */
/* Between fn.h and SQLite; the only header here that knows sqlite3.h.
 * Private to the bridge, aggregates, virtual table and exec. */
#ifndef EMULATOR_BIGQUERY_SQL_FN_BRIDGE_H
#define EMULATOR_BIGQUERY_SQL_FN_BRIDGE_H

#include <sqlite3.h>

#include "emulator/bigquery/sql/fn.h"

enum fn_flags {
    FN_NULLS = 1,   /* is called with NULL arguments too */
    FN_VOLATILE = 2 /* not deterministic */
};

/* What a connection's functions share. */
struct runtime {
    struct tz_set zones;
    int users;
};

struct fn_entry {
    const char *name;
    fn_impl *impl;
    int flags;
};

struct fn_binding { /* user data of one registration */
    const struct fn_entry *entry;
    struct runtime *runtime;
    bool safe;
};

struct fn {
    sqlite3_context *ctx;
    int n;
    sqlite3_value **v;
    const struct fn_binding *binding;
    bool failed;
};

int bridge_register(sqlite3 *db, struct runtime *rt);
int aggregates_register(sqlite3 *db, struct runtime *rt);
int collect_register(sqlite3 *db);
int unnest_register(sqlite3 *db);
void value_from_sqlite(sqlite3_value *from, struct value *v);
void value_to_sqlite(sqlite3_context *ctx, const struct value *v);

#endif
