/* SPDX-License-Identifier: Apache-2.0 */
/* Small methods around the tables: projects, what is not emulated. */
#include "emulator/bigquery/bigquery_priv.h"
#include "emulator/bigquery/handlers.h"

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
