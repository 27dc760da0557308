/* SPDX-License-Identifier: Apache-2.0 */
/* Refusals that several calls share, in the words of production (strict) or of
 * Google's emulator (lenient), and the checks that lead to them. */
#include <ctype.h>

#include "common/mem.h"
#include "emulator/pubsub/pubsub_priv.h"
#include "emulator/pubsub/push_check.h"

enum {
    ID_MIN = 3,
    ID_MAX = 255,
    NAME_MAX_SHOWN = 512
};

static struct str leaf_of(struct str name)
{
    const char *slash = memrchr(name.p, '/', name.len);

    return slash ? str_of(slash + 1, (size_t)(name.p + name.len - slash - 1))
                 : name;
}

static char *unknown_text(const struct pubsub *s, const char *kind,
                          struct str name)
{
    struct str leaf = leaf_of(name);

    if (is_strict(s))
        return mem_printf("Resource not found (resource=%.*s).", STR_ARG(leaf));
    if (*kind == 'T' || *kind == 'D')
        return mem_printf("%s not found", kind);
    return mem_printf("%s does not exist", kind);
}

static char *name_text(const struct pubsub *s, const char *collection,
                       const char *name)
{
    if (!is_strict(s))
        return mem_printf("Invalid [%s] name: (name=%s)", collection, name);
    return mem_printf("Invalid resource name given (name=%s). Refer to "
                      "https://cloud.google.com/pubsub/docs/"
                      "pubsub-basics#resource_names for more information.",
                      name);
}

static void fail(struct rpc_call *call, enum grpc_status status, char *text)
{
    rpc_fail(call, status, "%s", text);
    mem_free(text);
}

void refuse_unknown(struct rpc_call *call, const struct pubsub *s,
                    const char *kind, struct str name)
{
    fail(call, GRPC_NOT_FOUND, unknown_text(s, kind, name));
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
    fail(call, GRPC_INVALID_ARGUMENT, name_text(s, collection, name));
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

static char *missing(const struct pubsub *s, const char *collection,
                     struct str name, enum grpc_status *status)
{
    char copy[NAME_MAX_SHOWN];

    if (name.len >= sizeof(copy))
        name.len = sizeof(copy) - 1;
    if (name.len)
        memcpy(copy, name.p, name.len);
    copy[name.len] = '\0';
    if (!name_is_valid(copy, collection)) {
        *status = GRPC_INVALID_ARGUMENT;
        return name_text(s, collection, copy);
    }
    *status = GRPC_NOT_FOUND;
    return unknown_text(s, *collection == 't' ? "Topic" : "Subscription", name);
}

/* Google's emulator names it to streams only. */
char *missing_text(const struct pubsub *s, const char *collection,
                   struct str name, enum grpc_status *status)
{
    char *text = missing(s, collection, name, status), *named;
    struct str leaf = leaf_of(name);

    if (is_strict(s) || *status != GRPC_NOT_FOUND)
        return text;
    named = mem_printf("%s (resource=%.*s)", text, STR_ARG(leaf));
    mem_free(text);
    return named;
}

void refuse_missing(struct rpc_call *call, const struct pubsub *s,
                    const char *collection, struct str name)
{
    enum grpc_status status;
    char *text = missing(s, collection, name, &status);

    fail(call, status, text);
}

/* Google's emulator has a sentence of its own for updates. */
void refuse_updating(struct rpc_call *call, const struct pubsub *s,
                     const char *collection, const char *name)
{
    if (is_strict(s) || !name_is_valid(name, collection))
        refuse_missing(call, s, collection, str_from(name));
    else
        rpc_fail(call, GRPC_NOT_FOUND, "%s not found.",
                 *collection == 't' ? "Topic" : "Subscription");
}

struct sub *sub_of(struct rpc_call *call, struct pubsub *s, struct str name)
{
    struct sub *sub = sub_find(s, name);

    if (sub)
        return sub;
    refuse_missing(call, s, "subscriptions", name);
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
         push_has_endpoint(c->push_config))) {
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
