/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/pubsub/policy_check.h"

#include <ctype.h>

enum {
    MEMBERS_MAX = 1500, /* cloud.google.com/iam/quotas */
    TITLE_MAX = 100,
    DESCRIPTION_MAX = 256,
    ROLE_ID_MIN = 3,
    ROLE_ID_MAX = 64
};

#define invalid(err, ...)                                                      \
    (err_set(err, RC_INVALID, __VA_ARGS__), GRPC_INVALID_ARGUMENT)

static bool is_any_of(struct str text, const char *const *list)
{
    for (; *list; list++)
        if (str_eq(text, str_from(*list)))
            return true;
    return false;
}

/* --- roles ---------------------------------------------------------------- */

static const char *const basic_roles[] = {"roles/owner", "roles/editor",
                                          "roles/viewer", NULL};
static const char *const pubsub_roles[] = {"roles/pubsub.admin",
                                           "roles/pubsub.editor",
                                           "roles/pubsub.publisher",
                                           "roles/pubsub.subscriber",
                                           "roles/pubsub.viewer",
                                           "roles/pubsub.serviceAgent",
                                           NULL};

static bool is_role_id(struct str id)
{
    for (size_t i = 0; i < id.len; i++)
        if (!isalnum((uint8_t)id.p[i]) && id.p[i] != '_' && id.p[i] != '.')
            return false;
    return id.len >= ROLE_ID_MIN && id.len <= ROLE_ID_MAX;
}

/* "projects/p/roles/x", "organizations/1/roles/x" */
static bool is_custom_role(struct str role)
{
    struct str rest = role, head = str_cut(&rest, '/');
    struct str owner = str_cut(&rest, '/'), middle = str_cut(&rest, '/');

    return (str_eq(head, STR("projects")) ||
            str_eq(head, STR("organizations"))) &&
           owner.len && str_eq(middle, STR("roles")) && rest.p &&
           is_role_id(rest);
}

static bool is_predefined_role(struct str role)
{
    return str_starts(role, STR("roles/")) &&
           is_role_id(str_of(role.p + 6, role.len - 6));
}

/* Roles of other services may hold permissions of this one: only its own are
 * known by name. */
static enum grpc_status check_role(const char *text, struct err *err)
{
    struct str role = str_from(text);

    if (strstr(text, POLICY_WITH_CONDITION))
        return invalid(err,
                       "Role %.200s was made from a conditional binding that "
                       "was read without requestedPolicyVersion 3: read the "
                       "policy with it and set it again.",
                       text);
    if (is_custom_role(role))
        return GRPC_OK;
    if (!is_predefined_role(role))
        return invalid(err,
                       "Invalid role %.200s: the role name must be in the form "
                       "\"roles/{role}\", \"organizations/{organization_id}/"
                       "roles/{role}\", or \"projects/{project_id}/roles/"
                       "{role}\".",
                       text);
    if (str_starts(role, STR("roles/pubsub.")) &&
        !is_any_of(role, pubsub_roles))
        return invalid(err, "Role %.200s is not supported for this resource.",
                       text);
    return GRPC_OK;
}

/* --- members -------------------------------------------------------------- */

static const char *const everyone[] = {"allUsers", "allAuthenticatedUsers",
                                       NULL};

static bool is_printable(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((uint8_t)text.p[i] <= ' ' || text.p[i] == 0x7f)
            return false;
    return true;
}

static bool is_domain(struct str text)
{
    const char *dot = text.len ? memrchr(text.p, '.', text.len) : NULL;

    return dot && dot > text.p && dot + 1 < text.p + text.len &&
           !memchr(text.p, '@', text.len);
}

static bool is_email(struct str text)
{
    struct str rest = text, name = str_cut(&rest, '@');

    return name.len && rest.p && is_domain(rest);
}

/* "p.svc.id.goog[namespace/account]" */
static bool is_workload(struct str text)
{
    return memmem(text.p, text.len, ".svc.id.goog[", 13) &&
           text.p[text.len - 1] == ']' && memchr(text.p, '/', text.len);
}

static bool is_account(struct str text)
{
    return is_email(text) || (text.len && is_workload(text));
}

/* "user:a@b.c?uid=1" */
static bool is_gone(struct str text)
{
    return memmem(text.p, text.len, "?uid=", 5) != NULL ||
           str_starts(text, STR("principal://"));
}

static bool is_named(struct str text)
{
    return text.len > 0;
}

static bool is_path(struct str text)
{
    return str_starts(text, STR("//")) && text.len > 2;
}

static const struct {
    const char *type;
    bool (*is_valid)(struct str rest);
} member_types[] = {
    {"user", is_email},
    {"group", is_email},
    {"serviceAccount", is_account},
    {"domain", is_domain},
    {"deleted", is_gone},
    {"projectOwner", is_named},
    {"projectEditor", is_named},
    {"projectViewer", is_named},
    {"principal", is_path},
    {"principalSet", is_path},
};

static enum grpc_status check_member(const char *text, struct err *err)
{
    struct str rest = str_from(text), type;

    if (is_any_of(rest, everyone))
        return GRPC_OK;
    type = str_cut(&rest, ':');
    for (size_t i = 0;
         rest.p && i < sizeof(member_types) / sizeof(member_types[0]); i++)
        if (str_eq(type, str_from(member_types[i].type)))
            return is_printable(rest) && member_types[i].is_valid(rest)
                       ? GRPC_OK
                       : invalid(err, "Invalid %s in member %.300s.",
                                 member_types[i].type, text);
    return invalid(
        err,
        "The member %.300s is of an unknown type. Please set a valid "
        "type prefix for the member.",
        text);
}

/* --- policies ------------------------------------------------------------- */

static enum grpc_status check_condition(const Google__Iam__V1__Binding *b,
                                        int version, struct err *err)
{
    const Google__Type__Expr *c = b->condition;

    if (version != POLICY_CONDITIONS)
        return invalid(err,
                       "The policy has a conditional binding (role %.200s): "
                       "its version must be 3.",
                       b->role);
    if (!*c->expression || !*c->title)
        return invalid(err,
                       "The condition of role %.200s must have an expression "
                       "and a title.",
                       b->role);
    if (strlen(c->title) > TITLE_MAX ||
        strlen(c->description) > DESCRIPTION_MAX)
        return invalid(err,
                       "The condition of role %.200s is too long: at most 100 "
                       "bytes of title and 256 of description.",
                       b->role);
    if (is_any_of(str_from(b->role), basic_roles))
        return invalid(err, "Conditions are not allowed on role %.200s.",
                       b->role);
    for (size_t i = 0; i < b->n_members; i++)
        if (is_any_of(str_from(b->members[i]), everyone))
            return invalid(err, "Conditions are not allowed for member %s.",
                           b->members[i]);
    return GRPC_OK;
}

enum grpc_status policy_check(const Google__Iam__V1__Policy *policy,
                              struct err *err)
{
    enum grpc_status status = GRPC_OK;
    size_t n = 0;

    if (policy->version < 0 || policy->version == 2 ||
        policy->version > POLICY_CONDITIONS)
        return invalid(err, "Invalid policy version %d: it must be 0, 1 or 3.",
                       policy->version);
    if (policy->n_audit_configs)
        return invalid(err, "Audit configs are not supported for this "
                            "resource: they belong to projects.");
    for (size_t i = 0; status == GRPC_OK && i < policy->n_bindings; i++) {
        const Google__Iam__V1__Binding *b = policy->bindings[i];

        status = check_role(b->role, err);
        if (status == GRPC_OK && b->condition)
            status = check_condition(b, policy->version, err);
        for (size_t k = 0; status == GRPC_OK && k < b->n_members; k++)
            status = check_member(b->members[k], err);
        n += b->n_members;
    }
    if (status == GRPC_OK && n > MEMBERS_MAX)
        return invalid(err,
                       "The number of members in the policy (%zu) is larger "
                       "than the maximum allowed size %d.",
                       n, MEMBERS_MAX);
    return status;
}

/* --- permissions ---------------------------------------------------------- */

/* cloud.google.com/pubsub/docs/access-control, those that are asked of the
 * resource itself. */
static const char *const topic_verbs[] = {
    "attachSubscription", "delete",  "detachSubscription", "get",
    "getIamPolicy",       "publish", "setIamPolicy",       "update",
    "updateTag",          NULL};
static const char *const subscription_verbs[] = {
    "consume", "delete", "get", "getIamPolicy", "setIamPolicy", "update", NULL};
static const char *const snapshot_verbs[] = {
    "delete", "get", "getIamPolicy", "seek", "setIamPolicy", "update", NULL};
static const char *const schema_verbs[] = {
    "attach",        "commit",   "delete",       "get",      "getIamPolicy",
    "listRevisions", "rollback", "setIamPolicy", "validate", NULL};

bool policy_permission_is_valid(struct str permission, struct str collection)
{
    static const struct {
        const char *name;
        const char *const *verbs;
    } kinds[] = {{"topics", topic_verbs},
                 {"subscriptions", subscription_verbs},
                 {"snapshots", snapshot_verbs},
                 {"schemas", schema_verbs}};
    struct str rest = permission, service = str_cut(&rest, '.');
    struct str kind = str_cut(&rest, '.');

    if (!str_eq(service, STR("pubsub")) || !str_eq(kind, collection) || !rest.p)
        return false;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (str_eq(collection, str_from(kinds[i].name)))
            return is_any_of(rest, kinds[i].verbs);
    return false;
}
