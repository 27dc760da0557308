/* SPDX-License-Identifier: Apache-2.0 */
/* Load jobs whose data comes along: multipart in one request, or resumable in
 * several. All on the loop; the bytes are in a file already. */
#include <stdio.h>

#include "common/mem.h"
#include "common/rand.h"
#include "emulator/bigquery/bigquery_priv.h"
#include "emulator/bigquery/handlers.h"
#include "emulator/bigquery/upload.h"

enum {
    SESSIONS_MAX = 256, /* then the oldest go */
    JSON_MAX = 1 << 20
};

struct upload_session {
    struct upload_session *next; /* younger ones first */
    char id[40];
    char *project;
    char *config;
    struct upload_body *body; /* NULL: nothing came yet */
};

static void session_free(struct upload_session *s)
{
    upload_body_free(s->body);
    mem_free(s->config);
    mem_free(s->project);
    mem_free(s);
}

void uploads_clear(struct bigquery *bq)
{
    while (bq->uploads) {
        struct upload_session *next = bq->uploads->next;

        session_free(bq->uploads);
        bq->uploads = next;
    }
}

/* --- multipart ------------------------------------------------------------ */

/* boundary=X or boundary="X" of multipart/related. */
static struct str boundary_of(struct str type)
{
    const char *at = memmem(type.p, type.len, "boundary=", 9);
    struct str rest;

    if (!at)
        return STR_NULL;
    rest = str_of(at + 9, type.len - (size_t)(at + 9 - type.p));
    rest = str_trim(str_cut(&rest, ';'));
    if (rest.len >= 2 && (rest.p[0] == '"' || rest.p[0] == '\''))
        rest = str_of(rest.p + 1, rest.len - 2);
    return rest;
}

/* Behind the blank line of a part's head. */
static const char *behind_head(struct str part)
{
    const char *crlf = memmem(part.p, part.len, "\r\n\r\n", 4);
    const char *lf = memmem(part.p, part.len, "\n\n", 2);

    if (crlf && (!lf || crlf < lf))
        return crlf + 4;
    return lf ? lf + 2 : NULL;
}

/* The last delimiter: searched from the end, data may be long. */
static const char *last_delimiter(struct str all, struct str mark)
{
    for (size_t i = all.len; i >= mark.len; i--)
        if (memcmp(all.p + i - mark.len, mark.p, mark.len) == 0)
            return all.p + i - mark.len;
    return NULL;
}

struct parts {
    struct str json, data;
};

static bool split(struct str all, struct str boundary, struct parts *out)
{
    char mark[256];
    struct str m = str_of(mark, boundary.len + 2);
    const char *first, *second, *last, *head, *end;

    if (!boundary.p || !boundary.len || m.len > sizeof(mark))
        return false;
    memcpy(mark, "--", 2);
    memcpy(mark + 2, boundary.p, boundary.len);
    first = memmem(all.p, all.len, m.p, m.len);
    if (!first)
        return false;
    head = behind_head(str_of(first, all.len - (size_t)(first - all.p)));
    if (!head)
        return false;
    second = memmem(head, all.len - (size_t)(head - all.p), m.p, m.len);
    last = last_delimiter(all, m);
    if (!second || !last || last <= second)
        return false;
    out->json = str_of(head, (size_t)(second - head));
    head = behind_head(str_of(second, all.len - (size_t)(second - all.p)));
    if (!head || head > last)
        return false;
    end = last;
    if (end > head && end[-1] == '\n')
        end--;
    if (end > head && end[-1] == '\r')
        end--;
    out->data = str_of(head, (size_t)(end - head));
    return true;
}

static json_t *parse(struct call *c, struct str text)
{
    json_error_t why;
    json_t *body =
        text.len > JSON_MAX ? NULL : json_loadb(text.p, text.len, 0, &why);

    if (json_is_object(body))
        return body;
    json_decref(body);
    call_fail(c, "parseError",
              "Invalid JSON payload received: the upload's first part must be "
              "the job's object");
    return NULL;
}

static void multipart(struct call *c)
{
    struct str all = upload_body_bytes(c->upload, &c->fail);
    struct upload_body *body = c->upload;
    struct parts parts;
    json_t *job = NULL;

    if (all.p && !split(all, boundary_of(c->content_type), &parts))
        call_fail(c, "badRequest",
                  "Malformed multipart body: two parts are wanted, the job "
                  "and its data");
    else if (all.p)
        job = parse(c, parts.json);
    if (!job) {
        call_finish(c);
        return;
    }
    c->upload = NULL; /* the job's now */
    jobs_start(c, job,
               &(struct job_data){body, (size_t)(parts.data.p - all.p),
                                  parts.data.len});
    json_decref(job);
}

/* --- resumable ------------------------------------------------------------ */

static void forget_oldest(struct bigquery *bq)
{
    struct upload_session **at = &bq->uploads;

    for (int n = 0; *at && n < SESSIONS_MAX; n++)
        at = &(*at)->next;
    while (*at) {
        struct upload_session *next = (*at)->next;

        session_free(*at);
        *at = next;
    }
}

static void begin(struct call *c)
{
    struct upload_session *s = MEM_NEW(struct upload_session);
    struct str text = upload_body_bytes(c->upload, &c->fail);
    uint64_t random[2];
    char *where;

    rand_bytes(random, sizeof(random));
    snprintf(s->id, sizeof(s->id), "%016llx%016llx",
             (unsigned long long)random[0], (unsigned long long)random[1]);
    s->project = mem_strdup(c->vars[0].p);
    s->config = mem_strndup(text.p ? text.p : "", text.p ? text.len : 0);
    s->next = c->bq->uploads;
    c->bq->uploads = s;
    forget_oldest(c->bq);
    where = mem_printf("http://%.*s/upload/bigquery/v2/projects/%s/jobs?"
                       "uploadType=resumable&upload_id=%s",
                       (int)(c->host.p ? c->host.len : 9),
                       c->host.p ? c->host.p : "127.0.0.1", s->project, s->id);
    buf_reserve(&c->text, strlen(where) + 1);
    c->extra[0] = STR("location");
    c->extra[1] = str_of(c->text.data + c->text.len, strlen(where));
    buf_puts(&c->text, where);
    c->extra[2] = STR("x-guploader-uploadid");
    c->extra[3] = str_from(s->id);
    mem_free(where);
    call_reply(c, 200);
    call_finish(c);
}

static struct upload_session *find(struct call *c)
{
    struct str id = call_param(c, "upload_id");

    for (struct upload_session *s = c->bq->uploads; s; s = s->next)
        if (str_eq(str_from(s->id), id))
            return s;
    call_fail(c, "notFound", "Not found: Upload %.*s",
              (int)(id.len > 40 ? 40 : id.len), id.p ? id.p : "");
    return NULL;
}

/* "bytes 0-99/200", "bytes 0-99/x", "bytes x/200", where x is a star. -1:
 * not told. False: none of these. */
static bool read_range(struct str text, int64_t *first, int64_t *total)
{
    struct str rest = text, range, a;

    *first = *total = -1;
    if (!text.p)
        return true;
    if (!str_starts(text, STR("bytes ")))
        return false;
    rest = str_of(text.p + 6, text.len - 6);
    range = str_cut(&rest, '/');
    if (rest.p && !str_eq(rest, STR("*")) && !str_to_i64(rest, total))
        return false;
    if (str_eq(range, STR("*")))
        return true;
    a = str_cut(&range, '-');
    return range.p && str_to_i64(a, first);
}

static void more_wanted(struct call *c, size_t have)
{
    char text[48];

    if (have) {
        snprintf(text, sizeof(text), "bytes=0-%zu", have - 1);
        c->extra[0] = STR("range");
        buf_reserve(&c->text, strlen(text) + 1);
        c->extra[1] = str_of(c->text.data + c->text.len, strlen(text));
        buf_puts(&c->text, text);
    }
    call_reply(c, 308);
    call_finish(c);
}

static bool append(struct call *c, struct upload_session *s)
{
    struct str chunk;

    if (!s->body) {
        s->body = c->upload;
        c->upload = NULL;
        return true;
    }
    chunk = upload_body_bytes(c->upload, &c->fail);
    return chunk.p && upload_body_add(s->body, chunk, &c->fail);
}

static void finish(struct call *c, struct upload_session *s)
{
    struct upload_session **at = &c->bq->uploads;
    json_t *job = parse(c, str_from(s->config));

    while (*at && *at != s)
        at = &(*at)->next;
    if (*at)
        *at = s->next;
    if (job) {
        jobs_start(c, job,
                   &(struct job_data){s->body, 0, upload_body_len(s->body)});
        s->body = NULL;
        json_decref(job);
    } else {
        call_finish(c);
    }
    session_free(s);
}

void uploads_put(struct call *c)
{
    struct upload_session *s = find(c);
    size_t have = s && s->body ? upload_body_len(s->body) : 0;
    int64_t first, total;

    if (s && !read_range(c->content_range, &first, &total))
        call_fail(c, "badRequest", "Malformed Content-Range");
    else if (s && first >= 0 && (size_t)first != have)
        call_fail(c, "badRequest",
                  "The upload has %zu bytes: go on there, not at %lld", have,
                  (long long)first);
    if (!s || c->fail.reason) {
        call_finish(c);
        return;
    }
    if (upload_body_len(c->upload) && !append(c, s)) {
        call_finish(c);
        return;
    }
    if (!s->body)
        s->body = upload_body_new(c->bq->e->state_dir, &c->fail);
    have = s->body ? upload_body_len(s->body) : 0;
    if (!s->body)
        call_finish(c);
    else if (!c->content_range.p || (total >= 0 && (size_t)total == have))
        finish(c, s);
    else
        more_wanted(c, have);
}

void uploads_post(struct call *c)
{
    struct str type = call_param(c, "uploadType");

    if (call_param(c, "upload_id").len)
        uploads_put(c);
    else if (str_eq(type, STR("resumable")))
        begin(c);
    else if (!type.p || str_eq(type, STR("multipart")))
        multipart(c);
    else {
        call_fail(c, "badRequest",
                  "Invalid upload type: multipart and resumable are known");
        call_finish(c);
    }
}
