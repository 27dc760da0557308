/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this folder share: server, loop, connection, request.
 *
 * A connection is worked on between conn_begin and conn_end; what it writes
 * then gathers in the loop's batch and leaves in one send(). Work asked for
 * from outside (an answer given later) only marks the connection (conn_touch)
 * and is done by the service event in the same turn of the loop. Connections
 * are freed there and nowhere else, so no callback ever returns into a freed
 * one. */
#ifndef HTTP_CONN_H
#define HTTP_CONN_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <netinet/in.h>

#include "common/buf.h"
#include "common/loop.h"
#include "http/deadline.h"
#include "http/http1.h"
#include "http/outq.h"
#include "http/request.h"

enum {
    HTTP_BATCH = 65536, /* output gathered before a send() */
    HTTP_RECV = 65536,
    DISCARD_MAX = 65536 /* unread body that is swallowed to keep a connection */
};

struct http_server {
    struct http_app app;
    struct http_limits limits;
    struct http_loop *loops;
    uint16_t port;
};

/* The server's part on one loop. */
struct http_loop {
    struct http_loop *next;
    struct http_server *server;
    struct loop *loop;
    void *app_arg;
    struct http_counters counters;
    int listen_fd; /* -1: closed */
    struct event *listen_event;
    struct loop_timer accept_timer; /* while out of descriptors */
    unsigned n_refused;             /* open connections that only hear 503 */
    struct deadlines deadlines;
    struct conn *conns; /* all of them */
    struct event *service_event;
    struct conn *dirty_first, *dirty_last;
    struct http_req *pool; /* free ones */
    unsigned n_pool;
    struct conn *batch_conn; /* being worked on, or NULL */
    char *batch, *recv_buf;
    size_t batch_len;
    int64_t now_us; /* of the current turn */
    int64_t date_until_us;
    char date[48];        /* "date: ...\r\n" */
    bool in_service;      /* the service event is at work */
    bool draining, sweep; /* sweep: the service event is to begin it */
    size_t body_bytes;    /* of whole bodies that we hold */
    struct loop_timer drain_timer;
    void (*drained)(void *arg);
    void *drained_arg;
};

enum conn_proto {
    PROTO_SNIFF,
    PROTO_H1,
    PROTO_H2,
    PROTO_LINGER
};

enum h1_phase {
    H1_HEAD,    /* between requests or within a head; no current request */
    H1_BODY,    /* within the current request's body */
    H1_WAIT,    /* for the current request's answer */
    H1_DISCARD, /* within a body that nobody wants; no current request */
    H1_CLOSE    /* the last answer is queued */
};

struct h1 {
    enum h1_phase phase;
    bool keep_alive; /* after the current request */
    bool linger;     /* input is left: close in a way that the peer reads us */
    bool chunked;
    bool continued; /* 100 was sent or is not awaited */
    struct http1_scan scan;
    struct http1_chunks chunks;
    uint64_t left;   /* of a body with a length; or to be discarded */
    uint64_t n_body; /* bytes of body so far */
    int64_t body_start_us;
    struct http_req *req; /* current */
};

struct h2;

struct conn {
    struct http_loop *hl;
    struct conn *prev, *next; /* of the loop */
    struct conn *dirty_next;
    int fd;
    enum conn_proto proto;
    bool dead;    /* closed; to be freed by the service event */
    bool dirty;   /* on the service list */
    bool eof;     /* the peer will send no more */
    bool blocked; /* the kernel's buffer is full; ev_write is added */
    bool reading; /* ev_read is added */
    bool refused; /* over the cap: not counted as open */
    struct deadline deadline;
    uint64_t queued, sent; /* bytes of output, ever */
    uint64_t sent_mark;    /* `sent` when the write deadline began */
    struct outq out;
    struct buf in; /* received, not yet taken */
    /* Answered requests whose bytes still wait; in order of `end_at`. */
    struct http_req *done_first, *done_last;
    struct h1 h1;
    struct h2 *h2;
    struct event ev_read, ev_write;
    char peer[INET6_ADDRSTRLEN];
};

/* --- conn.c ------------------------------------------------------------- */
struct conn *conn_new(struct http_loop *hl, int fd,
                      const struct sockaddr_storage *peer);
void conn_begin(struct conn *c);
void conn_end(struct conn *c);
/* Has the service event look at it. */
void conn_touch(struct conn *c);
/* Closes it now; its requests are closed by the service event. */
void conn_kill(struct conn *c);
/* The same, what is queued being tried once more. */
void conn_cut(struct conn *c);
/* Sends what is queued, then closes; with `linger` in a way that a peer which
 * still sends can read it. */
void conn_finish(struct conn *c, bool linger);
/* Reads and works as if the socket were readable. */
void conn_read(struct conn *c);
void conn_service(struct http_loop *hl);
/* Output. Reserve gives room for `len` bytes or NULL (the connection is then
 * dead). */
char *conn_reserve(struct conn *c, size_t len);
void conn_commit(struct conn *c, size_t len);
void conn_write(struct conn *c, const void *p, size_t len);
void conn_write_prepared(struct conn *c, struct http_prepared *p);
size_t conn_pending(const struct conn *c);
/* The answer of `req` is queued whole: on_close when it was sent. */
void conn_done(struct conn *c, struct http_req *req);

/* --- h1_conn.c ---------------------------------------------------------- */
/* Takes what it can of p[0..len); returns how much. */
size_t h1_input(struct conn *c, const char *p, size_t len);
/* After a flush: closes or lingers if it is time. */
void h1_settle(struct conn *c);
bool h1_wants_read(const struct conn *c);
void h1_set_deadline(struct conn *c);
void h1_expired(struct conn *c, enum deadline_class class);
void h1_refuse(struct conn *c, int status, const char *detail);
void h1_reply(struct http_req *req, int status, struct http_prepared *prepared,
              const struct http_field *fields, size_t n, struct str body);
void h1_stream_start(struct http_req *req, int status,
                     const struct http_field *fields, size_t n);
void h1_stream_write(struct http_req *req, const void *p, size_t len);
void h1_stream_end(struct http_req *req);

#endif
