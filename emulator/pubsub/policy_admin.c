/* SPDX-License-Identifier: Apache-2.0 */
/* google.iam.v1.IAMPolicy: who may do what to a topic, a subscription, a
 * snapshot or a schema. Policies are kept and shown; nobody here has an
 * identity, so nothing is denied by them. */
#include "emulator/pubsub/admin.h"
#include "emulator/pubsub/policy.h"
#include "emulator/pubsub/policy_check.h"
#include "google/iam/v1/iam_policy.pb-c.h"

#define IAM(name) Google__Iam__V1__##name

/* What a resource without a policy shows: "ACAB" in base64. */
static const uint8_t no_etag[] = {0x00, 0x20, 0x01};

static ProtobufCBinaryData etag_of(const struct policy *p)
{
    return p ? p->policy->etag
             : (ProtobufCBinaryData){sizeof(no_etag),
                                     (uint8_t *)(uintptr_t)no_etag};
}

/* The policy's resource exists; else the call is refused. */
static bool is_there(struct rpc_call *call, struct pubsub *s,
                     const char *resource)
{
    struct str collection;

    if (policy_resource_exists(s, resource, &collection))
        return true;
    if (!collection.p)
        refuse_name(call, s, "resource", resource);
    else
        refuse_unknown(call, s,
                       str_eq(collection, STR("topics"))      ? "Topic"
                       : str_eq(collection, STR("snapshots")) ? "Snapshot"
                       : str_eq(collection, STR("schemas"))   ? "Schema"
                                                              : "Subscription",
                       str_from(resource));
    return false;
}

/* --- get ------------------------------------------------------------------ */

static void reply(struct rpc_call *call, const struct policy *p, int version)
{
    IAM(Policy) none = GOOGLE__IAM__V1__POLICY__INIT, *copy;

    if (!p) {
        none.etag = etag_of(NULL);
        rpc_reply(call, &none.base);
        return;
    }
    copy = pb_copy(p->policy);
    if (version < POLICY_CONDITIONS && policy_has_conditions(copy))
        policy_hide_conditions(copy);
    rpc_reply(call, &copy->base);
    pb_free(copy);
}

void policy_get_run(struct rpc_call *call, ProtobufCMessage *in, void *service)
{
    struct pubsub *s = service;
    IAM(GetIamPolicyRequest) *r = (IAM(GetIamPolicyRequest) *)in;
    int version = r->options ? r->options->requested_policy_version : 0;

    if (!is_there(call, s, r->resource))
        return;
    if (version < 0 || version == 2 || version > POLICY_CONDITIONS)
        rpc_fail(call, GRPC_INVALID_ARGUMENT,
                 "Invalid requested policy version %d: it must be 0, 1 or 3.",
                 version);
    else
        reply(call, policy_find(s, str_from(r->resource)), version);
}

/* --- set ------------------------------------------------------------------ */

struct mask {
    bool bindings, etag;
};

/* Without a mask "bindings, etag"; a policy's version follows its bindings. */
static bool read_mask(struct rpc_call *call,
                      const Google__Protobuf__FieldMask *mask, struct mask *out)
{
    *out = (struct mask){false, false};
    if (!mask || mask->n_paths == 0) {
        *out = (struct mask){true, true};
        return true;
    }
    for (size_t i = 0; i < mask->n_paths; i++) {
        const char *path = mask->paths[i];

        if (strcmp(path, "bindings") == 0) {
            out->bindings = true;
        } else if (strcmp(path, "etag") == 0) {
            out->etag = true;
        } else if (strcmp(path, "version") != 0 &&
                   strcmp(path, "audit_configs") != 0) {
            rpc_fail(call, GRPC_INVALID_ARGUMENT,
                     "Invalid update_mask provided in the SetIamPolicyRequest: "
                     "'%.200s' is not one of bindings, etag, version and "
                     "audit_configs.",
                     path);
            return false;
        }
    }
    return true;
}

static void put_escaped(struct buf *out, ProtobufCBinaryData bytes)
{
    for (size_t i = 0; i < bytes.len; i++)
        buf_printf(out, "\\%03o", bytes.data[i]);
}

/* Nobody else has changed it since the caller read it. */
static bool is_unchanged(struct rpc_call *call, const struct policy *p,
                         ProtobufCBinaryData etag)
{
    ProtobufCBinaryData ours = etag_of(p);
    struct buf text;

    if (etag.len == 0 || str_eq(str_of((char *)etag.data, etag.len),
                                str_of((char *)ours.data, ours.len)))
        return true;
    buf_init(&text, 4096);
    buf_puts(&text,
             "There were concurrent policy changes. Please retry the whole "
             "read-modify-write with exponential backoff. The request's ETag "
             "'");
    put_escaped(&text,
                etag.len > 64 ? (ProtobufCBinaryData){64, etag.data} : etag);
    buf_puts(&text, "' did not match the current policy's ETag '");
    put_escaped(&text, ours);
    buf_puts(&text, "'.");
    rpc_fail(call, GRPC_ABORTED, "%.*s", STR_ARG(buf_as_str(&text)));
    buf_fini(&text);
    return false;
}

/* Who knows only version 1 may not lose conditions that he could not see. */
static bool keeps_conditions(struct rpc_call *call, const struct policy *p,
                             const IAM(Policy) * new)
{
    if (!p || new->etag.len == 0 || new->version == POLICY_CONDITIONS ||
        !policy_has_conditions(p->policy))
        return true;
    rpc_fail(call, GRPC_INVALID_ARGUMENT,
             "The policy has conditional bindings: to change it, read it with "
             "requestedPolicyVersion 3 and set it with version 3.");
    return false;
}

/* 07 and the time in seven bytes, as production's; each differs from all
 * before. */
static void set_etag(struct pubsub *s, IAM(Policy) * policy,
                     ProtobufCBinaryData old)
{
    uint64_t now = (uint64_t)pubsub_now(s) & 0xffffffffffffff, last = 0;
    uint8_t *bytes = mem_alloc(8);

    for (size_t i = 1; old.len == 8 && i < 8; i++)
        last = last << 8 | old.data[i];
    if (now <= last)
        now = last + 1;
    bytes[0] = 0x07;
    for (int i = 7; i > 0; i--, now >>= 8)
        bytes[i] = (uint8_t)now;
    mem_free(policy->etag.data);
    policy->etag = (ProtobufCBinaryData){8, bytes};
}

/* On disk, then in memory. Takes `policy`. */
static void install(struct rpc_call *call, struct pubsub *s,
                    const char *resource, IAM(Policy) * policy)
{
    struct policy *p = policy_find(s, str_from(resource));
    struct policy next = {.resource = (char *)(uintptr_t)resource,
                          .number = p ? p->number : s->next_number++,
                          .policy = policy};
    struct storage_job *job = storage_job_new(NULL, NULL);
    struct err err = {0};

    keep_policy(job, &next);
    if (keep_now(s, job, &err)) {
        pb_free(policy);
        refuse_storage(call, err.text);
        return;
    }
    if (p) {
        pb_free(p->policy);
        p->policy = policy;
    } else {
        p = policy_add(s, resource, next.number, policy);
    }
    reply(call, p, POLICY_CONDITIONS);
}

void policy_set_run(struct rpc_call *call, ProtobufCMessage *in, void *service)
{
    struct pubsub *s = service;
    IAM(SetIamPolicyRequest) *r = (IAM(SetIamPolicyRequest) *)in;
    IAM(Policy) none = GOOGLE__IAM__V1__POLICY__INIT, *policy;
    struct policy *old;
    struct err err = {0};
    struct mask mask;

    if (!is_there(call, s, r->resource) ||
        !read_mask(call, r->update_mask, &mask))
        return;
    if (!r->policy) {
        rpc_fail(call, GRPC_INVALID_ARGUMENT,
                 "The policy in the SetIamPolicyRequest must be set.");
        return;
    }
    if (policy_check(r->policy, &err)) {
        rpc_fail(call, GRPC_INVALID_ARGUMENT, "%s", err.text);
        return;
    }
    old = policy_find(s, str_from(r->resource));
    if (mask.etag && !is_unchanged(call, old, r->policy->etag))
        return;
    if (mask.bindings && !keeps_conditions(call, old, r->policy))
        return;
    policy = policy_normal(mask.bindings ? r->policy
                           : old         ? old->policy
                                         : &none);
    set_etag(s, policy, etag_of(old));
    install(call, s, r->resource, policy);
}

/* --- test ----------------------------------------------------------------- */

static bool is_told(const IAM(TestIamPermissionsResponse) * out,
                    const char *text)
{
    for (size_t i = 0; i < out->n_permissions; i++)
        if (strcmp(out->permissions[i], text) == 0)
            return true;
    return false;
}

/* Whoever asks may do everything; what the resource does not know, nobody
 * may. */
void policy_test_run(struct rpc_call *call, ProtobufCMessage *in, void *service)
{
    enum {
        PERMISSIONS_MAX = 100
    };
    struct pubsub *s = service;
    IAM(TestIamPermissionsRequest) *r = (IAM(TestIamPermissionsRequest) *)in;
    IAM(TestIamPermissionsResponse)
    out = GOOGLE__IAM__V1__TEST_IAM_PERMISSIONS_RESPONSE__INIT;
    char *list[PERMISSIONS_MAX];
    struct str collection;
    bool exists = policy_resource_exists(s, r->resource, &collection);

    if (!collection.p) {
        refuse_name(call, s, "resource", r->resource);
        return;
    }
    if (r->n_permissions > PERMISSIONS_MAX) {
        rpc_fail(call, GRPC_INVALID_ARGUMENT,
                 "Too many permissions (%zu): at most %d can be tested at "
                 "once.",
                 r->n_permissions, PERMISSIONS_MAX);
        return;
    }
    out.permissions = list;
    for (size_t i = 0; i < r->n_permissions; i++) {
        char *text = r->permissions[i];

        if (!*text || strchr(text, '*')) {
            rpc_fail(call, GRPC_INVALID_ARGUMENT,
                     "Invalid permission '%.200s': permissions are named in "
                     "full, without wildcards.",
                     text);
            return;
        }
        if (exists && !is_told(&out, text) &&
            policy_permission_is_valid(str_from(text), collection))
            list[out.n_permissions++] = text;
    }
    rpc_reply(call, &out.base);
}
