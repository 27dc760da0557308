/* SPDX-License-Identifier: Apache-2.0 */
/* Refusals that several calls share, in the words of production (strict) or of
 * Google's emulator (lenient), and the checks that lead to them. */
#include <ctype.h>

#include "emulator/pubsub/pubsub_priv.h"

enum {
    ID_MIN = 3,
    ID_MAX = 255
};

static struct str leaf_of(struct str name)
{
    const char *slash = memrchr(name.p, '/', name.len);

    return slash ? str_of(slash + 1, (size_t)(name.p + name.len - slash - 1))
                 : name;
}

void refuse_unknown(struct rpc_call *call, const struct pubsub *s,
                    const char *kind, struct str name)
{
    struct str leaf = leaf_of(name);

    if (is_strict(s))
        rpc_fail(call, GRPC_NOT_FOUND, "Resource not found (resource=%.*s).",
                 STR_ARG(leaf));
    else if (*kind == 'T')
        rpc_fail(call, GRPC_NOT_FOUND, "Topic not found");
    else
        rpc_fail(call, GRPC_NOT_FOUND, "%s does not exist", kind);
}

void refuse_existing(struct rpc_call *call, const struct pubsub *s,
                     const char *kind, const char *name)
{
    struct str leaf = leaf_of(str_from(name));

    if (is_strict(s))
        rpc_fail(call, GRPC_ALREADY_EXISTS,
                 "Resource already exists in the project (resource=%.*s).",
                 STR_ARG(leaf));
    else
        rpc_fail(call, GRPC_ALREADY_EXISTS, "%s already exists", kind);
}

void refuse_name(struct rpc_call *call, const struct pubsub *s,
                 const char *collection, const char *name)
{
    if (is_strict(s))
        rpc_fail(call, GRPC_INVALID_ARGUMENT,
                 "Invalid resource name given (name=%s). Refer to "
                 "https://cloud.google.com/pubsub/docs/"
                 "pubsub-basics#resource_names for more information.",
                 name);
    else
        rpc_fail(call, GRPC_INVALID_ARGUMENT, "Invalid [%s] name: (name=%s)",
                 collection, name);
}

void refuse_storage(struct rpc_call *call, const char *text)
{
    rpc_fail(call, GRPC_UNAVAILABLE,
             "Not kept, the state cannot be written: %s", text);
}

bool name_is_valid(const char *name, const char *collection)
{
    struct str rest = str_from(name);
    struct str head = str_cut(&rest, '/');
    struct str project = str_cut(&rest, '/');
    struct str middle = str_cut(&rest, '/');

    if (!rest.p || !str_eq(head, STR("projects")) || project.len == 0 ||
        !str_eq(middle, str_from(collection)))
        return false;
    if (rest.len < ID_MIN || rest.len > ID_MAX || !isalpha((uint8_t)*rest.p) ||
        str_starts(rest, STR("goog")))
        return false;
    for (size_t i = 0; i < rest.len; i++)
        if (!isalnum((uint8_t)rest.p[i]) &&
            (rest.p[i] == '\0' || !strchr("-_.~+%", rest.p[i])))
            return false;
    return true;
}

struct sub *sub_of(struct rpc_call *call, struct pubsub *s, struct str name)
{
    struct sub *sub = sub_find(s, name);
    char copy[512];

    if (sub)
        return sub;
    if (str_starts(name, STR("projects/"))) {
        refuse_unknown(call, s, "Subscription", name);
        return NULL;
    }
    if (name.len >= sizeof(copy))
        name.len = sizeof(copy) - 1;
    if (name.len)
        memcpy(copy, name.p, name.len);
    copy[name.len] = '\0';
    refuse_name(call, s, "subscriptions", copy);
    return NULL;
}

enum grpc_status sub_refuses_pull(const struct sub *sub, const char **text)
{
    const PB(Subscription) *c = sub->config;

    if (c->detached) {
        *text = "The subscription is detached.";
        return GRPC_FAILED_PRECONDITION;
    }
    if (is_strict(sub->service) &&
        (c->bigquery_config || c->cloud_storage_config || c->bigtable_config ||
         (c->push_config && *c->push_config->push_endpoint))) {
        *text = "This method is not supported for this subscription type.";
        return GRPC_FAILED_PRECONDITION;
    }
    return GRPC_OK;
}

struct str request_bytes(struct rpc_call *call, const ProtobufCMessage *in,
                         struct buf *scratch)
{
    size_t len;

    if (!in)
        return rpc_call_raw(call);
    len = protobuf_c_message_get_packed_size(in);
    if (!buf_reserve(scratch, len))
        return STR("");
    scratch->len = protobuf_c_message_pack(in, (uint8_t *)scratch->data);
    return buf_as_str(scratch);
}
