/* SPDX-License-Identifier: Apache-2.0 */
/* The calls on a schema's revisions: commit, roll back, delete one; and those
 * that only check. */
#include "emulator/pubsub/schema_admin.h"
#include "emulator/transcode.h"

static bool has_room(struct rpc_call *call, const struct pubsub *s,
                     const struct schema *schema)
{
    if (!is_strict(s) || schema->n < SCHEMA_MAX_REVISIONS)
        return true;
    rpc_fail(call, GRPC_RESOURCE_EXHAUSTED,
             "A schema has at most %d revisions: delete one first.",
             SCHEMA_MAX_REVISIONS);
    return false;
}

static void reply_kept(struct rpc_call *call, struct pubsub *s,
                       struct revision *r)
{
    if (r && revision_keep(call, s, r))
        rpc_reply(call, &r->config->base);
}

/* --- commit --------------------------------------------------------------- */

/* Each revision must stand any other's messages: all are asked. */
static bool follows_all(struct rpc_call *call, const struct pubsub *s,
                        const struct schema *schema, const struct revision *r)
{
    struct err err = {0};

    for (size_t i = 0; is_strict(s) && i < schema->n; i++) {
        const struct revision *old = schema->revisions[i];

        if (revision_check_follows(r, old, &err) == RC_OK)
            continue;
        rpc_fail(call, GRPC_INVALID_ARGUMENT,
                 "The new revision is not compatible with revision %s: %s",
                 old->config->revision_id, err.text);
        return false;
    }
    return true;
}

void schema_commit_run(struct rpc_call *call, ProtobufCMessage *in,
                       void *service)
{
    struct pubsub *s = service;
    PB(CommitSchemaRequest) *q = (PB(CommitSchemaRequest) *)in;
    PB(Schema) none = GOOGLE__PUBSUB__V1__SCHEMA__INIT;
    const PB(Schema) *given = q->schema ? q->schema : &none;
    struct str id;
    struct schema *schema = schema_of(call, s, q->name, &id);
    struct revision *r;

    if (!schema || !has_room(call, s, schema))
        return;
    if (id.p || (*given->name && strcmp(given->name, schema->name) != 0)) {
        rpc_fail(call, GRPC_INVALID_ARGUMENT,
                 "The schema's name must be %s, without a revision.",
                 schema->name);
        return;
    }
    r = revision_make(call, s, given, schema->name);
    if (r && !follows_all(call, s, schema, r)) {
        revision_free(r);
        return;
    }
    reply_kept(call, s, r);
}

void schema_rollback_run(struct rpc_call *call, ProtobufCMessage *in,
                         void *service)
{
    struct pubsub *s = service;
    PB(RollbackSchemaRequest) *q = (PB(RollbackSchemaRequest) *)in;
    struct str id;
    struct schema *schema = schema_of(call, s, q->name, &id);
    const struct revision *old;

    if (!schema || !has_room(call, s, schema))
        return;
    if (!*q->revision_id) {
        rpc_fail(call, GRPC_INVALID_ARGUMENT,
                 "You have not specified a revision ID in the request.");
        return;
    }
    id = str_from(q->revision_id);
    if (!is_strict(s) && !schema_revision(schema, id)) {
        rpc_fail(call, GRPC_NOT_FOUND, "Revision not found");
        return;
    }
    old = revision_of(call, s, schema, id);
    if (old)
        reply_kept(call, s, revision_make(call, s, old->config, schema->name));
}

/* --- delete one ----------------------------------------------------------- */

void schema_delete_revision_run(struct rpc_call *call, ProtobufCMessage *in,
                                void *service)
{
    struct pubsub *s = service;
    PB(DeleteSchemaRevisionRequest) *q = (PB(DeleteSchemaRevisionRequest) *)in;
    struct str id;
    struct schema *schema = schema_of(call, s, q->name, &id);
    struct storage_job *job;
    struct revision *r;
    struct err err = {0};

    if (!schema)
        return;
    if (!id.p) /* as it was asked for before names had revisions */
        id = str_from(transcode_get(in, "revision_id"));
    r = id.len ? revision_of(call, s, schema, id) : NULL;
    if (!id.len)
        rpc_fail(call, GRPC_INVALID_ARGUMENT,
                 "You have not specified a revision ID in the request.");
    if (!r)
        return;
    if (schema->n == 1) {
        rpc_fail(call, GRPC_INVALID_ARGUMENT,
                 "Cannot delete last revision. Please use DeleteSchema.");
        return;
    }
    job = storage_job_new(NULL, NULL);
    storage_step(job, STORAGE_DROP_RESOURCE)->number = r->number;
    if (keep_now(s, job, &err)) {
        refuse_storage(call, err.text);
        return;
    }
    schema_remove(s, schema, r);
    rpc_reply(call, &schema_newest(schema)->config->base);
}

/* --- checks --------------------------------------------------------------- */

void schema_validate_run(struct rpc_call *call, ProtobufCMessage *in,
                         void *service)
{
    struct pubsub *s = service;
    PB(ValidateSchemaRequest) *q = (PB(ValidateSchemaRequest) *)in;
    PB(ValidateSchemaResponse)
    out = GOOGLE__PUBSUB__V1__VALIDATE_SCHEMA_RESPONSE__INIT;
    PB(Schema) none = GOOGLE__PUBSUB__V1__SCHEMA__INIT;
    struct revision *r;

    if (!schema_check_parent(call, s, q->parent))
        return;
    r = revision_make(call, s, q->schema ? q->schema : &none, "");
    if (!r)
        return;
    revision_free(r);
    rpc_reply(call, &out.base);
}

/* The request's own schema, or a kept one; NULL: refused. */
static struct revision *asked(struct rpc_call *call, struct pubsub *s,
                              const PB(ValidateMessageRequest) * q)
{
    struct schema *schema;
    struct str id;

    switch (q->schema_spec_case) {
    case GOOGLE__PUBSUB__V1__VALIDATE_MESSAGE_REQUEST__SCHEMA_SPEC_SCHEMA:
        return revision_make(call, s, q->schema, "");
    case GOOGLE__PUBSUB__V1__VALIDATE_MESSAGE_REQUEST__SCHEMA_SPEC_NAME:
        schema = schema_of(call, s, q->name, &id);
        return schema ? revision_of(call, s, schema, id) : NULL;
    default:
        rpc_fail(call, GRPC_INVALID_ARGUMENT,
                 is_strict(s) ? "You have not specified a schema in the "
                                "request."
                              : "Invalid schema type");
        return NULL;
    }
}

static void check_message(struct rpc_call *call, const struct pubsub *s,
                          const struct revision *r,
                          const PB(ValidateMessageRequest) * q)
{
    PB(ValidateMessageResponse)
    out = GOOGLE__PUBSUB__V1__VALIDATE_MESSAGE_RESPONSE__INIT;
    struct str message = str_of((const char *)q->message.data, q->message.len);
    struct err err = {0};

    if (q->encoding != GOOGLE__PUBSUB__V1__ENCODING__JSON &&
        q->encoding != GOOGLE__PUBSUB__V1__ENCODING__BINARY)
        rpc_fail(call, GRPC_INVALID_ARGUMENT,
                 "Invalid schema encoding provided");
    else if (revision_check(r, q->encoding, message, &err))
        refuse_message(call, s, r, q->encoding, err.text,
                       q->encoding == GOOGLE__PUBSUB__V1__ENCODING__JSON
                           ? "Could not parse JSON Avro message"
                           : "Could not parse binary Avro message");
    else
        rpc_reply(call, &out.base);
}

void schema_validate_message_run(struct rpc_call *call, ProtobufCMessage *in,
                                 void *service)
{
    struct pubsub *s = service;
    PB(ValidateMessageRequest) *q = (PB(ValidateMessageRequest) *)in;
    bool own = q->schema_spec_case ==
               GOOGLE__PUBSUB__V1__VALIDATE_MESSAGE_REQUEST__SCHEMA_SPEC_SCHEMA;
    struct revision *r;

    if (!schema_check_parent(call, s, q->parent))
        return;
    r = asked(call, s, q);
    if (!r)
        return;
    check_message(call, s, r, q);
    if (own)
        revision_free(r);
}
