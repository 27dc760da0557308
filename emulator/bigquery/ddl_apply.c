/* SPDX-License-Identifier: Apache-2.0 */
/* DDL carried out: CREATE and DROP of schemas, tables and views. ALTER is in
 * ddl_alter.c. */
#include <stdio.h>

#include "common/mem.h"
#include "emulator/bigquery/dataset.h"
#include "emulator/bigquery/ddl.h"
#include "emulator/bigquery/fields.h"
#include "emulator/bigquery/partition_stats.h"

/* --- what statements say, as REST says it --------------------------------- */

static json_t *reference(const struct sql_ddl *d)
{
    return json_pack("{s:o}", "tableId",
                     json_stringn(d->table.p, d->table.len));
}

static void put_partitioning(const struct sql_ddl *d, json_t *r)
{
    json_t *p;

    if (!d->partition_by)
        return;
    if (strcmp(d->partition_type, "RANGE") == 0) {
        p = json_pack("{s:s, s:{s:o, s:o, s:o}}", "field", d->partition_by,
                      "range", "start",
                      json_sprintf("%lld", (long long)d->range_start), "end",
                      json_sprintf("%lld", (long long)d->range_end), "interval",
                      json_sprintf("%lld", (long long)d->range_interval));
        json_object_set_new(r, "rangePartitioning", p);
        return;
    }
    p = json_pack("{s:s}", "type", d->partition_type);
    if (strcmp(d->partition_by, "_PARTITIONTIME") != 0)
        json_object_set_new(p, "field", json_string(d->partition_by));
    json_object_set_new(r, "timePartitioning", p);
}

static void put_clustering(const struct sql_ddl *d, json_t *r)
{
    json_t *list = json_array();

    for (size_t i = 0; i < d->n_cluster; i++)
        json_array_append_new(list,
                              json_stringn(d->cluster[i].p, d->cluster[i].len));
    if (d->n_cluster)
        json_object_set_new(r, "clustering",
                            json_pack("{s:O}", "fields", list));
    json_decref(list);
}

static json_t *resource_of(struct query *q)
{
    const struct sql_ddl *d = q->stmt->ddl;
    json_t *r = json_pack("{s:o}", "tableReference", reference(d));

    if (d->n_columns)
        json_object_set_new(r, "schema", fields_json(d->columns, d->n_columns));
    put_partitioning(d, r);
    put_clustering(d, r);
    if (q->stmt->kind == SQL_CREATE_VIEW)
        json_object_set_new(r, "view",
                            json_pack("{s:o, s:b}", "query",
                                      json_stringn(d->query.p, d->query.len),
                                      "useLegacySql", 0));
    ddl_put_options(d->options, d->n_options, r);
    return r;
}

/* --- tables and views ----------------------------------------------------- */

/* LIKE and COPY: all that the other table has, but what was said here. */
static int put_like(struct query *q, struct db *w, json_t *r)
{
    const struct sql_ddl *d = q->stmt->ddl;
    struct table *like;
    json_t *body;
    int rc;

    if (!d->like_table.len)
        return RC_OK;
    rc = table_load(w, d->like_project, d->like_dataset, d->like_table, &like,
                    &q->job->fail);
    if (rc)
        return rc;
    body = json_deep_copy(like->body);
    json_object_update(body, r);
    json_object_update(r, body);
    json_decref(body);
    table_free(like);
    return RC_OK;
}

/* OR REPLACE: the query may read the table that it replaces, so that one goes
 * when the new one is filled; until then it has a name that nobody can say. */
static int step_aside(struct query *q, struct db *w, struct table *old)
{
    struct err err = {0};
    char name[32];

    snprintf(name, sizeof(name), "\x01%lld", (long long)old->id);
    q->replaced = old;
    if (db_run(w, &err, "UPDATE tables SET name = ? WHERE id = ?", "zi", name,
               old->id))
        return fail_from_err(&q->job->fail, &err);
    return RC_OK;
}

/* True: there is nothing more to do. */
static bool clear_way(struct query *q, struct db *w, int *rc,
                      const char **operation)
{
    const struct sql_ddl *d = q->stmt->ddl;
    struct fail found = {0};
    struct table *old;

    *rc = table_load(w, d->project, d->dataset, d->table, &old, &found);
    if (*rc == RC_NOT_FOUND) {
        *rc = RC_OK;
        return false;
    }
    if (*rc) {
        q->job->fail = found;
        return true;
    }
    if (d->or_replace) {
        *rc = step_aside(q, w, old);
        *operation = "REPLACE";
        return *rc != RC_OK;
    }
    table_free(old);
    if (!d->if_exists)
        return false; /* table_create says that it exists */
    *operation = "SKIP";
    return true;
}

static int create(struct query *q, struct db *w, struct table **into,
                  const char **operation)
{
    const struct sql_ddl *d = q->stmt->ddl;
    json_t *r;
    int rc;

    if (clear_way(q, w, &rc, operation))
        return rc;
    r = resource_of(q);
    rc = put_like(q, w, r);
    if (rc == RC_OK)
        rc = table_create(w, d->project, d->dataset, r, q->job->created_us,
                          into, &q->job->fail);
    json_decref(r);
    return rc;
}

static int drop(struct query *q, struct db *w, const char **operation)
{
    const struct sql_ddl *d = q->stmt->ddl;
    bool view = q->stmt->kind == SQL_DROP_VIEW;
    struct fail *f = &q->job->fail;
    struct fail found = {0};
    struct table *t;
    int rc = table_load(w, d->project, d->dataset, d->table, &t, &found);

    *operation = "DROP";
    if (rc == RC_NOT_FOUND && d->if_exists) {
        *operation = "SKIP";
        return RC_OK;
    }
    if (rc) {
        *f = found;
        return rc;
    }
    if (view != (t->view_sql != NULL))
        rc = fail_set(f, "invalidQuery",
                      "Cannot drop %s:%s.%s which has type %s. An object of "
                      "type %s was expected.",
                      t->project.p, t->dataset.p, t->name.p, t->kind,
                      view ? "VIEW" : "TABLE");
    if (rc == RC_OK)
        rc = table_drop(w, t, f);
    table_free(t);
    return rc;
}

/* --- schemas -------------------------------------------------------------- */

static int create_schema(struct query *q, struct db *w, const char **operation)
{
    const struct sql_ddl *d = q->stmt->ddl;
    json_t *r = json_object();
    struct fail f = {0};
    int rc;

    ddl_put_options(d->options, d->n_options, r);
    if (q->job->is_placed && !json_object_get(r, "location"))
        json_object_set_new(r, "location", json_string(q->job->location));
    rc = dataset_create(w, d->project, d->dataset, r, q->job->created_us, &f);
    json_decref(r);
    if (rc == RC_EXISTS && d->if_exists) {
        *operation = "SKIP";
        return RC_OK;
    }
    if (rc)
        q->job->fail = f;
    return rc;
}

static int drop_schema(struct query *q, struct db *w, const char **operation)
{
    const struct sql_ddl *d = q->stmt->ddl;
    struct fail f = {0};
    int rc = dataset_drop(w, d->project, d->dataset, d->cascade,
                          q->job->created_us, &f);

    *operation = "DROP";
    if (rc == RC_NOT_FOUND && d->if_exists) {
        *operation = "SKIP";
        return RC_OK;
    }
    if (rc)
        q->job->fail = f;
    return rc;
}

int ddl_apply(struct query *q, struct db *w, struct table **into,
              const char **operation)
{
    switch (q->stmt->kind) {
    case SQL_CREATE_SCHEMA:
        return create_schema(q, w, operation);
    case SQL_DROP_SCHEMA:
        return drop_schema(q, w, operation);
    case SQL_CREATE_TABLE:
    case SQL_CREATE_TABLE_AS:
    case SQL_CREATE_VIEW:
        return create(q, w, into, operation);
    case SQL_DROP_TABLE:
    case SQL_DROP_VIEW:
        return drop(q, w, operation);
    case SQL_ALTER_TABLE:
    case SQL_ALTER_VIEW:
        *operation = "ALTER";
        return ddl_alter(q, w);
    case SQL_ALTER_SCHEMA:
        *operation = "ALTER";
        return ddl_alter_schema(q, w);
    default:
        return fail_set(&q->job->fail, "notImplemented",
                        "The emulator does not run %s",
                        sql_kind_name(q->stmt->kind));
    }
}
