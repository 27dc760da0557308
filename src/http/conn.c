/* SPDX-License-Identifier: Apache-2.0 */
/* A connection: its socket, its output, its time-outs, its end. What the
 * bytes mean is decided in h1_conn.c and h2.c. */
#include "http/conn.h"
#include "http/h2.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/mem.h"

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

enum {
    PREFACE_LEN = sizeof(preface) - 1,
    N_IOV = 16,
    /* HTTP/2 input is left alone while so much output waits, so that a peer
     * that only asks and never reads cannot fill our memory. */
    READ_STOP = 262144
};

/* --- output --------------------------------------------------------------- */

size_t conn_pending(const struct conn *c)
{
    return c->out.len + (c->hl->batch_conn == c ? c->hl->batch_len : 0);
}

/* One send; returns bytes taken, or -1 with errno. */
static ssize_t send_some(struct conn *c, const char *batch, size_t batch_len)
{
    struct iovec iov[N_IOV];
    struct msghdr msg = {.msg_iov = iov};
    int n = 0;

    if (c->out.len == 0)
        return send(c->fd, batch, batch_len, MSG_NOSIGNAL);
    if (batch_len)
        iov[n++] = (struct iovec){(void *)batch, batch_len};
    n += outq_iov(&c->out, iov + n, N_IOV - n);
    msg.msg_iovlen = (size_t)n;
    return sendmsg(c->fd, &msg, MSG_NOSIGNAL);
}

static void flush(struct conn *c)
{
    struct http_loop *hl = c->hl;
    size_t at = 0, len = hl->batch_conn == c ? hl->batch_len : 0;

    while (!c->dead && !c->blocked && len - at + c->out.len > 0) {
        size_t from_batch;
        ssize_t n = send_some(c, hl->batch + at, len - at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            c->blocked = true;
            event_add(&c->ev_write, NULL);
            break;
        }
        if (n < 0) {
            conn_kill(c);
            break;
        }
        c->sent += (uint64_t)n;
        hl->counters.bytes_out += (uint64_t)n;
        from_batch = (size_t)n < len - at ? (size_t)n : len - at;
        at += from_batch;
        outq_consume(&c->out, (size_t)n - from_batch);
    }
    if (hl->batch_conn == c)
        hl->batch_len = 0;
    if (!c->dead && len > at &&
        !outq_prepend(&c->out, hl->batch + at, len - at))
        conn_kill(c);
}

char *conn_reserve(struct conn *c, size_t len)
{
    struct http_loop *hl = c->hl;
    char *room;

    if (hl->batch_conn == c && c->out.len == 0 && len <= HTTP_BATCH) {
        if (hl->batch_len + len > HTTP_BATCH)
            flush(c);
        if (c->dead)
            return NULL;
        if (c->out.len == 0)
            return hl->batch + hl->batch_len;
    }
    room = c->dead ? NULL : outq_reserve(&c->out, len);
    if (!room)
        conn_kill(c);
    return room;
}

void conn_commit(struct conn *c, size_t len)
{
    struct http_loop *hl = c->hl;

    c->queued += len;
    if (hl->batch_conn == c && c->out.len == 0 && !c->out.first) {
        hl->batch_len += len;
        return;
    }
    outq_commit(&c->out, len);
    conn_touch(c);
}

void conn_write(struct conn *c, const void *p, size_t len)
{
    char *room = len ? conn_reserve(c, len) : NULL;

    if (!room)
        return;
    memcpy(room, p, len);
    conn_commit(c, len);
}

void conn_write_prepared(struct conn *c, struct http_prepared *p)
{
    struct str body = http_prepared_body(p);

    if (body.len <= HTTP_BATCH / 4) {
        conn_write(c, body.p, body.len);
        return;
    }
    if (c->dead)
        return;
    if (!outq_append_prepared(&c->out, p)) {
        conn_kill(c);
        return;
    }
    c->queued += body.len;
    conn_touch(c);
}

/* --- the end of requests and connections ---------------------------------- */

void conn_done(struct conn *c, struct http_req *req)
{
    req->end_at = c->queued;
    req->next = NULL;
    if (c->done_last)
        c->done_last->next = req;
    else
        c->done_first = req;
    c->done_last = req;
}

static void reap(struct conn *c)
{
    while (c->done_first && (c->dead || c->done_first->end_at <= c->sent)) {
        struct http_req *req = c->done_first;
        c->done_first = req->next;
        if (!c->done_first)
            c->done_last = NULL;
        req_close(req);
    }
}

void conn_touch(struct conn *c)
{
    struct http_loop *hl = c->hl;

    if (c->dirty || (hl->batch_conn == c && !c->dead))
        return;
    c->dirty = true;
    c->dirty_next = NULL;
    if (hl->dirty_last)
        hl->dirty_last->dirty_next = c;
    else
        hl->dirty_first = c;
    hl->dirty_last = c;
    if (!hl->in_service)
        event_active(hl->service_event, EV_TIMEOUT, 0);
}

void conn_kill(struct conn *c)
{
    if (c->dead)
        return;
    c->dead = true;
    event_del(&c->ev_read);
    event_del(&c->ev_write);
    deadline_leave(&c->deadline);
    close(c->fd);
    c->fd = -1;
    conn_touch(c);
}

void conn_cut(struct conn *c)
{
    flush(c);
    conn_kill(c);
}

static void destroy(struct conn *c)
{
    struct http_loop *hl = c->hl;

    reap(c);
    if (c->h1.req) {
        struct http_req *req = c->h1.req;
        c->h1.req = NULL;
        req_close(req);
    }
    if (c->h2)
        h2_free(c);
    outq_clear(&c->out);
    buf_fini(&c->in);
    if (c->prev)
        c->prev->next = c->next;
    else
        hl->conns = c->next;
    if (c->next)
        c->next->prev = c->prev;
    if (c->refused) {
        hl->n_refused--;
    } else {
        hl->counters.open--;
        hl->counters.closed++;
    }
    mem_free(c);
}

void conn_finish(struct conn *c, bool linger)
{
    if (!linger || c->eof) {
        conn_kill(c);
        return;
    }
    shutdown(c->fd, SHUT_WR);
    c->proto = PROTO_LINGER;
    buf_fini(&c->in);
    deadline_set(&c->hl->deadlines, &c->deadline, DEADLINE_LINGER,
                 c->hl->now_us);
}

/* --- work ----------------------------------------------------------------- */

static bool wants_read(const struct conn *c)
{
    if (c->eof)
        return false;
    switch (c->proto) {
    case PROTO_H1:
        return h1_wants_read(c);
    case PROTO_H2:
        return c->out.len < READ_STOP;
    default:
        return true;
    }
}

static void set_deadline(struct conn *c)
{
    struct deadlines *all = &c->hl->deadlines;

    if (c->proto == PROTO_LINGER)
        return;
    if (c->out.len) {
        if (c->deadline.class != DEADLINE_WRITE || c->sent != c->sent_mark)
            deadline_set(all, &c->deadline, DEADLINE_WRITE, c->hl->now_us);
        c->sent_mark = c->sent;
    } else if (c->proto == PROTO_H2) {
        h2_set_deadline(c);
    } else {
        h1_set_deadline(c);
    }
}

static void on_expire(struct deadline *d, enum deadline_class class)
{
    struct conn *c = LOOP_OWNER(d, struct conn, deadline);

    conn_begin(c);
    if (class != DEADLINE_IDLE && class != DEADLINE_LINGER)
        c->hl->counters.timeouts++;
    if (class == DEADLINE_WRITE || class == DEADLINE_LINGER)
        conn_kill(c);
    else if (c->proto == PROTO_H2)
        h2_expired(c, class);
    else
        h1_expired(c, class);
    conn_end(c);
}

void conn_begin(struct conn *c)
{
    c->hl->now_us = loop_now_us(c->hl->loop);
    c->hl->batch_conn = c;
    c->hl->batch_len = 0;
}

void conn_end(struct conn *c)
{
    struct http_loop *hl = c->hl;
    bool reading;

    if (c->proto == PROTO_H2 && !c->dead)
        h2_output(c);
    flush(c);
    hl->batch_conn = NULL;
    reap(c);
    if (c->dead) {
        conn_touch(c);
        return;
    }
    if (c->proto == PROTO_H2)
        h2_settle(c);
    else if (c->proto != PROTO_LINGER)
        h1_settle(c);
    if (c->dead)
        return;
    set_deadline(c);
    reading = wants_read(c);
    if (reading != c->reading) {
        c->reading = reading;
        if (reading)
            event_add(&c->ev_read, NULL);
        else
            event_del(&c->ev_read);
    }
}

/* Which protocol is it? Decided by the first byte that differs from the
 * preface, or by its last. */
static void sniff(struct conn *c, const char *p, size_t len)
{
    size_t n = len < PREFACE_LEN ? len : PREFACE_LEN;

    if (memcmp(p, preface, n) != 0) {
        c->proto = PROTO_H1;
    } else if (len >= PREFACE_LEN) {
        c->proto = PROTO_H2;
        if (!h2_start(c))
            conn_kill(c);
    }
}

static size_t input(struct conn *c, const char *p, size_t len)
{
    if (c->proto == PROTO_SNIFF && len)
        sniff(c, p, len);
    if (c->dead)
        return len;
    switch (c->proto) {
    case PROTO_H1:
        return h1_input(c, p, len);
    case PROTO_H2:
        return h2_input(c, p, len);
    case PROTO_LINGER:
        return len;
    default:
        return 0;
    }
}

static void take_input(struct conn *c)
{
    buf_consume(&c->in, input(c, c->in.data, c->in.len));
    if (c->in.len == 0)
        buf_fini(&c->in);
}

static void on_bytes(struct conn *c, const char *p, size_t len)
{
    c->hl->counters.bytes_in += len;
    if (c->in.len == 0) {
        size_t used = input(c, p, len);
        if (used == len || c->dead)
            return;
        p += used;
        len -= used;
        buf_append(&c->in, p, len);
    } else {
        buf_append(&c->in, p, len);
        if (!c->in.failed)
            take_input(c);
    }
    if (c->in.failed)
        conn_kill(c);
}

void conn_read(struct conn *c)
{
    ssize_t n;

    conn_begin(c);
    do
        n = recv(c->fd, c->hl->recv_buf, HTTP_RECV, 0);
    while (n < 0 && errno == EINTR);
    if (n > 0) {
        on_bytes(c, c->hl->recv_buf, (size_t)n);
    } else if (n == 0) {
        c->eof = true;
        if (c->proto == PROTO_LINGER || c->proto == PROTO_SNIFF)
            conn_kill(c);
    } else if (errno != EAGAIN && errno != EWOULDBLOCK) {
        conn_kill(c);
    }
    conn_end(c);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    conn_read(arg);
}

static void work(struct conn *c)
{
    conn_begin(c);
    if (c->proto == PROTO_H2 && !c->dead)
        h2_output(c);
    flush(c);
    if (!c->dead && c->in.len)
        take_input(c);
    conn_end(c);
}

static void on_sendable(evutil_socket_t fd, short what, void *arg)
{
    struct conn *c = arg;

    (void)fd;
    (void)what;
    c->blocked = false;
    work(c);
}

static void service_one(struct conn *c)
{
    if (!c->dead) {
        work(c); /* puts it on the list again if it dies */
        return;
    }
    /* Callbacks of the requests that it closes find it dirty, so nothing puts
     * it on the list again. */
    c->dirty = true;
    destroy(c);
}

void conn_service(struct http_loop *hl)
{
    static const struct timeval soon = {0, 0};
    struct conn *last = hl->dirty_last;
    bool more = last != NULL;

    hl->in_service = true;
    while (more) {
        struct conn *c = hl->dirty_first;

        more = c != last;
        hl->dirty_first = c->dirty_next;
        if (!hl->dirty_first)
            hl->dirty_last = NULL;
        c->dirty = false;
        service_one(c);
    }
    hl->in_service = false;
    /* What these stirred up waits for the next turn, so that one busy
     * connection cannot keep the loop. */
    if (hl->dirty_first)
        event_add(hl->service_event, &soon);
}

static void write_peer(struct conn *c, const struct sockaddr_storage *peer)
{
    const void *address = &((const struct sockaddr_in *)peer)->sin_addr;

    if (peer->ss_family == AF_INET6)
        address = &((const struct sockaddr_in6 *)peer)->sin6_addr;
    if (!inet_ntop(peer->ss_family, address, c->peer, sizeof(c->peer)))
        c->peer[0] = '\0';
}

struct conn *conn_new(struct http_loop *hl, int fd,
                      const struct sockaddr_storage *peer)
{
    struct conn *c = mem_try_alloc(sizeof(*c));

    if (!c)
        return NULL;
    memset(c, 0, sizeof(*c));
    c->hl = hl;
    c->fd = fd;
    c->deadline.expire = on_expire;
    buf_init(&c->in, hl->server->limits.header_bytes + 2 * HTTP_RECV);
    write_peer(c, peer);
    event_assign(&c->ev_read, loop_base(hl->loop), fd, EV_READ | EV_PERSIST,
                 on_readable, c);
    event_assign(&c->ev_write, loop_base(hl->loop), fd, EV_WRITE, on_sendable,
                 c);
    c->next = hl->conns;
    if (c->next)
        c->next->prev = c;
    hl->conns = c;
    c->reading = true;
    event_add(&c->ev_read, NULL);
    deadline_set(&hl->deadlines, &c->deadline, DEADLINE_IDLE, hl->now_us);
    return c;
}
