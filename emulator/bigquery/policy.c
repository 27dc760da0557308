/* SPDX-License-Identifier: Apache-2.0 */
/* IAM policies of tables: kept and given back as they were set, so that
 * clients that read, change and write them (Terraform's iam_member) see their
 * own work. Nobody is refused anything because of one. */
#include "common/buf.h"
#include "common/mem.h"
#include "emulator/bigquery/bigquery_priv.h"
#include "emulator/bigquery/handlers.h"
#include "emulator/bigquery/resource.h"
#include "emulator/bigquery/table.h"

enum {
    ETAG_BYTES = 40,
    BINDINGS_MAX = 1500 /* principals of a policy (IAM's quotas page) */
};

/* The path's table must be there; its id, or 0 with the call failed. */
static int64_t table_id(struct call *c, struct db *db)
{
    struct table *t;
    int64_t id;

    if (table_load(db, c->vars[0], c->vars[1], c->vars[2], &t, &c->fail))
        return 0;
    id = t->id;
    table_free(t);
    return id;
}

/* The stored policy, owned: an empty one if none was ever set. */
static json_t *policy_load(struct call *c, struct db *db, int64_t id)
{
    struct err err = {0};
    sqlite3_stmt *s = db_query(
        db, &err, "SELECT body FROM policies WHERE table_id = ?", "i", id);
    json_t *policy = NULL;

    if (!s) {
        fail_from_err(&c->fail, &err);
        return NULL;
    }
    if (sqlite3_step(s) == SQLITE_ROW) {
        struct str text = db_text(s, 0);

        policy = json_loadb(text.p, text.len, 0, NULL);
    }
    db_done(s);
    return policy ? policy : json_object();
}

/* A policy as it is answered: its version and a hash of its content. An empty
 * one has Google's own etag. */
static void policy_stamp(json_t *policy)
{
    char etag[ETAG_BYTES] = "ACAB", *text;

    json_object_del(policy, "etag");
    if (json_object_size(policy)) {
        text = json_dumps(policy, JSON_COMPACT | JSON_SORT_KEYS);
        resource_etag(text ? text : "", "", etag);
        etag[12] = '\0'; /* one hash */
        mem_free(text);
    }
    if (!json_object_get(policy, "version"))
        json_object_set_new(policy, "version", json_integer(1));
    json_object_set_new(policy, "etag", json_string(etag));
}

/* What may stand before the colon of a member (IAM's page "Principal
 * identifiers"); all but the first two have an identifier behind it. */
static bool member_is_known(struct str member)
{
    static const char *const kinds[] = {
        "user:",          "serviceAccount:", "group:",        "domain:",
        "principal:",     "principalSet:",   "projectOwner:", "projectEditor:",
        "projectViewer:", "deleted:",        "specialGroup:"};

    if (str_eq(member, STR("allUsers")) ||
        str_eq(member, STR("allAuthenticatedUsers")))
        return true;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct str kind = str_from(kinds[i]);

        if (str_starts(member, kind) && member.len > kind.len)
            return true;
    }
    return false;
}

static int binding_check(json_t *binding, struct fail *f)
{
    const char *role = json_string_value(json_object_get(binding, "role"));
    json_t *members = json_object_get(binding, "members"), *m;
    size_t i;

    if (!role || !*role)
        return fail_set(f, "badRequest",
                        "The role name must be in the form \"roles/{role}\", "
                        "\"organizations/{organization_id}/roles/{role}\", or "
                        "\"projects/{project_id}/roles/{role}\".");
    if (!str_starts(str_from(role), STR("roles/")) &&
        !str_starts(str_from(role), STR("projects/")) &&
        !str_starts(str_from(role), STR("organizations/")))
        return fail_set(f, "badRequest",
                        "Role %s is not supported for this resource.", role);
    if (members && !json_is_array(members))
        return fail_set(f, "badRequest",
                        "Invalid value for bindings.members: not an array");
    json_array_foreach(
        members, i,
        m) if (!json_is_string(m) ||
               !member_is_known(str_from(json_string_value(
                   m)))) return fail_set(f, "badRequest",
                                         "The member %s is of an unknown type. "
                                         "Please set a "
                                         "valid type prefix for the member.",
                                         json_is_string(m)
                                             ? json_string_value(m)
                                             : "");
    return RC_OK;
}

/* The bindings as they are kept: without those that name nobody. Owned; NULL
 * with `f`. */
static json_t *bindings_read(json_t *policy, struct fail *f)
{
    json_t *given = json_object_get(policy, "bindings"), *kept = json_array();
    json_t *binding;
    size_t i;

    if (given && !json_is_array(given)) {
        fail_set(f, "badRequest",
                 "Invalid value for policy.bindings: not an array");
        goto refused;
    }
    if (json_array_size(given) > BINDINGS_MAX) {
        fail_set(f, "badRequest", "The policy has %zu bindings; %d are allowed",
                 json_array_size(given), BINDINGS_MAX);
        goto refused;
    }
    json_array_foreach(given, i, binding)
    {
        if (binding_check(binding, f))
            goto refused;
        if (json_array_size(json_object_get(binding, "members")))
            json_array_append(kept, binding);
    }
    return kept;
refused:
    json_decref(kept);
    return NULL;
}

/* read-modify-write: what was read must still be what is there. */
static bool etag_fits(json_t *policy, json_t *now)
{
    const char *given = json_string_value(json_object_get(policy, "etag"));

    return !given || !*given ||
           strcmp(given, json_string_value(json_object_get(now, "etag"))) == 0;
}

void iam_get_policy(struct call *c)
{
    int64_t id = table_id(c, c->db);
    json_t *policy = id ? policy_load(c, c->db, id) : NULL;

    if (policy) {
        policy_stamp(policy);
        call_reply_json(c, policy);
    }
}

/* Takes `bindings`; the policy as answered, or NULL with the call failed. */
static json_t *policy_store(struct call *c, struct db *w, json_t *given,
                            json_t *bindings)
{
    int64_t id = table_id(c, w);
    json_t *policy = id ? policy_load(c, w, id) : NULL;
    struct err err = {0};
    json_t *version;
    char *text;

    if (!policy) {
        json_decref(bindings);
        return NULL;
    }
    policy_stamp(policy);
    if (!etag_fits(given, policy)) {
        fail_set(&c->fail, "aborted",
                 "There were concurrent policy changes. Please retry the "
                 "whole read-modify-write with exponential backoff.");
        json_decref(bindings);
        json_decref(policy);
        return NULL;
    }
    json_object_clear(policy);
    if (json_array_size(bindings))
        json_object_set(policy, "bindings", bindings);
    json_decref(bindings);
    version = json_object_get(given, "version");
    if (json_is_integer(version) && json_integer_value(version) > 1)
        json_object_set(policy, "version", version);
    text = json_dumps(policy, JSON_COMPACT);
    if (!text || db_run(w, &err, "INSERT OR REPLACE INTO policies VALUES(?,?)",
                        "iz", id, text)) {
        fail_from_err(&c->fail, &err);
        json_decref(policy);
        policy = NULL;
    }
    mem_free(text);
    if (policy)
        policy_stamp(policy);
    return policy;
}

void iam_set_policy(struct call *c)
{
    json_t *body = call_json(c), *given, *bindings, *policy;
    struct db *w;

    if (!body)
        return;
    given = json_object_get(body, "policy");
    if (!json_is_object(given)) {
        call_fail(c, "required", "Required parameter is missing: policy");
        json_decref(body);
        return;
    }
    bindings = bindings_read(given, &c->fail);
    w = bindings ? call_begin(c) : NULL;
    if (w) {
        policy = policy_store(c, w, given, bindings);
        if (call_end(c, w, policy ? RC_OK : RC_INVALID))
            call_reply_json(c, policy);
        else
            json_decref(policy);
    } else {
        json_decref(bindings);
    }
    json_decref(body);
}

/* Anybody may do anything. */
void iam_test_permissions(struct call *c)
{
    json_t *body = call_json(c), *wanted;

    if (body && table_id(c, c->db)) {
        wanted = json_object_get(body, "permissions");
        call_reply_json(c, wanted ? json_pack("{s:O}", "permissions", wanted)
                                  : json_object());
    }
    json_decref(body);
}
