/* SPDX-License-Identifier: Apache-2.0 */
/* Refusals about schemas, as production words them (strict) or Google's
 * emulator (lenient). */
#include "common/mem.h"
#include "emulator/pubsub/pubsub_priv.h"
#include "emulator/pubsub/schema.h"
#include "google/rpc/error_details.pb-c.h"

void refuse_schema_unknown(struct rpc_call *call, const struct pubsub *s,
                           const char *name)
{
    if (is_strict(s))
        refuse_unknown(call, s, "Schema", str_from(name));
    else
        rpc_fail(call, GRPC_NOT_FOUND, "Schema not found");
}

void refuse_definition(struct rpc_call *call, const struct pubsub *s,
                       const char *why)
{
    if (is_strict(s))
        rpc_fail(call, GRPC_INVALID_ARGUMENT,
                 "Could not parse schema definition: %s", why);
    else
        rpc_fail(call, GRPC_INVALID_ARGUMENT,
                 "Could not parse schema definition");
}

static const char *reason_of(const struct revision *r, bool json)
{
    if (r->avro)
        return json ? "INVALID_JSON_AVRO_MESSAGE"
                    : "INVALID_BINARY_AVRO_MESSAGE";
    return json ? "INVALID_JSON_PROTO_MESSAGE" : "INVALID_BINARY_PROTO_MESSAGE";
}

static void add_detail(struct rpc_call *call, const struct revision *r,
                       bool json, const char *why)
{
    char *told = mem_printf(
        "Could not validate message with any schema revision for schema: %s, "
        "last checked revision: revision_id=%s failed with status: %s",
        r->config->name, r->config->revision_id, why);
    Google__Rpc__ErrorInfo__MetadataEntry text =
        GOOGLE__RPC__ERROR_INFO__METADATA_ENTRY__INIT;
    Google__Rpc__ErrorInfo__MetadataEntry info =
        GOOGLE__RPC__ERROR_INFO__METADATA_ENTRY__INIT;
    Google__Rpc__ErrorInfo__MetadataEntry *rows[] = {&text, &info};
    Google__Rpc__ErrorInfo detail = GOOGLE__RPC__ERROR_INFO__INIT;

    text.key = (char *)(uintptr_t) "message";
    text.value = (char *)(uintptr_t) "Message failed schema validation";
    info.key = (char *)(uintptr_t) "revisionInfo";
    info.value = told;
    detail.reason = (char *)(uintptr_t)reason_of(r, json);
    detail.domain = (char *)(uintptr_t) "pubsub.googleapis.com";
    detail.metadata = rows;
    detail.n_metadata = 2;
    rpc_fail_detail(call, &detail.base);
    mem_free(told);
}

void refuse_message(struct rpc_call *call, const struct pubsub *s,
                    const struct revision *r,
                    Google__Pubsub__V1__Encoding encoding, const char *why,
                    const char *text)
{
    bool json = encoding == GOOGLE__PUBSUB__V1__ENCODING__JSON;

    if (!is_strict(s)) {
        rpc_fail(call, GRPC_INVALID_ARGUMENT, "%s", text);
        return;
    }
    add_detail(call, r, json, why);
    rpc_fail(call, GRPC_INVALID_ARGUMENT,
             "Invalid data in message: Message failed schema validation.");
}
