/* SPDX-License-Identifier: Apache-2.0 */
#include "store_kinds.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[] = "/tmp/datos-contract-XXXXXX";

static struct store *open_sqlite(const struct schema *schema)
{
    struct store *store = NULL;
    char path[80];
    struct err err;

    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/datos.db", folder);
    ck_assert_msg(store_open_sqlite(path, schema, &store, &err) == RC_OK, "%s",
                  err.text);
    return store;
}

static void clean_sqlite(void)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    char path[80];

    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof(path), "%s/datos.db%s", folder, ends[i]);
        unlink(path);
    }
    rmdir(folder);
}

const struct store_kind store_kind_sqlite = {
    .name = "sqlite",
    .open = open_sqlite,
    .clean = clean_sqlite,
};
