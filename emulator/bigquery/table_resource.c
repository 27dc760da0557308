/* SPDX-License-Identifier: Apache-2.0 */
/* The table resource: what of it is kept, how it is shown. */
#include <stdio.h>

#include "common/buf.h"
#include "common/mem.h"
#include "emulator/bigquery/fields.h"
#include "emulator/bigquery/resource.h"
#include "emulator/bigquery/stream.h"
#include "emulator/bigquery/table.h"

/* What users may set, and how it is kept. */
static const struct resource_member members[] = {
    {"friendlyName", MEMBER_TEXT},
    {"description", MEMBER_TEXT},
    {"labels", MEMBER_LABELS},
    {"expirationTime", MEMBER_NUMBER},
    {"timePartitioning", MEMBER_OBJECT},
    {"rangePartitioning", MEMBER_OBJECT},
    {"clustering", MEMBER_OBJECT},
    {"requirePartitionFilter", MEMBER_BOOL},
    {"view", MEMBER_OBJECT},
    {"encryptionConfiguration", MEMBER_OBJECT},
    {"defaultCollation", MEMBER_TEXT},
    {"defaultRoundingMode", MEMBER_TEXT},
    {"maxStaleness", MEMBER_TEXT},
    {"tableConstraints", MEMBER_OBJECT},
    {"resourceTags", MEMBER_OBJECT},
    {NULL, MEMBER_TEXT},
};

static const char *const not_here[] = {
    "materializedView", "externalDataConfiguration", "snapshotDefinition",
    "cloneDefinition", "biglakeConfiguration"};

static void number_as_text(json_t *object, const char *name)
{
    json_t *v = json_object_get(object, name);

    if (json_is_integer(v))
        json_object_set_new(
            object, name,
            json_sprintf("%lld", (long long)json_integer_value(v)));
}

/* Schema in its normal form: what was checked, not what was sent. */
static int put_schema(json_t *body, const json_t *resource, struct fail *f)
{
    const json_t *schema = json_object_get(resource, "schema");
    struct sql_column *columns;
    struct arena mem;
    size_t n;
    int rc;

    if (!schema || json_is_null(schema))
        return RC_OK;
    if (!json_is_object(schema))
        return fail_set(f, "invalid", "The schema must be an object");
    arena_init(&mem);
    rc = fields_parse(schema, &mem, &columns, &n, f);
    if (rc == RC_OK)
        json_object_set_new(body, "schema", fields_json(columns, n));
    arena_fini(&mem);
    return rc;
}

json_t *table_body(const json_t *resource, struct fail *f)
{
    json_t *body, *part;

    for (size_t i = 0; i < sizeof(not_here) / sizeof(not_here[0]); i++)
        if (json_is_object(json_object_get(resource, not_here[i]))) {
            fail_set(f, "notImplemented", "The emulator has no tables with %s",
                     not_here[i]);
            return NULL;
        }
    body = resource_body(resource, members, f);
    if (!body)
        return NULL;
    number_as_text(json_object_get(body, "timePartitioning"), "expirationMs");
    part = json_object_get(json_object_get(body, "rangePartitioning"), "range");
    number_as_text(part, "start");
    number_as_text(part, "end");
    number_as_text(part, "interval");
    if (put_schema(body, resource, f)) {
        json_decref(body);
        return NULL;
    }
    return body;
}

void table_etag(const struct table *t, char *out)
{
    char *text = json_dumps(t->body, JSON_COMPACT | JSON_SORT_KEYS);
    char more[100];

    snprintf(more, sizeof(more), "t%lld %lld %lld %lld", (long long)t->id,
             (long long)t->modified_us, (long long)t->buffered_us,
             (long long)t->buffered);
    resource_etag(text ? text : "", more, out);
    mem_free(text);
}

static void put_reference(json_t *r, const struct table *t)
{
    json_object_set_new(r, "tableReference",
                        json_pack("{s:s, s:s, s:s}", "projectId", t->project.p,
                                  "datasetId", t->dataset.p, "tableId",
                                  t->name.p));
    json_object_set_new(
        r, "id",
        json_sprintf("%s:%s.%s", t->project.p, t->dataset.p, t->name.p));
    json_object_set_new(
        r, "selfLink",
        json_sprintf("https://bigquery.googleapis.com/bigquery/v2/projects/"
                     "%s/datasets/%s/tables/%s",
                     t->project.p, t->dataset.p, t->name.p));
}

static void put_sizes(json_t *r, const struct table *t)
{
    static const char *const bytes[] = {"numBytes", "numTotalLogicalBytes",
                                        "numActiveLogicalBytes"};
    static const char *const none[] = {"numLongTermBytes",
                                       "numLongTermLogicalBytes"};

    for (size_t i = 0; i < 3; i++)
        json_object_set_new(r, bytes[i],
                            json_sprintf("%lld", (long long)t->n_bytes));
    for (size_t i = 0; i < 2; i++)
        json_object_set_new(r, none[i], json_string("0"));
    json_object_set_new(r, "numRows",
                        json_sprintf("%lld", (long long)t->n_rows));
}

json_t *table_resource(const struct table *t, int64_t now_us)
{
    json_t *r = json_object();
    char etag[40];

    table_etag(t, etag);
    json_object_set_new(r, "kind", json_string("bigquery#table"));
    json_object_set_new(r, "etag", json_string(etag));
    put_reference(r, t);
    json_object_set_new(r, "type", json_string(t->kind));
    resource_put_time(r, "creationTime", t->created_us);
    resource_put_time(r, "lastModifiedTime", t->modified_us);
    json_object_set_new(r, "location", json_string("US"));
    json_object_update(r, t->body);
    if (t->view_sql) {
        json_object_set_new(r, "numRows", json_string("0"));
        json_object_set_new(r, "numBytes", json_string("0"));
    } else {
        put_sizes(r, t);
        stream_put_buffer(r, t, now_us);
    }
    return r;
}
