/* SPDX-License-Identifier: Apache-2.0 */
/* The answer of jobs.query, made by the worker that ran it. */
#include <stdio.h>

#include "common/mem.h"
#include "emulator/bigquery/fields.h"
#include "emulator/bigquery/job.h"
#include "emulator/bigquery/query.h"
#include "emulator/bigquery/results.h"

static void put_json(struct buf *out, const char *name, const json_t *v)
{
    char *text = v ? json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

    if (!text)
        return;
    buf_printf(out, ",\"%s\":%s", name, text);
    mem_free(text);
}

/* Who asked for no job, and needed none, gets the id of a query instead. */
static void put_reference(struct job *j)
{
    struct buf *out = &j->reply;
    json_t *ref;

    if (j->dry_run) {
        ref = json_pack("{s:s, s:s}", "projectId", j->project, "location",
                        j->location);
        put_json(out, "jobReference", ref);
        json_decref(ref);
        return;
    }
    if (atomic_load(&j->fate) == JOB_EPHEMERAL) {
        buf_printf(out, ",\"queryId\":\"%s\"", j->id);
        return;
    }
    ref = job_reference(j);
    put_json(out, "jobReference", ref);
    json_decref(ref);
    if (j->optional)
        buf_printf(
            out, ",\"queryId\":\"%s\",\"jobCreationReason\":{\"code\":\"%s\"}",
            j->id, j->stored ? "LARGE_RESULTS" : "OTHER");
    else
        buf_puts(out, ",\"jobCreationReason\":{\"code\":\"REQUESTED\"}");
}

static void put_rows(struct job *j)
{
    struct results_page page = {
        .out = &j->reply, .ts = j->ts, .max = j->max_rows};
    json_t *schema = j->schema ? json_loads(j->schema, 0, NULL) : NULL;
    struct sql_column *columns;
    struct fail ignored;
    struct arena mem;

    arena_init(&mem);
    /* rows that went to disk are asked for by getQueryResults */
    if (!j->dry_run && j->rows.total == j->rows.n &&
        fields_parse(schema, &mem, &columns, &page.n_columns, &ignored) ==
            RC_OK) {
        page.columns = columns;
        results_add(&page, buf_as_str(&j->rows.text));
        results_end(&page);
    }
    if (page.n < j->rows.total && j->max_rows > 0)
        buf_printf(&j->reply, ",\"pageToken\":\"%lld\"", (long long)page.n);
    json_decref(schema);
    arena_fini(&mem);
}

void job_put_reply(struct job *j)
{
    struct buf *out = &j->reply;

    buf_puts(out, "{\"kind\":\"bigquery#queryResponse\",\"jobComplete\":true,"
                  "\"cacheHit\":false");
    put_reference(j);
    buf_printf(
        out,
        ",\"location\":\"%s\",\"creationTime\":\"%lld\","
        "\"startTime\":\"%lld\",\"endTime\":\"%lld\","
        "\"totalSlotMs\":\"%lld\",\"totalBytesProcessed\":\"%lld\","
        "\"totalBytesBilled\":\"%lld\",\"totalRows\":\"%lld\"",
        j->location, (long long)(j->created_us / 1000),
        (long long)(j->started_us / 1000), (long long)(j->ended_us / 1000),
        (long long)((j->ended_us - j->started_us) / 1000), (long long)j->bytes,
        (long long)(j->dry_run ? 0 : query_billed(j->bytes)),
        (long long)j->rows.total);
    if (j->schema)
        buf_printf(out, ",\"schema\":%s", j->schema);
    put_json(out, "numDmlAffectedRows",
             json_object_get(j->stats, "numDmlAffectedRows"));
    put_json(out, "dmlStats", json_object_get(j->stats, "dmlStats"));
    put_json(out, "statementType", json_object_get(j->stats, "statementType"));
    put_rows(j);
    buf_putc(out, '}');
}
