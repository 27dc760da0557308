/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/bigquery/catalog.h"

#include <stdio.h>

#include "common/buf.h"
#include "common/mem.h"
#include "emulator/bigquery/catalog_ddl.h"
#include "emulator/bigquery/catalog_jobs.h"
#include "emulator/bigquery/fields.h"
#include "emulator/bigquery/partition_stats.h"
#include "emulator/bigquery/table.h"

/* --- tables --------------------------------------------------------------- */

static struct sql_column *copy_columns(struct arena *mem, const struct table *t)
{
    struct sql_column *out = NULL;
    struct fail ignored;
    size_t n;

    /* parsed anew into the statement's own memory: types are deep */
    if (fields_parse(json_object_get(t->body, "schema"), mem, &out, &n,
                     &ignored))
        return NULL;
    return out;
}

static const char *copy(struct arena *mem, const char *s)
{
    return s ? arena_strndup(mem, s, strlen(s)) : NULL;
}

static void describe(const struct table *t, struct arena *mem,
                     struct sql_table *out)
{
    const char **names = ARENA_ARRAY(mem, const char *, t->n_clustering + 1);

    *out = (struct sql_table){.project = arena_str(mem, t->project),
                              .dataset = arena_str(mem, t->dataset),
                              .table = arena_str(mem, t->name),
                              .created_us = t->created_us,
                              .n_columns = t->n_columns,
                              .n_clustering = t->n_clustering};
    out->physical = copy(mem, t->physical);
    out->columns = copy_columns(mem, t);
    out->view_sql = copy(mem, t->view_sql);
    out->kind = t->view_sql ? "VIEW" : "BASE TABLE";
    out->partition_by = copy(mem, t->part.by);
    out->partition_type = t->part.type;
    out->require_partition_filter = t->part.require_filter;
    for (size_t i = 0; i < t->n_clustering; i++)
        names[i] = copy(mem, t->clustering[i]);
    out->clustering = names;
}

static int get_table(void *arg, struct str project, struct str dataset,
                     struct str name, struct arena *mem, struct sql_table *out)
{
    struct catalog *c = arg;
    struct fail ignored;
    struct table *t;
    int rc = dataset_check_in(c->db, project, dataset, c->location, &ignored);

    if (rc == RC_OK)
        rc = table_load(c->db, project, dataset, name, &t, &ignored);
    if (rc)
        return rc;
    describe(t, mem, out);
    table_free(t);
    return RC_OK;
}

static int each_table(void *arg, struct str project, struct str dataset,
                      struct arena *mem,
                      void (*visit)(void *to, const struct sql_table *),
                      void *to)
{
    struct catalog *c = arg;
    struct err err = {0};
    struct buf names;
    struct str rest;
    sqlite3_stmt *s = db_query(c->db, &err,
                               "SELECT name FROM tables"
                               " WHERE project = ? AND dataset = ?"
                               " ORDER BY name",
                               "ss", project, dataset);

    if (!s)
        return RC_INTERNAL;
    buf_init(&names, 64 << 20);
    while (sqlite3_step(s) == SQLITE_ROW) {
        buf_str(&names, db_text(s, 0));
        buf_putc(&names, '\n');
    }
    db_done(s);
    rest = buf_as_str(&names);
    while (rest.p && rest.len) {
        struct str name = str_cut(&rest, '\n');
        struct sql_table *out = ARENA_NEW(mem, struct sql_table);
        struct fail ignored;
        struct table *t;

        if (table_load(c->db, project, dataset, name, &t, &ignored))
            continue;
        describe(t, mem, out);
        catalog_tell(mem, t, out);
        visit(to, out);
        table_free(t);
    }
    buf_fini(&names);
    return RC_OK;
}

/* --- datasets ------------------------------------------------------------- */

static void read_dataset(sqlite3_stmt *s, struct str project, struct arena *mem,
                         struct sql_dataset *out)
{
    struct str text = db_text(s, 3);
    json_t *body = json_loadb(text.p, text.len, 0, NULL);

    *out = (struct sql_dataset){.project = arena_str(mem, project),
                                .dataset = arena_str(mem, db_text(s, 0)),
                                .created_us = sqlite3_column_int64(s, 1),
                                .modified_us = sqlite3_column_int64(s, 2)};
    out->location =
        copy(mem, json_string_value(json_object_get(body, "location")));
    json_decref(body);
}

static int get_dataset(void *arg, struct str project, struct str dataset,
                       struct arena *mem, struct sql_dataset *out)
{
    struct catalog *c = arg;
    struct err err = {0};
    sqlite3_stmt *s =
        db_query(c->db, &err,
                 "SELECT dataset, created_us, modified_us, body FROM datasets"
                 " WHERE project = ? AND dataset = ?",
                 "ss", project, dataset);
    int rc = RC_NOT_FOUND;
    bool here;

    if (!s)
        return RC_INTERNAL;
    if (sqlite3_step(s) == SQLITE_ROW) {
        read_dataset(s, project, mem, out);
        here = !c->location || !out->location ||
               strcasecmp(c->location, out->location) == 0;
        rc = here ? RC_OK : RC_NOT_FOUND;
    }
    db_done(s);
    return rc;
}

static int each_dataset(void *arg, struct str project, struct arena *mem,
                        void (*visit)(void *to, const struct sql_dataset *),
                        void *to)
{
    struct catalog *c = arg;
    struct err err = {0};
    sqlite3_stmt *s =
        db_query(c->db, &err,
                 "SELECT dataset, created_us, modified_us, body FROM datasets"
                 " WHERE project = ? ORDER BY dataset",
                 "s", project);

    if (!s)
        return RC_INTERNAL;
    while (sqlite3_step(s) == SQLITE_ROW) {
        struct sql_dataset *d = ARENA_NEW(mem, struct sql_dataset);

        read_dataset(s, project, mem, d);
        visit(to, d);
    }
    db_done(s);
    return RC_OK;
}

/* --- views of the service's own ------------------------------------------- */

static int info(void *arg, const char *view, struct str project,
                struct str dataset, struct sql_info_sink *sink)
{
    struct catalog *c = arg;

    if (strcmp(view, "PARTITIONS") == 0)
        return partition_info(c->db, project, dataset, sink, &c->counted);
    if (strncmp(view, "JOBS", 4) == 0)
        return catalog_jobs(c->db, c->parked, project, sink);
    return RC_OK;
}

void catalog_init(struct catalog *c, struct db *db, struct str project,
                  struct str dataset, const char *location)
{
    *c = (struct catalog){.db = db, .location = location};
    c->sql = (struct sql_catalog){.arg = c,
                                  .project = project.p,
                                  .dataset = dataset.p,
                                  .location = location ? location : "US",
                                  .table = get_table,
                                  .dataset_get = get_dataset,
                                  .each_table = each_table,
                                  .each_dataset = each_dataset,
                                  .info = info};
}
