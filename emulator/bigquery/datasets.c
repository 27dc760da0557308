/* SPDX-License-Identifier: Apache-2.0 */
/* datasets.*: insert, get, list, patch, update, delete, undelete. */
#include <stdio.h>

#include "common/mem.h"
#include "common/timefmt.h"
#include "emulator/bigquery/dataset.h"
#include "emulator/bigquery/handlers.h"
#include "emulator/bigquery/resource.h"
#include "emulator/bigquery/shape.h"
#include "emulator/bigquery/table.h"
#include "emulator/bigquery/trash.h"

enum {
    LIST_PAGE = 1000
};

static const struct resource_member members[] = {
    {"friendlyName", MEMBER_TEXT},
    {"description", MEMBER_TEXT},
    {"labels", MEMBER_LABELS},
    {"location", MEMBER_TEXT},
    {"defaultTableExpirationMs", MEMBER_NUMBER},
    {"defaultPartitionExpirationMs", MEMBER_NUMBER},
    {"access", MEMBER_ARRAY},
    {"defaultEncryptionConfiguration", MEMBER_OBJECT},
    {"isCaseInsensitive", MEMBER_BOOL},
    {"defaultCollation", MEMBER_TEXT},
    {"defaultRoundingMode", MEMBER_TEXT},
    {"maxTimeTravelHours", MEMBER_NUMBER},
    {"storageBillingModel", MEMBER_TEXT},
    {"resourceTags", MEMBER_OBJECT},
    {NULL, MEMBER_TEXT},
};

/* --- the record ----------------------------------------------------------- */

struct dataset {
    struct str project, name; /* the call's */
    int64_t created_us, modified_us;
    json_t *body;
};

static int load(struct db *db, struct str project, struct str name,
                struct dataset *d, struct fail *f)
{
    struct err err = {0};
    sqlite3_stmt *s =
        db_query(db, &err,
                 "SELECT created_us, modified_us, body FROM datasets"
                 " WHERE project = ? AND dataset = ?",
                 "ss", project, name);
    int step = s ? sqlite3_step(s) : SQLITE_ERROR;

    *d = (struct dataset){.project = project, .name = name};
    if (step == SQLITE_ROW) {
        struct str body = db_text(s, 2);

        d->created_us = sqlite3_column_int64(s, 0);
        d->modified_us = sqlite3_column_int64(s, 1);
        d->body = json_loadb(body.p, body.len, 0, NULL);
    } else if (s && step != SQLITE_DONE) {
        (void)db_fail(db, "finding a dataset", &err);
    }
    if (s)
        db_done(s);
    if (d->body)
        return RC_OK;
    if (step != SQLITE_DONE)
        return fail_from_err(f, &err);
    fail_set(f, "notFound", "Not found: Dataset %.*s:%.*s", STR_ARG(project),
             STR_ARG(name));
    return RC_NOT_FOUND;
}

static void etag_of(const struct dataset *d, char *out)
{
    char *text = json_dumps(d->body, JSON_COMPACT | JSON_SORT_KEYS);
    char more[64];

    snprintf(more, sizeof(more), "d%lld %lld", (long long)d->created_us,
             (long long)d->modified_us);
    resource_etag(text ? text : "", more, out);
    mem_free(text);
}

/* Who may do what, when nobody said. */
static json_t *default_access(void)
{
    return json_pack("[{s:s, s:s}, {s:s, s:s}, {s:s, s:s}]", "role", "WRITER",
                     "specialGroup", "projectWriters", "role", "OWNER",
                     "specialGroup", "projectOwners", "role", "READER",
                     "specialGroup", "projectReaders");
}

static json_t *resource(const struct dataset *d)
{
    json_t *r = json_object();
    char etag[40];

    etag_of(d, etag);
    json_object_set_new(r, "kind", json_string("bigquery#dataset"));
    json_object_set_new(r, "etag", json_string(etag));
    json_object_set_new(
        r, "id",
        json_sprintf("%.*s:%.*s", STR_ARG(d->project), STR_ARG(d->name)));
    json_object_set_new(
        r, "selfLink",
        json_sprintf("https://bigquery.googleapis.com/bigquery/v2/projects/"
                     "%.*s/datasets/%.*s",
                     STR_ARG(d->project), STR_ARG(d->name)));
    json_object_set_new(r, "datasetReference",
                        json_pack("{s:o, s:o}", "datasetId",
                                  json_stringn(d->name.p, d->name.len),
                                  "projectId",
                                  json_stringn(d->project.p, d->project.len)));
    resource_put_time(r, "creationTime", d->created_us);
    resource_put_time(r, "lastModifiedTime", d->modified_us);
    json_object_set_new(r, "type", json_string("DEFAULT"));
    json_object_update(r, d->body);
    return r;
}

/* What a body has when its user was silent. */
static json_t *complete(json_t *body)
{
    if (body && !json_object_get(body, "location"))
        json_object_set_new(body, "location", json_string("US"));
    if (body && !json_array_size(json_object_get(body, "access")))
        json_object_set_new(body, "access", default_access());
    if (body && !json_object_get(body, "maxTimeTravelHours"))
        json_object_set_new(body, "maxTimeTravelHours", json_string("168"));
    return body;
}

/* --- insert, get, delete -------------------------------------------------- */

static int check_name(struct str name, struct fail *f)
{
    bool ok = name.len && name.len <= TABLE_NAME_MAX;

    for (size_t i = 0; ok && i < name.len; i++) {
        char c = name.p[i];

        ok = (c >= '0' && c <= '9') || c == '_' ||
             ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
    }
    if (ok)
        return RC_OK;
    return fail_set(f, "invalid",
                    "Invalid dataset ID \"%.*s\". Dataset IDs must be "
                    "alphanumeric (plus underscores) and must be at most 1024 "
                    "characters long.",
                    (int)(name.len > 80 ? 80 : name.len), name.p);
}

int dataset_create(struct db *w, struct str project, struct str name,
                   const json_t *from, int64_t now_us, struct fail *f)
{
    json_t *body;
    struct err err = {0};
    char *text;
    int rc = check_name(name, f);

    if (rc)
        return rc;
    body = complete(resource_body(from, members, f));
    if (!body)
        return RC_INVALID;
    text = json_dumps(body, JSON_COMPACT);
    json_decref(body);
    rc = db_run(w, &err, "INSERT INTO datasets VALUES(?,?,?,?,?)", "ssiiz",
                project, name, now_us, now_us, text);
    mem_free(text);
    if (rc == RC_EXISTS) {
        fail_set(f, "duplicate", "Already Exists: Dataset %.*s:%.*s",
                 STR_ARG(project), STR_ARG(name));
        return RC_EXISTS;
    }
    return rc ? fail_from_err(f, &err) : RC_OK;
}

static void reply_with(struct call *c, struct str name)
{
    struct dataset d;

    if (load(c->db, c->vars[0], name, &d, &c->fail))
        return;
    call_reply_json(c, resource(&d));
    json_decref(d.body);
}

void datasets_insert(struct call *c)
{
    json_t *body = shape_body(c, "Dataset", "dataset");
    const json_t *ref = json_object_get(body, "datasetReference");
    const char *name = json_string_value(json_object_get(ref, "datasetId"));
    struct db *w;

    if (!body)
        return;
    if (!name)
        call_fail(c, "required",
                  "Required parameter is missing: datasetReference.datasetId");
    w = name ? call_begin(c) : NULL;
    if (w && call_end(c, w,
                      dataset_create(w, c->vars[0], str_from(name), body,
                                     c->now_us, &c->fail)))
        reply_with(c, str_from(name));
    json_decref(body);
}

void datasets_get(struct call *c)
{
    struct dataset d;
    char etag[40];

    if (load(c->db, c->vars[0], c->vars[1], &d, &c->fail))
        return;
    etag_of(&d, etag);
    if (!resource_not_modified(c, etag))
        call_reply_json(c, resource(&d));
    json_decref(d.body);
}

int dataset_drop(struct db *w, struct str project, struct str name,
                 bool with_contents, int64_t now_us, struct fail *f)
{
    struct err err = {0};
    int64_t more = 0;
    int rc = dataset_check(w, project, name, f);

    if (rc)
        return rc;
    if (!with_contents &&
        db_int(w, &err, &more,
               "SELECT 1 FROM tables WHERE project = ? AND dataset = ? LIMIT 1",
               "ss", project, name))
        return fail_from_err(f, &err);
    if (more)
        return fail_set(f, "resourceInUse", "Dataset %.*s:%.*s is still in use",
                        STR_ARG(project), STR_ARG(name));
    return trash_put(w, project, name, now_us, f);
}

void datasets_delete(struct call *c)
{
    struct db *w = call_begin(c);

    if (w && call_end(c, w,
                      dataset_drop(w, c->vars[0], c->vars[1],
                                   call_bool(c, "deleteContents"), c->now_us,
                                   &c->fail)))
        call_reply(c, 204);
}

/* When it was deleted: to the microsecond, or any time of the second. */
static int read_deletion(const json_t *v, int64_t *from, int64_t *until,
                         struct fail *f)
{
    const char *text = json_string_value(v);

    *from = 0;
    *until = INT64_MAX;
    if (!v || json_is_null(v))
        return RC_OK;
    if (!text || timefmt_parse(str_from(text), from, NULL))
        return fail_set(f, "invalid",
                        "Invalid value for deletionTime: a time such as "
                        "2026-01-31T12:00:00Z is wanted");
    *until = *from + (strchr(text, '.') ? 1 : 1000000);
    return RC_OK;
}

void datasets_undelete(struct call *c)
{
    json_t *body = shape_body(c, "UndeleteDatasetRequest", "request");
    int64_t from, until;
    struct db *w = NULL;

    if (!body)
        return;
    if (read_deletion(json_object_get(body, "deletionTime"), &from, &until,
                      &c->fail) == RC_OK)
        w = call_begin(c);
    if (w && call_end(c, w,
                      trash_take(w, c->vars[0], c->vars[1], from, until,
                                 c->now_us, &c->fail)))
        reply_with(c, c->vars[1]);
    json_decref(body);
}

/* --- patch and update ----------------------------------------------------- */

static int store(struct db *w, struct dataset *d, json_t *body, int64_t now_us,
                 struct fail *f)
{
    struct err err = {0};
    const char *was = json_string_value(json_object_get(d->body, "location"));
    const char *is;
    char *text;
    int rc;

    body = complete(body);
    if (!body)
        return RC_INVALID;
    is = json_string_value(json_object_get(body, "location"));
    if (was && is && strcasecmp(was, is) != 0) {
        json_decref(body);
        return fail_set(f, "invalid", "Cannot change dataset location");
    }
    text = json_dumps(body, JSON_COMPACT);
    json_decref(body);
    rc = db_run(w, &err,
                "UPDATE datasets SET body = ?, modified_us = ?"
                " WHERE project = ? AND dataset = ?",
                "ziss", text, now_us, d->project, d->name);
    mem_free(text);
    return rc ? fail_from_err(f, &err) : RC_OK;
}

int dataset_patch(struct db *w, struct str project, struct str name,
                  const json_t *patch, int64_t now_us, struct fail *f)
{
    struct dataset d;
    json_t *whole;
    int rc = load(w, project, name, &d, f);

    if (rc)
        return rc;
    whole = resource_merge(d.body, patch);
    rc = store(w, &d, resource_body(whole, members, f), now_us, f);
    json_decref(whole);
    json_decref(d.body);
    return rc;
}

static void change(struct call *c, bool merge)
{
    json_t *sent = shape_body(c, "Dataset", "dataset"), *whole;
    struct db *w = sent ? call_begin(c) : NULL;
    struct dataset d;
    char etag[40];
    int rc;

    if (!w) {
        json_decref(sent);
        return;
    }
    rc = load(w, c->vars[0], c->vars[1], &d, &c->fail);
    if (rc == RC_OK) {
        etag_of(&d, etag);
        whole = merge ? resource_merge(d.body, sent) : json_incref(sent);
        /* a location that a PUT leaves out stays what it is */
        if (!json_object_get(whole, "location"))
            json_object_set(whole, "location",
                            json_object_get(d.body, "location"));
        rc = resource_if_match(c, etag)
                 ? store(w, &d, resource_body(whole, members, &c->fail),
                         c->now_us, &c->fail)
                 : RC_INVALID;
        json_decref(whole);
        json_decref(d.body);
    }
    json_decref(sent);
    if (call_end(c, w, rc))
        reply_with(c, c->vars[1]);
}

void datasets_patch(struct call *c)
{
    change(c, true);
}

void datasets_update(struct call *c)
{
    change(c, false);
}

/* --- list ----------------------------------------------------------------- */

static json_t *list_item(struct str project, struct str name, json_t *body)
{
    json_t *item = json_pack(
        "{s:s, s:o, s:{s:o, s:o}, s:O}", "kind", "bigquery#dataset", "id",
        json_sprintf("%.*s:%.*s", STR_ARG(project), STR_ARG(name)),
        "datasetReference", "datasetId", json_stringn(name.p, name.len),
        "projectId", json_stringn(project.p, project.len), "location",
        json_object_get(body, "location"));
    json_t *labels = json_object_get(body, "labels");
    json_t *friendly = json_object_get(body, "friendlyName");

    if (labels)
        json_object_set(item, "labels", labels);
    if (friendly)
        json_object_set(item, "friendlyName", friendly);
    return item;
}

void datasets_list(struct call *c)
{
    struct err err = {0};
    json_t *list = json_array(), *reply;
    struct page page;
    int64_t at = 0;
    sqlite3_stmt *s;

    if (resource_page(c, LIST_PAGE, &page)) {
        json_decref(list);
        return;
    }
    s = db_query(c->db, &err,
                 "SELECT dataset, body FROM datasets WHERE project = ?"
                 " ORDER BY dataset",
                 "s", c->vars[0]);
    while (s && (int64_t)json_array_size(list) <= page.max &&
           sqlite3_step(s) == SQLITE_ROW) {
        struct str text = db_text(s, 1);
        json_t *body = json_loadb(text.p, text.len, 0, NULL);

        if (resource_filter(call_param(c, "filter"), body) && at++ >= page.from)
            json_array_append_new(list,
                                  list_item(c->vars[0], db_text(s, 0), body));
        json_decref(body);
    }
    if (s)
        db_done(s);
    reply = json_pack("{s:s}", "kind", "bigquery#datasetList");
    if ((int64_t)json_array_size(list) > page.max) {
        json_array_remove(list, (size_t)page.max);
        json_object_set_new(
            reply, "nextPageToken",
            json_sprintf("%lld", (long long)page.from + page.max));
    }
    if (json_array_size(list))
        json_object_set(reply, "datasets", list);
    json_decref(list);
    call_reply_json(c, reply);
}
