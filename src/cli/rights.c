/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/rights.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/loop.h"
#include "common/mem.h"
#include "config/settings.h"
#include "net/endpoint.h"
#include "net/token.h"

#define WAIT_US (10 * US_PER_S)
/* bigquery.tables: what inserts and reads of rows need (Google's page of
 * BigQuery's permissions); both are in roles/bigquery.dataEditor */
#define READS  "bigquery.tables.getData"
#define WRITES "bigquery.tables.updateData"

static int open_client(struct rights *r, struct err *err)
{
    const char *emulator = r->settings->bigquery_emulator_host;
    struct endpoint endpoint;
    int rc;

    if (!r->tokens || (emulator && emulator[0]))
        return google_open(r->loop, "bigquery", emulator,
                           "BIGQUERY_EMULATOR_HOST", 1, &r->own_tokens,
                           &r->google, err);
    rc = endpoint_init(&endpoint, "bigquery", NULL, "BIGQUERY_EMULATOR_HOST",
                       token_universe(r->tokens), err);
    if (rc == RC_OK)
        r->google = google_new(r->loop, &endpoint, r->tokens, 1);
    return rc;
}

static void ask(struct rights *r, void (*done)(struct google_call *call))
{
    google_call_fini(&r->call);
    r->call = (struct google_call){.method = "POST",
                                   .path = r->path,
                                   .body = str_from(r->body),
                                   .total_us = WAIT_US,
                                   .done = done};
    google_start(r->google, &r->call);
}

/* --- queries -------------------------------------------------------------- */

/* A dry run is free and makes no job, but needs the right to make one. */
static void on_queried(struct google_call *call)
{
    struct rights *r = LOOP_OWNER(call, struct rights, call);
    const char *project = r->settings->project;
    char *text;

    if (call->rc == RC_OK)
        text = mem_printf("may be run in %s", project);
    else if (call->rc == RC_DENIED)
        text = mem_printf("none may be run in %s: grant roles/bigquery.jobUser "
                          "(%.300s)",
                          project, call->err.text);
    else
        text = mem_printf("cannot be run: %.300s", call->err.text);
    r->found(r, call->rc == RC_OK, "queries", text);
    mem_free(text);
    r->done(r);
}

static void ask_queries(struct rights *r)
{
    mem_free(r->path);
    r->path =
        mem_printf("/bigquery/v2/projects/%s/queries", r->settings->project);
    snprintf(r->body, sizeof(r->body),
             "{\"query\":\"SELECT 1\",\"useLegacySql\":false,\"dryRun\":true}");
    ask(r, on_queried);
}

/* --- the table ------------------------------------------------------------ */

static bool tells(const struct google_call *call, const char *permission)
{
    struct str answer = buf_as_str(&call->http.response);

    return answer.len &&
           memmem(answer.p, answer.len, permission, strlen(permission));
}

static void on_tested(struct google_call *call)
{
    struct rights *r = LOOP_OWNER(call, struct rights, call);
    const struct settings *s = r->settings;
    bool reads = tells(call, READS), writes = tells(call, WRITES);
    char *text;

    if (call->rc)
        text = mem_printf("%s.%s: its permissions could not be asked: %.300s",
                          s->dataset, s->table, call->err.text);
    else if (reads && writes)
        text = mem_printf("%s.%s: rows may be read and written", s->dataset,
                          s->table);
    else
        text = mem_printf("%s.%s: the credential lacks %s%s%s: grant "
                          "roles/bigquery.dataEditor on it",
                          s->dataset, s->table, reads ? "" : READS,
                          reads || writes ? "" : " and ", writes ? "" : WRITES);
    /* a question that is refused is no finding about the answer */
    r->found(r, call->rc || (reads && writes), "rows", text);
    mem_free(text);
    if (r->asks_queries)
        ask_queries(r);
    else
        r->done(r);
}

int rights_ask(struct rights *r, struct err *err)
{
    const struct settings *s = r->settings;
    int rc = open_client(r, err);

    if (rc)
        return rc;
    r->path = mem_printf("/bigquery/v2/projects/%s/datasets/%s/tables/%s"
                         ":testIamPermissions",
                         s->project, s->dataset, s->table);
    snprintf(r->body, sizeof(r->body), "{\"permissions\":[\"%s\",\"%s\"]}",
             READS, WRITES);
    ask(r, on_tested);
    return RC_OK;
}

void rights_fini(struct rights *r)
{
    google_call_fini(&r->call);
    if (r->google)
        google_free(r->google);
    token_source_free(r->own_tokens);
    mem_free(r->path);
}
