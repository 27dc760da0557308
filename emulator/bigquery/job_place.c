/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/bigquery/job_place.h"

#include "common/mem.h"
#include "emulator/bigquery/connection.h"
#include "emulator/bigquery/db.h"
#include "emulator/bigquery/member.h"
#include "emulator/bigquery/sql/paths.h"

/* Looked for in the order in which things are named. */
struct place {
    struct db *db;
    struct str project, dataset; /* of names without one */
    char *found;
};

static void look_at(struct place *p, struct str project, struct str dataset)
{
    struct err err = {0};
    sqlite3_stmt *s;

    if (p->found || !dataset.len)
        return;
    s = db_query(p->db, &err,
                 "SELECT json_extract(body, '$.location') FROM datasets"
                 " WHERE project = ? AND dataset = ?",
                 "ss", project.len ? project : p->project, dataset);
    if (s && sqlite3_step(s) == SQLITE_ROW &&
        sqlite3_column_type(s, 0) == SQLITE_TEXT)
        p->found = mem_strdup((const char *)sqlite3_column_text(s, 0));
    if (s)
        db_done(s);
}

static void look_at_ref(struct place *p, const json_t *ref)
{
    look_at(p, str_from(member_text(ref, "projectId")),
            str_from(member_text(ref, "datasetId")));
}

/* region-eu: as locations are written, EU. */
static void take_region(struct place *p, struct str name)
{
    struct str rest = str_of(name.p + 7, name.len - 7);
    bool multi = str_ieq(rest, STR("us")) || str_ieq(rest, STR("eu"));

    p->found = mem_printf("%.*s", STR_ARG(rest));
    for (char *c = p->found; multi && *c; c++)
        *c = (char)(*c & ~0x20);
}

static bool is_region(struct str name)
{
    return name.len > 7 && str_ieq(str_of(name.p, 7), STR("region-"));
}

/* [project.]dataset.table, [project.]{dataset|region}.INFORMATION_SCHEMA.x, or
 * a bare name. */
static void look_at_path(void *arg, const struct str *part, size_t n)
{
    struct place *p = arg;
    size_t of = n; /* the part behind the dataset */

    for (size_t i = 0; i < n && of == n; i++)
        if (str_ieq(part[i], STR("INFORMATION_SCHEMA")))
            of = i;
    if (of == n)
        of = n - 1;
    if (p->found)
        return;
    if (of == 0)
        look_at(p, p->project, p->dataset);
    else if (is_region(part[of - 1]))
        take_region(p, part[of - 1]);
    else
        look_at(p, of > 1 ? part[of - 2] : p->project, part[of - 1]);
    if (!p->found && of == n - 1 && n <= 2) /* CREATE SCHEMA and its like */
        look_at(p, n > 1 ? part[0] : p->project, part[n - 1]);
}

static void look_at_query(struct place *p, const json_t *query)
{
    const json_t *set = json_object_get(query, "defaultDataset");
    const char *text = member_text(query, "query");
    struct connection connection;
    struct fail ignored;
    struct str own = p->project;

    if (connection_read(json_object_get(query, "connectionProperties"),
                        &connection, &ignored) == RC_OK &&
        connection.project)
        p->project = str_from(connection.project);
    if (member_text(set, "projectId"))
        p->project = str_from(member_text(set, "projectId"));
    p->dataset = str_from(member_text(set, "datasetId"));
    if (text)
        sql_paths(str_from(text), look_at_path, p);
    look_at(p, p->project, p->dataset);
    p->project = own;
    look_at_ref(p, json_object_get(query, "destinationTable"));
}

char *job_place_of(struct db *db, struct str project, const json_t *config)
{
    static const char *const kinds[] = {"load", "copy", "extract"};
    const json_t *query = json_object_get(config, "query"), *list, *one;
    struct place p = {.db = db, .project = project};
    size_t i;

    if (query)
        look_at_query(&p, query);
    for (size_t k = 0; k < 3; k++) {
        const json_t *its = json_object_get(config, kinds[k]);

        list = json_object_get(its, "sourceTables");
        json_array_foreach(list, i, one) look_at_ref(&p, one);
        look_at_ref(&p, json_object_get(its, "sourceTable"));
        look_at_ref(&p, json_object_get(its, "destinationTable"));
    }
    return p.found;
}
