/* SPDX-License-Identifier: Apache-2.0 */
/* What server.c (the way in) and call.c (the way out) share. */
#ifndef GRPC_GRPC_PRIV_H
#define GRPC_GRPC_PRIV_H

#include "common/buf.h"
#include "grpc/frame.h"
#include "grpc/grpc.h"

struct grpc_gzip;

struct grpc_server {
    /* open addressing; a power of two of slots, NULL: empty */
    const struct grpc_method **table;
    size_t n_table;
    size_t max_message;
    struct grpc_gzip *gzip;
    struct buf scratch;     /* encoding; given back when it grew large */
    struct buf unzipped;    /* one decompressed message */
    size_t held;            /* bytes of incomplete messages in all calls */
    struct grpc_call *pool; /* by `next` */
    unsigned n_pool;
};

struct grpc_call {
    struct grpc_server *server;
    struct grpc_call *next;
    struct http_req *req;
    const struct grpc_method *method;
    void *app, *user;
    int64_t deadline_us;
    size_t held;    /* this call's part of server->held */
    bool zipped_in; /* grpc-encoding: gzip */
    bool zip_out;   /* the client compresses and reads gzip */
    bool started;   /* headers are sent */
    bool finished;  /* the status is sent, or cannot be */
    bool paused;
    bool keep;        /* the method took the message in hand */
    bool half_closed; /* on_half_close was called */
    bool ended;       /* the client's end came (perhaps while paused) */
    bool has_timer, has_kick;
    struct grpc_frames frames;
    struct buf rest;         /* what came and was not looked at while paused */
    struct loop_timer timer; /* deadline */
    struct loop_timer kick;  /* goes on after a resume */
};

/* --- call.c --------------------------------------------------------------- */
/* Ends a call that is not finished. */
void grpc_fail(struct grpc_call *call, enum grpc_status status, const char *fmt,
               ...) __attribute__((format(printf, 3, 4)));
/* Trailers-only, for requests without a call. */
void grpc_refuse(struct http_req *req, enum grpc_status status,
                 const char *text);

/* --- server.c ------------------------------------------------------------- */
/* Hands over what waits, after a resume. */
void grpc_go_on(struct grpc_call *call);

#endif
