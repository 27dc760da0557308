/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/bigquery/job_source.h"

#include "emulator/bigquery/member.h"
#include "emulator/bigquery/stream.h"

int job_source_open(struct job *j, struct db *db, const json_t *ref,
                    const char *what, struct job_source *out)
{
    const char *project = member_text(ref, "projectId");
    const char *dataset = member_text(ref, "datasetId");
    const char *id = member_text(ref, "tableId");
    struct str name, decorator;
    int rc;

    *out = (struct job_source){.t = NULL};
    if (!dataset || !id)
        return fail_set(&j->fail, "required",
                        "Required parameter is missing: %s", what);
    if (!project)
        project = j->project;
    partition_split(str_from(id), &name, &decorator);
    rc = dataset_check_in(db, str_from(project), str_from(dataset),
                          job_place(j), &j->fail);
    if (rc == RC_OK)
        rc = table_load(db, str_from(project), str_from(dataset), name, &out->t,
                        &j->fail);
    if (rc || !decorator.p)
        return rc;
    out->has_part = true;
    return partition_decorator(&out->t->part, decorator, &out->part, &j->fail);
}

void job_source_fini(struct job_source *s)
{
    table_free(s->t);
    s->t = NULL;
}

void job_source_columns(const struct job_source *s, struct buf *sql)
{
    for (size_t i = 0; i < s->t->n_columns; i++)
        buf_printf(sql, "%s\"%.*s\"", i ? "," : "",
                   STR_ARG(s->t->columns[i].name));
}

void job_source_rows(const struct job_source *s, const struct job *j,
                     struct buf *sql)
{
    const struct table *t = s->t;

    buf_printf(sql, " FROM %s WHERE %s <= %lld", t->physical, t->rowid,
               (long long)stream_last_flushed(t, j->created_us));
    if (s->has_part)
        buf_printf(sql, " AND \"%s\" >= %lld AND \"%s\" < %lld", t->part.by,
                   (long long)s->part, t->part.by,
                   (long long)partition_next(&t->part, s->part));
    buf_printf(sql, " ORDER BY %s", t->rowid);
}
