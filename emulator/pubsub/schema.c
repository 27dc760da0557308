/* SPDX-License-Identifier: Apache-2.0 */
/* Schemas and their revisions in memory. */
#include "emulator/pubsub/schema.h"

#include "common/mem.h"
#include "emulator/pubsub/avro.h"
#include "emulator/pubsub/policy.h"
#include "emulator/pubsub/proto_schema.h"

int revision_new(PB(Schema) * config, uint64_t number, struct revision **out,
                 struct err *err)
{
    struct str text = str_from(config->definition);
    struct avro *avro = NULL;
    struct proto_schema *proto = NULL;
    int rc;

    if (text.len > SCHEMA_MAX_DEFINITION)
        return err_set(err, RC_INVALID,
                       "the definition has %zu bytes, at most %d are allowed",
                       text.len, SCHEMA_MAX_DEFINITION);
    switch (config->type) {
    case GOOGLE__PUBSUB__V1__SCHEMA__TYPE__AVRO:
        rc = avro_parse(text, &avro, err);
        break;
    case GOOGLE__PUBSUB__V1__SCHEMA__TYPE__PROTOCOL_BUFFER:
        rc = proto_parse(text, &proto, err);
        break;
    default:
        rc = err_set(err, RC_INVALID,
                     "the type is neither AVRO nor "
                     "PROTOCOL_BUFFER");
        break;
    }
    if (rc)
        return rc;
    *out = MEM_NEW(struct revision);
    **out = (struct revision){config, number, avro, proto};
    return RC_OK;
}

void revision_free(struct revision *r)
{
    if (!r)
        return;
    avro_free(r->avro);
    proto_free(r->proto);
    pb_free(r->config);
    mem_free(r);
}

struct schema *schema_find(const struct pubsub *s, struct str name)
{
    return names_find(&s->schemas, name);
}

struct revision *schema_newest(const struct schema *schema)
{
    return schema->revisions[schema->n - 1];
}

struct revision *schema_revision(const struct schema *schema, struct str id)
{
    for (size_t i = 0; i < schema->n; i++)
        if (str_eq(str_from(schema->revisions[i]->config->revision_id), id))
            return schema->revisions[i];
    return NULL;
}

struct schema *schema_add(struct pubsub *s, struct revision *r)
{
    struct schema *schema = schema_find(s, str_from(r->config->name));

    if (!schema) {
        schema = MEM_NEW(struct schema);
        schema->name = mem_strdup(r->config->name);
        names_add(&s->schemas, schema->name, schema);
    }
    schema->revisions = mem_realloc(
        schema->revisions, (schema->n + 1) * sizeof(struct revision *));
    schema->revisions[schema->n++] = r;
    return schema;
}

static void schema_free(struct pubsub *s, struct schema *schema)
{
    names_remove(&s->schemas, schema->name);
    policy_remove(s, schema->name);
    for (size_t i = 0; i < schema->n; i++)
        revision_free(schema->revisions[i]);
    mem_free(schema->revisions);
    mem_free(schema->name);
    mem_free(schema);
}

void schema_remove(struct pubsub *s, struct schema *schema, struct revision *r)
{
    size_t i = 0;

    while (schema->revisions[i] != r)
        i++;
    schema->n--;
    memmove(&schema->revisions[i], &schema->revisions[i + 1],
            (schema->n - i) * sizeof(struct revision *));
    revision_free(r);
    if (schema->n == 0)
        schema_free(s, schema);
}

void schemas_clear(struct pubsub *s)
{
    while (s->schemas.n)
        schema_free(s, s->schemas.rows[s->schemas.n - 1].resource);
}

int revision_check(const struct revision *r,
                   Google__Pubsub__V1__Encoding encoding, struct str message,
                   struct err *err)
{
    bool json = encoding == GOOGLE__PUBSUB__V1__ENCODING__JSON;

    if (r->avro)
        return json ? avro_check_json(r->avro, message, err)
                    : avro_check_binary(r->avro, message, err);
    return json ? proto_check_json(r->proto, message, err)
                : proto_check_binary(r->proto, message, err);
}

/* Messages of either revision may come, and be read with either. */
int revision_check_follows(const struct revision *newer,
                           const struct revision *older, struct err *err)
{
    int rc;

    if (newer->config->type != older->config->type)
        return err_set(err, RC_INVALID,
                       "the type of a schema may not be changed");
    if (newer->proto)
        return proto_check_revision(newer->proto, older->proto, err);
    rc = avro_check_resolves(newer->avro, older->avro, err);
    return rc ? rc : avro_check_resolves(older->avro, newer->avro, err);
}
