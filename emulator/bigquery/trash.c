/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/bigquery/trash.h"

#include <stdio.h>

#include "emulator/bigquery/table.h"

/* A project that no request can name: its tables' dataset is the trash's id. */
#define HIDDEN STR("\1")

#define ENDS                                                                   \
    "(deleted_us + 3600000000 * coalesce(CAST(json_extract(body,"              \
    " '$.maxTimeTravelHours') AS INTEGER), 168))"

struct hidden {
    char text[24];
    struct str dataset;
};

static void hidden_of(struct hidden *h, int64_t id)
{
    int n = snprintf(h->text, sizeof(h->text), "%lld", (long long)id);

    h->dataset = str_of(h->text, (size_t)n);
}

/* One table of a deleted dataset, or RC_OK without any. */
static int drop_one(struct db *w, const struct hidden *h, bool *more,
                    struct fail *f)
{
    struct err err = {0};
    struct table *t = NULL;
    sqlite3_stmt *s =
        db_query(w, &err,
                 "SELECT name FROM tables WHERE project = ? AND dataset = ?"
                 " LIMIT 1",
                 "ss", HIDDEN, h->dataset);
    int rc = RC_OK;

    if (!s)
        return fail_from_err(f, &err);
    *more = sqlite3_step(s) == SQLITE_ROW;
    if (*more)
        rc = table_load(w, HIDDEN, h->dataset, db_text(s, 0), &t, f);
    db_done(s);
    if (t)
        rc = table_drop(w, t, f);
    table_free(t);
    return rc;
}

static int purge(struct db *w, int64_t id, struct fail *f)
{
    struct hidden h = {0};
    struct err err = {0};
    bool more = true;
    int rc = RC_OK;

    hidden_of(&h, id);
    while (more && rc == RC_OK)
        rc = drop_one(w, &h, &more, f);
    if (rc)
        return rc;
    rc = db_run(w, &err, "DELETE FROM trash WHERE id = ?", "i", id);
    return rc ? fail_from_err(f, &err) : RC_OK;
}

/* The oldest that is past its window, or beyond what is kept; 0: none. */
static int surplus(struct db *db, int64_t now_us, int64_t *id, struct fail *f)
{
    struct err err = {0};
    int rc;

    *id = 0;
    rc = db_int(db, &err, id,
                "SELECT id FROM trash WHERE " ENDS " <= ?"
                " OR (SELECT count(*) FROM trash) > 20"
                " OR (SELECT coalesce(sum(n_bytes), 0) FROM tables"
                " WHERE project = char(1) AND n_bytes > 0) > 1073741824"
                " ORDER BY id LIMIT 1",
                "i", now_us);
    return rc ? fail_from_err(f, &err) : RC_OK;
}

bool trash_is_due(struct db *db, int64_t now_us)
{
    struct fail f = {0};
    int64_t id;

    return surplus(db, now_us, &id, &f) == RC_OK && id;
}

int trash_trim(struct db *w, int64_t now_us, struct fail *f)
{
    int64_t id = 0;
    int rc = surplus(w, now_us, &id, f);

    while (rc == RC_OK && id) {
        rc = purge(w, id, f);
        if (rc == RC_OK)
            rc = surplus(w, now_us, &id, f);
    }
    return rc;
}

static int move_tables(struct db *w, struct str project, struct str dataset,
                       struct str to_project, struct str to_dataset,
                       struct err *err)
{
    return db_run(w, err,
                  "UPDATE tables SET project = ?, dataset = ?"
                  " WHERE project = ? AND dataset = ?",
                  "ssss", to_project, to_dataset, project, dataset);
}

int trash_put(struct db *w, struct str project, struct str dataset,
              int64_t now_us, struct fail *f)
{
    struct err err = {0};
    struct hidden h = {0};
    int rc = db_run(w, &err,
                    "INSERT INTO trash(project, dataset, created_us,"
                    " modified_us, deleted_us, body) SELECT project, dataset,"
                    " created_us, modified_us, ?, body FROM datasets"
                    " WHERE project = ? AND dataset = ?",
                    "iss", now_us, project, dataset);

    hidden_of(&h, sqlite3_last_insert_rowid(w->h));
    if (rc == RC_OK)
        rc = move_tables(w, project, dataset, HIDDEN, h.dataset, &err);
    if (rc == RC_OK)
        rc = db_run(w, &err,
                    "DELETE FROM datasets WHERE project = ? AND dataset = ?",
                    "ss", project, dataset);
    return rc ? fail_from_err(f, &err) : trash_trim(w, now_us, f);
}

int trash_take(struct db *w, struct str project, struct str dataset,
               int64_t from_us, int64_t until_us, int64_t now_us,
               struct fail *f)
{
    struct err err = {0};
    struct hidden h = {0};
    int64_t id = 0, there = 0;
    int rc = db_int(w, &err, &there,
                    "SELECT 1 FROM datasets WHERE project = ? AND dataset = ?",
                    "ss", project, dataset);

    if (rc == RC_OK && there) {
        fail_set(f, "duplicate", "Already Exists: Dataset %.*s:%.*s",
                 STR_ARG(project), STR_ARG(dataset));
        return RC_EXISTS;
    }
    if (rc == RC_OK)
        rc = db_int(w, &err, &id,
                    "SELECT id FROM trash WHERE project = ? AND dataset = ?"
                    " AND deleted_us >= ? AND deleted_us < ? AND " ENDS " > ?"
                    " ORDER BY deleted_us DESC, id DESC LIMIT 1",
                    "ssiii", project, dataset, from_us, until_us, now_us);
    if (rc)
        return fail_from_err(f, &err);
    if (!id) {
        fail_set(f, "notFound",
                 "Not found: Dataset %.*s:%.*s, deleted within its time "
                 "travel window",
                 STR_ARG(project), STR_ARG(dataset));
        return RC_NOT_FOUND;
    }
    hidden_of(&h, id);
    rc = db_run(w, &err,
                "INSERT INTO datasets SELECT project, dataset, created_us,"
                " modified_us, body FROM trash WHERE id = ?",
                "i", id);
    if (rc == RC_OK)
        rc = move_tables(w, HIDDEN, h.dataset, project, dataset, &err);
    if (rc == RC_OK)
        rc = db_run(w, &err, "DELETE FROM trash WHERE id = ?", "i", id);
    return rc ? fail_from_err(f, &err) : RC_OK;
}
