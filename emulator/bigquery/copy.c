/* SPDX-License-Identifier: Apache-2.0 */
/* Copy jobs: one or several tables into one. Rows in the streaming buffer are
 * left behind, as BigQuery does. */
#include <stdio.h>

#include "common/mem.h"
#include "emulator/bigquery/fields.h"
#include "emulator/bigquery/job_source.h"
#include "emulator/bigquery/reshape.h"
#include "emulator/bigquery/write_table.h"

struct copying {
    struct job *job;
    const json_t *config;
    struct db *w;
    struct write_stage stage;
    struct job_source first; /* says what all look like */
};

static int copy_rows(struct copying *k, const struct job_source *from)
{
    struct err err = {0};
    struct buf sql;
    int rc;

    buf_init(&sql, 8 << 20);
    buf_printf(&sql, "INSERT INTO %s(", k->stage.physical);
    job_source_columns(from, &sql);
    buf_puts(&sql, ") SELECT ");
    job_source_columns(from, &sql);
    job_source_rows(from, k->job, &sql);
    rc = db_exec(k->w, &err, sql.data);
    buf_fini(&sql);
    return rc ? fail_from_err(&k->job->fail, &err) : RC_OK;
}

static bool looks_like(const struct table *t, const struct table *first)
{
    bool same = t->n_columns == first->n_columns;

    for (size_t i = 0; same && i < t->n_columns; i++)
        same = str_ieq(t->columns[i].name, first->columns[i].name) &&
               type_eq(t->columns[i].type, first->columns[i].type) &&
               reshape_is_alike(&t->columns[i], &first->columns[i]);
    return same;
}

static int copy_from(struct copying *k, struct write_target *to,
                     const struct job_source *from)
{
    const struct table *t = from->t, *first = k->first.t;
    int rc = RC_OK;

    if (t->view_sql)
        return fail_set(&k->job->fail, "invalid",
                        "Cannot copy a view: %.*s.%.*s", STR_ARG(t->dataset),
                        STR_ARG(t->name));
    if (!looks_like(t, first))
        return fail_set(&k->job->fail, "invalid",
                        "Cannot copy tables of different schemas into one: "
                        "%.*s.%.*s is not like %.*s.%.*s",
                        STR_ARG(t->dataset), STR_ARG(t->name),
                        STR_ARG(first->dataset), STR_ARG(first->name));
    if (!k->stage.schema) {
        to->like = t->body;
        rc = write_table_open(k->w, to, json_object_get(t->body, "schema"),
                              &k->stage, &k->job->fail);
        to->like = NULL;
    }
    return rc ? rc : copy_rows(k, from);
}

static int one_source(struct copying *k, struct write_target *to,
                      const json_t *ref)
{
    struct job_source other = {.t = NULL};
    struct job_source *from = k->first.t ? &other : &k->first;
    int rc = job_source_open(k->job, k->w, ref, "copy.sourceTable", from);

    if (rc == RC_OK)
        rc = copy_from(k, to, from);
    job_source_fini(&other);
    return rc;
}

static int copy_all(struct copying *k)
{
    const json_t *list = json_object_get(k->config, "sourceTables"), *ref;
    struct write_target to = {
        .project = str_from(k->job->project),
        .location = job_place(k->job),
        .table = json_object_get(k->config, "destinationTable"),
        .create = json_object_get(k->config, "createDisposition"),
        .write = json_object_get(k->config, "writeDisposition"),
        .write_default = "WRITE_EMPTY",
        .now_us = k->job->created_us};
    int rc = RC_OK;
    size_t i;

    if (!list)
        rc = one_source(k, &to, json_object_get(k->config, "sourceTable"));
    json_array_foreach(list, i, ref)
    {
        if (rc == RC_OK)
            rc = one_source(k, &to, ref);
    }
    if (rc == RC_OK)
        rc = write_table_close(k->w, &k->stage, to.now_us, &k->job->fail);
    return rc;
}

void copy_run(struct job *j, struct db *db)
{
    struct copying k = {.job = j, .config = json_object_get(j->config, "copy")};
    struct err err = {0};
    int rc;

    k.w = db_begin(db->all, true, &err);
    if (!k.w) {
        fail_from_err(&j->fail, &err);
        return;
    }
    rc = copy_all(&k);
    write_table_fini(&k.stage);
    job_source_fini(&k.first);
    if (rc == RC_OK)
        rc = job_store(j, k.w);
    job_end(j, k.w, rc);
}
