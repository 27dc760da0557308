/* SPDX-License-Identifier: Apache-2.0 */
/* jobs.list: those that wait or run, which the loop knows, then those that are
 * over, which a worker reads. */
#include "emulator/bigquery/bigquery_priv.h"
#include "emulator/bigquery/handlers.h"
#include "emulator/bigquery/job.h"
#include "emulator/bigquery/member.h"
#include "emulator/bigquery/parked.h"
#include "emulator/bigquery/resource.h"

enum {
    LIST_PAGE = 50
};

static const char *const states[] = {"done", "pending", "running"};

struct filter {
    bool wants[3]; /* as `states` */
    struct str parent;
    int64_t from_ms, to_ms; /* of creation */
};

/* --- what is asked -------------------------------------------------------- */

/* Each stateFilter names one or, behind commas, several. */
static int read_states(struct call *c, struct filter *f)
{
    bool any = false;

    for (size_t p = 0; p < c->n_params; p++) {
        struct str rest = c->params[p].value;

        if (!str_eq(c->params[p].name, STR("stateFilter")))
            continue;
        while (rest.p && rest.len) {
            struct str one = str_cut(&rest, ',');
            size_t i = 0;

            while (i < 3 && !str_ieq(one, str_from(states[i])))
                i++;
            if (i == 3)
                return fail_set(&c->fail, "invalid",
                                "Invalid value for stateFilter: %.*s is not a "
                                "valid value",
                                (int)(one.len > 80 ? 80 : one.len), one.p);
            f->wants[i] = any = true;
        }
    }
    for (size_t i = 0; i < 3; i++)
        f->wants[i] |= !any;
    return RC_OK;
}

static int read_filter(struct call *c, struct filter *f)
{
    *f = (struct filter){.parent = call_param(c, "parentJobId")};
    if (read_states(c, f) ||
        call_number(c, "minCreationTime", 0, &f->from_ms) ||
        call_number(c, "maxCreationTime", INT64_MAX, &f->to_ms))
        return RC_INVALID;
    return RC_OK;
}

/* --- what is shown -------------------------------------------------------- */

static json_t *list_item(const json_t *body)
{
    static const char *const shown[] = {
        "id",     "kind",       "jobReference", "configuration",
        "status", "statistics", "user_email"};
    json_t *item = json_object();
    json_t *state = json_object_get(json_object_get(body, "status"), "state");
    json_t *error =
        json_object_get(json_object_get(body, "status"), "errorResult");

    for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
        json_t *v = json_object_get(body, shown[i]);

        if (v)
            json_object_set(item, shown[i], v);
    }
    if (state)
        json_object_set(item, "state", state);
    if (error)
        json_object_set(item, "errorResult", error);
    return item;
}

/* --- those that run, on the loop ------------------------------------------ */

static bool is_wanted(const struct call *c, struct job *j,
                      const struct filter *f)
{
    int64_t ms = j->created_us / 1000;

    /* whose answer may need no job is none yet */
    return !j->dry_run && (!j->optional || atomic_load(&j->fate) != JOB_OPEN) &&
           str_eq(str_from(j->project), c->vars[0]) && !f->parent.len &&
           f->wants[atomic_load(&j->started_us) ? 2 : 1] && ms >= f->from_ms &&
           ms <= f->to_ms;
}

struct finished {
    struct call *call;
    const struct filter *filter;
};

/* Over, and not yet where a worker reads. */
static bool add_parked(void *arg, const struct parked_job *one)
{
    struct finished *d = arg;
    int64_t ms = one->created_us / 1000;

    if (!d->filter->parent.len && ms >= d->filter->from_ms &&
        ms <= d->filter->to_ms)
        json_array_append_new(d->call->running,
                              json_loads(one->resource, 0, NULL));
    return false;
}

/* --- those that are over, on a worker ------------------------------------- */

/* It has ended since the loop looked. */
static bool is_stored(struct call *c, const json_t *body)
{
    struct err err = {0};
    int64_t there = 0;
    int rc =
        db_int(c->db, &err, &there,
               "SELECT 1 FROM jobs WHERE project = ? AND job = ? AND"
               " body IS NOT NULL",
               "sz", c->vars[0],
               member_text(json_object_get(body, "jobReference"), "jobId"));

    return rc == RC_OK && there;
}

static int64_t put_running(struct call *c, json_t *list,
                           const struct page *page)
{
    const json_t *body;
    int64_t n = 0;
    size_t i;

    json_array_foreach(c->running, i, body)
    {
        if (is_stored(c, body))
            continue;
        if (n >= page->from && (int64_t)json_array_size(list) < page->max)
            json_array_append_new(list, list_item(body));
        n++;
    }
    return n;
}

/* True: there are more. */
static bool put_stored(struct call *c, json_t *list, const struct filter *f,
                       int64_t from, int64_t max)
{
    struct err err = {0};
    int64_t n = 0;
    sqlite3_stmt *s = db_query(
        c->db, &err,
        "SELECT body FROM jobs WHERE n IN (SELECT n FROM jobs"
        " WHERE project = ? AND body IS NOT NULL AND (? = '' OR parent = ?)"
        " AND created_us / 1000 BETWEEN ? AND ?"
        " ORDER BY created_us DESC, n DESC LIMIT ? OFFSET ?)"
        " ORDER BY created_us DESC, n DESC",
        "sssiiii", c->vars[0], f->parent.p ? f->parent : STR(""),
        f->parent.p ? f->parent : STR(""), f->from_ms, f->to_ms, max + 1, from);

    while (s && sqlite3_step(s) == SQLITE_ROW && n++ < max) {
        struct str text = db_text(s, 0);
        json_t *body = json_loadb(text.p, text.len, 0, NULL);

        json_array_append_new(list, list_item(body));
        json_decref(body);
    }
    if (s)
        db_done(s);
    else
        fail_from_err(&c->fail, &err);
    return n > max;
}

static void list_all(struct call *c)
{
    json_t *list = json_array(), *reply;
    struct filter f;
    struct page page;
    int64_t n_running, from;
    bool more;

    if (read_filter(c, &f) || resource_page(c, LIST_PAGE, &page)) {
        json_decref(list);
        return;
    }
    n_running = put_running(c, list, &page);
    from = page.from > n_running ? page.from - n_running : 0;
    more = n_running > page.from + page.max;
    if (f.wants[0])
        more |= put_stored(c, list, &f, from,
                           page.max - (int64_t)json_array_size(list));
    reply = json_pack("{s:s, s:s}", "kind", "bigquery#jobList", "etag", "jobs");
    if (more)
        json_object_set_new(
            reply, "nextPageToken",
            json_sprintf("%lld", (long long)page.from + page.max));
    if (json_array_size(list))
        json_object_set(reply, "jobs", list);
    json_decref(list);
    call_reply_json(c, reply);
}

void jobs_list(struct call *c)
{
    struct filter f;

    if (read_filter(c, &f)) {
        call_finish(c);
        return;
    }
    c->running = json_array();
    for (struct job *j = c->bq->jobs; j; j = j->next)
        if (is_wanted(c, j, &f))
            json_array_append_new(c->running, job_resource(j, false));
    if (f.wants[0])
        parked_each(c->bq->parked, c->vars[0], add_parked,
                    &(struct finished){c, &f});
    call_continue(c, list_all);
}
