/* SPDX-License-Identifier: Apache-2.0 */
/* GET /datos/stream: server-sent events, one a new row. A stream is a position
 * in the feed; what a slow reader leaves unread bounds how far it is served,
 * and one that fell off the feed gets `reset` and the newest 10. */
#include <inttypes.h>
#include <stddef.h>

#include "api/accept.h"
#include "api/app.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/mem.h"

enum {
    KEEP_ALIVE_US = 15000000,
    BATCH = 64,
    STREAMS_MAX = 4096, /* a loop's */
    RESET_ROWS = 10
};

struct stream {
    uint64_t at; /* position in the feed */
    bool full;   /* waits for on_writable */
};

static bool send_rows(struct exchange *x, struct row *const *rows, size_t n)
{
    char id[FEED_EVENT_ID];
    struct buf text;
    bool room;

    buf_init(&text, n * (ROW_MAX_BYTES * 6 + 256));
    for (size_t i = 0; i < n; i++) {
        feed_event_id(rows[i], id);
        buf_puts(&text, "id: ");
        buf_puts(&text, id);
        buf_puts(&text, "\ndata: ");
        buf_str(&text, rows[i]->json);
        buf_puts(&text, "\n\n");
    }
    if (text.failed) {
        buf_fini(&text);
        http_abort(x->req, 2); /* INTERNAL_ERROR: the client resumes */
        return false;
    }
    room = text.len == 0 || http_stream_write(x->req, text.data, text.len);
    buf_fini(&text);
    return room;
}

/* The newest 10, oldest first, as if they had just come. */
static bool send_reset(struct exchange *x)
{
    static const char text[] = "event: reset\ndata: {}\n\n";
    struct head_view *v = head_view(x->l->api->head);
    struct row *rows[RESET_ROWS];
    size_t n = v->n < RESET_ROWS ? v->n : RESET_ROWS;
    bool room;

    for (size_t i = 0; i < n; i++)
        rows[i] = v->rows[n - 1 - i];
    http_stream_write(x->req, text, sizeof(text) - 1);
    room = send_rows(x, rows, n);
    head_view_unref(v);
    return room;
}

static void advance(struct exchange *x)
{
    struct stream *s = x->work;
    bool more = true;

    while (more && !s->full) {
        struct row_list rows = {NULL, 0, 0, false};

        if (!feed_read(x->l->api->feed, &s->at, &rows, BATCH))
            s->full = !send_reset(x);
        more = rows.n == BATCH;
        if (rows.n && !send_rows(x, rows.rows, rows.n))
            s->full = true;
        row_list_fini(&rows);
    }
}

static void leave(struct exchange *x)
{
    struct api_loop *l = x->l;

    if (x->prev)
        x->prev->next = x->next;
    else
        l->streams = x->next;
    if (x->next)
        x->next->prev = x->prev;
    x->next = x->prev = NULL;
    l->n_streams--;
    mem_free(x->work);
    x->work = NULL;
    x->abandon = NULL;
}

static void enter(struct exchange *x)
{
    struct api_loop *l = x->l;

    x->work = MEM_NEW(struct stream);
    x->abandon = leave;
    x->prev = NULL;
    x->next = l->streams;
    if (l->streams)
        l->streams->prev = x;
    l->streams = x;
    l->n_streams++;
    if (!loop_timer_is_armed(&l->keep_alive))
        loop_timer_arm(&l->keep_alive, KEEP_ALIVE_US);
}

void get_stream(struct exchange *x)
{
    struct api *api = x->l->api;
    struct str last = http_req_field(x->req, STR("last-event-id"));
    struct http_field fields[16];
    struct stream *s;
    size_t n = 0;
    bool is_known;

    if (!accept_type(http_req_known(x->req, HTTP_H_ACCEPT),
                     STR("text/event-stream"))) {
        reply_problem(x, 406, "only text/event-stream is here", NULL, 0);
        return;
    }
    if (http_req_query(x->req).len) {
        reply_problem(x, 400, "this path takes no parameters", NULL, 0);
        return;
    }
    if (x->l->draining || x->l->n_streams >= STREAMS_MAX) {
        reply_problem(x, 503, "no more streams here; try again soon", NULL, 0);
        return;
    }
    fields[n++] =
        (struct http_field){STR("content-type"), STR("text/event-stream")};
    fields[n++] = (struct http_field){STR("cache-control"), STR("no-store")};
    fields[n++] = (struct http_field){STR("x-accel-buffering"), STR("no")};
    fields[n++] =
        (struct http_field){STR("x-request-id"), str_of(x->id, x->id_len)};
    n += reply_common_fields(fields + n, 16 - n);
    if (http_req_method(x->req) == HTTP_HEAD) {
        /* not http_reply: its length of nothing is not the stream's */
        http_stream_start(x->req, 200, fields, n);
        http_stream_end(x->req, NULL, 0);
        return;
    }
    enter(x);
    s = x->work;
    s->at = feed_end(api->feed);
    is_known = !last.len || feed_find(api->feed, last, &s->at);
    http_stream_start(x->req, 200, fields, n);
    /* the first bytes tell clients and proxies that it is open */
    http_stream_write(x->req, "retry: 1000\n\n", 13);
    if (!is_known)
        s->full = !send_reset(x);
    advance(x);
}

void stream_pump(struct api_loop *l)
{
    struct exchange *x = l->streams;

    while (x) {
        struct exchange *next = x->next;
        advance(x);
        x = next;
    }
}

void stream_post(struct api *api)
{
    for (unsigned i = 0; i < api->n_loops; i++) {
        struct api_loop *l = &api->loops[i];
        if (!atomic_exchange(&l->pump_posted, true))
            loop_post(l->loop, &l->pump);
    }
}

void stream_writable(struct exchange *x)
{
    struct stream *s = x->work;

    if (!s)
        return;
    s->full = false;
    advance(x);
}

void stream_keep_alive(struct loop_timer *t)
{
    struct api_loop *l = LOOP_OWNER(t, struct api_loop, keep_alive);
    struct exchange *x = l->streams;

    while (x) {
        struct exchange *next = x->next;
        struct stream *s = x->work;
        if (!s->full)
            s->full = !http_stream_write(x->req, ": alive\n\n", 9);
        x = next;
    }
    if (l->streams)
        loop_timer_arm(t, KEEP_ALIVE_US);
}

void stream_end_all(struct api_loop *l)
{
    while (l->streams) {
        struct exchange *x = l->streams;
        leave(x);
        http_stream_end(x->req, NULL, 0);
    }
}
