/* SPDX-License-Identifier: Apache-2.0 */
/* A job's row is read from its REST resource, the one form in which it is
 * kept. */
#include "emulator/bigquery/catalog_jobs.h"

#include <jansson.h>
#include <stdio.h>

#include "common/mem.h"
#include "emulator/bigquery/member.h"
#include "emulator/bigquery/parked.h"
#include "emulator/bigquery/sql/bind.h"

enum {
    N_COLUMNS = 17,
    MS = 1000 /* in us */
};

static const char *text(struct arena *mem, const char *s)
{
    return s ? quote_sql(mem, str_from(s)) : NULL;
}

/* REST has numbers as texts; `unit` times that. */
static const char *number(struct arena *mem, const json_t *o, const char *name,
                          int64_t unit)
{
    long long v = member_number(o, name);

    if (!json_object_get(o, name))
        return NULL;
    return arena_printf(mem, "%lld", v * unit);
}

/* A STRUCT of texts: stored as a JSON array by position. */
static const char *structure(struct arena *mem, const json_t *o,
                             const char *const *names, size_t n)
{
    json_t *list;
    const char *literal;
    char *dumped;

    if (!json_is_object(o))
        return NULL;
    list = json_array();
    for (size_t i = 0; i < n; i++) {
        json_t *v = json_object_get(o, names[i]);

        json_array_append_new(list,
                              json_is_string(v) ? json_incref(v) : json_null());
    }
    dumped = json_dumps(list, JSON_COMPACT);
    literal = text(mem, dumped);
    mem_free(dumped);
    json_decref(list);
    return literal;
}

static void put(const json_t *r, struct arena *mem, struct sql_info_sink *sink)
{
    static const char *const error[] = {"reason", "location", "debugInfo",
                                        "message"};
    static const char *const table[] = {"projectId", "datasetId", "tableId"};
    const json_t *ref = json_object_get(r, "jobReference");
    const json_t *config = json_object_get(r, "configuration");
    const json_t *query = json_object_get(config, "query");
    const json_t *stats = json_object_get(r, "statistics");
    const json_t *of_query = json_object_get(stats, "query");
    const json_t *status = json_object_get(r, "status");
    const json_t *into = json_object_get(query, "destinationTable");
    const char *v[N_COLUMNS] = {
        number(mem, stats, "creationTime", MS),
        text(mem, member_text(ref, "projectId")),
        text(mem, member_text(r, "user_email")),
        text(mem, member_text(ref, "jobId")),
        text(mem, member_text(config, "jobType")),
        text(mem, member_text(of_query, "statementType")),
        text(mem, member_text(query, "priority")),
        number(mem, stats, "startTime", MS),
        number(mem, stats, "endTime", MS),
        text(mem, member_text(query, "query")),
        text(mem, member_text(status, "state")),
        number(mem, stats, "totalBytesProcessed", 1),
        number(mem, of_query, "totalBytesBilled", 1),
        number(mem, stats, "totalSlotMs", 1),
        query ? json_is_true(json_object_get(of_query, "cacheHit")) ? "1" : "0"
              : NULL,
        structure(mem, json_object_get(status, "errorResult"), error, 4)};

    if (!into)
        into = json_object_get(json_object_get(config, "load"),
                               "destinationTable");
    if (!into)
        into = json_object_get(json_object_get(config, "copy"),
                               "destinationTable");
    v[N_COLUMNS - 1] = structure(mem, into, table, 3);
    sql_info_row(sink, v, N_COLUMNS);
}

static void put_text(struct str body, struct sql_info_sink *sink)
{
    json_t *r = json_loadb(body.p, body.len, 0, NULL);
    struct arena mem;

    arena_init(&mem);
    put(r, &mem, sink);
    arena_fini(&mem);
    json_decref(r);
}

struct target {
    struct db *db;
    struct sql_info_sink *sink;
};

/* One that the file has too, as `db` sees it, is left to that. */
static bool put_parked(void *arg, const struct parked_job *one)
{
    struct target *to = arg;
    struct err err = {0};
    int64_t there = 0;

    if (db_int(to->db, &err, &there,
               "SELECT 1 FROM jobs WHERE project = ? AND job = ?", "zz",
               one->project, one->id) == RC_OK &&
        !there)
        put_text(str_from(one->resource), to->sink);
    return false;
}

int catalog_jobs(struct db *db, struct parked *parked, struct str project,
                 struct sql_info_sink *sink)
{
    struct err err = {0};
    sqlite3_stmt *s = db_query(db, &err,
                               "SELECT body FROM jobs WHERE project = ?"
                               " AND body IS NOT NULL ORDER BY n DESC",
                               "s", project);

    if (s && parked)
        parked_each(parked, project, put_parked, &(struct target){db, sink});
    if (!s)
        return RC_INTERNAL;
    while (sqlite3_step(s) == SQLITE_ROW) {
        put_text(db_text(s, 0), sink);
    }
    db_done(s);
    return RC_OK;
}
