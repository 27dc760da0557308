/* SPDX-License-Identifier: Apache-2.0 */
/* Small methods around the tables: projects, IAM, what is not emulated. */
#include "emulator/bigquery/bigquery_priv.h"
#include "emulator/bigquery/handlers.h"
#include "emulator/bigquery/table.h"

/* Projects are not made: those that hold something, and our own. */
void projects_list(struct call *c)
{
    struct err err = {0};
    json_t *list = json_array();
    sqlite3_stmt *s = db_query(
        c->db, &err, "SELECT ? UNION SELECT project FROM datasets ORDER BY 1",
        "z", c->bq->e->project);

    while (s && sqlite3_step(s) == SQLITE_ROW) {
        const char *id = (const char *)sqlite3_column_text(s, 0);

        json_array_append_new(
            list,
            json_pack("{s:s, s:s, s:s, s:s, s:{s:s}}", "kind",
                      "bigquery#project", "id", id, "numericId", "123456789012",
                      "friendlyName", id, "projectReference", "projectId", id));
    }
    if (s)
        db_done(s);
    call_reply_json(c,
                    json_pack("{s:s, s:I, s:o}", "kind", "bigquery#projectList",
                              "totalItems", (json_int_t)json_array_size(list),
                              "projects", list));
}

void projects_service_account(struct call *c)
{
    call_reply_json(c, json_pack("{s:s, s:s}", "kind",
                                 "bigquery#getServiceAccountResponse", "email",
                                 "bq-123456789012@bigquery-encryption.iam."
                                 "gserviceaccount.com"));
}

void not_here(struct call *c)
{
    call_fail(c, "notImplemented", "The emulator has no %s", c->route->name);
}

/* What nobody can make has no members. */
void empty_list(struct call *c)
{
    call_reply_json(c, json_object());
}

/* --- IAM: anybody may do anything; policies are not kept ------------------ */

static bool table_is_there(struct call *c)
{
    struct table *t;

    if (table_load(c->db, c->vars[0], c->vars[1], c->vars[2], &t, &c->fail))
        return false;
    table_free(t);
    return true;
}

void iam_get_policy(struct call *c)
{
    if (table_is_there(c))
        call_reply_json(c,
                        json_pack("{s:i, s:s}", "version", 1, "etag", "ACAB"));
}

void iam_set_policy(struct call *c)
{
    json_t *body = call_json(c), *policy;

    if (body && table_is_there(c)) {
        policy = json_copy(json_object_get(body, "policy"));
        if (!json_is_object(policy)) {
            json_decref(policy);
            policy = json_object();
        }
        json_object_set_new(policy, "etag", json_string("ACAB"));
        call_reply_json(c, policy);
    }
    json_decref(body);
}

void iam_test_permissions(struct call *c)
{
    json_t *body = call_json(c), *wanted;

    if (body && table_is_there(c)) {
        wanted = json_object_get(body, "permissions");
        call_reply_json(c, wanted ? json_pack("{s:O}", "permissions", wanted)
                                  : json_object());
    }
    json_decref(body);
}
