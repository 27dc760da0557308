/* SPDX-License-Identifier: Apache-2.0 */
/* Schemas of messages: each has revisions, oldest first, the newest of which
 * is the schema that is shown; and the checks of messages against them.
 * Loop-confined. */
#ifndef EMULATOR_PUBSUB_SCHEMA_H
#define EMULATOR_PUBSUB_SCHEMA_H

#include "emulator/pubsub/model.h"
#include "google/pubsub/v1/schema.pb-c.h"

struct avro;
struct proto_schema;

#define SCHEMA_DELETED "_deleted-schema_"

enum {
    SCHEMA_MAX_DEFINITION = 300 << 10, /* cloud.google.com/pubsub/quotas */
    SCHEMA_MAX_REVISIONS = 20
};

struct revision {
    PB(Schema) * config;
    uint64_t number;
    struct avro *avro; /* one of them */
    struct proto_schema *proto;
};

struct schema {
    char *name;
    struct revision **revisions; /* at least one */
    size_t n;
};

/* --- schema.c: in memory; storage first -------------------------------------
 */
/* Parses the definition; takes `config` on success. RC_INVALID and why. */
RC_MUST_USE int revision_new(PB(Schema) * config, uint64_t number,
                             struct revision **out, struct err *err);
void revision_free(struct revision *r);
/* The newest of its schema, which is made for the first one. Takes it. */
struct schema *schema_add(struct pubsub *s, struct revision *r);
/* Takes it out; with the last one the schema goes. */
void schema_remove(struct pubsub *s, struct schema *schema, struct revision *r);
void schemas_clear(struct pubsub *s);

struct schema *schema_find(const struct pubsub *s, struct str name);
struct revision *schema_newest(const struct schema *schema);
struct revision *schema_revision(const struct schema *schema, struct str id);

/* Is the message one of the revision's? RC_INVALID and why not. */
RC_MUST_USE int revision_check(const struct revision *r,
                               Google__Pubsub__V1__Encoding encoding,
                               struct str message, struct err *err);
/* May `newer` follow `older`? RC_INVALID and why not. */
RC_MUST_USE int revision_check_follows(const struct revision *newer,
                                       const struct revision *older,
                                       struct err *err);

/* The revision's row, added to a job. */
void keep_revision(struct storage_job *job, const struct revision *r);

/* --- schema_topic.c ---------------------------------------------------------
 */
/* Are the topic's settings those of a schema there is? False: refused. */
bool schema_check_settings(struct rpc_call *call, struct pubsub *s,
                           const PB(SchemaSettings) * settings);
/* The revision by which a stored message was published; NULL: by none, or it
 * has gone. */
const struct revision *schema_of_message(const struct pubsub *s,
                                         struct str message);
bool schema_is_json(struct str message);
/* Checks a batch's messages against its topic's schema, and adds the attributes
 * that name it. False: refused, the batch's bytes are freed. */
bool schema_stamp(struct rpc_call *call, const struct topic *t,
                  struct publish *batch);

/* --- schema_refuse.c: texts of both profiles --------------------------------
 */
void refuse_schema_unknown(struct rpc_call *call, const struct pubsub *s,
                           const char *name);
void refuse_definition(struct rpc_call *call, const struct pubsub *s,
                       const char *why);
/* Which revision was asked last and `why` it said no; `text` is the lenient
 * profile's. */
void refuse_message(struct rpc_call *call, const struct pubsub *s,
                    const struct revision *revision,
                    Google__Pubsub__V1__Encoding encoding, const char *why,
                    const char *text);

#endif
