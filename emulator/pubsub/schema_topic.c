/* SPDX-License-Identifier: Apache-2.0 */
/* Topics with a schema: their settings, and what is published to them. */
#include "common/mem.h"
#include "emulator/pubsub/pubsub_priv.h"
#include "emulator/pubsub/schema.h"
#include "emulator/pubsub/tlog.h"
#include "grpc/wire.h"

/* --- settings ------------------------------------------------------------- */

/* Index of the revision, or `otherwise` without an id; false: there is none. */
static bool index_of(const struct schema *schema, const char *id,
                     size_t otherwise, size_t *out)
{
    *out = otherwise;
    if (!*id)
        return true;
    for (size_t i = 0; i < schema->n; i++)
        if (strcmp(schema->revisions[i]->config->revision_id, id) == 0) {
            *out = i;
            return true;
        }
    return false;
}

static bool refuse_revision(struct rpc_call *call, const struct pubsub *s,
                            const char *which, const char *id)
{
    if (is_strict(s))
        refuse_unknown(call, s, "Schema", str_from(id));
    else
        rpc_fail(call, GRPC_NOT_FOUND, "%s revision could not be found", which);
    return false;
}

static bool check_range(struct rpc_call *call, const struct pubsub *s,
                        const struct schema *schema,
                        const PB(SchemaSettings) * settings)
{
    size_t first, last;

    if (!index_of(schema, settings->first_revision_id, 0, &first))
        return refuse_revision(call, s, "First", settings->first_revision_id);
    if (!index_of(schema, settings->last_revision_id, schema->n - 1, &last))
        return refuse_revision(call, s, "Last", settings->last_revision_id);
    if (first <= last)
        return true;
    rpc_fail(call, GRPC_INVALID_ARGUMENT,
             "Invalid schema settings: the first revision %s is newer than the "
             "last revision %s.",
             settings->first_revision_id, settings->last_revision_id);
    return false;
}

bool schema_check_settings(struct rpc_call *call, struct pubsub *s,
                           const PB(SchemaSettings) * settings)
{
    const struct schema *schema = schema_find(s, str_from(settings->schema));

    if (!schema && !name_is_valid(settings->schema, "schemas")) {
        refuse_name(call, s, "schemas", settings->schema);
        return false;
    }
    if (!schema) {
        if (is_strict(s))
            refuse_unknown(call, s, "Schema", str_from(settings->schema));
        else
            rpc_fail(call, GRPC_NOT_FOUND, "Schema could not be found");
        return false;
    }
    if (settings->encoding != GOOGLE__PUBSUB__V1__ENCODING__JSON &&
        settings->encoding != GOOGLE__PUBSUB__V1__ENCODING__BINARY) {
        rpc_fail(call, GRPC_INVALID_ARGUMENT,
                 "Invalid schema encoding provided");
        return false;
    }
    return check_range(call, s, schema, settings);
}

/* --- publishing ----------------------------------------------------------- */

/* The revisions that a topic takes; of those that were deleted since, what is
 * left of the range. */
struct allowed {
    const struct schema *schema;
    size_t first, last;
    Google__Pubsub__V1__Encoding encoding;
};

static bool find_allowed(struct rpc_call *call, const struct topic *t,
                         struct allowed *out)
{
    const PB(SchemaSettings) *settings = t->config->schema_settings;
    const struct schema *schema =
        schema_find(t->service, str_from(settings->schema));

    if (!schema) {
        rpc_fail(call, GRPC_NOT_FOUND, "Schema associated with topic deleted.");
        return false;
    }
    *out = (struct allowed){.schema = schema, .encoding = settings->encoding};
    if (!index_of(schema, settings->first_revision_id, 0, &out->first))
        out->first = 0;
    if (!index_of(schema, settings->last_revision_id, schema->n - 1,
                  &out->last))
        out->last = schema->n - 1;
    return true;
}

/* Newest first; NULL: none takes it, `err` says why the last asked did not. */
static const struct revision *match(const struct allowed *a, struct str data,
                                    const struct revision **asked,
                                    struct err *err)
{
    for (size_t i = a->last + 1; i-- > a->first;) {
        *asked = a->schema->revisions[i];
        if (revision_check(*asked, a->encoding, data, err) == RC_OK)
            return *asked;
    }
    return NULL;
}

static void put_stamped(struct buf *out, struct buf *scratch,
                        struct str message, const struct allowed *a,
                        const struct revision *r)
{
    bool json = a->encoding == GOOGLE__PUBSUB__V1__ENCODING__JSON;

    buf_reset(scratch);
    message_put_attribute(scratch, STR("googclient_schemaencoding"),
                          json ? STR("JSON") : STR("BINARY"));
    message_put_attribute(scratch, STR("googclient_schemaname"),
                          str_from(a->schema->name));
    message_put_attribute(scratch, STR("googclient_schemarevisionid"),
                          str_from(r->config->revision_id));
    wire_put_varint(out, message.len + scratch->len);
    buf_str(out, message);
    buf_str(out, buf_as_str(scratch));
}

static bool stamp_all(struct rpc_call *call, const struct topic *t,
                      const struct allowed *a, const struct publish *batch,
                      struct buf *out)
{
    struct batch b = {.bytes = batch->bytes, .len = batch->len};
    struct buf scratch;
    struct err err = {0};
    uint32_t at = 0;
    bool ok = true;

    buf_init(&scratch, SIZE_MAX / 4);
    while (ok && at < b.len) {
        struct str message = batch_message_at(&b, at, &at);
        const struct revision *asked = NULL;
        const struct revision *r =
            match(a, message_data(message), &asked, &err);

        ok = r != NULL;
        if (ok)
            put_stamped(out, &scratch, message, a, r);
        else
            refuse_message(call, t->service, asked, a->encoding, err.text,
                           "Could not parse message");
    }
    if (ok && (out->failed || out->len > UINT32_MAX)) {
        rpc_fail(call, GRPC_RESOURCE_EXHAUSTED, "no memory for the messages");
        ok = false;
    }
    buf_fini(&scratch);
    return ok;
}

bool schema_stamp(struct rpc_call *call, const struct topic *t,
                  struct publish *batch)
{
    struct allowed a;
    struct buf out;
    size_t len;
    bool ok;

    buf_init(&out, SIZE_MAX / 4);
    ok = find_allowed(call, t, &a) && stamp_all(call, t, &a, batch, &out);
    mem_free(batch->bytes);
    batch->bytes = NULL;
    if (ok) {
        batch->bytes = buf_take(&out, &len);
        batch->len = (uint32_t)len;
    }
    buf_fini(&out);
    return ok;
}

/* --- what a message carries ----------------------------------------------- */

const struct revision *schema_of_message(const struct pubsub *s,
                                         struct str message)
{
    struct str name = message_attribute(message, STR("googclient_schemaname"));
    struct str id =
        message_attribute(message, STR("googclient_schemarevisionid"));
    const struct schema *schema = name.len ? schema_find(s, name) : NULL;

    return schema && id.len ? schema_revision(schema, id) : NULL;
}

bool schema_is_json(struct str message)
{
    return str_eq(message_attribute(message, STR("googclient_schemaencoding")),
                  STR("JSON"));
}
