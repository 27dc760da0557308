/* SPDX-License-Identifier: Apache-2.0 */
/* Listeners, the cap on connections, draining, the server's life. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "http/conn.h"
#include "http/h2.h"

enum {
    BACKLOG = 4096,
    ACCEPTS_A_TURN = 64,
    ACCEPT_PAUSE_US = 100000, /* while descriptors or memory are gone */
    REFUSED_MAX = 64          /* open at once to hear their 503 */
};
static const int64_t linger_us = 2 * US_PER_S;

void http_limits_default(struct http_limits *limits)
{
    *limits = (struct http_limits){
        .header_bytes = 16384,
        .body_bytes = 1 << 20,
        .connections = 16384,
        .header_us = 10 * US_PER_S,
        .body_us = 10 * US_PER_S,
        .idle_us = 60 * US_PER_S,
        .write_us = 30 * US_PER_S,
        .h2_streams = 1000,
        .stream_high = 262144,
    };
}

struct http_server *http_server_new(const struct http_app *app,
                                    const struct http_limits *limits)
{
    struct http_server *server = MEM_NEW(struct http_server);
    struct rlimit files;

    server->app = *app;
    server->limits = *limits;
    /* A cap above the soft limit of descriptors would be an idle promise. */
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 &&
        files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    return server;
}

/* --- accepting ------------------------------------------------------------ */

static void take_connection(struct http_loop *hl, int fd,
                            const struct sockaddr_storage *peer)
{
    bool over = hl->counters.open >= hl->server->limits.connections;
    struct conn *c = NULL;

    if (!over || hl->n_refused < REFUSED_MAX)
        c = conn_new(hl, fd, peer);
    if (over || !c)
        hl->counters.refused++;
    if (!c) {
        close(fd);
        return;
    }
    if (!over) {
        hl->counters.accepted++;
        hl->counters.open++;
        return;
    }
    c->refused = true;
    hl->n_refused++;
    c->proto = PROTO_H1;
    conn_begin(c);
    h1_refuse(c, 503, "too many connections");
    conn_end(c);
}

static void on_acceptable(evutil_socket_t fd, short what, void *arg)
{
    struct http_loop *hl = arg;

    (void)what;
    hl->now_us = loop_now_us(hl->loop);
    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        struct sockaddr_storage peer;
        socklen_t len = sizeof(peer);
        int conn = accept4(fd, (struct sockaddr *)&peer, &len,
                           SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (conn >= 0) {
            take_connection(hl, conn, &peer);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
                   errno == ENOBUFS) {
            LOG_W("http: no connection can be accepted: %s; trying again",
                  strerror(errno));
            event_del(hl->listen_event);
            loop_timer_arm(&hl->accept_timer, ACCEPT_PAUSE_US);
            return;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return;
        } /* else this one died in the queue */
    }
}

static void on_accept_timer(struct loop_timer *timer)
{
    struct http_loop *hl = LOOP_OWNER(timer, struct http_loop, accept_timer);

    if (hl->listen_event)
        event_add(hl->listen_event, NULL);
}

/* --- listening ------------------------------------------------------------ */

static bool parse_address(const char *text, uint16_t port,
                          struct sockaddr_storage *out, socklen_t *len)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;

    memset(out, 0, sizeof(*out));
    if (strcmp(text, "localhost") == 0)
        text = "127.0.0.1";
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        *len = sizeof(*v4);
        return true;
    }
    if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        *len = sizeof(*v6);
        return true;
    }
    return false;
}

static int open_socket(const struct sockaddr_storage *address, socklen_t len,
                       bool share)
{
    int one = 1, idle_s = 60, unacked_ms = 60000;
    int fd = socket(address->ss_family,
                    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (share)
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
    /* Accepted sockets inherit these. The last ones find peers that vanished
     * without a word while a stream of theirs is open. */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacked_ms,
               sizeof(unacked_ms));
    if (bind(fd, (const struct sockaddr *)address, len) == 0 &&
        listen(fd, BACKLOG) == 0)
        return fd;
    one = errno;
    close(fd);
    errno = one;
    return -1;
}

/* SO_REUSEPORT lets a second process of the same user join in silently; a
 * probe without it finds out. */
static bool is_taken(const struct sockaddr_storage *address, socklen_t len)
{
    int fd = open_socket(address, len, false);

    if (fd >= 0)
        close(fd);
    return fd < 0 && errno == EADDRINUSE;
}

static int bind_port(struct http_server *server, const char *address,
                     uint16_t port, int *out_fd, struct err *err)
{
    struct sockaddr_storage at;
    socklen_t len;
    int fd;

    if (!parse_address(address, port, &at, &len))
        return err_set(err, RC_INVALID,
                       "cannot listen on '%s': not an IP address", address);
    if (port && !server->loops && is_taken(&at, len))
        return err_set(err, RC_EXISTS,
                       "port %u on %s is taken by another process", port,
                       address);
    fd = open_socket(&at, len, true);
    if (fd < 0)
        return err_set(err, errno == EADDRINUSE ? RC_EXISTS : RC_IO,
                       "cannot listen on %s port %u: %s", address, port,
                       strerror(errno));
    len = sizeof(at);
    getsockname(fd, (struct sockaddr *)&at, &len);
    server->port =
        ntohs(at.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&at)->sin6_port
                                       : ((struct sockaddr_in *)&at)->sin_port);
    *out_fd = fd;
    return RC_OK;
}

static void close_listener(struct http_loop *hl)
{
    if (hl->listen_fd < 0)
        return;
    event_free(hl->listen_event);
    hl->listen_event = NULL;
    close(hl->listen_fd);
    hl->listen_fd = -1;
}

static uint64_t queue_taken(const struct http_loop *hl)
{
    return hl->counters.accepted + hl->counters.refused;
}

/* Ends what is idle, tells what is not. */
static void sweep(struct http_loop *hl)
{
    uint64_t seen = UINT64_MAX;

    hl->sweep = false;
    /* Who is already in the queue was promised an answer. */
    while (hl->listen_fd >= 0 && seen != queue_taken(hl)) {
        seen = queue_taken(hl);
        on_acceptable(hl->listen_fd, EV_READ, hl);
    }
    close_listener(hl);
    for (struct conn *c = hl->conns; c; c = c->next) {
        if (c->dead)
            continue;
        if (c->proto == PROTO_H2)
            h2_drain(c);
        else
            conn_read(c); /* a request may just have come; else it closes */
    }
}

static void on_service(evutil_socket_t fd, short what, void *arg)
{
    struct http_loop *hl = arg;

    (void)fd;
    (void)what;
    if (hl->sweep)
        sweep(hl);
    conn_service(hl);
    if (hl->draining && !hl->conns && hl->drained)
        loop_timer_arm(&hl->drain_timer, 0);
}

static void on_drain_timer(struct loop_timer *timer)
{
    struct http_loop *hl = LOOP_OWNER(timer, struct http_loop, drain_timer);
    void (*drained)(void *arg) = hl->drained;

    for (struct conn *c = hl->conns; c; c = c->next)
        conn_kill(c);
    if (hl->conns || !drained)
        return; /* conn.c arms the timer again when the last is gone */
    hl->drained = NULL;
    drained(hl->drained_arg);
}

int http_server_listen(struct http_server *server, struct loop *loop,
                       const char *address, uint16_t port, void *app_arg,
                       struct err *err)
{
    struct deadlines *all;
    struct http_loop *hl;
    int fd = -1;
    int rc = bind_port(server, address,
                       port || !server->loops ? port : server->port, &fd, err);

    if (rc)
        return rc;
    hl = MEM_NEW(struct http_loop);
    hl->server = server;
    hl->loop = loop;
    hl->app_arg = app_arg;
    hl->batch = mem_alloc(HTTP_BATCH);
    hl->recv_buf = mem_alloc(HTTP_RECV);
    hl->listen_fd = fd;
    hl->listen_event =
        event_new(loop_base(loop), fd, EV_READ | EV_PERSIST, on_acceptable, hl);
    hl->service_event = event_new(loop_base(loop), -1, 0, on_service, hl);
    loop_timer_init(&hl->accept_timer, loop, on_accept_timer);
    loop_timer_init(&hl->drain_timer, loop, on_drain_timer);
    deadlines_init(&hl->deadlines, loop);
    all = &hl->deadlines;
    all->duration_us[DEADLINE_HEADER] = server->limits.header_us;
    all->duration_us[DEADLINE_BODY] = server->limits.body_us;
    all->duration_us[DEADLINE_IDLE] = server->limits.idle_us;
    all->duration_us[DEADLINE_WRITE] = server->limits.write_us;
    all->duration_us[DEADLINE_LINGER] = linger_us;
    event_add(hl->listen_event, NULL);
    hl->next = server->loops;
    server->loops = hl;
    return RC_OK;
}

uint16_t http_server_port(const struct http_server *server)
{
    return server->port;
}

static struct http_loop *find_loop(struct http_server *server,
                                   struct loop *loop)
{
    struct http_loop *hl = server->loops;

    while (hl && hl->loop != loop)
        hl = hl->next;
    return hl;
}

const struct http_counters *http_server_counters(struct http_server *server,
                                                 struct loop *loop)
{
    struct http_loop *hl = find_loop(server, loop);

    return hl ? &hl->counters : NULL;
}

/* --- the end -------------------------------------------------------------- */

void http_server_drain(struct http_server *server, struct loop *loop,
                       int64_t grace_us, void (*done)(void *arg), void *arg)
{
    struct http_loop *hl = find_loop(server, loop);

    if (!hl || hl->draining)
        return;
    hl->draining = true;
    hl->sweep = true;
    hl->drained = done;
    hl->drained_arg = arg;
    loop_timer_arm(&hl->drain_timer, grace_us);
    /* The caller may be within a request: the service event goes on. */
    event_active(hl->service_event, EV_TIMEOUT, 0);
}

void http_server_free(struct http_server *server)
{
    if (!server)
        return;
    while (server->loops) {
        struct http_loop *hl = server->loops;

        server->loops = hl->next;
        hl->drained = NULL;
        close_listener(hl);
        for (struct conn *c = hl->conns; c; c = c->next)
            conn_kill(c);
        while (hl->conns)
            conn_service(hl);
        while (hl->pool) {
            struct http_req *next = hl->pool->next;
            mem_free(hl->pool);
            hl->pool = next;
        }
        loop_timer_fini(&hl->accept_timer);
        loop_timer_fini(&hl->drain_timer);
        deadlines_fini(&hl->deadlines);
        event_free(hl->service_event);
        mem_free(hl->batch);
        mem_free(hl->recv_buf);
        mem_free(hl);
    }
    mem_free(server);
}
