/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "common/buf.h"
#include "common/mem.h"
#include "emulator/pubsub/policy_check.h"
#include "emulator/transcode.h"

static Google__Iam__V1__Policy *read_policy(const char *json)
{
    ProtobufCMessage *m;
    struct err err;

    ck_assert_msg(transcode_read(&google__iam__v1__policy__descriptor,
                                 str_from(json), &m, &err) == RC_OK,
                  "%s: %s", json, err.text);
    return (Google__Iam__V1__Policy *)m;
}

static void free_policy(Google__Iam__V1__Policy *policy)
{
    google__iam__v1__policy__free_unpacked(policy, NULL);
}

static char *write_policy(const Google__Iam__V1__Policy *policy)
{
    struct buf out;
    size_t len;

    buf_init(&out, 1 << 20);
    transcode_write_compact(&policy->base, &out);
    return buf_take(&out, &len);
}

/* --- refused -------------------------------------------------------------- */

#define ONE(role, member)                                                      \
    "{\"bindings\":[{\"role\":\"" role "\",\"members\":[\"" member "\"]}]}"
#define VIEWER(member) ONE("roles/pubsub.viewer", member)
#define CONDITION(version, role, member, condition)                            \
    "{\"version\":" version ",\"bindings\":[{\"role\":\"" role                 \
    "\",\"members\":[\"" member "\"],\"condition\":{" condition "}}]}"
#define TITLED "\"title\":\"t\",\"expression\":\"true\""

static const struct {
    const char *json;
    const char *why; /* NULL: taken */
} policies[] = {
    {"{}", NULL},
    {"{\"version\":1}", NULL},
    {"{\"version\":3}", NULL},
    {"{\"version\":2}", "version 2"},
    {"{\"version\":4}", "version 4"},
    {"{\"version\":-1}", "version -1"},
    {VIEWER("allUsers"), NULL},
    {VIEWER("allAuthenticatedUsers"), NULL},
    {VIEWER("user:a@example.com"), NULL},
    {VIEWER("group:a@example.com"), NULL},
    {VIEWER("serviceAccount:a@p.iam.gserviceaccount.com"), NULL},
    {VIEWER("serviceAccount:p.svc.id.goog[ns/sa]"), NULL},
    {VIEWER("domain:example.com"), NULL},
    {VIEWER("projectOwner:p"), NULL},
    {VIEWER("deleted:user:a@example.com?uid=12"), NULL},
    {VIEWER("principal://iam.googleapis.com/locations/global/x"), NULL},
    {VIEWER("principalSet://goog/public:all"), NULL},
    {VIEWER("a@example.com"), "of an unknown type"},
    {VIEWER("allusers"), "of an unknown type"},
    {VIEWER("robot:a@example.com"), "of an unknown type"},
    {VIEWER(""), "of an unknown type"},
    {VIEWER("user:"), "Invalid user"},
    {VIEWER("user:example.com"), "Invalid user"},
    {VIEWER("user:a@"), "Invalid user"},
    {VIEWER("user:a@b"), "Invalid user"},
    {VIEWER("user:a b@example.com"), "Invalid user"},
    {VIEWER("group:a@example."), "Invalid group"},
    {VIEWER("serviceAccount:p"), "Invalid serviceAccount"},
    {VIEWER("domain:a@example.com"), "Invalid domain"},
    {VIEWER("domain:.com"), "Invalid domain"},
    {VIEWER("deleted:user:a@example.com"), "Invalid deleted"},
    {VIEWER("principal:x"), "Invalid principal"},
    {ONE("roles/pubsub.publisher", "allUsers"), NULL},
    {ONE("roles/editor", "allUsers"), NULL},
    {ONE("roles/iam.securityAdmin", "allUsers"), NULL},
    {ONE("projects/p/roles/mine.x_1", "allUsers"), NULL},
    {ONE("organizations/12/roles/mine", "allUsers"), NULL},
    {ONE("roles/pubsub.publishr", "allUsers"), "not supported for this"},
    {ONE("", "allUsers"), "Invalid role"},
    {ONE("pubsub.publisher", "allUsers"), "Invalid role"},
    {ONE("roles/", "allUsers"), "Invalid role"},
    {ONE("roles/a-b", "allUsers"), "Invalid role"},
    {ONE("folders/1/roles/mine", "allUsers"), "Invalid role"},
    {ONE("projects//roles/mine", "allUsers"), "Invalid role"},
    {ONE("roles/pubsub.viewer_withcond_00", "allUsers"), "Version 3"},
    {CONDITION("3", "roles/pubsub.viewer", "user:a@b.c", TITLED), NULL},
    {CONDITION("1", "roles/pubsub.viewer", "user:a@b.c", TITLED),
     "version must be 3"},
    {CONDITION("3", "roles/pubsub.viewer", "user:a@b.c", "\"title\":\"t\""),
     "an expression and a title"},
    {CONDITION("3", "roles/pubsub.viewer", "user:a@b.c",
               "\"expression\":\"true\""),
     "an expression and a title"},
    {CONDITION("3", "roles/viewer", "user:a@b.c", TITLED),
     "not allowed on role roles/viewer"},
    {CONDITION("3", "roles/pubsub.viewer", "allUsers", TITLED),
     "not allowed for member allUsers"},
    {"{\"auditConfigs\":[{\"service\":\"allServices\"}]}", "Audit configs"},
};

START_TEST(refuses_what_production_refuses)
{
    Google__Iam__V1__Policy *policy = read_policy(policies[_i].json);
    struct err err = {0};
    enum grpc_status status = policy_check(policy, &err);

    if (policies[_i].why)
        ck_assert_msg(status == GRPC_INVALID_ARGUMENT &&
                          strcasestr(err.text, policies[_i].why),
                      "%s: %s", policies[_i].json, err.text);
    else
        ck_assert_msg(status == GRPC_OK, "%s: %s", policies[_i].json, err.text);
    free_policy(policy);
}
END_TEST

START_TEST(refuses_more_members_than_production)
{
    Google__Iam__V1__Policy *policy = read_policy(VIEWER("allUsers"));
    Google__Iam__V1__Binding *b = policy->bindings[0];
    struct err err = {0};

    b->members = mem_realloc(b->members, 1501 * sizeof(char *));
    while (b->n_members < 1500)
        b->members[b->n_members++] = mem_strdup("allUsers");
    ck_assert_int_eq(policy_check(policy, &err), GRPC_OK);
    b->members[b->n_members++] = mem_strdup("allUsers");
    ck_assert_int_eq(policy_check(policy, &err), GRPC_INVALID_ARGUMENT);
    ck_assert_str_eq(err.text, "The number of members in the policy (1501) is "
                               "larger than the maximum allowed size 1500.");
    free_policy(policy);
}
END_TEST

/* --- the normal form ------------------------------------------------------ */

static const struct {
    const char *given, *normal;
} forms[] = {
    {"{}", "{\"version\":1}"},
    {"{\"version\":3,\"etag\":\"AAEC\"}", "{\"version\":1,\"etag\":\"AAEC\"}"},
    {"{\"bindings\":[{\"role\":\"roles/x.b\",\"members\":[\"user:Z@B.c\","
     "\"allUsers\",\"user:z@b.C\"]},{\"role\":\"roles/x.a\",\"members\":[]},"
     "{\"role\":\"roles/x.b\",\"members\":[\"group:a@b.c\"]}]}",
     "{\"version\":1,\"bindings\":[{\"role\":\"roles/x.b\",\"members\":["
     "\"allUsers\",\"group:a@b.c\",\"user:z@b.c\"]}]}"},
    {"{\"bindings\":[{\"role\":\"roles/x.b\",\"members\":[\"projectOwner:P\"]},"
     "{\"role\":\"roles/x.a\",\"members\":[\"principal://X/Y\"]}]}",
     "{\"version\":1,\"bindings\":[{\"role\":\"roles/x.a\",\"members\":["
     "\"principal://X/Y\"]},{\"role\":\"roles/x.b\",\"members\":["
     "\"projectOwner:P\"]}]}"},
    {"{\"version\":3,\"bindings\":[{\"role\":\"roles/x.a\",\"members\":["
     "\"user:a@b.c\"],\"condition\":{\"title\":\"t\",\"expression\":\"true\"}},"
     "{\"role\":\"roles/x.a\",\"members\":[\"user:a@b.c\"]}]}",
     "{\"version\":3,\"bindings\":[{\"role\":\"roles/x.a\",\"members\":["
     "\"user:a@b.c\"]},{\"role\":\"roles/x.a\",\"members\":[\"user:a@b.c\"],"
     "\"condition\":{\"expression\":\"true\",\"title\":\"t\"}}]}"},
};

START_TEST(equal_grants_have_one_form)
{
    Google__Iam__V1__Policy *given = read_policy(forms[_i].given);
    Google__Iam__V1__Policy *normal = policy_normal(given);
    char *text = write_policy(normal);

    ck_assert_str_eq(text, forms[_i].normal);
    mem_free(text);
    free_policy(normal);
    free_policy(given);
}
END_TEST

START_TEST(older_readers_see_no_condition_but_its_mark)
{
    Google__Iam__V1__Policy *policy = read_policy(
        CONDITION("3", "roles/pubsub.viewer", "user:a@b.c", TITLED));
    const char *role;

    ck_assert(policy_has_conditions(policy));
    policy_hide_conditions(policy);
    ck_assert(!policy_has_conditions(policy));
    ck_assert_int_eq(policy->version, 1);
    role = policy->bindings[0]->role;
    ck_assert(str_starts(str_from(role), STR("roles/pubsub.viewer_withcond_")));
    ck_assert_uint_eq(strlen(role),
                      strlen("roles/pubsub.viewer_withcond_") + 20);
    free_policy(policy);
}
END_TEST

/* --- permissions ---------------------------------------------------------- */

static const struct {
    const char *permission, *collection;
    bool is_valid;
} permissions[] = {
    {"pubsub.topics.publish", "topics", true},
    {"pubsub.topics.publish", "subscriptions", false},
    {"pubsub.topics.publis", "topics", false},
    {"pubsub.topics.", "topics", false},
    {"pubsub.topics", "topics", false},
    {"storage.topics.publish", "topics", false},
    {"pubsub.subscriptions.consume", "subscriptions", true},
    {"pubsub.snapshots.seek", "snapshots", true},
    {"pubsub.schemas.validate", "schemas", true},
    {"pubsub.projects.get", "projects", false},
    {"", "topics", false},
};

START_TEST(permissions_belong_to_a_kind_of_resource)
{
    ck_assert_msg(
        policy_permission_is_valid(str_from(permissions[_i].permission),
                                   str_from(permissions[_i].collection)) ==
            permissions[_i].is_valid,
        "%s", permissions[_i].permission);
}
END_TEST

Suite *suite_policy(void);
Suite *suite_policy(void)
{
    Suite *s = suite_create("policy");
    TCase *tc = tcase_create("policy");

    tcase_add_loop_test(tc, refuses_what_production_refuses, 0,
                        sizeof(policies) / sizeof(policies[0]));
    tcase_add_test(tc, refuses_more_members_than_production);
    tcase_add_loop_test(tc, equal_grants_have_one_form, 0,
                        sizeof(forms) / sizeof(forms[0]));
    tcase_add_test(tc, older_readers_see_no_condition_but_its_mark);
    tcase_add_loop_test(tc, permissions_belong_to_a_kind_of_resource, 0,
                        sizeof(permissions) / sizeof(permissions[0]));
    suite_add_tcase(s, tc);
    return s;
}
