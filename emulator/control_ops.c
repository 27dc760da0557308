/* SPDX-License-Identifier: Apache-2.0 */
/* What the control API does: reset, save, load, clock, faults, requests. */
#include <jansson.h>
#include <stdio.h>

#include "common/buf.h"
#include "common/mem.h"
#include "common/timefmt.h"
#include "emulator/archive.h"
#include "emulator/clock.h"
#include "emulator/clock_keep.h"
#include "emulator/control.h"
#include "emulator/faults.h"
#include "emulator/requests.h"
#include "http/http.h"

enum {
    ANSWER_MAX = 16 << 20,
    FOLLOW_PENDING = 1 << 20, /* who reads too slowly misses lines */
    REQUESTS_DEFAULT = 100
};
#define ARCHIVE_MAX ((size_t)4 << 30)

/* What a request that is answered later keeps as its user. */
struct pending {
    bool follows;
    struct http_req *req; /* NULL: closed */
    struct requests *requests;
    struct requests_watch watch;
};

static struct pending *pending_new(struct shell *s, struct http_req *req,
                                   bool follows)
{
    struct pending *p = MEM_NEW(struct pending);

    p->follows = follows;
    p->req = req;
    p->requests = s->e.requests;
    http_req_set_user(req, p);
    return p;
}

void control_closed(struct http_req *req)
{
    struct pending *p = http_req_user(req);

    if (!p)
        return;
    if (!p->follows) {
        p->req = NULL; /* freed by what it waits for */
        return;
    }
    requests_unwatch(p->requests, &p->watch);
    mem_free(p);
}

static bool query(struct http_req *req, const char *wanted, struct buf *scratch,
                  struct str *out)
{
    struct str rest = http_req_query(req), name, value;
    int rc;

    while (http_query_next(&rest, scratch, &name, &value, &rc))
        if (str_eq(name, str_from(wanted))) {
            *out = value;
            return true;
        }
    return false;
}

static bool is_one_of(struct str name, const char *const *names)
{
    while (*names && !str_eq(name, str_from(*names)))
        names++;
    return *names != NULL;
}

/* Has the request no parameter but these (NULL behind the last)? False:
 * answered. What a slip of the pen would do else is not what was meant. */
static bool has_only(struct http_req *req, const char *const *names)
{
    struct str rest = http_req_query(req), name, value;
    struct buf scratch;
    struct err err;
    int rc = RC_OK;
    bool ok = true;

    buf_init(&scratch, 4096);
    while (ok && http_query_next(&rest, &scratch, &name, &value, &rc)) {
        ok = is_one_of(name, names);
        if (!ok)
            err_set(&err, RC_INVALID, "there is no parameter '%.*s' here",
                    (int)(name.len > 40 ? 40 : name.len), name.p);
    }
    if (ok && rc) {
        ok = false;
        err_set(&err, RC_INVALID, "the query is malformed");
    }
    buf_fini(&scratch);
    if (!ok)
        control_error(req, 400, err.text);
    return ok;
}

/* --- reset ---------------------------------------------------------------- */

static void on_reset(void *arg, int rc, const char *text)
{
    struct pending *p = arg;

    if (p->req) {
        http_req_set_user(p->req, NULL);
        if (rc)
            control_error(p->req, 500, text);
        else
            control_done(p->req);
    }
    mem_free(p);
}

void control_reset(struct shell *s, struct http_req *req)
{
    static const char *const known[] = {"service", NULL};
    struct str service = STR_NULL, body = str_trim(http_req_body(req));
    struct err err = {0};
    struct pending *p;
    struct buf scratch;

    if (!has_only(req, known))
        return;
    if (body.len && !str_eq(body, STR("{}"))) {
        control_error(req, 400,
                      "reset takes no body: ?service=NAME empties one service");
        return;
    }
    p = pending_new(s, req, false);
    buf_init(&scratch, 4096);
    if (query(req, "service", &scratch, &service) && !service.len)
        service = STR(""); /* named, and none: not all */
    if (state_reset(s, service, on_reset, p, &err)) {
        http_req_set_user(req, NULL);
        mem_free(p);
        control_error(req, 404, err.text);
    }
    buf_fini(&scratch);
}

/* --- save and load -------------------------------------------------------- */

/* The name of a member other than "path", or NULL. */
static const char *other_member(json_t *root)
{
    const char *name;
    json_t *value;

    json_object_foreach(root, name, value)
    {
        if (strcmp(name, "path") != 0)
            return name;
    }
    return NULL;
}

/* The file that {"path":...} names; false: answered. `*path` NULL without a
 * member of that name. */
static bool named_path(struct shell *s, struct http_req *req, char **path)
{
    struct str body = http_req_body(req);
    json_t *root = json_loadb(body.p, body.len, JSON_REJECT_DUPLICATES, NULL);
    const json_t *member = json_object_get(root, "path");
    const char *name = json_string_value(member), *other = other_member(root);
    const char *why = NULL;
    struct err err;

    *path = NULL;
    if (other) {
        err_set(&err, RC_INVALID,
                "there is no member '%.40s' here: path is all there is", other);
        why = err.text;
    } else if (body.len && !json_is_object(root))
        why = "the body is neither an archive nor {\"path\":...}";
    else if (member && (!name || !archive_name_ok(str_from(name))))
        why = "path: a plain relative path inside the state folder is wanted";
    else if (name && !s->e.state_dir)
        why = "path: there is no state folder (start with --state)";
    else if (name)
        *path = mem_printf("%s/%s", s->e.state_dir, name);
    json_decref(root);
    if (why)
        control_error(req, 400, why);
    return !why;
}

void control_save(struct shell *s, struct http_req *req)
{
    static const char *const none[] = {NULL};
    struct http_field type = {STR("content-type"),
                              STR("application/octet-stream")};
    struct err err = {0};
    struct buf archive;
    char *path;
    int rc;

    if (!has_only(req, none) || !named_path(s, req, &path))
        return;
    buf_init(&archive, ARCHIVE_MAX);
    rc = state_save(s, &archive, &err);
    if (rc == RC_OK && path)
        rc = archive_write(path, buf_as_str(&archive), &err);
    if (rc)
        control_error(req, rc_http_status(rc), err.text);
    else if (path)
        control_done(req);
    else
        http_reply(req, 200, &type, 1, buf_as_str(&archive));
    buf_fini(&archive);
    mem_free(path);
}

void control_load(struct shell *s, struct http_req *req)
{
    static const char *const none[] = {NULL};
    struct str body = http_req_body(req);
    struct err err = {0};
    struct buf file;
    char *path = NULL;
    int rc = RC_OK;

    if (!has_only(req, none))
        return;
    buf_init(&file, ARCHIVE_MAX);
    if (!archive_is(body)) {
        if (!named_path(s, req, &path))
            return;
        if (!path) {
            control_error(req, 400, "an archive, or {\"path\":...}, is wanted");
            return;
        }
        rc = archive_read(path, &file, &err);
        body = buf_as_str(&file);
    }
    if (rc == RC_OK)
        rc = state_load(s, body, &err);
    if (rc)
        control_error(req, rc_http_status(rc), err.text);
    else
        control_done(req);
    buf_fini(&file);
    mem_free(path);
}

/* --- clock ---------------------------------------------------------------- */

void control_clock_get(struct shell *s, struct http_req *req)
{
    struct vclock *c = s->e.clock;
    char now[TIMEFMT_MAX];
    size_t len = timefmt_format_z(now, vclock_now_us(c));
    struct buf json;

    buf_init(&json, ANSWER_MAX);
    buf_printf(&json, "{\"now\":\"%.*s\",\"frozen\":%s,\"offset_ms\":%lld}\n",
               (int)len, now, vclock_is_frozen(c) ? "true" : "false",
               (long long)(vclock_offset_us(c) / 1000));
    control_buf(req, &json);
}

/* Applies all members or, when one is wrong, none. */
static const char *apply_clock(struct vclock *c, json_t *root)
{
    const json_t *now = json_object_get(root, "now");
    const json_t *advance = json_object_get(root, "advance_ms");
    const json_t *frozen = json_object_get(root, "frozen");
    size_t known = !!now + !!advance + !!frozen;
    int64_t us = vclock_now_us(c), by_us = 0;

    if (!json_is_object(root) || !known || known != json_object_size(root))
        return "now, advance_ms and frozen are what a clock takes";
    if (frozen && !json_is_boolean(frozen))
        return "frozen: true or false is wanted";
    if (now && (!json_is_string(now) ||
                timefmt_parse(str_from(json_string_value(now)), &us, NULL)))
        return "now: an RFC 3339 time is wanted";
    if (advance &&
        (!json_is_integer(advance) ||
         __builtin_mul_overflow(json_integer_value(advance), 1000, &by_us) ||
         __builtin_add_overflow(us, by_us, &us)))
        return "advance_ms: an integer is wanted";
    /* frozen first, so that the time asked for is the one shown */
    if ((now || advance) && json_is_true(frozen) && !vclock_is_frozen(c)) {
        vclock_freeze(c, true);
        if (vclock_set(c, us) == RC_OK)
            return NULL;
        vclock_freeze(c, false);
        return "the time is beyond the years 1 to 9999";
    }
    if ((now || advance) && vclock_set(c, us))
        return "the time is beyond the years 1 to 9999";
    if (frozen)
        vclock_freeze(c, json_is_true(frozen));
    return NULL;
}

/* Answers with it once a restart will know it, too. */
static void keep_clock(struct shell *s, struct http_req *req)
{
    struct err why, err = {0};
    int rc = clock_keep(s->e.clock, s->e.state_dir, &why);

    if (rc) {
        err_set(&err, rc, "moved, but a restart would not know it: %s",
                why.text);
        control_error(req, rc_http_status(rc), err.text);
    } else {
        control_clock_get(s, req);
    }
}

void control_clock_put(struct shell *s, struct http_req *req)
{
    struct str body = http_req_body(req);
    json_t *root = json_loadb(body.p, body.len, JSON_REJECT_DUPLICATES, NULL);
    const char *why = apply_clock(s->e.clock, root);

    json_decref(root);
    if (why)
        control_error(req, 400, why);
    else
        keep_clock(s, req);
}

void control_clock_delete(struct shell *s, struct http_req *req)
{
    vclock_reset(s->e.clock);
    keep_clock(s, req);
}

/* --- faults --------------------------------------------------------------- */

void control_faults_get(struct shell *s, struct http_req *req)
{
    struct buf json;

    buf_init(&json, ANSWER_MAX);
    faults_render_json(s->e.faults, &json);
    control_buf(req, &json);
}

void control_faults_put(struct shell *s, struct http_req *req)
{
    struct err err = {0};

    if (faults_set_json(s->e.faults, http_req_body(req), &err))
        control_error(req, 400, err.text);
    else
        control_faults_get(s, req);
}

void control_faults_delete(struct shell *s, struct http_req *req)
{
    faults_clear(s->e.faults);
    control_faults_get(s, req);
}

/* --- requests ------------------------------------------------------------- */

static void on_note(struct requests_watch *watch, struct str line)
{
    struct pending *p = LOOP_OWNER(watch, struct pending, watch);

    if (http_stream_pending(p->req) > FOLLOW_PENDING)
        return;
    http_stream_write(p->req, line.p, line.len);
    http_stream_write(p->req, "\n", 1);
}

static void follow(struct shell *s, struct http_req *req)
{
    struct http_field fields[] = {
        {STR("content-type"), STR("application/x-ndjson")},
        {STR("cache-control"), STR("no-store")}};
    struct pending *p = pending_new(s, req, true);

    p->watch.noted = on_note;
    requests_watch(s->e.requests, &p->watch);
    http_stream_start(req, 200, fields, 2);
}

void control_requests(struct shell *s, struct http_req *req)
{
    static const char *const known[] = {"limit", "follow", NULL};
    struct buf json, scratch;
    struct str value;
    uint64_t limit = REQUESTS_DEFAULT;
    bool follows, bad;

    if (!has_only(req, known))
        return;
    buf_init(&scratch, 4096);
    follows = query(req, "follow", &scratch, &value);
    bad = query(req, "limit", &scratch, &value) && !str_to_u64(value, &limit);
    buf_fini(&scratch);
    if (bad) {
        control_error(req, 400, "limit: a number is wanted");
        return;
    }
    if (follows) {
        follow(s, req);
        return;
    }
    buf_init(&json, ANSWER_MAX);
    requests_render_json(s->e.requests, (size_t)limit, &json);
    control_buf(req, &json);
}
