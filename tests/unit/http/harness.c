/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/loop.h"
#include "common/mem.h"

enum {
    MAX_LOOPS = 4
};

struct worker {
    struct harness *harness;
    struct loop *loop;
    pthread_t thread;
    struct loop_task drain_task;
    int64_t grace_us;
};

struct harness {
    struct http_server *server;
    struct http_prepared *hello;
    struct harness_stats stats;
    struct worker workers[MAX_LOOPS];
    unsigned n_workers;
};

/* A request's own state, for the routes that need one. */
struct job {
    struct http_req *req;
    struct loop_timer timer;
    uint64_t left;
    bool is_mirror, is_sink, is_slow, timed, has_answered;
};

static void write_stream(struct job *job)
{
    static const char block[8192] = {'s', 't'};

    while (job->left) {
        size_t n =
            job->left < sizeof(block) ? (size_t)job->left : sizeof(block);
        job->left -= n;
        if (!http_stream_write(job->req, block, n) && job->left)
            return;
    }
    http_stream_end(job->req, NULL, 0);
}

static void on_timer(struct loop_timer *timer)
{
    struct job *job = LOOP_OWNER(timer, struct job, timer);

    if (job->is_slow) {
        http_req_resume(job->req);
    } else if (!job->has_answered) {
        job->has_answered = true;
        http_reply(job->req, 200, NULL, 0, STR("later"));
    }
}

static struct job *job_new(struct http_req *req)
{
    struct job *job = MEM_NEW(struct job);

    job->req = req;
    http_req_set_user(req, job);
    loop_timer_init(&job->timer, http_req_loop(req), on_timer);
    return job;
}

static bool is_path(const struct http_req *req, struct str path)
{
    return str_eq(http_req_path(req), path);
}

static enum http_body_mode on_head(struct http_req *req, void *app)
{
    struct worker *w = app;

    w->harness->stats.heads++;
    if (is_path(req, STR("/head-403")))
        http_reply(req, 403, NULL, 0, STR("no"));
    if (is_path(req, STR("/tiny")))
        http_req_limit_body(req, 4);
    return is_path(req, STR("/sink")) || is_path(req, STR("/slow-sink")) ||
                   is_path(req, STR("/mirror"))
               ? HTTP_BODY_STREAM
               : HTTP_BODY_WHOLE;
}

static void reply_fields(struct http_req *req)
{
    struct buf out;

    buf_init(&out, 65536);
    buf_printf(&out, "method=%.*s\n", STR_ARG(http_req_method_name(req)));
    buf_printf(&out, "target=%.*s\n", STR_ARG(http_req_target(req)));
    buf_printf(&out, "path=%.*s\n", STR_ARG(http_req_path(req)));
    buf_printf(&out, "query=%.*s\n", STR_ARG(http_req_query(req)));
    buf_printf(&out, "host=%.*s\n", STR_ARG(http_req_known(req, HTTP_H_HOST)));
    buf_printf(&out, "accept=%.*s\n",
               STR_ARG(http_req_known(req, HTTP_H_ACCEPT)));
    buf_printf(&out, "cookie=%.*s\n",
               STR_ARG(http_req_field(req, STR("cookie"))));
    buf_printf(&out, "peer=%.*s\n", STR_ARG(http_req_peer(req)));
    buf_printf(&out, "absent=%d\n", !http_req_field(req, STR("nope")).p);
    http_reply(req, 200, NULL, 0, buf_as_str(&out));
    buf_fini(&out);
}

static void start_job(struct http_req *req, struct worker *w)
{
    struct job *job = job_new(req);

    (void)w;
    if (is_path(req, STR("/later"))) {
        job->timed = true;
        loop_timer_arm(&job->timer, 20000);
    } else if (is_path(req, STR("/stream"))) {
        job->left = strtoull(http_req_query(req).p + 6, NULL, 10);
        http_stream_start(req, 200, NULL, 0);
        write_stream(job);
    } else if (is_path(req, STR("/mirror"))) {
        job->is_mirror = true;
        http_stream_start(req, 200, NULL, 0);
    } else if (is_path(req, STR("/sink")) || is_path(req, STR("/slow-sink"))) {
        job->is_sink = true;
        job->is_slow = is_path(req, STR("/slow-sink"));
    } /* else /never */
}

static void on_request(struct http_req *req, void *app)
{
    struct worker *w = app;
    struct http_field trailer = {STR("grpc-status"), STR("0")};
    struct http_field evil = {STR("x"), STR("a\r\nset-cookie: b")};
    struct http_field etag = {STR("etag"), STR("\"1\"")};

    if (is_path(req, STR("/hello"))) {
        http_reply_prepared(req, w->harness->hello, 0, NULL, 0);
    } else if (is_path(req, STR("/304"))) {
        http_reply_prepared(req, w->harness->hello, 304, &etag, 1);
    } else if (is_path(req, STR("/echo")) || is_path(req, STR("/tiny"))) {
        http_reply(req, 200, NULL, 0, http_req_body(req));
    } else if (is_path(req, STR("/fields"))) {
        reply_fields(req);
    } else if (is_path(req, STR("/204"))) {
        http_reply(req, 204, NULL, 0, STR("dropped"));
    } else if (is_path(req, STR("/evil"))) {
        http_reply(req, 200, &evil, 1, STR("ok"));
    } else if (is_path(req, STR("/abort"))) {
        http_abort(req, 8);
    } else if (is_path(req, STR("/half"))) {
        http_stream_start(req, 200, NULL, 0);
        http_stream_write(req, "half", 4);
        http_abort(req, 2);
    } else if (is_path(req, STR("/twice"))) {
        http_reply(req, 200, NULL, 0, STR("one"));
        http_reply(req, 200, NULL, 0, STR("two"));
    } else if (is_path(req, STR("/trailers"))) {
        http_stream_start(req, 200, NULL, 0);
        http_stream_write(req, "data", 4);
        http_stream_end(req, &trailer, 1);
    } else {
        start_job(req, w);
    }
}

static void on_data(struct http_req *req, struct str data, void *app)
{
    struct worker *w = app;
    struct job *job = http_req_user(req);

    w->harness->stats.sunk += (long long)data.len;
    if (job->is_mirror)
        http_stream_write(req, data.p, data.len);
    if (job->is_slow) {
        http_req_pause(req);
        loop_timer_arm(&job->timer, 1000);
    }
}

static void on_end(struct http_req *req, void *app)
{
    struct worker *w = app;
    struct job *job = http_req_user(req);

    w->harness->stats.ends++;
    if (job->is_mirror)
        http_stream_end(req, NULL, 0);
    else
        http_reply(req, 200, NULL, 0, STR("sunk"));
}

static void on_writable(struct http_req *req, void *app)
{
    (void)app;
    write_stream(http_req_user(req));
}

static void on_close(struct http_req *req, int status, void *app)
{
    struct worker *w = app;
    struct job *job = http_req_user(req);

    if (job) {
        loop_timer_fini(&job->timer);
        mem_free(job);
    }
    w->harness->stats.unanswered += status == 0;
    w->harness->stats.closes++;
}

static void render_error(int status, const char *detail, struct buf *type,
                         struct buf *body)
{
    buf_puts(type, "text/plain");
    buf_printf(body, "%d %s", status, detail);
}

static const struct http_app app = {
    on_head, on_request, on_data, on_end, on_writable, on_close, render_error};

static void *run(void *arg)
{
    struct worker *w = arg;

    loop_run(w->loop);
    return NULL;
}

struct harness *harness_start(unsigned n_loops,
                              const struct http_limits *limits)
{
    struct harness *h = MEM_NEW(struct harness);
    struct http_field type = {STR("content-type"), STR("text/plain")};
    struct http_limits defaults;
    struct err err;

    http_limits_default(&defaults);
    h->server = http_server_new(&app, limits ? limits : &defaults);
    h->hello = http_prepared_new(200, &type, 1, STR("hello"));
    h->n_workers = n_loops;
    for (unsigned i = 0; i < n_loops; i++) {
        struct worker *w = &h->workers[i];
        w->harness = h;
        w->loop = loop_new();
        ck_assert_int_eq(
            http_server_listen(h->server, w->loop, "127.0.0.1", 0, w, &err), 0);
    }
    for (unsigned i = 0; i < n_loops; i++)
        pthread_create(&h->workers[i].thread, NULL, run, &h->workers[i]);
    return h;
}

void harness_stop(struct harness *h)
{
    for (unsigned i = 0; i < h->n_workers; i++) {
        loop_stop(h->workers[i].loop);
        pthread_join(h->workers[i].thread, NULL);
    }
    http_server_free(h->server);
    for (unsigned i = 0; i < h->n_workers; i++)
        loop_free(h->workers[i].loop);
    http_prepared_unref(h->hello);
    ck_assert_int_eq(h->stats.heads, h->stats.closes);
    mem_free(h);
}

uint16_t harness_port(const struct harness *h)
{
    return http_server_port(h->server);
}

struct harness_stats *harness_stats(struct harness *h)
{
    return &h->stats;
}

static void on_drained(void *arg)
{
    struct harness *h = arg;

    h->stats.drained++;
}

static void drain(struct loop_task *task)
{
    struct worker *w = LOOP_OWNER(task, struct worker, drain_task);

    http_server_drain(w->harness->server, w->loop, w->grace_us, on_drained,
                      w->harness);
}

void harness_drain(struct harness *h, int64_t grace_us)
{
    for (unsigned i = 0; i < h->n_workers; i++) {
        struct worker *w = &h->workers[i];
        w->grace_us = grace_us;
        w->drain_task.run = drain;
        loop_post(w->loop, &w->drain_task);
    }
}

void harness_wait(atomic_int *what, int n)
{
    int64_t until_us = clock_mono_us() + 30 * US_PER_S;

    while (atomic_load(what) < n && clock_mono_us() < until_us)
        poll(NULL, 0, 1);
    ck_assert_int_ge(atomic_load(what), n);
}

/* --- client --------------------------------------------------------------- */

int client_connect(const struct harness *h)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons(harness_port(h)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval limit = {5, 0};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    return fd;
}

void client_send_bytes(int fd, const void *p, size_t len)
{
    while (len) {
        ssize_t n = send(fd, p, len, MSG_NOSIGNAL);
        if (n <= 0)
            return; /* the server may have had enough; reads will tell */
        p = (const char *)p + n;
        len -= (size_t)n;
    }
}

void client_send(int fd, const char *text)
{
    client_send_bytes(fd, text, strlen(text));
}

char *client_read(int fd, size_t len, size_t *got)
{
    size_t cap = len < 65536 ? len : 65536, at = 0;
    char *out = mem_alloc(cap + 1);

    while (at < len) {
        ssize_t n;

        if (at == cap) {
            cap = cap * 2 < len ? cap * 2 : len;
            out = mem_realloc(out, cap + 1);
        }
        n = recv(fd, out + at, cap - at, 0);
        if (n <= 0)
            break;
        at += (size_t)n;
    }
    out[at] = '\0';
    if (got)
        *got = at;
    return out;
}

char *client_talk(const struct harness *h, const char *text)
{
    int fd = client_connect(h);
    char *out;

    client_send(fd, text);
    shutdown(fd, SHUT_WR);
    out = client_read(fd, 1 << 20, NULL);
    close(fd);
    return out;
}

char *client_read_head(int fd)
{
    char *out = mem_alloc(16384);
    size_t at = 0;

    while (at < 16383 && recv(fd, out + at, 1, 0) == 1) {
        at++;
        if (at >= 4 && memcmp(out + at - 4, "\r\n\r\n", 4) == 0)
            break;
    }
    out[at] = '\0';
    return out;
}

bool client_sees_close(int fd)
{
    char c;
    ssize_t n = recv(fd, &c, 1, 0);

    return n == 0 || (n < 0 && errno == ECONNRESET);
}
