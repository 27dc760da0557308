/* SPDX-License-Identifier: Apache-2.0 */
/* GET /openapi.json: OpenAPI 3.1 from the route table and the schema, made
 * once at the start. */
#include "api/app.h"
#include "common/buf.h"
#include "config/version.h"

#define PROBLEM(status, text)                                                  \
    ",\"" status "\":{\"description\":\"" text                                 \
    "\",\"content\":{\"application/problem+json\":{\"schema\":{\"$ref\":"      \
    "\"#/components/schemas/Problem\"}}}}"
#define PARAMETER(name, text, schema)                                          \
    "{\"name\":\"" name "\",\"in\":\"query\",\"description\":\"" text          \
    "\",\"schema\":" schema "}"
#define JSON_OF(name)                                                          \
    "\"content\":{\"application/json\":{\"schema\":{\"$ref\":"                 \
    "\"#/components/schemas/" name "\"}}}"
#define STATUS_SCHEMA                                                          \
    "\"content\":{\"application/json\":{\"schema\":{\"type\":\"object\","      \
    "\"required\":[\"status\"],\"properties\":{\"status\":{\"type\":"          \
    "\"string\"}}}}}"
#define ID_SCHEMA                                                              \
    "{\"type\":\"string\",\"minLength\":1,\"maxLength\":1024,\"pattern\":"     \
    "\"^[^\\\\u0000-\\\\u001f\\\\u007f]+$\"}"
#define TIME_SCHEMA "{\"type\":\"string\",\"format\":\"date-time\"}"
#define HEADERS_READ                                                           \
    "\"headers\":{\"ETag\":{\"schema\":{\"type\":\"string\"}},"                \
    "\"Cache-Status\":{\"schema\":{\"type\":\"string\"}},"                     \
    "\"Link\":{\"description\":\"rel=next: the page after this one\","         \
    "\"schema\":{\"type\":\"string\"}}},"
#define NOT_MODIFIED ",\"304\":{\"description\":\"Not modified\"}"
#define READ_ERRORS                                                            \
    PROBLEM("400", "The query is malformed")                                   \
    PROBLEM("406", "The media type that is asked for is not here")             \
    PROBLEM("429", "Too many reads of the store")                              \
    PROBLEM("503", "The store does not answer and nothing is cached")

static const char datos_parameters[] = ",\"parameters\":[" PARAMETER(
    "limit", "How many records, 10 if absent",
    "{\"type\":\"integer\",\"minimum\":1,\"maximum\":1000,"
    "\"default\":10}") "," PARAMETER("since", "Not older than this (inclusive)",
                                     TIME_SCHEMA) "," PARAMETER("until",
                                                                "Older than "
                                                                "this "
                                                                "(exclusive)",
                                                                TIME_SCHEMA) "," PARAMETER("id",
                                                                                           "Only this record",
                                                                                           ID_SCHEMA) "," PARAMETER("cursor",
                                                                                                                    "Position and filters, from Link; only limit may "
                                                                                                                    "stand beside it",
                                                                                                                    "{\"type\":\"string\"}") "]";

static const char get_datos_responses[] =
    "\"200\":{\"description\":\"Newest first\"," HEADERS_READ JSON_OF(
        "Page") "}" NOT_MODIFIED READ_ERRORS;

static const char post_body[] =
    ",\"requestBody\":{\"required\":true,\"content\":{\"application/json\":{"
    "\"schema\":{\"oneOf\":[{\"$ref\":\"#/components/schemas/Record\"},"
    "{\"type\":\"array\",\"minItems\":1,\"items\":{\"$ref\":"
    "\"#/components/schemas/Record\"}}]}},\"application/x-ndjson\":{"
    "\"schema\":{\"type\":\"string\"}},\"application/jsonl\":{\"schema\":{"
    "\"type\":\"string\"}}}}";

#define STORED                                                                 \
    "\"content\":{\"application/json\":{\"schema\":{\"oneOf\":[{\"$ref\":"     \
    "\"#/components/schemas/Record\"},{\"$ref\":"                              \
    "\"#/components/schemas/Page\"}]}}}"

static const char post_responses[] =
    "\"200\":{\"description\":\"All were stored before\"," STORED "}"
    ",\"201\":{\"description\":\"Stored\",\"headers\":{\"Location\":{"
    "\"schema\":{\"type\":\"string\"}}}," STORED
    "}" PROBLEM("400", "Not one JSON text in UTF-8") PROBLEM(
        "401", "No valid token") PROBLEM("403", "The token does not allow this")
        PROBLEM("409", "An id is taken by a record with other content")
            PROBLEM("413", "The body or a record is too large")
                PROBLEM("415", "Not a media type that is taken")
                    PROBLEM("422", "The schema refuses it")
                        PROBLEM("429", "Too many writes") PROBLEM(
                            "503", "The outcome is unknown; repeating is safe");

static const char record_parameters[] =
    ",\"parameters\":[{\"name\":\"id\",\"in\":\"path\",\"required\":true,"
    "\"schema\":" ID_SCHEMA "}]";

static const char get_record_responses[] =
    "\"200\":{\"description\":\"The record\"," HEADERS_READ JSON_OF(
        "Record") "}" NOT_MODIFIED PROBLEM("404", "There is no such record")
        READ_ERRORS;

static const char stream_parameters[] =
    ",\"parameters\":[{\"name\":\"Last-Event-ID\",\"in\":\"header\","
    "\"description\":\"Resume after this event\",\"schema\":{\"type\":"
    "\"string\"}}]";

static const char stream_responses[] =
    "\"200\":{\"description\":\"Events: data is a record; `reset` when the "
    "id is not known\",\"content\":{\"text/event-stream\":{\"schema\":{"
    "\"type\":\"string\"}}}}" PROBLEM("400", "This path takes no parameters")
        PROBLEM("406", "Only text/event-stream")
            PROBLEM("503", "Too many streams");

static const char status_responses[] =
    "\"200\":{\"description\":\"Well\"," STATUS_SCHEMA
    "},\"503\":{\"description\":\"Not well\",\"content\":{"
    "\"application/json\":{\"schema\":{\"type\":\"object\"}},"
    "\"application/problem+json\":{\"schema\":{\"$ref\":"
    "\"#/components/schemas/Problem\"}}}}";

/* Parameters, then responses. */
static void put_get(struct buf *b, const struct route *r)
{
    buf_puts(b, "\"get\":{\"summary\":");
    buf_json_str(b, str_from(r->summary));
    buf_printf(b, ",\"operationId\":\"get%d\"", (int)r->id);
    switch (r->id) {
    case ROUTE_DATOS:
        buf_puts(b, datos_parameters);
        buf_printf(b, ",\"responses\":{%s}}", get_datos_responses);
        break;
    case ROUTE_RECORD:
        buf_puts(b, record_parameters);
        buf_printf(b, ",\"responses\":{%s}}", get_record_responses);
        break;
    case ROUTE_STREAM:
        buf_puts(b, stream_parameters);
        buf_printf(b, ",\"responses\":{%s}}", stream_responses);
        break;
    case ROUTE_HEALTH:
    case ROUTE_LIVEZ:
    case ROUTE_READYZ:
        buf_printf(b, ",\"responses\":{%s}}", status_responses);
        break;
    default:
        buf_printf(b,
                   ",\"responses\":{\"200\":{\"description\":\"As it says\","
                   "\"content\":{\"%s\":{\"schema\":%s}}}}}",
                   r->type,
                   r->id == ROUTE_OPENAPI ? "{\"type\":\"object\"}"
                                          : "{\"type\":\"string\"}");
    }
}

static void put_paths(struct buf *b, const struct api *api)
{
    bool first = true;

    buf_puts(b, "\"paths\":{");
    for (int i = 0; i < ROUTE_OTHER; i++) {
        const struct route *r = route_at((enum route_id)i);

        if (i == ROUTE_PUSH ||
            (i == ROUTE_METRICS && api->admin_public.hide_metrics))
            continue;
        if (!first)
            buf_putc(b, ',');
        first = false;
        buf_json_str(b, str_from(r->path));
        buf_puts(b, ":{");
        if (r->get)
            put_get(b, r);
        if (r->post) {
            buf_puts(b, ",\"post\":{\"summary\":\"Store records, all or "
                        "nothing\",\"operationId\":\"post0\"");
            buf_puts(b, post_body);
            if (api->auth)
                buf_puts(b, ",\"security\":[{\"bearer\":[]}]");
            buf_printf(b, ",\"responses\":{%s}}", post_responses);
        }
        buf_putc(b, '}');
    }
    buf_puts(b, "}");
}

static const char *json_type(enum schema_type type)
{
    switch (type) {
    case SCHEMA_INTEGER:
        return "\"integer\",\"string\"";
    case SCHEMA_FLOAT:
    case SCHEMA_NUMERIC:
    case SCHEMA_BIGNUMERIC:
        return "\"number\",\"string\"";
    case SCHEMA_BOOLEAN:
        return "\"boolean\"";
    case SCHEMA_RECORD:
        return "\"object\"";
    default:
        return "\"string\"";
    }
}

static void put_field(struct buf *b, const struct schema *schema, size_t i)
{
    const struct schema_field *f = &schema->fields[i];

    buf_json_str(b, f->name);
    buf_puts(b, ":{\"description\":");
    buf_json_str(b, f->description);
    if (f->mode == SCHEMA_REPEATED)
        buf_printf(b, ",\"type\":\"array\"");
    else if (f->type != SCHEMA_JSON)
        buf_printf(b, ",\"type\":[%s%s]", json_type(f->type),
                   f->mode == SCHEMA_NULLABLE ? ",\"null\"" : "");
    if (f->type == SCHEMA_TIMESTAMP && f->mode != SCHEMA_REPEATED)
        buf_puts(b, ",\"format\":\"date-time\"");
    if (i == schema->id)
        buf_puts(b, ",\"minLength\":1,\"maxLength\":1024");
    buf_putc(b, '}');
}

static void put_components(struct buf *b, const struct api *api)
{
    const struct schema *schema = api->schema;
    bool first = true;

    buf_puts(b, "\"components\":{");
    if (api->auth)
        buf_puts(b, "\"securitySchemes\":{\"bearer\":{\"type\":\"http\","
                    "\"scheme\":\"bearer\",\"bearerFormat\":\"JWT\"}},");
    buf_puts(b, "\"schemas\":{\"Record\":{\"type\":\"object\","
                "\"additionalProperties\":false,\"required\":[");
    for (size_t i = 0; i < schema->n_fields; i++) {
        if (schema->fields[i].mode != SCHEMA_REQUIRED)
            continue;
        if (!first)
            buf_putc(b, ',');
        first = false;
        buf_json_str(b, schema->fields[i].name);
    }
    buf_puts(b, "],\"properties\":{");
    for (size_t i = 0; i < schema->n_fields; i++) {
        if (i)
            buf_putc(b, ',');
        put_field(b, schema, i);
    }
    buf_puts(
        b, "}},\"Page\":{\"type\":\"object\",\"additionalProperties\":false,"
           "\"required\":[\"datos\"],\"properties\":{\"datos\":{\"type\":"
           "\"array\",\"items\":{\"$ref\":\"#/components/schemas/Record\"}}}},"
           "\"Problem\":{\"type\":\"object\",\"required\":[\"type\",\"title\","
           "\"status\",\"detail\"],\"properties\":{\"type\":{\"type\":"
           "\"string\"},\"title\":{\"type\":\"string\"},\"status\":{\"type\":"
           "\"integer\"},\"detail\":{\"type\":\"string\"},\"errors\":{\"type\":"
           "\"array\",\"items\":{\"type\":\"object\",\"required\":[\"field\","
           "\"reason\"],\"properties\":{\"field\":{\"type\":\"string\"},"
           "\"reason\":{\"type\":\"string\"}}}}}}}}");
}

struct http_prepared *openapi_new(const struct api *api)
{
    struct http_field fields[12];
    struct http_prepared *page;
    size_t n = 0;
    struct buf b;

    fields[n++] =
        (struct http_field){STR("content-type"), STR("application/json")};
    fields[n++] = (struct http_field){STR("cache-control"), STR("no-store")};
    n += reply_common_fields(fields + n, 12 - n);
    buf_init(&b, 1024 * 1024);
    buf_puts(&b, "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"datos\","
                 "\"description\":\"Events from Pub/Sub, validated, stored, "
                 "served\",\"version\":");
    buf_json_str(&b, str_from(version_number()));
    buf_puts(&b, "},");
    put_paths(&b, api);
    buf_putc(&b, ',');
    put_components(&b, api);
    buf_putc(&b, '}');
    page = b.failed ? NULL : http_prepared_new(200, fields, n, buf_as_str(&b));
    buf_fini(&b);
    return page;
}

void get_openapi(struct exchange *x)
{
    reply_prepared(x, x->l->api->openapi, 0, STR(""));
}
