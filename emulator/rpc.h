/* SPDX-License-Identifier: Apache-2.0 */
/* One table of methods, two transports: unary RPCs over gRPC and over REST
 * (Google's transcoding) on the same port.
 *
 * A service gives rows; rpc.c answers both transports, decodes and encodes,
 * asks the fault table, notes each call in the request ring, and answers
 * `GET /` with "Ok" and CORS preflights as Google's emulator does. Streaming
 * methods are plain rows of grpc.h beside it.
 * Threads: loop-confined. */
#ifndef EMULATOR_RPC_H
#define EMULATOR_RPC_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/str.h"
#include "grpc/grpc.h"

struct emulator;
struct rpc;
struct rpc_call;

enum {
    RPC_MAX_BINDINGS = 6
};

struct rpc_method {
    const char *path; /* "/google.pubsub.v1.Publisher/Publish" */
    const ProtobufCMessageDescriptor *input, *output;
    /* A hot path: over gRPC the input is not unpacked. `in` is NULL then, the
     * method reads rpc_call_raw. Its field 1 must be the resource's name. */
    bool raw;
    /* Runs the call. It is answered exactly once, here or later, by rpc_reply
     * or rpc_fail; the call and `in` live until then, also when the client
     * has gone (the answer is then dropped). */
    void (*run)(struct rpc_call *call, ProtobufCMessage *in, void *service);
    /* Path of the input's field that names the resource ("topic",
     * "topic.name"), for faults and the request ring. */
    const char *resource;
    /* google.api.http in one line each: METHOD TEMPLATE [body=FIELD|*], e.g.
     * "POST /v1/{parent=P}/schemas body=schema" (where P is "projects" and a
     * star). Fields that neither path nor body carries come from the query.
     * The first row of the table that fits counts. */
    const char *rest[RPC_MAX_BINDINGS];
};

/* Tables are borrowed. `streams` (may be NULL) are served as they are, their
 * callbacks get `service` as app. `max_message` bounds one request. */
struct rpc *rpc_new(struct emulator *emulator, const char *service_name,
                    void *service, const struct rpc_method *methods,
                    size_t n_methods, const struct grpc_method *streams,
                    size_t n_streams, size_t max_message);
void rpc_free(struct rpc *rpc);
/* For http_server_new; `rpc` is its app_arg. */
extern const struct http_app rpc_http_app;
/* What its grpc.health.v1 answers; `end` also ends those who watch. */
void rpc_set_serving(struct rpc *rpc, bool serving, bool end);
/* Told of each unary call's end: its method, the resource it named, which need
 * not exist, its status. `ended` gets the service. */
void rpc_on_ended(struct rpc *rpc,
                  void (*ended)(void *service, const struct rpc_method *method,
                                struct str resource, enum grpc_status status));
/* Calls that were begun and not answered yet. */
size_t rpc_n_open(const struct rpc *rpc);
/* Runs the method registered as `path` as if a client had called it, for the
 * console and at start: `json` in, `done` with status and JSON out (an error's
 * text when status is not OK), exactly once and never before this returns.
 * RC_NOT_FOUND, RC_INVALID (`err`): not begun, `done` is not called. */
RC_MUST_USE int rpc_run_json(struct rpc *rpc, const char *path, struct str json,
                             void (*done)(void *arg, enum grpc_status status,
                                          struct str text),
                             void *arg, struct err *err);

/* Ends the call with a message of the method's output type; borrowed. */
void rpc_reply(struct rpc_call *call, const ProtobufCMessage *out);
/* The same with bytes that are ready: the encoded message for gRPC, JSON text
 * for REST (see rpc_call_is_rest). For hot paths. */
void rpc_reply_bytes(struct rpc_call *call, struct str bytes);
/* Ends it with a status. google.rpc details, in this order; may be 0. */
void rpc_fail(struct rpc_call *call, enum grpc_status status, const char *fmt,
              ...) __attribute__((format(printf, 3, 4)));
/* One detail of google.rpc (ErrorInfo, BadRequest) for the rpc_fail that
 * follows; encoded at once, borrowed. */
void rpc_fail_detail(struct rpc_call *call, const ProtobufCMessage *detail);

bool rpc_call_is_rest(const struct rpc_call *call);
/* The fault table says: do it twice. */
bool rpc_call_is_doubled(const struct rpc_call *call);
/* The input as it came; empty over REST. Valid during `run` only. */
struct str rpc_call_raw(const struct rpc_call *call);
/* When the client will have lost patience, monotonic; INT64_MAX: never told. */
int64_t rpc_call_deadline_us(const struct rpc_call *call);
/* Called at most once, when client or deadline ends the call before its
 * answer: a reason to answer soon, with anything. */
void rpc_call_on_cancel(struct rpc_call *call,
                        void (*gone)(struct rpc_call *call, void *user),
                        void *user);
/* The client will send no more, and most likely reads no more either: what a
 * late answer would hand out is better kept. */
bool rpc_call_peer_is_done(const struct rpc_call *call);
/* A field of the request's head (metadata) by its lower-case name; p == NULL if
 * absent or the client has gone. Valid until the call is answered. */
struct str rpc_call_field(const struct rpc_call *call, struct str name);
/* How many messages, rows or ids it was about, for the request ring. */
void rpc_call_count(struct rpc_call *call, uint64_t n);
/* The loop's monotonic time at its first byte. */
int64_t rpc_call_start_us(const struct rpc_call *call);

#endif
