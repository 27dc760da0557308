/* SPDX-License-Identifier: Apache-2.0 */
/* The calls that make, show and delete schemas. */
#include <stdio.h>

#include "common/rand.h"
#include "emulator/pubsub/policy.h"
#include "emulator/pubsub/schema_admin.h"

/* --- names ---------------------------------------------------------------- */

struct schema *schema_of(struct rpc_call *call, struct pubsub *s,
                         const char *name, struct str *revision_id)
{
    struct str rest = str_from(name), bare = str_cut(&rest, '@');
    struct schema *schema = schema_find(s, bare);
    char *copy;

    *revision_id = rest;
    if (schema)
        return schema;
    copy = mem_strndup(bare.p, bare.len);
    if (name_is_valid(copy, "schemas"))
        refuse_schema_unknown(call, s, copy);
    else
        refuse_name(call, s, "schemas", copy);
    mem_free(copy);
    return NULL;
}

struct revision *revision_of(struct rpc_call *call, const struct pubsub *s,
                             const struct schema *schema, struct str id)
{
    struct revision *r =
        id.p ? schema_revision(schema, id) : schema_newest(schema);

    if (r)
        return r;
    if (is_strict(s))
        rpc_fail(call, GRPC_NOT_FOUND, "Resource not found (resource=%.*s).",
                 STR_ARG(id));
    else
        rpc_fail(call, GRPC_NOT_FOUND, "Schema revision not found");
    return NULL;
}

/* --- revisions ------------------------------------------------------------ */

static void set_id_and_time(struct pubsub *s, PB(Schema) * config)
{
    const struct schema *schema = schema_find(s, str_from(config->name));
    Google__Protobuf__Timestamp *time = MEM_NEW(Google__Protobuf__Timestamp);
    int64_t now_us = pubsub_now(s);
    uint32_t number;
    char id[16];

    do {
        rand_bytes(&number, sizeof(number));
        snprintf(id, sizeof(id), "%08x", number);
    } while (schema && schema_revision(schema, str_from(id)));
    pb_set(&config->revision_id, id);
    google__protobuf__timestamp__init(time);
    time->seconds = now_us / US_PER_S;
    time->nanos = (int32_t)(now_us % US_PER_S * 1000);
    if (config->revision_create_time)
        google__protobuf__timestamp__free_unpacked(config->revision_create_time,
                                                   NULL);
    config->revision_create_time = time;
}

struct revision *revision_make(struct rpc_call *call, struct pubsub *s,
                               const PB(Schema) * given, const char *name)
{
    PB(Schema) *config = pb_copy(given);
    struct revision *r;
    struct err err = {0};

    pb_set(&config->name, name);
    if (config->type != GOOGLE__PUBSUB__V1__SCHEMA__TYPE__AVRO &&
        config->type != GOOGLE__PUBSUB__V1__SCHEMA__TYPE__PROTOCOL_BUFFER)
        rpc_fail(call, GRPC_INVALID_ARGUMENT, "Invalid schema type");
    else if (revision_new(config, s->next_number, &r, &err))
        refuse_definition(call, s, err.text);
    else {
        s->next_number++;
        set_id_and_time(s, config);
        return r;
    }
    pb_free(config);
    return NULL;
}

bool revision_keep(struct rpc_call *call, struct pubsub *s, struct revision *r)
{
    struct storage_job *job = storage_job_new(NULL, NULL);
    struct err err = {0};

    keep_revision(job, r);
    if (keep_now(s, job, &err)) {
        revision_free(r);
        refuse_storage(call, err.text);
        return false;
    }
    schema_add(s, r);
    return true;
}

/* --- create --------------------------------------------------------------- */

bool schema_check_parent(struct rpc_call *call, const struct pubsub *s,
                         const char *parent)
{
    if (strncmp(parent, "projects/", 9) == 0 && parent[9] &&
        !strchr(parent + 9, '/'))
        return true;
    refuse_name(call, s, "projects", parent);
    return false;
}

static void create(struct rpc_call *call, struct pubsub *s,
                   const PB(Schema) * given, const char *name)
{
    struct revision *r;

    if (!name_is_valid(name, "schemas")) {
        refuse_name(call, s, "schemas", name);
        return;
    }
    if (schema_find(s, str_from(name))) {
        refuse_existing(call, s, "Schema", name);
        return;
    }
    r = revision_make(call, s, given, name);
    if (r && revision_keep(call, s, r))
        rpc_reply(call, &r->config->base);
}

void schema_create_run(struct rpc_call *call, ProtobufCMessage *in,
                       void *service)
{
    struct pubsub *s = service;
    PB(CreateSchemaRequest) *r = (PB(CreateSchemaRequest) *)in;
    PB(Schema) none = GOOGLE__PUBSUB__V1__SCHEMA__INIT;
    char *name;

    if (!schema_check_parent(call, s, r->parent))
        return;
    name = mem_printf("%s/schemas/%s", r->parent, r->schema_id);
    create(call, s, r->schema ? r->schema : &none, name);
    mem_free(name);
}

/* --- show ----------------------------------------------------------------- */

/* What a view leaves out is nothing that needs freeing. */
static PB(Schema) shown(const struct revision *r, bool full)
{
    PB(Schema) copy = *r->config;

    if (!full)
        copy.definition = (char *)(uintptr_t)protobuf_c_empty_string;
    return copy;
}

void schema_get_run(struct rpc_call *call, ProtobufCMessage *in, void *service)
{
    PB(GetSchemaRequest) *r = (PB(GetSchemaRequest) *)in;
    struct str id;
    struct schema *schema = schema_of(call, service, r->name, &id);
    struct revision *revision =
        schema ? revision_of(call, service, schema, id) : NULL;
    PB(Schema) copy;

    if (!revision)
        return;
    copy = shown(revision, r->view != GOOGLE__PUBSUB__V1__SCHEMA_VIEW__BASIC);
    rpc_reply(call, &copy.base);
}

/* Both lists' answers have the same fields. */
static void reply_list(struct rpc_call *call, const struct page *page,
                       struct revision *(*revision)(void *row), bool full)
{
    PB(ListSchemasResponse)
    out = GOOGLE__PUBSUB__V1__LIST_SCHEMAS_RESPONSE__INIT;
    PB(ListSchemaRevisionsResponse)
    revisions = GOOGLE__PUBSUB__V1__LIST_SCHEMA_REVISIONS_RESPONSE__INIT;
    PB(Schema) *rows = MEM_ARRAY(PB(Schema), page->n + 1);
    PB(Schema) **list = MEM_ARRAY(PB(Schema) *, page->n + 1);

    for (size_t i = 0; i < page->n; i++) {
        struct revision *r = revision ? revision(page->rows[i].resource)
                                      : page->rows[i].resource;

        rows[i] = shown(r, full);
        list[i] = &rows[i];
    }
    out.n_schemas = revisions.n_schemas = page->n;
    out.schemas = revisions.schemas = list;
    out.next_page_token = revisions.next_page_token = page->token;
    rpc_reply(call, revision ? &out.base : &revisions.base);
    mem_free(list);
    mem_free(rows);
}

static bool is_full(const struct pubsub *s, Google__Pubsub__V1__SchemaView view)
{
    return view == GOOGLE__PUBSUB__V1__SCHEMA_VIEW__FULL ||
           (view == GOOGLE__PUBSUB__V1__SCHEMA_VIEW__SCHEMA_VIEW_UNSPECIFIED &&
            !is_strict(s));
}

static struct revision *newest(void *row)
{
    return schema_newest(row);
}

void schema_list_run(struct rpc_call *call, ProtobufCMessage *in, void *service)
{
    struct pubsub *s = service;
    PB(ListSchemasRequest) *r = (PB(ListSchemasRequest) *)in;
    struct page page;

    if (!page_of(call, s,
                 &(struct page_list){.names = &s->schemas, .name = "schemas"},
                 r->parent, r->page_size, r->page_token, &page))
        return;
    reply_list(call, &page, newest, is_full(s, r->view));
    mem_free(page.token);
}

/* Under their numbers as names, so in the order they were made. */
void schema_list_revisions_run(struct rpc_call *call, ProtobufCMessage *in,
                               void *service)
{
    struct pubsub *s = service;
    PB(ListSchemaRevisionsRequest) *r = (PB(ListSchemaRevisionsRequest) *)in;
    struct names names = {0};
    struct page page;
    struct str id;
    struct schema *schema = schema_of(call, s, r->name, &id);
    char **keys, *prefix;

    if (!schema)
        return;
    keys = MEM_ARRAY(char *, schema->n);
    for (size_t i = 0; i < schema->n; i++) {
        struct revision *row = schema->revisions[i];

        keys[i] = mem_printf("%s@%020llu", schema->name,
                             (unsigned long long)row->number);
        names_add(&names, keys[i], row);
    }
    prefix = mem_printf("%s@", schema->name);
    if (page_under(call, s,
                   &(struct page_list){&names, "revisions", str_from(prefix)},
                   r->page_size, r->page_token, &page)) {
        reply_list(call, &page, NULL, is_full(s, r->view));
        mem_free(page.token);
    }
    mem_free(prefix);
    names_fini(&names);
    for (size_t i = 0; i < schema->n; i++)
        mem_free(keys[i]);
    mem_free(keys);
}

/* --- delete --------------------------------------------------------------- */

/* Topics that had it refuse messages from now on. In memory they are marked
 * only if `job` is NULL. */
static void mark_topics(struct pubsub *s, const char *name,
                        struct storage_job *job)
{
    for (size_t i = 0; i < s->topics.n; i++) {
        struct topic *t = s->topics.rows[i].resource;
        PB(SchemaSettings) *settings = t->config->schema_settings;
        char *real;

        if (!settings || strcmp(settings->schema, name) != 0)
            continue;
        if (!job) {
            pb_set(&settings->schema, SCHEMA_DELETED);
            continue;
        }
        real = settings->schema;
        settings->schema = (char *)(uintptr_t)SCHEMA_DELETED;
        keep_topic(job, t);
        settings->schema = real;
    }
}

static bool forget(struct rpc_call *call, struct pubsub *s,
                   const struct schema *schema)
{
    struct storage_job *job = storage_job_new(NULL, NULL);
    struct err err = {0};

    for (size_t i = 0; i < schema->n; i++)
        storage_step(job, STORAGE_DROP_RESOURCE)->number =
            schema->revisions[i]->number;
    policy_drop(job, s, schema->name);
    mark_topics(s, schema->name, job);
    if (keep_now(s, job, &err)) {
        refuse_storage(call, err.text);
        return false;
    }
    mark_topics(s, schema->name, NULL);
    return true;
}

void schema_delete_run(struct rpc_call *call, ProtobufCMessage *in,
                       void *service)
{
    struct pubsub *s = service;
    Google__Protobuf__Empty empty = GOOGLE__PROTOBUF__EMPTY__INIT;
    struct str id;
    struct schema *schema =
        schema_of(call, s, ((PB(DeleteSchemaRequest) *)in)->name, &id);

    if (!schema)
        return;
    if (id.p) {
        rpc_fail(call, GRPC_INVALID_ARGUMENT,
                 "DeleteSchema takes no revision: use DeleteSchemaRevision.");
        return;
    }
    if (!forget(call, s, schema))
        return;
    while (schema->n > 1)
        schema_remove(s, schema, schema_newest(schema));
    schema_remove(s, schema, schema_newest(schema));
    rpc_reply(call, &empty.base);
}
