/* SPDX-License-Identifier: Apache-2.0 */
/* The discovery document, which bq and older clients read before they call
 * anything. Made from the table of routes: paths and parameters, no schemas;
 * addresses are those by which the client reached us. */
#include <stdio.h>

#include "emulator/bigquery/api.h"
#include "emulator/bigquery/handlers.h"

/* Names of the variables of a path, in their order. */
static const char *const variables[] = {"projectId", "datasetId", "tableId"};

static const char *variable(const struct route *r, size_t i)
{
    bool job = strncmp(r->name, "jobs.", 5) == 0;

    return i == 1 && job ? "jobId" : variables[i < 3 ? i : 2];
}

/* "projects/{+projectId}/datasets/{+datasetId}" */
static void put_path(struct buf *out, const struct route *r)
{
    size_t n = 0;

    for (const char *p = r->path + 1; *p; p++) {
        if (p[0] == '{' && p[1] == '}') {
            buf_printf(out, "{+%s}", variable(r, n++));
            p++;
        } else {
            buf_putc(out, *p);
        }
    }
}

static json_t *parameter(const char *where)
{
    return json_pack("{s:s, s:s, s:b}", "type", "string", "location", where,
                     "required", strcmp(where, "path") == 0);
}

/* Query parameters of each method: all that any has. */
static const char *const queries[] = {"maxResults",
                                      "pageToken",
                                      "startIndex",
                                      "selectedFields",
                                      "view",
                                      "deleteContents",
                                      "filter",
                                      "all",
                                      "location",
                                      "timeoutMs",
                                      "projection",
                                      "stateFilter",
                                      "allUsers",
                                      "minCreationTime",
                                      "maxCreationTime",
                                      "parentJobId",
                                      "accessPolicyVersion",
                                      "datasetView",
                                      "autodetect_schema"};

static json_t *parameters(const struct route *r, json_t *order)
{
    json_t *all = json_object();
    size_t n = 0;

    for (const char *p = strstr(r->path, "{}"); p; p = strstr(p + 1, "{}")) {
        const char *name = variable(r, n++);

        json_object_set_new(all, name, parameter("path"));
        json_array_append_new(order, json_string(name));
    }
    for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++)
        json_object_set_new(all, queries[i], parameter("query"));
    json_object_set_new(all, "formatOptions.useInt64Timestamp",
                        parameter("query"));
    json_object_set_new(all, "formatOptions.timestampOutputFormat",
                        parameter("query"));
    return all;
}

static json_t *method(const struct route *r)
{
    json_t *order = json_array(), *m;
    struct buf path;

    buf_init(&path, 4096);
    put_path(&path, r);
    m = json_pack("{s:s+, s:s, s:s, s:s, s:o, s:O, s:{s:s}}", "id", "bigquery.",
                  r->name, "path", path.data, "flatPath", path.data,
                  "httpMethod", r->method, "parameters", parameters(r, order),
                  "parameterOrder", order, "response", "$ref", "Any");
    buf_fini(&path);
    json_decref(order);
    if (strcmp(r->method, "GET") != 0 && strcmp(r->method, "DELETE") != 0)
        json_object_set_new(m, "request", json_pack("{s:s}", "$ref", "Any"));
    if (strcmp(r->name, "jobs.insert") == 0) {
        json_object_set_new(m, "supportsMediaUpload", json_true());
        json_object_set_new(
            m, "mediaUpload",
            json_pack("{s:[s], s:{s:{s:b, s:s}, s:{s:b, s:s}}}", "accept",
                      "*/*", "protocols", "resumable", "multipart", 1, "path",
                      "/resumable/upload/bigquery/v2/projects/{+projectId}/"
                      "jobs",
                      "simple", "multipart", 1, "path",
                      "/upload/bigquery/v2/projects/{+projectId}/jobs"));
    }
    return m;
}

/* {"datasets": {"methods": {"get": ...}}} */
static json_t *resources(void)
{
    json_t *all = json_object();

    for (const struct route *r = routes; r->name; r++) {
        struct str rest = str_from(r->name), name = str_cut(&rest, '.');
        char key[64];
        json_t *one;

        if (!rest.p || str_starts(str_from(r->path), STR("/upload")) ||
            str_eq(name, STR("discovery")))
            continue;
        snprintf(key, sizeof(key), "%.*s", STR_ARG(name));
        one = json_object_get(all, key);
        if (!one) {
            one = json_pack("{s:{}}", "methods");
            json_object_set_new(all, key, one);
        }
        json_object_set_new(json_object_get(one, "methods"), rest.p, method(r));
    }
    return all;
}

void discovery_get(struct call *c)
{
    struct str host = c->host.p ? c->host : STR("127.0.0.1");
    json_t *doc =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}",
                  "kind", "discovery#restDescription", "discoveryVersion", "v1",
                  "id", "bigquery:v2", "name", "bigquery", "version", "v2",
                  "revision", "20261101", "title", "BigQuery API", "protocol",
                  "rest", "servicePath", "bigquery/v2/", "basePath",
                  "/bigquery/v2/", "batchPath", "batch/bigquery/v2");

    json_object_set_new(doc, "rootUrl",
                        json_sprintf("http://%.*s/", STR_ARG(host)));
    json_object_set_new(
        doc, "baseUrl",
        json_sprintf("http://%.*s/bigquery/v2/", STR_ARG(host)));
    json_object_set_new(doc, "auth",
                        json_pack("{s:{s:{s:{s:s}}}}", "oauth2", "scopes",
                                  "https://www.googleapis.com/auth/bigquery",
                                  "description", "View and manage your data"));
    json_object_set_new(
        doc, "schemas",
        json_pack("{s:{s:s, s:s}}", "Any", "id", "Any", "type", "object"));
    json_object_set_new(doc, "parameters", json_object());
    json_object_set_new(doc, "resources", resources());
    call_reply_json(c, doc);
}
