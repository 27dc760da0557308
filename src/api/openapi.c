/* SPDX-License-Identifier: Apache-2.0 */
/* GET /openapi.json: OpenAPI 3.1 from the route table and the schema, made
 * once at the start. */
#include "api/app.h"
#include "common/buf.h"
#include "config/version.h"

/* A JSON text in C: single quotes stand for double ones. */
static void put(struct buf *b, const char *text)
{
    for (; *text; text++)
        buf_putc(b, *text == '\'' ? '"' : *text);
}

/* --- responses --- */

struct response {
    const char *status, *text;
};

static const struct response read_problems[] = {
    {"400", "The query is malformed"},
    {"406", "The media type that is asked for is not here"},
    {"429", "Too many reads of the store"},
    {"503", "The store does not answer and nothing is cached"},
    {NULL, NULL}};
static const struct response record_problems[] = {
    {"400", "The id is malformed, or the path was given parameters"},
    {"404", "There is no such record"},
    {"406", "The media type that is asked for is not here"},
    {"429", "Too many reads of the store"},
    {"503", "The store does not answer and nothing is cached"},
    {NULL, NULL}};
static const struct response post_problems[] = {
    {"400", "Not one JSON text in UTF-8"},
    {"401", "No valid token"},
    {"403", "The token is of another account"},
    {"409", "An id is taken by a record with other content"},
    {"413", "The body or a record is too large"},
    {"415", "Not a media type that is taken"},
    {"422", "The schema refuses it"},
    {"429", "Too many writes"},
    {"503", "The outcome is unknown; repeating is safe"},
    {NULL, NULL}};
static const struct response stream_problems[] = {
    {"400", "This path takes no parameters"},
    {"406", "Only text/event-stream is here"},
    {"503", "Too many streams"},
    {NULL, NULL}};
static const struct response push_problems[] = {
    {"400", "Not a message of Pub/Sub"},
    {"401", "No valid token"},
    {"403", "Of another account or subscription"},
    {"404", "Push is not enabled"},
    {"413", "Too large"},
    {"503", "Not stored yet: deliver it again"},
    {NULL, NULL}};

/* ,"STATUS":{...} */
static void put_response(struct buf *b, const char *status, const char *text,
                         const char *content)
{
    buf_printf(b, ",\"%s\":{\"description\":", status);
    buf_json_str(b, str_from(text));
    put(b, content);
    buf_putc(b, '}');
}

static void put_problems(struct buf *b, const struct response *list)
{
    for (; list->status; list++)
        put_response(b, list->status, list->text,
                     ",'content':{'application/problem+json':{'schema':{"
                     "'$ref':'#/components/schemas/Problem'}}}");
}

static const char read_fields[] =
    ",'headers':{'ETag':{'schema':{'type':'string'}},"
    "'Cache-Status':{'description':'RFC 9211','schema':{'type':'string'}},"
    "'Link':{'description':'rel=next: the page after this one',"
    "'schema':{'type':'string'}}}";

/* --- operations: what follows "operationId" --- */

static void put_get_datos(struct buf *b)
{
    put(b, ",'parameters':["
           "{'name':'limit','in':'query','description':'How many records',"
           "'schema':{'type':'integer','minimum':1,'maximum':1000,"
           "'default':10}},"
           "{'name':'since','in':'query','description':'Not older than this "
           "(inclusive)','schema':{'$ref':'#/components/schemas/Time'}},"
           "{'name':'until','in':'query','description':'Older than this "
           "(exclusive)','schema':{'$ref':'#/components/schemas/Time'}},"
           "{'name':'id','in':'query','description':'Only this record',"
           "'schema':{'$ref':'#/components/schemas/Id'}},"
           "{'name':'cursor','in':'query','description':'Position and "
           "filters, from Link; only limit may stand beside it',"
           "'schema':{'type':'string'}}]"
           ",'responses':{'200':{'description':'Newest first'");
    put(b, read_fields);
    put(b, ",'content':{'application/json':{'schema':{'$ref':"
           "'#/components/schemas/Page'}}}},"
           "'304':{'description':'Not modified'}");
    put_problems(b, read_problems);
    put(b, "}");
}

static void put_get_record(struct buf *b)
{
    put(b, ",'parameters':[{'name':'id','in':'path','required':true,"
           "'schema':{'$ref':'#/components/schemas/Id'}}]"
           ",'responses':{'200':{'description':'The record'");
    put(b, read_fields);
    put(b, ",'content':{'application/json':{'schema':{'$ref':"
           "'#/components/schemas/Record'}}}},"
           "'304':{'description':'Not modified'}");
    put_problems(b, record_problems);
    put(b, "}");
}

static void put_get_stream(struct buf *b)
{
    put(b, ",'parameters':[{'name':'Last-Event-ID','in':'header',"
           "'description':'Resume after this event','schema':{'type':"
           "'string'}}]"
           ",'responses':{'200':{'description':'Events: data is a record; "
           "event `reset` when the id is not known','content':{"
           "'text/event-stream':{'schema':{'type':'string'}}}}");
    put_problems(b, stream_problems);
    put(b, "}");
}

static void put_get_status(struct buf *b, bool problem)
{
    put(b, ",'responses':{'200':{'description':'Well','content':{"
           "'application/json':{'schema':{'$ref':"
           "'#/components/schemas/Status'}}}}");
    put_response(b, "503", "Not well",
                 problem ? ",'content':{'application/problem+json':{'schema':{"
                           "'$ref':'#/components/schemas/Problem'}}}"
                         : ",'content':{'application/json':{'schema':{'$ref':"
                           "'#/components/schemas/Status'}}}");
    put(b, "}");
}

static void put_get_page(struct buf *b, const struct route *r)
{
    bool is_json = str_eq(str_from(r->type), STR("application/json"));

    put(b, ",'responses':{'200':{'description':'As it says','content':{");
    buf_json_str(b, str_from(r->type));
    put(b, is_json ? ":{'schema':{'type':'object'}}}}}"
                   : ":{'schema':{'type':'string'}}}}}");
}

static void put_post_datos(struct buf *b, const struct api *api)
{
    static const char stored[] =
        ",'content':{'application/json':{'schema':{'oneOf':[{'$ref':"
        "'#/components/schemas/Record'},{'$ref':"
        "'#/components/schemas/Page'}]}}}";

    put(b, ",'requestBody':{'required':true,'content':{'application/json':{"
           "'schema':{'oneOf':[{'$ref':'#/components/schemas/Record'},"
           "{'type':'array','minItems':1,'items':{'$ref':"
           "'#/components/schemas/Record'}}]}},"
           "'application/x-ndjson':{'schema':{'type':'string'}},"
           "'application/jsonl':{'schema':{'type':'string'}}}}");
    if (api->auth)
        put(b, ",'security':[{'bearer':[]}]");
    put(b, ",'responses':{'200':{'description':'All were stored before'");
    put(b, stored);
    put(b, "},'201':{'description':'Stored','headers':{'Location':{"
           "'description':'Of the one record','schema':{'type':'string'}}}");
    put(b, stored);
    put(b, "}");
    put_problems(b, post_problems);
    put(b, "}");
}

static void put_post_push(struct buf *b, const struct api *api)
{
    put(b, ",'requestBody':{'required':true,'content':{'application/json':{"
           "'schema':{'type':'object'}}}}");
    if (api->push_auth)
        put(b, ",'security':[{'bearer':[]}]");
    put(b, ",'responses':{'204':{'description':'Stored, or on the dead-letter "
           "topic'}");
    put_problems(b, push_problems);
    put(b, "}");
}

/* --- paths --- */

static void put_begin(struct buf *b, const char *method, const struct route *r,
                      const char *summary)
{
    buf_printf(b, "\"%s\":{\"summary\":", method);
    buf_json_str(b, str_from(summary));
    buf_printf(b, ",\"operationId\":\"%s%d\"", method, (int)r->id);
}

static void put_get(struct buf *b, const struct route *r)
{
    put_begin(b, "get", r, r->summary);
    switch (r->id) {
    case ROUTE_DATOS:
        put_get_datos(b);
        break;
    case ROUTE_RECORD:
        put_get_record(b);
        break;
    case ROUTE_STREAM:
        put_get_stream(b);
        break;
    case ROUTE_HEALTH:
    case ROUTE_LIVEZ:
    case ROUTE_READYZ:
        put_get_status(b, r->id != ROUTE_HEALTH);
        break;
    default:
        put_get_page(b, r);
    }
    buf_putc(b, '}');
}

static void put_post(struct buf *b, const struct route *r,
                     const struct api *api)
{
    if (r->get)
        buf_putc(b, ',');
    if (r->id == ROUTE_PUSH) {
        put_begin(b, "post", r, r->summary);
        put_post_push(b, api);
    } else {
        put_begin(b, "post", r, "Store records, all or nothing");
        put_post_datos(b, api);
    }
    buf_putc(b, '}');
}

static void put_paths(struct buf *b, const struct api *api)
{
    const char *before = "";

    put(b, "'paths':{");
    for (int i = 0; i < ROUTE_OTHER; i++) {
        const struct route *r = route_at((enum route_id)i);

        if (!api_serves(api, (enum route_id)i))
            continue;
        buf_puts(b, before);
        before = ",";
        buf_json_str(b, str_from(r->path));
        buf_puts(b, ":{");
        if (r->get)
            put_get(b, r);
        if (r->post)
            put_post(b, r, api);
        buf_putc(b, '}');
    }
    buf_putc(b, '}');
}

/* --- components --- */

static const char *json_type(enum schema_type type)
{
    switch (type) {
    case SCHEMA_INTEGER:
        return "'integer','string'";
    case SCHEMA_FLOAT:
    case SCHEMA_NUMERIC:
    case SCHEMA_BIGNUMERIC:
        return "'number','string'";
    case SCHEMA_BOOLEAN:
        return "'boolean'";
    case SCHEMA_RECORD:
        return "'object'";
    default:
        return "'string'";
    }
}

static void put_field(struct buf *b, const struct schema *schema, size_t i)
{
    const struct schema_field *f = &schema->fields[i];

    buf_json_str(b, f->name);
    put(b, ":{'description':");
    buf_json_str(b, f->description);
    if (i == schema->id) {
        put(b, ",'$ref':'#/components/schemas/Id'}");
        return;
    }
    if (f->mode == SCHEMA_REPEATED) {
        put(b, ",'type':'array'");
    } else if (f->type != SCHEMA_JSON) {
        put(b, ",'type':[");
        put(b, json_type(f->type));
        put(b, f->mode == SCHEMA_NULLABLE ? ",'null']" : "]");
    }
    if (f->type == SCHEMA_TIMESTAMP && f->mode != SCHEMA_REPEATED)
        put(b, ",'format':'date-time'");
    buf_putc(b, '}');
}

static void put_record(struct buf *b, const struct schema *schema)
{
    const char *before = "";

    put(b, "'Record':{'type':'object','additionalProperties':false,"
           "'required':[");
    for (size_t i = 0; i < schema->n_fields; i++) {
        if (schema->fields[i].mode != SCHEMA_REQUIRED)
            continue;
        buf_puts(b, before);
        before = ",";
        buf_json_str(b, schema->fields[i].name);
    }
    put(b, "],'properties':{");
    for (size_t i = 0; i < schema->n_fields; i++) {
        if (i)
            buf_putc(b, ',');
        put_field(b, schema, i);
    }
    put(b, "}}");
}

static void put_components(struct buf *b, const struct api *api)
{
    put(b, "'components':{");
    if (api->auth || api->push_auth)
        put(b, "'securitySchemes':{'bearer':{'type':'http','scheme':'bearer',"
               "'bearerFormat':'JWT'}},");
    put(b, "'schemas':{");
    put_record(b, api->schema);
    put(b, ",'Page':{'type':'object','additionalProperties':false,"
           "'required':['datos'],'properties':{'datos':{'type':'array',"
           "'items':{'$ref':'#/components/schemas/Record'}}}}"
           ",'Id':{'type':'string','minLength':1,'maxLength':1024,"
           "'description':'At most 1024 bytes of UTF-8 without control "
           "characters','pattern':'^[^\\\\u0000-\\\\u001f\\\\u007f]+$'}"
           ",'Time':{'type':'string','format':'date-time',"
           "'description':'RFC 3339 with Z or an offset, up to six fraction "
           "digits'}"
           ",'Status':{'type':'object','required':['status'],'properties':{"
           "'status':{'type':'string','enum':['ok','error']},'checks':{"
           "'type':'object'}}}"
           ",'Problem':{'type':'object','description':'RFC 9457','required':["
           "'type','title','status','detail'],'properties':{'type':{'type':"
           "'string'},'title':{'type':'string'},'status':{'type':'integer'},"
           "'detail':{'type':'string'},'errors':{'type':'array','items':{"
           "'type':'object','required':['field','reason'],'properties':{"
           "'field':{'type':'string'},'reason':{'type':'string'}}}}}}}}");
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
