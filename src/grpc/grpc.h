/* SPDX-License-Identifier: Apache-2.0 */
/* A gRPC server over http/: framing, compression, deadlines, statuses and
 * trailers (grpc/grpc doc/PROTOCOL-HTTP2.md). Messages are protobuf-c's, or
 * raw bytes for those who encode by themselves on a hot path.
 *
 * Threads: a call lives on its loop. */
#ifndef GRPC_GRPC_H
#define GRPC_GRPC_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/loop.h"
#include "common/str.h"
#include "http/http.h"

enum grpc_status {
#define STATUS(name, http) GRPC_##name,
#include "grpc/status.def"
#undef STATUS
    GRPC_N_STATUS
};
const char *grpc_status_name(enum grpc_status status); /* NOT_FOUND */
int grpc_status_http(enum grpc_status status);         /* google.rpc's map */

struct grpc_call;

struct grpc_method {
    const char *path; /* "/google.pubsub.v1.Publisher/Publish" */
    /* Unary input is handed to on_message once, then on_half_close. NULL:
     * the message is handed over as raw bytes only. */
    const ProtobufCMessageDescriptor *input;
    bool client_streams; /* several messages in; else exactly one is demanded */
    /* `message` is freed by the server after the call returns unless the
     * method calls grpc_call_keep_message. `raw` are its bytes. */
    void (*on_message)(struct grpc_call *call, ProtobufCMessage *message,
                       struct str raw, void *app);
    /* The client has no more to say. NULL for unary methods. */
    void (*on_half_close)(struct grpc_call *call, void *app);
    /* The output queue has room again. May be NULL. */
    void (*on_writable)(struct grpc_call *call, void *app);
    /* Last call for this grpc_call, exactly once, however it ends. May be
     * NULL. */
    void (*on_close)(struct grpc_call *call, void *app);
};

struct grpc_server;

/* `methods` is borrowed; paths are looked up by hash. `max_message` bounds
 * one received message after decompression (RESOURCE_EXHAUSTED beyond). */
struct grpc_server *grpc_server_new(const struct grpc_method *methods,
                                    size_t n_methods, size_t max_message);
void grpc_server_free(struct grpc_server *server);

/* The bridge to http_app: is this a gRPC request (POST, HTTP/2, content-type
 * application/grpc[+proto])? Then forward each http_app callback of it. */
bool grpc_is_call(const struct http_req *req);
void grpc_on_request(struct grpc_server *server, struct http_req *req,
                     void *app);
void grpc_on_data(struct grpc_server *server, struct http_req *req,
                  struct str data);
void grpc_on_end(struct grpc_server *server, struct http_req *req);
void grpc_on_writable(struct grpc_server *server, struct http_req *req);
void grpc_on_close(struct grpc_server *server, struct http_req *req,
                   int status);

const struct grpc_method *grpc_call_method(const struct grpc_call *call);
struct http_req *grpc_call_request(struct grpc_call *call);
struct loop *grpc_call_loop(struct grpc_call *call);
void grpc_call_set_user(struct grpc_call *call, void *user);
void *grpc_call_user(const struct grpc_call *call);
/* Monotonic microseconds, INT64_MAX without one. The server answers
 * DEADLINE_EXCEEDED by itself when it passes. */
int64_t grpc_call_deadline_us(const struct grpc_call *call);
/* The method keeps `message` and frees it with
 * protobuf_c_message_free_unpacked. */
void grpc_call_keep_message(struct grpc_call *call);
/* Flow control: stop and go on handing messages over. */
void grpc_call_pause(struct grpc_call *call);
void grpc_call_resume(struct grpc_call *call);

/* Sends a message; gzip when the client asked for it and it pays. False:
 * queued, but the queue is full (see on_writable). */
bool grpc_send(struct grpc_call *call, const ProtobufCMessage *message);
bool grpc_send_raw(struct grpc_call *call, struct str bytes);
size_t grpc_pending(const struct grpc_call *call);
/* Ends the call. `details` (may be NULL): bytes of a google.rpc.Status for
 * grpc-status-details-bin. */
void grpc_finish(struct grpc_call *call, enum grpc_status status,
                 const char *message, const struct str *details);
/* grpc_send and grpc_finish(GRPC_OK). */
void grpc_reply(struct grpc_call *call, const ProtobufCMessage *message);

#endif
