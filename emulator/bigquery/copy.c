/* SPDX-License-Identifier: Apache-2.0 */
/* Copy jobs: one or several tables into one. Rows in the streaming buffer are
 * left behind, as BigQuery does. */
#include <stdio.h>

#include "common/mem.h"
#include "emulator/bigquery/fields.h"
#include "emulator/bigquery/job.h"
#include "emulator/bigquery/member.h"
#include "emulator/bigquery/stream.h"
#include "emulator/bigquery/write_table.h"

struct copying {
    struct job *job;
    const json_t *config;
    struct db *w;
    struct write_stage stage;
};

static int load_source(struct copying *k, const json_t *ref, struct table **t)
{
    const char *project = member_text(ref, "projectId");
    const char *dataset = member_text(ref, "datasetId");
    const char *id = member_text(ref, "tableId");
    int rc;

    if (!dataset || !id)
        return fail_set(&k->job->fail, "required",
                        "Required parameter is missing: copy.sourceTable");
    if (!project)
        project = k->job->project;
    rc = dataset_check_in(k->w, str_from(project), str_from(dataset),
                          job_place(k->job), &k->job->fail);
    if (rc == RC_OK)
        rc = table_load(k->w, str_from(project), str_from(dataset),
                        str_from(id), t, &k->job->fail);
    if (rc)
        return rc;
    if (!(*t)->view_sql)
        return RC_OK;
    table_free(*t);
    return fail_set(&k->job->fail, "invalid", "Cannot copy a view: %s.%s",
                    dataset, id);
}

static int copy_rows(struct copying *k, const struct table *t)
{
    int64_t last = stream_last_flushed(t, k->job->created_us);
    struct err err = {0};
    struct buf sql;
    int rc;

    buf_init(&sql, 8 << 20);
    buf_printf(&sql, "INSERT INTO %s(", k->stage.physical);
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < t->n_columns; i++)
            buf_printf(&sql, "%s\"%.*s\"", i ? "," : "",
                       STR_ARG(t->columns[i].name));
        buf_puts(&sql, pass ? "" : ") SELECT ");
    }
    buf_printf(&sql, " FROM %s WHERE %s <= %lld ORDER BY %s", t->physical,
               t->rowid, (long long)last, t->rowid);
    rc = db_exec(k->w, &err, sql.data);
    buf_fini(&sql);
    return rc ? fail_from_err(&k->job->fail, &err) : RC_OK;
}

/* The first source says what the stage looks like. */
static int one_source(struct copying *k, struct write_target *to,
                      const json_t *ref)
{
    struct table *t = NULL;
    int rc = load_source(k, ref, &t);

    if (rc || !t)
        return rc;
    if (!k->stage.schema) {
        to->like = t->body;
        rc = write_table_open(k->w, to, json_object_get(t->body, "schema"),
                              &k->stage, &k->job->fail);
        to->like = NULL;
    }
    if (rc == RC_OK)
        rc = copy_rows(k, t);
    table_free(t);
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
    if (rc == RC_OK)
        rc = job_store(j, k.w);
    job_end(j, k.w, rc);
}
